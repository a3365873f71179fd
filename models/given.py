"""What a person gives `use`: inputs, of which some may be unusable, and a place for the result. Told before a model is opened."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from models import file_names
from models.contract import Paths
from models.errors import UserError
from models.model_folder import DESCRIPTION
from models.remarks import Skipped

SAMPLE = "sample"


def with_sample(inputs: Paths, sample: Paths) -> list[str | Path]:
    """The inputs, the word ``sample`` as what ships, unless a file is called so."""
    result: list[str | Path] = []
    for item in inputs:
        result += sample if str(item) == SAMPLE and not os.path.exists(item) else [item]
    return result


def check_result_file(out: str | os.PathLike[str]) -> None:
    """Raises UserError where no file can be written: a folder is there, or a file where a folder should be."""
    place = Path(out)
    if place.is_dir():
        raise UserError(
            "{name} is a folder.",
            "The result is one file.",
            "Name a file, in this folder or elsewhere.",
            name=file_names.shown(place),
        )
    check_result_folder(place.parent)


def check_result_folder(out: str | os.PathLike[str]) -> None:
    """Raises UserError where no folder can be made or written in."""
    place = Path(out).absolute()
    there = next((item for item in (place, *place.parents) if item.exists()), place)
    if not there.is_dir():
        raise UserError(
            "{name} is a file.",
            "The result needs a folder there.",
            "Name another folder.",
            name=file_names.shown(there),
        )
    if not os.access(there, os.W_OK | os.X_OK):
        raise UserError(
            "Nothing can be written to {name}.",
            "You may not write to this folder.",
            "Choose a folder you may write to.",
            name=file_names.shown(there),
        )


def check_checkpoint_folder(out: str | os.PathLike[str]) -> None:
    """Raises UserError where no checkpoint can be written, or something else lies there: it would be replaced."""
    check_result_folder(out)
    place = Path(out)
    if place.is_dir() and not (place / DESCRIPTION).is_file() and any(place.iterdir()):
        raise UserError(
            "{name} is not empty.",
            "A checkpoint takes a folder of its own, and would replace what is there.",
            "Name a new folder.",
            name=file_names.shown(place),
        )


def none_usable(skipped: Sequence[Skipped]) -> UserError:
    """The error where no input could be used: of one input its own, of several that of the first, with their number."""
    first = skipped[0]
    if len(skipped) == 1 and first.error is not None:
        return first.error
    return UserError(
        "None of the {count} files could be used.",
        "The first: {reason}",
        "Choose other files.",
        count=len(skipped),
        reason=first.reason,
    )


def say_skipped(item: Skipped, inputs: int) -> None:
    """Print why one of several inputs is left out; of a single one the error says it."""
    if inputs > 1:
        print(f"Skipped: {item.reason}")


def counted(count: int, singular: str) -> str:
    """A number with its noun: ``1 file``, ``2 files``."""
    return f"{count} {singular}" + ("" if count == 1 else "s")
