"""A sound card that is not there: PulseAudio of its own, with a loudspeaker that can be recorded and a microphone into
which sound can be played. PortAudio reaches it through ALSA's pulse plugin, as on a desktop.

    python -m tests.desktop.sound_server -- python -m app        # any command, with such a sound card
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

NEEDED = ("pulseaudio", "pactl", "paplay", "parec")
ALSA_CONFIG = """
</usr/share/alsa/alsa.conf>
pcm.!default { type pulse }
ctl.!default { type pulse }
"""
PR_SET_PDEATHSIG = 1  # of Linux's prctl
MICROPHONE, SPEAKER = "polyphony_microphone", "polyphony_speaker"


class SoundServer:
    """Starts with `start`, ends with `stop`. `environment` is what programs need to find it."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="polyphony-sound-"))
        config = self._folder / "alsa.conf"
        config.write_text(ALSA_CONFIG)
        socket = self._folder / "socket"
        self._socket = socket
        self.environment = {
            "XDG_RUNTIME_DIR": str(self._folder),
            "PULSE_RUNTIME_PATH": str(self._folder),
            "PULSE_SERVER": f"unix:{socket}",
            "PULSE_COOKIE": str(self._folder / "cookie"),
            "ALSA_CONFIG_PATH": str(config),
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        missing = [name for name in NEEDED if shutil.which(name) is None]
        if missing:
            raise RuntimeError(
                f"{', '.join(missing)} missing: sudo apt-get install pulseaudio pulseaudio-utils libasound2-plugins"
            )
        home = self._folder / "home"
        home.mkdir(parents=True, exist_ok=True)
        log = open(self._folder / "log", "wb")  # noqa: SIM115
        self._process = subprocess.Popen(
            [
                "pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--disallow-exit",
                "-L", f"module-native-protocol-unix auth-anonymous=1 socket={self._socket}",
                "-L", f"module-null-sink sink_name={SPEAKER} rate=48000",
                "-L", f"module-null-sink sink_name={MICROPHONE}_sink rate=48000",
            ],
            env={**os.environ, **self.environment, "HOME": str(home)},
            stdout=log,
            stderr=log,
            preexec_fn=_end_with_parent,
        )  # fmt: skip
        log.close()
        deadline = time.monotonic() + 15
        while self._control("info", check=False).returncode != 0:
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("PulseAudio did not start: " + (self._folder / "log").read_text()[-800:])
            time.sleep(0.1)
        self._control("set-default-sink", SPEAKER)
        self.plug_in()

    def stop(self) -> None:
        self._kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def plug_in(self) -> None:
        """The microphone is there."""
        self._control(
            "load-module",
            "module-remap-source",
            f"master={MICROPHONE}_sink.monitor",
            f"source_name={MICROPHONE}",
        )
        self._control("set-default-source", MICROPHONE)

    def pull_out(self) -> None:
        """The sound server dies under whoever listens: every stream breaks, as when a USB microphone is pulled."""
        self._kill()
        self._socket.unlink(missing_ok=True)

    def put_back(self) -> None:
        """It is there again."""
        if self._process is None:
            self.start()

    def play(self, path: Path) -> subprocess.Popen[bytes]:
        """Play a file into the microphone; goes on while the caller does."""
        return subprocess.Popen(
            ["paplay", f"--device={MICROPHONE}_sink", str(path)], env={**os.environ, **self.environment}
        )

    def record_speaker(self, path: Path) -> subprocess.Popen[bytes]:
        """Write what the loudspeaker plays to a WAV file, until it is terminated. Returns when it has begun to."""
        process = subprocess.Popen(
            [
                "parec", f"--device={SPEAKER}.monitor", "--file-format=wav", "--rate=48000", "--channels=1",
                "--latency-msec=50", str(path),
            ],
            env={**os.environ, **self.environment},
        )  # fmt: skip
        deadline = time.monotonic() + 10
        while not path.exists() or path.stat().st_size < 1000:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("parec records nothing")
            time.sleep(0.05)
        return process

    def _kill(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def _control(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            ["pactl", *words], env={**os.environ, **self.environment}, capture_output=True, check=check
        )


def _end_with_parent() -> None:
    """In the child: the kernel ends it when the process that started it is gone, however that went."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def main() -> int:
    command = sys.argv[sys.argv.index("--") + 1 :]
    server = SoundServer()
    try:
        server.start()
        return subprocess.run(command, env={**os.environ, **server.environment}).returncode
    finally:
        server.stop()


if __name__ == "__main__":
    raise SystemExit(main())
