"""The separator's blocks on a graphics card with Triton: what lies between the products of matrices is one kernel each.

`conv_stack_cuda.py` computes the same in PyTorch's own operations, some forty of them a block, each of which walks over
all hidden activations. Here a block goes over them four times forward and backward together, besides its products. The
notation of the gradients is that of `conv_stack.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import triton
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from models.kernels.choice import without_autocast
from models.kernels.conv_stack import EPS, BlockWeights
from models.kernels.conv_stack_jit import (
    filter_kernel,
    first_norm_kernel,
    outer_kernel,
    second_norm_kernel,
    spread_kernel,
    sums_kernel,
    through_kernel,
)

ROWS, COLUMNS = 32, 128  # frames and hidden units that one program works on
FLAT = 4096  # values of one program where their place does not matter


def separate_features(
    features: Tensor, blocks: Sequence[BlockWeights], dilations: Sequence[int], kind: torch.dtype
) -> Tensor:
    """See `conv_stack_cuda.separate_features`."""
    # The last block has no residual: zeros in its place make all blocks alike.
    missing = features.shape[-1]
    last = blocks[-1]._replace(
        outer=F.pad(blocks[-1].outer, (0, 0, missing, 0)),
        outer_bias=F.pad(blocks[-1].outer_bias, (missing, 0)),
    )
    stacked = [torch.stack(item) for item in zip(*blocks[:-1], last, strict=True)]
    with without_autocast(features):
        result: Tensor = _Stack.apply(features.float(), tuple(dilations), kind, *stacked)
    return result


class _Stack(torch.autograd.Function):
    """Weights come and their gradients go stacked: [blocks, …] of each field of `BlockWeights`."""

    @staticmethod
    def forward(
        ctx: Any, features: Tensor, dilations: tuple[int, ...], kind: torch.dtype, *stacked: Tensor
    ) -> Tensor:
        w = BlockWeights(*(item.float() for item in stacked))
        width = features.shape[-1]
        state = F.pad(features, (0, w.outer.shape[1] - width))
        inner, inner_bias = w.inner.to(kind), w.inner_bias.to(kind)
        gained = w.outer * w.gain2[:, None]
        base = torch.baddbmm(w.outer_bias[..., None], w.outer, w.bias2[..., None])[..., 0]
        sums = gained.sum(2)
        learns, kept = any(ctx.needs_input_grad), []
        for number, dilation in enumerate(dilations):
            entered = state[..., :width].to(kind, copy=True, memory_format=torch.contiguous_format)
            hidden = F.linear(entered, inner[number], inner_bias[number])
            first = _sums(hidden, w.slope1[number])
            filtered, active, second, moments1 = _filtered(hidden, first, w, number, dilation)
            outer, constant, moments2 = _outer(second, gained[number], base[number], sums[number], hidden)
            state += torch.baddbmm(constant, active, outer.transpose(1, 2))
            if learns:
                kept += [entered, hidden, filtered, active, moments1, moments2]
        ctx.save_for_backward(*stacked, *kept)
        ctx.dilations, ctx.width, ctx.kind = dilations, width, kind
        return state[..., width:].contiguous()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        saved, fields, kind = ctx.saved_tensors, len(BlockWeights._fields), ctx.kind
        stacked, kept = saved[:fields], saved[fields:]
        w = BlockWeights(*(item.float() for item in stacked))
        inner, gained = w.inner.to(kind), (w.outer * w.gain2[:, None]).to(kind)
        state = F.pad(gradients[0].float(), (ctx.width, 0))
        each, result = len(kept) // len(ctx.dilations), []
        for number in reversed(range(len(ctx.dilations))):
            own = kept[each * number : each * (number + 1)]
            parts = _backward(state, own, w, inner[number], gained[number], number, ctx.dilations[number])
            result.append(parts)
        moments = [torch.stack(kept[place::each]) for place in (4, 5)]
        weights = _of_weights(w, [torch.stack(item[::-1]) for item in zip(*result, strict=True)], *moments)
        shaped = (weight.view_as(given) for weight, given in zip(weights, stacked, strict=True))
        return (state[..., : ctx.width].contiguous(), None, None, *shaped)


def _backward(
    state: Tensor,
    kept: Sequence[Tensor],
    w: BlockWeights,
    inner: Tensor,
    gained: Tensor,
    number: int,
    dilation: int,
) -> tuple[Tensor, ...]:
    """One block on the way back, as few launches as it goes; `state` is the gradient of the state, changed in place.

    Returns what the gradients of its weights are made from, which `_of_weights` does for all blocks at once.
    """
    entered, hidden, filtered, active, moments1, moments2 = kept
    block_weights = BlockWeights(*(field[number] for field in w))
    columns, given = state.sum(1), state.to(hidden.dtype)
    crossed = torch.bmm(given.transpose(1, 2), active)  # [batch, out, hidden], without the norm's rstd
    back = given @ gained
    bias2, gain2, dots = _of_second_norm(crossed, columns, moments2, block_weights)
    through, slope2, met = _through(back, filtered, hidden, moments2, dots, block_weights, dilation)
    met, bias1, gain1, dots = _of_first_norm(met, moments1, block_weights)
    back, slope1, inner_bias = _spread(through, hidden, moments1, dots, block_weights, dilation)
    of_inner = back.flatten(0, 1).t() @ entered.flatten(0, 1)
    state[..., : entered.shape[-1]] += back @ inner
    return columns, crossed, bias2, gain2, slope2, met, bias1, gain1, slope1, inner_bias, of_inner


def _of_weights(
    w: BlockWeights, gradients: Sequence[Tensor], moments1: Tensor, moments2: Tensor
) -> BlockWeights:
    """The gradients of all blocks' weights, stacked, from what `_backward` gives: [blocks, batch, …] each."""
    columns, crossed, bias2, gain2, slope2, met, bias1, gain1, slope1, inner_bias, of_inner = gradients
    mean, rstd = moments2.unbind(2)  # [blocks, batch]
    offset = w.bias2[:, None] - (mean * rstd)[..., None] * w.gain2[:, None]
    outer = (rstd[..., None, None] * crossed.float()).sum(1) * w.gain2[:, None] + columns.transpose(
        1, 2
    ) @ offset
    kernel = w.taps.shape[1]
    taps_bias, met, beyond = met.split([1, kernel, kernel], dim=2)
    mean, rstd = moments1.unbind(2)
    scale = w.gain1[:, None] * rstd[..., None]
    offset = w.bias1[:, None] - mean[..., None] * scale
    taps = (met * scale[:, :, None] + (taps_bias - beyond) * offset[:, :, None]).sum(1)
    return BlockWeights(
        of_inner.float(),
        inner_bias.sum((1, 2)),
        slope1.sum((1, 2)),
        gain1.sum(1),
        bias1.sum(1),
        taps,
        taps_bias.sum((1, 2)),
        slope2.sum((1, 2)),
        gain2.sum(1),
        bias2.sum(1),
        outer,
        columns.sum(1),
    )


