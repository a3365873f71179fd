"""The separator's blocks on a graphics card with Triton: what lies between the products of matrices is one kernel each.

`conv_stack_cuda.py` computes the same in PyTorch's own operations, some forty of them a block, each of which walks over
all hidden activations. Here a block goes over them four times forward and backward together, besides its products. The
notation of the gradients is that of `conv_stack.py`.
"""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from models.kernels.choice import without_autocast
from models.kernels.conv_stack import EPS, BlockWeights

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
    stacked = [torch.stack(one) for one in zip(*blocks[:-1], last, strict=True)]
    with without_autocast(features):
        found: Tensor = _Stack.apply(features.float(), tuple(dilations), kind, *stacked)
    return found


class _Stack(torch.autograd.Function):
    """Weights come and their gradients go stacked: [blocks, …] of each field of `BlockWeights`."""

    @staticmethod
    def forward(
        ctx: Any, features: Tensor, dilations: tuple[int, ...], kind: torch.dtype, *stacked: Tensor
    ) -> Tensor:
        w = BlockWeights(*(one.float() for one in stacked))
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
            outer, constant, moments2 = _outer(
                second, gained[number], base[number], sums[number], hidden[0].numel()
            )
            out = torch.baddbmm(constant.to(kind), active, outer.to(kind).transpose(1, 2))
            state += out
            if learns:
                kept += [entered, hidden, filtered, active, moments1, moments2]
        ctx.save_for_backward(*stacked, *kept)
        ctx.dilations, ctx.width = dilations, width
        return state[..., width:].contiguous()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        saved = ctx.saved_tensors
        fields = len(BlockWeights._fields)
        stacked, kept = saved[:fields], saved[fields:]
        w = BlockWeights(*(one.float() for one in stacked))
        state = F.pad(gradients[0].float(), (ctx.width, 0))
        each = len(kept) // len(ctx.dilations)
        found: list[tuple[Tensor, ...]] = []
        for number in reversed(range(len(ctx.dilations))):
            own = kept[each * number : each * (number + 1)]
            found.insert(0, _backward(state, own, w, number, ctx.dilations[number], ctx.width))
        weights = (
            torch.stack(one).view_as(given)
            for one, given in zip(zip(*found, strict=True), stacked, strict=True)
        )
        return (state[..., : ctx.width].contiguous(), None, None, *weights)


def _backward(
    state: Tensor, kept: Sequence[Tensor], w: BlockWeights, number: int, dilation: int, width: int
) -> tuple[Tensor, ...]:
    """The gradients of one block's weights; `state` is the gradient of the state, changed in place."""
    entered, hidden, filtered, active, moments1, moments2 = kept
    kind, count = hidden.dtype, hidden[0].numel()
    one = BlockWeights(*(field[number] for field in w))
    columns = state.sum(1)  # [batch, out]
    given = state.to(kind)
    crossed = torch.bmm(
        given.transpose(1, 2), active
    ).float()  # [batch, out, hidden], without the norm's rstd
    back = given @ (one.outer * one.gain2).to(kind)
    mean, rstd = moments2[:, :1], moments2[:, 1:]  # [batch, 1]
    bias2 = columns @ one.outer
    gain2 = rstd * ((one.outer * crossed).sum(1) - mean * bias2)
    shift2 = _passed_on(mean, rstd, one.gain2, gain2, bias2, count)
    offset2 = one.bias2 - mean * rstd * one.gain2
    outer = (rstd[..., None] * crossed).sum(0) * one.gain2 + columns.t() @ offset2

    through, slope2, met = _through(back, filtered, hidden, rstd, shift2, one, dilation)
    met = met.sum(1)  # [batch, 1 + 2 · kernel, hidden]
    kernel = len(one.taps)
    taps_bias, met, beyond = met[:, 0], met[:, 1 : kernel + 1], met[:, kernel + 1 :]
    reached = taps_bias[:, None] - beyond
    mean, rstd = moments1[:, :1], moments1[:, 1:]
    scale = one.gain1 * rstd
    taps = (met * scale[:, None] + reached * (one.bias1 - mean * scale)[:, None]).sum(0)
    bias1 = (one.taps * reached).sum(1)
    gain1 = rstd * ((one.taps * met).sum(1) - mean * bias1)
    shift1 = _passed_on(mean, rstd, one.gain1, gain1, bias1, count)

    back, slope1, inner_bias = _spread(through, hidden, scale, shift1, one, dilation)
    inner = (back.flatten(0, 1).t() @ entered.flatten(0, 1)).float()
    state[..., :width] += back @ one.inner.to(kind)
    return (
        inner, inner_bias.sum((0, 1)), slope1.sum(), gain1.sum(0), bias1.sum(0), taps, taps_bias.sum(0),
        slope2.sum(), gain2.sum(0), bias2.sum(0), outer, columns.sum(0),
    )  # fmt: skip


