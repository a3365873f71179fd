"""What a system must say so that the one loop can train it.

A task knows its data, its network, its loss and its metrics. It knows nothing of epochs, devices, files, windows or
of how often it is asked: that is `trainer.py`. Everything random in a batch comes from the draws that name it, so
a batch is the same in any process, at any time: that is what makes a resumed run equal an unbroken one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
import torch

from models.checkpoint import CheckpointInfo
from models.fingerprint import Used
from models.loading import checkpoint_folder
from models.progress import Progress
from models.remarks import Remark, as_texts
from models.training.batches import moved
from models.training.config import TrainingConfig, without_folders
from models.training.distribution import gathered
from models.training.items import Items
from models.training.pictures import Shown

Config = TypeVar("Config", bound=TrainingConfig)


class Draw(NamedTuple):
    """One item of a batch: which, and the seed of everything random about it (0 in validation)."""

    item: int
    seed: int


@dataclass(frozen=True)
class Clock:
    """Where in the run a step is. `epoch` counts from 0 and has fractions; `step` counts optimizer steps."""

    step: int
    steps: int
    epoch: float
    epochs: int


@dataclass
class Loss:
    """The loss of the items of a batch: the sum of up to three parts, which differ in how items make up a whole.

    mean: scalar tensor, a mean over the `count` items. weighted: a mean in which items count by `Task.weight`, or None.
    summed: a sum over the items, or None: it grows with the batch and is neither divided by the accumulation nor by
    the number of processes. A step of any number of parts thus has the loss of all its items at once.
    metrics: further means over the items, for the curves (detached scalars). totals: further sums over them.
    """

    mean: torch.Tensor
    count: int
    metrics: dict[str, torch.Tensor] = field(default_factory=dict)
    weighted: torch.Tensor | None = None
    summed: torch.Tensor | None = None
    totals: dict[str, torch.Tensor] = field(default_factory=dict)

    @property
    def value(self) -> torch.Tensor:
        """The whole loss of these items, to be minimised."""
        parts = [part for part in (self.mean, self.weighted, self.summed) if part is not None]
        return parts[0] if len(parts) == 1 else torch.stack([part.float() for part in parts]).sum()


@dataclass
class History:
    """What a run's epochs came to: one dict of metrics an epoch, as in the events."""

    epochs: list[dict[str, float]] = field(default_factory=list)

    def series(self, name: str) -> np.ndarray:
        """[epochs] with NaN where the figure is missing."""
        return np.array([epoch.get(name, np.nan) for epoch in self.epochs], dtype=float)


@dataclass(frozen=True)
class DataCheck:
    """Data as a run would see it.

    parts: ``train``, ``validation`` … → name → count or duration, such as ``{"utterances": 240, "minutes": 12.5}``;
    the part "" is of all data. skipped: (what, why) of each thing left out. remarks: what was guessed or assumed.
    """

    parts: dict[str, dict[str, int | float | str]]
    skipped: tuple[tuple[str, str], ...] = ()
    remarks: tuple[str, ...] = ()


