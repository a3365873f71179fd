"""One optimizer step after another, and what is told of them.

On a processor that computes while Python goes on, a number is waited for once a second and not once a step: the metrics
of the steps since are kept on the device and told together. Should one of them turn out to be no number, the run goes
back to the last ones told and takes the steps again, looking at each: so it stops where it would have stopped.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from models.progress import Progress
from models.training import batches, diagnostics, events, snapshot
from models.training.learner import MOST_SKIPPED, Learner
from models.training.reporter import RunReporter
from models.training.snapshot import Position
from models.training.task import Clock, Draw

MOST_HISTOGRAMS = 50  # epochs of a run whose gradients and weights go to TensorBoard
TOLD_EVERY_S = 1.0


class Again(Exception):
    """A number was none some steps ago: the position is what it was before them, and they are to be taken again."""


@dataclass
class _Step:
    """A step that was taken and not told yet. numbers: its metrics in the order of `names`, and the gradient's norm."""

    step: int
    epoch: float
    time: float
    names: list[str]
    numbers: Tensor
    items: int
    extra: dict[str, float]

    def metrics(self, numbers: list[float]) -> tuple[dict[str, float], float]:
        """(its metrics by name, the norm of its gradient)."""
        return dict(zip(self.names, numbers[:-1], strict=True)), numbers[-1]


@dataclass
class _Mark:
    """What the steps that are not told yet began with."""

    position: Position
    learner: dict[str, Any]
    random: dict[str, Any]


