"""Mixture and tracks through the virtual loudspeaker, which is recorded: one place for all, switching without a jump."""

from __future__ import annotations

import subprocess
import threading
import time

import numpy as np
import pytest
import scipy.signal
import soundfile

from app.audio import portaudio
from app.audio.lane_player import LanePlayer
from models.audio import resample
from models.errors import UserError
from tests.desktop.test_microphone import likeness

RATE = 16_000


@pytest.fixture
def player(qapp):
    """A player and what it failed with; a test that leaves one of its threads behind fails."""
    made = LanePlayer()
    made.failures = []
    made.failed.connect(made.failures.append)
    yield made
    made.stop()
    assert made.wait_closed(8.0)
    assert not [item for item in threading.enumerate() if item.name in ("lanes", "portaudio")]
    made.deleteLater()


@pytest.fixture(scope="module")
def voices(tmp_path_factory):
    """Two different sentences of four seconds, and their sum, as files."""
    folder = tmp_path_factory.mktemp("voices")
    sounds = []
    for number, (voice, words) in enumerate(
        (("en+f3", "One two three four five six seven eight nine ten eleven twelve"),
         ("en+m3", "The quick brown fox jumps over the lazy dog and goes home to sleep tonight"))
    ):  # fmt: skip
        path = folder / f"{number}.wav"
        subprocess.run(["espeak-ng", "-v", voice, "-w", str(path), words], check=True)
        samples, rate = soundfile.read(path, dtype="float32")
        sound = np.clip(resample(samples, rate, RATE), -1, 1)[: 3 * RATE]
        sounds.append(0.6 * np.pad(sound, (0, 3 * RATE - len(sound))))
    for name, sound in (("mixture", sounds[0] + sounds[1]), ("one", sounds[0]), ("two", sounds[1])):
        soundfile.write(folder / f"{name}.wav", sound, RATE)
    return [folder / f"{name}.wav" for name in ("mixture", "one", "two")], sounds


def times_heard(heard: np.ndarray, piece: np.ndarray) -> int:
    """How often a piece of 0.2 s comes back in a loop of 0.6 s, wherever: a busy sound server drops some of it."""
    alike = scipy.signal.correlate(heard.astype(np.float64), piece, mode="valid", method="fft")
    power = scipy.signal.fftconvolve(heard.astype(np.float64) ** 2, np.ones(len(piece)), mode="valid")
    energy = np.sqrt(np.maximum(power, 1e-5 * power.max() + 1e-12)) * np.linalg.norm(piece)
    peaks, _ = scipy.signal.find_peaks(alike / energy, height=0.8, distance=round(0.4 * RATE))
    return len(peaks)


def recorded(recorder, path) -> np.ndarray:
    """What the loudspeaker played, at 16 kHz."""
    recorder.terminate()
    recorder.wait()
    raw = np.frombuffer(path.read_bytes(), np.int16, offset=44).astype(np.float32) / 32768
    return resample(raw, 48_000, RATE)


def test_listening_goes_from_one_track_to_the_other_in_step(qtbot, sound_server, player, voices, tmp_path):
    paths, (first_voice, second_voice) = voices
    recorder = sound_server.record_speaker(tmp_path / "out.wav")
    player.set_lanes(paths, [0.0, 1.0, 0.0])
    player.play()
    qtbot.waitUntil(lambda: player.position_s() > 1.4, timeout=20_000)
    with qtbot.waitSignal(player.finished, timeout=20_000):
        player.set_gains([0.0, 0.0, 1.0])
    heard = recorded(recorder, tmp_path / "out.wav")
    first, begin = likeness(heard, first_voice[:RATE])
    assert first > 0.8
    second, place = likeness(heard, second_voice[2 * RATE :])
    assert second > 0.8
    # the other track is heard where it would be if it had played along from the beginning
    assert place - begin == pytest.approx(2 * RATE, abs=0.1 * RATE)
    assert likeness(heard, second_voice[:RATE])[0] < 0.75
    assert not player.failures


