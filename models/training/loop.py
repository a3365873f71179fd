"""The one loop: epochs, optimizer steps, validation, checkpoints, events. Every system is trained by it.

A run can end at any moment, by a wish or by a kill, and go on as if nothing had happened: ``last/`` is written after
every epoch and when the run is stopped, and holds weights, optimizer, random states and the place within the epoch.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from pydantic import ValidationError

from models import checkpoint as checkpoints
from models.errors import UserError
from models.progress import Cancelled, Progress
from models.training import events, order, snapshot, validation
from models.training.cross_validation import stop_files
from models.training.distribution import has_batch_statistics
from models.training.learner import Learner
from models.training.reporter import RunReporter
from models.training.run_folder import RunFolder
from models.training.snapshot import Position
from models.training.stepping import Again, Stepper


class Stopped(Exception):
    """The run was asked to end; raised between two steps."""


class Loop:
    """Takes a learner from where its run stands to its end. Raises UserError where it cannot go on."""

    def __init__(
        self,
        learner: Learner,
        run: RunFolder,
        reporter: RunReporter,
        recorded: dict[str, Any],
        progress: Progress,
        asked_to_stop: Callable[[], bool],
    ) -> None:
        self.learner, self.run, self.reporter, self.progress = learner, run, reporter, progress
        self.task, self.config, self.world = learner.task, learner.config, learner.world
        self.recorded = recorded  # what goes into each checkpoint's `training`: see `models.fingerprint`
        workers = order.workers_for(self.config.workers, learner.device)
        self._loader = order.Loader(self.task, "train", workers)
        self._asked_to_stop = asked_to_stop
        self.steps_per_epoch = len(order.steps_of(self.task, 0))
        if not self.steps_per_epoch:
            raise UserError(
                "There is nothing to train on.", "The training part is empty.", "Choose more data."
            )
        self.total_steps = self.steps_per_epoch * self.config.epochs
        self.at = self._restored()
        self._stop_files = stop_files(run)
        self.task.look_back(self.at.history)
        self.stepper = Stepper(learner, reporter, progress, self.at, self.steps_per_epoch)

    def run_to_end(self, counts: dict[str, int | float | str]) -> events.Finished:
        """Train from where the run stands; `counts` are of its data, for people."""
        self.reporter.announce(counts, self.learner.network, self.at.step, self.total_steps)
        self._say_what_differs()
        self._tell_forgotten_epochs()
        try:
            while self.at.epoch < self.config.epochs and not self._waited_long_enough():
                self._one_epoch()
        except (Stopped, Cancelled):
            with suppress(Again):  # then the run is saved as it was before the steps in question
                self.stepper.tell()
            self._save_last()
            return self._finished("stopped")
        finished = self._finished("completed" if self.at.epoch >= self.config.epochs else "early stop")
        if self.world.leads:
            for path in self.task.summary(self.at.history, self.run.path):
                self.reporter.tell(events.Picture(path=path.name, title="Summary", epoch=self.at.epoch))
        return finished

    # Epochs

    def _one_epoch(self) -> None:
        started, at = time.monotonic(), self.at
        steps_to_do = self.steps_per_epoch - at.step_in_epoch
        self.learner.network.train()
        while at.step_in_epoch < self.steps_per_epoch:
            with suppress(Again):
                self._steps_left()
                self.stepper.tell()
        metrics = {f"train/{name}": value for name, value in at.sums.means().items()}
        validated, outputs = self.validated("validation")
        metrics |= {f"validation/{name}": value for name, value in validated.items()}
        metrics |= {"learning_rate": self.stepper.rates[""], **self.stepper.reported}
        at.epoch, at.step_in_epoch, at.sums = at.epoch + 1, 0, type(at.sums)()
        at.history.epochs.append(metrics)
        self.task.look_back(at.history)
        improved = self._judge(metrics)
        if self.world.leads and improved:
            self._save_weights(self.run.best, metrics)
            items = self.task.items(outputs) if outputs else None
            if items is not None:
                items.save(self.run.path)
        self._save_last()
        seconds = (time.monotonic() - started) * self.steps_per_epoch / max(1, steps_to_do)
        self.reporter.tell(
            events.Epoch(
                epoch=at.epoch,
                step=at.step,
                values=metrics,
                best=improved,
                remaining_s=seconds * (self.config.epochs - at.epoch),
            )
        )
        self.reporter.show(outputs, metrics, at.epoch, at.step)

    def validated(self, split: str) -> tuple[dict[str, float], dict[str, np.ndarray]]:
        """(metrics of a split, the outputs they were made from); both empty where the split is."""
        size = self.task.size(split)
        if not size:
            return {}, {}
        while True:
            try:
                outputs = validation.outputs(self.learner, split, size)
                return self.task.metrics(split, outputs, self.stepper.clock()), outputs
            except torch.OutOfMemoryError:
                if not self._smaller_batch():
                    raise

    # Steps

    def _steps_left(self) -> None:
        """The steps that are left of the epoch; ends early where memory gave out and the batch was made smaller."""
        plan = order.steps_of(self.task, self.at.epoch)[self.at.step_in_epoch :]
        shares = [self.world.share(draws) for step in plan for draws in step]
        ready = iter(self._loader.of(shares))
        for step_draws in plan:
            self._check_wishes()
            try:
                self.stepper.take(ready, step_draws)
            except torch.OutOfMemoryError:
                if not self._smaller_batch():
                    raise
                return

    def _smaller_batch(self) -> bool:
        """Half the batch and twice the accumulation; False where that cannot be done."""
        batch, times = self.config.batch_size, self.config.accumulation
        if self.config.out_of_memory == "stop" or self.world.size > 1 or batch == 1:
            return False
        part = 2 if batch % 2 == 0 else batch
        try:
            self.config.accumulation, self.config.batch_size = times * part, batch // part
        except ValidationError:  # a system may need more items in a batch
            self.config.accumulation = times
            return False
        self.learner.optimizer.zero_grad(set_to_none=True)
        torch.cuda.empty_cache()
        self.run.change_config(batch_size=batch // part, accumulation=times * part)
        self.reporter.tell(
            events.Message(
                level="warning",
                text="Memory ran out: the batch is now {batch} and the accumulation {times}. The steps differ a little: batch normalisation looks at {batch} items at a time."
                if has_batch_statistics(self.learner.network)
                else "Memory ran out: the batch is now {batch} and the accumulation {times}, which take the same steps.",
                values={"batch": batch // part, "times": times * part},
            )
        )
        return True

    def _say_what_differs(self) -> None:
        """Before the first step: what was taken over, and where accumulation is not a larger batch."""
        taken, of = self.learner.taken_over
        if taken and not self.at.step:
            self.reporter.tell(
                events.Message(
                    text="Begun with {taken} of {all} tensors of the checkpoint.",
                    values={"taken": taken, "all": of},
                )
            )
        if self.config.accumulation > 1 and has_batch_statistics(self.learner.network):
            self.reporter.tell(
                events.Message(
                    level="warning",
                    text="Accumulation is not the same as a larger batch here: the network's batch normalisation looks at {batch} items at a time.",
                    values={"batch": self.config.batch_size},
                )
            )

    # Order and place

    def _judge(self, metrics: dict[str, float]) -> bool:
        """Whether these weights are the ones to be kept so far."""
        value = metrics.get(self.task.metric, float("nan"))
        best = self.at.best
        if self.config.keep == "last":
            better = True
        elif not np.isfinite(value):
            better = best is None
        elif best is None or not np.isfinite(best[1]):
            better = True
        else:
            better = value > best[1] if self.task.higher_is_better else value < best[1]
        if better:
            self.at.best = (self.at.epoch, value)
        return better

    def _waited_long_enough(self) -> bool:
        patience, best = self.config.early_stop, self.at.best
        return bool(patience and best is not None and self.at.epoch - best[0] >= patience)

    def _check_wishes(self) -> None:
        wish = self._asked_to_stop() or (self.world.leads and any(path.exists() for path in self._stop_files))
        if self.world.any(wish, self.learner.device):
            raise Stopped

    def _tell_forgotten_epochs(self) -> None:
        """A kill between the saving of an epoch and the telling of it leaves a gap in the story: close it."""
        recorded = self.reporter.epochs_told()
        for epoch, metrics in enumerate(self.at.history.epochs, 1):
            if epoch not in recorded:
                best = self.at.best is not None and self.at.best[0] == epoch
                step = epoch * self.steps_per_epoch
                self.reporter.tell(events.Epoch(epoch=epoch, step=step, values=metrics, best=best))

    # Saving and restoring

    def _save_weights(self, place: Path, metrics: dict[str, float], beside: Path | None = None) -> None:
        info = self.task.checkpoint(metrics)
        info.training = {
            "epoch": self.at.epoch,
            "step": self.at.step,
            "config": self.task.recorded_config(),
            "device": str(self.learner.device),
            "processes": self.world.size,
            **self.recorded,
        }
        with self.learner.average.in_place_of(self.learner.network):
            checkpoints.save(place, self.learner.network.state_dict(), info, beside)
        self.reporter.tell(events.Saved(name=place.name, step=self.at.step, epoch=self.at.epoch))

    def _save_last(self) -> None:
        randoms = self.world.gathered(snapshot.random_states())
        if not self.world.leads:
            return
        state = {**self.learner.state(), **self.at.state(), "random": randoms}
        latest = self.at.history.epochs[-1] if self.at.history.epochs else {}
        with snapshot.written(self.run, state) as path:
            self._save_weights(self.run.last, latest, beside=path)

    def _restored(self) -> Position:
        """Where the run stands, the learner being brought there."""
        state = snapshot.read(self.run)
        if state is None:
            if self.reporter.has_saved():  # to begin again would write worse weights over the best ones
                raise snapshot.nothing_to_go_on_from(self.run)
            return Position()
        try:
            self.learner.restore(state)
            position = Position.of(state)
        except (RuntimeError, ValueError, KeyError, TypeError) as error:
            raise snapshot.cannot_resume(self.run, error) from error
        randoms = state["random"] if isinstance(state["random"], list) else [state["random"]]
        if len(randoms) == self.world.size:
            snapshot.restore_random(randoms[self.world.rank])
        return position

    def _finished(self, reason: Literal["completed", "early stop", "stopped"]) -> events.Finished:
        epoch, value = self.at.best if self.at.best else (0, None)
        if value is not None and not np.isfinite(value):  # nothing was validated
            value = None
        return events.Finished(
            reason=reason,
            epoch=self.at.epoch,
            step=self.at.step,
            best_epoch=epoch,
            best_value=value,
            metric=self.task.metric,
        )
