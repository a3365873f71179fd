"""Conv-TasNet against torchaudio's, against itself computed in the other layout, and at its edges."""

import pytest
import torch

import models.torchaudio_cpu  # noqa: F401
from models.kernels import conv_stack
from models.separation import beginning, network
from models.separation.network import NetworkConfig
from models.separation.time_major import block_weights

SMALL = {"filters": 24, "bottleneck": 12, "skip": 12, "hidden": 20, "blocks": 3, "repeats": 2}


def shaken(module):
    """The module with all its weights moved, norms and slopes too, so that none is at a value that hides a mistake."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for weight in module.parameters():
            weight.add_(0.1 * torch.randn(weight.shape, generator=generator))
    return module


def torchaudios(activation="relu", speakers=2, length=16):
    from torchaudio.models import ConvTasNet

    return ConvTasNet(speakers, length, 24, 3, 12, 20, 3, 2, activation)


def relative(actual, expected):
    return float((actual - expected).norm() / expected.norm())


@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
@pytest.mark.parametrize("samples", [1, 9, 500, 1003])
def test_equals_torchaudio_with_the_same_weights(activation, samples):
    torch.manual_seed(0)
    theirs = shaken(torchaudios(activation))
    ours = network.build(NetworkConfig(**SMALL, mask_activation=activation))
    ours.load_state_dict(theirs.state_dict())
    mixture = torch.randn(2, samples)
    wanted = theirs(mixture[:, None])
    assert relative(ours(mixture), wanted) < 1e-5
    with torch.inference_mode():
        assert relative(ours(mixture), wanted) < 1e-5


def test_gradients_equal_torchaudios():
    torch.manual_seed(1)
    theirs = shaken(torchaudios())
    ours = network.build(NetworkConfig(**SMALL))
    ours.load_state_dict(theirs.state_dict())
    mixture, direction = torch.randn(3, 700), torch.randn(3, 2, 700)
    (theirs(mixture[:, None]) * direction).sum().backward()
    (ours(mixture) * direction).sum().backward()
    wanted = dict(theirs.named_parameters())
    for name, weight in ours.named_parameters():
        assert relative(weight.grad, wanted[name].grad) < 1e-3, name


def test_the_time_major_blocks_equal_the_modules():
    torch.manual_seed(2)
    config = NetworkConfig(filters=24, bottleneck=12, skip=8, hidden=20, kernel=5, blocks=4, repeats=1)
    built = shaken(network.build(config))
    features = torch.randn(2, 11, 12)  # shorter than the reach of the last taps
    wanted, passed = torch.zeros(2, 8, 11), features.transpose(1, 2)
    for block in built.mask_generator.conv_layers:
        passed, skip = block(passed)
        wanted = wanted + skip
    weights = [block_weights(block) for block in built.mask_generator.conv_layers]
    result = conv_stack.separate_features(features, weights, config.dilations, half=False)
    torch.testing.assert_close(result, wanted.transpose(1, 2), rtol=1e-4, atol=1e-5)


def test_half_precision_stays_near():
    torch.manual_seed(4)
    built = network.build(NetworkConfig(**SMALL))
    mixture = torch.randn(2, 900)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        result = built(mixture)
    assert 0 < relative(result.float(), built(mixture)) < 0.03


@pytest.mark.slow
@pytest.mark.parametrize("edges", ["half", "none"])
def test_the_output_is_as_long_as_the_input(edges):
    built = network.build(
        NetworkConfig(filters=8, bottleneck=4, skip=4, hidden=4, blocks=1, repeats=1, edges=edges)
    )
    with torch.inference_mode():
        for samples in range(1, 2001):
            result = built(torch.ones(1, samples))
            assert result.shape == (1, 2, samples)
            assert torch.isfinite(result).all()


@pytest.mark.parametrize(("length", "stride"), [(20, 10), (40, 20), (16, 4), (17, 8)])
def test_other_filters_keep_the_length(length, stride):
    config = NetworkConfig(**SMALL, filter_length=length, stride=stride)
    for samples in (1, stride, length, 333):
        assert network.build(config)(torch.randn(1, samples)).shape == (1, 2, samples)


@pytest.mark.parametrize(("hidden", "millions"), [(512, 4.98), (256, 2.60), (128, 1.43)])
def test_published_sizes(hidden, millions):
    built = network.build(NetworkConfig(hidden=hidden))
    count = sum(weight.numel() for weight in built.parameters())
    # the paper's 5.05 M count the last block's residual, which nothing uses
    assert count / 1e6 == pytest.approx(millions, abs=0.1)


def test_a_causal_network_does_not_look_ahead():
    torch.manual_seed(5)
    config = NetworkConfig(**SMALL, norm="cLN", causal=True, edges="none")
    built = shaken(network.build(config)).eval()
    mixture = torch.randn(1, 800)
    changed = mixture.clone()
    changed[:, 480:] = torch.randn(1, 320)
    with torch.inference_mode():
        before, after = built(mixture), built(changed)
    torch.testing.assert_close(before[..., :464], after[..., :464], rtol=1e-4, atol=1e-5)
    assert not torch.allclose(before[..., 480:], after[..., 480:])


def test_the_cumulative_norm_is_that_of_all_that_was_heard():
    torch.manual_seed(6)
    norm = shaken(network.CumulativeNorm(5))
    values = torch.randn(2, 5, 30)
    result = norm(values)
    for frame in (0, 7, 29):
        heard = values[..., : frame + 1]
        mean = heard.mean((1, 2), keepdim=True)[..., 0]
        spread = heard.var((1, 2), correction=0, keepdim=True)[..., 0]
        wanted = (values[..., frame] - mean) / (spread + 1e-8).sqrt() * norm.weight + norm.bias
        torch.testing.assert_close(result[..., frame], wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("speakers", [2, 3, 5])
@pytest.mark.parametrize("activation", ["relu", "sigmoid", "softmax"])
def test_masks(speakers, activation):
    built = network.build(NetworkConfig(**SMALL, speakers=speakers, mask_activation=activation))
    masks = built.mask_generator(built.encode(torch.randn(2, 400)))
    assert masks.shape[2:] == (speakers, 24)
    assert masks.min() >= 0
    if activation == "softmax":
        torch.testing.assert_close(masks.sum(2), torch.ones_like(masks[:, :, 0]))


@pytest.mark.parametrize("relu", [False, True])
def test_sines_give_the_mixture_back(relu):
    config = NetworkConfig(**{**SMALL, "filters": 64}, encoder_relu=relu)
    built = network.build(config)
    beginning.begin_with_sines(built)
    with torch.no_grad():
        built.mask_generator.output_conv.weight.zero_()
        mixture = torch.randn(2, 1000)
        torch.testing.assert_close(
            built(mixture), mixture[:, None].expand(-1, 2, -1) / 2, rtol=1e-4, atol=1e-5
        )
    with pytest.raises(ValueError, match="tight frame"):
        beginning.begin_with_sines(network.build(NetworkConfig(**{**SMALL, "filters": 8})))


def test_silence_is_separated_into_silence():
    built = shaken(network.build(NetworkConfig(**SMALL)))
    assert torch.equal(built(torch.zeros(1, 300)), torch.zeros(1, 2, 300))
