"""Convolutions as images are PyTorch's of sequences, in value and gradient."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from models.kernels import choice
from models.kernels.convolution import FrozenGroups, TimeConv


def plainly(layer, x):
    return torch.nn.Conv1d.forward(layer, x.transpose(1, 2)).transpose(1, 2)


@pytest.mark.parametrize(("inputs", "outputs", "groups"), [(6, 9, 1), (6, 6, 6), (6, 6, 2), (1, 1, 1)])
@pytest.mark.parametrize("width", [1, 3, 4, 31])
@pytest.mark.parametrize("batch", [0, 3])
def test_an_image_gives_and_learns_what_a_sequence_does(inputs, outputs, groups, width, batch):
    torch.manual_seed(0)
    layer = TimeConv(inputs, outputs, width, groups)
    x = torch.randn(batch, inputs, 20).transpose(1, 2).requires_grad_()  # wherever it lies
    result, expected = layer(x), plainly(layer, x)
    torch.testing.assert_close(result, expected)
    asked, wanted = [x, *layer.parameters()], torch.randn_like(expected)
    for ours, theirs in zip(
        torch.autograd.grad(result, asked, wanted), torch.autograd.grad(expected, asked, wanted), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
    with torch.inference_mode():
        torch.testing.assert_close(layer(x), expected)


def test_each_channel_by_itself_in_double_precision_as_far_as_it_goes():
    torch.manual_seed(0)
    layer = TimeConv(4, 4, 5, 4).double()
    x = torch.randn(2, 9, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(layer, x)
    assert torch.autograd.gradcheck(
        lambda weight, bias: torch.func.functional_call(layer, {"weight": weight, "bias": bias}, x),
        (layer.weight, layer.bias),
    )


def test_the_convolution_meets_images_that_are_not_copied(monkeypatch):
    layer, x, convolve, met = TimeConv(8, 8, 3), torch.randn(2, 20, 8), functional.conv2d, []

    def watched(image, *others, **named):
        met.append(image)
        result = convolve(image, *others, **named)
        result.register_hook(met.append)
        return result

    monkeypatch.setattr(functional, "conv2d", watched)
    result, wanted = layer(x), torch.randn(2, 20, 8)
    result.backward(wanted)
    assert result.is_contiguous()
    assert [item.data_ptr() for item in met] == [x.data_ptr(), wanted.data_ptr()]


def test_what_is_frozen_gets_no_gradient():
    layer, x = TimeConv(4, 4, 3, 4), torch.randn(2, 9, 4)
    layer.weight.requires_grad_(False)
    layer(x).sum().backward()
    assert layer.weight.grad is None
    torch.testing.assert_close(layer.bias.grad, torch.full((4,), 18.0))


def test_half_precision_passes_through():
    layer, x = TimeConv(8, 8, 3, 8), torch.randn(2, 20, 8)
    with torch.autocast("cpu", torch.bfloat16):
        result = layer(x)
        result.float().square().sum().backward()
    assert result.dtype == torch.bfloat16
    torch.testing.assert_close(result.float(), plainly(layer, x), rtol=0.05, atol=0.05)
    assert layer.weight.grad.isfinite().all()


@pytest.mark.parametrize("groups", [1, 2, 6])
@pytest.mark.parametrize("width", [1, 3, 4, 31])
@pytest.mark.parametrize("kind", [torch.float64, torch.bfloat16])
def test_the_forms_for_a_graphics_card_are_the_convolution(monkeypatch, groups, width, kind):
    monkeypatch.setattr(choice, "for_caches", lambda x: False)
    torch.manual_seed(0)
    layer = TimeConv(6, 6, width, groups).to(kind)
    x = torch.randn(3, 20, 6, dtype=kind, requires_grad=True)
    result, expected = layer(x), plainly(layer, x)
    tolerance = {"rtol": 0.05, "atol": 0.05} if kind == torch.bfloat16 else {}
    torch.testing.assert_close(result, expected, **tolerance)
    asked, wanted = [x, *layer.parameters()], torch.randn_like(expected)
    ours, theirs = (torch.autograd.grad(item, asked, wanted) for item in (result, expected))
    for item, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(item, other, **tolerance)


@pytest.mark.parametrize("width", [16, 19])
def test_wide_filters_in_groups_as_products(width):
    torch.manual_seed(0)
    layer = torch.nn.Conv1d(12, 8, width, padding=width // 2, groups=4)
    network = torch.nn.Sequential(
        torch.nn.utils.parametrizations.weight_norm(layer), torch.nn.Conv1d(8, 8, 3)
    )
    x = torch.randn(3, 12, 40)
    with torch.inference_mode():
        expected = network(x)
        assert FrozenGroups.put_into(network) == 1
        torch.testing.assert_close(network(x), expected, rtol=1e-4, atol=1e-5)
        network.to(torch.bfloat16)
        assert network(x.to(torch.bfloat16)).dtype == torch.bfloat16