class Stepper:
    """Takes the steps of a run, beginning at a position, which it moves on."""

    def __init__(
        self, learner: Learner, reporter: RunReporter, progress: Progress, at: Position, steps_per_epoch: int
    ) -> None:
        self.learner, self.reporter, self.progress, self.at = learner, reporter, progress, at
        self.task, self.config = learner.task, learner.config
        self.steps_per_epoch = steps_per_epoch
        self.total_steps = steps_per_epoch * self.config.epochs
        self.look_every = diagnostics.looks_every(self.config.diagnose_every, self.total_steps)
        # Where nothing runs ahead of Python, or every step is asked about anyway, each is told as it comes.
        self.ahead = learner.device.type == "cuda" and learner.world.size == 1 and not learner.scaled
        self._ordered = False  # whether the watch knows in which order data goes through the layers
        self._untold: list[_Step] = []
        self._mark: _Mark | None = None
        self._told_at = self._paced_at = time.monotonic()
        self._paced_step = at.step
        self.rates: dict[str, float] = {}
        self.reported: dict[str, float] = {}
        self._recall_last_step()

    def clock(self) -> Clock:
        """The clock of the step that comes next."""
        return self.at.clock(self.steps_per_epoch, self.config.epochs)

    def take(self, ready: Iterator[Any], step_draws: list[list[Draw]]) -> None:
        """One optimizer step over its parts. Raises `Again` where steps have to be taken once more, and `Unstable`."""
        learner, at, clock = self.learner, self.at, self.clock()
        if self.ahead and self._mark is None:
            self._mark = self._marked()
        self.rates, self.reported = self.task.learning_rates(clock), self.task.reported(clock)
        learner.set_rates(self.rates)
        random = torch.get_rng_state()
        with self._order():
            names, values = learner.gradients(ready, step_draws, clock)
        numbers = torch.cat([values, learner.clip().to(values)[None]])
        looks = bool(self.look_every) and at.step % self.look_every == 0
        waits = not self.ahead or looks or self._last_of_epoch() or self._is_time()
        extra: dict[str, float] = {}
        if waits:
            self.tell()  # what came before
            loss, norm = float(numbers[names.index("loss")]), float(numbers[-1])
            passes = learner.scaled and learner.skipped_in_a_row < MOST_SKIPPED
            if not np.isfinite(loss) or not (np.isfinite(norm) or passes):
                self.reporter.unstable(learner.network, step_draws, clock, random)
            if np.isfinite(norm):
                extra = self._look(looks, norm, clock)
        if not learner.move():
            extra |= {"skipped": 1.0, "gradient_scale": learner.scale}
        at.step += 1
        at.step_in_epoch += 1
        extra = {"learning_rate": self.rates[""], **self.reported, **extra}
        items = sum(map(len, step_draws))
        self._untold.append(_Step(at.step, self.clock().epoch, time.time(), names, numbers, items, extra))
        if waits:
            self.tell()
        self.progress.update(at.step, self.total_steps, "Training")

    def tell(self) -> None:
        """Tell what was not told yet, which waits for the device. Raises `Again` where a number is none."""
        untold, self._untold = self._untold, []
        if untold:
            for item, numbers in zip(
                untold, torch.stack([item.numbers for item in untold]).tolist(), strict=True
            ):
                metrics, norm = item.metrics(numbers)
                if self.ahead and not (np.isfinite(metrics["loss"]) and np.isfinite(norm)):
                    self._go_back()
                self.at.sums.add(metrics, item.items)
                values = {f"train/{name}": value for name, value in metrics.items()} | item.extra
                if "skipped" not in item.extra:
                    values["gradient_norm"] = norm
                self.reporter.tell(
                    events.Scalars(t=item.time, step=item.step, epoch=item.epoch, values=values)
                )
            self._pace()
        self._mark, self._told_at = None, time.monotonic()

    def _go_back(self) -> None:
        """Undo the steps that were not told; from here on each is looked at as it is taken."""
        assert self._mark is not None
        mark, self._mark, self.ahead = self._mark, None, False
        self.learner.optimizer.zero_grad(set_to_none=True)  # of the step under way
        self.learner.restore(mark.learner)
        snapshot.restore_random(mark.random)
        vars(self.at).update(vars(mark.position))
        raise Again

    def _marked(self) -> _Mark:
        state = batches.mapped(self.learner.state(), lambda tensor: tensor.detach().clone())
        return _Mark(copy.deepcopy(self.at), state, snapshot.random_states())

    def _look(self, looks: bool, norm: float, clock: Clock) -> dict[str, float]:
        """Look at the layers where it is time to; returns what else is to be told of the step."""
        if self._last_of_epoch():
            self.reporter.histograms(self.learner.watch, norm, self.at.step)
        if not looks:
            return {}
        self.reporter.look(self.learner.watch, self.learner.clipped_by(norm), clock)
        return self.reporter.memory()

    def _is_time(self) -> bool:
        return time.monotonic() - self._told_at >= TOLD_EVERY_S

    def _pace(self) -> None:
        """Once a second: how many steps a second, and how busy the device is."""
        now = time.monotonic()
        if now - self._paced_at >= TOLD_EVERY_S:
            pace = (self.at.step - self._paced_step) / (now - self._paced_at)
            self.reporter.pace(self.at.step, self.clock().epoch, pace)
            self._paced_at, self._paced_step = now, self.at.step

    @contextmanager
    def _order(self) -> Iterator[None]:
        """Within the first step it is noted in which order data goes through the layers."""
        if self._ordered:
            yield
            return
        watch = self.learner.watch
        with watch.ordering(self.learner.network):
            yield
        self._ordered = True
        if self.look_every:
            self.reporter.tell(
                events.Layers(names=list(watch.layers), output=watch.output, gains=watch.gains)
            )

    def _last_of_epoch(self) -> bool:
        every = max(1, self.config.epochs // MOST_HISTOGRAMS)
        return self.at.step_in_epoch == self.steps_per_epoch - 1 and self.at.epoch % every == 0

    def _recall_last_step(self) -> None:
        """The rates and metrics of the last step taken: a run that was stopped after its epoch's last step tells them."""
        at = self.at
        epoch = at.epoch + max(0, at.step_in_epoch - 1) / self.steps_per_epoch
        clock = Clock(max(0, at.step - 1), self.total_steps, epoch, self.config.epochs)
        self.rates, self.reported = self.task.learning_rates(clock), self.task.reported(clock)
