"""The state of a run beside its weights, from which it goes on as if nothing had happened, and its randomness."""

from __future__ import annotations

import errno
import pickle
import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from models import checkpoint, documents
from models.errors import UserError
from models.training.averages import Sums
from models.training.run_folder import RunFolder
from models.training.task import Clock, History

NAME = "training.pt"


@dataclass
class Position:
    """Where a run stands, and what its epochs came to."""

    step: int = 0  # optimizer steps taken
    epoch: int = 0  # epochs completed
    step_in_epoch: int = 0  # optimizer steps taken of the epoch under way
    best: tuple[int, float] | None = None  # epoch (1 is the first) and value
    history: History = field(default_factory=History)
    sums: Sums = field(default_factory=Sums)  # of the epoch under way

    def clock(self, steps_per_epoch: int, epochs: int) -> Clock:
        """The clock of the step that comes next."""
        epoch = self.epoch + self.step_in_epoch / max(1, steps_per_epoch)
        return Clock(self.step, steps_per_epoch * epochs, epoch, epochs)

    def state(self) -> dict[str, Any]:
        """Plain values, which `of` takes back."""
        return {
            "step": self.step,
            "epoch": self.epoch,
            "step_in_epoch": self.step_in_epoch,
            "best": list(self.best) if self.best else None,
            "history": self.history.epochs,
            "sums": self.sums.state(),
        }

    @classmethod
    def of(cls, state: dict[str, Any]) -> Position:
        """The position that a saved state holds."""
        best = state["best"]
        return cls(
            step=state["step"],
            epoch=state["epoch"],
            step_in_epoch=state["step_in_epoch"],
            best=(best[0], best[1]) if best else None,
            history=History(state["history"]),
            sums=Sums(state["sums"]),
        )


@contextmanager
def written(run: RunFolder, state: dict[str, Any]) -> Iterator[Path]:
    """Write a state beside the run's checkpoints and give its file, which goes into a checkpoint by being moved.

    Raises UserError where the disk is full or cannot be written.
    """
    try:
        with tempfile.TemporaryDirectory(prefix=".saving-", dir=run.path) as folder:
            path = Path(folder) / NAME
            torch.save(state, path)
            yield path
    except OSError as error:
        raise checkpoint.cannot_write(run.path, error) from error
    except RuntimeError as error:  # torch wraps the system's error
        if "No space left" not in str(error) and "file write failed" not in str(error):
            raise
        full = OSError(errno.ENOSPC, "No space left on device")
        raise checkpoint.cannot_write(run.path, full) from error


def read(run: RunFolder) -> dict[str, Any] | None:
    """The state in a run's last checkpoint; None if it has none. Raises UserError for one that is damaged."""
    path = run.last / NAME
    if not path.is_file():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, ValueError, KeyError, EOFError, OSError) as error:
        raise cannot_resume(run, error) from error
    return state


def nothing_to_go_on_from(run: RunFolder) -> UserError:
    """The error of a run whose saved state is gone."""
    return UserError(
        "There is nothing to go on from in the run {name}.",
        "It has saved its state before, but {file} is missing.",
        "Copy the whole folder again, or start a new run from its config.",
        name=run.name,
        file=f"{run.last.name}/{NAME}",
    )


def cannot_resume(run: RunFolder, error: Exception) -> UserError:
    """The error of a saved state that does not fit the run's config."""
    return UserError(
        "The run {name} cannot be resumed.",
        "What it saved does not fit its config, or is damaged: {reason}.",
        "Start a new run from its config.",
        name=run.name,
        reason=documents.reason_of(error),
    )


def seed_everything(seed: int) -> None:
    """Seed the generators of Python, NumPy and torch."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def random_states() -> dict[str, Any]:
    """The generators that a step draws from; everything about a batch comes from its draws."""
    states: dict[str, Any] = {"torch": torch.get_rng_state()}
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state_all()
    return states


def restore_random(states: dict[str, Any]) -> None:
    """Put torch's generators, on processor and cards, back to where they were."""
    torch.set_rng_state(states["torch"])
    if "cuda" in states and torch.cuda.is_available() and len(states["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(states["cuda"])
