"""Front ends on sound of any length, tiny speech encoders made here, and the cache that computes them once."""

import errno
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import models.torchaudio_cpu  # noqa: F401 - before transformers
from models import datafiles
from models.devices import inference_dtype
from models.emotion import feature_cache
from models.emotion.config import FrontEndConfig
from models.emotion.data import Utterance
from models.emotion.feature_cache import FeatureCache
from models.emotion.features import FLOOR, LogMel, SpeechEncoder, build_front_end
from models.errors import UserError
from models.kernels.convolution import FrozenGroups
from models.progress import Cancelled, Progress

SIZES = {
    "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24, "conv_dim": (8, 8, 8),
    "conv_kernel": (10, 3, 2), "conv_stride": (5, 2, 2), "num_feat_extract_layers": 3, "num_conv_pos_embeddings": 8,
    "num_conv_pos_embedding_groups": 2, "num_buckets": 20, "max_bucket_distance": 40,
}  # fmt: skip
# As wide as HuBERT-base and with its seven convolutions. In a layer of sixteen features one that is rounded the other way
# is a large part of the whole, so how alike formats are cannot be judged by encoders as small as those above.
WIDE = {
    "hidden_size": 768, "num_hidden_layers": 3, "num_attention_heads": 12, "intermediate_size": 1536,
    "conv_dim": (256,) * 7, "conv_kernel": (10, 3, 3, 3, 3, 2, 2), "conv_stride": (5, 2, 2, 2, 2, 2, 2),
    "num_feat_extract_layers": 7, "num_conv_pos_embeddings": 32, "num_conv_pos_embedding_groups": 16,
}  # fmt: skip
FIELD, STRIDE = 10 + 5 * 2 + 10 * 1, 20  # samples that one frame sees; samples from frame to frame


def encoder_folder(folder, kind="Hubert", preprocessor=None, seed=0, dtype=None, **sizes):
    """A random speech encoder as transformers saves one."""
    import transformers

    torch.manual_seed(seed)
    model = getattr(transformers, f"{kind}Model")(getattr(transformers, f"{kind}Config")(**(SIZES | sizes)))
    model.to(dtype or torch.float32).save_pretrained(folder)
    if preprocessor is not None:
        (folder / "preprocessor_config.json").write_text(json.dumps(preprocessor))
    return folder


def encoder(folder, dtype=torch.float32, **settings):
    config = FrontEndConfig(kind="hubert", model=str(folder), **settings)
    return SpeechEncoder(config, torch.device("cpu"), dtype=dtype)


def speech(samples, seed=0):
    return np.random.default_rng(seed).normal(0.02, 0.1, samples).astype(np.float32)


def sound_file(path, samples=1_600, seed=0):
    soundfile.write(path, speech(samples, seed), 16_000, subtype="FLOAT")
    return path


# --- log-mel ------------------------------------------------------------------------------------------------


def test_logmel_is_the_log_of_torchaudios_mel_spectrogram():
    from torchaudio.transforms import MelSpectrogram

    front_end = build_front_end(FrontEndConfig())
    sound = speech(16_000)
    mel = MelSpectrogram(16_000, n_fft=512, win_length=400, hop_length=160, n_mels=80, f_min=20, f_max=8_000)
    features = front_end.features(sound)
    assert features.dtype == np.float32
    assert features.shape == (101, 80)
    assert (front_end.dim, front_end.layers, front_end.frame_s) == (80, 0, 0.01)
    np.testing.assert_allclose(features, torch.log(mel(torch.from_numpy(sound)) + FLOOR).T, rtol=1e-6)
    np.testing.assert_array_equal(features, LogMel(FrontEndConfig()).features(sound))


def test_logmel_hears_a_tone_where_it_is():
    front_end = build_front_end(FrontEndConfig())
    time = np.arange(16_000) / 16_000
    low, high = (
        front_end.features(np.sin(2 * np.pi * hertz * time).astype(np.float32)).mean(0).argmax()
        for hertz in (300, 3_000)
    )
    assert low < high
    assert front_end.features(np.zeros(16_000, np.float32)) == pytest.approx(np.log(FLOOR))


