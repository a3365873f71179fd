"""The blocks of a causal separator, time-major, on the CPU: the numbers of the modules in a fraction of the time.

As `conv_stack`, frames are rows, residual and skip are two halves of one state, and items of a batch are gone through one
by one, so that what a block works on stays in the processor's cache. Here a norm looks back only (cLN, Luo & Mesgarani
2019, section II-D): frame t is told mean and deviation of all values of the frames up to t, ``x̂ = (p - μ_t) · ρ_t``, and
its gain and bias go into the weights of what follows it.

Gradients. With S_t and P_t the sums of values and of squares up to t, over n_t of them, ``μ = S/n`` and ``ρ = (P/n - μ² +
ε)^-½``. For a gradient h of x̂, with ``a_t = Σ h`` and ``b_t = Σ h·p`` over the values of a frame::

    ∂ρ = b - μ a     ∂(P/n) = -½ ρ³ ∂ρ     ∂μ = -ρ a - 2 μ ∂(P/n)

and a value, which is in the sums of its frame and of all that follow, gets ``ρ h + Σ ∂μ/n + 2 p Σ ∂(P/n)/n``, summed from
its frame to the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import leaky_relu

from models.kernels.conv_stack import EPS, BlockWeights, StackContext, first_state, grouped, spans
from models.kernels.products import product


@dataclass
class _Norm:
    """Mean and reciprocal deviation up to each frame, float64 [frames, 1]."""

    mean: Tensor
    rstd: Tensor


@dataclass
class _Kept:
    """What the gradient of a block needs of an item: its input, the activations before their PReLU, the norms."""

    entered: Tensor
    hidden: Tensor
    filtered: Tensor
    norm1: _Norm
    norm2: _Norm


@dataclass
class _Ready:
    """A block's weights as the products take them, gains and biases of the norms folded in.

    taps: [kernel, hidden]; start: [hidden], what the taps' bias and the first norm's come to; offsets: [kernel, hidden],
    what of it each tap brings, and does not where it would read before the sound.
    """

    inner: Tensor
    inner_bias: Tensor
    slope1: float
    taps: Tensor
    start: Tensor
    offsets: Tensor
    slope2: float
    outer: Tensor
    outer_bias: Tensor


def separate_features(
    features: Tensor, blocks: Sequence[BlockWeights], dilations: Sequence[int], half: bool
) -> Tensor:
    """The sum of the blocks' skip outputs.

    features: float32 [batch, frames, bottleneck]. half: multiply in bfloat16, add up in float32.
    Returns float32 [batch, frames, skip].
    """
    flat = [weight for block in blocks for weight in block]
    result: Tensor = _Stack.apply(features, tuple(dilations), half, torch.is_grad_enabled(), *flat)
    return result


class _Stack(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: StackContext[_Kept],
        features: Tensor,
        dilations: tuple[int, ...],
        half: bool,
        keep: bool,
        *flat: Tensor,
    ) -> Tensor:
        with torch.autocast("cpu", enabled=False):
            blocks = grouped(flat)
            state = first_state(features.float(), blocks[-1])
            entries = _entries(blocks, dilations, half)
            kept: list[list[_Kept]] = [[] for _ in state]
            for item, of_item in zip(state, kept, strict=True):
                for w, ready, dilation in entries:
                    needed = _forward(item, w, ready, dilation)
                    if keep:
                        of_item.append(needed)
            ctx.save_for_backward(*flat)
            ctx.kept, ctx.dilations, ctx.half, ctx.width = kept, dilations, half, features.shape[-1]
            return state[..., features.shape[-1] :]

    @staticmethod
    @once_differentiable
    def backward(ctx: StackContext[_Kept], *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = gradients
        with torch.autocast("cpu", enabled=False):
            blocks = grouped(ctx.saved_tensors)
            batch, frames, skip = gradient.shape
            state = gradient.new_zeros((batch, frames, ctx.width + skip), dtype=torch.float32)
            state[..., ctx.width :] = gradient
            entries = _entries(blocks, ctx.dilations, ctx.half)
            sums = [[torch.zeros_like(weight) for weight in block] for block in blocks]
            for item, kept in zip(state, ctx.kept, strict=True):
                for number in reversed(range(len(blocks))):
                    result = _backward(item, kept.pop(), *entries[number])
                    for total, entry in zip(sums[number], result, strict=True):
                        total += entry
            flat = [total for block in sums for total in block]
            return (state[..., : ctx.width].contiguous(), None, None, None, *flat)


def _entries(
    blocks: Sequence[BlockWeights], dilations: Sequence[int], half: bool
) -> list[tuple[BlockWeights, _Ready, int]]:
    return [(block, _ready(block, half), dilation) for block, dilation in zip(blocks, dilations, strict=True)]


def _ready(w: BlockWeights, half: bool) -> _Ready:
    kind = torch.bfloat16 if half else torch.float32
    offsets = w.taps * w.bias1
    return _Ready(
        w.inner.to(kind),
        w.inner_bias.to(kind),
        float(w.slope1),
        w.taps * w.gain1,
        w.taps_bias + offsets.sum(0),
        offsets,
        float(w.slope2),
        (w.outer * w.gain2).to(kind),
        torch.addmv(w.outer_bias, w.outer, w.bias2).to(kind),
    )


def _reaches(w: BlockWeights, dilation: int) -> list[int]:
    """How many frames back each tap reads; the last one reads the frame itself."""
    kernel = len(w.taps)
    return [(kernel - 1 - tap) * dilation for tap in range(kernel)]


def _forward(state: Tensor, w: BlockWeights, ready: _Ready, dilation: int) -> _Kept:
    """One block on one item; adds to `state` [frames, bottleneck + skip] in place."""
    kind = ready.inner.dtype
    entered = state[:, : w.inner.shape[1]].to(kind, copy=True)
    hidden = product(entered, ready.inner, ready.inner_bias).float()
    active = leaky_relu(hidden, ready.slope1)
    norm1 = _statistics(active)
    filtered = _filter(_normed(active, norm1), ready, _reaches(w, dilation))
    active = leaky_relu(filtered, ready.slope2)
    norm2 = _statistics(active)
    normed = _normed(active, norm2).to(kind)
    state[:, state.shape[1] - w.outer.shape[0] :] += product(normed, ready.outer, ready.outer_bias)
    return _Kept(entered, hidden, filtered, norm1, norm2)


def _backward(
    state: Tensor, kept: _Kept, w: BlockWeights, ready: _Ready, dilation: int
) -> tuple[Tensor, ...]:
    """The gradients of one block's weights by one item; `state` is the gradient of the state, changed in place."""
    kind, reaches = ready.inner.dtype, _reaches(w, dilation)
    gradient = state[:, state.shape[1] - w.outer.shape[0] :]
    columns, multiplied = gradient.sum(0), gradient.to(kind)
    active = leaky_relu(kept.filtered, ready.slope2)
    normed = _normed(active.clone(), kept.norm2)
    crossed = product(multiplied.t(), normed.to(kind).t()).float()
    through = product(multiplied, ready.outer.t()).float()
    through, slope2 = _before_norm(through, active, kept.filtered, kept.norm2, ready.slope2)

    active = leaky_relu(kept.hidden, ready.slope1)
    normed = _normed(active.clone(), kept.norm1)
    taps_bias = through.sum(0)
    met, reached = _correlated(through, normed, taps_bias, reaches)
    back = _spread(through, ready.taps, reaches)
    back, slope1 = _before_norm(back, active, kept.hidden, kept.norm1, ready.slope1)
    multiplied = back.to(kind)
    inner = product(multiplied.t(), kept.entered.t()).float()
    state[:, : w.inner.shape[1]] += product(multiplied, ready.inner.t())
    return (
        inner,
        back.sum(0),
        slope1.view_as(w.slope1),
        (w.taps * met).sum(0),
        (w.taps * reached).sum(0),
        met * w.gain1 + reached * w.bias1,
        taps_bias,
        slope2.view_as(w.slope2),
        (w.outer * crossed).sum(0),
        columns @ w.outer,
        torch.addr(crossed * w.gain2, columns, w.bias2),
        columns,
    )


