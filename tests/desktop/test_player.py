"""Playing through the virtual loudspeaker, which is recorded: what comes out must be what went in."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
import soundfile

from app.audio import player as player_module
from app.audio.player import Player
from models.audio import resample
from models.errors import UserError
from tests.desktop.test_microphone import likeness


@pytest.fixture
def player(qapp):
    """A player and what it failed with; a test that leaves one of its threads behind fails."""
    made = Player()
    made.failures = []
    made.failed.connect(made.failures.append)
    yield made
    made.stop()
    assert made.wait_closed(8.0)
    assert not [item for item in threading.enumerate() if item.name in ("player", "portaudio")]
    made.deleteLater()


def recorded(recorder, path) -> np.ndarray:
    """What the loudspeaker played, at 16 kHz."""
    recorder.terminate()
    recorder.wait()
    raw = np.frombuffer(path.read_bytes(), np.int16, offset=44).astype(np.float32) / 32768
    return resample(raw, 48_000, 16_000)


@pytest.fixture
def speech(speech_file):
    return soundfile.read(speech_file, dtype="float32")[0][: 2 * 16_000]


def test_a_sound_in_memory_is_heard_to_its_end(qtbot, sound_server, player, speech, tmp_path):
    recorder = sound_server.record_speaker(tmp_path / "out.wav")
    places = []
    player.moved.connect(places.append)
    with qtbot.waitSignal(player.finished, timeout=20_000):
        player.play(speech, 16_000)
    heard = recorded(recorder, tmp_path / "out.wav")
    assert likeness(heard, speech)[0] > 0.8
    assert not player.playing
    assert places == sorted(places)
    assert places[-1] == pytest.approx(len(speech) / 16_000, abs=0.4)
    assert not player.failures


def test_a_file_of_another_rate_plays_from_the_place_asked_for(qtbot, sound_server, player, speech, tmp_path):
    stereo = np.repeat(resample(speech, 16_000, 44_100)[:, None], 2, axis=1)
    soundfile.write(tmp_path / "in.flac", np.clip(stereo, -1, 1), 44_100)
    recorder = sound_server.record_speaker(tmp_path / "out.wav")
    with qtbot.waitSignal(player.finished, timeout=20_000):
        player.play_file(tmp_path / "in.flac", start_s=1.0)
    heard = recorded(recorder, tmp_path / "out.wav")
    assert likeness(heard, speech[16_000:])[0] > 0.8
    assert likeness(heard, speech[:16_000])[0] < 0.7  # its first second is not heard


def test_pause_keeps_the_place_and_seek_moves_it(qtbot, sound_server, player, speech):
    player.play(np.tile(speech, 3), 16_000)
    qtbot.waitUntil(lambda: player.position_s() > 0.3, timeout=20_000)
    player.pause()
    held = player.position_s()
    asked = time.monotonic()
    qtbot.waitUntil(lambda: time.monotonic() > asked + 0.3)
    assert player.paused
    assert player.playing
    assert player.position_s() == held
    player.seek(4.0)
    assert player.position_s() == 4.0
    player.resume()
    qtbot.waitUntil(lambda: player.position_s() > 4.2, timeout=20_000)
    assert player.position_s() < 6.0
    with qtbot.waitSignal(player.finished, timeout=20_000):
        player.seek(5.9)


def test_a_device_that_refuses_the_sound_gets_it_as_it_wants_it(
    qtbot, sound_server, player, speech, tmp_path, monkeypatch
):
    opened = []
    real = player_module._Playback._stream

    def only_its_own(playback, source, module):
        opened.append((source.rate, source.channels))
        if source.channels == 1:
            raise module.PortAudioError("Invalid number of channels")
        return real(playback, source, module)

    monkeypatch.setattr(player_module._Playback, "_stream", only_its_own)
    recorder = sound_server.record_speaker(tmp_path / "out.wav")
    with qtbot.waitSignal(player.finished, timeout=20_000):
        player.play(speech, 16_000)
    assert [channels for _, channels in opened] == [1, 2]
    assert likeness(recorded(recorder, tmp_path / "out.wav"), speech)[0] > 0.8


def test_what_cannot_be_played_is_said_in_words(qtbot, sound_server, player, speech, tmp_path):
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF and nothing more")
    with qtbot.waitSignal(player.failed, timeout=20_000) as signal:
        player.play_file(broken)
    assert isinstance(signal.args[0], UserError)
    assert "broken.wav" in str(signal.args[0])
    sound_server.pull_out()
    with qtbot.waitSignal(player.failed, timeout=20_000) as signal:
        player.play(speech, 16_000)
    assert isinstance(signal.args[0], UserError)
    assert signal.args[0].remedy
    assert not player.playing


def test_a_loudspeaker_that_vanishes_is_said(qtbot, sound_server, player, speech):
    player.play(np.tile(speech, 5), 16_000)
    qtbot.waitUntil(lambda: player.position_s() > 0.2, timeout=20_000)
    with qtbot.waitSignal(player.failed, timeout=20_000) as signal:
        sound_server.pull_out()
    assert "broke off" in str(signal.args[0])


def test_listing_microphones_does_not_disturb_what_plays(qtbot, sound_server, player, speech):
    from app.audio.microphone import Microphone

    player.play(np.tile(speech, 2), 16_000)
    qtbot.waitUntil(lambda: player.position_s() > 0.2, timeout=20_000)
    with qtbot.waitSignal(player.finished, timeout=20_000):
        assert Microphone.devices()
    assert not player.failures
