"""Processes that a test began, and whether they have ended."""

from __future__ import annotations

import gc
import multiprocessing
import time
from collections.abc import Collection
from multiprocessing.process import BaseProcess


def running(among: Collection[BaseProcess], longest_s: float = 30.0) -> set[BaseProcess]:
    """Those that still run after a while; a busy machine takes its time to bury what was killed.

    `join` does not tell: where another thread has fetched a process's end and waits for its turn, it returns at once.
    """
    end = time.monotonic() + longest_s
    gc.collect()  # loaders end with their last reference
    while (left := set(among) & set(multiprocessing.active_children())) and time.monotonic() < end:
        time.sleep(0.02)
    return left
