"""Where things lie: what we ship, and what belongs to the person at the machine."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def resource(*parts: str) -> Path:
    """A file or folder that ships with Polyphony; the same in the source tree, a wheel, a frozen program."""
    frozen = getattr(sys, "_MEIPASS", None)
    root = Path(frozen) if frozen else Path(__file__).resolve().parent.parent
    return root.joinpath("resources", *parts)


def home() -> Path:
    """The person's folder: training runs, downloaded models, caches. ``POLYPHONY_HOME`` moves it."""
    return Path(os.environ.get("POLYPHONY_HOME") or Path.home() / "Polyphony")


def runs_folder() -> Path:
    return home() / "runs"


def models_folder() -> Path:
    return home() / "models"


def cache_folder() -> Path:
    return home() / "cache"
