"""Convolutions over time of what lies in memory as [batch, time, channels].

An image of one row of pixels, channels last, has that memory as it is: it is not copied on the way there or back, and
oneDNN's kernels for such images are faster than those that PyTorch takes for sequences; those for each channel by itself
by far.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from models.kernels import choice
from models.kernels.choice import autocast_format


class TimeConv(nn.Conv1d):
    """nn.Conv1d, padded by half its width, of [batch, time, inputs] → [batch, time, outputs]; odd widths keep the time.

    With as many groups as channels, each by itself, its gradient has no gradient of its own on a CPU.
    """

    def __init__(self, inputs: int, outputs: int, width: int, groups: int = 1) -> None:
        super().__init__(inputs, outputs, width, padding=width // 2, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, time, in] → [batch, time, out], as long as its input."""
        if torch.compiler.is_compiling():
            return super().forward(x.transpose(1, 2)).transpose(1, 2)
        each = self.groups == self.in_channels == self.out_channels and self.bias is not None
        if not choice.for_caches(x):
            return self._on_a_card(x)
        plain = x.dtype == self.weight.dtype and not torch.is_autocast_enabled("cpu")
        if each and plain and torch.is_grad_enabled():
            result: Tensor = _Depthwise.apply(x, self.weight, self.bias)
            return result
        return _of_image(x, self.weight, self.bias, self.groups)

    def _on_a_card(self, x: Tensor) -> Tensor:
        """In half precision a card has kernels for images; in float32, if it is not to round to ten bits, it goes by
        way of Fourier transforms, and products are faster."""
        if (autocast_format(x) or x.dtype) in (torch.float16, torch.bfloat16):
            return _of_image(x, self.weight, self.bias, self.groups)
        if self.groups == 1:
            return _by_products(x, self.weight, self.bias)
        return super().forward(x.transpose(1, 2)).transpose(1, 2)


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
    result: Tensor = torch.ops.aten.convolution_backward(
        *(_image(given), _image(x), weight[:, :, None], None),
        *((1, 1), (0, width // 2), (1, 1), False, (0, 0), channels),
        (True, False, False),
    )[0]
    return _sequence(result)


def _gradient_of_taps(given: Tensor, x: Tensor, weight: Tensor) -> Tensor:
    """What a gradient of the outputs does to the weights: oneDNN's is six times slower than one tap after the other."""
    channels, _, width = weight.shape
    padded, time = F.pad(x, (0, 0, width // 2, width // 2)), given.shape[1]
    result, scratch = x.new_empty(width, channels), torch.empty_like(given)
    for tap in range(width):
        torch.mul(padded[:, tap : tap + time], given, out=scratch)
        torch.sum(scratch, (0, 1), out=result[tap])
    return result.t()[:, None]


def _by_products(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """The same as one product of matrices: each step with its neighbours beside it."""
    width = weight.shape[2]
    seen = F.pad(x, (0, 0, width // 2, width // 2)).unfold(1, width, 1)  # [batch, time, inputs, width]
    return F.linear(seen.flatten(2), weight.flatten(1), bias)


def _of_image(x: Tensor, weight: Tensor, bias: Tensor | None, groups: int) -> Tensor:
    half = weight.shape[2] // 2
    return _sequence(F.conv2d(_image(x), weight[:, :, None], bias, padding=(0, half), groups=groups))


def _image(x: Tensor) -> Tensor:
    """[batch, time, channels] → [batch, channels, 1, time], the same memory."""
    return x.transpose(1, 2)[:, :, None]


def _sequence(image: Tensor) -> Tensor:
    """[batch, channels, 1, time] → [batch, time, channels], the same memory."""
    return image.squeeze(2).transpose(1, 2)  # squeezed, not indexed: so its gradient is not copied either


class FrozenGroups(nn.Module):
    """A convolution of [batch, channels, time] in a few groups by wide filters, as one product of matrices a group.

    Speech encoders place their positions by one of 128 taps in 16 groups, for which cuDNN has no fast kernel: it takes
    more than half of an encoder's time on a graphics card. Its weights are taken as they are, and do not learn.
    """

    weight: Tensor
    bias: Tensor

    def __init__(self, layer: nn.Conv1d) -> None:
        super().__init__()
        outputs, inputs, width = layer.weight.shape
        self.groups, self.width, self.padding = layer.groups, width, int(layer.padding[0])
        weight = layer.weight.detach().reshape(layer.groups, outputs // layer.groups, inputs * width)
        bias = weight.new_zeros(outputs) if layer.bias is None else layer.bias.detach()
        self.register_buffer("weight", weight.transpose(1, 2).contiguous(), persistent=False)
        self.register_buffer("bias", bias.reshape(layer.groups, 1, -1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, channels, time] → the same; its weights take no gradient."""
        batch = len(x)
        seen = F.pad(x, (self.padding, self.padding)).unfold(
            2, self.width, 1
        )  # [batch, channels, time, width]
        time = seen.shape[2]
        seen = (
            seen.unflatten(1, (self.groups, -1)).permute(1, 0, 3, 2, 4).reshape(self.groups, batch * time, -1)
        )
        result = torch.baddbmm(self.bias, seen, self.weight)
        return result.view(self.groups, batch, time, -1).permute(1, 0, 3, 2).reshape(batch, -1, time)

    @classmethod
    def put_into(cls, network: nn.Module) -> int:
        """Replace every such convolution of a frozen network; returns how many there were."""
        count = 0
        for module in list(network.modules()):
            for name, layer in module.named_children():
                if not isinstance(layer, nn.Conv1d) or layer.stride != (1,) or layer.dilation != (1,):
                    continue
                if 1 < layer.groups < layer.in_channels and layer.kernel_size[0] >= 16:
                    setattr(module, name, cls(layer))
                    count += 1
        return count
