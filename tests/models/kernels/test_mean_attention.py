"""The mean of attention, held to PyTorch's attention and a mean over it."""

import math

import pytest
import torch

from models.kernels import mean_attention as kernel
from models.kernels import products
from models.kernels.mean_attention import mean_attention


def layer_of(d, heads, dtype=torch.float64, size_of_scores=1.0):
    """PyTorch's attention with random biases; `size_of_scores` is how many times larger its queries are."""
    layer = torch.nn.MultiheadAttention(d, heads, batch_first=True, dtype=dtype)
    torch.nn.init.normal_(layer.in_proj_bias)
    with torch.no_grad():
        layer.in_proj_weight[:d] *= size_of_scores
        layer.in_proj_bias[:d] *= size_of_scores
        layer.out_proj.weight.copy_(torch.eye(d))
    return layer


def mean_by(layer, x, counts=None):
    return mean_attention(x, layer.in_proj_weight, layer.in_proj_bias, layer.num_heads, counts)


@pytest.mark.parametrize("most", [500_000, 20, 5])
@pytest.mark.parametrize("size_of_scores", [1.0, 100.0])
def test_mean_attention_equals_attention_then_mean(monkeypatch, most, size_of_scores):
    monkeypatch.setattr(kernel, "MOST_SCORES", most)
    torch.manual_seed(0)
    layer = layer_of(8, 2, size_of_scores=size_of_scores)
    x = torch.randn(2, 9, 8, dtype=torch.float64, requires_grad=True)
    counts = torch.tensor([[1, 1, 1, 1, 1, 1, 1, 3, 0], [1, 1, 1, 2, 1, 1, 1, 1, 1]], dtype=torch.float64)
    repeats = [[i for i in range(9) for _ in range(int(row[i]))] for row in counts]
    each = (x[b : b + 1, repeats[b]] for b in range(2))
    expected = torch.cat([layer(item, item, item)[0].mean(1) for item in each])
    result = mean_by(layer, x, counts)
    torch.testing.assert_close(result, expected, rtol=0, atol=1e-12)
    weights, asked = torch.randn_like(result), (x, layer.in_proj_weight, layer.in_proj_bias)
    for ours, theirs in zip(
        torch.autograd.grad((result * weights).sum(), asked),
        torch.autograd.grad((expected * weights).sum(), asked),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("times", [5, 10, 20, 50, 1000])
@pytest.mark.parametrize("scale", [1, 1024, 65_536])
def test_mean_attention_never_looks_at_padding_however_large(times, scale):
    counts = torch.tensor([[1.0] * 7 + [0.0] * 2])
    for seed in range(5):
        torch.manual_seed(seed)
        layer, x = layer_of(8, 2, torch.float32), torch.randn(1, 9, 8)
        expected = mean_by(layer, x[:, :7])
        x[:, 7:] *= times
        x.requires_grad_()
        result = mean_by(layer, x, counts)
        torch.testing.assert_close(result, expected)
        (scale * result.sum()).backward()
        assert x.grad.isfinite().all()
        assert not x.grad[:, 7:].any()
        assert layer.in_proj_weight.grad.isfinite().all()


def test_mean_attention_in_single_precision_at_the_size_of_the_mesh():
    torch.manual_seed(0)
    layer = layer_of(64, 8, torch.float32)
    x = torch.randn(32, 40, 64, requires_grad=True)
    assert products.pays(layer.in_proj_weight[:128], x.reshape(-1, 64))
    result, expected = mean_by(layer, x), layer(x, x, x)[0].mean(1)
    torch.testing.assert_close(result, expected, rtol=0, atol=1e-6)
    wanted, asked = torch.randn_like(result), [x, layer.in_proj_weight, layer.in_proj_bias]
    with torch.autocast("cpu", torch.bfloat16):  # of what comes, not of what was
        ours = torch.autograd.grad(result, asked, wanted)
    for item, other in zip(ours, torch.autograd.grad(expected, asked, wanted), strict=True):
        torch.testing.assert_close(item, other, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("score", [1.0, 60.0, 119.0])
def test_mean_attention_has_finite_gradients_where_losses_are_scaled(score):
    """All scores alike, and as large as given: powers of two as far as they go, and beyond them."""
    x = torch.ones(1, 9, 4, requires_grad=True)
    weight = torch.cat(
        [torch.eye(4) * (score * math.log(2) / 2), torch.eye(4), torch.eye(4)]
    ).requires_grad_()
    (65_536 * mean_attention(x, weight, torch.zeros(12), 1).sum()).backward()
    assert x.grad.isfinite().all()
    assert weight.grad.isfinite().all()


def test_mean_attention_keeps_the_number_format_and_takes_an_empty_batch():
    layer = layer_of(8, 2, torch.float32)
    assert mean_by(layer, torch.randn(2, 9, 8, dtype=torch.bfloat16)).dtype == torch.bfloat16
    assert mean_by(layer, torch.randn(0, 9, 8)).shape == (0, 8)