def test_the_mixture_is_heard_and_only_the_mixture(qtbot, sound_server, player, voices, tmp_path):
    paths, (first_voice, second_voice) = voices
    recorder = sound_server.record_speaker(tmp_path / "out.wav")
    player.set_lanes(paths, [1.0, 0.0, 0.0])
    with qtbot.waitSignal(player.finished, timeout=20_000):
        player.play()
    heard = recorded(recorder, tmp_path / "out.wav")
    assert likeness(heard, first_voice + second_voice)[0] > 0.8
    assert np.abs(heard).max() == pytest.approx(np.abs(first_voice + second_voice).max(), rel=0.15)


def test_a_stretch_is_heard_over_and_over(qtbot, sound_server, player, voices, tmp_path):
    paths, (first_voice, _second_voice) = voices
    recorder = sound_server.record_speaker(tmp_path / "out.wav")
    player.set_lanes(paths, [0.0, 1.0, 0.0])
    player.set_stretch((0.5, 1.1))
    player.play(0.5)
    begun = time.monotonic()
    qtbot.waitUntil(lambda: player.position_s() > 0.6, timeout=20_000)
    qtbot.waitUntil(lambda: time.monotonic() > begun + 3.0, timeout=20_000)
    assert 0.5 <= player.position_s() <= 1.1
    player.stop()
    heard = recorded(recorder, tmp_path / "out.wav")
    assert times_heard(heard, first_voice[round(0.7 * RATE) : round(0.9 * RATE)]) >= 3


def test_pause_seek_and_the_end(qtbot, sound_server, player, voices):
    paths, _sounds = voices
    player.set_lanes(paths, [1.0, 0.0, 0.0])
    player.play()
    qtbot.waitUntil(lambda: player.position_s() > 0.3, timeout=20_000)
    player.pause()
    assert player.paused
    asked = time.monotonic()
    qtbot.waitUntil(lambda: time.monotonic() > asked + 0.6)
    held = player.position_s()
    asked = time.monotonic()
    qtbot.waitUntil(lambda: time.monotonic() > asked + 0.2)
    assert player.position_s() == held
    player.seek(2.5)
    assert player.position_s() == 2.5
    with qtbot.waitSignal(player.finished, timeout=20_000):
        player.resume()
    assert not player.playing
    assert not player.failures


def test_a_device_that_refuses_the_rate_gets_its_own(
    qtbot, sound_server, player, voices, tmp_path, monkeypatch
):
    paths, (first_voice, _second_voice) = voices
    real, opened = portaudio.open_stream, []

    def only_its_own(make):
        def made(module):
            stream = make(module)
            opened.append(stream.samplerate)
            if stream.samplerate == RATE:
                stream.close()
                raise module.PortAudioError("Invalid sample rate")
            return stream

        return real(made)

    monkeypatch.setattr(portaudio, "open_stream", only_its_own)
    recorder = sound_server.record_speaker(tmp_path / "out.wav")
    player.set_lanes(paths, [0.0, 1.0, 0.0])
    with qtbot.waitSignal(player.finished, timeout=20_000):
        player.play()
    assert len(opened) == 2
    assert likeness(recorded(recorder, tmp_path / "out.wav"), first_voice)[0] > 0.8


def test_what_cannot_be_played_is_said(qtbot, sound_server, player, voices, tmp_path):
    (tmp_path / "broken.wav").write_bytes(b"RIFF and nothing more")
    player.set_lanes([tmp_path / "broken.wav"], [1.0])
    with qtbot.waitSignal(player.failed, timeout=20_000) as signal:
        player.play()
    assert isinstance(signal.args[0], UserError)
    paths, _sounds = voices
    player.set_lanes(paths, [1.0, 0.0, 0.0])
    player.play()
    qtbot.waitUntil(lambda: player.position_s() > 0.2, timeout=20_000)
    with qtbot.waitSignal(player.failed, timeout=20_000) as signal:
        sound_server.pull_out()
    assert "broke off" in str(signal.args[0])
