"""Features of speech: log-mel as torchaudio has it, speech encoders as transformers has them."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import models.torchaudio_cpu  # noqa: F401 - before transformers
from models.devices import inference_dtype
from models.emotion.config import FrontEndConfig
from models.emotion.features import FLOOR, LogMel, build_front_end
from models.errors import UserError
from models.kernels.convolution import FrozenGroups
from tests.models.emotion.encoders import (
    FIELD,
    SIZES,
    STRIDE,
    WIDE,
    encoder,
    encoder_folder,
    speech,
)


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
    for first_time, second_time in zip(alone, reversed(backwards), strict=True):
        np.testing.assert_array_equal(first_time, second_time)
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


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["Hubert", "Wav2Vec2", "WavLM"])
def test_bfloat16_gives_nearly_the_same_and_is_cached_apart(tmp_path, kind):
    """At the width of real encoders, by whatever this processor multiplies bfloat16 with."""
    folder = encoder_folder(tmp_path / kind, kind, **WIDE)
    whole, half = encoder(folder), encoder(folder, dtype=torch.bfloat16)
    exact, near = (torch.from_numpy(front_end.features(speech(16_000))) for front_end in (whole, half))
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


@pytest.mark.parametrize("kind", ["Hubert", "Wav2Vec2", "WavLM"])
def test_positions_placed_by_products_change_nothing(tmp_path, kind):
    front_end = encoder(encoder_folder(tmp_path / kind, kind, num_conv_pos_embeddings=16))
    sound = speech(1_600)
    expected = front_end.features(sound)
    assert FrozenGroups.put_into(front_end.model) == 1
    np.testing.assert_allclose(front_end.features(sound), expected, atol=1e-4)
