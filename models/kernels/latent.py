"""Latents of several modules at once: a mean and a log variance of each feature, what is drawn, and its KL to N(0, 1).

Gradients are written down here, because memory is what costs: automatic ones walk over it twice as often.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from models.kernels.choice import without_autocast
from models.kernels.products import pays, product_each

EPSILON = 1e-5  # of LayerNorm, as PyTorch's


def drawn(both: Tensor, noise: Tensor | None) -> tuple[Tensor, Tensor]:
    """(z = mu + noise · exp(logvar / 2), KL of each row to N(0, 1)).

    both: [modules, rows, 2d], mu beside logvar; noise: [modules, rows, d], or None for z = mu.
    """
    z, kl = _Latent.apply(both, noise)
    return z, kl


def normed(
    x: Tensor,
    h: Tensor,
    shares: Tensor | None,
    noise: Tensor | None,
    weight: Tensor,
    bias: Tensor,
    gain: Tensor,
    shift: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    """What roles make of what they read, in few walks over memory: (LayerNorm(x + z) with a gain and a shift a module, as
    x; means of h over time [modules, batch, d]; KL [modules, batch, time]).

    x, h, noise: [modules, batch, time, d]; weight: [modules, d, 2d], bias: [modules, 1, 2d]: from h to mu beside logvar;
    shares: [batch, time], how much of the mean of h a step is, None: all alike; gain, shift: [modules, d].
    """
    outs, means, kl = _Normed.apply(x, h, shares, noise, weight, bias, gain, shift)
    return outs, means, kl


class _Latent(torch.autograd.Function):
    """See `drawn`."""

    @staticmethod
    def forward(ctx: Any, both: Tensor, noise: Tensor | None) -> tuple[Tensor, Tensor]:
        wide = both.to(torch.promote_types(both.dtype, torch.float32))
        z, kl, spread = _drawn(wide, noise)  # the terms of a small KL nearly cancel
        ctx.save_for_backward(both, noise, spread)
        return z, kl

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        both, noise, spread = ctx.saved_tensors
        return _of_drawn(both, noise, spread, gradients[0], gradients[1]), None


class _Normed(torch.autograd.Function):
    """See `normed`."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        h: Tensor,
        shares: Tensor | None,
        noise: Tensor | None,
        weight: Tensor,
        bias: Tensor,
        gain: Tensor,
        shift: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        modules, _, _, d = h.shape
        noise = None if noise is None else noise.view(modules, -1, d)
        flat, columns = h.view(modules, -1, d), weight.transpose(1, 2)
        ctx.fast = pays(flat[0], columns[0])
        both = product_each(flat, columns, bias[:, 0], ctx.fast)
        z, kl, spread = _drawn(both, noise)
        z = z.view_as(h)
        summed = torch.add(x, z, out=z)
        ones, zeros = (
            gain.new_ones(d),
            gain.new_zeros(d),
        )  # PyTorch's norm is twice as fast with weights as without
        normed, *moments = torch.native_layer_norm(summed, (d,), ones, zeros, EPSILON)
        ctx.save_for_backward(h, shares, noise, weight, gain, both, spread, summed, normed, *moments)
        means = h.mean(2) if shares is None else torch.einsum("mbtd,bt->mbd", h, shares)
        out = torch.addcmul(shift[:, None, None], normed, gain[:, None, None])
        return out, means, kl.view(h.shape[:3])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        with without_autocast(gradients[0]):
            return _Normed._backward(ctx, *gradients)

    @staticmethod
    def _backward(ctx: Any, given: Tensor, of_means: Tensor, of_kl: Tensor) -> tuple[Tensor | None, ...]:
        h, shares, noise, weight, gain, both, spread, summed, normed, *moments = ctx.saved_tensors
        modules, _, time, d = h.shape
        rows = (modules, -1, d)
        of_gain, of_shift = (normed * given).view(rows).sum(1), given.reshape(rows).sum(1)
        of_normed = given * gain[:, None, None]
        of_sum = torch.ops.aten.native_layer_norm_backward(
            of_normed, summed, (d,), *moments, None, None, (True, False, False)
        )[0]
        of_both = _of_drawn(both, noise, spread, of_sum.view(rows), of_kl.reshape(modules, -1))
        of_h = product_each(of_both, weight, fast=ctx.fast).view_as(h)
        of_h += (of_means / time)[:, :, None] if shares is None else of_means[:, :, None] * shares[..., None]
        of_weight = product_each(h.view(rows).transpose(1, 2), of_both.transpose(1, 2), fast=ctx.fast)
        return of_sum, of_h, None, None, of_weight, of_both.sum(1, keepdim=True), of_gain, of_shift


def _drawn(both: Tensor, noise: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """(z = mu + noise · exp(logvar / 2), the KL of each row to N(0, 1), exp(logvar / 2)).

    both: [modules, rows, 2d], mu beside logvar; noise: [modules, rows, d], or None for z = mu.
    """
    mu, logvar = both.chunk(2, dim=-1)
    spread = (logvar * (0.5 * math.log2(math.e))).exp2_()  # PyTorch's power of two is faster than that of e
    kl = mu.square().addcmul_(spread, spread).sub_(logvar).sum(-1).sub_(mu.shape[-1]).mul_(0.5)
    return (mu.clone() if noise is None else torch.addcmul(mu, noise, spread)), kl, spread


def _of_drawn(both: Tensor, noise: Tensor | None, spread: Tensor, of_z: Tensor, of_kl: Tensor) -> Tensor:
    """What gradients of z and of the KL do to `both`."""
    result, of_kl = torch.empty_like(both), of_kl.unsqueeze(-1)
    of_mu, of_logvar = result.chunk(2, dim=-1)
    torch.addcmul(of_z, both.chunk(2, dim=-1)[0], of_kl, out=of_mu)
    of_spread = spread * of_kl if noise is None else (of_z * noise).addcmul_(spread, of_kl)
    torch.mul(of_spread.mul_(spread).sub_(of_kl), 0.5, out=of_logvar)
    return result
