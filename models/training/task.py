"""What a system must say so that the one loop can train it.

A task knows its data, its network, its loss and its figures. It knows nothing of epochs, devices, files, windows or
of how often it is asked: that is `trainer.py`. Everything random in a batch comes from the draws that name it, so
a batch is the same in any process, at any time: that is what makes a resumed run equal an unbroken one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Literal, NamedTuple, TypeVar

import numpy as np
import torch

from models.checkpoint import CheckpointInfo
from models.progress import Progress
from models.training.config import TrainingConfig
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
    """The loss of a batch.

    value: scalar tensor to be minimised, a mean (or, if the task says so, the sum) over `count` items.
    figures: further means over the same items, for the curves (detached scalars).
    """

    value: torch.Tensor
    count: int
    figures: dict[str, torch.Tensor] = field(default_factory=dict)


@dataclass
class History:
    """What a run's epochs came to: one dict of figures an epoch, as in the events."""

    epochs: list[dict[str, float]] = field(default_factory=list)

    def series(self, name: str) -> np.ndarray:
        """[epochs] with NaN where the figure is missing."""
        return np.array([epoch.get(name, np.nan) for epoch in self.epochs], dtype=float)


@dataclass(frozen=True)
class DataCheck:
    """Data as a run would see it.

    parts: ``train``, ``validation`` … → name → count or duration, such as ``{"utterances": 240, "minutes": 12.5}``;
    the part "" is of all data. skipped: (what, why) of each thing left out.
    """

    parts: dict[str, dict[str, int | float | str]]
    skipped: tuple[tuple[str, str], ...] = ()


class Task(ABC, Generic[Config]):
    """Base of the five systems' tasks."""

    system: str
    metric: str  # the validation figure that decides which weights are best, such as "validation/uar"
    higher_is_better = True

    # What makes a step the same on any number of processes, and with any accumulation.
    reduction: Literal["mean", "sum"] = "mean"  # what a loss's value is over its items
    whole_batch = False  # the loss sets the items of a batch against each other, as contrastive losses do
    gradient_free: tuple[str, ...] = ()  # parameters, or modules of them, that never get a gradient

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

    @abstractmethod
    def to(self, batch: Any, device: torch.device) -> Any:
        """The batch on a device."""

    @abstractmethod
    def loss(self, network: torch.nn.Module, batch: Any, clock: Clock) -> Loss:
        """The loss of a training batch."""

    @abstractmethod
    def outputs(self, network: torch.nn.Module, batch: Any) -> dict[str, np.ndarray]:
        """What the figures need of a validation batch, item by item along the first axis."""

    @abstractmethod
    def figures(self, split: str, outputs: dict[str, np.ndarray]) -> dict[str, float]:
        """The figures of a whole split from the joined outputs of its items, in item order; names without split."""

    @abstractmethod
    def checkpoint(self, figures: dict[str, float]) -> CheckpointInfo:
        """The description under which the weights are saved."""

    def recorded_config(self) -> dict[str, Any]:
        """The config as it goes into a checkpoint, which others may get: without the paths of this machine."""
        return self.config.model_dump(mode="json")

    def learning_rate(self, clock: Clock) -> float:
        """The rate at a step; constant unless the task says otherwise."""
        return self.config.learning_rate

    def look_back(self, history: History) -> None:
        """Told before the first step and after every epoch: for rates that depend on what the epochs came to."""

    def reported(self, clock: Clock) -> dict[str, float]:
        """Further figures of a step for the curves, such as ``alpha``."""
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
        return DataCheck({"": self.prepare(progress)})

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
