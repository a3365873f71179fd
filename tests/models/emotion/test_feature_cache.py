"""Features are computed once and read where they are wanted, whatever happens to their files."""

import errno
import os

import numpy as np
import pytest
import soundfile

import models.torchaudio_cpu  # noqa: F401 - before transformers
from models import datafiles
from models.emotion import feature_cache
from models.emotion.data import Utterance
from models.emotion.feature_cache import FeatureCache
from models.emotion.features import SpeechEncoder
from models.errors import UserError
from models.progress import Cancelled, Progress
from tests.models.emotion.encoders import (
    encoder,
    encoder_folder,
    sound_file,
    speech,
)


class Counting:
    """A front end that counts how often it is asked; a frame every 400 samples."""

    layers, dim, frame_s, batch = 0, 3, 0.025, 1

    def __init__(self, identity="counting", local=True, scale=1.0):
        self.identity, self.local, self.scale = identity, local, scale
        self.heard = []

    def features(self, waveform):
        self.heard.append(len(waveform))
        frames = waveform[: len(waveform) // 400 * 400].reshape(-1, 400)
        return np.stack([frames.mean(1), frames.std(1), frames[:, 0]], axis=1) * np.float32(self.scale)


def flat(utterances):
    return [features[:] for variants in utterances for features in variants]


def test_features_are_computed_once(tmp_path, monkeypatch):
    from models import audio

    utterances = [Utterance(sound_file(tmp_path / f"{n}.wav", 1_600, n), "sad", "a") for n in range(3)]
    first = Counting()
    computed = FeatureCache(tmp_path / "cache").of(utterances, first)
    assert first.heard == [1_600, 1_600, 1_600]
    monkeypatch.setattr(audio, "read_part", lambda *_: pytest.fail("a hit decodes nothing"))
    again = Counting()
    kept = FeatureCache(tmp_path / "cache").of(utterances, again)
    assert again.heard == []
    for first_time, second_time in zip(flat(computed), flat(kept), strict=True):
        assert first_time.dtype == second_time.dtype == np.float32
        assert first_time.shape == (4, 3)
        np.testing.assert_array_equal(first_time, second_time)


def test_features_come_through_half_precision_and_large_ones_whole(tmp_path):
    path = sound_file(tmp_path / "a.wav")
    exact = Counting().features(soundfile.read(path, dtype="float32")[0])
    (small,) = flat(FeatureCache(tmp_path / "cache").of([Utterance(path, "sad", "a")], Counting()))
    np.testing.assert_array_equal(small, exact.astype(np.float16).astype(np.float32))
    large = Counting("large", scale=1e6)
    for _ in range(2):
        (features,) = flat(FeatureCache(tmp_path / "cache").of([Utterance(path, "sad", "a")], large))
        np.testing.assert_allclose(features, exact * 1e6, rtol=1e-6)
    assert len(large.heard) == 1


def test_the_key_is_content_front_end_stretch_and_speed(tmp_path):
    path = sound_file(tmp_path / "a.wav", 16_000)
    copy = tmp_path / "b.wav"
    copy.write_bytes(path.read_bytes())
    cache = FeatureCache(tmp_path / "cache")
    front_end = Counting()
    cache.of([Utterance(path, "sad", "a")], front_end)
    cache.of([Utterance(copy, "happy", "b")], front_end)
    assert front_end.heard == [16_000]
    cache.of([Utterance(path, "sad", "a", start_s=0.25, end_s=0.5)], front_end)
    assert front_end.heard == [16_000, 4_000]
    cache.of([Utterance(path, "sad", "a")], front_end, speeds=(1.0, 0.8))
    assert front_end.heard == [16_000, 4_000, 20_000]
    other = Counting("another")
    cache.of([Utterance(path, "sad", "a")], other)
    assert other.heard == [16_000]
    sound_file(path, 16_000, seed=9)
    os.utime(path, ns=(1, 1))
    cache.of([Utterance(path, "sad", "a")], front_end)
    assert len(front_end.heard) == 4


def test_what_hears_the_whole_input_is_given_the_window_alone(tmp_path):
    utterance = Utterance(sound_file(tmp_path / "a.wav", 32_000), "sad", "a")
    whole, windowed = Counting("local"), Counting("global", local=False)
    cache = FeatureCache(tmp_path / "cache")
    cache.of([utterance], whole, window_s=0.5)
    cache.of([utterance], windowed, window_s=0.5)
    cache.of([utterance], windowed, window_s=0.75)
    assert (whole.heard, windowed.heard) == ([32_000], [8_000, 12_000])


def cached_file(tmp_path):
    (path,) = (tmp_path / "cache").glob("*/*.npy")
    return path


@pytest.mark.parametrize("damage", ["cut", "empty", "text", "shape", "type", "no frames"])
def test_a_broken_cache_file_is_computed_again(tmp_path, damage):
    utterance = Utterance(sound_file(tmp_path / "a.wav"), "sad", "a")
    front_end = Counting()
    (right,) = flat(FeatureCache(tmp_path / "cache").of([utterance], front_end))
    path = cached_file(tmp_path)
    whole = path.read_bytes()
    arrays = {
        "shape": np.zeros((4, 2), np.float16),
        "type": np.zeros((4, 3), np.int64),
        "no frames": np.zeros((0, 3), np.float16),
    }
    if damage in arrays:
        np.save(path, arrays[damage])
    else:
        path.write_bytes({"cut": whole[:-3], "empty": b"", "text": b"features"}[damage])
    (mended,) = flat(FeatureCache(tmp_path / "cache").of([utterance], front_end))
    np.testing.assert_array_equal(mended, right)
    assert len(front_end.heard) == 2
    assert path.read_bytes() == whole


@pytest.mark.parametrize("most_held", [0, 2**30])
def test_any_stretch_is_read_as_it_was_computed(tmp_path, monkeypatch, most_held):
    monkeypatch.setattr(feature_cache, "MOST_HELD", most_held)
    utterance = Utterance(sound_file(tmp_path / "a.wav", 8_000), "sad", "a")
    for scale in (1.0, 1e6):  # float16, and what that does not hold
        ((kept,),) = FeatureCache(tmp_path / "cache").of([utterance], Counting(f"{scale}", scale=scale))
        whole = kept[:]
        assert (kept.held is not None) == (most_held > 0)
        assert (len(kept), kept.shape, whole.dtype) == (20, (20, 3), np.float32)
        for stretch in (
            slice(0, 5),
            slice(7, 20),
            slice(15, 40),
            slice(-3, None),
            slice(9, 9),
            slice(30, 40),
        ):
            np.testing.assert_array_equal(kept[stretch], whole[stretch])


@pytest.mark.parametrize("damage", ["gone", "cut"])
def test_what_is_lost_while_it_is_used_is_said_and_computed_again(tmp_path, monkeypatch, damage):
    monkeypatch.setattr(feature_cache, "MOST_HELD", 0)
    utterance = Utterance(sound_file(tmp_path / "a.wav"), "sad", "a")
    ((kept,),) = FeatureCache(tmp_path / "cache").of([utterance], Counting())
    whole, path = kept[:], cached_file(tmp_path)
    path.unlink() if damage == "gone" else path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(UserError, match="computed again"):
        kept[:]
    ((again,),) = FeatureCache(tmp_path / "cache").of([utterance], Counting())
    np.testing.assert_array_equal(again[:], whole)


class Deep:
    """A front end as large as all layers of HuBERT: 6 MB an utterance of three seconds."""

    layers, dim, frame_s, batch, local, identity = 13, 768, 0.02, 1, False, "deep"

    def features(self, waveform):
        level = np.arange(150, dtype=np.float32)[:, None, None] + waveform[0]
        return np.broadcast_to(level, (150, self.layers, self.dim))


@pytest.mark.slow
def test_a_training_holds_a_batch_of_features_whatever_the_corpus(tmp_path, monkeypatch):
    """Thirty utterances, 180 MB as float32, of which twenty are to train on: at no time more than six are in memory, a batch of
    two and what it is made of, besides the ten that validate, which are few enough to be held."""
    import tracemalloc

    from models.emotion import task as tasks
    from models.emotion.config import EmotionConfig
    from models.training.task import Draw

    utterance_bytes = 150 * 13 * 768 * 4
    monkeypatch.setattr(
        feature_cache, "MOST_HELD", 20 * utterance_bytes - 1
    )  # the training is larger by a byte
    monkeypatch.setattr(tasks, "build_front_end", lambda *_: Deep())
    rows = []
    for number in range(30):
        sound_file(tmp_path / f"{number}.wav", 48_000, number)
        rows.append(f"{number}.wav,{('sad', 'happy')[number % 2]},{number // 10}")
    (tmp_path / "data.csv").write_text("path,emotion,speaker\n" + "\n".join(rows) + "\n")
    config = EmotionConfig(
        data={"path": str(tmp_path / "data.csv"), "validation_speakers": ["2"]},
        network={"kind": "gru", "input_norm": "data", "hidden": 8, "layers": 1},
        front_end={"kind": "hubert", "layer": "weighted"},
    )
    tracemalloc.start()
    try:
        training = tasks.EmotionTask(config)
        training.prepare(Progress())
        network = training.network()
        training.batch("train", [Draw(0, 0), Draw(7, 1)])
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert utterance_bytes < most < 16 * utterance_bytes
    frames = np.concatenate([variants[0][:] for variants in training.features["train"]]).reshape(-1, 768)
    np.testing.assert_allclose(network.prepared.mean, frames.mean(0, np.float64), rtol=1e-4)
    np.testing.assert_allclose(network.prepared.sd, frames.std(0, np.float64, ddof=1), rtol=1e-4)


def test_a_full_disk_is_said_and_leaves_no_half_file(tmp_path, monkeypatch):
    utterance = Utterance(sound_file(tmp_path / "a.wav"), "sad", "a")

    def refuse(*_names):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(datafiles.os, "replace", refuse)
    with pytest.raises(UserError, match="The disk is full"):
        FeatureCache(tmp_path / "cache").of([utterance], Counting())
    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file()] == []


