"""Latents, norms and means in one walk are what they are one by one, in value and gradient."""

import pytest
import torch
from torch.nn import functional

from models.kernels import processor, products
from models.reverberation.network import NormedLatent


def material(modules, batch, time, d, dtype):
    torch.manual_seed(0)
    latent = NormedLatent(modules, d).to(dtype)
    x, h = (torch.randn(modules, batch, time, d, dtype=dtype, requires_grad=True) for _ in range(2))
    gain, shift = (torch.randn(modules, d, dtype=dtype, requires_grad=True) for _ in range(2))
    return latent, x, h, gain, shift


def one_by_one(latent, x, h, shares, gain, shift, noisy):
    modules, batch, time, d = h.shape
    both = torch.matmul(h.reshape(modules, -1, d), latent.weight) + latent.bias
    mu, logvar = both.view(modules, batch, time, 2 * d).chunk(2, dim=-1)
    z = mu + torch.randn_like(h) * (logvar / 2).exp() if noisy else mu
    kl = (mu**2 + logvar.exp() - logvar - 1).sum(-1) / 2
    means = h.mean(2) if shares is None else (h * shares[..., None]).sum(2)
    out = functional.layer_norm(x + z, (d,)) * gain[:, None, None] + shift[:, None, None]
    return out, means, kl


def assert_equal_one_by_one(batch, time, d, dtype, noisy, shares, tolerance, vary=False):
    latent, x, h, gain, shift = material(3, batch, time, d, dtype)
    torch.manual_seed(1)
    with products.shapes_vary(vary):
        result = latent(x, h, shares, gain, shift, noisy)
    torch.manual_seed(1)
    expected = one_by_one(latent, x, h, shares, gain, shift, noisy)
    wanted = [torch.randn_like(item) for item in expected]
    asked = [x, h, latent.weight, latent.bias, gain, shift]
    first = torch.autograd.grad(result, asked, wanted, retain_graph=True)
    again = torch.autograd.grad(result, asked, wanted)
    theirs = torch.autograd.grad(expected, asked, wanted)
    for item, other in zip((*result, *first, *again), (*expected, *theirs, *theirs), strict=True):
        torch.testing.assert_close(item, other, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("noisy", [True, False])
@pytest.mark.parametrize("ragged", [True, False])
def test_one_walk_equals_one_by_one(noisy, ragged):
    shares = torch.tensor([[0.5, 0.5, 0, 0], [0.25, 0.25, 0.25, 0.25]], dtype=torch.float64)
    assert_equal_one_by_one(2, 4, 8, torch.float64, noisy, shares if ragged else None, 1e-11)


@pytest.mark.parametrize("vary", [True, False])
def test_in_single_precision_at_the_size_of_the_mesh(vary, monkeypatch):
    seen, product = [], products.onednn
    monkeypatch.setattr(products, "onednn", lambda *given: seen.append(1) or product(*given))
    assert_equal_one_by_one(32, 10, 64, torch.float32, True, None, 2e-4, vary)
    assert bool(seen) == (not vary and processor.HAS_ONEDNN)


def test_a_small_kl_keeps_its_digits_under_autocast():
    latent, x, h, gain, shift = material(3, 2, 4, 8, torch.float32)
    with torch.no_grad():
        latent.weight *= 1e-3
        latent.bias.zero_()
    expected = one_by_one(latent.double(), x.double(), h.double(), None, gain.double(), shift.double(), False)
    latent.float()
    with torch.autocast("cpu", torch.bfloat16):
        result = latent(x, h, None, gain, shift, noisy=False)
        (result[0].sum() + result[2].sum()).backward()
    assert result[0].dtype == torch.float32
    torch.testing.assert_close(result[2].double(), expected[2], rtol=0.05, atol=1e-6)
    assert latent.weight.grad.dtype == torch.float32


@pytest.mark.parametrize("ragged", [True, False])
def test_what_a_compiler_is_given_is_the_same(monkeypatch, ragged):
    latent, x, h, gain, shift = material(3, 2, 4, 8, torch.float64)
    shares = torch.tensor([[0.5, 0.5, 0, 0], [0.25] * 4], dtype=torch.float64) if ragged else None
    results = []
    for _ in range(2):
        torch.manual_seed(1)
        result = latent(x, h, shares, gain, shift, noisy=True)
        torch.manual_seed(2)
        wanted = [torch.randn_like(item) for item in result]
        results.append(
            [*result, *torch.autograd.grad(result, [x, h, *latent.parameters(), gain, shift], wanted)]
        )
        monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    for item, other in zip(*results, strict=True):
        torch.testing.assert_close(item, other)
