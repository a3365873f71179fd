"""How a process that trains keeps its memory."""

from __future__ import annotations

import ctypes

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3  # as glibc's malloc.h numbers them


def keep_between_steps() -> bool:
    """Tensors of a step go back to the C library's heap and not to the system, which would hand them out as empty pages
    again in the next step: 7 to 10 % of a training step on a CPU, in as much memory. False where the C library is not
    glibc, and nothing changes. For processes that train and end; a window would keep what it will not need again."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # TypeError: Windows knows no library without a name
        return False
    wanted = {_TRIM_THRESHOLD: 2_000_000_000, _MMAP_THRESHOLD: 32 * 2**20, _TOP_PAD: 16 * 2**20}
    return all(mallopt(which, value) == 1 for which, value in wanted.items())
