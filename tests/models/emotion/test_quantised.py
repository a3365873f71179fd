"""Networks with 8-bit weights: the same words from a quarter of the bytes, and what it costs told beside."""

import numpy as np
import pytest
import torch
from torch import nn

from models import audio, checkpoint
from models.checkpoint import CheckpointInfo
from models.emotion import network
from models.emotion.commands import export
from models.emotion.quantised import SCALE, computing, quantised, restored
from models.emotion.recognizer import Recognizer
from models.emotion.samples import held_out_clips
from models.errors import UserError

CONFIGS = {
    "enhanced": {"statistics": True, "speakers": 3, "layers": 2},
    "gru": {"layers": 2, "input_norm": "level"},
    "linear": {},
    "of all layers": {"kind": "gru", "layers": 1, "encoder_layers": 3},
}


def made(name):
    config = {"kind": name, "feature_dim": 40, "hidden": 32, "heads": 4} | CONFIGS[name]
    torch.manual_seed(0)
    return network.NetworkConfig(**config), network.build(network.NetworkConfig(**config)).eval()


def heard(config, frames=50):
    torch.manual_seed(1)
    shape = (2, frames, config.encoder_layers, 40) if config.encoder_layers else (2, frames, 40)
    return torch.randn(shape), torch.tensor([frames, frames - 13])


@pytest.mark.parametrize("name", CONFIGS)
def test_every_matrix_is_integers_to_half_a_step(name):
    _, built = made(name)
    state = quantised(built)
    back = restored(state)
    for key, weight in built.state_dict().items():
        if key + SCALE not in state:
            torch.testing.assert_close(back[key], weight, rtol=0, atol=0)
            continue
        assert state[key].dtype == torch.int8
        assert state[key].abs().max() == 127
        assert (back[key] - weight).abs().max() <= state[key + SCALE] / 2 * 1.001
    matrices = sum(isinstance(m, nn.Linear) for m in built.modules())
    matrices += sum(2 * 2 * m.num_layers for m in built.modules() if isinstance(m, nn.GRU))
    assert sum(key.endswith(SCALE) for key in state) == matrices > 0


@pytest.mark.parametrize("name", CONFIGS)
@torch.inference_mode()
def test_it_computes_with_these_integers_what_the_floats_come_to(name):
    """Held to the float network with the restored weights: only what comes in is rounded, to 7 bits of its range."""
    config, built = made(name)
    state = quantised(built)
    by_integers = computing(network.build(config), state)
    exact = network.build(config).eval()
    exact.load_state_dict(restored(state))
    ours, theirs = by_integers(*heard(config)), exact(*heard(config))
    spread = (theirs.logits - theirs.logits.mean(0)).abs().max() + theirs.logits.std()
    assert 0 < (ours.logits - theirs.logits).abs().max() < 0.1 * spread
    np.testing.assert_allclose(ours.attention.sum(1), 1, atol=1e-5)


def test_other_weights_do_not_fit():
    config, built = made("gru")
    state = quantised(built)
    del state["head.bias"]
    with pytest.raises(UserError, match="do not fit"):
        computing(network.build(config), state)


@pytest.mark.slow
def test_the_bundled_model_keeps_its_words_and_says_what_it_costs(tmp_path, capsys):
    result = export("bundled", tmp_path / "small")
    printed = capsys.readouterr().out
    assert f"{result['uar_int8']:.3f} with int8 weights, {result['uar']:.3f} with float32" in printed
    info = checkpoint.read_info(tmp_path / "small", "emotion")
    assert info.metrics == {"sample/uar_float32": result["uar"], "sample/uar": result["uar_int8"]}
    assert "took part in its training" in info.card
    assert "int8 weights" in info.card
    whole, small = Recognizer.load("bundled", "cpu"), Recognizer.load(tmp_path / "small", "cpu")
    assert small.knows_people
    for clip in held_out_clips(whole.info)[:4]:
        ours, theirs = (one.classify(audio.read(clip)).probabilities for one in (small, whole))
        assert 0 < np.abs(ours - theirs).max() < 0.1
    with pytest.raises(UserError, match="already"):
        export(tmp_path / "small", tmp_path / "smaller")


def test_of_emotions_that_no_clip_has_nothing_is_claimed(tmp_path, capsys):
    config, built = made("enhanced")
    described = {"front_end": {"kind": "logmel", "bands": 40}}
    labels = ["bored", "calm", "disgusted", "surprised"]
    info = CheckpointInfo(
        system="emotion", title="t", network=vars(config), preprocessing=described, labels=labels
    )
    checkpoint.save(tmp_path / "whole", built.state_dict(), info)
    result = export(tmp_path / "whole", tmp_path / "small")
    assert "uar_int8" not in result
    assert "not measured" in capsys.readouterr().out
    assert result["megabytes_int8"] < 0.3 * result["megabytes"]
    small = Recognizer.load(tmp_path / "small", "cpu")
    assert small.classify(np.ones(16_000, np.float32)).probabilities.sum() == pytest.approx(1, abs=1e-5)
