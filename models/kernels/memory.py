"""How a process that trains keeps its memory."""

from __future__ import annotations

import ctypes
import os

# name in the environment: (number in glibc's malloc.h, bytes)
_WANTED = {
    "MALLOC_TRIM_THRESHOLD_": (-1, 2_000_000_000),
    "MALLOC_MMAP_THRESHOLD_": (-3, 32 * 2**20),
    "MALLOC_TOP_PAD_": (-2, 16 * 2**20),
}


def keep_between_steps() -> bool:
    """Tensors of a step go back to the C library's heap and not to the system, which would hand them out as empty pages
    again in the next step: 7 to 10 % of a training step on a CPU, in as much memory. What the environment says already
    stays as it says. False where the C library is not glibc, which changes nothing then. For processes that train and
    end; a window would keep what it will not need again."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # TypeError: Windows knows no library without a name
        return False
    taken = [mallopt(*wanted) == 1 for name, wanted in _WANTED.items() if name not in os.environ]
    return all(taken)
