"""Products of matrices by the faster library: oneDNN, where it beats what PyTorch takes (`processor` measures it).

oneDNN prepares each shape anew, in 2 ms and half a megabyte that it keeps: where every batch has another shape,
`shapes_vary` leaves the products to PyTorch's own choice.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from models.kernels import processor
from models.kernels.processor import onednn

WORTH_IT = 2_000_000  # multiplications, below which preparing oneDNN takes longer than it saves
LONGEST_COLUMNS = 8192  # beyond, oneDNN's copy of a matrix that lies in columns leaves the cache
_here = threading.local()


@contextmanager
def shapes_vary(vary: bool = True) -> Iterator[None]:
    """Within, if they do, layers take PyTorch's products; so do the gradients of what was computed within."""
    before = getattr(_here, "vary", False)
    _here.vary = vary
    try:
        yield
    finally:
        _here.vary = before


def pays(a: Tensor, b: Tensor) -> bool:
    """Whether a bᵀ, of a [..., k] and b [n, k], and the products of its gradients are to be oneDNN's."""
    plain = (
        a.dtype == torch.float32 == b.dtype
        and a.device.type == "cpu"
        and not torch.is_autocast_enabled("cpu")
    )
    large = a.numel() * b.shape[0] >= WORTH_IT
    return plain and large and not getattr(_here, "vary", False) and processor.onednn_is_faster()


def product(a: Tensor, b: Tensor, bias: Tensor | None = None, fast: bool | None = None) -> Tensor:
    """a [..., k] and b [n, k], in rows or in columns, and bias [n] → a bᵀ + bias, [..., n]. Gradients do not see it.

    fast: what `pays` said of the product that this one belongs to; None asks it.
    """
    columns = b.stride(0) == 1 and b.shape[1] > LONGEST_COLUMNS
    if columns or not (pays(a, b) if fast is None else fast):
        return F.linear(a, b, bias)
    return onednn(a, b, bias)


def product_each(a: Tensor, b: Tensor, bias: Tensor | None = None, fast: bool | None = None) -> Tensor:
    """a [n, rows, k], b [n, columns, k], bias [n, columns] → a bᵀ + bias of each, [n, rows, columns]; `product`, however
    long the columns."""
    if not (pays(a[0], b[0]) if fast is None else fast):
        result = torch.bmm(a, b.transpose(1, 2))
        return result if bias is None else result.add_(bias[:, None])
    biases = [None] * len(a) if bias is None else bias.unbind(0)
    return torch.stack([onednn(*item) for item in zip(a.unbind(0), b.unbind(0), biases, strict=True)])


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x [..., inputs], weight [outputs, inputs], bias [outputs] → [..., outputs], as PyTorch's of that name; large ones
    have no second derivative."""
    if not pays(x, weight) or torch.compiler.is_compiling():
        return F.linear(x, weight, bias)
    if not torch.is_grad_enabled():
        return onednn(x.contiguous(), weight, bias)
    result: Tensor = _Linear.apply(x.contiguous(), weight, bias)
    return result


class Linear(nn.Linear):
    """nn.Linear whose large products, and those of its gradients, are taken as `product` takes them."""

    def forward(self, x: Tensor) -> Tensor:
        """[..., in] → [..., out]."""
        return linear(x, self.weight, self.bias)


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return onednn(x, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        of_x, of_weight, of_bias = ctx.needs_input_grad
        flat = gradients[0].reshape(-1, weight.shape[0])
        return (
            product(flat, weight.t(), fast=True).view_as(x) if of_x else None,
            product(flat.t(), x.view(-1, weight.shape[1]).t(), fast=True) if of_weight else None,
            flat.sum(0) if of_bias else None,
        )
