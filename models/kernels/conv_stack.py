"""The separator's blocks, time-major, on the CPU: the same numbers as the modules give, in a fraction of the time.

Three things cost Conv-TasNet its time on a CPU: dilated depthwise convolutions, for which there is no fast kernel;
global layer norms, which walk over every hidden activation several times; and the separate products of residual and
skip. Here frames are rows. A depthwise convolution is a sum of shifted products, a norm's gain and bias are folded
into the weights of what comes after it (forward) or into those of what came before (backward), and residual and skip
are the two halves of one state that one product adds to. Items of a batch are gone through one by one, so that what
a block works on stays in the processor's cache.

The notation of the gradients: a norm ``y = g · x̂ + b`` with ``x̂ = (p - mean) · rstd`` over all n values of an item
passes on ``rstd · (g·u - m1 - x̂·m2)`` for a gradient u, where m1 and m2 are the means of ``g·u`` and ``g·u·x̂``; and
these two follow from sums over columns that the gradients of the weights need anyway.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor
from torch.nn.functional import leaky_relu

from models.kernels.products import product

EPS = 1e-8
STRETCH = 2**22  # values worked on at once: what a processor's last cache holds


class BlockWeights(NamedTuple):
    """One block's weights, in the order in which the gradients are given back.

    inner: [hidden, bottleneck]; taps: [kernel, hidden]; outer: [out, hidden], the residual's rows (none in the last
    block) above the skip's. Slopes are one number each; gains, biases: [hidden], outer_bias: [out].
    """

    inner: Tensor
    inner_bias: Tensor
    slope1: Tensor
    gain1: Tensor
    bias1: Tensor
    taps: Tensor
    taps_bias: Tensor
    slope2: Tensor
    gain2: Tensor
    bias2: Tensor
    outer: Tensor
    outer_bias: Tensor


PER_BLOCK = len(BlockWeights._fields)
Kept = TypeVar("Kept")


class StackContext(Protocol[Kept]):
    """What a stack of blocks remembers for its gradient, item by item and block by block."""

    kept: list[list[Kept]]
    dilations: tuple[int, ...]
    half: bool
    width: int  # of the features
    saved_tensors: tuple[Tensor, ...]  # the blocks' weights, flat

    def save_for_backward(self, *tensors: Tensor) -> None:
        """As autograd's."""


@dataclass
class _Norm:
    """A global layer norm of one item as ``p · scale + offset``."""

    mean: float
    rstd: float
    scale: Tensor
    offset: Tensor


@dataclass
class _Kept:
    """What the gradient of a block needs of an item: its input and the two activations before their PReLU."""

    entered: Tensor
    hidden: Tensor
    filtered: Tensor
    norm1: _Norm
    norm2: _Norm


def separate_features(
    features: Tensor, blocks: Sequence[BlockWeights], dilations: Sequence[int], half: bool
) -> Tensor:
    """The sum of the blocks' skip outputs.

    features: float32 [batch, frames, bottleneck]. half: multiply in bfloat16, add up in float32.
    Returns float32 [batch, frames, skip].
    """
    flat = [weight for block in blocks for weight in block]
    if torch.is_grad_enabled() and (features.requires_grad or any(w.requires_grad for w in flat)):
        return _Stack.apply(features, tuple(dilations), half, *flat)
    state = first_state(features, blocks[-1])
    ready = [_ready(block, half) for block in blocks]
    with torch.autocast("cpu", enabled=False):
        scratch = _scratch(state, blocks)
        for item in state:
            for entry in zip(blocks, ready, dilations, strict=True):
                _forward(item, *entry, scratch)
    return state[..., features.shape[-1] :]


