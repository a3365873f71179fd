"""The mask generator of `network`, time before channels: the same masks in fewer walks over memory.

On a CPU by `kernels/conv_stack_native.py` where that is built, which training does; else by `kernels/conv_stack.py` and, causal
ones, by `kernels/causal_stack.py`; on a graphics card by `kernels/conv_stack_cuda.py`. Tests hold all of them to the
modules.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm

from models.kernels import causal_stack, choice, conv_stack, conv_stack_cuda, conv_stack_native
from models.kernels.choice import autocast_format
from models.kernels.conv_stack import EPS, BlockWeights
from models.kernels.products import linear


class Generator(Protocol):
    """The modules of `network.MaskGenerator`."""

    input_norm: nn.Module
    input_conv: nn.Conv1d
    conv_layers: nn.ModuleList  # of blocks
    output_prelu: nn.PReLU
    output_conv: nn.Conv1d


class Block(Protocol):
    """The modules of `network.Block`; the last one has no residual."""

    conv_layers: nn.Sequential
    res_out: nn.Conv1d | None
    skip_out: nn.Conv1d


def serves(norm: str, causal: bool, kernel: int, frames: Tensor) -> bool:
    """Whether this form knows such a network: its norms look at all frames, and its taps lie evenly around each; or, on a
    CPU, norms and taps look back."""
    if norm == "cLN" and causal:
        return choice.for_caches(frames)
    return norm == "gLN" and not causal and kernel % 2 == 1


def masks(generator: Generator, dilations: Sequence[int], frames: Tensor) -> Tensor:
    """[batch, frames, filters] → [batch, frames, speakers · filters], before the activation. dilations: of the blocks."""
    norm = generator.input_norm
    inner, outer = generator.input_conv, generator.output_conv
    causal = not isinstance(norm, nn.GroupNorm)
    assert inner.bias is not None
    assert outer.bias is not None
    if causal:
        normed = causal_stack.cumulative_norm(frames)
    elif choice.for_caches(frames):
        normed = layer_norm(frames, frames.shape[1:], eps=EPS)
    else:
        frames = frames.float()
        variance, mean = torch.var_mean(frames, (1, 2), correction=0, keepdim=True)
        normed = (frames - mean) * torch.rsqrt(variance + EPS)
    weight = inner.weight[:, :, 0]  # the norm's gain and shift go into the convolution that follows
    gain, shift = norm.get_parameter("weight"), norm.get_parameter("bias")
    features = linear(normed, weight * gain, inner.bias + weight @ shift)
    blocks = [block_weights(block) for block in generator.conv_layers]  # type: ignore[arg-type]
    half = autocast_format(frames)
    if choice.for_caches(frames) and conv_stack_native.serves(build=torch.is_grad_enabled()):
        total = conv_stack_native.separate_features(features, blocks, dilations, half is not None, causal)
    elif causal:
        total = causal_stack.separate_features(features, blocks, dilations, half is not None)
    elif choice.for_caches(frames):
        total = conv_stack.separate_features(features, blocks, dilations, half is not None)
    else:
        kind = half or torch.float32
        total = conv_stack_cuda.separate_features(features, blocks, dilations, kind)
    return linear(generator.output_prelu(total), outer.weight[:, :, 0], outer.bias)


def block_weights(block: Block) -> BlockWeights:
    """A block's weights as the kernels take them; gradients go back to the modules."""
    layers: list[Any] = list(block.conv_layers)
    inner, prelu1, norm1, taps, prelu2, norm2 = layers
    outer: list[Any] = [block.skip_out] if block.res_out is None else [block.res_out, block.skip_out]
    return BlockWeights(
        inner.weight[:, :, 0],
        inner.bias,
        prelu1.weight,
        norm1.weight,
        norm1.bias,
        taps.weight[:, 0].t().contiguous(),
        taps.bias,
        prelu2.weight,
        norm2.weight,
        norm2.bias,
        torch.cat([item.weight[:, :, 0] for item in outer]),
        torch.cat([item.bias for item in outer]),
    )
