"""Who speaks when, from the tracks of a conversation."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from models.emotion.turns import FRAME_S, levels_db, speaking, spoken
from models.errors import UserError

RATE = 16_000


@pytest.fixture
def tracks(tmp_path):
    """Ten seconds: the first speaks 1–4 s, the second, softer, 5–9 s and, both at once, 3–4 s; each leaks into the
    other at −20 dB."""
    rng = np.random.default_rng(0)
    time = np.arange(10 * RATE) / RATE

    def voice(*turns, height):
        on = sum(((time >= a) & (time < b)).astype(float) for a, b in turns)
        return height * on * rng.normal(size=len(time))

    first, second = voice((1, 4), height=0.1), voice((5, 9), (3, 4), height=0.03)
    paths = []
    for name, sound in (("one", first + 0.1 * second), ("two", second + 0.1 * first)):
        soundfile.write(tmp_path / f"{name}.wav", sound, RATE, subtype="FLOAT")
        paths.append(tmp_path / f"{name}.wav")
    return paths


def seconds(heard):
    """Whole seconds in which somebody speaks."""
    starts = np.arange(10.0)
    return list(np.flatnonzero(spoken(heard, starts, starts + 1.0)))


def test_each_speaks_in_their_own_turns(tracks):
    first, second = speaking([levels_db(path) for path in tracks])
    assert seconds(first) == [1, 2, 3]
    assert seconds(second) == [3, 5, 6, 7, 8]


def test_levels_are_of_every_tenth_of_a_second(tmp_path):
    sound = np.concatenate([np.full(RATE, 0.1), np.zeros(RATE + 100)])
    soundfile.write(tmp_path / "a.wav", sound, RATE, subtype="FLOAT")
    levels = levels_db(tmp_path / "a.wav")
    assert len(levels) == 21
    assert levels[:10] == pytest.approx(-20.0, abs=0.01)
    assert (levels[11:] < -100).all()


def test_silence_and_tracks_of_different_length():
    loud = np.full(50, -20.0, np.float32)
    heard = speaking([loud, np.full(20, -120.0, np.float32)])
    assert heard.shape == (2, 50)
    assert heard[0].all()
    assert not heard[1].any()


def test_a_word_in_a_long_stretch_is_not_a_turn():
    heard = np.zeros(100, bool)
    heard[40:44] = True
    assert not spoken(heard, np.array([0.0]), np.array([10.0]))[0]
    assert spoken(heard, np.array([4.0]), np.array([4.0 + 4 * FRAME_S]))[0]


def test_what_cannot_be_read_is_said(tmp_path):
    with pytest.raises(UserError):
        levels_db(tmp_path / "gone.wav")