class _Stack(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: StackContext[_Kept | None],
        features: Tensor,
        dilations: tuple[int, ...],
        half: bool,
        *flat: Tensor,
    ) -> Tensor:
        with torch.autocast("cpu", enabled=False):
            blocks = grouped(flat)
            features = features.float()
            state = first_state(features, blocks[-1])
            ready = [_ready(block, half) for block in blocks]
            scratch = _scratch(state, blocks)
            ctx.kept = [
                [
                    _forward(item, *entry, scratch, keep=True)
                    for entry in zip(blocks, ready, dilations, strict=True)
                ]
                for item in state
            ]
            ctx.save_for_backward(*flat)
            ctx.dilations, ctx.half, ctx.width = dilations, half, features.shape[-1]
            return state[..., features.shape[-1] :]

    @staticmethod
    def backward(ctx: StackContext[_Kept | None], *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = gradients
        with torch.autocast("cpu", enabled=False):
            blocks = grouped(ctx.saved_tensors)
            batch, frames, skip = gradient.shape
            state = gradient.new_zeros((batch, frames, ctx.width + skip), dtype=torch.float32)
            state[..., ctx.width :] = gradient
            ready = [_ready(block, ctx.half) for block in blocks]
            sums = [[torch.zeros_like(weight) for weight in block] for block in blocks]
            scratch = _scratch(state, blocks)
            for item, kept in zip(state, ctx.kept, strict=True):
                for number in reversed(range(len(blocks))):
                    needed = kept[number]
                    assert needed is not None
                    result = _backward(
                        item, needed, blocks[number], ready[number], ctx.dilations[number], scratch
                    )
                    for total, entry in zip(sums[number], result, strict=True):
                        total += entry
                    kept[number] = None  # its memory is free for what comes
            flat = [total for block in sums for total in block]
            return (state[..., : ctx.width].contiguous(), None, None, *flat)


def grouped(flat: Sequence[Tensor]) -> list[BlockWeights]:
    """Weights one after the other, as autograd hands them over, block by block."""
    return [BlockWeights(*flat[i : i + PER_BLOCK]) for i in range(0, len(flat), PER_BLOCK)]


def _scratch(state: Tensor, blocks: Sequence[BlockWeights]) -> Tensor:
    """[2, frames, hidden] to work in, again and again: memory that was just used is still in the cache."""
    return state.new_empty((2, state.shape[1], blocks[0].inner.shape[0]))


def first_state(features: Tensor, last: BlockWeights) -> Tensor:
    """[batch, frames, bottleneck + skip]: the features, and beside them the sum of skips, which is nothing yet."""
    batch, frames, width = features.shape
    state = features.new_zeros((batch, frames, width + last.outer.shape[0]))
    state[..., :width] = features
    return state


@dataclass
class _Ready:
    """A block's weights as the products take them: in their number format, the second norm's gain folded in."""

    inner: Tensor
    inner_bias: Tensor
    slope1: float
    slope2: float
    outer: Tensor
    outer_start: Tensor  # what the outer bias and the norm's bias come to: [out]
    outer_mean: Tensor  # what a mean of 1 takes away: [out]


def _ready(w: BlockWeights, half: bool) -> _Ready:
    kind = torch.bfloat16 if half else torch.float32
    gained = w.outer * w.gain2
    return _Ready(
        w.inner.to(kind),
        w.inner_bias.to(kind),
        float(w.slope1),
        float(w.slope2),
        gained.to(kind),
        torch.addmv(w.outer_bias, w.outer, w.bias2),
        gained.sum(1),
    )


def _forward(
    state: Tensor, w: BlockWeights, ready: _Ready, dilation: int, scratch: Tensor, keep: bool = False
) -> _Kept | None:
    """One block on one item; adds to `state` [frames, bottleneck + skip] in place.

    keep: what a gradient needs is returned, in the number format of the products.
    """
    kind, (hidden, filtered) = ready.inner.dtype, scratch
    entered = state[:, : w.inner.shape[1]]
    entered = entered.clone() if keep and kind == entered.dtype else entered.to(kind)
    stretches = _stretches(len(state), w.inner.shape[0])
    kept = hidden.new_empty((2, *hidden.shape), dtype=kind) if keep else None
    sums = _Sums()
    for rows in stretches:
        passed = product(entered[rows], ready.inner, ready.inner_bias)
        if kept is not None:
            kept[0][rows] = passed
        if kind == torch.float32 and len(stretches) == 1:
            hidden = passed
        else:
            hidden[rows] = passed
        sums.add(_active(hidden[rows], ready.slope1))
    norm1 = sums.norm(w.gain1, w.bias1)
    taps, start, offsets = _folded(w, norm1)
    sums = _Sums()
    for rows in stretches:
        _filter(hidden, taps, start, offsets, dilation, rows, filtered[rows])
        if kept is not None:
            kept[1][rows] = filtered[rows]
        sums.add(_active(filtered[rows], ready.slope2))
    norm2 = sums.norm(w.gain2, w.bias2)
    constant = torch.sub(ready.outer_start, ready.outer_mean, alpha=norm2.mean * norm2.rstd) / norm2.rstd
    constant = constant.to(kind)
    to = state[:, state.shape[1] - w.outer.shape[0] :]
    for rows in stretches:
        to[rows].add_(product(filtered[rows].to(kind), ready.outer, constant).float(), alpha=norm2.rstd)
    return None if kept is None else _Kept(entered, kept[0], kept[1], norm1, norm2)


def _backward(
    state: Tensor, kept: _Kept, w: BlockWeights, ready: _Ready, dilation: int, scratch: Tensor
) -> tuple[Tensor, ...]:
    """The gradients of one block's weights by one item; `state` is the gradient of the state, changed in place."""
    norm1, norm2, kind = kept.norm1, kept.norm2, ready.inner.dtype
    count = kept.hidden.numel()
    filtered, active = scratch[0].copy_(kept.filtered), scratch[1]
    torch.ops.aten.leaky_relu.out(filtered, ready.slope2, out=active)
    gradient = state[:, state.shape[1] - w.outer.shape[0] :]
    columns = gradient.sum(0)
    scaled = (gradient * norm2.rstd).to(kind)
    crossed = product(scaled.t(), active.to(kind).t()).float()
    outer = torch.addr(crossed * w.gain2, columns, norm2.offset)
    bias2 = columns @ w.outer
    gain2 = (w.outer * crossed).sum(0) - norm2.rstd * norm2.mean * bias2
    by_value, constant = _passed_on(norm2, w.gain2, gain2, bias2, count)
    shift = torch.full_like(w.gain2, -constant)
    through = product(scaled, ready.outer.t(), shift.to(kind)).float()
    through.add_(active, alpha=-by_value)
    slope2 = torch.dot(through.view(-1), torch.clamp(filtered, max=0, out=active).view(-1))
    through = torch.ops.aten.leaky_relu_backward(through, filtered, ready.slope2, False)

    hidden = scratch[0].copy_(kept.hidden)
    torch.ops.aten.leaky_relu.out(hidden, ready.slope1, out=active)
    taps_bias = through.sum(0)
    met, reached = _correlated(through, active, taps_bias, len(w.taps), dilation)
    taps = met * norm1.scale + reached * norm1.offset
    bias1 = (w.taps * reached).sum(0)
    gain1 = norm1.rstd * ((w.taps * met).sum(0) - norm1.mean * bias1)
    by_value, constant = _passed_on(norm1, w.gain1, gain1, bias1, count)
    back = _spread(through, w.taps * norm1.scale, -constant, dilation)
    back.add_(active, alpha=-by_value)
    slope1 = torch.dot(back.view(-1), torch.clamp(hidden, max=0, out=active).view(-1))
    back = torch.ops.aten.leaky_relu_backward(back, hidden, ready.slope1, False)
    inner_bias = back.sum(0)
    multiplied = back.to(kind)
    inner = product(multiplied.t(), kept.entered.t()).float()
    state[:, : w.inner.shape[1]] += product(multiplied, ready.inner.t()).float()
    return (
        inner,
        inner_bias,
        slope1.view_as(w.slope1),
        gain1,
        bias1,
        taps,
        taps_bias,
        slope2.view_as(w.slope2),
        gain2,
        bias2,
        outer,
        columns,
    )


def _active(values: Tensor, slope: float) -> Tensor:
    """PReLU in place."""
    return leaky_relu(values, slope, inplace=True)


def _stretches(frames: int, width: int) -> list[slice]:
    size = max(1, STRETCH // width)
    return [slice(start, min(frames, start + size)) for start in range(0, frames, size)]


class _Sums:
    """What a global layer norm needs to know of an item, gathered stretch by stretch."""

    def __init__(self) -> None:
        self._count, self._total, self._squares = 0, 0.0, 0.0

    def add(self, values: Tensor) -> None:
        """values: [frames, hidden]; frames are summed in float32, and these sums in float64."""
        self._count += values.numel()
        self._total += float(values.sum(1).sum(dtype=torch.float64))
        self._squares += float(torch.linalg.vector_norm(values, dim=1).double().square().sum())

    def norm(self, gain: Tensor, bias: Tensor) -> _Norm:
        mean = self._total / self._count
        rstd = (max(0.0, self._squares / self._count - mean * mean) + EPS) ** -0.5
        scale = gain * rstd
        return _Norm(mean, rstd, scale, bias - mean * scale)


def _passed_on(
    norm: _Norm, gain: Tensor, by_gain: Tensor, by_bias: Tensor, count: int
) -> tuple[float, float]:
    """(factor of the value, constant) that a norm's statistics take from the gradient that it passes on."""
    by_value = norm.rstd * norm.rstd * float(torch.dot(gain, by_gain)) / count
    return by_value, norm.rstd * float(torch.dot(gain, by_bias)) / count - norm.mean * by_value


def _shifts(kernel: int, dilation: int) -> list[int]:
    return [(tap - kernel // 2) * dilation for tap in range(kernel)]


def spans(shift: int, frames: int) -> tuple[slice, slice]:
    """(frames that a tap writes to, frames that it reads), where it reads within the item."""
    reach = min(abs(shift), frames)
    late, early = slice(reach, frames), slice(0, frames - reach)
    return (late, early) if shift < 0 else (early, late)


def _folded(w: BlockWeights, norm: _Norm) -> tuple[Tensor, Tensor, Tensor]:
    """(taps for values that are not yet normalised, what a frame begins with, what each tap brings of the norm's bias)."""
    offsets = w.taps * norm.offset
    return w.taps * norm.scale, w.taps_bias + offsets.sum(0), offsets


def _filter(
    values: Tensor, taps: Tensor, start: Tensor, offsets: Tensor, dilation: int, rows: slice, out: Tensor
) -> None:
    """The depthwise convolution of the normalised values at some frames, zeros beyond both ends, into `out`."""
    frames, count = len(values), rows.stop - rows.start
    shifts = _shifts(len(taps), dilation)
    torch.addcmul(start, values[rows], taps[shifts.index(0)], out=out)
    for tap, shift in enumerate(shifts):
        if shift:
            first = min(max(0, -shift - rows.start), count)
            last = max(min(count, frames - shift - rows.start), first)
            source = slice(rows.start + first + shift, rows.start + last + shift)
            if last > first:
                out[first:last].addcmul_(values[source], taps[tap])
            # Beyond the ends the norm's bias is not there either.
            out[:first] -= offsets[tap]
            out[last:] -= offsets[tap]


def _correlated(
    gradient: Tensor, values: Tensor, columns: Tensor, kernel: int, dilation: int
) -> tuple[Tensor, Tensor]:
    """Per tap, both [kernel, hidden]: gradient times the values it met, and the gradient where it met any."""
    frames = len(values)
    met, reached = [], []
    product = torch.empty_like(values)
    for shift in _shifts(kernel, dilation):
        to, source = spans(shift, frames)
        met.append(torch.mul(gradient[to], values[source], out=product[to]).sum(0))
        beyond = slice(0, to.start) if shift < 0 else slice(to.stop, frames)
        reached.append(columns - gradient[beyond].sum(0) if shift else columns)
    return torch.stack(met), torch.stack(reached)


def _spread(gradient: Tensor, taps: Tensor, constant: float, dilation: int) -> Tensor:
    """The gradient back through the taps, plus a constant."""
    frames = len(gradient)
    shifts = _shifts(len(taps), dilation)
    result = torch.addcmul(torch.full_like(taps[0], constant), gradient, taps[shifts.index(0)])
    for tap, shift in enumerate(shifts):
        if shift:
            to, source = spans(shift, frames)
            result[source].addcmul_(gradient[to], taps[tap])
    return result
