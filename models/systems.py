"""The one table of systems. A system's modules are loaded when it is asked for, and not before."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from models.errors import UserError
from models.progress import Progress
from models.resources import BUNDLED

if TYPE_CHECKING:
    from models.contract import System, UsableModel
    from models.loading import Choice
    from models.training.config import TrainingConfig
    from models.training.task import Task

# name → the package whose module ``system`` holds its `contract.System`
SYSTEMS: dict[str, str] = {
    "emotion": "models.emotion",
    "separation": "models.separation",
    "reverberation": "models.reverberation",
    "eeg": "models.eeg",
    "search": "models.search",
}


def system(name: str) -> System:
    """A system by its name. Imports its settings, no torch. Raises UserError for a name there is not."""
    if name not in SYSTEMS:
        raise UserError(
            "There is no system called {name}.",
            "",
            "Systems are: {known}.",
            name=name,
            known=", ".join(SYSTEMS),
        )
    result: System = importlib.import_module(f"{SYSTEMS[name]}.system").SYSTEM
    return result


def training_config(name: str) -> type[TrainingConfig]:
    """The class of a system's training config; imports no torch."""
    return system(name).config


def task(name: str, config: TrainingConfig) -> Task[Any]:
    """The training task of a system. Imports torch."""
    return system(name).capabilities.task(config)


def load(
    name: str, choice: Choice = BUNDLED, device: str = "auto", progress: Progress | None = None
) -> UsableModel:
    """A model of a system, ready for use. Imports torch. Raises UserError, Cancelled."""
    return system(name).capabilities.load(choice, device, progress)
