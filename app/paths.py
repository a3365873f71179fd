"""Paths that may be anything: remembered, typed, or read from a folder that somebody else wrote."""

from __future__ import annotations

from pathlib import Path

from models.resources import resource

WORKSPACE = ".polyphony"


def is_workspace(path: Path) -> bool:
    """Whether it is called like one."""
    return path.suffix.lower() == WORKSPACE


def exists(path: Path) -> bool:
    """Whether there is such a file or folder; False too where the system refuses the name (too long, a NUL in it)."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def is_shipped(path: Path) -> bool:
    """Whether it comes with Polyphony."""
    return path.is_relative_to(resource())


def path_or_name(text: str) -> Path | str:
    """What names a file or folder as a path; any other name as it is."""
    path = Path(text)
    return path if path.is_absolute() else text
