"""The one loop: epochs, optimizer steps, validation, checkpoints, events. Every system is trained by it.

A run can end at any moment, by a wish or by a kill, and go on as if nothing had happened: ``last/`` is written after
every epoch and when the run is stopped, and holds weights, optimizer, random states and the place within the epoch.
"""

from __future__ import annotations

import pickle
import random
import signal
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch

from models import checkpoint as checkpoints
from models.errors import UserError
from models.progress import Cancelled, Progress
from models.training import diagnostics, events
from models.training.averages import Average, Sums
from models.training.distribution import (
    World,
    accelerator,
    has_batch_statistics,
    leave_out,
    local_device,
    span_batch_statistics,
)
from models.training.run_folder import RunFolder
from models.training.task import Clock, Draw, History, Loss, Task
from models.training.teller import Teller, Unstable

STATE = "training.pt"


MOST_HISTOGRAMS = 50  # epochs of a run whose gradients and weights go to TensorBoard


class _Stopped(Exception):
    """The run was asked to end; raised between two steps."""


class Trainer:
    """Trains one task in one run folder.

    >>> Trainer(task, run, device="cpu").train()        # doctest: +SKIP
    """

    def __init__(
        self, task: Task, run: RunFolder, device: str = "cpu", progress: Progress | None = None
    ) -> None:
        self.task, self.run, self.config = task, run, task.config
        self.progress = progress or Progress()
        self.device = local_device(device)
        self.world = World()
        self._asked_to_stop = False
        self.history = History()
        self.step = 0  # optimizer steps taken
        self.epoch = 0  # epochs completed
        self.step_in_epoch = 0  # optimizer steps taken of the epoch under way
        self.best: tuple[int, float] | None = None  # epoch (1 is the first) and value
        self._sums = Sums()
        self._taken_over = (0, 0)  # tensors taken from a checkpoint, of all

    # The whole run

    def train(self) -> events.Finished | events.Failed:
        """Run to the end, or on from ``last/`` if it is there. Errors end as an event and are not raised."""
        self.accelerator = accelerator(self.device, self.config.precision)
        self.world = World(self.accelerator.process_index, self.accelerator.num_processes)
        self.teller = Teller(self.run, self.task, self.device, self.world)
        if self.world.leads:
            with suppress(OSError):
                self.run.stop_file.unlink()
        try:
            with self._stopped_by_signals():
                end: events.Finished | events.Failed = self._train()
        except UserError as error:
            what, why, remedy = error.sentences()
            end = events.Failed(what=what, why=why, remedy=remedy)
        except Unstable as unstable:
            what, why, remedy = unstable.error.sentences()
            end = events.Failed(what=what, why=why, remedy=remedy, cause="unstable")
        except torch.OutOfMemoryError:
            end = events.Failed(
                what="The memory of the graphics card was not enough.",
                why=f"A batch of {self.config.batch_size} needs more than {self.device} has free.",
                remedy="Halve the batch size and double the accumulation; the result is the same.",
                cause="memory",
            )
        except Exception as error:
            end = events.Failed(
                what="The run ended by an error of the program.",
                why=f"{type(error).__name__}: {error}",
                remedy="Please report it with the details below; the run can be resumed.",
                details=traceback.format_exc(),
            )
            traceback.print_exc()
        self.teller.close(end)
        return end

    def _train(self) -> events.Finished:
        if self.world.leads:
            for place in (self.run.last, self.run.best):
                checkpoints.recover(place)
        with self.accelerator.local_main_process_first():  # what it reads is cached for the others
            counts = self.task.prepare(self.progress)
        self._make_network()
        self.steps_per_epoch = len(self._plan(0))
        if not self.steps_per_epoch:
            raise UserError(
                "There is nothing to train on.", "The training part is empty.", "Choose more data."
            )
        self._look_every = diagnostics.looks_every(
            self.config.diagnose_every, self.steps_per_epoch * self.config.epochs
        )
        self._restore()
        self.task.look_back(self.history)
        self._recall_last_step()
        self.teller.announce(counts, self.network, self.step, self.steps_per_epoch * self.config.epochs)
        if self.config.start_from and not self.step:
            self.teller.tell(
                events.Message(
                    text="Begun with {taken} of {all} tensors of the checkpoint.",
                    values={"taken": self._taken_over[0], "all": self._taken_over[1]},
                )
            )
        self._say_if_accumulation_differs()
        self._tell_forgotten_epochs()
        try:
            while self.epoch < self.config.epochs and not self._waited_long_enough():
                self._one_epoch()
        except (_Stopped, Cancelled):
            self._save_last()
            return self._finished("stopped")
        finished = self._finished("completed" if self.epoch >= self.config.epochs else "early stop")
        if self.world.leads:
            for path in self.task.summary(self.history, self.run.path):
                self.teller.tell(events.Picture(path=path.name, title="Summary", epoch=self.epoch))
        return finished

    def _recall_last_step(self) -> None:
        """The rate and figures of the last step taken: a run that was stopped after its epoch's last step tells them."""
        steps = self.steps_per_epoch
        epoch = self.epoch + max(0, self.step_in_epoch - 1) / steps
        clock = Clock(max(0, self.step - 1), steps * self.config.epochs, epoch, self.config.epochs)
        self._rate, self._reported = self.task.learning_rate(clock), self.task.reported(clock)

    def _tell_forgotten_epochs(self) -> None:
        """A kill between the saving of an epoch and the telling of it leaves a gap in the story: close it."""
        told = self.teller.epochs_told()
        for epoch, figures in enumerate(self.history.epochs, 1):
            if epoch not in told:
                best = self.best is not None and self.best[0] == epoch
                step = epoch * self.steps_per_epoch
                self.teller.tell(events.Epoch(epoch=epoch, step=step, values=figures, best=best))

    def _make_network(self) -> None:
        """Network, optimizer and what watches them, as they are at the beginning of the run."""
        _seed_everything(self.config.seed)
        network = self.task.network().to(self.device)
        if self.config.start_from:
            self._begin_with(network, Path(self.config.start_from))
        if self.world.size > 1:
            network = span_batch_statistics(network)
            leave_out(network, self.task.gradient_free)
            torch.manual_seed(self.config.seed + self.world.rank)  # each process its own dropout
        optimizer = self.task.optimizer(network)
        self.average = Average(network, self.config.average_weights)
        self.watch = diagnostics.Watch(network, self.task.output_layer())
        self.network, self.optimizer = self.accelerator.prepare(network, optimizer)
        self._ordered = False
        if self.config.compile:
            network.compile()  # in place: names of weights stay as they are

    def _begin_with(self, network: torch.nn.Module, place: Path) -> None:
        """Take over what fits of a checkpoint: fine-tuning. Heads for other labels or speakers begin afresh."""
        given, _ = checkpoints.load(place, self.task.system)
        own = network.state_dict()
        fitting = {
            name: weight for name, weight in given.items() if name in own and own[name].shape == weight.shape
        }
        if not fitting:
            raise UserError(
                "Nothing of the checkpoint {path} fits this network.",
                "Its layers have other names or sizes.",
                "Choose the network settings it was trained with, or begin afresh.",
                path=place,
            )
        network.load_state_dict(fitting, strict=False)
        self._taken_over = (len(fitting), len(own))

    def _one_epoch(self) -> None:
        started = time.monotonic()
        steps_to_do = self.steps_per_epoch - self.step_in_epoch
        self.network.train()
        while self.step_in_epoch < self.steps_per_epoch:
            self._steps_left()
        figures = {f"train/{name}": value for name, value in self._sums.means().items()}
        validated, shown = self._validated("validation")
        figures |= {f"validation/{name}": value for name, value in validated.items()}
        figures |= {"learning_rate": self._rate, **self._reported}
        self.epoch, self.step_in_epoch = self.epoch + 1, 0
        self._sums = Sums()
        self.history.epochs.append(figures)
        self.task.look_back(self.history)
        improved = self._judge(figures)
        if self.world.leads and improved:
            self._save_weights(self.run.best, figures)
            items = self.task.items(shown) if shown else None
            if items is not None:
                items.save(self.run.path)
        self._save_last()
        seconds = (time.monotonic() - started) * self.steps_per_epoch / max(1, steps_to_do)
        self.teller.tell(
            events.Epoch(
                epoch=self.epoch,
                step=self.step,
                values=figures,
                best=improved,
                remaining_s=seconds * (self.config.epochs - self.epoch),
            )
        )
        self.teller.show(shown, figures, self.epoch, self.step)

    def _steps_left(self) -> None:
        """The steps that are left of the epoch; ends early where memory gave out and the batch was made smaller."""
        plan = self._plan(self.epoch)[self.step_in_epoch :]
        ready = iter(self._loaded("train", [self.world.share(draws) for step in plan for draws in step]))
        for step_draws in plan:
            self._check_wishes()
            try:
                self._one_step(ready, step_draws)
            except torch.OutOfMemoryError:
                if not self._smaller_batch():
                    raise
                return

    def _one_step(self, ready: Iterator[Any], step_draws: list[list[Draw]]) -> None:
        """One optimizer step over its micro-batches, each weighted by its share of the items."""
        clock = self._clock()
        self._rate = self.task.learning_rate(clock)
        self._reported = self.task.reported(clock)
        for group in self.optimizer.param_groups:
            group["lr"] = self._rate * group.get("rate_factor", 1.0)
        random = torch.get_rng_state()
        sums = self._backward(ready, step_draws, clock).over(self.world, self.device)
        norm = self._clip()
        figures = sums.means()
        halves = self.config.precision == "fp16" and self.device.type == "cuda"
        if not np.isfinite(figures["loss"]) or not (
            np.isfinite(norm) or halves
        ):  # the scaler passes those over
            self.teller.unstable(self._bare(), step_draws, clock, random)
        looks = bool(self._look_every) and self.step % self._look_every == 0
        if looks:
            self.teller.look(self.watch, self._scale(norm), clock)
        if self._last_of_epoch():
            self.teller.histograms(self.watch, norm, self.step)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.average.update(self.network)
        self._sums.merge(sums)
        self.step += 1
        self.step_in_epoch += 1
        values = {f"train/{name}": value for name, value in figures.items()}
        values |= {"learning_rate": self._rate, "gradient_norm": norm, **self._reported}
        if looks:
            values |= self.teller.memory()
        self.teller.tell(events.Scalars(step=self.step, epoch=self._clock().epoch, values=values))
        self.progress.update(self.step, self.steps_per_epoch * self.config.epochs, "Training")

    def _backward(self, ready: Iterator[Any], step_draws: list[list[Draw]], clock: Clock) -> Sums:
        """The gradients of a step; returns the figures of this process's items."""
        items = sum(len(draws) for draws in step_draws)
        sums = Sums()
        for number, draws in enumerate(step_draws):
            batch = self.task.to(next(ready), self.device)
            last = number == len(step_draws) - 1
            with nullcontext() if last else self.accelerator.no_sync(self.network):
                loss = self._loss(batch, clock)
                weight = self.world.weight(draws, items)
                if self.task.reduction == "sum":
                    weight = 1.0 if not self.world.counts(draws) else float(self.world.size)
                    weight = weight if len(draws) >= self.world.size else 1.0
                self.accelerator.backward(loss.value * weight)
            mean = loss.value.detach() / (loss.count if self.task.reduction == "sum" else 1)
            sums.add({"loss": mean, **loss.figures}, loss.count if self.world.counts(draws) else 0)
        return sums

    def _loss(self, batch: Any, clock: Clock) -> Loss:
        ordering = nullcontext() if self._ordered else self.watch.ordering(self._bare())
        with ordering, self.accelerator.autocast():
            loss = self.task.loss(self.network, batch, clock)
        if not self._ordered:
            self._ordered = True
            if self._look_every:
                watch = self.watch
                self.teller.tell(
                    events.Layers(names=list(watch.layers), output=watch.output, gains=watch.gains)
                )
        return loss

    def _clip(self) -> float:
        limit = self.config.clip_norm or float("inf")
        return float(self.accelerator.clip_grad_norm_(self.network.parameters(), limit))

    def _smaller_batch(self) -> bool:
        """Half the batch and twice the accumulation, which take the same steps; False where that cannot be done."""
        batch, times = self.config.batch_size, self.config.accumulation
        if self.config.out_of_memory == "stop" or self.world.size > 1 or batch == 1:
            return False
        part = 2 if batch % 2 == 0 else batch
        self.config.batch_size, self.config.accumulation = batch // part, times * part
        self.optimizer.zero_grad(set_to_none=True)
        torch.cuda.empty_cache()
        self.run.change_config(batch_size=batch // part, accumulation=times * part)
        self.teller.tell(
            events.Message(
                level="warning",
                text="Memory ran out: the batch is now {batch} and the accumulation {times}, which take the same steps.",
                values={"batch": batch // part, "times": times * part},
            )
        )
        self._say_if_accumulation_differs()
        return True

    def _say_if_accumulation_differs(self) -> None:
        if self.config.accumulation > 1 and (self.task.whole_batch or has_batch_statistics(self._bare())):
            self.teller.tell(
                events.Message(
                    level="warning",
                    text="Accumulation is not the same as a larger batch here: this loss or network looks at the items of a batch together.",
                )
            )

    # Watching

    def _scale(self, norm: float) -> float:
        """What clipping multiplied the gradients by."""
        limit = self.config.clip_norm
        return limit / (norm + 1e-6) if limit and norm > limit else 1.0

    def _last_of_epoch(self) -> bool:
        every = max(1, self.config.epochs // MOST_HISTOGRAMS)
        return self.step_in_epoch == self.steps_per_epoch - 1 and self.epoch % every == 0

    def validate(self, split: str) -> dict[str, float]:
        """The task's figures on a split, by the averaged weights if weights are averaged; every item counts once."""
        return self._validated(split)[0]

    def _validated(self, split: str) -> tuple[dict[str, float], dict[str, np.ndarray]]:
        """(figures, what they were made from, item by item)."""
        size = self.task.size(split)
        if not size:
            return {}, {}
        while True:
            try:
                joined = self._outputs(split, size)
                return self.task.figures(split, joined), joined
            except torch.OutOfMemoryError:
                if not self._smaller_batch():
                    raise

    @torch.no_grad()
    def _outputs(self, split: str, size: int) -> dict[str, np.ndarray]:
        draws = [Draw(index, 0) for index in range(size)]
        step = self.config.batch_size
        plan = [draws[i : i + step] for i in range(0, size, step)]
        parts: list[dict[str, np.ndarray]] = []
        network = self._bare()  # every process its own batches: nothing to wait for
        network.eval()
        with self.average.in_place_of(network):
            for batch in self._loaded(split, plan[self.world.rank :: self.world.size]):
                with self.accelerator.autocast():
                    parts.append(self.task.outputs(network, self.task.to(batch, self.device)))
        network.train()
        by_rank = self.world.gathered(parts)
        parts = [by_rank[i % self.world.size][i // self.world.size] for i in range(len(plan))]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    # Order and place

    def _plan(self, epoch: int) -> list[list[list[Draw]]]:
        """The epoch's optimizer steps, each a list of micro-batches of draws. A function of seed and epoch alone."""
        generator = np.random.default_rng([self.config.seed, epoch])
        order = self.task.order(generator)
        seeds = generator.integers(1, 2**31 - 1, len(order))
        draws = [Draw(int(index), int(seed)) for index, seed in zip(order, seeds, strict=True)]
        size = self.config.batch_size
        batches = [draws[i : i + size] for i in range(0, len(draws), size)]
        group = self.config.accumulation
        return [batches[i : i + group] for i in range(0, len(batches), group)]

    def _loaded(self, split: str, plan: list[list[Draw]]) -> Any:
        return torch.utils.data.DataLoader(
            _Batches(self.task, split),
            batch_size=None,
            sampler=plan,  # type: ignore[arg-type]
            num_workers=self.config.workers if split == "train" else 0,
            multiprocessing_context="spawn" if self.config.workers and split == "train" else None,
            # A generator of its own: otherwise making the loader would draw from the global one.
            generator=torch.Generator().manual_seed(self.config.seed),
        )

    def _clock(self) -> Clock:
        epoch = self.epoch + self.step_in_epoch / max(1, self.steps_per_epoch)
        return Clock(self.step, self.steps_per_epoch * self.config.epochs, epoch, self.config.epochs)

    def _judge(self, figures: dict[str, float]) -> bool:
        value = figures.get(self.task.metric)
        if self.config.keep == "last":
            better = True
            value = float("nan") if value is None else value
        elif value is None or not np.isfinite(value):
            better = self.best is None
            value = float("nan") if value is None else value
        elif self.best is None or not np.isfinite(self.best[1]):
            better = True
        else:
            better = value > self.best[1] if self.task.higher_is_better else value < self.best[1]
        if better:
            self.best = (self.epoch, value)
        return better

    def _waited_long_enough(self) -> bool:
        patience = self.config.early_stop
        return bool(patience and self.best is not None and self.epoch - self.best[0] >= patience)

    def _check_wishes(self) -> None:
        wish = self._asked_to_stop or (self.world.leads and self.run.stop_file.exists())
        if self.world.any(wish, self.device):
            raise _Stopped

    # Saving and restoring

    def _save_weights(self, place: Path, figures: dict[str, float], beside: Path | None = None) -> None:
        info = self.task.checkpoint(figures)
        info.training = {
            "epoch": self.epoch,
            "step": self.step,
            "config": self.task.recorded_config(),
            "device": str(self.device),
        }
        with self.average.in_place_of(self.network):
            checkpoints.save(place, self._bare().state_dict(), info, beside)
        self.teller.tell(events.Saved(name=place.name, step=self.step, epoch=self.epoch))

    def _save_last(self) -> None:
        randoms = self.world.gathered(_random_states())
        if not self.world.leads:
            return
        state = {
            "network": self._bare().state_dict(),  # `weights.safetensors` holds the average, if there is one
            "average": self.average.state(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "epoch": self.epoch,
            "step_in_epoch": self.step_in_epoch,
            "best": list(self.best) if self.best else None,
            "history": self.history.epochs,
            "sums": self._sums.state(),
            "random": randoms,
        }
        try:
            with tempfile.TemporaryDirectory(prefix=".saving-", dir=self.run.path) as folder:
                path = Path(folder) / STATE
                torch.save(state, path)
                latest = self.history.epochs[-1] if self.history.epochs else {}
                self._save_weights(self.run.last, latest, beside=path)
        except (OSError, RuntimeError) as error:
            full = "No space left" in str(error) or "file write failed" in str(
                error
            )  # torch wraps the system's error
            if isinstance(error, OSError) or full:
                reason = error if isinstance(error, OSError) else OSError(28, "No space left on device")
                raise checkpoints.cannot_write(self.run.path, reason) from error
            raise

    def _restore(self) -> None:
        path = self.run.last / STATE
        if not path.is_file():
            return
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
            self._bare().load_state_dict(state["network"])
            self.optimizer.load_state_dict(state["optimizer"])
        except (pickle.UnpicklingError, RuntimeError, ValueError, KeyError, EOFError, OSError) as error:
            raise UserError(
                "The run {name} cannot be resumed.",
                "What it saved does not fit its config, or is damaged: {reason}.",
                "Start a new run from its config.",
                name=self.run.name,
                reason=" ".join(str(error).split())[:200],
            ) from error
        self.average.restore(state["average"])
        self.step, self.epoch, self.step_in_epoch = state["step"], state["epoch"], state["step_in_epoch"]
        self.best = (state["best"][0], state["best"][1]) if state["best"] else None
        self.history = History(state["history"])
        self._sums = Sums(state["sums"])
        randoms = state["random"] if isinstance(state["random"], list) else [state["random"]]
        if len(randoms) == self.world.size:
            _restore_random(randoms[self.world.rank])

    def _bare(self) -> torch.nn.Module:
        return self.accelerator.unwrap_model(self.network)

    # Telling

    def _finished(self, reason: Any) -> events.Finished:
        epoch, value = self.best if self.best else (0, None)
        if value is not None and not np.isfinite(value):  # nothing was validated
            value = None
        return events.Finished(
            reason=reason,
            epoch=self.epoch,
            step=self.step,
            best_epoch=epoch,
            best_value=value,
            metric=self.task.metric,
        )

    @contextmanager
    def _stopped_by_signals(self) -> Iterator[None]:
        """Ctrl+C and a polite kill stop the run as its stop file does: after the step, with a checkpoint."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def ask(*_: object) -> None:
            self._asked_to_stop = True

        old = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in old.items():
                signal.signal(number, handler)


class _Batches(torch.utils.data.Dataset):
    """A task's split as a data set whose items are whole batches, named by their draws."""

    def __init__(self, task: Task, split: str) -> None:
        self.task, self.split = task, split

    def __getitem__(self, draws: list[Draw]) -> Any:
        return self.task.batch(self.split, draws)


def _seed_everything(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def _random_states() -> dict[str, Any]:
    states: dict[str, Any] = {"torch": torch.get_rng_state()}
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state_all()
    return states


def _restore_random(states: dict[str, Any]) -> None:
    torch.set_rng_state(states["torch"])
    if "cuda" in states and torch.cuda.is_available() and len(states["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(states["cuda"])
