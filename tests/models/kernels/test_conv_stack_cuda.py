"""The separator's blocks as a graphics card computes them, held to the modules; they run on any processor."""

import pytest
import torch

from models.kernels import conv_stack_cuda
from models.separation import network
from models.separation.network import NetworkConfig
from models.separation.time_major import block_weights


def shaken(kernel=3, blocks=4, skip=8):
    """Blocks whose every weight was moved, norms and slopes too, and the config."""
    torch.manual_seed(2)
    config = NetworkConfig(
        filters=24, bottleneck=12, skip=skip, hidden=20, kernel=kernel, blocks=blocks, repeats=1
    )
    built = network.build(config)
    with torch.no_grad():
        for weight in built.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    return list(built.mask_generator.conv_layers), config


def by_modules(blocks, features):
    total, passed = 0.0, features.transpose(1, 2)
    for block in blocks:
        passed, skip = block(passed)
        total = total + skip
    return total.transpose(1, 2)


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("frames", [1, 11, 60])  # shorter than the reach of the last taps, and longer
def test_blocks_equal_the_modules_gradients_included(kernel, frames):
    blocks, config = shaken(kernel)
    features = torch.randn(3, frames, 12, requires_grad=True)
    weights = [block_weights(block) for block in blocks]
    result = conv_stack_cuda.separate_features(features, weights, config.dilations, torch.float32)
    expected = by_modules(blocks, features)
    torch.testing.assert_close(result, expected, rtol=1e-4, atol=1e-5)
    asked = [features, *(weight for block in blocks for weight in block.parameters())]
    wanted = torch.randn_like(expected)
    ours, theirs = (torch.autograd.grad(item, asked, wanted) for item in (result, expected))
    for item, other in zip(ours, theirs, strict=True):
        assert float((item - other).norm()) <= 1e-3 * float(other.norm()) + 1e-5


def test_half_precision_stays_near_and_the_weights_learn_in_single():
    blocks, config = shaken()
    features = torch.randn(2, 40, 12)
    weights = [block_weights(block) for block in blocks]
    exact = conv_stack_cuda.separate_features(features, weights, config.dilations, torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        near = conv_stack_cuda.separate_features(features, weights, config.dilations, torch.bfloat16)
        near.sum().backward()
    assert near.dtype == torch.float32
    assert 0 < float((near - exact).norm() / exact.norm()) < 0.03
    gradients = [weight.grad for block in blocks for weight in block.parameters()]
    assert all(item.dtype == torch.float32 and item.isfinite().all() for item in gradients)
