"""One run on several processes: who takes which items, and how what they find becomes one figure.

``torchrun --nproc-per-node 8 -m models train …`` starts the processes. The batch size of the config is that of all of
them together, so the same config takes the same steps on any number of processes: each takes its share of every
batch, losses are weighted by the share's size, and batch statistics span the processes.
"""

from __future__ import annotations

import atexit
import os
import sys
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs
from torch import Tensor, nn

Item = TypeVar("Item")


@dataclass(frozen=True)
class World:
    """This process and its like. `rank` 0 leads: it alone writes."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        return self.rank == 0

    def share(self, draws: list[Item]) -> list[Item]:
        """The part of a batch that this process takes; all of it where there are fewer items than processes."""
        return draws[self.rank :: self.size] if len(draws) >= self.size else draws

    def weight(self, draws: list[Any], items: int) -> float:
        """What the mean loss of this process's share counts for in a step of `items`, gradients being averaged over
        the processes."""
        own = self.size * len(self.share(draws)) if len(draws) >= self.size else len(draws)
        return own / items

    def counts(self, draws: list[Any]) -> bool:
        """Whether the figures of this process's share count: where all take the same items, those of one do."""
        return self.leads or len(draws) >= self.size

    def added(self, tensor: Tensor) -> Tensor:
        """The tensor summed over the processes."""
        if self.size > 1:
            torch.distributed.all_reduce(tensor)
        return tensor

    def any(self, wish: bool, device: torch.device) -> bool:
        """Whether one of the processes wishes it; all get the same answer."""
        if self.size == 1:
            return wish
        return bool(self.added(torch.tensor(int(wish), device=device)).item())

    def gathered(self, value: Any) -> list[Any]:
        """The plain value of every process, by rank."""
        if self.size == 1:
            return [value]
        values: list[Any] = [None] * self.size
        torch.distributed.all_gather_object(values, value)
        return values


def local_device(device: str) -> torch.device:
    """The device of this process: with several on a machine, each takes the graphics card of its number."""
    chosen = torch.device(device)
    if chosen.type == "cuda" and int(os.environ.get("WORLD_SIZE", "1")) > 1:
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    return chosen


def accelerator(device: torch.device, precision: str) -> Accelerator:
    """Accelerate does mixed precision, clipping, wrapping and unwrapping; the device is the one that was chosen."""
    from accelerate.state import AcceleratorState, PartialState

    AcceleratorState._reset_state()  # a second run in one process may use another device
    PartialState._reset_state()
    if device.type == "cuda":
        torch.cuda.set_device(device)
    mixed = {"float32": "no", "bf16": "bf16", "fp16": "fp16"}[
        precision if device.type != "cpu" else "float32"
    ]
    made = Accelerator(
        cpu=device.type == "cpu",
        mixed_precision=mixed,
        kwargs_handlers=[DistributedDataParallelKwargs(broadcast_buffers=False)],
    )
    if made.num_processes > 1:
        atexit.register(_leave)
    return made


def _leave() -> None:
    """Ends the threads of the process group: one that outlives the interpreter would abort the process."""
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def leave(code: int) -> NoReturn:
    """Ends this process with an exit code. One of several ends at once, and does not wait until its libraries are taken
    down: one time in fifty a thread of PyTorch's communication outlived even that, and aborted what had gone well."""
    several = torch.distributed.is_initialized()
    _leave()
    sys.stdout.flush()
    sys.stderr.flush()
    if several:
        os._exit(code)
    raise SystemExit(code)


def gathered(tensor: Tensor) -> Tensor:
    """The rows of all processes, [rows of all, …]; gradients flow back. For losses that set items against each other."""
    if not torch.distributed.is_initialized() or torch.distributed.get_world_size() == 1:
        return tensor
    size = torch.distributed.get_world_size()
    counts = torch.zeros(size, dtype=torch.int64, device=tensor.device)
    counts[torch.distributed.get_rank()] = len(tensor)
    torch.distributed.all_reduce(counts)
    most = int(counts.max())
    everyones = [tensor.new_zeros(most, *tensor.shape[1:]) for _ in range(size)]
    rank = torch.distributed.get_rank()
    everyones[rank] = torch.cat([tensor, everyones[rank][len(tensor) :]])
    parts = _Summed.apply(torch.stack(everyones))
    return torch.cat([part[: int(count)] for part, count in zip(parts, counts, strict=True)])


class _Summed(torch.autograd.Function):
    """The sum over the processes; each gets back the sum of what all of them owe it."""

    @staticmethod
    def forward(context: Any, tensor: Tensor) -> Tensor:
        total = tensor.contiguous().clone()
        torch.distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:  # type: ignore[override]
        total = gradient.contiguous().clone()
        torch.distributed.all_reduce(total)
        return total


def leave_out(network: nn.Module, names: tuple[str, ...]) -> None:
    """Parameters that never get a gradient: the processes do not wait for one. A name counts for all below it."""
    ignored = [
        name
        for name, _ in network.named_parameters()
        if any(f"{name}.".startswith(f"{start}.") for start in names)
    ]
    nn.parallel.DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(network, ignored)


class SpannedBatchNorm(nn.modules.batchnorm._BatchNorm):
    """Batch normalisation whose statistics are those of all processes' items together, on any device.

    (`torch.nn.SyncBatchNorm` is for graphics cards alone.) Input [batch, channels, …].
    """

    def _check_input_dim(self, input: Tensor) -> None:
        if input.dim() < 2:
            raise ValueError(f"expected [batch, channels, …], got {input.dim()} dimensions")

    def forward(self, input: Tensor) -> Tensor:
        self._check_input_dim(input)
        if not self.training and self.running_mean is not None:
            return super().forward(input)
        axes = [axis for axis in range(input.dim()) if axis != 1]
        shape = [1, -1] + [1] * (input.dim() - 2)
        own = float(input.numel() // input.shape[1])
        count = input.new_tensor(own)
        torch.distributed.all_reduce(count)
        mean = _Summed.apply(input.sum(axes)) / count
        centred = input - mean.view(shape)
        variance = _Summed.apply(centred.square().sum(axes)) / count
        if self.running_mean is not None and self.running_var is not None and self.num_batches_tracked is not None:  # fmt: skip
            with torch.no_grad():
                self.num_batches_tracked += 1
                share = self.momentum if self.momentum is not None else 1.0 / float(self.num_batches_tracked)
                self.running_mean.lerp_(mean, share)
                self.running_var.lerp_(variance * count / (count - 1), share)
        result = centred * torch.rsqrt(variance + self.eps).view(shape)
        if self.affine:
            result = result * self.weight.view(shape) + self.bias.view(shape)
        return result


def has_batch_statistics(network: nn.Module) -> bool:
    return any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in network.modules())


def span_batch_statistics(network: nn.Module) -> nn.Module:
    """The network with every batch normalisation spanning the processes; parameters and buffers stay the same."""
    if isinstance(network, nn.modules.batchnorm._BatchNorm):
        made = SpannedBatchNorm(
            network.num_features,
            network.eps,
            network.momentum,
            network.affine,
            network.track_running_stats,
        )
        made._parameters, made._buffers = network._parameters, network._buffers
        made.training = network.training
        return made
    for name, child in network.named_children():
        setattr(network, name, span_batch_statistics(child))
    return network