def _grid(hidden: Tensor) -> tuple[int, int, int]:
    """Programs for [batch, frames, hidden], as `conv_stack_jit` shares them out: frames, hidden units, items."""
    batch, frames, size = hidden.shape
    return triton.cdiv(frames, ROWS), triton.cdiv(size, COLUMNS), batch


def _sums(hidden: Tensor, slope: Tensor) -> Tensor:
    """[batch, 2]: the sum of the activations, and of their squares."""
    batch, count = len(hidden), hidden[0].numel()
    parts = triton.cdiv(count, FLAT)
    result = hidden.new_empty((batch, parts, 2), dtype=torch.float32)
    sums_kernel[(parts, batch)](hidden, slope, result, count, parts, FLAT)
    return result.sum(1)


def _filtered(
    hidden: Tensor, first: Tensor, w: BlockWeights, number: int, dilation: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(what the depthwise convolution of the first norm gives, its activations, their sums as of `_sums`, mean and rstd
    of the first norm [batch, 2])."""
    batch, frames, size = hidden.shape
    grid = _grid(hidden)
    filtered, active = torch.empty_like(hidden), torch.empty_like(hidden)
    second = first.new_empty((batch, grid[0] * grid[1], 2))
    moments = first.new_empty((batch, 2))
    filter_kernel[grid](
        hidden,
        first,
        w.slope1[number],
        w.gain1[number],
        w.bias1[number],
        w.taps[number],
        w.taps_bias[number],
        w.slope2[number],
        filtered,
        active,
        second,
        moments,
        frames,
        size,
        dilation,
        len(w.taps[number]),
        EPS,
        ROWS,
        COLUMNS,
    )
    return filtered, active, second.sum(1), moments


def _outer(
    second: Tensor, gained: Tensor, base: Tensor, sums: Tensor, hidden: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """(the outer weights of each item with its second norm folded in [batch, out, hidden], what that leaves to add
    [batch, 1, out], mean and rstd of that norm [batch, 2])."""
    batch, (out, size) = len(second), gained.shape
    outer, constant = hidden.new_empty((batch, out, size)), hidden.new_empty((batch, 1, out))
    moments = gained.new_empty((batch, 2))
    outer_kernel[(out, batch)](
        second,
        gained,
        base,
        sums,
        outer,
        constant,
        moments,
        hidden[0].numel(),
        size,
        triton.next_power_of_2(size),
        EPS,
    )
    return outer, constant, moments


def _of_second_norm(
    crossed: Tensor, columns: Tensor, moments: Tensor, w: BlockWeights
) -> tuple[Tensor, Tensor, Tensor]:
    """(gradients of the second norm's bias and gain by item, [batch, hidden] both, and in parts their sums over the gain
    [batch, parts, 2], which decide what the norm takes from the gradient that it passes on)."""
    batch, out, size = crossed.shape
    bias, gain = columns.new_empty((2, batch, size)).unbind(0)
    dots = columns.new_empty((batch, triton.cdiv(size, COLUMNS), 2))
    second_norm_kernel[(dots.shape[1], batch)](
        crossed, columns, w.outer, w.gain2, moments, bias, gain, dots, out, size, ROWS, COLUMNS
    )
    return bias, gain, dots


def _of_first_norm(met: Tensor, moments: Tensor, w: BlockWeights) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(what `_through` found of each channel, over all parts [batch, 1 + 2 · kernel, hidden], and of the first norm what
    `_of_second_norm` says of the second)."""
    batch, size = len(met), met.shape[3]
    whole, (bias, gain) = met.sum(1), met.new_empty((2, batch, size)).unbind(0)
    dots = met.new_empty((batch, triton.cdiv(size, COLUMNS), 2))
    first_norm_kernel[(dots.shape[1], batch)](
        whole, w.taps, w.gain1, moments, bias, gain, dots, size, len(w.taps), COLUMNS
    )
    return whole, bias, gain, dots


def _through(
    back: Tensor,
    filtered: Tensor,
    hidden: Tensor,
    moments: Tensor,
    dots: Tensor,
    w: BlockWeights,
    dilation: int,
) -> tuple[Tensor, Tensor, Tensor]:
    """Back through the second norm and its PReLU: (the gradient of the convolution, of the slope in parts, and per part
    and channel [batch, parts, 1 + 2 · kernel, hidden]: its sum, its products with what each tap met, and its sum where a
    tap met nothing)."""
    batch, frames, size = hidden.shape
    grid = _grid(hidden)
    through, kernel = torch.empty_like(hidden), len(w.taps)
    slopes = dots.new_empty((batch, grid[0] * grid[1]))
    met = dots.new_empty((batch, grid[0], 1 + 2 * kernel, size))
    through_kernel[grid](
        back,
        filtered,
        hidden,
        moments,
        dots,
        w.slope2,
        w.slope1,
        through,
        slopes,
        met,
        frames,
        size,
        dilation,
        dots.shape[1],
        kernel,
        ROWS,
        COLUMNS,
    )
    return through, slopes, met


def _spread(
    through: Tensor, hidden: Tensor, moments: Tensor, dots: Tensor, w: BlockWeights, dilation: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Back through the convolution, the first norm and its PReLU: (the gradient of what the first product gave, of the
    slope in parts, and its sums [batch, parts, hidden])."""
    batch, frames, size = hidden.shape
    grid = _grid(hidden)
    back = torch.empty_like(hidden)
    slopes = dots.new_empty((batch, grid[0] * grid[1]))
    sums = dots.new_empty((batch, grid[0], size))
    spread_kernel[grid](
        through,
        hidden,
        moments,
        dots,
        w.gain1,
        w.taps,
        w.slope1,
        back,
        slopes,
        sums,
        frames,
        size,
        dilation,
        dots.shape[1],
        len(w.taps),
        ROWS,
        COLUMNS,
    )
    return back, slopes, sums
