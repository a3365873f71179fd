"""The separator's blocks for a graphics card: all items of a batch at once, and nothing that waits for the card.

Two things cost Conv-TasNet its time there: PyTorch's norm over a whole item is one thread block an item, so that four
items keep four of a hundred processors busy; and its depthwise convolutions of sequences. Here sums over an item are
reductions, which spread over the card, and a convolution is a sum of shifted products. As in `conv_stack.py`, whose
notation this follows, norms are folded into the weights beside them, and the gradients are written down.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from models.kernels.choice import without_autocast
from models.kernels.conv_stack import EPS, PER_BLOCK, BlockWeights

Shifted = tuple[slice, slice]  # frames that a tap writes to, frames that it reads


class _Norm(NamedTuple):
    """Global layer norms of items as ``p · scale + offset``; mean and rstd: [batch, 1], the others: [batch, hidden]."""

    mean: Tensor
    rstd: Tensor
    scale: Tensor
    offset: Tensor


def separate_features(
    features: Tensor, blocks: Sequence[BlockWeights], dilations: Sequence[int], kind: torch.dtype
) -> Tensor:
    """The sum of the blocks' skip outputs, float32 [batch, frames, skip].

    features: [batch, frames, bottleneck]. kind: the format in which the blocks compute; their sums and statistics are
    float32.
    """
    fused = _fused() if features.is_cuda and len(blocks) > 1 else None
    if fused is not None:
        return fused(features, blocks, dilations, kind)
    flat = [weight for block in blocks for weight in block]
    with without_autocast(features):
        result: Tensor = _Stack.apply(features.float(), tuple(dilations), kind, *flat)
    return result


@cache
def _fused() -> Callable[..., Tensor] | None:
    """The same by Triton, which comes with torch's builds for CUDA on Linux: a fourth of the time; None without it."""
    try:
        from models.kernels import conv_stack_triton
    except ImportError:
        return None
    return conv_stack_triton.separate_features


class _Stack(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, features: Tensor, dilations: tuple[int, ...], kind: torch.dtype, *flat: Tensor
    ) -> Tensor:
        width = features.shape[-1]
        state = F.pad(features, (0, _grouped(flat)[-1].outer.shape[0]))
        kept: list[Tensor] = []
        learns = any(ctx.needs_input_grad)
        for block, dilation in zip(_grouped(flat), dilations, strict=True):
            result = _forward(state, block, dilation, kind)
            kept += result if learns else []
        ctx.save_for_backward(*flat, *kept)
        ctx.dilations, ctx.width, ctx.weights = dilations, width, len(flat)
        return state[..., width:].contiguous()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        saved, count = ctx.saved_tensors, ctx.weights
        blocks, kept = _grouped(saved[:count]), saved[count:]
        state = F.pad(gradients[0].float(), (ctx.width, 0))
        result: list[Tensor] = []
        for number in reversed(range(len(blocks))):
            own = kept[KEPT * number : KEPT * (number + 1)]
            result = [*_backward(state, own, blocks[number], ctx.dilations[number]), *result]
        return (state[..., : ctx.width].contiguous(), None, None, *result)


def _grouped(flat: Sequence[Tensor]) -> list[BlockWeights]:
    return [BlockWeights(*flat[i : i + PER_BLOCK]) for i in range(0, len(flat), PER_BLOCK)]


KEPT = 7  # tensors that `_forward` keeps of a block


