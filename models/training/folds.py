"""A fold of a cross-validation, or a point of a learning curve, as a run folder of its own.

A fold that is done is not trained again, so that what was killed goes on; but only a fold of the identical recipe
counts as done. A folder with folds of another recipe is refused, and nothing in it is touched.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic

from models.documents import read_json
from models.progress import Cancelled
from models.settings import validated
from models.tables import write_json
from models.training import events
from models.training.config import TrainingConfig
from models.training.cross_validation import FOLD, SUMMARY, refuse_other_recipe
from models.training.run_folder import RunFolder
from models.training.task import Config, Task
from models.training.trainer import Trainer


@dataclass(frozen=True)
class Fold(Generic[Config]):
    """A fold: its name, where its run lies, and its recipe, in which the settings of the data say who is held out."""

    name: str
    place: Path
    config: Config


def with_data(config: Config, **settings: object) -> Config:
    """The recipe with these settings of its data instead. Raises UserError where they contradict it."""
    values = config.model_dump(mode="json")
    return validated(type(config), values | {"data": values["data"] | settings})


def on_data(config: Config, path: str | Path | None) -> Config:
    """The recipe on the data at `path`; on its own for None."""
    return config if path is None else with_data(config, path=str(path))


def folds_of(
    config: Config, folder: Path, held_out: Mapping[str, Mapping[str, object]]
) -> list[Fold[Config]]:
    """The folds of a cross-validation, each in a run folder under `folder`.

    held_out: by the fold's name the settings of the data that say who or what is held out in it.
    """
    return [
        Fold(name, folder / f"{FOLD}{name}", with_data(config, **settings))
        for name, settings in held_out.items()
    ]


def write_summary(folder: Path, result: Mapping[str, Any], config: TrainingConfig, by: str) -> dict[str, Any]:
    """``crossval.json`` in `folder`: the result with how the data was parted, where the folds lie, and their recipe."""
    whole = {**result, "by": by, "folder": str(folder), "recipe": config.model_dump(mode="json")}
    write_json(folder / SUMMARY, whole)
    return whole


def train_fold(
    place: Path,
    system: str,
    config: TrainingConfig,
    make_task: Callable[[Any], Task[Any]],
    device: str,
) -> RunFolder:
    """Train one fold in the folder `place`, or on from where it was, unless it is done.

    Raises UserError where the folder holds a run of another recipe, and where the training ends with a person's error;
    RuntimeError where it ends with an error of the program; Cancelled where it was stopped, so that nobody takes half a
    training for a fold: it goes on when it is asked for again.
    """
    run = RunFolder(place)
    values = config.model_dump(mode="json")
    if run.config_file.is_file():
        refuse_other_recipe(run, values)
    else:
        run = RunFolder.create(place, system, values)
    end = Trainer(make_task(config), run, device).train()
    if isinstance(end, events.Failed):
        if end.details:
            raise RuntimeError(end.details)
        raise end.error
    if end.reason == "stopped":
        raise Cancelled
    return run


def kept_result(place: Path, config: TrainingConfig, name: str) -> Any:
    """The plain values that a fold kept in its file `name` when it was done; None where it is not.

    Raises UserError where the folder holds a run of another recipe.
    """
    run = RunFolder(place)
    if run.config_file.is_file():
        refuse_other_recipe(run, config.model_dump(mode="json"))
    return read_json(place / name) if (place / name).is_file() else None
