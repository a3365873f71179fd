"""One way to open a model, the same for every system.

A choice is ``bundled`` (or ``bundled-NAME`` for another one that ships), a checkpoint folder, a run folder (or a file in
either that is part of the model), a file of another program where the system can read it, or a model folder of Hugging Face's layout or a name on its hub where the
system can use one.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import numpy as np

from models import checkpoint, documents, file_names
from models.checkpoint import CheckpointInfo
from models.datafiles import write_whole
from models.errors import UserError, shortened
from models.hub import shelf
from models.hub.shelf import is_model_folder
from models.model_folder import FOLDING, folder_of, is_run, saved_in
from models.progress import Progress
from models.remarks import Remark
from models.resources import BUNDLED as BUNDLED
from models.resources import bundled_names as bundled_names
from models.resources import resource

if TYPE_CHECKING:
    import torch

FOREIGN_SUFFIXES = (".pt", ".pth", ".bin", ".ckpt", ".th", ".safetensors")

# What building a network from a description with impossible values may end in.
UNBUILDABLE = (
    TypeError,
    ValueError,
    LookupError,
    RuntimeError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    MemoryError,
)

Choice = str | os.PathLike[str]
Config = TypeVar("Config")


@dataclass(frozen=True)
class Opened:
    """A model as it lies on the disk. weights: state dict on the CPU, in the number format it was stored in."""

    weights: dict[str, torch.Tensor]
    info: CheckpointInfo
    remarks: tuple[Remark, ...] = field(default=())


Importer = Callable[[Any, str], Opened]  # (what `checkpoint.load_foreign` read, a title) → the same as ours


def checkpoint_folder(choice: Choice, system: str) -> Path:
    """The folder of a checkpoint: what ships under a name, the best or else the last of a run, or the folder itself.

    Raises UserError for an empty choice, and for a run that has saved nothing yet. Needs no torch.
    """
    text = os.fspath(choice)
    if not text.strip():
        raise UserError(
            "No model was chosen.", "", "Choose a checkpoint folder, or `bundled` for the one that ships."
        )
    if text == BUNDLED:
        return resource("checkpoints", system)
    if text.startswith(f"{BUNDLED}-") and not Path(text).exists():
        return _shipped(text.removeprefix(f"{BUNDLED}-"), system)
    place = folder_of(Path(text).expanduser())
    if not is_run(place):
        return place
    for name in ("best", "last"):
        checkpoint.recover(place / name)
    saved = saved_in(place)
    if saved is not None:
        return saved
    if (place / FOLDING).is_file():
        raise UserError(
            "{name} is a cross-validation.",
            "Each of its folds is a model, of all but those who were left out of it.",
            "Choose one of its folds, or train on everybody.",
            name=file_names.shown(place.name),
        )
    raise UserError(
        "The run {name} has saved no model yet.",
        "A model is saved at the end of the first epoch, and when the run is stopped.",
        "Wait for the first epoch, or choose another run.",
        name=place.name,
    )


def read_info(choice: Choice, system: str) -> CheckpointInfo:
    """The description of a chosen checkpoint. Raises UserError. Needs no torch."""
    return checkpoint.read_info(checkpoint_folder(choice, system), system)


def hub_model(choice: Choice) -> str | None:
    """The choice as `pretrained.locate` takes it, if it is a model folder of Hugging Face's layout or a name on the
    hub; None for anything else."""
    text = os.fspath(choice)
    place = Path(text).expanduser()
    if is_model_folder(place):
        return str(place)
    return text if is_hub_name(text) and not place.exists() else None


def is_hub_name(text: str) -> bool:
    """Whether it is written as names on the hub are: an owner, a slash, a model."""
    owner, slash, model = text.partition("/")
    return bool(slash and owner and model) and "/" not in model and not text.startswith((".", "~"))


def fetched_file(choice: Choice) -> Choice:
    """The file or the checkpoint of a model that was fetched or imported, where the choice is its name; else the choice."""
    text = os.fspath(choice)
    if not is_hub_name(text) or Path(text).exists():
        return choice
    path = shelf.usable(text)
    return choice if path is None or is_model_folder(path) else path


def is_foreign_file(choice: Choice) -> bool:
    """Whether the choice is a file that could hold weights of another program."""
    place = Path(os.fspath(choice)).expanduser()
    return place.suffix.lower() in FOREIGN_SUFFIXES and place.is_file() and folder_of(place) == place


def open_model(
    choice: Choice, system: str, importer: Importer | None = None, progress: Progress | None = None
) -> Opened:
    """Weights and description of a chosen model; importer: reads files of other programs, where the system can.

    Raises UserError for whatever is wrong with the choice.
    """
    choice = fetched_file(choice)
    name = Path(os.fspath(choice)).name
    (progress or Progress()).update(0, 1, "Opening {name}", name=name)
    if is_foreign_file(choice):
        if importer is None:
            raise UserError(
                "{name} is not a checkpoint.",
                "It is a single file, and this system reads no files of other programs.",
                "Choose the folder that holds weights.safetensors and checkpoint.json.",
                name=name,
            )
        place = Path(os.fspath(choice)).expanduser()
        opened = importer(checkpoint.load_foreign(place), place.stem)
        checkpoint.check_finite(opened.weights, file_names.shown(place.name))
        return opened
    weights, info = checkpoint.load(checkpoint_folder(choice, system), system)
    return Opened(weights, info)


def network_config(kind: type[Config], values: Mapping[str, Any], title: str = "") -> Config:
    """The network's config that a checkpoint describes, as the system's own dataclass.

    Raises UserError where it names a setting that is not known here, as one of a newer version may, or a value that the
    dataclass refuses.
    """
    known = {item.name for item in fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(values) - known)
    if unknown:
        raise UserError(
            "The checkpoint {title} describes a network that is not known here.",
            "It names {settings}, which a newer version may have added.",
            "Update Polyphony, or choose another checkpoint.",
            title=title,
            settings=", ".join(map(str, unknown[:5])),
        )
    hints = get_type_hints(kind)
    for name, value in values.items():
        if not _is_a(value, hints[name]):
            raise not_described(title, ValueError(f"{name} is {shortened(value, 40)}"))
    try:
        return kind(**values)
    except (TypeError, ValueError) as error:
        raise not_described(title, error) from error


def _is_a(value: object, hint: object) -> bool:
    """Whether a plain value is of the kind that a field of a config has; what is no simple kind is left to the config."""
    if get_origin(hint) is Literal:
        return value in get_args(hint) if isinstance(value, str | int | None) else False
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint in (int, str, bool):
        return type(value) is hint
    if get_origin(hint) in (tuple, list):
        return isinstance(value, list | tuple)
    return True


def write_state_dict(path: Path, weights: Mapping[str, torch.Tensor]) -> None:
    """Weights as other programs read them: a state dict of PyTorch, or by the suffix a ``.safetensors`` file."""
    import torch
    from safetensors.torch import save

    plain = {name: weight.detach().cpu().contiguous() for name, weight in weights.items()}
    if path.suffix == ".safetensors":
        write_whole(path, save(plain))
        return
    buffer = io.BytesIO()
    torch.save(plain, buffer)
    write_whole(path, buffer.getvalue())


def check_numbers(values: np.ndarray, title: str) -> np.ndarray:
    """Themselves. Raises UserError where a model gives no numbers, as half precision may that has gone over."""
    if not np.isfinite(values).all():
        raise UserError(
            "The model {name} gives values that are no numbers.",
            "Its weights are damaged, or its half precision does not suffice for this input.",
            "Copy the model again, or choose another one.",
            name=title,
        )
    return values


def not_described(title: str, error: Exception) -> UserError:
    """For a checkpoint whose description lacks what is needed, or holds a value that cannot be."""
    return UserError(
        "The checkpoint {title} does not say what it needs.",
        "Its checkpoint.json describes no network known here: {reason}.",
        "Copy it again from where it came from.",
        title=title,
        reason=documents.said_of(error),
    )


def _shipped(name: str, system: str) -> Path:
    folder = resource("checkpoints", f"{system}-{name}")
    if not (folder / checkpoint.DESCRIPTION).is_file():
        raise UserError(
            "No model called {choice} ships.",
            "",
            "Choose one of {known}, or a checkpoint folder.",
            choice=f"{BUNDLED}-{name}",
            known=", ".join(bundled_names(system)),
        )
    return folder
