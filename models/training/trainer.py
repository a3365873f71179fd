"""Trains a task in a run folder: everything around the loop. Errors, signals, processes, and the last word."""

from __future__ import annotations

import signal
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import torch
from accelerate import Accelerator

from models import checkpoint as checkpoints
from models import fingerprint
from models.errors import UserError
from models.progress import Cancelled, Progress
from models.training import events
from models.training.distribution import World, accelerator, local_device
from models.training.learner import Learner
from models.training.loop import Loop
from models.training.reporter import RunReporter, Unstable
from models.training.run_folder import RunFolder
from models.training.task import AnyTask
from models.writing import disk_error


class Trainer:
    """Trains one task in one run folder.

    >>> Trainer(task, run, device="cpu").train()        # doctest: +SKIP
    """

    def __init__(
        self, task: AnyTask, run: RunFolder, device: str = "cpu", progress: Progress | None = None
    ) -> None:
        self.task, self.run, self.config = task, run, task.config
        self.progress = progress or Progress()
        self.device = local_device(device)
        self.loop: Loop | None = None  # once the data is read
        self._asked_to_stop = False

    @property
    def step(self) -> int:
        """Optimizer steps taken."""
        return self.loop.at.step if self.loop is not None else 0

    def train(self) -> events.Finished | events.Failed:
        """Run to the end, or on from ``last/`` if it is there. Errors end as an event and are not raised; but for one:
        UserError where another process trains this run, or its folder cannot be written."""
        made = accelerator(self.device, self.config.precision)
        world = World(made.process_index, made.num_processes)
        with self._held(world):
            reporter = RunReporter(self.run, self.task, self.device, world)
            try:
                with self._stopped_by_signals():
                    end: events.Finished | events.Failed = self._train(made, world, reporter)
            except UserError as error:
                end = events.Failed.by(error)
            except Unstable as unstable:
                end = events.Failed.by(unstable.error, cause="unstable")
            except torch.OutOfMemoryError:
                end = self._out_of_memory()
            except Exception as error:
                full = disk_error(error)
                end = (
                    events.Failed.by(checkpoints.cannot_write(self.run.path, full)) if full else _ours(error)
                )
            reporter.close(end)
        return end

    @contextmanager
    def _held(self, world: World) -> Iterator[None]:
        """Within, the leading process holds the run, tidied up after whoever held it before."""
        if not world.leads:
            yield
            return
        lock = self.run.lock()
        lock.keep_beating()
        try:
            with suppress(OSError):
                self.run.stop_file.unlink()
            for place in (self.run.last, self.run.best):
                checkpoints.recover(place)
            self.run.sweep()
            yield
        finally:
            lock.release()

    def _train(self, made: Accelerator, world: World, reporter: RunReporter) -> events.Finished:
        try:
            with made.local_main_process_first():  # what it reads is cached for the others
                counts = self.task.prepare(self.progress)
            # What was learned from goes into every checkpoint, so that what is held out can be found by content.
            parts = self.task.contents() if world.leads else {}
        except Cancelled:
            return events.Finished(reason="stopped", epoch=0, step=0, metric=self.task.metric)
        learner = Learner(self.task, made, world, self.device)
        before = [checkpoints.read_info(place, self.task.system).training for place in self.task.made_of()]
        kept = fingerprint.recorded(self.config.model_dump(mode="json"), parts, before)
        self.loop = Loop(learner, self.run, reporter, kept, self.progress, lambda: self._asked_to_stop)
        return self.loop.run_to_end(counts)

    def validate(self, split: str) -> dict[str, float]:
        """The task's metrics on a split, after training."""
        assert self.loop is not None, "call train() first"
        return self.loop.validated(split)[0]

    def _out_of_memory(self) -> events.Failed:
        error = UserError(
            "The memory of the graphics card was not enough.",
            "A batch of {count} needs more than {device} has free.",
            "Halve the batch size and double the accumulation: the steps stay the same, but for batch normalisation.",
            count=self.config.batch_size,
            device=str(self.device),
        )
        return events.Failed.by(error, cause="memory")

    @contextmanager
    def _stopped_by_signals(self) -> Iterator[None]:
        """Ctrl+C and a polite kill stop the run as its stop file does: after the step, with a checkpoint."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def ask(*_: object) -> None:
            self._asked_to_stop = True
            if self.loop is None:  # still reading: there is nothing to be saved
                self.progress.cancel()

        old = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in old.items():
                signal.signal(number, handler)


def _ours(error: Exception) -> events.Failed:
    """For an error of the program."""
    traceback.print_exc()
    said = UserError(
        "The run ended by an error of the program.",
        "{error}",
        "Please report it with the details below; the run can be resumed.",
        error=f"{type(error).__name__}: {error}",
    )
    return events.Failed.by(said, details=traceback.format_exc())
