"""Queries and keys turned by their positions, without a copy of either half of them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def rotated_in_one(qkv: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
    """qkv: [batch, time, 3, heads, size]; cosines, sines: [time, size], both halves of which are alike. Returns the same
    with queries and keys rotated (rotary embedding, Su et al. 2021), values as they are."""
    half = cosines.shape[1] // 2
    result: Tensor = _Rotated.apply(qkv, cosines[:, None, None, :half], sines[:, None, None, :half])
    return result


class _Rotated(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, qkv: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
        ctx.save_for_backward(cosines, sines)
        return _turned(qkv, cosines.to(qkv.dtype), sines.to(qkv.dtype))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        cosines, sines = ctx.saved_tensors
        kind = gradients[0].dtype
        return _turned(gradients[0], cosines.to(kind), -sines.to(kind)), None, None


def _turned(qkv: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
    result = torch.empty_like(qkv, memory_format=torch.contiguous_format)
    result[:, :, 2] = qkv[:, :, 2]
    (first, second), (first_out, second_out) = (x[:, :, :2].chunk(2, dim=-1) for x in (qkv, result))
    torch.mul(first, cosines, out=first_out)
    first_out.addcmul_(second, sines, value=-1)
    torch.mul(second, cosines, out=second_out)
    second_out.addcmul_(first, sines)
    return result
