"""Whose voice a sound is: heard by the voice encoder, whatever its level, and not where nobody speaks."""

import numpy as np
import pytest

from models import audio
from models.resources import resource
from models.voice_embedding import likeness
from models.voices import voice_of, voices_of


@pytest.fixture(scope="module")
def clips():
    folder = resource("samples", "separation", "voices")
    paths = sorted(path for path in folder.rglob("*") if path.suffix in audio.AUDIO_SUFFIXES)[:6]
    return [audio.read(path, 16_000) for path in paths]


def test_halves_of_a_clip_are_nearer_than_other_people(clips):
    halves = [part for clip in clips for part in np.array_split(clip, 2)]
    heard = np.stack(voices_of(halves, 16_000))
    np.testing.assert_allclose(np.linalg.norm(heard, axis=1), 1, rtol=1e-5)
    table = heard @ heard.T - 2 * np.eye(len(heard))
    mates = np.arange(len(heard)) ^ 1
    assert (table.argmax(1) == mates).mean() > 0.9


def test_level_and_silence_around_do_not_matter(clips):
    sound = clips[0]
    quiet = np.concatenate([np.zeros(8000, np.float32), 0.01 * sound, np.zeros(16_000, np.float32)])
    assert likeness(voice_of(sound, 16_000), voice_of(quiet, 16_000)) > 0.98
    narrow = voice_of(audio.resample(sound, 16_000, 8000), 8000)
    assert likeness(voice_of(sound, 16_000), narrow) > 0.8


def test_voices_do_not_depend_on_their_company(clips):
    alone = [voice_of(clip, 16_000) for clip in clips[:3]]
    np.testing.assert_allclose(np.stack(voices_of(clips[:3], 16_000)), np.stack(alone), atol=1e-5)


@pytest.mark.parametrize("samples", [0, 10, 4000, 32_000])
def test_nobody_is_no_voice(samples):
    assert voice_of(np.zeros(samples, np.float32), 16_000) is None
    assert voice_of(np.ones(min(samples, 4000), np.float32), 16_000) is None
