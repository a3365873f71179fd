"""Speech as sequences for other systems."""

import numpy as np
import pytest

from models import audio
from models.emotion.frames import speech_windows
from models.errors import UserError
from models.resources import resource


def test_windows_tell_the_level_apart_from_the_shape():
    sound = audio.read(next(resource("samples", "emotion", "audio").glob("*.flac")))
    x, levels = speech_windows(sound)
    assert x.shape[1:] == (32, 64)
    assert len(x) == len(levels) > 1
    np.testing.assert_allclose(x.mean((1, 2)), 0, atol=1e-4)
    softer, lower = speech_windows(0.5 * sound)
    np.testing.assert_allclose(lower, levels - 20 * np.log10(2), atol=0.05)
    assert np.abs(softer - x).mean() < 0.1 < x.std()


def test_too_short_a_sound_is_said():
    with pytest.raises(UserError, match="too short"):
        speech_windows(np.zeros(9_000, np.float32), "click.wav")
