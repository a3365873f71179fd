"""Convolutions over time of what lies in memory as [batch, time, channels].

An image of one row of pixels, channels last, has that memory as it is: it is not copied on the way there or back, and
oneDNN's kernels for such images are faster than those that PyTorch takes for sequences; those for each channel by itself
by far. On a graphics card, whose kernels for each channel by itself leave most of it idle, such a convolution is many
small products of matrices.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from models.kernels import choice
from models.kernels.choice import autocast_format, without_autocast

BLOCK = 64  # steps that one product gives of each channel
WIDE = 8  # taps from which on products are faster than a graphics card's kernel for each channel by itself


class TimeConv(nn.Conv1d):
    """nn.Conv1d, padded by half its width, of [batch, time, inputs] → [batch, time, outputs]; odd widths keep the time.

    With as many groups as channels, each by itself, its gradient has no gradient of its own on a CPU.
    """

    def __init__(self, inputs: int, outputs: int, width: int, groups: int = 1) -> None:
        super().__init__(inputs, outputs, width, padding=width // 2, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        if torch.compiler.is_compiling():
            return super().forward(x.transpose(1, 2)).transpose(1, 2)
        each = self.groups == self.in_channels == self.out_channels and self.bias is not None
        if not choice.for_caches(x):
            width = self.kernel_size[0]
            wide = each and x.device.type != "mps" and width >= WIDE and width % 2
            return (
                banded(x, self.weight, self.bias)
                if wide
                else _of_image(x, self.weight, self.bias, self.groups)
            )
        plain = x.dtype == self.weight.dtype and not torch.is_autocast_enabled("cpu")
        if each and plain and torch.is_grad_enabled():
            found: Tensor = _Depthwise.apply(x, self.weight, self.bias)
            return found
        return _of_image(x, self.weight, self.bias, self.groups)


class _Depthwise(torch.autograd.Function):
    """x [batch, time, channels], weight [channels, 1, width], bias [channels] → as x: each channel by itself."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return _of_image(x, weight, bias, len(weight))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        given = gradients[0].contiguous()
        of_x, of_weight, of_bias = ctx.needs_input_grad
        return (
            _gradient_of_image(given, x, weight) if of_x else None,
            _gradient_of_taps(given, x, weight) if of_weight else None,
            given.sum((0, 1)) if of_bias else None,
        )


def _gradient_of_image(given: Tensor, x: Tensor, weight: Tensor) -> Tensor:
    channels, _, width = weight.shape
    found: Tensor = torch.ops.aten.convolution_backward(
        *(_image(given), _image(x), weight[:, :, None], None),
        *((1, 1), (0, width // 2), (1, 1), False, (0, 0), channels),
        (True, False, False),
    )[0]
    return _sequence(found)


def _gradient_of_taps(given: Tensor, x: Tensor, weight: Tensor) -> Tensor:
    """What a gradient of the outputs does to the weights: oneDNN's is six times slower than one tap after the other."""
    channels, _, width = weight.shape
    padded, time = F.pad(x, (0, 0, width // 2, width // 2)), given.shape[1]
    found, room = x.new_empty(width, channels), torch.empty_like(given)
    for tap in range(width):
        torch.mul(padded[:, tap : tap + time], given, out=room)
        torch.sum(room, (0, 1), out=found[tap])
    return found.t()[:, None]


def banded(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """x [batch, time, channels], weight [channels, 1, width], bias [channels] → as x, in the format of the products.

    In pieces of `BLOCK` steps, what a channel gives is what a stretch of it, `width - 1` steps longer, gives times a
    matrix that holds its taps along a band: so a graphics card's matrix units compute it.
    """
    kind = autocast_format(x) or x.dtype
    with without_autocast(x):
        x, weight = x.to(kind), weight.to(kind)
        found: Tensor = _Banded.apply(x, weight)
        return found if bias is None else found + bias.to(found.dtype)


class _Banded(torch.autograd.Function):
    """See `banded`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        taps = weight[:, 0]
        stretches = _stretches(x, taps.shape[1])
        ctx.save_for_backward(stretches, taps)
        ctx.batch, ctx.time = x.shape[:2]
        return _joined(torch.bmm(stretches, _band(taps)), ctx.batch, ctx.time)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        stretches, taps = ctx.saved_tensors
        channels, width = taps.shape
        given = _stretches(gradients[0], width)
        of_x = _joined(torch.bmm(given, _band(taps.flip(1))), ctx.batch, ctx.time)
        # The steps of each piece themselves, without those that its stretch has beside them.
        pieces = given[:, :, width // 2 : width // 2 + BLOCK]
        of_band = torch.bmm(stretches.transpose(1, 2), pieces).contiguous()
        strides = (of_band.stride(0), BLOCK, BLOCK + 1)  # a tap lies along a diagonal
        of_taps = of_band.as_strided((channels, width, BLOCK), strides).sum(-1, dtype=torch.float32)
        return of_x, of_taps.to(taps.dtype)[:, None]


def _stretches(x: Tensor, width: int) -> Tensor:
    """[batch, time, channels] → [channels, batch · pieces, stretch], zeros beyond both ends."""
    pieces, stretch = -(-x.shape[1] // BLOCK), _stretch(width)
    behind = (pieces - 1) * BLOCK + stretch - width // 2 - x.shape[1]
    padded = F.pad(x.permute(2, 0, 1), (width // 2, behind))
    return padded.unfold(2, stretch, BLOCK).reshape(x.shape[2], -1, stretch)


def _joined(pieces: Tensor, batch: int, time: int) -> Tensor:
    """[channels, batch · pieces, BLOCK] → [batch, time, channels]."""
    return pieces.view(len(pieces), batch, -1)[:, :, :time].permute(1, 2, 0).contiguous()


def _stretch(width: int) -> int:
    """Steps that a piece is made from, a multiple of 8, as matrix units take it."""
    return -(-(BLOCK + width - 1) // 8) * 8


def _band(taps: Tensor) -> Tensor:
    """[channels, width] → [channels, stretch, BLOCK]: in column i the taps begin at row i."""
    channels, width = taps.shape
    stretch = _stretch(width)
    rows = F.pad(taps, (0, stretch + 1 - width)).repeat(
        1, BLOCK
    )  # each a step longer than a row of the result
    return rows[:, : BLOCK * stretch].reshape(channels, BLOCK, stretch).transpose(1, 2)


def _of_image(x: Tensor, weight: Tensor, bias: Tensor | None, groups: int) -> Tensor:
    half = weight.shape[2] // 2
    return _sequence(F.conv2d(_image(x), weight[:, :, None], bias, padding=(0, half), groups=groups))


def _image(x: Tensor) -> Tensor:
    """[batch, time, channels] → [batch, channels, 1, time], the same memory."""
    return x.transpose(1, 2)[:, :, None]


def _sequence(image: Tensor) -> Tensor:
    """[batch, channels, 1, time] → [batch, time, channels], the same memory."""
    return image.squeeze(2).transpose(1, 2)  # squeezed, not indexed: so its gradient is not copied either
