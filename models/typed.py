"""Mistakes in what was typed that can be told before anything heavy is imported: the same errors, seconds earlier."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from models import systems
from models.errors import UserError, given_place
from models.presets import preset_file
from models.resources import BUNDLED

# Not every system offers these: whether this one does is told first, by the verb itself, for it takes the system's import.
NOT_ALL_OFFER = (
    "verbs:crossval",
    "verbs:learning_curve",
    "verbs:import_checkpoint",
    "verbs:export_checkpoint",
    "verbs:ensemble",
)


def check(options: argparse.Namespace) -> None:
    """Raises UserError for a system, a preset or a checkpoint that there is not."""
    system = getattr(options, "system", None)
    if system is not None and system not in systems.SYSTEMS:
        systems.system(system)
    if getattr(options, "run", "") in NOT_ALL_OFFER:
        return
    if system is not None and getattr(options, "preset", None) and not getattr(options, "config", None):
        preset_file(system, options.preset)
    choice = getattr(options, "checkpoint", None)
    if choice and _must_exist(choice):
        raise UserError(
            "The checkpoint {path} was not found.",
            "It may have been moved or deleted.",
            "Choose another one.",
            path=choice,
        )


def _must_exist(choice: str) -> bool:
    """Whether a choice can only be a place on this disk, and there is none."""
    place = Path(choice).expanduser()
    written_as_path = place.is_absolute() or choice.startswith(".") or choice.count("/") > 1
    return written_as_path and not choice.startswith(BUNDLED) and not place.exists()


def refuse_empty(typed: Sequence[str]) -> None:
    """Raises UserError for an empty word after a flag, as an unset variable of a shell gives it: it would stand for the
        current folder, or for the flag not having been typed. What stands without a flag is looked at by its verb; where sources
    of models are kept, an empty word takes one back."""
    if list(typed[:2]) == ["models", "where"]:
        return
    flag = ""
    for word in typed:
        name, equals, value = word.partition("=") if word.startswith("--") else (flag, "=", word)
        flag = name
        if flag and equals:
            given_place(value, flag)
