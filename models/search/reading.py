"""Many pictures, decoded by worker processes while the encoder is at work on those before."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from models.errors import UserError
from models.search.pictures import View, decode

FEW = 64  # pictures for which starting a process takes longer than it saves


@dataclass(frozen=True)
class Decoded:
    """A batch. numbers: which of the paths could be decoded. pixels: uint8 [n, height, width, 3].
    problems: (number, three sentences) of those that could not."""

    numbers: list[int]
    pixels: np.ndarray
    problems: list[tuple[int, tuple[str, str, str]]]


def decoded(paths: Sequence[Path], view: View, batch: int = 32, workers: int = 0) -> Iterator[Decoded]:
    """Every path once, in order, `batch` at a time. workers: processes; 0 chooses by the machine.

    At most a few batches are held; closing the iterator ends the processes.
    """
    chunks = [range(start, min(start + batch, len(paths))) for start in range(0, len(paths), batch)]
    if len(paths) <= FEW and not workers:
        for chunk in chunks:
            yield _batch(chunk, decode_many([str(paths[i]) for i in chunk], view))
        return
    count = workers or max(1, min(8, (os.cpu_count() or 2) - 1))
    pool = ProcessPoolExecutor(count, mp_context=get_context("spawn"), initializer=_step_back)
    waiting: deque[tuple[range, Future[list]]] = deque()
    try:
        for chunk in chunks:
            waiting.append((chunk, pool.submit(decode_many, [str(paths[i]) for i in chunk], view)))
            if len(waiting) > 2 * count + 1:
                first, future = waiting.popleft()
                yield _batch(first, future.result())
        while waiting:
            first, future = waiting.popleft()
            yield _batch(first, future.result())
    except BrokenProcessPool as error:
        raise UserError(
            "A process that reads pictures has ended.",
            "The memory may not have been enough, or a picture broke the reader.",
            "Start again: what was indexed is kept. With fewer decoding processes less memory is needed.",
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def decode_many(paths: list[str], view: View) -> list[np.ndarray | tuple[str, str, str]]:
    """A worker's part: `decode` of each path."""
    return [decode((path, view)) for path in paths]


def _batch(chunk: range, results: list) -> Decoded:
    numbers = [i for i, result in zip(chunk, results, strict=True) if isinstance(result, np.ndarray)]
    kept = [result for result in results if isinstance(result, np.ndarray)]
    problems = [
        (i, result) for i, result in zip(chunk, results, strict=True) if not isinstance(result, np.ndarray)
    ]
    return Decoded(numbers, np.stack(kept) if kept else np.zeros((0, 0, 0, 3), np.uint8), problems)


def _step_back() -> None:
    """Decoding gives way to the window and to the encoder."""
    if hasattr(os, "nice"):
        os.nice(5)
