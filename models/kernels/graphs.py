"""A training step of fixed shapes as one CUDA graph: recorded once, then launched as a whole.

Where a network is many small operations, a graphics card waits for Python between them; a graph of them is launched at
once. What may be in it: operations whose shapes are always the same and that never wait for what the card found.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

WARM_UP = 3  # runs before recording, in which libraries choose their kernels and make their workspaces

Losses = dict[str, Tensor]  # by name; "loss" is what is minimised


class GraphedStep:
    """Forward, backward, clipping and optimizer step of batches of one shape.

    loss: takes the tensors of a batch, returns scalars by name. example: a batch. clip_norm: 0 leaves gradients as long
    as they are. On other devices than CUDA the same step is taken operation by operation.

    What a call returns is overwritten by the next one. The optimizer must be one of PyTorch's that can be captured, such
    as Adam; its rates are kept as tensors from here on, which `set_rate` writes to. Network, optimizer and random state
    are left as they were found: recording takes no step.
    """

    def __init__(
        self,
        network: nn.Module,
        optimizer: torch.optim.Optimizer,
        loss: Callable[..., Losses],
        example: Sequence[Tensor],
        clip_norm: float = 0.0,
    ) -> None:
        self.optimizer, self._loss, self._clip_norm = optimizer, loss, clip_norm
        self._parameters = [item for group in optimizer.param_groups for item in group["params"]]
        self._graph: torch.cuda.CUDAGraph | None = None
        self._inputs, self._found = [item.clone() for item in example], Losses()
        if self._parameters[0].is_cuda:
            self._record(network)

    def __call__(self, *batch: Tensor) -> Losses:
        """The losses of this step, and ``gradient_norm`` before clipping; on the device, nothing is waited for."""
        if self._graph is None:
            return self._taken(batch)
        for held, given in zip(self._inputs, batch, strict=True):
            held.copy_(given, non_blocking=True)
        self._graph.replay()
        return self._found

    def set_rate(self, rate: float) -> None:
        """Let the next steps have this learning rate, times what a group's ``rate_factor`` says."""
        for group in self.optimizer.param_groups:
            value = rate * group.get("rate_factor", 1.0)
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(value)
            else:
                group["lr"] = value

    def _taken(self, batch: Sequence[Tensor]) -> Losses:
        self.optimizer.zero_grad(set_to_none=True)
        result = self._loss(*batch)
        result["loss"].backward()
        limit = self._clip_norm or float("inf")
        norm = nn.utils.clip_grad_norm_(self._parameters, limit)
        self.optimizer.step()
        return {name: item.detach() for name, item in result.items()} | {"gradient_norm": norm}

    def _record(self, network: nn.Module) -> None:
        device = self._parameters[0].device
        self._make_capturable(device)
        kept = [(item, item.detach().clone()) for item in network.buffers()]
        random, stream = torch.cuda.get_rng_state(device), torch.cuda.Stream(device)
        stream.wait_stream(torch.cuda.current_stream(device))
        with torch.cuda.stream(stream):
            for _ in range(WARM_UP):
                self._loss(*self._inputs)["loss"].backward()
                self.optimizer.zero_grad(set_to_none=True)
        torch.cuda.current_stream(device).wait_stream(stream)
        with torch.no_grad():
            for buffer, value in kept:
                buffer.copy_(value)
        torch.cuda.set_rng_state(random, device)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._found = self._taken(self._inputs)
        self._graph = graph

    def _make_capturable(self, device: torch.device) -> None:
        """Rates as tensors; moments made now, for those made while recording would be zero again in each replay."""
        for group in self.optimizer.param_groups:
            group["capturable"] = True
            group["lr"] = torch.as_tensor(group["lr"], dtype=torch.float32, device=device).clone()
        fresh = [parameter for parameter in self._parameters if parameter not in self.optimizer.state]
        if not fresh:
            return
        rates = [group["lr"].clone() for group in self.optimizer.param_groups]
        for group in self.optimizer.param_groups:
            group["lr"].zero_()
        for item in fresh:
            item.grad = torch.zeros_like(item)
        self.optimizer.step()  # at a rate of zero, by gradients of zero
        self.optimizer.zero_grad(set_to_none=True)
        for item in fresh:
            self.optimizer.state[item]["step"].zero_()
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"].copy_(rate)
