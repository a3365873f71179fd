"""The Conformer decoders: counts, shapes, gradients, switches; the linear decoder as a network."""

import numpy as np
import pytest
import torch

from models.eeg import network
from models.eeg.network import NetworkConfig

SMALL = {"width": 16, "blocks": 2, "heads": 2, "feed_forward": 32, "kernel": 7, "channels": 6}


def small(**values):
    torch.manual_seed(0)
    return network.build(NetworkConfig(**(SMALL | values)))


def parameters(module):
    return sum(parameter.numel() for parameter in module.parameters())


def test_parameter_counts_follow_from_the_layers():
    first, second = (network.build(NetworkConfig(version=version)) for version in ("v1", "v2"))
    assert parameters(first) == pytest.approx(12.9e6, rel=0.01)
    assert parameters(second.gate) == 256 * 64 + 64 + 64 * 256 + 256
    assert parameters(second.head) == 512 + 256 * 128 + 128 + 128 + 1
    assert parameters(second) - parameters(first) == parameters(second.gate) + parameters(second.head) - 257


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("norm", ["layer", "group", "batch"])
@pytest.mark.parametrize("time", [1, 33, 200])
def test_any_length(version, norm, time):
    decoder = small(version=version, conv_norm=norm, subjects=3).eval()
    assert decoder(torch.randn(2, time, 6)).shape == (2, time)


def test_an_item_does_not_depend_on_its_batch():
    decoder = small(subjects=2).eval()
    eeg = torch.randn(3, 50, 6)
    whole = decoder(eeg, torch.tensor([0, 1, 2]))
    torch.testing.assert_close(whole[1:2], decoder(eeg[1:2], torch.tensor([1])), rtol=1e-4, atol=1e-5)


def test_no_subject_is_the_unknown_one():
    decoder = small(subjects=2).eval()
    eeg = torch.randn(1, 50, 6)
    torch.testing.assert_close(decoder(eeg), decoder(eeg, torch.tensor([network.UNKNOWN])))
    assert not torch.allclose(decoder(eeg), decoder(eeg, torch.tensor([1])))


def test_gradient_scaling_changes_the_gradient_and_nothing_else():
    x = torch.randn(4, 3, requires_grad=True)
    scaled = network.scale_gradient(x, 3.0)
    torch.testing.assert_close(scaled, x, rtol=0, atol=0)
    scaled.sum().backward()
    torch.testing.assert_close(x.grad, torch.full_like(x, 3.0))


def test_gradient_scaling_reaches_the_blocks_but_not_the_head():
    eeg, gradients = torch.randn(2, 40, 6), {}
    for scale in (1.0, 3.0):
        decoder = small(gradient_scale=scale, gated_residual=False, dropout=0.0, front_dropout=0.0)
        decoder(eeg).square().mean().backward()
        gradients[scale] = (decoder.blocks[0].attention.out.weight.grad, decoder.head[1].weight.grad)
    torch.testing.assert_close(gradients[3.0][0], 3 * gradients[1.0][0], rtol=1e-3, atol=1e-7)
    torch.testing.assert_close(gradients[3.0][1], gradients[1.0][1])


def test_the_gate_chooses_between_input_and_blocks():
    decoder = small(subjects=0).eval()
    eeg = torch.randn(1, 30, 6)
    last = decoder.gate.layers[-1]
    with torch.no_grad():
        last.weight.zero_()
        last.bias.fill_(-50.0)
    shut, details = decoder.details(eeg)
    assert details.gate.max() < 1e-6
    for block in decoder.blocks:  # a shut gate hides whatever the blocks do
        torch.nn.init.normal_(block.norm.weight)
    torch.testing.assert_close(decoder(eeg), shut)
    with torch.no_grad():
        last.bias.fill_(50.0)
    assert not torch.allclose(decoder(eeg), shut)


@pytest.mark.parametrize(
    ("switch", "lacks"),
    [
        ({"gated_residual": False}, "gate"),
        ({"mlp_head": False}, "head.1"),
        ({"gradient_scale": 1.0}, "nothing"),
    ],
)
def test_each_switch_alone(switch, lacks):
    names = {name for name, _ in small(**switch).named_modules()}
    assert lacks not in names
    full = {name for name, _ in small().named_modules()}
    assert lacks == "nothing" or lacks in full


def test_positions_are_of_any_length_and_distinct():
    table = network.sinusoidal_positions(5000, 32, torch.zeros(1))
    assert len(torch.unique((table * 1e4).round(), dim=0)) == 5000


def test_attention_scores_depend_on_distance_alone():
    q, k = torch.randn(8), torch.randn(8)
    rotation = network.rotary_angles(50, 8, q)
    queries, keys = (network.rotated(v.expand(50, 8), rotation) for v in (q, k))
    scores = queries @ keys.T
    for gap in (-7, 0, 3):
        diagonal = scores.diagonal(gap)
        torch.testing.assert_close(diagonal, diagonal[:1].expand_as(diagonal), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_half_precision(version):
    decoder = small(version=version, subjects=2, dropout=0.0, front_dropout=0.0)
    eeg = torch.randn(2, 60, 6)
    whole = decoder(eeg)
    with torch.autocast("cpu", torch.bfloat16):
        half = decoder(eeg)
    half.float().square().mean().backward()
    assert all(torch.isfinite(p.grad).all() for p in decoder.parameters() if p.grad is not None)
    assert np.corrcoef(whole.detach().flatten(), half.detach().float().flatten())[0, 1] > 0.99


@pytest.mark.slow
def test_it_can_learn():
    """An envelope that is a delayed channel is learned by either version in a few steps."""
    generator = torch.Generator().manual_seed(0)
    eeg = torch.randn(8, 80, 6, generator=generator)
    envelope = torch.roll(eeg[..., 2], -3, dims=1)
    for version in ("v1", "v2"):
        decoder = small(version=version, dropout=0.0, front_dropout=0.0)
        optimizer = torch.optim.Adam(decoder.parameters(), 3e-3)
        for _ in range(60):
            loss = (decoder(eeg) - envelope).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        assert loss < 0.5 * envelope.var()


@pytest.mark.parametrize("lags", [(0, 16), (-4, 5), (3, 9)])
def test_the_linear_decoder_is_the_ridge(lags):
    from models.eeg.ridge import Ridge

    generator = np.random.default_rng(0)
    eeg = generator.normal(size=(100, 6))
    solved = Ridge(generator.normal(size=(lags[1] - lags[0] + 1, 6)), 0.3, *lags, 1.0)
    built = network.build(NetworkConfig(kind="ridge", channels=6, first_lag=lags[0], last_lag=lags[1]))
    with torch.no_grad():
        built.weight.copy_(torch.from_numpy(solved.weights))
        built.bias.fill_(solved.bias)
        result = built(torch.from_numpy(eeg).float()[None])[0].numpy()
    np.testing.assert_allclose(result, solved.decode(eeg), atol=1e-4)


def test_an_unknown_network_is_refused():
    with pytest.raises(ValueError, match="no decoder"):
        network.build(NetworkConfig(version="v3"))
