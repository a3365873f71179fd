"""Speaker embeddings: those of the voice encoder, whatever its level, and not where nobody speaks."""

import numpy as np
import pytest

from models import audio
from models.resources import resource
from models.voice_embedding import likeness
from models.voices import speaker_embedding, speaker_embeddings


@pytest.fixture(scope="module")
def clips():
    folder = resource("samples", "separation", "voices")
    paths = sorted(path for path in folder.rglob("*") if path.suffix in audio.AUDIO_SUFFIXES)[:6]
    return [audio.read(path, 16_000) for path in paths]


def test_halves_of_a_clip_are_nearer_than_other_people(clips):
    halves = [part for clip in clips for part in np.array_split(clip, 2)]
    embeddings = np.stack(speaker_embeddings(halves, 16_000))
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, rtol=1e-5)
    table = embeddings @ embeddings.T - 2 * np.eye(len(embeddings))
    mates = np.arange(len(embeddings)) ^ 1
    assert (table.argmax(1) == mates).mean() > 0.9


def test_level_and_silence_around_do_not_matter(clips):
    sound = clips[0]
    quiet = np.concatenate([np.zeros(8000, np.float32), 0.01 * sound, np.zeros(16_000, np.float32)])
    assert likeness(speaker_embedding(sound, 16_000), speaker_embedding(quiet, 16_000)) > 0.98
    narrow = speaker_embedding(audio.resample(sound, 16_000, 8000), 8000)
    assert likeness(speaker_embedding(sound, 16_000), narrow) > 0.8


def test_voices_do_not_depend_on_their_company(clips):
    alone = [speaker_embedding(clip, 16_000) for clip in clips[:3]]
    np.testing.assert_allclose(np.stack(speaker_embeddings(clips[:3], 16_000)), np.stack(alone), atol=1e-5)


@pytest.mark.parametrize("samples", [0, 10, 4000, 32_000])
def test_nobody_is_no_voice(samples):
    assert speaker_embedding(np.zeros(samples, np.float32), 16_000) is None
    assert speaker_embedding(np.ones(min(samples, 4000), np.float32), 16_000) is None
