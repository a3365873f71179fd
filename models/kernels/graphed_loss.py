"""The loss of batches of one shape with its gradients as one CUDA graph: recorded once, then launched as a whole.

As `graphs.GraphedStep`, but only up to the gradients, so that a training loop does with them what it always does:
scales, clips, adds them up over parts and processes, and lets its own optimizer move the weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from models.kernels.graphs import WARM_UP, Losses


class GraphedLoss:
    """Forward and backward of a network for batches that are like `example`.

    loss: takes the tensors of a batch, returns scalars by name; what is minimised is "loss". kind: the format of its
    matrix products, None for that of the weights. What may be in it is said in `graphs`. What a call returns beside the
    loss is overwritten by the next one.
    """

    def __init__(
        self,
        network: nn.Module,
        loss: Callable[..., Losses],
        example: Sequence[Tensor],
        kind: torch.dtype | None,
    ) -> None:
        self._parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
        self._loss, self._kind = loss, kind
        self._inputs = [item.clone() for item in example]
        device = self._parameters[0].device
        stream = torch.cuda.Stream(device)
        stream.wait_stream(torch.cuda.current_stream(device))
        with torch.cuda.stream(stream):
            for _ in range(WARM_UP):
                self._taken()
        torch.cuda.current_stream(device).wait_stream(stream)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._found, self._gradients = self._taken()

    def suits(self, batch: Sequence[Tensor]) -> bool:
        """Whether a batch has the shapes that were recorded."""
        return [item.shape for item in batch] == [item.shape for item in self._inputs]

    def __call__(self, *batch: Tensor) -> Losses:
        """The scalars of a batch; the gradient of "loss" flows into the network's parameters."""
        for held, given in zip(self._inputs, batch, strict=True):
            held.copy_(given, non_blocking=True)
        self._graph.replay()
        loss: Tensor = _Recorded.apply(self._found["loss"], self._gradients, *self._parameters)
        return {**self._found, "loss": loss}

    def _taken(self) -> tuple[Losses, list[Tensor | None]]:
        torch.clear_autocast_cache()  # what it keeps would be of weights that have moved since
        kind = self._kind or torch.bfloat16
        with torch.autocast("cuda", kind, enabled=self._kind is not None, cache_enabled=False):
            result = self._loss(*self._inputs)
        gradients = torch.autograd.grad(result["loss"], self._parameters, allow_unused=True)
        torch.clear_autocast_cache()  # and here, of memory that is the graph's
        return {name: item.detach() for name, item in result.items()}, list(gradients)


class _Recorded(torch.autograd.Function):
    """A loss whose gradients are there already."""

    @staticmethod
    def forward(ctx: Any, loss: Tensor, gradients: list[Tensor | None], *parameters: Tensor) -> Tensor:
        ctx.gradients = gradients
        return loss.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *given: Tensor) -> tuple[Tensor | None, ...]:
        there = [gradient for gradient in ctx.gradients if gradient is not None]
        scaled = iter(torch._foreach_mul(there, given[0]))  # copies: the graph writes over its own
        return None, None, *(None if gradient is None else next(scaled) for gradient in ctx.gradients)
