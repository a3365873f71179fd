"""LayerNorm of many short rows with Triton.

PyTorch's kernels give a row of some hundred features a whole thread block, and take three times as long for the
gradients of gain and shift as for that of the rows.
"""
# mypy: disable-error-code="no-untyped-def, untyped-decorator"

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.autograd.function import once_differentiable

TOGETHER = 4096  # features that a program works on at a time
LONGEST = 4  # times it does so in the gradient, whose sums over rows it keeps meanwhile


def layer_norm(x: Tensor, gain: Tensor, shift: Tensor, eps: float) -> Tensor:
    """x: [..., features] on a graphics card, at most `norms.MOST`; gain, shift: [features]. Statistics in float32."""
    result: Tensor = _LayerNorm.apply(x, gain, shift, eps)
    return result


class _LayerNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, gain: Tensor, shift: Tensor, eps: float) -> Tensor:
        x = x.contiguous()
        features = x.shape[-1]
        count, wide = x.numel() // features, triton.next_power_of_2(features)
        together = max(1, TOGETHER // wide)
        result, moments = torch.empty_like(x), x.new_empty((2, count), dtype=torch.float32)
        if count:
            grid = (triton.cdiv(count, together),)
            _forward_kernel[grid](x, gain, shift, result, moments, count, features, eps, together, wide)
        ctx.save_for_backward(x, gain, moments)
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, gain, moments = ctx.saved_tensors
        features = x.shape[-1]
        count, wide = x.numel() // features, triton.next_power_of_2(features)
        together = max(1, TOGETHER // wide)
        parts = max(1, triton.cdiv(count, together * LONGEST))
        of_x = torch.empty_like(x)
        sums = x.new_zeros((2, parts, features), dtype=torch.float32)
        if count:
            _backward_kernel[(parts,)](
                gradients[0].contiguous(),
                x,
                gain,
                moments,
                of_x,
                sums,
                count,
                features,
                parts,
                LONGEST,
                together,
                wide,
            )
        of_gain, of_shift = sums.sum(1).to(gain.dtype)
        return of_x, of_gain, of_shift, None


@triton.jit
def _forward_kernel(
    x, gain, shift, out, moments, count, features, eps, TOGETHER: tl.constexpr, WIDE: tl.constexpr
):
    rows = tl.program_id(0) * TOGETHER + tl.arange(0, TOGETHER)
    columns = tl.arange(0, WIDE)
    inside, there = columns < features, rows < count
    here = there[:, None] & inside[None, :]
    place = rows.to(tl.int64)[:, None] * features + columns[None, :]
    value = tl.load(x + place, mask=here, other=0.0).to(tl.float32)
    mean = tl.sum(value, 1) / features
    centred = tl.where(here, value - mean[:, None], 0.0)
    rstd = 1.0 / tl.sqrt(tl.sum(centred * centred, 1) / features + eps)
    gained = tl.load(gain + columns, mask=inside, other=0.0).to(tl.float32)
    shifted = tl.load(shift + columns, mask=inside, other=0.0).to(tl.float32)
    value = centred * rstd[:, None] * gained[None, :] + shifted[None, :]
    tl.store(out + place, value.to(out.dtype.element_ty), mask=here)
    tl.store(moments + rows, mean, mask=there)
    tl.store(moments + count + rows, rstd, mask=there)


@triton.jit
def _backward_kernel(
    given,
    x,
    gain,
    moments,
    of_x,
    sums,
    count,
    features,
    parts,
    LONGEST: tl.constexpr,
    TOGETHER: tl.constexpr,
    WIDE: tl.constexpr,
):
    part = tl.program_id(0)
    columns = tl.arange(0, WIDE)
    inside = columns < features
    gained = tl.load(gain + columns, mask=inside, other=0.0).to(tl.float32)
    of_gain, of_shift = tl.zeros((WIDE,), tl.float32), tl.zeros((WIDE,), tl.float32)
    for turn in range(LONGEST):
        rows = (part * LONGEST + turn) * TOGETHER + tl.arange(0, TOGETHER)
        there = rows < count
        here = there[:, None] & inside[None, :]
        place = rows.to(tl.int64)[:, None] * features + columns[None, :]
        gradient = tl.load(given + place, mask=here, other=0.0).to(tl.float32)
        value = tl.load(x + place, mask=here, other=0.0).to(tl.float32)
        mean = tl.load(moments + rows, mask=there, other=0.0)
        rstd = tl.load(moments + count + rows, mask=there, other=0.0)
        normed = tl.where(here, (value - mean[:, None]) * rstd[:, None], 0.0)
        of_gain += tl.sum(gradient * normed, 0)
        of_shift += tl.sum(gradient, 0)
        gradient = gradient * gained[None, :]
        by_one = tl.sum(gradient, 1) / features
        by_value = tl.sum(gradient * normed, 1) / features
        result = (gradient - by_one[:, None] - normed * by_value[:, None]) * rstd[:, None]
        tl.store(of_x + place, result.to(of_x.dtype.element_ty), mask=here)
    tl.store(sums + part * features + columns, of_gain, mask=inside)
    tl.store(sums + (parts + part) * features + columns, of_shift, mask=inside)