def _statistics(values: Tensor) -> _Norm:
    """Of float32 [frames, channels]; frames are summed in float32, and these sums in float64."""
    frames, channels = values.shape
    counts = channels * torch.arange(1, frames + 1, dtype=torch.float64)
    mean = values.sum(1).double().cumsum(0) / counts
    power = torch.linalg.vector_norm(values, dim=1).double().square().cumsum(0) / counts
    rstd = (power - mean.square()).clamp(min=0).add(EPS).rsqrt()
    return _Norm(mean[:, None], rstd[:, None])


def _normed(values: Tensor, norm: _Norm) -> Tensor:
    """In place."""
    return values.sub_(norm.mean.float()).mul_(norm.rstd.float())


def _before_norm(
    gradient: Tensor, active: Tensor, values: Tensor, norm: _Norm, slope: float
) -> tuple[Tensor, Tensor]:
    """The gradient of what a norm gave → that of `values`, which went through a PReLU to be `active`, and the slope's.

    `gradient` and `active` are used up.
    """
    frames, channels = values.shape
    counts = channels * torch.arange(1, frames + 1, dtype=torch.float64)[:, None]
    sums = gradient.sum(1, keepdim=True).double()
    by_value = torch.linalg.vecdot(gradient, active)[:, None].double()
    by_power = -0.5 * norm.rstd**3 * (by_value - norm.mean * sums)
    by_mean = -norm.rstd * sums - 2 * norm.mean * by_power
    gradient.mul_(norm.rstd.float()).add_(_from_here_on(by_mean / counts))
    gradient.addcmul_(active, _from_here_on(2 * by_power / counts))
    of_slope = torch.dot(gradient.view(-1), torch.clamp(values, max=0, out=active).view(-1))
    return torch.ops.aten.leaky_relu_backward(gradient, values, slope, False), of_slope


