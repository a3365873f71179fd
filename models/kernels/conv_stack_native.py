"""`conv_stack` and `causal_stack` with what lies between their products of matrices compiled: the same, two to three times as fast.

In PyTorch's operations each step over the values of a block, as small as it is, is a walk over memory and a call. Here a
block is one call between its products on the way there and three on the way back (`conv_stack.cpp`), which leaves the
products as most of the time. In bfloat16, what is kept between them is kept in it.

A norm is ``x̂ = (p - mean) · rstd`` with two figures a frame, of all frames or, where the network is causal, of those up to it;
the second one's gain and bias are folded into the product that follows.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import ClassVar, Protocol

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from models.kernels import native
from models.kernels.conv_stack import BlockWeights, StackContext, first_state, grouped
from models.kernels.products import product

SOURCE = Path(__file__).with_name("conv_stack.cpp")
_pointer, _long, _float = ctypes.c_void_p, ctypes.c_int64, ctypes.c_float


class Block(ctypes.Structure):
    """A block's sizes and weights, and where their gradients are added up; mirrors `Block` of the C++ file."""

    SIZES: ClassVar = ("hidden", "out", "kernel", "dilation", "causal")
    SLOPES: ClassVar = ("slope1", "slope2")
    WEIGHTS: ClassVar = ("gain1", "bias1", "taps", "taps_bias", "gain2", "bias2", "outer")
    SUMS: ClassVar = (
        "inner_bias",
        "gain1",
        "bias1",
        "taps",
        "taps_bias",
        "gain2",
        "bias2",
        "outer",
        "outer_bias",
    )
    _fields_: ClassVar = [
        *((name, _long) for name in SIZES),
        *((name, _float) for name in SLOPES),
        *((name, _pointer) for name in WEIGHTS),
        *((f"by_{name}", _pointer) for name in SUMS),
        *((f"by_{name}", ctypes.c_double) for name in SLOPES),
    ]


FUNCTIONS = {
    "forward": [_pointer, _pointer, _long, _pointer, _pointer, _pointer],
    "normalise": [_pointer, _pointer, _long, _pointer, _pointer],
    "add": [_pointer, _long, _long, _long, _pointer],
    "take": [_pointer, _long, _long, _long, _pointer, _pointer],
    "outer_gradients": [_pointer, _pointer, _pointer],
    "backward": [_pointer, _pointer, _long, _pointer, _pointer, _pointer, _pointer],
}


def serves(build: bool) -> bool:
    """Whether the loops are compiled; where they are not, and are to be, that takes some seconds once."""
    return native.library(SOURCE, build) is not None


class _Loops:
    """The compiled functions in one number format."""

    def __init__(self, kind: torch.dtype) -> None:
        library = native.library(SOURCE, build=False)
        assert library is not None, "ask `serves` first"
        name = "bfloat16" if kind == torch.bfloat16 else "float32"
        for function, arguments in FUNCTIONS.items():
            loop = getattr(library, f"{function}_{name}")
            loop.argtypes, loop.restype = arguments, None
        self.forward = getattr(library, f"forward_{name}")
        self.normalise = getattr(library, f"normalise_{name}")
        self.add = getattr(library, f"add_{name}")
        self.take = getattr(library, f"take_{name}")
        self.outer_gradients = getattr(library, f"outer_gradients_{name}")
        self.backward = getattr(library, f"backward_{name}")


_loops = cache(_Loops)


@dataclass
class _Ready:
    """A block's weights as the products and the loops take them.

    inner: [hidden, bottleneck]; outer: [out, hidden], the second norm's gain folded in; outer_bias: its bias, too.
    weights: contiguous float32, held because `block` has their addresses.
    """

    inner: Tensor
    inner_bias: Tensor
    outer: Tensor
    outer_bias: Tensor
    weights: BlockWeights
    block: Block


@dataclass
class _Kept:
    """What the gradient of a block needs of an item: its input, the two activations before their PReLU, the norms.

    norms: float32 [2, 2, frames], mean and reciprocal deviation of the first and of the second.
    """

    entered: Tensor
    hidden: Tensor
    filtered: Tensor
    norms: Tensor


def separate_features(
    features: Tensor,
    blocks: Sequence[BlockWeights],
    dilations: Sequence[int],
    half: bool,
    causal: bool = False,
) -> Tensor:
    """As `conv_stack.separate_features`, or `causal_stack`'s."""
    flat = [weight for block in blocks for weight in block]
    if torch.is_grad_enabled() and (features.requires_grad or any(w.requires_grad for w in flat)):
        result: Tensor = _Stack.apply(features, tuple(dilations), half, causal, *flat)
        return result
    kind = torch.bfloat16 if half else torch.float32
    with torch.autocast("cpu", enabled=False):
        state = first_state(features.float(), blocks[-1])
        ready = [_ready(*entry, kind, causal) for entry in zip(blocks, dilations, strict=True)]
        for item in state:
            _item_forward(item, ready, _loops(kind), keep=False)
    return state[..., features.shape[-1] :]


class _Context(StackContext[_Kept], Protocol):
    causal: bool


