"""Paths that may be anything: remembered, typed, or read from a folder that somebody else wrote."""

from __future__ import annotations

from pathlib import Path


def exists(path: Path) -> bool:
    """Whether there is such a file or folder; False too where the system refuses the name (too long, a NUL in it)."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False
