"""The microphone: opened, listened to, lost and found again, without ever holding up the window.

PortAudio is spoken to from one thread of its own, because its calls can hang when a device disappears. Its callback
copies what it is given and does nothing else.
"""

from __future__ import annotations

import logging
import queue
import sys
import threading
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, Qt, Signal

from app.audio.ring import Ring
from models.errors import UserError

log = logging.getLogger(__name__)

RATE = 16_000
KEPT_S = 10.0
LOST_AFTER_S = 1.0  # without a callback
LOOK_EVERY_S = 1.0
GRACE_S = 4.0  # a sound server may take seconds before the first block comes
BLOCK_S = 0.02

_portaudio = threading.Lock()  # its functions are not to be called from two threads at once
_streams = 0  # open now; the list of devices can be renewed only while there are none


@dataclass(frozen=True)
class InputDevice:
    """A microphone as PortAudio names it. rate: its own, Hz."""

    name: str
    index: int
    default: bool
    rate: float


class Microphone(QObject):
    """Sound from a chosen device in `ring`, mono, 16 kHz.

    state_changed(state, text): ``opening``, ``listening`` (text: the device's name), ``lost`` (text: why), ``stopped``.
    failed(UserError): it could not be opened at all.
    """

    state_changed = Signal(str, str)
    failed = Signal(object)
    _said = Signal(str, str)
    _broke = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.ring = Ring(KEPT_S, RATE)
        self.device_name = ""
        self.state = "stopped"
        self._session: _Session | None = None
        self._said.connect(self._says, Qt.ConnectionType.QueuedConnection)
        self._broke.connect(self._fails, Qt.ConnectionType.QueuedConnection)

    @staticmethod
    def devices() -> list[InputDevice]:
        """The microphones that there are now. Takes up to a second: call it off the GUI thread. Raises UserError."""
        with _portaudio:
            return _devices(_sounddevice())

    @property
    def hearing(self) -> bool:
        """Whether sound came within the last moments."""
        return self._session is not None and self._session.hearing

    def start(self, name: str | None = None) -> None:
        """Listen to the device of that name (None: the default one). Returns at once; the signals tell what came."""
        self.stop()
        self.ring.clear()
        self.state = "opening"
        self._session = _Session(self, name)
        self._session.start()
        self.state_changed.emit("opening", "")

    def stop(self) -> None:
        """Let go of the device. Returns at once; the thread ends by itself."""
        session, self._session = self._session, None
        if session is not None:
            session.end()
        if self.state != "stopped":
            self.state = "stopped"
            self.state_changed.emit("stopped", "")

    def wait_closed(self, timeout_s: float = 3.0) -> bool:
        """Wait until every thread that was started has let go of its device."""
        deadline = time.monotonic() + timeout_s
        for thread in threading.enumerate():
            if isinstance(thread, _Session):
                thread.join(max(0.0, deadline - time.monotonic()))
        return not any(isinstance(thread, _Session) for thread in threading.enumerate())

    def level_dbfs(self) -> float:
        """Root mean square of the last 50 ms in dB of full scale; −inf in digital silence or when nothing is heard."""
        if not self.hearing:
            return float("-inf")
        samples = self.ring.latest(RATE // 20).samples
        power = float(np.mean(np.square(samples, dtype=np.float64))) if len(samples) else 0.0
        return 10 * np.log10(power) if power > 0 else float("-inf")

    def _says(self, state: str, text: str) -> None:
        if self._session is None:  # it was stopped meanwhile
            return
        self.state = state
        if state == "listening":
            self.device_name = text
        self.state_changed.emit(state, text)

    def _fails(self, error: UserError) -> None:
        if self._session is not None:
            self.stop()
            self.failed.emit(error)


class _Session(threading.Thread):
    """One start to stop: opens the device, moves its sound into the ring, and looks for it when it is gone."""

    def __init__(self, owner: Microphone, name: str | None) -> None:
        super().__init__(name="microphone", daemon=True)
        self._owner, self._name = owner, name
        self._ended = threading.Event()
        self._blocks: queue.SimpleQueue[tuple[np.ndarray, float] | None] = queue.SimpleQueue()
        self._heard = 0.0
        self._gone = False

    @property
    def hearing(self) -> bool:
        return time.monotonic() - self._heard < LOST_AFTER_S

    def end(self) -> None:
        self._ended.set()
        self._blocks.put(None)

    def run(self) -> None:
        ever_open = False
        while not self._ended.is_set():
            try:
                stream, rate, name = self._open()
            except UserError as error:
                if not ever_open:
                    self._tell(self._owner._broke, error)
                    return
                self._ended.wait(LOOK_EVERY_S)
                continue
            ever_open = True
            self._tell(self._owner._said, "listening", name)
            try:
                self._pump(rate)
            finally:
                self._close(stream)
            if not self._ended.is_set():
                self._tell(self._owner._said, "lost", name)
                self._ended.wait(LOOK_EVERY_S)

    def _tell(self, signal: Any, *values: object) -> None:
        try:
            signal.emit(*values)
        except RuntimeError:  # the window is gone
            self._ended.set()

    def _open(self) -> tuple[Any, int, str]:
        """(open stream, its rate, the device's name); raises UserError."""
        global _streams
        with _portaudio:
            sounddevice = _sounddevice()
            found = _devices(sounddevice)
            if not found:
                raise UserError(
                    "No microphone was found.",
                    _no_device_reason(),
                    "Plug one in or allow access, then look again.",
                )
            default = next((one for one in found if one.default), found[0])
            device = next((one for one in found if one.name == self._name), default)
            self._gone = False
            self._heard = time.monotonic() + GRACE_S
            problem: Exception | None = None
            for rate in (RATE, round(device.rate)):
                try:
                    stream = sounddevice.InputStream(
                        samplerate=rate,
                        device=device.index,
                        channels=1,
                        dtype="float32",
                        blocksize=round(rate * BLOCK_S),
                        latency="low",
                        callback=self._callback,
                        finished_callback=self._finished,
                    )
                    stream.start()
                except (sounddevice.PortAudioError, OSError, ValueError) as error:
                    problem = error
                    continue
                _streams += 1
                return stream, rate, device.name
        raise UserError(
            "The microphone {name} could not be opened.",
            "{reason}.",
            "Close other programs that use it, allow access in the system's privacy settings, or choose another.",
            name=device.name,
            reason=str(problem).rstrip("."),
        ) from problem

    def _callback(self, data: np.ndarray, frames: int, times: Any, _status: Any) -> None:
        """PortAudio's thread. The newest sample was captured `frames` after the first, whose time PortAudio tells."""
        now = time.monotonic()
        age = times.currentTime - times.inputBufferAdcTime
        told = (
            0.0 <= age < 2.0
        )  # some systems tell nothing, or nonsense: then the block was complete just now
        end = min(now, now - age + frames * self._sample_s) if told else now
        self._heard = now
        self._blocks.put((data[:, 0].copy(), end))

    _sample_s = 1.0 / RATE

    def _finished(self) -> None:
        self._gone = True
        self._blocks.put(None)

    def _pump(self, rate: int) -> None:
        """Move blocks into the ring until the device falls silent for good or the session ends."""
        import soxr

        self._sample_s = 1.0 / rate
        resampler = (
            soxr.ResampleStream(rate, RATE, 1, dtype="float32", quality="HQ") if rate != RATE else None
        )
        while not self._ended.is_set():
            try:
                block = self._blocks.get(timeout=0.2)
            except queue.Empty:
                block = None
            if block is not None:
                samples, end_time = block
                self._owner.ring.write(
                    samples if resampler is None else resampler.resample_chunk(samples), end_time
                )
            elif self._gone or not self.hearing:
                return

    def _close(self, stream: Any) -> None:
        global _streams
        with _portaudio:
            try:
                stream.abort(ignore_errors=True)
                stream.close(ignore_errors=True)
            except Exception:
                log.exception("closing the microphone")
            _streams -= 1


def _sounddevice() -> Any:
    """The module; it loads PortAudio when imported, so not before it is needed."""
    try:
        import sounddevice
    except OSError as error:
        raise UserError(
            "Sound cannot be used on this machine.",
            "The library PortAudio is missing.",
            "Install it (on Debian and Ubuntu: sudo apt-get install libportaudio2), then start again.",
        ) from error
    return sounddevice


def _devices(sounddevice: Any) -> list[InputDevice]:
    """PortAudio's list, renewed if nothing is open: it notices new devices only then."""
    if _streams == 0:
        sounddevice._terminate()
        sounddevice._initialize()
    try:
        found = sounddevice.query_devices()
        default = sounddevice.default.device[0]
    except sounddevice.PortAudioError as error:
        raise UserError(
            "The sound devices cannot be listed.", "{reason}.", "Look again.", reason=str(error).rstrip(".")
        ) from error
    return [
        InputDevice(str(one["name"]), number, number == default, float(one["default_samplerate"]))
        for number, one in enumerate(found)
        if one["max_input_channels"] > 0
    ]


def _no_device_reason() -> str:
    if sys.platform == "darwin":
        return "None is plugged in, or this program may not use it: System Settings › Privacy & Security › Microphone."
    if sys.platform == "win32":
        return (
            "None is plugged in, or this program may not use it: Settings › Privacy & security › Microphone."
        )
    return "None is plugged in, or the sound server does not run."
