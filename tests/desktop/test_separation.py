"""The lanes of the separation tab through the virtual sound card: what is chosen is what is heard, and a recording made
with the microphone is what was said into it."""

from __future__ import annotations

import asyncio
import subprocess
import threading
import time

import numpy as np
import pytest
import soundfile
from PySide6.QtCore import Qt

from app.audio.outline import outline_of
from app.tabs.base import LEFT_WIDTH
from models.audio import resample
from tests.desktop.test_lane_player import recorded
from tests.desktop.test_microphone import likeness

RATE = 16_000
SECONDS = 4


@pytest.fixture
def services(qapp, tmp_path, monkeypatch):
    """Shared services with a home of their own and a loop inside Qt's; nothing of them stays."""
    from qasync import QEventLoop

    from app import theme
    from app.services import Services

    monkeypatch.setenv("POLYPHONY_HOME", str(tmp_path / "home"))
    theme.apply(qapp, "light")
    loop = QEventLoop(qapp)
    loop._before_run_forever()
    asyncio.events._set_running_loop(loop)
    made = Services()
    yield made
    made.close_workers(2.0)
    made.deleteLater()
    asyncio.events._set_running_loop(None)
    loop._after_run_forever()
    loop.close()


@pytest.fixture(scope="module")
def voices(tmp_path_factory):
    """Two sentences and their sum as files: (paths, sounds)."""
    folder = tmp_path_factory.mktemp("voices")
    sounds = []
    for voice, words in (
        ("en+f3", "Seven silver swans swam silently seaward while I was watching them"),
        ("en+m3", "How much wood would a wood chuck chop if a wood chuck could chop wood"),
    ):
        path = folder / "said.wav"
        subprocess.run(["espeak-ng", "-v", voice, "-w", str(path), words], check=True)
        samples, rate = soundfile.read(path, dtype="float32")
        sound = np.clip(resample(samples, rate, RATE), -1, 1)[: SECONDS * RATE]
        sounds.append(0.6 * np.pad(sound, (0, SECONDS * RATE - len(sound))))
    for name, sound in (("mixture", sounds[0] + sounds[1]), ("one", sounds[0]), ("two", sounds[1])):
        soundfile.write(folder / f"{name}.wav", sound, RATE)
    return [folder / f"{name}.wav" for name in ("mixture", "one", "two")], sounds


@pytest.fixture
def lanes(services, qtbot, voices):
    """The lanes with a mixture and two tracks; a test that leaves one of their threads behind fails."""
    from app.tabs.separation.lanes import Lanes, Sound

    made = Lanes(services)
    qtbot.addWidget(made)
    made.resize(900, 500)
    made.show()
    mixture, *tracks = [Sound(path, outline_of(path), path.stem) for path in voices[0]]
    made.show_sounds(mixture, tracks)
    made.failures = []
    made.failed.connect(made.failures.append)
    yield made
    made.stop()
    assert made.player.wait_closed(8.0)
    assert not made.failures


def test_keys_switch_what_is_heard_at_one_place(qtbot, sound_server, lanes, voices, tmp_path):
    _paths, (first_voice, second_voice) = voices
    recorder = sound_server.record_speaker(tmp_path / "out.wav")
    qtbot.keyClick(lanes, Qt.Key.Key_1)
    qtbot.keyClick(lanes, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: lanes.player.position_s() > 1.6, timeout=20_000)
    qtbot.keyClick(lanes, Qt.Key.Key_2)
    with qtbot.waitSignal(lanes.player.finished, timeout=20_000):
        qtbot.waitUntil(lambda: lanes.player.position_s() > 2.5, timeout=20_000)
        assert lanes.axis.head_s == pytest.approx(lanes.player.position_s(), abs=0.2)
        assert lanes.transport.play.accessibleName() == "Pause"
    heard = recorded(recorder, tmp_path / "out.wav")
    first, begin = likeness(heard, first_voice[: round(1.3 * RATE)])
    second, place = likeness(heard, second_voice[round(2.2 * RATE) :])
    assert first > 0.8
    assert second > 0.8
    assert place - begin == pytest.approx(2.2 * RATE, abs=0.12 * RATE)  # it went on where the other was
    assert lanes.transport.play.accessibleName() == "Play"
    assert clicks(heard, first_voice, second_voice) == 0


