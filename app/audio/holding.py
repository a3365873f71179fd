"""Holding a file that is being written, so that no other window takes it for one that a crash left behind.

The system lets go by itself when the program ends, however it ends.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    FAR = 2**40  # a byte that no recording has: what is locked there cannot be read or written

    def _try(descriptor: int) -> bool:
        os.lseek(descriptor, FAR, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:  # a file system without locks: nothing can be told
            return True
        return True


class Held:
    """A file that is held until `release`."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    def release(self) -> None:
        """Let go; more than once does no harm."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


def hold(path: Path) -> Held:
    """Hold a file that exists. Raises OSError where it cannot be opened."""
    descriptor = os.open(path, os.O_RDWR)
    _try(descriptor)
    return Held(descriptor)


def is_held(path: Path) -> bool:
    """Whether somebody holds it now; a file that is not there is nobody's."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except OSError:
        return False
    try:
        return not _try(descriptor)
    finally:
        os.close(descriptor)
