"""The live path through the real sound system: a clip of an unheard speaker played into a microphone, the right word on
a real window, its latency measured from capture to paint; silence; a microphone that goes and comes back."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from models import checkpoint
from models.emotion.samples import held_out_clips
from models.resources import resource

JOURNEY = Path(__file__).with_name("live_journey.py")


@pytest.fixture(scope="module")
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


def journey(display, sound_server, tmp_path, *steps):
    """Run the window in a process of its own; returns what it told, a dict a line."""
    import json

    environment = {**os.environ, **sound_server.environment, "DISPLAY": display, "QT_QPA_PLATFORM": "xcb"}
    environment |= {"POLYPHONY_HOME": str(tmp_path / "home")}
    process = subprocess.Popen(
        [sys.executable, str(JOURNEY), *map(str, steps)],
        env=environment,
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
    )
    told = []
    for line in process.stdout:
        if not line.startswith("{"):
            continue
        told.append(json.loads(line))
        if told[-1].get("want") == "pull out":
            sound_server.pull_out()
        elif told[-1].get("want") == "put back":
            sound_server.put_back()
    assert process.wait(60) == 0
    return told


@pytest.fixture(scope="module")
def clips():
    """An angry and a sad clip of speakers that the bundled model did not learn from."""
    info = checkpoint.read_info(resource("checkpoints", "emotion"), "emotion")
    found = held_out_clips(info)
    assert found
    return {
        word: next(clip for clip in found if clip.stem[5] == letter)
        for word, letter in (("angry", "W"), ("sad", "T"))
    }


def test_the_right_word_in_time_and_silence_is_no_speech(display, sound_server, tmp_path, clips):
    told = journey(display, sound_server, tmp_path, "silence", clips["angry"], clips["sad"], "silence")
    words = [step["words"] for step in told if "words" in step]
    assert set(words[0]) == {"no speech"}
    assert "angry" in words[1]
    assert max(words[1], key=lambda word: words[1][word] * (word != "no speech")) == "angry"
    assert max(words[2], key=lambda word: words[2][word] * (word != "no speech")) == "sad"
    assert "no speech" in words[3]
    end = told[-1]
    latencies = np.array(end["latencies_s"])
    assert len(latencies) > 10
    assert (latencies > 0).all()  # nothing is shown before it was said
    assert end["threads"] == []
    print(
        f"latency: median {np.median(latencies):.3f} s, p95 {np.percentile(latencies, 95):.3f} s, skipped {end['skipped']}"
    )


def test_the_microphone_goes_and_comes_back(display, sound_server, tmp_path, clips):
    started = time.monotonic()
    told = journey(display, sound_server, tmp_path, "silence", "lose", clips["angry"])
    states = [step["state"] for step in told if "state" in step]
    assert states[:2] == ["listening", "lost"]
    assert states.count("listening") >= 2
    words = [step["words"] for step in told if "words" in step]
    assert "angry" in words[-1]
    assert time.monotonic() - started < 200
