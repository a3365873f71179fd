"""The one loop: epochs, optimizer steps, validation, checkpoints, events. Every system is trained by it.

A run can end at any moment, by a wish or by a kill, and go on as if nothing had happened: ``last/`` is written after
every epoch and when the run is stopped, and holds weights, optimizer, random states and the place within the epoch.
"""

from __future__ import annotations

import pickle
import platform
import random
import signal
import socket
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
from accelerate import Accelerator

from models import checkpoint as checkpoints
from models.errors import UserError
from models.progress import Cancelled, Progress
from models.training import events
from models.training.run_folder import RunFolder, write_json
from models.training.task import Clock, Draw, History, Task

STATE = "training.pt"


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
        self.device = torch.device(device)
        self._writer: events.EventWriter | None = None
        self._board: Any = None
        self._asked_to_stop = False
        self.history = History()
        self.step = 0  # optimizer steps taken
        self.epoch = 0  # epochs completed
        self.step_in_epoch = 0  # optimizer steps taken of the epoch under way
        self.best: tuple[int, float] | None = None  # epoch (1 is the first) and value
        self._sums = _Sums()

    # The whole run

    def train(self) -> events.Finished | events.Failed:
        """Run to the end, or on from ``last/`` if it is there. Errors end as an event and are not raised."""
        try:
            self._writer = events.EventWriter(self.run.events_file)
        except OSError as error:
            raise checkpoints.cannot_write(self.run.path, error) from error
        with suppress(OSError):
            self.run.stop_file.unlink()
        try:
            with self._stopped_by_signals():
                end: events.Finished | events.Failed = self._train()
        except UserError as error:
            what, why, remedy = error.sentences()
            end = events.Failed(what=what, why=why, remedy=remedy)
        except torch.OutOfMemoryError:
            end = events.Failed(
                what="The memory of the graphics card was not enough.",
                why=f"A batch of {self.config.batch_size} needs more than {self.device} has free.",
                remedy="Halve the batch size and double the accumulation; the result is the same.",
            )
        except Exception as error:
            end = events.Failed(
                what="The run ended by an error of the program.",
                why=f"{type(error).__name__}: {error}",
                remedy="Please report it with the details below; the run can be resumed.",
                details=traceback.format_exc(),
            )
            traceback.print_exc()
        try:
            self._tell(end)
        except UserError as error:  # a full disk takes the last word too; the log has it
            print(error, file=sys.stderr)
        self._writer.close()
        if self._board is not None:
            self._board.close()
        return end

    def _train(self) -> events.Finished:
        for place in (self.run.last, self.run.best):
            checkpoints.recover(place)
        counts = self.task.prepare(self.progress)
        _seed_everything(self.config.seed)
        self.accelerator = _accelerator(self.device, self.config.precision)
        self.network = self.task.network().to(self.device)
        self.optimizer = self.task.optimizer(self.network)
        self.average = _Average(self.network, self.config.average_weights)
        self.network, self.optimizer = self.accelerator.prepare(self.network, self.optimizer)
        self.steps_per_epoch = len(self._plan(0))
        if not self.steps_per_epoch:
            raise UserError(
                "There is nothing to train on.", "The training part is empty.", "Choose more data."
            )
        self._restore()
        self._announce(counts)
        try:
            while self.epoch < self.config.epochs and not self._waited_long_enough():
                self._one_epoch()
        except (_Stopped, Cancelled):
            self._save_last()
            return self._finished("stopped")
        finished = self._finished("completed" if self.epoch >= self.config.epochs else "early stop")
        for path in self.task.summary(self.history, self.run.path):
            self._tell(events.Picture(path=path.name, title="Summary", epoch=self.epoch))
        return finished

    def _one_epoch(self) -> None:
        started = time.monotonic()
        plan = self._plan(self.epoch)[self.step_in_epoch :]
        steps_to_do = len(plan)
        micro = [batch for step in plan for batch in step]
        ready = iter(self._loaded("train", micro))
        self.network.train()
        for step_draws in plan:
            self._check_wishes()
            self._one_step(ready, step_draws)
        figures = {f"train/{name}": value for name, value in self._sums.means().items()}
        figures |= {f"validation/{name}": value for name, value in self.validate("validation").items()}
        figures |= {"learning_rate": self._rate, **self._reported}
        self.epoch, self.step_in_epoch = self.epoch + 1, 0
        self._sums = _Sums()
        self.history.epochs.append(figures)
        improved = self._judge(figures)
        if improved:
            self._save_weights(self.run.best, figures)
        self._save_last()
        seconds = (time.monotonic() - started) * self.steps_per_epoch / max(1, steps_to_do)
        self._tell(
            events.Epoch(
                epoch=self.epoch,
                step=self.step,
                values=figures,
                best=improved,
                remaining_s=seconds * (self.config.epochs - self.epoch),
            )
        )
        for name, value in figures.items():
            self._board.add_scalar(name, value, self.step)
        self._board.flush()

    def _one_step(self, ready: Iterator[Any], step_draws: list[list[Draw]]) -> None:
        """One optimizer step over its micro-batches, each weighted by its share of the items."""
        clock = self._clock()
        self._rate = self.task.learning_rate(clock)
        self._reported = self.task.reported(clock)
        for group in self.optimizer.param_groups:
            group["lr"] = self._rate * group.get("rate_factor", 1.0)
        items = sum(len(draws) for draws in step_draws)
        sums = _Sums()
        for draws in step_draws:
            batch = self.task.to(next(ready), self.device)
            with self.accelerator.autocast():
                loss = self.task.loss(self.network, batch, clock)
            self.accelerator.backward(loss.value * (len(draws) / items))
            sums.add({"loss": loss.value.detach(), **loss.figures}, loss.count)
        norm = self._clip()
        figures = sums.means()
        if not np.isfinite(figures["loss"]):
            raise UserError(
                "The loss is no longer a number at step {step}.",
                "The training has become unstable; the weights before it are kept.",
                "Lower the learning rate, or clip the gradient more.",
                step=self.step,
            )
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.average.update(self.network)
        self._sums.merge(sums)
        self.step += 1
        self.step_in_epoch += 1
        values = {f"train/{name}": value for name, value in figures.items()}
        values |= {"learning_rate": self._rate, "gradient_norm": norm, **self._reported}
        self._tell(events.Scalars(step=self.step, epoch=self._clock().epoch, values=values))
        self.progress.update(self.step, self.steps_per_epoch * self.config.epochs, "Training")

    def _clip(self) -> float:
        limit = self.config.clip_norm or float("inf")
        return float(self.accelerator.clip_grad_norm_(self.network.parameters(), limit))

    @torch.no_grad()
    def validate(self, split: str) -> dict[str, float]:
        """The task's figures on a split, by the averaged weights if weights are averaged; every item counts once."""
        size = self.task.size(split)
        if not size:
            return {}
        draws = [Draw(index, 0) for index in range(size)]
        step = self.config.batch_size
        plan = [draws[i : i + step] for i in range(0, size, step)]
        parts: list[dict[str, np.ndarray]] = []
        self.network.eval()
        with self.average.in_place_of(self.network):
            for batch in self._loaded(split, plan):
                with self.accelerator.autocast():
                    parts.append(self.task.outputs(self.network, self.task.to(batch, self.device)))
        self.network.train()
        joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        return self.task.figures(split, joined)

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
        if self._asked_to_stop or self.run.stop_file.exists():
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
        self._tell(events.Saved(name=place.name, step=self.step, epoch=self.epoch))

    def _save_last(self) -> None:
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
            "random": _random_states(),
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
        self._sums = _Sums(state["sums"])
        _restore_random(state["random"])

    def _bare(self) -> torch.nn.Module:
        return self.accelerator.unwrap_model(self.network)

    # Telling

    def _announce(self, counts: dict[str, int | float | str]) -> None:
        from torch.utils.tensorboard import SummaryWriter

        process = psutil.Process()
        write_json(self.run.path / "environment.json", _environment(self.device))
        self._board = SummaryWriter(str(self.run.path / "tensorboard"), purge_step=self.step + 1)
        self._tell(
            events.Started(
                pid=process.pid,
                process_started=process.create_time(),
                host=socket.gethostname(),
                system=self.task.system,
                device=str(self.device),
                total_epochs=self.config.epochs,
                total_steps=self.steps_per_epoch * self.config.epochs,
                first_step=self.step,
                parameters=sum(p.numel() for p in self.network.parameters()),
                trains=counts,
            )
        )

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

    def _tell(self, event: events.Event) -> None:
        if self._writer is None:
            return
        try:
            self._writer.write(event)
        except OSError as error:
            raise checkpoints.cannot_write(self.run.path, error) from error

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


