"""Which form of a network's parts serves: the one written for a processor's caches, or plain PyTorch."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor


def for_caches(x: Tensor) -> bool:
    """Whether the forms that are written down by hand for a CPU serve `x`.

    They walk over memory in pieces that a processor's cache holds. A graphics card wants few large launches and no wait
    for what it found, and a compiler wants operations that it can trace: both get PyTorch's own modules.
    """
    return x.device.type == "cpu" and not torch.compiler.is_compiling()


def autocast_format(x: Tensor) -> torch.dtype | None:
    """The format in which products with `x` are taken at this place; None: in that of `x`."""
    kind = x.device.type
    if not torch.amp.is_autocast_available(kind) or not torch.is_autocast_enabled(kind):
        return None
    return torch.get_autocast_dtype(kind)


def without_autocast(x: Tensor) -> AbstractContextManager[object]:
    """Within, what is computed on the device of `x` stays in the formats it is given."""
    kind = x.device.type
    return torch.autocast(kind, enabled=False) if torch.amp.is_autocast_available(kind) else nullcontext()
