"""A real microphone path without a sound card: a WAV file is played into the virtual microphone and must arrive."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
import scipy.signal
import soundfile

from app.audio import microphone as microphone_module
from app.audio import portaudio
from app.audio.microphone import RATE, Microphone
from models.errors import UserError


@pytest.fixture
def microphone(qapp):
    """A microphone and what it said; a test that leaves one of its threads behind fails."""
    made = Microphone()
    made.said = []
    made.state_changed.connect(lambda state, text: made.said.append((state, text)))
    made.failures = []
    made.failed.connect(made.failures.append)
    yield made
    made.stop()
    assert made.wait_closed(8.0)
    assert not [item for item in threading.enumerate() if item.name in ("microphone", "portaudio")]
    made.deleteLater()


def listen(qtbot, microphone, seconds: float = 2.0) -> None:
    """Start, and go on when sound has come for some time."""
    microphone.start()
    qtbot.waitUntil(lambda: microphone.ring.latest(1).end_index > seconds * RATE, timeout=20_000)
    assert microphone.state == "listening"


def play_and_hear(qtbot, server, microphone, path) -> np.ndarray:
    """What the microphone heard while the file was played, and half a second on."""
    start = microphone.ring.latest(1).end_index
    player = server.play(path)
    qtbot.waitUntil(lambda: player.poll() is not None, timeout=20_000)
    assert player.returncode == 0
    end = microphone.ring.latest(1).end_index + RATE // 2
    qtbot.waitUntil(lambda: microphone.ring.latest(1).end_index >= end, timeout=10_000)
    return microphone.ring.since(start).samples


def likeness(heard: np.ndarray, played: np.ndarray) -> tuple[float, int]:
    """(mean correlation of pieces of `played` with `heard` where they should be, the place of its beginning).

    Pieces are 0.1 s long and may lie 50 ms off: a sound server on a busy machine drops a few milliseconds now and then,
    which shifts all that follows. 1 where `heard` contains `played`, louder or softer; other speech reaches half of that.
    """
    size, off = RATE // 10, RATE // 20
    pieces = [played[at : at + size] for at in range(0, len(played) - size + 1, size)]
    loud = [n for n, piece in enumerate(pieces) if np.linalg.norm(piece) > 0.05 * np.linalg.norm(played)]
    heard = np.pad(heard.astype(np.float64), (off, size + off))
    power = scipy.signal.fftconvolve(heard**2, np.ones(size), mode="valid")
    energy = np.sqrt(np.maximum(power, 1e-5 * power.max() + 1e-12))  # silence matches nothing
    result = [
        scipy.signal.correlate(heard, pieces[n], mode="valid", method="fft")
        / energy
        / np.linalg.norm(pieces[n])
        for n in loud
    ]
    clear = [int(item.argmax()) - n * size for n, item in zip(loud, result, strict=True) if item.max() > 0.9]
    begin = int(np.median(clear)) if clear else off
    best = [
        item[max(0, begin + n * size - off) : begin + n * size + off].max(initial=0.0)
        for n, item in zip(loud, result, strict=True)
    ]
    return float(np.mean(best)), begin - off


def test_what_is_played_arrives(qtbot, sound_server, microphone, speech_file):
    listen(qtbot, microphone)
    heard = play_and_hear(qtbot, sound_server, microphone, speech_file)
    played = soundfile.read(speech_file, dtype="float32")[0]
    result, _ = likeness(heard, played)
    assert result > 0.8
    assert microphone.device_name


def test_a_device_of_another_rate_is_resampled(qtbot, sound_server, microphone, speech_file, monkeypatch):
    rates = []
    real = microphone_module._Session._stream

    def only_its_own_rate(session, device, rate, module):
        rates.append(rate)
        if rate == RATE:
            raise module.PortAudioError("Invalid sample rate")
        return real(session, device, rate, module)

    monkeypatch.setattr(microphone_module._Session, "_stream", only_its_own_rate)
    listen(qtbot, microphone)
    heard = play_and_hear(qtbot, sound_server, microphone, speech_file)
    played = soundfile.read(speech_file, dtype="float32")[0]
    assert rates[0] == RATE
    assert rates[1] in (44_100, 48_000)
    assert likeness(heard, played)[0] > 0.8


def test_capture_times_rise_with_the_samples(qtbot, sound_server, microphone):
    listen(qtbot, microphone, 3.0)  # a sound server knows its own latency only after a second or two
    seen = []

    def enough() -> bool:
        now = time.monotonic()
        shot = microphone.ring.latest(1)
        seen.append((shot.end_index, shot.end_time, now))
        return shot.end_index > 6 * RATE

    qtbot.waitUntil(enough, timeout=20_000)
    index, captured, asked = np.array(seen).T
    assert (np.diff(captured) >= 0).all()
    assert (captured[1:][np.diff(index) > 0] > captured[:-1][np.diff(index) > 0]).all()
    late = asked - captured
    assert late.min() > -0.02  # nothing is captured in the future
    assert np.median(late) < 0.5
    slope = np.polyfit(index / RATE, captured, 1)[0]
    assert slope == pytest.approx(1.0, abs=0.03)
    assert microphone.ring.time_of(int(index[-1])) == pytest.approx(captured[-1], abs=0.25)


def test_a_sound_has_the_time_at_which_it_was_made(qtbot, sound_server, microphone, speech_file):
    listen(qtbot, microphone)
    started = time.monotonic()
    begin = microphone.ring.latest(1).end_index
    heard = play_and_hear(qtbot, sound_server, microphone, speech_file)
    played = soundfile.read(speech_file, dtype="float32")[0]
    _, place = likeness(heard, played)
    first = microphone.ring.time_of(begin + place)
    assert started < first < time.monotonic() - len(played) / RATE


def test_a_microphone_that_vanishes_comes_back(qtbot, sound_server, microphone, speech_file):
    listen(qtbot, microphone)
    began_at = microphone.ring.time_of(0)
    sound_server.pull_out()
    qtbot.waitUntil(lambda: microphone.state == "lost", timeout=20_000)
    assert not microphone.hearing or microphone.state == "lost"
    words = dict(microphone.said)["lost"]
    assert microphone.device_name in words
    sound_server.put_back()
    before = microphone.ring.latest(1).end_index
    qtbot.waitUntil(lambda: microphone.state == "listening", timeout=30_000)
    qtbot.waitUntil(lambda: microphone.ring.latest(1).end_index > before + 2 * RATE, timeout=20_000)
    assert [state for state, _ in microphone.said] == ["opening", "listening", "lost", "listening"]
    shot = microphone.ring.latest(1)
    assert shot.end_time - began_at == pytest.approx(shot.end_index / RATE, abs=0.6)  # silence fills the hole
    heard = play_and_hear(qtbot, sound_server, microphone, speech_file)
    assert likeness(heard, soundfile.read(speech_file, dtype="float32")[0])[0] > 0.8
    assert not microphone.failures


def test_no_microphone_is_said_in_words(qtbot, sound_server, microphone):
    sound_server.pull_out()
    with qtbot.waitSignal(microphone.failed, timeout=30_000) as signal:
        microphone.start()
    error = signal.args[0]
    assert isinstance(error, UserError)
    assert "microphone" in error.what.lower()
    assert error.remedy
    assert microphone.state == "stopped"


def test_stopping_at_any_moment_is_clean(qtbot, sound_server, microphone):
    for _ in range(3):
        microphone.start()
        microphone.stop()
    assert microphone.state == "stopped"
    listen(qtbot, microphone, 0.2)
    microphone.stop()
    assert microphone.wait_closed(8.0)
    held = microphone.ring.latest(1).end_index
    microphone.start()
    qtbot.waitUntil(lambda: microphone.ring.latest(1).end_index > 0, timeout=20_000)
    assert microphone.ring.latest(1).end_index < held + 5 * RATE
    assert microphone.state in ("opening", "listening")


def test_devices_are_listed_with_the_default_marked(sound_server):
    result = Microphone.devices()
    assert [item for item in result if item.default]
    assert len({item.index for item in result}) == len(result)


def test_the_level_is_that_of_the_sound(qtbot, sound_server, microphone, tmp_path):
    tone = 0.1 * np.sin(2 * np.pi * 440 * np.arange(4 * 48_000) / 48_000)
    soundfile.write(tmp_path / "tone.wav", tone, 48_000)
    listen(qtbot, microphone, 1.0)
    assert microphone.levels().rms_dbfs < -80
    player = sound_server.play(tmp_path / "tone.wav")
    qtbot.waitUntil(lambda: microphone.levels().rms_dbfs > -24, timeout=10_000)
    level = microphone.levels()
    assert level.rms_dbfs == pytest.approx(-23, abs=1.5)
    assert level.peak_dbfs == pytest.approx(-20, abs=1.5)
    player.terminate()
    player.wait()


def test_only_zeros_are_told_apart_from_a_quiet_room(qtbot, sound_server, microphone, speech_file):
    with qtbot.waitSignal(microphone.silent, timeout=20_000) as signal:
        microphone.start()
    assert signal.args[0] == portaudio.permission_text()
    with qtbot.waitSignal(
        microphone.silent, timeout=20_000
    ) as signal:  # taken back as soon as somebody speaks
        player = sound_server.play(speech_file)
    assert signal.args[0] == ""
    player.terminate()
    player.wait()


def test_a_sound_system_that_hangs_does_not_hold_its_caller(monkeypatch):
    monkeypatch.setattr(portaudio, "PATIENCE_S", 0.05)
    let_go, undone = threading.Event(), threading.Event()
    with pytest.raises(UserError, match="does not answer"):
        portaudio.call(lambda: let_go.wait(20), undo=lambda _result: undone.set())
    with pytest.raises(UserError, match="does not answer"):
        portaudio.call(lambda: None)
    let_go.set()
    assert undone.wait(10)
    monkeypatch.setattr(portaudio, "PATIENCE_S", 10)
    assert portaudio.call(lambda: "answers again") == "answers again"
