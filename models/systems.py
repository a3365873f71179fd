"""The five systems by name. A system's modules are loaded when asked for, and not before."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.errors import UserError
from models.resources import resource
from models.training.config import TrainingConfig


@dataclass(frozen=True)
class System:
    """A system and where its parts are: `config` (no torch), `task` and `commands` of its package."""

    name: str
    title: str

    def part(self, name: str) -> Any:
        """One module of the system."""
        return importlib.import_module(f"models.{self.name}.{name}")


SYSTEMS = {
    system.name: system
    for system in (
        System("emotion", "Emotion"),
        System("separation", "Separation"),
        System("reverberation", "ReverberationNet"),
        System("eeg", "EEG"),
        System("search", "Search"),
    )
}


def system(name: str) -> System:
    if name not in SYSTEMS:
        raise UserError(
            "There is no system called {name}.",
            "",
            "Systems are: {known}.",
            name=name,
            known=", ".join(SYSTEMS),
        )
    return SYSTEMS[name]


def training_config(name: str) -> type[TrainingConfig]:
    """The class of a system's training config; imports no torch."""
    return system(name).part("config").CONFIG


def task(name: str, config: TrainingConfig) -> Any:
    """The training task of a system. Imports torch."""
    return system(name).part("task").TASK(config)


def bundled_checkpoint(name: str) -> Path:
    return resource("checkpoints", name)


def checkpoint_path(name: str, choice: str) -> Path | str:
    """`choice` as a folder; ``bundled`` names the one that ships."""
    return bundled_checkpoint(name) if choice == "bundled" else choice


_USERS = {
    "emotion": ("recognizer", "Recognizer"),
    "separation": ("separator", "Separator"),
    "reverberation": ("observer", "Observer"),
    "eeg": ("decoder", "Decoder"),
    "search": ("searcher", "Searcher"),
}


def load(name: str, choice: str | Path, device: str = "auto", progress: Any = None) -> Any:
    """A model of a system, ready for use. Imports torch. Raises UserError, Cancelled."""
    module, user = _USERS[name]
    return getattr(system(name).part(module), user).load(choice, device, progress)
