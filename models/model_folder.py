"""Which files are a model of this program: those of a checkpoint, and those of the run that trained it."""

from __future__ import annotations

from pathlib import Path

from models import file_names
from models.errors import UserError

WEIGHTS, DESCRIPTION = "weights.safetensors", "checkpoint.json"
FOLDING = "folds.json"  # says of a run that it is a cross-validation, and of what


def folder_of(place: Path) -> Path:
    """The folder that a file of a checkpoint or of a run stands for, such as its weights; else the place itself."""
    beside = {WEIGHTS: DESCRIPTION, DESCRIPTION: DESCRIPTION, "config.yaml": "events.jsonl"}.get(place.name)
    if beside is not None and place.is_file() and (place.parent / beside).is_file():
        return place.parent
    return place


def check_foreign(path: Path) -> None:
    """Raises UserError where there is no such file, and for what needs no import: a folder, or a file of our own models."""
    if path.is_dir():
        raise UserError(
            "{name} is a folder.",
            "What is brought in is a file with the weights of another program; a checkpoint or a run needs no import.",
            "Choose such a file, or name the folder where a model is asked for.",
            name=file_names.shown(path.name),
        )
    if not path.is_file():
        raise UserError("{path} was not found.", "", "Choose the file again.", path=path)
    if folder_of(path) != path:
        raise UserError(
            "{name} belongs to a model of Polyphony.",
            "It needs no import.",
            "Name its folder where a model is asked for: {folder}.",
            name=file_names.shown(path.name),
            folder=file_names.shown(folder_of(path)),
        )


def is_run(folder: Path) -> bool:
    """Whether the folder is one that a training run writes, with checkpoints in it."""
    return (folder / "config.yaml").is_file() and not (folder / DESCRIPTION).is_file()


def saved_in(run: Path) -> Path | None:
    """The best or else the last checkpoint of a run folder; None where there is none, or the folder is no run."""
    if not is_run(run):
        return None
    return next((run / name for name in ("best", "last") if (run / name / DESCRIPTION).is_file()), None)