def clicks(heard, first_voice, second_voice):
    """How many steps in what was heard are steeper than any in the voices themselves, with room for the sound server."""
    steepest = max(np.abs(np.diff(first_voice)).max(), np.abs(np.diff(second_voice)).max())
    loudest = np.abs(heard).max() / max(np.abs(first_voice).max(), np.abs(second_voice).max())
    return int((np.abs(np.diff(heard)) > 1.8 * steepest * max(1.0, loudest)).sum())


def test_a_chosen_stretch_is_heard_once_or_over_and_over(qtbot, sound_server, lanes, voices, tmp_path):
    _paths, (first_voice, _second_voice) = voices
    qtbot.keyClick(lanes, Qt.Key.Key_1)
    lanes.axis.set_region((1.0, 1.8))
    lanes.transport.loop.setChecked(False)
    recorder = sound_server.record_speaker(tmp_path / "once.wav")
    with qtbot.waitSignal(lanes.player.finished, timeout=20_000):
        qtbot.keyClick(lanes, Qt.Key.Key_Space)
    assert lanes.axis.head_s == pytest.approx(1.0)
    heard = recorded(recorder, tmp_path / "once.wav")
    assert likeness(heard, first_voice[RATE : round(1.8 * RATE)])[0] > 0.8
    assert np.count_nonzero(np.abs(heard) > 0.01) < 1.0 * RATE  # nothing of what comes after it
    recorder = sound_server.record_speaker(tmp_path / "out.wav")
    lanes.transport.loop.setChecked(True)
    qtbot.keyClick(lanes, Qt.Key.Key_Space)
    begun = time.monotonic()
    qtbot.waitUntil(lambda: time.monotonic() > begun + 3.2, timeout=20_000)
    assert 0.95 <= lanes.player.position_s() <= 1.85
    lanes.stop()
    piece = first_voice[RATE : round(1.8 * RATE)]
    assert likeness(recorded(recorder, tmp_path / "out.wav"), np.tile(piece, 3))[0] > 0.8


def test_gain_is_heard(qtbot, sound_server, lanes, voices, tmp_path):
    _paths, (first_voice, _second_voice) = voices
    recorder = sound_server.record_speaker(tmp_path / "out.wav")
    qtbot.keyClick(lanes, Qt.Key.Key_1)
    lanes.lanes[1].gain.setValue(-24)  # −12 dB
    with qtbot.waitSignal(lanes.player.finished, timeout=20_000):
        lanes.toggle_play()
    heard = recorded(recorder, tmp_path / "out.wav")
    assert likeness(heard, first_voice)[0] > 0.8
    assert np.abs(heard).max() == pytest.approx(np.abs(first_voice).max() / 4, rel=0.2)


def test_what_is_said_into_the_microphone_is_recorded(qtbot, services, sound_server, speech_file):
    from app.tabs.separation.record_box import RecordBox

    box = RecordBox(services)
    qtbot.addWidget(box)
    box.show()
    box.list_devices()
    saved, problems = [], []
    box.recorded.connect(saved.append)
    box.failed.connect(problems.append)
    qtbot.mouseClick(box.record, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: box.microphone.state == "listening", timeout=20_000)
    assert sound_server.play(speech_file).wait(60) == 0
    said = time.monotonic()
    qtbot.waitUntil(lambda: time.monotonic() > said + 0.5)
    assert box.elapsed.text()
    assert box.minimumSizeHint().width() <= LEFT_WIDTH - 2 * 16  # the column does not grow while it records
    qtbot.mouseClick(box.record, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(saved), timeout=10_000)
    heard, rate = soundfile.read(saved[0], dtype="float32")
    assert rate == RATE
    speech = soundfile.read(speech_file, dtype="float32")[0]
    assert likeness(heard, speech)[0] > 0.8
    assert not problems
    assert not box.recording
    assert box.microphone.wait_closed(8.0)
    services.close_workers(3.0)
    assert not [item for item in threading.enumerate() if item.name == "microphone"]


def test_nothing_said_is_no_recording(qtbot, services, sound_server, tmp_path):
    from app.audio.recorder import folder
    from app.tabs.separation.record_box import RecordBox

    box = RecordBox(services)
    qtbot.addWidget(box)
    problems = []
    box.failed.connect(problems.append)
    box.toggle()
    box.toggle()  # at once
    assert "Nothing was recorded" in str(problems[0])
    assert not list(folder().iterdir())
    assert box.microphone.wait_closed(8.0)
