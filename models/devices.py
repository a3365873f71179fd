"""Which processor computes: the choice a person makes, and what the machine can do.

Choices are strings: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``. torch is imported only when asked.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.remarks import Remark

if TYPE_CHECKING:
    import torch

AUTO = "auto"


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

    found = [DeviceInfo("cpu", f"CPU, {os.cpu_count() or 1} cores")]
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            properties = torch.cuda.get_device_properties(index)
            found.append(DeviceInfo(f"cuda:{index}", properties.name, properties.total_memory))
    if torch.backends.mps.is_available():
        found.append(DeviceInfo("mps", "Apple GPU (Metal)"))
    return found


def resolve(choice: str = AUTO) -> Device:
    """The processor to use for a choice; falls back to the CPU with a note that says why."""
    import torch

    if choice in (AUTO, ""):
        if torch.cuda.is_available():
            return Device("cuda:0")
        return Device("mps" if torch.backends.mps.is_available() else "cpu")
    if choice == "cpu":
        return Device("cpu")
    if choice.startswith("cuda"):
        number = choice.partition(":")[2]
        index = int(number) if number.isdigit() else 0
        if not torch.cuda.is_available():
            why = (
                "this build of torch has no CUDA"
                if torch.version.cuda is None
                else "no NVIDIA driver or card answers"
            )
            return Device(
                "cpu", Remark("The CPU is used instead of {choice}: {why}.", choice=choice, why=why)
            )
        if index >= torch.cuda.device_count():
            count = torch.cuda.device_count()
            return Device(
                "cuda:0",
                Remark(
                    "cuda:0 is used instead of {choice}: this machine has {count} GPU.",
                    choice=choice,
                    count=count,
                ),
            )
        return Device(f"cuda:{index}")
    if choice == "mps" and torch.backends.mps.is_available():
        return Device("mps")
    why = "this machine does not have it"
    return Device("cpu", Remark("The CPU is used instead of {choice}: {why}.", choice=choice, why=why))


def inference_dtype(device: torch.device) -> torch.dtype:
    """In which format a large frozen encoder is held: bfloat16 on a CPU that multiplies it (AVX-512 BF16, AMX), where it
    halves the time at a cosine above 0.999; else float32."""
    import torch

    multiplies = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return torch.bfloat16 if device.type == "cpu" and multiplies else torch.float32


def use_threads(count: int) -> None:
    """Let torch use `count` cores of the CPU (0: leave it to torch)."""
    import torch

    if count > 0:
        torch.set_num_threads(count)