def _from_here_on(values: Tensor) -> Tensor:
    """Sums of [frames, 1] from each frame to the last, in float32."""
    return values.flip(0).cumsum(0).flip(0).float()


def _filter(values: Tensor, ready: _Ready, reaches: Sequence[int]) -> Tensor:
    """The depthwise convolution of the values, which looks back."""
    out = torch.addcmul(ready.start, values, ready.taps[-1])
    for tap, reach in enumerate(reaches[:-1]):
        to, source = spans(-reach, len(values))
        out[to].addcmul_(values[source], ready.taps[tap])
        out[: to.start] -= ready.offsets[tap]
    return out


def _correlated(
    gradient: Tensor, values: Tensor, columns: Tensor, reaches: Sequence[int]
) -> tuple[Tensor, Tensor]:
    """Per tap, both [kernel, hidden]: gradient times the values it met, and the gradient where it met any."""
    met, reached, scratch = [], [], torch.empty_like(values)
    for reach in reaches:
        to, source = spans(-reach, len(values))
        met.append(torch.mul(gradient[to], values[source], out=scratch[to]).sum(0))
        reached.append(columns - gradient[: to.start].sum(0) if reach else columns)
    return torch.stack(met), torch.stack(reached)


def _spread(gradient: Tensor, taps: Tensor, reaches: Sequence[int]) -> Tensor:
    """The gradient back through the taps."""
    result = gradient * taps[-1]
    for tap, reach in enumerate(reaches[:-1]):
        to, source = spans(-reach, len(gradient))
        result[source].addcmul_(gradient[to], taps[tap])
    return result


class _NormContext(Protocol):
    """What `_CumulativeNorm` remembers for its gradient."""

    norms: list[_Norm]
    saved_tensors: tuple[Tensor, ...]

    def save_for_backward(self, *tensors: Tensor) -> None:
        """As autograd's."""


class _CumulativeNorm(torch.autograd.Function):
    """[batch, frames, channels] → the same, without gain and bias."""

    @staticmethod
    def forward(ctx: _NormContext, values: Tensor) -> Tensor:
        values = values.float()
        ctx.norms = [_statistics(item) for item in values]
        ctx.save_for_backward(values)
        return torch.stack(
            [_normed(item.clone(), norm) for item, norm in zip(values, ctx.norms, strict=True)]
        )

    @staticmethod
    @once_differentiable
    def backward(ctx: _NormContext, *gradients: Tensor) -> Tensor:
        (values,) = ctx.saved_tensors
        items = zip(gradients[0].float(), values, ctx.norms, strict=True)
        return torch.stack(
            [_before_norm(given.clone(), item.clone(), item, norm, 1.0)[0] for given, item, norm in items]
        )


def cumulative_norm(values: Tensor) -> Tensor:
    """cLN of float32 [batch, frames, channels], without its gain and bias."""
    result: Tensor = _CumulativeNorm.apply(values)
    return result