def _forward(state: Tensor, w: BlockWeights, dilation: int, kind: torch.dtype) -> tuple[Tensor, ...]:
    """One block; adds to `state` [batch, frames, bottleneck + skip] in place. Returns what its gradient needs."""
    entered = state[..., : w.inner.shape[1]].to(kind, copy=True, memory_format=torch.contiguous_format)
    hidden = F.linear(entered, w.inner.to(kind), w.inner_bias.to(kind))
    active = torch.prelu(hidden, w.slope1.to(kind))
    norm1 = _normed(active, w.gain1, w.bias1)
    filtered = _filtered(active, w, norm1, dilation)
    active = torch.prelu(filtered, w.slope2.to(kind))
    norm2 = _normed(active, w.gain2, w.bias2)
    gained = w.outer * w.gain2
    # Every item has its own weights: what its norm multiplies by, and what that leaves to add.
    constant = torch.addmv(w.outer_bias, w.outer, w.bias2) - norm2.mean * norm2.rstd * gained.sum(1)
    outer = (norm2.rstd[..., None] * gained).to(kind)
    out = torch.baddbmm(constant[:, None].to(kind), active, outer.transpose(1, 2))
    state[..., state.shape[-1] - w.outer.shape[0] :] += out
    return entered, hidden, filtered, norm1.mean, norm1.rstd, norm2.mean, norm2.rstd


def _backward(state: Tensor, kept: Sequence[Tensor], w: BlockWeights, dilation: int) -> tuple[Tensor, ...]:
    """The gradients of one block's weights; `state` is the gradient of the state, changed in place."""
    entered, hidden, filtered, *moments = kept
    kind, count = hidden.dtype, hidden[0].numel()
    norm1 = _norm(moments[0], moments[1], w.gain1, w.bias1)
    norm2 = _norm(moments[2], moments[3], w.gain2, w.bias2)
    active, slope = torch.prelu(filtered, w.slope2.to(kind)), w.slope2.to(kind)
    gradient = state[..., state.shape[-1] - w.outer.shape[0] :]
    columns = gradient.sum(1)  # [batch, out]
    scaled = (gradient * norm2.rstd[..., None]).to(kind)
    crossed = torch.bmm(scaled.transpose(1, 2), active).float()  # [batch, out, hidden]
    outer = crossed.sum(0) * w.gain2 + columns.t() @ norm2.offset
    bias2 = columns @ w.outer
    gain2 = (w.outer * crossed).sum(1) - norm2.rstd * norm2.mean * bias2
    by_value, constant = _passed_on(norm2, w.gain2, gain2, bias2, count)
    through = torch.baddbmm(
        -constant[..., None].to(kind), scaled, (w.outer * w.gain2).to(kind).expand(len(scaled), -1, -1)
    ).addcmul_(active, -by_value[..., None].to(kind))
    through, slope2 = _of_prelu(through, filtered, slope)

    slope = w.slope1.to(kind)
    active = torch.prelu(hidden, slope)
    taps_bias = through.sum(1, dtype=torch.float32)
    met, reached = _correlated(through, active, taps_bias, len(w.taps), dilation)  # [batch, kernel, hidden]
    taps = (met * norm1.scale[:, None] + reached * norm1.offset[:, None]).sum(0)
    bias1 = (w.taps * reached).sum(1)
    gain1 = norm1.rstd * ((w.taps * met).sum(1) - norm1.mean * bias1)
    by_value, constant = _passed_on(norm1, w.gain1, gain1, bias1, count)
    back = _spread(through, w.taps * norm1.scale[:, None], -constant, dilation)
    back.addcmul_(active, -by_value[..., None].to(kind))
    back, slope1 = _of_prelu(back, hidden, slope)
    flat = back.flatten(0, 1)
    inner = (flat.t() @ entered.flatten(0, 1)).float()
    state[..., : w.inner.shape[1]] += back @ w.inner.to(kind)
    return (
        inner,
        flat.sum(0, dtype=torch.float32),
        slope1.view_as(w.slope1),
        gain1.sum(0),
        bias1.sum(0),
        taps,
        taps_bias.sum(0),
        slope2.view_as(w.slope2),
        gain2.sum(0),
        bias2.sum(0),
        outer,
        columns.sum(0),
    )


def _normed(values: Tensor, gain: Tensor, bias: Tensor) -> _Norm:
    """The norm of each item of `values` [batch, frames, hidden]; both sums in float32, by reductions over the card."""
    count = values[0].numel()
    mean = values.sum((1, 2), dtype=torch.float32)[:, None] / count
    power = torch.linalg.vector_norm(values, dim=(1, 2), dtype=torch.float32)[:, None].square() / count
    return _norm(mean, (power - mean.square()).clamp(min=0).add(EPS).rsqrt(), gain, bias)


