"""Batches as values: any nesting of tuples, dicts and dataclasses whose leaves are tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import torch
from torch import Tensor


def moved(batch: Any, device: torch.device) -> Any:
    """The batch on a device. To a graphics card it goes by pinned memory, and nothing waits for it."""
    waits = device.type != "cuda"

    def move(tensor: Tensor) -> Tensor:
        if waits or tensor.device.type != "cpu":
            return tensor.to(device, non_blocking=not waits)
        return (tensor if tensor.is_pinned() else tensor.pin_memory()).to(device, non_blocking=True)

    return mapped(batch, move)


def mapped(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """The same value with every tensor changed; what is not a tensor stays as it is."""
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, dict):
        return {name: mapped(inner, change) for name, inner in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(mapped(inner, change) for inner in value))
    if isinstance(value, list | tuple):
        return type(value)(mapped(inner, change) for inner in value)
    if is_dataclass(value) and not isinstance(value, type):
        return type(value)(
            **{field.name: mapped(getattr(value, field.name), change) for field in fields(value)}
        )
    return value


def tensors_in(value: Any) -> Iterator[Tensor]:
    """Every tensor within tuples, lists, dicts and dataclasses."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from tensors_in(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from tensors_in(inner)
    elif is_dataclass(value) and not isinstance(value, type):
        for entry in fields(value):
            yield from tensors_in(getattr(value, entry.name))


def plain(value: Any) -> Any:
    """The same with dataclasses as dicts and tensors on the CPU: what ``torch.load(weights_only=True)`` can read."""
    if isinstance(value, Tensor):
        return value.detach().cpu()
    if isinstance(value, dict):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {entry.name: plain(getattr(value, entry.name)) for entry in fields(value)}
    return value if isinstance(value, bool | int | float | str | None) else repr(value)
