"""What learns in a run: network, optimizer and averaged weights, and how one optimizer step moves them.

A step is of the items of all its parts (accumulation) on all processes together; each part's loss is weighted so that
their gradients add up to that of one batch on one process (see `task.Loss` for what may be added how).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor

from models import checkpoint as checkpoints
from models.errors import UserError
from models.training import diagnostics, snapshot
from models.training.averages import Average
from models.training.distribution import World, gathered, span_batch_statistics
from models.training.task import AnyTask, Clock, Draw, Loss, RowsTask

MOST_SKIPPED = 30  # steps in a row: by then the scale has fallen by 10⁹, and it is not the scale


class Learner:
    """The network of a task as it is at the beginning of a run, with all that moves it."""

    def __init__(self, task: AnyTask, accelerator: Accelerator, world: World, device: torch.device) -> None:
        self.task, self.config, self.accelerator = task, task.config, accelerator
        self.world, self.device = world, device
        self.skipped_in_a_row = 0
        snapshot.seed_everything(self.config.seed)
        network = task.network().to(device)
        start = task.begins_with()
        self.taken_over = (0, 0) if start is None else take_over(network, start, task.system)
        if world.size > 1:
            span_batch_statistics(network)
            torch.manual_seed(self.config.seed + world.rank)  # each process its own dropout
        optimizer = task.optimizer(network)
        self._names = [str(group.get("name", "")) for group in optimizer.param_groups]
        self.average = Average(network, self.config.average_weights)
        self.watch = diagnostics.Watch(network, task.output_layer())
        world.same(network)
        # Accelerate's mixed precision alone (what it calls evaluation): gradients are added up by `World`.
        self.network = accelerator.prepare_model(network, device_placement=False, evaluation_mode=True)
        self.optimizer = accelerator.prepare_optimizer(optimizer, device_placement=False)
        if self.config.compile:
            network.compile()  # in place: names of weights stay as they are

    # One step

    def set_rates(self, rates: dict[str, float]) -> None:
        """The learning rate of each group of parameters by its name; those without one take that of ""."""
        for name, group in zip(self._names, self.optimizer.param_groups, strict=True):
            group["lr"] = rates.get(name, rates[""])

    def gradients(
        self, batches: Iterator[Any], step: list[list[Draw]], clock: Clock
    ) -> tuple[list[str], Tensor]:
        """Compute the gradients of a step; returns the names of its loss and metrics, and their values over the items of
        all parts and processes, on the device.

        batches: gives this process's share of each of the step's parts, in their order.
        """
        self.task.begin_step(self.network, clock)
        if isinstance(self.task, RowsTask) and len(step) > 1:
            result = self._gradients_by_rows(self.task, batches, step, clock)
        else:
            result = self._gradients_by_parts(batches, step, clock)
        self.world.add_gradients(list(self.network.parameters()))
        names = sorted(result)
        values = torch.stack([result[name].detach().to(self._wide).to(self.device) for name in names])
        return names, self.world.added(values)

    def _gradients_by_parts(
        self, batches: Iterator[Any], step: list[list[Draw]], clock: Clock
    ) -> dict[str, Tensor]:
        items = sum(map(len, step))
        weight = self.task.weight([draw for draws in step for draw in draws])
        result: dict[str, Tensor] = {}
        for draws in step:
            batch = self.task.to(next(batches), self.device)
            own = self.world.share(draws)
            mean, weighted = len(own) / items, self.task.weight(own) / weight
            with self.world.together(draws):
                loss = self.loss(batch, clock)
                whole = _weighed(loss, mean, weighted)
                self.accelerator.backward(whole * self.world.factor(draws))
            if self.world.counts(draws):
                _add(result, {"loss": whole, **loss.totals}, 1.0)
                _add(result, loss.metrics, mean)
            else:  # its names, so that all processes add up the same
                _add(result, {"loss": whole, **loss.totals, **loss.metrics}, 0.0)
        return result

    def _gradients_by_rows(
        self, task: RowsTask[Any], batches: Iterator[Any], step: list[list[Draw]], clock: Clock
    ) -> dict[str, Tensor]:
        """First the rows of all parts, then the loss and its gradient in each row, then each part's own gradients."""
        parts: list[tuple[Any, Any]] = []  # each part's batch, and the random state it was computed from
        rows: list[dict[str, Tensor]] = []
        with torch.no_grad(), self.accelerator.autocast():
            for _ in step:
                parts.append((next(batches), snapshot.random_states()))
                rows.append(task.rows(self.network, task.to(parts[-1][0], self.device)))
        counted = [number for number, draws in enumerate(step) if self.world.counts(draws)]
        leaves = [_leaves(part) for part in rows]
        joined = {
            name: gathered(torch.cat([leaves[i][name] for i in counted] or [row[:0]])) if row.ndim else row
            for name, row in leaves[0].items()
        }
        with self.accelerator.autocast():
            loss = task.loss_of(joined, clock)
        share = 1.0 / self.world.size  # all processes find the same
        (loss.value * share).backward()
        for number, (batch, random) in enumerate(parts):
            snapshot.restore_random(random)
            with self.accelerator.autocast():
                again = task.rows(self.network, task.to(batch, self.device))
            owed = [
                (row.float() * _gradient(leaves[number][name])).sum()
                for name, row in again.items()
                if row.is_floating_point()
            ]
            self.accelerator.backward(torch.stack(owed).sum())
        result: dict[str, Tensor] = {}
        _add(result, {"loss": loss.value, **loss.metrics, **loss.totals}, share)
        return result

    def loss(self, batch: Any, clock: Clock) -> Loss:
        """The task's loss of a batch on this device, in the precision of the run."""
        with self.accelerator.autocast():
            return self.task.loss(self.network, batch, clock)

    @property
    def _wide(self) -> torch.dtype:
        return torch.float32 if self.device.type == "mps" else torch.float64

    def clip(self) -> Tensor:
        """Clip the gradients; returns their norm before, on the device."""
        limit = self.config.clip_norm or float("inf")
        norm: Tensor = self.accelerator.clip_grad_norm_(self.network.parameters(), limit)
        return norm.detach()

    def clipped_by(self, norm: float) -> float:
        """What clipping has multiplied gradients of that norm by."""
        limit = self.config.clip_norm
        return limit / (norm + 1e-6) if limit and norm > limit else 1.0

    @property
    def scaled(self) -> bool:
        """Whether losses are scaled up for half precision, and steps whose gradients overflow passed over."""
        return self.accelerator.scaler is not None

    @property
    def scale(self) -> float:
        """What losses are multiplied by; asks the device."""
        return float(self.accelerator.scaler.get_scale()) if self.scaled else 1.0

    def move(self) -> bool:
        """Move the weights by their gradients. False where the scaler passed the step over, and nothing moved."""
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        if self.scaled and self.optimizer.step_was_skipped:
            self.skipped_in_a_row += 1
            return False
        self.skipped_in_a_row = 0
        self.average.update(self.network)
        return True

    # Saving and restoring

    def state(self) -> dict[str, Any]:
        """What going on needs; `restore` takes it back."""
        return {
            "network": self.network.state_dict(),  # a checkpoint's own weights are the average, if there is one
            "average": self.average.state(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.accelerator.scaler.state_dict() if self.scaled else None,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Raises RuntimeError, ValueError or KeyError where the state is of another network or optimizer."""
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.average.restore(state["average"])
        if self.scaled and state.get("scaler"):
            self.accelerator.scaler.load_state_dict(state["scaler"])


def take_over(network: torch.nn.Module, place: Path, system: str) -> tuple[int, int]:
    """Take over what fits of a checkpoint: fine-tuning. Heads for other labels or speakers begin afresh.

    Returns (tensors taken, tensors there are).
    """
    given, _ = checkpoints.load(place, system)
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
    return len(fitting), len(own)


def _weighed(loss: Loss, mean: float, weighted: float) -> Tensor:
    """The part of a step's loss that these items bring: `mean` and `weighted` are their shares of all items."""
    whole = loss.mean * mean
    if loss.weighted is not None:
        whole = whole + loss.weighted * weighted
    return whole if loss.summed is None else whole + loss.summed


def _leaves(rows: dict[str, Tensor]) -> dict[str, Tensor]:
    return {
        name: row.detach().requires_grad_() if row.is_floating_point() else row for name, row in rows.items()
    }


def _gradient(leaf: Tensor) -> Tensor:
    """What the loss owes these rows; nothing where it did not look at them, as at those that others count."""
    return torch.zeros_like(leaf).float() if leaf.grad is None else leaf.grad.float()


def _add(sums: dict[str, Tensor], values: dict[str, Tensor], factor: float) -> None:
    for name, value in values.items():
        more = value.detach().double() * factor if value.device.type != "mps" else value.detach() * factor
        sums[name] = sums[name] + more if name in sums else more
