"""Many pictures, decoded by worker processes while the encoder is at work on those before."""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TypeAlias

import numpy as np

from models import file_names
from models.errors import UserError
from models.progress import Cancelled, Progress
from models.search import facts
from models.search.facts import Facts
from models.search.pictures import View, decode
from models.worker_processes import end_with_parent

LONGEST_S = 60.0  # for one picture
LONGEST_END_S = 5.0  # until a killed process has ended; one that waits for a dead drive does not
LARGEST_WORKER = 6 * 2**30  # bytes of address space of a process
FEW = 64  # pictures for which starting a process takes longer than it saves


Outcome: TypeAlias = "tuple[np.ndarray | tuple[str, str, str], Facts]"


@dataclass(frozen=True)
class Decoded:
    """A batch. numbers: which of the paths could be decoded. pixels: uint8 [n, height, width, 3]. facts: of these, in order.
    problems: (number, three sentences) of those that could not."""

    numbers: list[int]
    pixels: np.ndarray
    problems: list[tuple[int, tuple[str, str, str]]]
    facts: list[Facts]


def decoded(
    paths: Sequence[Path], view: View, batch: int = 32, workers: int = 0, progress: Progress | None = None
) -> Iterator[Decoded]:
    """Every path once, in order, `batch` at a time. workers: processes; 0 chooses by the machine.

    At most a few batches are held; closing the iterator, or cancelling `progress`, ends the processes at once. A picture
    that ends its process, or takes longer than `LONGEST_S`, is one of the problems, and the others go on.
    """
    chunks = [range(start, min(start + batch, len(paths))) for start in range(0, len(paths), batch)]
    if len(paths) <= FEW and not workers:
        for chunk in chunks:
            yield _batch(chunk, decode_many([str(paths[i]) for i in chunk], view))
        return
    count = workers or max(1, min(8, (os.cpu_count() or 2) - 1))
    pool = _Pool(count, view, progress or Progress())
    waiting: deque[tuple[range, Future[list[Outcome]]]] = deque()
    try:
        for chunk in chunks:
            waiting.append((chunk, pool.submit([str(paths[i]) for i in chunk])))
            if len(waiting) > 2 * count + 1:
                yield pool.finished(waiting, paths)
        while waiting:
            yield pool.finished(waiting, paths)
    finally:
        pool.close()


class _Pool:
    """Worker processes, made anew where a picture has ended one of them."""

    def __init__(self, count: int, view: View, progress: Progress) -> None:
        self._count, self._view, self._progress = count, view, progress
        self._pool = self._started(count)

    def submit(self, paths: list[str]) -> Future[list[Outcome]]:
        try:
            return self._pool.submit(decode_many, paths, self._view)
        except BrokenProcessPool as error:
            lost: Future[list[Outcome]] = Future()
            lost.set_exception(error)
            return lost

    def finished(self, waiting: deque[tuple[range, Future[list[Outcome]]]], paths: Sequence[Path]) -> Decoded:
        """The first batch that waits, when it is done."""
        chunk, future = waiting.popleft()
        try:
            return _batch(chunk, self._result(future))
        except BrokenProcessPool:
            self.close()
            results = [self._alone(str(paths[i])) for i in chunk]
            self._pool = self._started(self._count)
            for number, (later, _) in enumerate(waiting):
                waiting[number] = (later, self.submit([str(paths[i]) for i in later]))
            return _batch(chunk, results)

    def _alone(self, path: str) -> Outcome:
        """One picture in a process of its own, which may end."""
        self._pool = self._started(1)
        try:
            return self._result(self._pool.submit(decode_many, [path], self._view))[0]
        except BrokenProcessPool:
            ended = UserError(
                "{name} cannot be read as a picture.",
                "The process that read it has ended; the memory may not have sufficed, or it breaks the reader.",
                "Open it in another program and save it again.",
                name=file_names.shown(Path(path).name),
            )
            return ended.sentences(), facts.UNKNOWN
        finally:
            self.close()

    def _result(self, future: Future[list[Outcome]]) -> list[Outcome]:
        while True:
            done, _ = wait([future], timeout=0.2)
            if done:
                return future.result()
            if self._progress.cancelled:
                raise Cancelled

    def _started(self, count: int) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(count, mp_context=get_context("spawn"), initializer=_step_back)

    def close(self) -> None:
        """End the processes, those too that wait for a file which does not answer."""
        processes = list((getattr(self._pool, "_processes", None) or {}).values())
        for process in processes:
            process.kill()
        self._pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.join(LONGEST_END_S)


def decode_many(paths: list[str], view: View) -> list[Outcome]:
    """A worker's part: `decode` of each path and its facts, each in limited time."""
    return [_in_time(path, view) for path in paths]


class _TooSlow(BaseException):
    """Not an Exception: a reader's own handlers are to let it through."""


def _looked_at(path: str, view: View) -> Outcome:
    result = decode((path, view))
    return result, facts.of(path) if isinstance(result, np.ndarray) else facts.UNKNOWN


def _in_time(path: str, view: View) -> Outcome:
    """`_looked_at`, given up after `LONGEST_S` where the system can interrupt it (not in a thread beside the first)."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        return _looked_at(path, view)

    def give_up(*_: object) -> None:
        raise _TooSlow

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, LONGEST_S)
    try:
        return _looked_at(path, view)
    except _TooSlow:
        return _too_slow(path), facts.UNKNOWN
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _too_slow(path: str) -> tuple[str, str, str]:
    return UserError(
        "{name} cannot be read as a picture.",
        "After {seconds:g} s it was not decoded.",
        "Copy it to this machine, or save it smaller.",
        name=file_names.shown(Path(path).name),
        seconds=LONGEST_S,
    ).sentences()


def _batch(chunk: range, outcomes: list[Outcome]) -> Decoded:
    numbers, kept, facts_of, problems = [], [], [], []
    for number, (result, known) in zip(chunk, outcomes, strict=True):
        if isinstance(result, np.ndarray):
            numbers.append(number)
            kept.append(result)
            facts_of.append(known)
        else:
            problems.append((number, result))
    pixels = np.stack(kept) if kept else np.zeros((0, 0, 0, 3), np.uint8)
    return Decoded(numbers, pixels, problems, facts_of)


def _step_back() -> None:
    """Decoding gives way to the window and to the encoder, takes no more memory than its share, and ends with who asked."""
    end_with_parent()
    if hasattr(os, "nice"):
        os.nice(5)
    try:
        import resource
    except ImportError:  # not on Windows
        return
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    limit = LARGEST_WORKER if most == resource.RLIM_INFINITY else min(LARGEST_WORKER, most)
    resource.setrlimit(resource.RLIMIT_AS, (limit, most))