def _norm(mean: Tensor, rstd: Tensor, gain: Tensor, bias: Tensor) -> _Norm:
    scale = gain * rstd
    return _Norm(mean, rstd, scale, bias - mean * scale)


def _passed_on(
    norm: _Norm, gain: Tensor, by_gain: Tensor, by_bias: Tensor, count: int
) -> tuple[Tensor, Tensor]:
    """(factor of the value, constant), both [batch, 1], that a norm takes from the gradient that it passes on."""
    by_value = norm.rstd.square() * (by_gain @ gain)[:, None] / count
    return by_value, norm.rstd * (by_bias @ gain)[:, None] / count - norm.mean * by_value


def _of_prelu(gradient: Tensor, values: Tensor, slope: Tensor) -> tuple[Tensor, Tensor]:
    """(gradient of the values, of the slope)."""
    of_values, of_slope = torch.ops.aten._prelu_kernel_backward(gradient, values, slope.view(1, 1, 1))
    return of_values, of_slope.sum(dtype=torch.float32)


def _shifts(kernel: int, dilation: int, frames: int) -> list[Shifted]:
    """For each tap, in which it lies: (frames that it writes to, frames that it reads)."""
    result = []
    for tap in range(kernel):
        shift = (tap - kernel // 2) * dilation
        reach = min(abs(shift), frames)
        late, early = slice(reach, frames), slice(0, frames - reach)
        result.append((late, early) if shift < 0 else (early, late))
    return result


def _beyond(shifted: Shifted, frames: int) -> slice:
    """The frames for which a tap reads beyond an end."""
    to = shifted[0]
    return slice(0, to.start) if to.start else slice(to.stop, frames)


def _filtered(active: Tensor, w: BlockWeights, norm: _Norm, dilation: int) -> Tensor:
    """The depthwise convolution of the normalised values, zeros beyond both ends."""
    kind, frames, middle = active.dtype, active.shape[1], len(w.taps) // 2
    taps = (w.taps * norm.scale[:, None]).to(kind)  # [batch, kernel, hidden]
    offsets = w.taps * norm.offset[:, None]
    start = (w.taps_bias + offsets.sum(1)).to(kind)
    offsets = offsets.to(kind)
    out = torch.addcmul(start[:, None], active, taps[:, middle, None])
    for tap, shifted in enumerate(_shifts(len(w.taps), dilation, frames)):
        if tap != middle:
            to, source = shifted
            out[:, to].addcmul_(active[:, source], taps[:, tap, None])
            out[:, _beyond(shifted, frames)] -= offsets[:, tap, None]  # the norm's bias is not there either
    return out


def _correlated(
    gradient: Tensor, values: Tensor, columns: Tensor, kernel: int, dilation: int
) -> tuple[Tensor, Tensor]:
    """Per item and tap, [batch, kernel, hidden]: gradient times the values it met, and the gradient where it met any."""
    frames, met, reached = gradient.shape[1], [], []
    for tap, shifted in enumerate(_shifts(kernel, dilation, frames)):
        to, source = shifted
        met.append((gradient[:, to] * values[:, source]).sum(1, dtype=torch.float32))
        beyond = gradient[:, _beyond(shifted, frames)]
        reached.append(columns - beyond.sum(1, dtype=torch.float32) if tap != kernel // 2 else columns)
    return torch.stack(met, 1), torch.stack(reached, 1)


def _spread(gradient: Tensor, taps: Tensor, constant: Tensor, dilation: int) -> Tensor:
    """The gradient back through the taps [batch, kernel, hidden], plus a constant [batch, 1]."""
    kind, kernel = gradient.dtype, taps.shape[1]
    taps = taps.to(kind)
    result = torch.addcmul(constant[..., None].to(kind), gradient, taps[:, kernel // 2, None])
    for tap, (to, source) in enumerate(_shifts(kernel, dilation, gradient.shape[1])):
        if tap != kernel // 2:
            result[:, source].addcmul_(gradient[:, to], taps[:, tap, None])
    return result
