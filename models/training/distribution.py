"""One run on several processes: who takes which items, and how what they find becomes one figure.

``torchrun --nproc-per-node 8 -m models train …`` starts the processes. The batch size of the config is that of all of
them together, so the same config takes the same steps on any number of processes, but for what dropout and other
noise draw: each takes its share of every batch, the parts of a loss are weighted as its share counts in the step (see
`task.Loss`), losses that compare items gather the rows of all (`gathered`), and batch statistics span the processes
(`SpannedBatchNorm`). A batch with fewer items than processes is computed whole by each of them (`World.together`).
"""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

import torch
from accelerate import Accelerator
from torch import Tensor, nn

Item = TypeVar("Item")
BUCKET = 8_000_000  # numbers that are summed over the processes at once
_apart = False  # whether each process computes the same items for itself; see `World.together`


@dataclass(frozen=True)
class World:
    """This process and its like. `rank` 0 leads: it alone writes."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        return self.rank == 0

    def shares(self, draws: list[Item]) -> bool:
        """Whether the processes share these items; where there are fewer items than processes, each takes all."""
        return len(draws) >= self.size

    def share(self, draws: list[Item]) -> list[Item]:
        """The part of a batch that this process takes."""
        return draws[self.rank :: self.size] if self.shares(draws) else draws

    def counts(self, draws: list[Any]) -> bool:
        """Whether what this process finds of these items counts: where all take the same, the leader's does."""
        return self.leads or self.shares(draws)

    def factor(self, draws: list[Any]) -> float:
        """What this process's gradient counts for in the sum over the processes: where all take the same, a share."""
        return 1.0 if self.shares(draws) else 1.0 / self.size

    def add_gradients(self, parameters: list[nn.Parameter]) -> None:
        """Sum the gradients over the processes. Which parameters get one depends on settings and on the batch: what one
        process lacks counts as zero there, and what all lack stays without.

        (`DistributedDataParallel` wants every output of a network in the loss; ours also give gates and activities.)
        """
        if self.size == 1:
            return
        wanted = [parameter for parameter in parameters if parameter.requires_grad]
        have = torch.tensor([float(p.grad is not None) for p in wanted], device=wanted[0].device)
        result = [p for p, count in zip(wanted, self.added(have).tolist(), strict=True) if count]
        for parameter in result:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        for bucket in _buckets([parameter.grad for parameter in result if parameter.grad is not None]):
            flat = self.added(torch.cat([gradient.flatten() for gradient in bucket]))
            for gradient, summed in zip(bucket, flat.split([item.numel() for item in bucket]), strict=True):
                gradient.copy_(summed.view_as(gradient))

    def same(self, network: nn.Module) -> None:
        """Give the network of all processes the leader's weights and buffers."""
        if self.size > 1:
            for tensor in (*network.parameters(), *network.buffers()):
                torch.distributed.broadcast(tensor.data, 0)

    @contextmanager
    def together(self, draws: list[Any]) -> Iterator[None]:
        """Within, what spans the processes (batch statistics, gathered rows) does so if they share these items."""
        global _apart
        before, _apart = _apart, not self.shares(draws)
        try:
            yield
        finally:
            _apart = before

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


def _buckets(gradients: list[Tensor]) -> Iterator[list[Tensor]]:
    """The gradients in groups of one number format, of about `BUCKET` numbers."""
    for kind in dict.fromkeys(item.dtype for item in gradients):
        bucket: list[Tensor] = []
        for item in (gradient for gradient in gradients if gradient.dtype == kind):
            bucket.append(item)
            if sum(member.numel() for member in bucket) >= BUCKET:
                yield bucket
                bucket = []
        if bucket:
            yield bucket


def enough_for(processes: int, device: str) -> bool:
    """Whether this machine has a device for each of so many processes; the CPU is shared."""
    return not device.startswith("cuda") or torch.cuda.device_count() >= processes


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
    made = Accelerator(cpu=device.type == "cpu", mixed_precision=mixed)
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


def several() -> bool:
    """Whether several processes compute together at this moment."""
    ready = torch.distributed.is_available() and torch.distributed.is_initialized()
    return ready and torch.distributed.get_world_size() > 1 and not _apart


def gathered(tensor: Tensor) -> Tensor:
    """The rows of all processes, [rows of all, …]; gradients flow back. For losses that set items against each other."""
    if not several():
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
    def backward(context: Any, gradient: Tensor) -> Tensor:
        total = gradient.contiguous().clone()
        torch.distributed.all_reduce(total)
        return total


class SpannedBatchNorm(nn.modules.batchnorm._BatchNorm):
    """Batch normalisation whose statistics are those of all processes' items together, on any device.

    (`torch.nn.SyncBatchNorm` is for graphics cards alone.) Input [rows, channels, …]. A single row in all processes has
    no spread of its own: it is scaled by the running statistics. `span_batch_statistics` puts this below the class that
    a module has, so that a subclass's own `forward` reaches it by ``super()``.
    """

    spans = True

    def forward(self, input: Tensor) -> Tensor:
        """As torch's BatchNorm; while training, the statistics are those of all processes together."""
        self._check_input_dim(input)
        if not self.training and self.running_mean is not None:
            return super().forward(input)
        axes = [axis for axis in range(input.dim()) if axis != 1]
        shape = [1, -1] + [1] * (input.dim() - 2)
        count = input.new_tensor(float(input.numel() // input.shape[1]))
        if several():
            torch.distributed.all_reduce(count)
        if float(count) <= 1 and self.running_mean is not None:
            return nn.functional.batch_norm(
                input, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
            )
        mean = _summed(input.sum(axes)) / count
        centred = input - mean.view(shape)
        variance = _summed(centred.square().sum(axes)) / count
        self._learn(mean, variance * count / (count - 1))
        result = centred * torch.rsqrt(variance + self.eps).view(shape)
        return result * self.weight.view(shape) + self.bias.view(shape) if self.affine else result

    @torch.no_grad()
    def _learn(self, mean: Tensor, variance: Tensor) -> None:
        """Move the running statistics towards those of this batch, as PyTorch's own does."""
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked += 1
        share = self.momentum if self.momentum is not None else 1.0 / float(self.num_batches_tracked)
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(variance, share)


def _summed(tensor: Tensor) -> Tensor:
    return _Summed.apply(tensor) if several() else tensor


def has_batch_statistics(network: nn.Module) -> bool:
    """Whether a network holds BatchNorm, whose statistics depend on how batches are split."""
    return any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in network.modules())


def span_batch_statistics(network: nn.Module) -> None:
    """Let every batch normalisation of the network span the processes; parameters and buffers stay the same."""
    for module in network.modules():
        kind = type(module)
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and not issubclass(kind, SpannedBatchNorm):
            module.__class__ = type(f"Spanned{kind.__name__}", (kind, SpannedBatchNorm), {})
