"""Work off the GUI thread: one thread a loaded model, jobs in a bounded queue, results back by queued signal.

    worker = services.worker("emotion")
    recognizer = await worker.load(Recognizer.load, checkpoint, device, progress=task)
    prediction = await worker.run(recognizer.classify, window, newest_wins="live")

What a job raises is raised by the ``await``. A job that was cancelled raises `Cancelled`; one whose result is
not wanted any more raises `Dropped`, which is a `Cancelled`: ``except Cancelled: return`` covers both.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from PySide6.QtCore import QObject, Qt, Signal, Slot

from models.errors import UserError
from models.progress import Cancelled, Progress

Result = TypeVar("Result")
Done = Callable[[Any], None]
Failed = Callable[[BaseException], None]


class Dropped(Cancelled):
    """Something newer was asked for, so this result is not wanted any more."""


@dataclass(eq=False)
class Job:
    """One call on its way: waiting, running, or over. Made by `Worker.submit`."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    progress: Progress | None
    key: Hashable
    done: Done | None
    failed: Failed | None
    result: Any = None
    error: BaseException | None = None
    _dropped: threading.Event = field(default_factory=threading.Event)

    def cancel(self) -> None:
        """Ask it to stop; it does where it next updates its progress. If it still waits, it never starts."""
        if self.progress is not None:
            self.progress.cancel()
        self._dropped.set()

    @property
    def cancelled(self) -> bool:
        return self._dropped.is_set() or (self.progress is not None and self.progress.cancelled)

    def compute(self) -> None:
        """Called in the worker's thread."""
        if self.cancelled:
            self.error = Cancelled()
            return
        try:
            if self.progress is not None:
                self.result = self.function(*self.arguments, progress=self.progress)
            else:
                self.result = self.function(*self.arguments)
        except BaseException as error:  # it travels to whoever asked
            self.error = error

    def deliver(self) -> None:
        """Called in the GUI thread."""
        if self.error is None and self._dropped.is_set():
            self.error, self.result = Dropped(), None
        if self.error is not None:
            if self.failed is not None:
                self.failed(self.error)
        elif self.done is not None:
            self.done(self.result)
        self.done = self.failed = None
        self.result = None


class Worker(QObject):
    """One thread with its queue. Created and used in the GUI thread; `close` before it is let go."""

    busy_changed = Signal(bool)
    _finished = Signal(object)

    def __init__(self, name: str, capacity: int = 64, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.name = name
        self.capacity = capacity
        self.model: Any = None
        self._waiting: deque[Job] = deque()
        self._running: Job | None = None
        self._condition = threading.Condition()
        self._closed = False
        self._outstanding = 0
        self._thread: threading.Thread | None = None
        self._finished.connect(self._deliver, Qt.ConnectionType.QueuedConnection)

    @property
    def busy(self) -> bool:
        """Whether anything that was asked for has not come back yet."""
        return self._outstanding > 0

    async def run(
        self,
        function: Callable[..., Result],
        *arguments: Any,
        progress: Progress | None = None,
        newest_wins: Hashable = None,
        drop_running: bool = False,
    ) -> Result:
        """``function(*arguments)`` in the worker's thread; with ``progress=progress`` if one is given.

        newest_wins: jobs of the same key that still wait give way to this one and raise `Dropped`.
        drop_running: so does the one that is being computed (it is cancelled; its result is thrown away).
        Cancelling the awaiting task cancels the job. Raises UserError when the queue is full.
        """
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()

        def done(result: Result) -> None:
            if not future.done():
                future.set_result(result)

        def failed(error: BaseException) -> None:
            if not future.done():
                future.set_exception(error)

        job = self.submit(
            function,
            *arguments,
            progress=progress,
            newest_wins=newest_wins,
            drop_running=drop_running,
            done=done,
            failed=failed,
        )
        try:
            return await future
        except asyncio.CancelledError:
            job.cancel()
            raise

    async def load(
        self, loader: Callable[..., Result], *arguments: Any, progress: Progress | None = None
    ) -> Result:
        """Let go of the held model, make another in the thread, hold it in `model` and return it."""
        self.model = None
        made = await self.run(loader, *arguments, progress=progress, newest_wins="load", drop_running=True)
        self.model = made
        return made

    def submit(
        self,
        function: Callable[..., Any],
        *arguments: Any,
        progress: Progress | None = None,
        newest_wins: Hashable = None,
        drop_running: bool = False,
        done: Done | None = None,
        failed: Failed | None = None,
    ) -> Job:
        """As `run`, but answers by calling `done` or `failed` in the GUI thread."""
        job = Job(function, arguments, progress, newest_wins, done, failed)
        given_up: list[Job] = []
        with self._condition:
            if newest_wins is not None:
                given_up = [waiting for waiting in self._waiting if waiting.key == newest_wins]
                for old in given_up:
                    self._waiting.remove(old)
                if drop_running and self._running is not None and self._running.key == newest_wins:
                    self._running.cancel()
            if not self._closed and len(self._waiting) >= self.capacity:
                raise UserError(
                    "Too much is waiting to be computed.",
                    "{count} jobs are in the queue.",
                    "Wait until some are done, or cancel them.",
                    count=len(self._waiting),
                )
            self._outstanding += 1
            if self._closed:
                given_up.append(job)
            else:
                self._waiting.append(job)
                self._condition.notify()
        for old in given_up:
            old.error = Dropped()
            self._finished.emit(old)
        if self._thread is None and not self._closed:
            # A daemon: a job that does not listen must not keep the program from ending.
            self._thread = threading.Thread(target=self._work, name=f"worker {self.name}", daemon=True)
            self._thread.start()
        if self._outstanding == 1:
            self.busy_changed.emit(True)
        return job

    def cancel_all(self) -> None:
        """Stop what runs and forget what waits; each raises `Cancelled`."""
        with self._condition:
            if self._running is not None:
                self._running.cancel()
            for job in self._waiting:
                job.cancel()

    def close(self, timeout_s: float = 1.0) -> bool:
        """Cancel everything and end the thread; False where a job would not listen in time."""
        with self._condition:
            self._closed = True
            if self._running is not None:
                self._running.cancel()
            for job in self._waiting:
                job.cancel()
            self._condition.notify_all()
        self.model = None
        if self._thread is None:
            return True
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _work(self) -> None:
        while True:
            with self._condition:
                while not self._waiting and not self._closed:
                    self._condition.wait()
                if not self._waiting:
                    return
                job = self._waiting.popleft()
                self._running = job
            job.compute()
            with self._condition:
                self._running = None
            try:
                self._finished.emit(job)
            except RuntimeError:  # the window is gone already, and with it whoever asked
                return
            del job  # a large result must not live until the next job comes

    @Slot(object)
    def _deliver(self, job: Job) -> None:
        self._outstanding -= 1
        try:
            job.deliver()
        finally:
            if self._outstanding == 0:
                self.busy_changed.emit(False)