@settings(max_examples=30, deadline=None)
@given(samples=st.integers(1, 3_000))
def test_logmel_of_any_length(samples):
    features = build_front_end(FrontEndConfig()).features(speech(samples))
    assert features.shape == (max(samples, 257) // 160 + 1, 80)
    assert np.isfinite(features).all()


def test_logmel_at_another_rate_hears_the_same_seconds():
    front_end = build_front_end(FrontEndConfig(sample_rate=8_000, bands=40))
    assert front_end.features(speech(16_000)).shape == (101, 40)
    assert front_end.frame_s == 0.01


# --- speech encoders ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["Hubert", "Wav2Vec2", "WavLM"])
@pytest.mark.parametrize("normalise", [True, False])
def test_encoder_gives_what_transformers_gives(tmp_path, kind, normalise):
    from transformers import AutoModel, Wav2Vec2FeatureExtractor

    folder = encoder_folder(tmp_path / kind, kind, {"do_normalize": normalise, "sampling_rate": 16_000})
    extractor = Wav2Vec2FeatureExtractor(do_normalize=normalise)
    peer = AutoModel.from_pretrained(folder).eval()
    sound = speech(1_234)
    with torch.no_grad():
        output = peer(
            **extractor(sound, sampling_rate=16_000, return_tensors="pt", return_attention_mask=False),
            output_hidden_states=True,
        )
    last, weighted = encoder(folder), encoder(folder, layer="weighted")
    np.testing.assert_allclose(last.features(sound), output.last_hidden_state[0], atol=2e-6)
    every = weighted.features(sound)
    assert every.shape == ((1_234 - FIELD) // STRIDE + 1, 3, 16)
    assert every.dtype == np.float32
    for number, states in enumerate(output.hidden_states):
        np.testing.assert_allclose(every[:, number], states[0], atol=2e-6)
    assert (last.dim, last.layers, weighted.dim, weighted.layers) == (16, 0, 16, 3)
    assert last.frame_s == STRIDE / 16_000
    assert not any(parameter.requires_grad for parameter in last.model.parameters())
    assert not last.model.training


def test_sound_is_normalised_only_where_the_checkpoint_says(tmp_path):
    sound = speech(800)
    gains = {}
    for name, preprocessor in {
        "yes": {"do_normalize": True},
        "no": {"do_normalize": False},
        "unsaid": None,
    }.items():
        front_end = encoder(
            encoder_folder(tmp_path / name, preprocessor=preprocessor, feat_extract_norm="layer")
        )
        gains[name] = np.abs(front_end.features(sound) - front_end.features(sound * 4 + 0.3)).max()
    assert gains["yes"] < 1e-3
    assert gains["unsaid"] < 1e-3
    assert gains["no"] > 1e-2


def test_an_utterance_is_encoded_at_its_own_length(tmp_path):
    front_end = encoder(encoder_folder(tmp_path / "hubert"))
    heard = []
    front_end.model.register_forward_pre_hook(lambda _module, inputs: heard.append(tuple(inputs[0].shape)))
    lengths = [700, 1_600, 45]
    alone = [front_end.features(speech(length, seed)) for seed, length in enumerate(lengths)]
    assert heard == [(1, 700), (1, 1_600), (1, 45)]
    backwards = [
        front_end.features(speech(length, seed)) for seed, length in reversed(list(enumerate(lengths)))
    ]
    for one, other in zip(alone, reversed(backwards), strict=True):
        np.testing.assert_array_equal(one, other)
    padded = front_end.features(np.pad(speech(700, 0), (0, 900)))
    assert np.abs(padded[: len(alone[0]) - 1] - alone[0][:-1]).max() > 1e-3  # which is why nothing is padded


@pytest.mark.parametrize("samples", [1, FIELD - 1, FIELD, FIELD + STRIDE - 1, FIELD + STRIDE])
def test_sound_shorter_than_a_frame_is_one_frame(tmp_path, samples):
    front_end = encoder(encoder_folder(tmp_path / "hubert"))
    features = front_end.features(speech(samples))
    assert features.shape == (1 + (samples >= FIELD + STRIDE), 16)
    assert np.isfinite(features).all()
    assert front_end.shortest == FIELD


def test_an_encoder_of_another_rate_is_given_its_rate(tmp_path):
    front_end = encoder(encoder_folder(tmp_path / "hubert", preprocessor={"sampling_rate": 8_000}))
    assert front_end.features(speech(1_600)).shape == ((800 - FIELD) // STRIDE + 1, 16)
    assert front_end.frame_s == STRIDE / 8_000


def test_a_half_precision_file_is_computed_in_the_machines_format(tmp_path):
    front_end = encoder(encoder_folder(tmp_path / "half", dtype=torch.float16), dtype=None)
    assert front_end.features(speech(800)).dtype == np.float32
    assert next(front_end.model.parameters()).dtype == inference_dtype(torch.device("cpu"))


@pytest.mark.parametrize("kind", ["Hubert", "Wav2Vec2", "WavLM"])
def test_bfloat16_gives_nearly_the_same_and_is_cached_apart(tmp_path, kind):
    """At the width of real encoders, by whatever this processor multiplies bfloat16 with."""
    folder = encoder_folder(tmp_path / kind, kind, **WIDE)
    whole, half = encoder(folder), encoder(folder, dtype=torch.bfloat16)
    exact, near = (torch.from_numpy(one.features(speech(16_000))) for one in (whole, half))
    assert torch.nn.functional.cosine_similarity(exact, near, dim=-1).min() > 0.999
    assert not torch.equal(exact, near)
    assert whole.identity != half.identity


@pytest.mark.slow
@pytest.mark.parametrize("instructions", ["AVX2", "AVX512_CORE", "AVX512_CORE_BF16", "AVX512_CORE_AMX"])
def test_bfloat16_on_lesser_processors(instructions):
    """The same where oneDNN may use no more than these instructions, as on a processor that has no others."""
    test = f"{__file__}::test_bfloat16_gives_nearly_the_same_and_is_cached_apart"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", test]
    environment = {**os.environ, "ONEDNN_MAX_CPU_ISA": instructions}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout[-3000:]


def test_folders_that_hold_no_speech_encoder(tmp_path):
    from transformers import BertConfig, BertModel, HubertConfig

    BertModel(
        BertConfig(
            hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, vocab_size=9
        )
    ).save_pretrained(tmp_path / "text")
    encoder_folder(tmp_path / "lacking")
    HubertConfig(**(SIZES | {"num_hidden_layers": 3})).save_pretrained(tmp_path / "lacking")
    encoder_folder(tmp_path / "torn")
    weights = tmp_path / "torn" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1_000])
    encoder_folder(tmp_path / "strange")
    (tmp_path / "strange" / "config.json").write_text('{"model_type": "nothing known"}')
    cases = {"text": "does not take waveforms", "lacking": "it lacks 16 weights", "torn": "not copied to its end",
             "strange": "does not load"}  # fmt: skip
    for name, words in cases.items():
        with pytest.raises(UserError, match=words) as caught:
            encoder(tmp_path / name)
        assert all(caught.value.sentences())
    with pytest.raises(UserError, match="is not a model folder"):
        encoder(tmp_path / "nowhere")


def test_code_that_comes_with_a_model_is_not_run(tmp_path):
    folder = encoder_folder(tmp_path / "hubert")
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "mine", "auto_map": {"AutoModel": "code.Mine", "AutoConfig": "code.MineConfig"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "code.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()\n")
    with pytest.raises(UserError, match="does not load"):
        encoder(folder)
    assert not (tmp_path / "ran").exists()


def test_identity_names_what_the_features_depend_on(tmp_path):
    folder = encoder_folder(tmp_path / "a", preprocessor={"do_normalize": True})
    same = encoder_folder(tmp_path / "b", preprocessor={"do_normalize": True})
    other = encoder_folder(tmp_path / "c", preprocessor={"do_normalize": True}, seed=1)
    plain = encoder_folder(tmp_path / "d", preprocessor={"do_normalize": False})
    assert encoder(folder).identity == encoder(same).identity
    front_ends = [
        encoder(folder),
        encoder(other),
        encoder(plain),
        encoder(folder, layer="weighted"),
        *(build_front_end(FrontEndConfig(**{name: value})) for name, value in
          {"bands": 81, "window_ms": 30, "hop_ms": 12, "sample_rate": 8_000}.items()),
        build_front_end(FrontEndConfig()),
    ]  # fmt: skip
    assert len({front_end.identity for front_end in front_ends}) == len(front_ends)


# --- cache --------------------------------------------------------------------------------------------------


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


def flat(found):
    return [features[:] for variants in found for features in variants]


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
    for one, other in zip(flat(computed), flat(kept), strict=True):
        assert one.dtype == other.dtype == np.float32
        assert one.shape == (4, 3)
        np.testing.assert_array_equal(one, other)


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


def test_a_training_holds_a_batch_of_features_whatever_the_corpus(tmp_path, monkeypatch):
    """Thirty utterances, 180 MB as float32, of which twenty are to train on: at no time more than six are in memory, a batch of
    two and what it is made of, besides the ten that validate, which are few enough to be held."""
    import tracemalloc

    from models.emotion import task as tasks
    from models.emotion.config import EmotionConfig
    from models.training.task import Draw

    one = 150 * 13 * 768 * 4
    monkeypatch.setattr(feature_cache, "MOST_HELD", 20 * one - 1)  # the training is larger by a byte
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
    assert one < most < 16 * one
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
    for (one,), (other,) in zip(one_by_one, together, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-3)


@pytest.mark.parametrize("kind", ["Hubert", "Wav2Vec2", "WavLM"])
def test_positions_placed_by_products_change_nothing(tmp_path, kind):
    front_end = encoder(encoder_folder(tmp_path / kind, kind, num_conv_pos_embeddings=16))
    sound = speech(1_600)
    expected = front_end.features(sound)
    assert FrozenGroups.put_into(front_end.model) == 1
    np.testing.assert_allclose(front_end.features(sound), expected, atol=1e-4)