class _Stack(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: _Context,
        features: Tensor,
        dilations: tuple[int, ...],
        half: bool,
        causal: bool,
        *flat: Tensor,
    ) -> Tensor:
        with torch.autocast("cpu", enabled=False):
            kind = torch.bfloat16 if half else torch.float32
            blocks = grouped(flat)
            state = first_state(features.float(), blocks[-1])
            ready = [_ready(*entry, kind, causal) for entry in zip(blocks, dilations, strict=True)]
            ctx.kept = [_item_forward(item, ready, _loops(kind)) for item in state]
            ctx.save_for_backward(*flat)
            ctx.dilations, ctx.half, ctx.width = dilations, half, features.shape[-1]
            ctx.causal = causal
            return state[..., features.shape[-1] :]

    @staticmethod
    @once_differentiable
    def backward(ctx: _Context, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = gradients
        with torch.autocast("cpu", enabled=False):
            kind = torch.bfloat16 if ctx.half else torch.float32
            blocks = grouped(ctx.saved_tensors)
            batch, frames, skip = gradient.shape
            state = gradient.new_zeros((batch, frames, ctx.width + skip), dtype=torch.float32)
            state[..., ctx.width :] = gradient
            ready = [_ready(*entry, kind, ctx.causal) for entry in zip(blocks, ctx.dilations, strict=True)]
            sums = [_begin_sums(entry) for entry in ready]
            ctx.kept.reverse()
            for item in state:  # memory of an item that is done is free for what comes
                _item_backward(item, ctx.kept.pop(), ready, sums, _loops(kind))
            for entry, total in zip(ready, sums, strict=True):
                total.slope1.fill_(entry.block.by_slope1)
                total.slope2.fill_(entry.block.by_slope2)
            return (
                state[..., : ctx.width].contiguous(),
                None,
                None,
                None,
                *(total for block in sums for total in block),
            )


def _ready(w: BlockWeights, dilation: int, kind: torch.dtype, causal: bool) -> _Ready:
    weights = BlockWeights(*(weight.float().contiguous() for weight in w))
    block = Block(
        hidden=len(weights.inner),
        out=len(weights.outer),
        kernel=len(weights.taps),
        dilation=dilation,
        causal=causal,
        slope1=float(weights.slope1),
        slope2=float(weights.slope2),
        **{name: getattr(weights, name).data_ptr() for name in Block.WEIGHTS},
    )
    return _Ready(
        weights.inner.to(kind),
        weights.inner_bias.to(kind),
        (weights.outer * weights.gain2).to(kind),
        torch.addmv(weights.outer_bias, weights.outer, weights.bias2).to(kind),
        weights,
        block,
    )


def _begin_sums(ready: _Ready) -> BlockWeights:
    """Zeros for the gradients of a block's weights, which its loops know."""
    sums = BlockWeights(*(torch.zeros_like(weight) for weight in ready.weights))
    for name in Block.SUMS:
        setattr(ready.block, f"by_{name}", getattr(sums, name).data_ptr())
    return sums


def _item_forward(state: Tensor, ready: Sequence[_Ready], loops: _Loops, keep: bool = True) -> list[_Kept]:
    """All blocks on one item; adds to `state`, [frames, bottleneck + skip], in place. keep: what a gradient needs; else each
    block writes over what the last one has left."""
    frames, columns = state.shape
    kind, (width, bottleneck) = ready[0].inner.dtype, ready[0].inner.shape
    count = len(ready) if keep else 1
    entered = state.new_empty((count, frames, bottleneck), dtype=kind)
    filtered = state.new_empty((count, frames, width), dtype=kind)
    normed = state.new_empty((frames, width), dtype=kind)
    norms = state.new_empty((count, 2, 2, frames))
    kept = []
    for number, entry in enumerate(ready):
        place = number if keep else 0
        entered[place].copy_(state[:, :bottleneck])
        hidden = product(entered[place], entry.inner, entry.inner_bias)
        needed = _Kept(entered[place], hidden, filtered[place], norms[place])
        loops.forward(
            ctypes.byref(entry.block),
            needed.norms.data_ptr(),
            frames,
            needed.hidden.data_ptr(),
            needed.filtered.data_ptr(),
            normed.data_ptr(),
        )
        more = product(normed, entry.outer, entry.outer_bias)
        out = more.shape[1]
        loops.add(state[:, columns - out :].data_ptr(), columns, frames, out, more.data_ptr())
        if keep:
            kept.append(needed)
    return kept


def _item_backward(
    state: Tensor,
    kept: Sequence[_Kept],
    ready: Sequence[_Ready],
    sums: Sequence[BlockWeights],
    loops: _Loops,
) -> None:
    """The gradients of all blocks by one item, added to `sums`; `state` is the gradient of the state, changed in place."""
    frames, columns = state.shape
    kind, (width, bottleneck) = ready[0].inner.dtype, ready[0].inner.shape
    normed, back = (state.new_empty((frames, width), dtype=kind) for _ in range(2))
    for number in reversed(range(len(ready))):
        entry, needed = ready[number], kept[number]
        block, norms, out = ctypes.byref(entry.block), needed.norms.data_ptr(), len(entry.outer)
        gradient, total = state.new_empty((frames, out), dtype=kind), state.new_empty(out)
        loops.take(
            state[:, columns - out :].data_ptr(), columns, frames, out, gradient.data_ptr(), total.data_ptr()
        )
        loops.normalise(block, norms, frames, needed.filtered.data_ptr(), normed.data_ptr())
        crossed = product(gradient.t(), normed.t())
        through = product(gradient, entry.outer.t())
        loops.outer_gradients(block, crossed.data_ptr(), total.data_ptr())
        loops.backward(
            block,
            norms,
            frames,
            through.data_ptr(),
            needed.filtered.data_ptr(),
            needed.hidden.data_ptr(),
            back.data_ptr(),
        )
        sums[number].inner.add_(product(back.t(), needed.entered.t()))
        more = product(back, entry.inner.t())
        loops.add(state.data_ptr(), columns, frames, bottleneck, more.data_ptr())
