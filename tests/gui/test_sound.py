"""What the microphone's sound goes through before it is seen: the devices, the ring, the recorder."""

from __future__ import annotations

import builtins
import csv
import os
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from app.audio import portaudio
from app.audio.portaudio import InputDevice
from app.audio.recorder import SessionRecorder, recover
from app.audio.ring import HOLE_S, Ring
from models.errors import UserError

RATE = 16_000


def tone(hz: float, seconds: float, height: float = 0.5) -> np.ndarray:
    return (height * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


# The ring -------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 40), max_size=30), st.integers(0, 50))
@settings(deadline=None)
def test_the_ring_holds_the_newest_samples_in_order(lengths, wanted):
    ring, heard = Ring(0.025, 1000), 0  # 25 samples
    for length in lengths:
        ring.write(np.arange(heard, heard + length, dtype=np.float32), (heard + length) / 1000)
        heard += length
    shot = ring.latest(wanted)
    assert shot.end_index == heard
    assert len(shot.samples) == min(wanted, 25, heard)
    assert list(shot.samples) == list(range(heard - len(shot.samples), heard))
    since = ring.since(heard - wanted)
    assert list(since.samples) == list(shot.samples)


def test_capture_times_are_smoothed_and_never_go_back():
    ring, rng = Ring(1.0, RATE), np.random.default_rng(0)
    seen = []
    for i in range(1, 400):
        ring.write(np.zeros(320, np.float32), 100 + 0.02 * i + rng.uniform(-0.01, 0.01))
        seen.append(ring.latest(1).end_time)
    errors = np.array(seen[100:]) - 100 - 0.02 * np.arange(101, 400)
    assert np.abs(errors).max() < 0.004  # of ±10 ms that each single one is off
    assert all(a < b for a, b in pairwise(seen))
    assert ring.time_of(ring.latest(1).end_index - RATE // 2) == pytest.approx(seen[-1] - 0.5)


def test_silence_stands_in_for_what_was_missed():
    ring = Ring(10.0, RATE)
    ring.write(np.ones(RATE, np.float32), 1.0)
    ring.write(np.ones(RATE, np.float32), 5.0)  # three seconds are missing
    shot = ring.latest(5 * RATE)
    assert shot.end_index == 5 * RATE
    assert shot.end_time == pytest.approx(5.0)
    assert not shot.samples[RATE : 4 * RATE].any()
    assert shot.samples[:RATE].all()
    assert shot.samples[4 * RATE :].all()
    ring.write(np.ones(RATE, np.float32), 6.0 + 0.8 * HOLE_S)  # late, but not a hole
    assert ring.latest(1).end_index == 6 * RATE
    ring.write(np.ones(100, np.float32), 10_000.0)  # longer than the ring: memory stays as it is
    assert ring.latest(10**9).samples.shape == (10 * RATE,)
    assert ring.latest(1).end_index == pytest.approx(10_000 * RATE, abs=RATE)


# The recorder ---------------------------------------------------------------------------------------------


def test_a_session_becomes_three_files(tmp_path):
    stem = tmp_path / "my session 1.5"
    recorder = SessionRecorder(stem, RATE, ["angry", "sad"])
    recorder.add_sound(tone(300, 1.0))
    recorder.add_prediction(0.0, 0.5, "sad", np.array([0.25, 0.75]))
    recorder.add_prediction(0.5, 1.0, "sad", np.array([0.4, 0.6]))
    recorder.add_prediction(1.0, 1.5, "", np.array([np.nan, np.nan]))
    assert [
        path for path in tmp_path.iterdir() if not path.name.startswith(".")
    ] == []  # none before all are whole
    files = recorder.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(path.name for path in files)
    assert {path.name for path in files} == {f"my session 1.5{suffix}" for suffix in (".wav", ".csv", ".txt")}
    samples, rate = soundfile.read(files[0], dtype="float32")
    assert rate == RATE
    np.testing.assert_allclose(samples, tone(300, 1.0), atol=1e-4)
    rows = list(csv.DictReader(files[1].read_text("utf-8").splitlines()))
    assert [row["label"] for row in rows] == ["sad", "sad", ""]
    assert float(rows[0]["p_sad"]) == 0.75
    assert rows[2]["p_angry"] == ""
    labels = [line.split("\t") for line in files[2].read_text("utf-8").splitlines()]
    assert labels == [["0.000000", "1.000000", "sad"], ["1.000000", "1.500000", "no speech"]]


def test_the_recording_follows_the_ring_without_loss(tmp_path):
    ring, sound = Ring(2.0, RATE), tone(200, 7.0)
    recorder = SessionRecorder(tmp_path / "s", RATE, [], began=99.5)
    recorder.follow(ring)  # nothing was heard yet
    for i in range(0, len(sound), 320):
        ring.write(sound[i : i + 320], 100 + (i + 320) / RATE)
        if i % (7 * 320) == 0 and not 3 * RATE < i < 6 * RATE:  # three seconds long nobody asked
            recorder.follow(ring)
    recorder.follow(ring)
    written, _ = soundfile.read(recorder.close()[0], dtype="float32")
    assert len(written) == pytest.approx(7.5 * RATE, abs=2)
    assert not written[: RATE // 2 - 2].any()  # from the beginning of the session to the first sample
    start = len(written) - len(sound)
    np.testing.assert_allclose(written[start : start + 14 * RATE // 5], sound[: 14 * RATE // 5], atol=1e-4)
    np.testing.assert_allclose(written[-RATE:], sound[-RATE:], atol=1e-4)  # silence kept it in step


def test_a_recording_that_begins_while_listening_has_nothing_from_before(tmp_path):
    ring, sound = Ring(10.0, RATE), tone(200, 5.0)
    ring.write(sound[: 3 * RATE], 103.0)
    recorder = SessionRecorder(tmp_path / "s", RATE, [], began=102.0)
    recorder.follow(ring)
    ring.write(sound[3 * RATE :], 105.0)
    recorder.follow(ring)
    written, _ = soundfile.read(recorder.close()[0], dtype="float32")
    assert len(written) == pytest.approx(3 * RATE, abs=2)
    np.testing.assert_allclose(written[-2 * RATE :], sound[-2 * RATE :], atol=1e-4)


def test_what_is_louder_than_the_file_can_hold_is_clipped(tmp_path):
    recorder = SessionRecorder(tmp_path / "s", RATE, [])
    recorder.add_sound(np.array([2.0, -3.0, 0.5], np.float32))
    written, _ = soundfile.read(recorder.close()[0])
    np.testing.assert_allclose(written, [1, -1, 0.5], atol=1e-4)


def test_a_crash_leaves_what_can_be_recovered(tmp_path):
    recorder = SessionRecorder(tmp_path / "s", RATE, ["sad"])
    recorder.add_sound(tone(300, 8.0))  # longer than what is kept back
    recorder.add_prediction(0, 0.5, "sad", np.array([1.0]))
    recorder.add_sound(tone(300, 6.0))
    parts = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    for name, contents in parts.items():
        if name.endswith(".wav.part"):  # as it is while the size is not yet known
            contents = contents[:4] + b"\0\0\0\0" + contents[8:40] + b"\0\0\0\0" + contents[44:]
        (crashed / name).write_bytes(contents)
    result = recover(crashed)
    assert sorted(path.name for path in result) == ["s.csv", "s.txt", "s.wav"]
    assert soundfile.info(crashed / "s.wav").duration == pytest.approx(14.0, abs=1.0)
    assert recover(crashed) == []
    recorder.discard()
    assert [path.name for path in tmp_path.iterdir()] == ["crashed"]


RECORDS = """
import os, sys, time
import numpy as np
from pathlib import Path
from app.audio.recorder import SessionRecorder

recorder = SessionRecorder(Path(sys.argv[1]) / "s", 16_000, ["angry", "sad"])
recorder.add_sound(np.full(16_000 * 8, 0.1, np.float32))
for i in range(6):
    recorder.add_prediction(i, i + 1, "sad" if i < 4 else "", np.array([0.25, 0.75]))
print("ready", flush=True)
time.sleep(60)
"""


@pytest.fixture
def recording_elsewhere(tmp_path):
    """Another program that records into the folder, killed at the end at the latest."""
    with subprocess.Popen(
        [sys.executable, "-c", RECORDS, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline().strip() == "ready"
        yield other
        other.kill()


def test_a_kill_costs_no_row_and_no_label(tmp_path, recording_elsewhere):
    recording_elsewhere.kill()
    recording_elsewhere.wait()
    assert sorted(path.name for path in recover(tmp_path)) == ["s.csv", "s.txt", "s.wav"]
    rows = list(csv.DictReader((tmp_path / "s.csv").read_text("utf-8").splitlines()))
    assert [row["label"] for row in rows] == ["sad"] * 4 + [""] * 2
    labels = [line.split("\t") for line in (tmp_path / "s.txt").read_text("utf-8").splitlines()]
    assert labels == [["0.000000", "4.000000", "sad"], ["4.000000", "6.000000", "no speech"]]
    assert soundfile.info(tmp_path / "s.wav").duration > 0


def test_a_recording_that_goes_on_elsewhere_is_left_alone(tmp_path, recording_elsewhere):
    before = sorted(path.name for path in tmp_path.iterdir())
    assert recover(tmp_path) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_a_recording_of_this_window_is_left_alone_too(tmp_path):
    recorder = SessionRecorder(tmp_path / "s", RATE, ["sad"])
    recorder.add_sound(tone(300, 8.0))
    assert recover(tmp_path) == []
    again = SessionRecorder(tmp_path / "s", RATE, ["sad"])  # in the same second
    again.add_sound(tone(300, 1.0))
    assert {path.stem for path in again.close()} == {"s-2"}
    assert soundfile.info(recorder.close()[0]).duration == pytest.approx(8.0)


@pytest.mark.skipif(os.name == "nt", reason="modes of Unix")
def test_recordings_are_their_owners_alone(tmp_path):
    recorder = SessionRecorder(tmp_path / "s", RATE, ["sad"])
    recorder.add_sound(tone(300, 1.0))
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    assert {path.stat().st_mode & 0o777 for path in recorder.close()} == {0o600}


def test_a_folder_that_cannot_be_written_is_said_in_words(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError) as caught:
        SessionRecorder(tmp_path / "file" / "s", RATE, [])
    assert caught.value.remedy
    recorder = SessionRecorder(tmp_path / "s", RATE, [])
    recorder.add_sound(tone(300, 0.1))
    (tmp_path / "s.csv").mkdir()  # its name is taken by a folder
    with pytest.raises(UserError):
        recorder.close()
    assert not (tmp_path / "s.wav").exists()
    assert (tmp_path / ".s.wav.part").exists()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has a disk that is always full")
def test_a_full_disk_is_said_in_words(tmp_path):
    recorder = SessionRecorder(tmp_path / "s", RATE, ["sad"])
    recorder._labels.close()
    recorder._labels = open("/dev/full", "w")  # noqa: SIM115

    def record():
        for i in range(4):
            recorder.add_prediction(i, i + 1, "sad" if i % 2 else "", np.array([1.0]))
            recorder.add_sound(tone(300, 6.0))

    with pytest.raises(UserError) as caught:
        record()
    assert "room" in str(caught.value)
    recorder.discard()


def test_a_file_that_cannot_grow_any_further_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr("app.audio.recorder.MOST_BYTES", 4_000)
    recorder = SessionRecorder(tmp_path / "s", RATE, [])
    recorder.add_sound(tone(300, 0.1))
    with pytest.raises(UserError, match="four gigabytes"):
        recorder.add_sound(tone(300, 0.1))
    assert len(soundfile.read(recorder.close()[0])[0]) == 1_600


# The devices ----------------------------------------------------------------------------------------------


class FakePortAudio:
    """PortAudio as it is on a Windows machine with one microphone: there once for each of its interfaces."""

    PortAudioError = RuntimeError

    def __init__(self):
        self.restarts = 0
        self.default = type("Default", (), {"device": [0, 2]})

    def _terminate(self):
        self.restarts += 1

    def _initialize(self):
        pass

    def query_hostapis(self):
        return [
            {"name": "MME", "default_input_device": 0},
            {"name": "Windows WASAPI", "default_input_device": 1},
        ]

    def query_devices(self):
        return [
            {"name": "Microphone (cut off aft", "hostapi": 0, "max_input_channels": 2, "default_samplerate": 44_100.0},
            {"name": "Microphone (whole name)", "hostapi": 1, "max_input_channels": 2, "default_samplerate": 48_000.0},
            {"name": "Speakers", "hostapi": 1, "max_input_channels": 0, "default_samplerate": 48_000.0},
        ]  # fmt: skip


def test_each_microphone_is_listed_once_on_windows(monkeypatch):
    fake = FakePortAudio()
    monkeypatch.setattr(portaudio, "module", lambda: fake)
    monkeypatch.setattr("sys.platform", "win32")
    assert portaudio.input_devices() == [InputDevice("Microphone (whole name)", 1, True, 48_000.0)]
    monkeypatch.setattr("sys.platform", "linux")
    assert [item.default for item in portaudio.input_devices()] == [True, False]


def test_the_list_is_renewed_only_while_nothing_is_open(monkeypatch):
    fake = FakePortAudio()
    monkeypatch.setattr(portaudio, "module", lambda: fake)

    class Stream:
        def start(self): ...

        def abort(self, ignore_errors): ...

        def close(self, ignore_errors): ...

    stream = portaudio.open_stream(lambda _module: Stream())
    portaudio.input_devices()
    assert fake.restarts == 0
    portaudio.close_stream(stream)
    portaudio.input_devices()
    assert fake.restarts == 1


def test_a_missing_library_is_said_in_words(monkeypatch):
    real = builtins.__import__

    def without(name, *arguments, **keywords):
        if name == "sounddevice":
            raise OSError("PortAudio library not found")
        return real(name, *arguments, **keywords)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UserError, match="libportaudio2"):
        portaudio.input_devices()


def test_permission_is_explained_for_each_system(monkeypatch):
    told = []
    for system in ("darwin", "win32", "linux"):
        monkeypatch.setattr("sys.platform", system)
        told.append(portaudio.permission_text())
    assert "System Settings" in told[0]
    assert "Settings › Privacy & security" in told[1]
    assert len(set(told)) == 3
