"""The runs that lie in a folder, and a name for the next."""

from __future__ import annotations

import re
import time
from pathlib import Path

from models.training.cross_validation import folds_in, is_cross_validation
from models.training.run_folder import RunFolder, modified


def list_runs(folder: Path) -> list[RunFolder]:
    """Every run directly below `folder`, newest first; behind a cross-validation its folds, in their order."""
    try:
        result = [RunFolder(entry) for entry in folder.iterdir() if _is_file(entry / "config.yaml")]
    except OSError:
        return []
    listed: list[RunFolder] = []
    for run in sorted(result, key=lambda run: modified(run.config_file), reverse=True):
        listed.append(run)
        if is_cross_validation(run):
            listed += folds_in(run)
    return listed


def new_run_path(folder: Path, system: str, preset: str = "") -> Path:
    """A free name such as ``runs/emotion-default-1121-0930``."""
    words = "-".join(filter(None, [system, re.sub(r"[^\w-]+", "-", preset), time.strftime("%m%d-%H%M")]))
    path = folder / words
    number = 2
    while path.exists():
        path = folder / f"{words}-{number}"
        number += 1
    return path


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # one folder that may not be looked into hides no other
        return False
