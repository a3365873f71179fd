"""For tests of the real window with real sound: a sound server of their own, and PortAudio that finds it."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.desktop.sound_server import SoundServer

if not sys.platform.startswith("linux"):
    collect_ignore_glob = ["test_*.py"]  # PulseAudio and Xvfb are there on Linux only

# Before anything imports sounddevice: PortAudio and ALSA read it once.
_server = SoundServer()
atexit.register(_server.stop)
os.environ.update(_server.environment)
os.environ.setdefault(
    "QT_QPA_PLATFORM", "offscreen"
)  # of this process; real windows have a process of their own


def pytest_collection_modifyitems(items):
    """Everything here is marked ``desktop``."""
    here = os.path.dirname(__file__)
    for item in items:
        if str(item.path).startswith(here):
            item.add_marker(pytest.mark.desktop)


@pytest.fixture(scope="session")
def running_sound_server():
    try:
        _server.start()
        yield _server
    finally:
        _server.stop()


@pytest.fixture
def sound_server(running_sound_server):
    """The sound server, its microphone plugged in also when a test before pulled it out."""
    running_sound_server.put_back()
    return running_sound_server


@pytest.fixture(scope="session")
def speech_file(tmp_path_factory):
    """A few seconds of synthesised speech, 16 kHz."""
    path = tmp_path_factory.mktemp("speech") / "speech.wav"
    words = "The quick brown fox jumps over the lazy dog, and then it goes home to sleep."
    subprocess.run(["espeak-ng", "-w", str(path), words], check=True)
    samples, rate = soundfile.read(path, dtype="float32")
    from models.audio import resample

    soundfile.write(path, np.clip(resample(samples, rate, 16_000), -1, 1), 16_000)
    return path


@pytest.fixture(scope="session")
def display():
    """A screen of our own."""
    if shutil.which("Xvfb") is None:
        pytest.fail("Xvfb is missing: sudo apt-get install xvfb")
    reading, writing = os.pipe()
    process = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1280x800x24", "-nolisten", "tcp"],
        pass_fds=[writing],
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    with os.fdopen(reading) as file:
        number = file.readline().strip()
    yield f":{number}"
    process.terminate()
    process.wait()


@pytest.fixture
def journey(display, sound_server, tmp_path):
    """``journey(script, step…)``: runs the window in a process of its own; what it told, a dict a line."""

    def run(script, *steps):
        environment = {**os.environ, **sound_server.environment, "DISPLAY": display, "QT_QPA_PLATFORM": "xcb"}
        environment |= {"POLYPHONY_HOME": str(tmp_path / "home")}
        process = subprocess.Popen(
            [sys.executable, "-m", f"tests.desktop.{script.stem}", *map(str, steps)],
            env=environment,
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
            stdin=subprocess.PIPE,
            text=True,
        )
        told = []
        try:
            for line in process.stdout:
                if not line.startswith("{"):
                    print(line, end="")  # pytest shows it if the test fails
                    continue
                told.append(json.loads(line))
                if told[-1].get("want") == "pull out":
                    sound_server.pull_out()
                elif told[-1].get("want") == "put back":
                    sound_server.put_back()
            assert process.wait(60) == 0
        finally:
            process.kill()
        return told

    return run