def _passed_on(
    mean: Tensor, rstd: Tensor, gain: Tensor, by_gain: Tensor, by_bias: Tensor, count: int
) -> Tensor:
    """[batch, 2]: the factor of the value and the constant that a norm takes from the gradient that it passes on."""
    by_value = rstd.square() * (by_gain @ gain)[:, None] / count
    return torch.cat([by_value, rstd * (by_bias @ gain)[:, None] / count - mean * by_value], 1)


def _sums(hidden: Tensor, slope: Tensor) -> Tensor:
    """[batch, 2]: the sum of the activations, and of their squares."""
    batch, count = len(hidden), hidden[0].numel()
    parts = triton.cdiv(count, FLAT)
    found = hidden.new_empty((batch, parts, 2), dtype=torch.float32)
    _sums_kernel[(parts, batch)](hidden, slope, found, count, parts, FLAT)
    return found.sum(1)


def _filtered(
    hidden: Tensor, first: Tensor, w: BlockWeights, number: int, dilation: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(what the depthwise convolution of the first norm gives, its activations, their sums as of `_sums`, mean and rstd
    of the first norm [batch, 2])."""
    batch, frames, size = hidden.shape
    grid = (triton.cdiv(frames, ROWS), triton.cdiv(size, COLUMNS), batch)
    filtered, active = torch.empty_like(hidden), torch.empty_like(hidden)
    second = first.new_empty((batch, grid[0] * grid[1], 2))
    moments = first.new_empty((batch, 2))
    _filter_kernel[grid](
        hidden, first, w.slope1[number], w.gain1[number], w.bias1[number], w.taps[number], w.taps_bias[number],
        w.slope2[number], filtered, active, second, moments, frames, size, dilation,
        len(w.taps[number]), EPS, ROWS, COLUMNS,
    )  # fmt: skip
    return filtered, active, second.sum(1), moments


def _outer(
    second: Tensor, gained: Tensor, base: Tensor, sums: Tensor, count: int
) -> tuple[Tensor, Tensor, Tensor]:
    """(the outer weights of each item with its second norm folded in [batch, out, hidden], what that leaves to add
    [batch, 1, out], mean and rstd of that norm [batch, 2])."""
    batch, (out, size) = len(second), gained.shape
    outer = gained.new_empty((batch, out, size))
    constant, moments = gained.new_empty((batch, 1, out)), gained.new_empty((batch, 2))
    _outer_kernel[(out, batch)](
        second, gained, base, sums, outer, constant, moments, count, size, triton.next_power_of_2(size), EPS,
    )  # fmt: skip
    return outer, constant, moments


def _through(
    back: Tensor,
    filtered: Tensor,
    hidden: Tensor,
    rstd: Tensor,
    shift: Tensor,
    w: BlockWeights,
    dilation: int,
) -> tuple[Tensor, Tensor, Tensor]:
    """Back through the second norm and its PReLU: (the gradient of the convolution, of the slope in parts, and per part
    and channel [batch, parts, 1 + 2 · kernel, hidden]: its sum, its products with what each tap met, and its sum where a
    tap met nothing)."""
    batch, frames, size = hidden.shape
    grid = (triton.cdiv(frames, ROWS), triton.cdiv(size, COLUMNS), batch)
    through, kernel = torch.empty_like(hidden), len(w.taps)
    slopes = rstd.new_empty((batch, grid[0] * grid[1]))
    met = rstd.new_empty((batch, grid[0], 1 + 2 * kernel, size))
    _through_kernel[grid](
        back, filtered, hidden, rstd.contiguous(), shift, w.slope2, w.slope1, through, slopes, met,
        frames, size, dilation, kernel, ROWS, COLUMNS,
    )  # fmt: skip
    return through, slopes, met


def _spread(
    through: Tensor, hidden: Tensor, scale: Tensor, shift: Tensor, w: BlockWeights, dilation: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Back through the convolution, the first norm and its PReLU: (the gradient of what the first product gave, of the
    slope in parts, and its sums [batch, parts, hidden])."""
    batch, frames, size = hidden.shape
    grid = (triton.cdiv(frames, ROWS), triton.cdiv(size, COLUMNS), batch)
    back = torch.empty_like(hidden)
    slopes = scale.new_empty((batch, grid[0] * grid[1]))
    sums = scale.new_empty((batch, grid[0], size))
    _spread_kernel[grid](
        through, hidden, scale, shift, w.taps, w.slope1, back, slopes, sums, frames, size, dilation, len(w.taps),
        ROWS, COLUMNS,
    )  # fmt: skip
    return back, slopes, sums


@triton.jit
def _moments(sums, item, count, eps: tl.constexpr):
    """Mean and rstd of an item from its sums."""
    mean = tl.load(sums + item * 2) / count
    power = tl.load(sums + item * 2 + 1) / count
    return mean, 1.0 / tl.sqrt(tl.maximum(power - mean * mean, 0.0) + eps)


@triton.jit
def _sums_kernel(hidden, slope, found, count, parts, FLAT: tl.constexpr):
    part, item = tl.program_id(0), tl.program_id(1)
    at = part * FLAT + tl.arange(0, FLAT)
    value = tl.load(hidden + item.to(tl.int64) * count + at, mask=at < count, other=0.0).to(tl.float32)
    value = tl.where(value > 0, value, value * tl.load(slope))
    place = found + (item * parts + part) * 2
    tl.store(place, tl.sum(value))
    tl.store(place + 1, tl.sum(value * value))


@triton.jit
def _filter_kernel(
    hidden, first, slope1, gain, bias, taps, taps_bias, slope2, filtered, active, second, moments,
    frames, size, dilation, kernel: tl.constexpr, eps: tl.constexpr,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    part, block, item = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    mean, rstd = _moments(first, item, frames * size, eps)
    if part + block == 0:
        tl.store(moments + item * 2, mean)
        tl.store(moments + item * 2 + 1, rstd)
    rows = part * ROWS + tl.arange(0, ROWS)
    columns = block * COLUMNS + tl.arange(0, COLUMNS)
    inside = columns < size
    start = item.to(tl.int64) * frames * size
    scale = tl.load(gain + columns, mask=inside, other=0.0) * rstd
    offset = tl.load(bias + columns, mask=inside, other=0.0) - mean * scale
    one, other = tl.load(slope1), tl.load(slope2)
    total = (
        tl.zeros((ROWS, COLUMNS), tl.float32) + tl.load(taps_bias + columns, mask=inside, other=0.0)[None, :]
    )
    for tap in tl.static_range(kernel):
        source = rows + (tap - kernel // 2) * dilation
        there = ((source >= 0) & (source < frames))[:, None] & inside[None, :]
        value = tl.load(hidden + start + source[:, None] * size + columns[None, :], mask=there, other=0.0)
        value = value.to(tl.float32)
        value = tl.where(value > 0, value, value * one)
        normed = tl.where(there, value * scale[None, :] + offset[None, :], 0.0)
        total += normed * tl.load(taps + tap * size + columns, mask=inside, other=0.0)[None, :]
    here = (rows < frames)[:, None] & inside[None, :]
    place = start + rows[:, None] * size + columns[None, :]
    rounded = total.to(filtered.dtype.element_ty)
    tl.store(filtered + place, rounded, mask=here)
    value = rounded.to(tl.float32)
    value = tl.where(value > 0, value, value * other).to(active.dtype.element_ty)
    tl.store(active + place, value, mask=here)
    value = tl.where(here, value.to(tl.float32), 0.0)
    place = second + (item * tl.num_programs(0) * tl.num_programs(1) + part * tl.num_programs(1) + block) * 2
    tl.store(place, tl.sum(value))
    tl.store(place + 1, tl.sum(value * value))


@triton.jit
def _outer_kernel(
    second, gained, base, sums, outer, constant, moments, count, size, size_2: tl.constexpr,
    eps: tl.constexpr,
):  # fmt: skip
    row, item = tl.program_id(0), tl.program_id(1)
    mean, rstd = _moments(second, item, count, eps)
    if row == 0:
        tl.store(moments + item * 2, mean)
        tl.store(moments + item * 2 + 1, rstd)
    at = tl.arange(0, size_2)
    weights = tl.load(gained + row * size + at, mask=at < size, other=0.0)
    place = item * tl.num_programs(0) + row
    tl.store(outer + place * size + at, weights * rstd, mask=at < size)
    tl.store(constant + place, tl.load(base + row) - mean * rstd * tl.load(sums + row))


@triton.jit
def _through_kernel(
    back, filtered, hidden, rstd, shift, slope2, slope1, through, slopes, met,
    frames, size, dilation, kernel: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    part, block, item = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    rows = part * ROWS + tl.arange(0, ROWS)
    columns = block * COLUMNS + tl.arange(0, COLUMNS)
    inside = columns < size
    here = (rows < frames)[:, None] & inside[None, :]
    start = item.to(tl.int64) * frames * size
    place = start + rows[:, None] * size + columns[None, :]
    value = tl.load(filtered + place, mask=here, other=0.0).to(tl.float32)
    slope = tl.load(slope2)
    active = tl.where(value > 0, value, value * slope)
    gradient = tl.load(back + place, mask=here, other=0.0).to(tl.float32) * tl.load(rstd + item)
    gradient -= tl.load(shift + item * 2) * active + tl.load(shift + item * 2 + 1)
    gradient = tl.where(here, gradient, 0.0)
    parts = tl.num_programs(0) * tl.num_programs(1)
    tl.store(
        slopes + item * parts + part * tl.num_programs(1) + block, tl.sum(gradient * tl.minimum(value, 0.0))
    )
    gradient = tl.where(value > 0, gradient, gradient * slope)
    rounded = gradient.to(through.dtype.element_ty)
    tl.store(through + place, rounded, mask=here)
    gradient = rounded.to(tl.float32)
    slope = tl.load(slope1)
    sums = met + (item * tl.num_programs(0) + part) * (1 + 2 * kernel) * size + columns
    tl.store(sums, tl.sum(gradient, 0), mask=inside)
    for tap in tl.static_range(kernel):
        source = rows + (tap - kernel // 2) * dilation
        there = ((source >= 0) & (source < frames))[:, None] & inside[None, :]
        value = tl.load(hidden + start + source[:, None] * size + columns[None, :], mask=there, other=0.0)
        value = value.to(tl.float32)
        value = tl.where(value > 0, value, value * slope)
        tl.store(sums + (1 + tap) * size, tl.sum(gradient * value, 0), mask=inside)
        beyond = tl.sum(tl.where(there, 0.0, gradient), 0)
        tl.store(sums + (1 + kernel + tap) * size, beyond, mask=inside)


@triton.jit
def _spread_kernel(
    through, hidden, scale, shift, taps, slope1, back, slopes, sums,
    frames, size, dilation, kernel: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    part, block, item = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    rows = part * ROWS + tl.arange(0, ROWS)
    columns = block * COLUMNS + tl.arange(0, COLUMNS)
    inside = columns < size
    here = (rows < frames)[:, None] & inside[None, :]
    start = item.to(tl.int64) * frames * size
    place = start + rows[:, None] * size + columns[None, :]
    total = tl.zeros((ROWS, COLUMNS), tl.float32)
    for tap in tl.static_range(kernel):
        source = rows - (tap - kernel // 2) * dilation
        there = ((source >= 0) & (source < frames))[:, None] & inside[None, :]
        given = tl.load(through + start + source[:, None] * size + columns[None, :], mask=there, other=0.0)
        weight = tl.load(taps + tap * size + columns, mask=inside, other=0.0)
        total += given.to(tl.float32) * weight[None, :]
    total *= tl.load(scale + item * size + columns, mask=inside, other=0.0)[None, :]
    value = tl.load(hidden + place, mask=here, other=0.0).to(tl.float32)
    slope = tl.load(slope1)
    active = tl.where(value > 0, value, value * slope)
    total -= tl.load(shift + item * 2) * active + tl.load(shift + item * 2 + 1)
    total = tl.where(here, total, 0.0)
    parts = tl.num_programs(0) * tl.num_programs(1)
    tl.store(
        slopes + item * parts + part * tl.num_programs(1) + block, tl.sum(total * tl.minimum(value, 0.0))
    )
    total = tl.where(value > 0, total, total * slope)
    rounded = total.to(back.dtype.element_ty)
    tl.store(back + place, rounded, mask=here)
    summed = tl.sum(rounded.to(tl.float32), 0)
    tl.store(sums + (item * tl.num_programs(0) + part) * size + columns, summed, mask=inside)