class _Sums:
    """Means over items, gathered batch by batch without waiting for the device."""

    def __init__(self, state: dict[str, list[float]] | None = None) -> None:
        self._sums: dict[str, list[Any]] = {name: list(pair) for name, pair in (state or {}).items()}

    def add(self, figures: dict[str, torch.Tensor], count: int) -> None:
        for name, value in figures.items():
            entry = self._sums.setdefault(name, [0.0, 0])
            entry[0] = entry[0] + value.detach().double() * count
            entry[1] += count

    def merge(self, other: _Sums) -> None:
        for name, (total, count) in other._sums.items():
            entry = self._sums.setdefault(name, [0.0, 0])
            entry[0] = entry[0] + total
            entry[1] += count

    def means(self) -> dict[str, float]:
        return {name: float(total) / count for name, (total, count) in self._sums.items() if count}

    def state(self) -> dict[str, list[float]]:
        return {name: [float(total), count] for name, (total, count) in self._sums.items()}


class _Average:
    """A running average of the weights (Polyak & Juditsky 1992; exponential, warmed up), or nothing if decay is 0."""

    def __init__(self, network: torch.nn.Module, decay: float) -> None:
        self.decay, self.updates = decay, 0
        self._weights = {n: p.detach().clone() for n, p in network.named_parameters()} if decay else {}

    @torch.no_grad()
    def update(self, network: torch.nn.Module) -> None:
        if not self.decay:
            return
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        for name, weight in network.named_parameters():
            self._weights[name.removeprefix("module.")].lerp_(weight.detach(), 1 - decay)

    @contextmanager
    def in_place_of(self, network: torch.nn.Module) -> Iterator[None]:
        """Within, the network has the averaged weights."""
        if not self.decay or not self.updates:
            yield
            return
        pairs = [(p, self._weights[n.removeprefix("module.")]) for n, p in network.named_parameters()]
        own = [p.data for p, _ in pairs]
        for parameter, averaged in pairs:
            parameter.data = averaged
        try:
            yield
        finally:
            for (parameter, _), weight in zip(pairs, own, strict=True):
                parameter.data = weight

    def state(self) -> dict[str, Any]:
        return {"updates": self.updates, "weights": self._weights}

    def restore(self, state: dict[str, Any]) -> None:
        self.updates = state["updates"]
        for name, weight in state["weights"].items():
            if name in self._weights:
                self._weights[name].copy_(weight)


def _accelerator(device: torch.device, precision: str) -> Accelerator:
    """Accelerate does mixed precision, clipping and unwrapping; the device is the one that was chosen."""
    from accelerate.state import AcceleratorState, PartialState

    AcceleratorState._reset_state()  # a second run in one process may use another device
    PartialState._reset_state()
    if device.type == "cuda":
        torch.cuda.set_device(device)
    mixed = {"float32": "no", "bf16": "bf16", "fp16": "fp16"}[
        precision if device.type != "cpu" else "float32"
    ]
    return Accelerator(cpu=device.type == "cpu", mixed_precision=mixed)


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


def _environment(device: torch.device) -> dict[str, Any]:
    return {
        "versions": checkpoints.versions(),
        "platform": platform.platform(),
        "processor": platform.processor() or platform.machine(),
        "cores": psutil.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else str(device),
        "threads": torch.get_num_threads(),
        "command": sys.argv,
    }
