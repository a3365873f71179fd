"""Which processor computes: the choice a person makes, and what the machine can do.

Choices are strings: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``. torch is imported only when asked.
"""

from __future__ import annotations

import gc
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from models.errors import UserError
from models.remarks import Remark

if TYPE_CHECKING:
    import torch

AUTO = "auto"
Result = TypeVar("Result")


@dataclass(frozen=True)
class Device:
    """A processor as torch names it, with a remark where it is not what was asked for."""

    name: str
    remark: Remark | None = None

    @property
    def torch(self) -> torch.device:
        """The same for torch."""
        import torch

        return torch.device(self.name)


CPU = Device("cpu")


@dataclass(frozen=True)
class DeviceInfo:
    """For people: ``cuda:0``, ``NVIDIA H200``, bytes of memory (0 where it shares the machine's)."""

    name: str
    title: str
    memory_bytes: int = 0


def available() -> list[DeviceInfo]:
    """Every processor of this machine that torch can use, the CPU first. Imports torch."""
    import torch

    result = [DeviceInfo("cpu", f"CPU, {os.cpu_count() or 1} cores")]
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            properties = torch.cuda.get_device_properties(index)
            result.append(DeviceInfo(f"cuda:{index}", properties.name, properties.total_memory))
    if torch.backends.mps.is_available():
        result.append(DeviceInfo("mps", "Apple GPU (Metal)"))
    return result


def resolve(choice: str = AUTO) -> Device:
    """The processor to use for a choice.

    ``auto`` and ``""`` take the first graphics card that torch can use, else the CPU, with a remark where the machine has
    a card that torch cannot use. Anything else means what it says: a UserError where the machine does not have it.
    """
    import torch

    if choice in (AUTO, ""):
        if torch.cuda.is_available():
            return _card(0)
        if torch.backends.mps.is_available():
            return Device("mps")
        return Device("cpu", _why_no_card() if _has_nvidia_card() else None)
    if choice == "cpu":
        return CPU
    if choice == "mps" and torch.backends.mps.is_available():
        return Device("mps")
    kind, _, number = choice.partition(":")
    index = int(number) if number.isdigit() else (0 if not number else -1)
    if kind == "cuda" and torch.cuda.is_available() and 0 <= index < torch.cuda.device_count():
        return _card(index)
    known = ", ".join(item.name for item in available())
    why = str(_why_no_card()) if kind == "cuda" and not torch.cuda.is_available() else ""
    raise UserError(
        "This machine has no device {choice}.",
        why,
        "Choose one of {known}, or auto.",
        choice=choice,
        known=known,
    )


def _card(index: int) -> Device:
    """A CUDA device, with float32 as exact as it says.

    cuDNN would multiply float32 in TF32, with ten bits after the point, in convolutions and recurrent layers, though
    torch's products of matrices do not: a recurrent network then differs from itself on a CPU by 3e-3. Who wants the
    speed chooses bf16.
    """
    import torch

    torch.backends.cudnn.allow_tf32 = False
    return Device(f"cuda:{index}")


def _why_no_card() -> Remark:
    import torch

    if torch.version.cuda is None:
        return Remark("No graphics card is used: this build of torch has no CUDA.")
    return Remark("No graphics card is used: no NVIDIA driver or card answers.")


def _has_nvidia_card() -> bool:
    """Whether the operating system knows of one, whatever torch can do with it."""
    return Path("/proc/driver/nvidia/gpus").is_dir() or shutil.which("nvidia-smi") is not None


@dataclass(frozen=True)
class Memory:
    """Of a graphics card, in bytes. used: by all programs together; ours: what this process's tensors take."""

    used: int
    total: int
    ours: int


def memory(device: str) -> Memory | None:
    """The memory of a graphics card; None for processors that share the machine's."""
    import torch

    if not device.startswith("cuda") or not torch.cuda.is_available():
        return None
    free, total = torch.cuda.mem_get_info(torch.device(device))
    return Memory(total - free, total, torch.cuda.memory_allocated(torch.device(device)))


def give_back() -> None:
    """What torch keeps of a graphics card for later is free for other programs. Does not import torch."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized():
        gc.collect()
        torch.cuda.empty_cache()


def with_less(work: Callable[[int], Result], size: int, least: int = 1) -> Result:
    """``work(size)``; where a graphics card's memory does not suffice, again with half as much, down to `least`.

    size: how much is worked on at once, such as items of a batch or seconds of a window. Raises UserError where even
    `least` is too much.
    """
    for result in in_parts(lambda part: work(part.stop - part.start), size, size, least, once=True):
        return result
    return work(0)


def in_parts(
    work: Callable[[slice], Result], count: int, size: int, least: int = 1, once: bool = False
) -> Iterator[Result]:
    """``work`` of one part after another of `count` items, `size` at a time.

    Where a graphics card's memory does not suffice, parts are half as large from there on, down to `least`; what was
    finished before is kept. once: end after the first part that was done. Raises UserError where even `least` items
    are too many.
    """
    done, size = 0, min(size, max(count, 1))
    while done < count:
        part = slice(done, min(count, done + size))
        fits, result = _tried(work, part)
        if fits:
            yield result  # type: ignore[misc]
            if once:
                return
            done = part.stop
            continue
        give_back()  # here, where nothing holds what the failed attempt held
        taken = part.stop - part.start
        if taken <= least:
            raise UserError(
                "The memory of the graphics card does not suffice.",
                "Even the smallest part of the work needs more than is free.",
                "Close other programs that use the card, or choose the CPU.",
            )
        size = max(least, taken // 2)


def _tried(work: Callable[[slice], Result], part: slice) -> tuple[bool, Result | None]:
    """(whether memory sufficed, what was found)."""
    import torch

    try:
        return True, work(part)
    except torch.OutOfMemoryError:
        return False, None


def inference_dtype(device: torch.device) -> torch.dtype:
    """In which format a large frozen encoder is held: bfloat16 where the processor multiplies it (a CPU with AVX-512 BF16
    or AMX, a graphics card from Ampere on), where it halves the time at a cosine above 0.999; else float32.

    Not float16, which some encoders' inner layers overflow.
    """
    import torch

    if device.type == "cuda":
        multiplies = torch.cuda.get_device_capability(device)[0] >= 8
    else:
        supported = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
        multiplies = device.type == "cpu" and supported
    return torch.bfloat16 if multiplies else torch.float32


def use_threads(count: int) -> None:
    """Let torch use `count` cores of the CPU (0: leave it to torch). Raises UserError for fewer than none."""
    import torch

    if count < 0:
        raise UserError(
            "{count} cores cannot be used.",
            "",
            "Name a number of cores, or 0 to let torch choose.",
            count=count,
        )
    if count > 0:
        torch.set_num_threads(count)