def test_computing_can_be_cancelled_and_goes_on_where_it_was(tmp_path):
    utterances = [Utterance(sound_file(tmp_path / f"{n}.wav", 1_600, n), "sad", "a") for n in range(3)]
    progress = Progress(lambda step: progress.cancel() if step.done == 1 else None)
    front_end = Counting()
    with pytest.raises(Cancelled):
        FeatureCache(tmp_path / "cache").of(utterances, front_end, progress)
    done = len(front_end.heard)
    assert 0 < done < 3
    FeatureCache(tmp_path / "cache").of(utterances, front_end)
    assert len(front_end.heard) == 3


def test_a_missing_or_broken_sound_is_said(tmp_path):
    (tmp_path / "text.wav").write_text("no sound")
    for name, words in {"gone.wav": "was not found", "text.wav": "not a sound file"}.items():
        with pytest.raises(UserError, match=words):
            FeatureCache(tmp_path / "cache").of([Utterance(tmp_path / name, "sad", "a")], Counting())


@pytest.mark.parametrize("layer", ["last", "weighted"])
def test_an_encoder_behind_the_cache(tmp_path, layer):
    utterance = Utterance(sound_file(tmp_path / "a.wav"), "sad", "a")
    folder = encoder_folder(tmp_path / "hubert")
    first, second = encoder(folder, layer=layer), encoder(folder, layer=layer)
    second.model.register_forward_pre_hook(lambda *_: pytest.fail("a hit does not call the encoder"))
    (computed,) = flat(FeatureCache(tmp_path / "cache").of([utterance], first))
    (kept,) = flat(FeatureCache(tmp_path / "cache").of([utterance], second))
    np.testing.assert_array_equal(computed, kept)
    np.testing.assert_allclose(computed, first.features(speech(1_600)), atol=2e-3)
    assert isinstance(first, SpeechEncoder)


@pytest.mark.parametrize("layer", ["last", "weighted"])
def test_features_computed_in_batches_are_those_computed_one_by_one(tmp_path, layer):
    folder = encoder_folder(tmp_path / "hubert")
    lengths = [1_600, 700, 1_600, 1_600, 3_200, 700, 1_600]
    sounds = [sound_file(tmp_path / f"{n}.wav", samples, n) for n, samples in enumerate(lengths)]
    utterances = [Utterance(str(path), "angry", "a", path.stem) for path in sounds]
    front_end, heard = encoder(folder, layer=layer), []
    front_end.model.register_forward_pre_hook(lambda _, given: heard.append(tuple(given[0].shape)))
    one_by_one = FeatureCache(tmp_path / "a").of(utterances, front_end, window_s=0.1)
    heard.clear()
    front_end.batch = 3
    together = FeatureCache(tmp_path / "b").of(utterances, front_end, window_s=0.1)
    assert sorted(heard) == [(2, 700), (2, 1_600), (3, 1_600)]  # 3,200 samples are cut to the window
    for (alone,), (batched,) in zip(one_by_one, together, strict=True):
        np.testing.assert_allclose(alone, batched, atol=2e-3)
