"""The voice front end, its copies in scenes, and the linear network that hears a person against themself."""

import numpy as np
import pytest
import soundfile
import torch

from models import audio
from models.emotion import network
from models.emotion.config import FrontEndConfig
from models.emotion.data import Utterance
from models.emotion.feature_cache import FeatureCache
from models.emotion.features import build_front_end
from models.emotion.people import People
from models.resources import resource

CLIP = next(resource("samples", "emotion", "audio").glob("*.flac"))
CONFIG = network.NetworkConfig(kind="linear", feature_dim=5, classes=3, input_norm="none", dropout=0.0)


@pytest.fixture(scope="module")
def front_end():
    return build_front_end(FrontEndConfig(kind="voice"))


def linear(seed=0):
    torch.manual_seed(seed)
    return network.build(CONFIG).eval()


def test_the_voice_front_end_hears_every_level_alike(front_end):
    sound = audio.read(CLIP)
    features = front_end.features(sound)
    assert features.shape == (len(sound) // 160 + 1, 256)
    np.testing.assert_allclose(front_end.features(sound * 0.01), features, atol=1e-4)
    assert np.isfinite(front_end.features(np.zeros(100, np.float32))).all()


def test_copies_in_scenes_are_computed_once_and_belong_to_a_speaker(tmp_path, front_end):
    soundfile.write(tmp_path / "a.wav", audio.read(CLIP)[:8_000], 16_000, subtype="FLOAT")
    utterance, by_another = (Utterance(tmp_path / "a.wav", "sad", name) for name in ("one", "other"))
    cache = FeatureCache(tmp_path / "cache")
    clean, first, second = (kept[:] for kept in cache.of([utterance], front_end, scenes=2)[0])
    assert not np.allclose(first, clean, atol=1e-3)
    assert not np.allclose(first, second, atol=1e-3)
    ((_, elsewhere, _),) = cache.of([by_another], front_end, scenes=2)
    assert not np.allclose(first, elsewhere[:], atol=1e-3)
    kept = len(list((tmp_path / "cache").rglob("*.npy")))
    assert kept == 5  # the clean one is shared
    ((again, *_),) = cache.of([utterance], front_end, scenes=2)
    np.testing.assert_array_equal(again[:], clean)
    assert len(list((tmp_path / "cache").rglob("*.npy"))) == kept


def test_padding_is_not_heard():
    built, frames = linear(), torch.randn(7, 5)
    alone = built(frames[None], torch.tensor([7])).logits[0]
    padded = torch.cat([frames, torch.full((4, 5), 9.0)])
    both = built(torch.stack([padded, torch.randn(11, 5)]), torch.tensor([7, 11])).logits[0]
    torch.testing.assert_close(alone, both)


def test_what_is_constant_in_a_person_is_gone():
    """A voice, room or microphone that moves every feature changes nothing once the person is known."""
    built, clips = linear(), torch.randn(6, 20, 5)
    lengths = torch.full((6,), 20)

    def against_themself(heard):
        own = built.functionals(heard, lengths).mean(0, keepdim=True)
        return built(heard, lengths, own).logits

    torch.testing.assert_close(against_themself(clips), against_themself(clips + 3.0), atol=1e-4, rtol=1e-4)
    moved = built(clips + 3.0, lengths).logits
    assert (moved - built(clips, lengths).logits).abs().max() > 0.1


def test_people_of_a_training_are_means_of_speaker_and_scene():
    built, random = linear(), np.random.default_rng(0)
    features = [[random.standard_normal((9, 5)).astype(np.float32) + v for v in (0, 4)] for _ in range(4)]
    people = People.of(built, features, ["a", "a", "b", "b"])
    figures = [
        [built.functionals(torch.from_numpy(f)[None], torch.tensor([9]))[0] for f in variants]
        for variants in features
    ]
    torch.testing.assert_close(people.reference("a", 1, own=True), (figures[0][1] + figures[1][1]) / 2)
    torch.testing.assert_close(people.reference("a", 1, own=False), people.usual)
    everybody = torch.stack(list(people.means.values())).mean(0)
    torch.testing.assert_close(people.usual, everybody)
    assert (people.spread > 0).all()
