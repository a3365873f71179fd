"""The blocks of a causal separator as the CPU walks through them, against the modules of the network."""

import pytest
import torch

from models.kernels import causal_stack
from models.separation import network
from models.separation.network import CumulativeNorm, NetworkConfig
from models.separation.time_major import block_weights

CONFIG = NetworkConfig(
    filters=24, bottleneck=12, skip=8, hidden=20, blocks=4, repeats=2, norm="cLN", causal=True
)


def built() -> network.ConvTasNet:
    torch.manual_seed(7)
    result = network.build(CONFIG)
    with torch.no_grad():
        for weight in result.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    return result


def by_modules(generator, features: torch.Tensor) -> torch.Tensor:
    """[batch, frames, bottleneck] → the sum of skips, by the modules one after the other."""
    passed, total = features.transpose(1, 2), torch.zeros(())
    for block in generator.conv_layers:
        passed, skip = block(passed)
        total = total + skip
    return total.transpose(1, 2)


def by_rows(generator, features: torch.Tensor, half: bool = False) -> torch.Tensor:
    weights = [block_weights(block) for block in generator.conv_layers]
    return causal_stack.separate_features(features, weights, CONFIG.dilations, half)


@pytest.mark.parametrize("frames", [1, 11, 90])  # shorter than the last taps reach, and longer
def test_blocks_and_their_gradients_equal_the_modules(frames):
    generator = built().mask_generator
    features = torch.randn(3, frames, 12, requires_grad=True)
    direction = torch.randn(3, frames, 8)
    weights = dict(generator.conv_layers.named_parameters())
    found = []
    for form in (by_modules, by_rows):
        result = form(generator, features)
        gradients = torch.autograd.grad((result * direction).sum(), [features, *weights.values()])
        found.append([result.detach(), *gradients])
    names = ["result", "features", *weights]
    for name, wanted, ours in zip(names, *found, strict=True):
        assert (ours - wanted).norm() <= 1e-4 * wanted.norm() + 1e-6, name


def test_half_precision_stays_near():
    generator = built().mask_generator
    features = torch.randn(2, 60, 12)
    exact, near = by_rows(generator, features), by_rows(generator, features, half=True)
    assert 0 < (near - exact).norm() < 0.03 * exact.norm()


def test_the_cumulative_norm_and_its_gradient_equal_the_module():
    torch.manual_seed(8)
    values, direction = (torch.randn(2, 30, 5, requires_grad=True) for _ in range(2))
    module = CumulativeNorm(5)
    wanted = module(values.transpose(1, 2)).transpose(1, 2)
    ours = causal_stack.cumulative_norm(values)
    torch.testing.assert_close(ours, wanted, rtol=1e-4, atol=1e-5)
    of_wanted, of_ours = (
        torch.autograd.grad((result * direction).sum(), values)[0] for result in (wanted, ours)
    )
    torch.testing.assert_close(of_ours, of_wanted, rtol=1e-3, atol=1e-4)


def test_a_whole_network_takes_this_form_and_gives_what_its_modules_give(monkeypatch):
    whole = built()
    mixture = torch.randn(2, 700)
    calls = []
    monkeypatch.setattr(
        network.time_major.conv_stack_native, "serves", lambda build: False
    )  # as without a compiler
    plain = causal_stack.separate_features
    monkeypatch.setattr(causal_stack, "separate_features", lambda *given: (calls.append(1), plain(*given))[1])
    ours = whole(mixture)
    assert calls
    monkeypatch.setattr(network.time_major, "serves", lambda *_: False)
    wanted = whole(mixture)
    assert len(calls) == 1
    assert (ours - wanted).norm() < 1e-5 * wanted.norm()