class Task(ABC, Generic[Config]):
    """Base of the five systems' tasks."""

    system: str
    metric: str  # the validation figure that decides which weights are best, such as "validation/uar"
    higher_is_better = True
    board_names: Mapping[
        str, str
    ] = {}  # what a metric is called in TensorBoard, where that is not its own name

    def __init__(self, config: Config) -> None:
        self.config = config

    @abstractmethod
    def prepare(self, progress: Progress) -> dict[str, int | float | str]:
        """Read the data; returns counts for people. Raises UserError where it cannot be trained on."""

    @abstractmethod
    def size(self, split: str) -> int:
        """Items of ``train`` or ``validation``."""

    @abstractmethod
    def network(self) -> torch.nn.Module:
        """A fresh network, drawn from torch's global generator."""

    @abstractmethod
    def batch(self, split: str, draws: list[Draw]) -> Any:
        """The items named by `draws` as one batch on the CPU; augmented by their seeds in training."""

    def to(self, batch: Any, device: torch.device) -> Any:
        """The batch on a device: any nesting of tuples, dicts and dataclasses of tensors."""
        return moved(batch, device)

    def begin_step(self, network: torch.nn.Module, clock: Clock) -> None:
        """Told before the gradients of a step, on every process: what in the network goes by the time is set here."""

    @abstractmethod
    def loss(self, network: Any, batch: Any, clock: Clock) -> Loss:
        """The loss of a training batch."""

    def weight(self, draws: list[Draw]) -> float:
        """What these training items count for together in a loss's `weighted` part."""
        return float(len(draws))

    @abstractmethod
    def outputs(self, network: Any, batch: Any) -> dict[str, np.ndarray]:
        """What the metrics need of a validation batch, item by item along the first axis."""

    @abstractmethod
    def metrics(self, split: str, outputs: dict[str, np.ndarray], clock: Clock) -> dict[str, float]:
        """The metrics of a whole split from the joined outputs of its items, in item order; names without split.

        ``loss`` among them is what the training loss would be on these items: by both, overfitting is seen.
        clock: at the end of the epoch; its `epoch` is the number of epochs that are over, this one among them.
        """

    @abstractmethod
    def checkpoint(self, metrics: dict[str, float]) -> CheckpointInfo:
        """The description under which the weights are saved."""

    def remarks(self) -> Sequence[Remark]:
        """What was guessed, repaired or assumed when the data was read; after `prepare`."""
        return ()

    def contents(self) -> dict[str, Used]:
        """What each part of the data is by content, and of which groups; after `prepare`. So a model is never judged
        unknowingly on what it has learned."""
        return {}

    def recorded_config(self) -> dict[str, Any]:
        """The config as it goes into a checkpoint, which others may get: without the folders of this machine."""
        return without_folders(self.config)

    def learning_rate(self, clock: Clock) -> float:
        """The rate at a step; constant unless the task says otherwise."""
        return self.config.learning_rate

    def learning_rates(self, clock: Clock) -> dict[str, float]:
        """The rate at a step by ``name`` of the optimizer's groups of parameters; "" is of all others."""
        return {"": self.learning_rate(clock)}

    def look_back(self, history: History) -> None:
        """Told before the first step and after every epoch: for rates that depend on what the epochs came to."""

    def reported(self, clock: Clock) -> dict[str, float]:
        """Further metrics of a step for the curves, such as ``alpha``."""
        return {}

    def order(self, generator: np.random.Generator) -> np.ndarray:
        """The training items of one epoch in their order; each once unless the task balances them."""
        return generator.permutation(self.size("train"))

    def optimizer(self, network: torch.nn.Module) -> torch.optim.Optimizer:
        """AdamW; biases and gains of normalisations are not decayed."""
        decayed = [p for p in network.parameters() if p.requires_grad and p.ndim > 1]
        free = [p for p in network.parameters() if p.requires_grad and p.ndim <= 1]
        return torch.optim.AdamW(
            [
                {"params": decayed, "weight_decay": self.config.weight_decay},
                {"params": free, "weight_decay": 0.0},
            ],
            lr=self.config.learning_rate,
        )

    def check(self, progress: Progress) -> DataCheck:
        """What the data comes to, before anything is trained. Raises UserError where it cannot be trained on, as where
        the same speaker or subject is on both sides of a split."""
        counts = self.prepare(progress)
        return DataCheck({"": counts}, remarks=tuple(as_texts(self.remarks())))

    def begins_with(self) -> Path | None:
        """The checkpoint whose weights are taken over; None begins with those of `network`."""
        return checkpoint_folder(self.config.start_from, self.system) if self.config.start_from else None

    def made_of(self) -> list[Path]:
        """The checkpoints on whose training this one builds: what they have met, its result has met too."""
        start = self.begins_with()
        return [] if start is None else [start]

    def output_layer(self) -> str:
        """The module whose last layer the others' gradients are compared with; empty: the last one to be used."""
        return ""

    def pictures(self, outputs: dict[str, np.ndarray]) -> list[Shown]:
        """What to look at after an epoch, from the joined outputs of the validation items."""
        return []

    def items(self, outputs: dict[str, np.ndarray]) -> Items | None:
        """How each validation item fared, so that two runs judged on the same items can be compared by a test."""
        return None

    def summary(self, history: History, folder: Path) -> list[Path]:
        """Draw what sums the run up into `folder`; returns the files."""
        return []


class RowsTask(Task[Config]):
    """A task whose loss sets all items of a step against one another, as contrastive losses do.

    The network makes rows of each item by itself (`rows`), and the loss is made of the rows of all (`loss_of`). So it
    is the same on several processes, which gather their rows, and with accumulation, for which the rows of all parts
    are computed first and the gradient of each afterwards (Gao et al., RepL4NLP 2021).
    """

    @abstractmethod
    def rows(self, network: Any, batch: Any) -> dict[str, torch.Tensor]:
        """[items, …] each: what the loss needs of every item; a scalar is one for all, such as a learned temperature."""

    @abstractmethod
    def loss_of(self, rows: dict[str, torch.Tensor], clock: Clock) -> Loss:
        """The loss of the rows of all items."""

    def loss(self, network: Any, batch: Any, clock: Clock) -> Loss:
        rows = self.rows(network, batch)
        return self.loss_of({name: gathered(row) if row.ndim else row for name, row in rows.items()}, clock)


AnyTask = Task[Any]  # whatever its config
