"""Products by the faster library are PyTorch's own, in value and gradient."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from models.kernels import products
from models.kernels.products import Linear, linear, product


def close(actual, expected):
    torch.testing.assert_close(actual, expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("shape", [(300, 100), (3, 100, 100), (4, 100), (0, 100)])
@pytest.mark.parametrize("bias", [True, False])
def test_a_layer_gives_and_learns_what_pytorchs_does(shape, bias):
    torch.manual_seed(0)
    layer, x = Linear(100, 200, bias=bias), torch.randn(shape, requires_grad=True)
    assert products.pays(x, layer.weight) == (x.numel() > 1000)  # both ways are gone
    result, expected = layer(x), functional.linear(x, layer.weight, layer.bias)
    close(result, expected)
    wanted = torch.randn_like(result)
    asked = [x, *layer.parameters()]
    for ours, theirs in zip(
        torch.autograd.grad(result, asked, wanted), torch.autograd.grad(expected, asked, wanted), strict=True
    ):
        close(ours, theirs)
    with torch.no_grad():
        close(layer(x), expected)


def test_what_is_frozen_gets_no_gradient():
    layer, x = Linear(100, 200), torch.randn(300, 100)
    layer.weight.requires_grad_(False)
    layer(x).sum().backward()
    assert layer.weight.grad is None
    close(layer.bias.grad, torch.full((200,), 300.0))


@pytest.mark.parametrize("rows", [500, products.LONGEST_COLUMNS + 1])
def test_matrices_may_lie_in_columns(rows):
    torch.manual_seed(0)
    a, b = torch.randn(rows, 70), torch.randn(rows, 90)
    close(product(a.t(), b.t()) / rows, a.t() @ b / rows)
    close(product(a, b[:70].t()), a @ b[:70])
    bias = torch.randn(90, 2)[:, 0]  # every other number of its memory
    close(product(a, b[:70].t(), bias), a @ b[:70] + bias)


def test_layers_take_pytorchs_products_where_shapes_vary_and_so_do_their_gradients(monkeypatch):
    def refuse(*_):
        raise AssertionError

    monkeypatch.setattr(products, "onednn", refuse)
    layer, x = Linear(100, 200), torch.randn(300, 100)
    with products.shapes_vary():
        result = layer(x)
    result.sum().backward()
    with products.shapes_vary(), products.shapes_vary(False), pytest.raises(AssertionError):
        layer(x)
    with pytest.raises(AssertionError):
        layer(x)


def test_windows_that_overlap_are_taken_too():
    layer, x = Linear(100, 200), torch.randn(12_100).unfold(0, 100, 40)
    layer(x).sum().backward()
    close(layer.weight.grad, x.sum(0).expand(200, 100))


def test_a_layer_without_memory_has_shapes():
    layer = Linear(100, 200, device="meta")
    assert layer(torch.empty(300, 100, device="meta")).shape == (300, 200)


@pytest.mark.parametrize("kind", [torch.float64, torch.bfloat16])
def test_other_number_formats_stay_what_they_are(kind):
    x, layer = torch.randn(300, 100, dtype=kind), Linear(100, 200, dtype=kind)
    assert linear(x, layer.weight, layer.bias).dtype == kind
    assert product(x, layer.weight).dtype == kind


def test_half_precision_is_kept_to_where_it_is_asked_for():
    layer = Linear(100, 200)
    with torch.autocast("cpu", torch.bfloat16):
        result = layer(torch.randn(300, 100))
    assert result.dtype == torch.bfloat16
    result.float().sum().backward()
    assert layer.weight.grad.dtype == torch.float32
