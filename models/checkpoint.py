"""A checkpoint is a folder without code: ``weights.safetensors`` and ``checkpoint.json``.

Everything needed to use it is in it: network, preprocessing, labels, figures, versions. It is written beside its
place and then renamed, so a kill leaves the old one or the new one, never half of one. Reading its description
(`read_info`) needs no torch. Foreign files that hold weights are opened by `load_foreign`, which runs no code.
"""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from models import documents, file_names, files
from models.errors import UserError, shortened
from models.model_folder import DESCRIPTION as DESCRIPTION
from models.model_folder import WEIGHTS as WEIGHTS
from models.model_folder import check_foreign
from models.weights import check_archive, check_described, tensors

if TYPE_CHECKING:
    import torch

FORMAT_VERSION = 1
MOST_PROGRAM = 64 * 2**20  # bytes of a pickle that are looked through for the names it calls

# What the preprocessing of a checkpoint may name. All of it changes how input is read: nothing of it is passed over.
PREPROCESSING = frozenset(
    [
        "front_end",
        "dimensions",
        "degree_scale",
        "excited_is_happy",
        "unsure_below",
        "window_s",
        "temperature",
        "signal",
        "channels",
        "subjects",
        "by",
        "tuned_to",
        "width",
        "target",
        "features",
        "stage",
        "encoder",
        "view",
        "tokenizer",
        "most_tokens",
        "words",
        "sample_rate",
        "loudness_db",
        "test_time_augmentation",
        "match_levels",
    ]
)

# One function a step: from the plain values of version n to those of n + 1.
MIGRATIONS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}


class CheckpointInfo(BaseModel):
    """``checkpoint.json``. `network` and `preprocessing` are the plain configs of the system's own classes."""

    model_config = ConfigDict(extra="allow")

    format_version: int = FORMAT_VERSION
    system: str
    title: str = ""
    network: dict[str, Any] = Field(default_factory=dict)
    preprocessing: dict[str, Any] = Field(default_factory=dict)
    labels: list[str] = Field(default_factory=list)
    metrics: dict[str, Any] = Field(default_factory=dict)
    card: str = ""  # Markdown, for people
    training: dict[str, Any] = Field(default_factory=dict)
    created: str = Field(default_factory=lambda: time.strftime("%Y-%m-%dT%H:%M:%S%z"))
    versions: dict[str, str] = Field(default_factory=lambda: versions())


def versions() -> dict[str, str]:
    """Of Python and of what computes, for the record."""
    result = {"python": platform.python_version()}
    for name in ("polyphony", "torch", "torchaudio", "transformers", "numpy"):
        try:
            result[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return result


def save(
    folder: Path, weights: dict[str, torch.Tensor], info: CheckpointInfo, beside: Path | None = None
) -> None:
    """Write the checkpoint `folder`, replacing what was there in one step.

    weights: state dict, any device; stored contiguous on the CPU, shared tensors once each.
    beside: a file that is moved in with it (what resuming needs).
    """
    from safetensors.torch import save_file

    folder = Path(folder)
    aside = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        save_file(
            {name: tensor.detach().cpu().contiguous().clone() for name, tensor in weights.items()},
            aside / WEIGHTS,
        )
        (aside / DESCRIPTION).write_text(info.model_dump_json(indent=2) + "\n", "utf-8")
        os.chmod(aside / WEIGHTS, 0o644)  # safetensors makes files for the owner alone
        if beside is not None:
            os.replace(beside, aside / beside.name.lstrip("."))
        replace_folder(aside, folder)
    except OSError as error:
        raise cannot_write(folder, error) from error
    except Exception as error:
        if "No space left" in str(error):  # safetensors wraps the system's error in its own
            raise cannot_write(folder, OSError(28, "No space left on device")) from error
        raise
    finally:
        if aside is not None:
            shutil.rmtree(aside, ignore_errors=True)


def replace_folder(new: Path, place: Path) -> None:
    """Put the folder `new` where `place` is. A kill in between leaves ``.NAME-old``, which `recover` puts back."""
    old = place.parent / f".{place.name}-old"
    shutil.rmtree(old, ignore_errors=True)
    os.chmod(new, 0o755)
    if place.exists():
        os.rename(place, old)
    os.rename(new, place)
    shutil.rmtree(old, ignore_errors=True)


def recover(place: Path) -> None:
    """Undo what a kill between the two renames of `replace_folder` left behind."""
    old = place.parent / f".{place.name}-old"
    if old.is_dir() and not place.exists():
        os.rename(old, place)


def read_info(folder: str | os.PathLike[str], system: str | None = None) -> CheckpointInfo:
    """The description of a checkpoint; raises UserError if there is none or it is of another system."""
    folder = Path(folder)
    recover(folder)
    if not folder.exists():
        raise UserError(
            "The checkpoint {path} was not found.",
            "It may have been moved or deleted.",
            "Choose another one.",
            path=folder,
        )
    if not os.path.lexists(folder / DESCRIPTION):
        raise UserError(
            "{path} is not a checkpoint.",
            "It has no checkpoint.json.",
            "Choose the folder that holds weights.safetensors and checkpoint.json; other files are brought in with import.",
            path=folder,
        )
    try:
        values = documents.read_json(folder / DESCRIPTION)
        if not isinstance(values, dict):
            raise ValueError("it should hold names and values")
        values = _migrated(values, folder)
        info = CheckpointInfo.model_validate(values)
    except (ValueError, TypeError, OverflowError) as error:
        reason = documents.reason_of(error)
        raise _damaged(folder, reason) from error
    except UserError as error:
        if error.values.get("known") == FORMAT_VERSION:  # of a newer version, which is not damage
            raise
        raise _damaged(folder, error.sentences()[1]) from error
    if system is not None and info.system != system:
        raise UserError(
            "This checkpoint is for {found}, not for {wanted}.",
            "{path} says so.",
            "Choose a checkpoint of {wanted}, or open this one in the tab it belongs to.",
            path=folder,
            found=info.system,
            wanted=system,
        )
    unknown = sorted(set(info.preprocessing) - PREPROCESSING)
    if unknown:
        raise UserError(
            "The checkpoint {path} reads its input in a way that is not known here.",
            "It names {settings}, which a newer version may have added.",
            "Update Polyphony, or choose another checkpoint.",
            path=file_names.shown(folder),
            settings=shortened(", ".join(unknown), 80),
        )
    if (folder / WEIGHTS).is_file():
        check_described(info.network, tensors(folder / WEIGHTS), file_names.shown(folder))
    return info


def _damaged(folder: Path, reason: str) -> UserError:
    return UserError(
        "The checkpoint {path} cannot be read.",
        "Its checkpoint.json is damaged: {reason}.",
        "Copy it again from where it came from.",
        path=folder,
        reason=shortened(reason).rstrip("."),
    )


def load(folder: str | os.PathLike[str], system: str) -> tuple[dict[str, torch.Tensor], CheckpointInfo]:
    """(weights on the CPU, description). Raises UserError for whatever is wrong with it."""
    info = read_info(folder, system)
    weights = load_weights(Path(folder) / WEIGHTS)
    check_finite(weights, file_names.shown(folder))
    return weights, info


def check_finite(weights: dict[str, torch.Tensor], title: str) -> None:
    """Raises UserError where a weight is no number: whatever a model gave then would look like an answer."""
    broken = next((name for name, weight in weights.items() if not weight.isfinite().all()), None)
    if broken is not None:
        raise UserError(
            "The weights of {title} hold values that are no numbers.",
            "The first are in {name}. Its training broke down, or the file is damaged.",
            "Choose another checkpoint, or copy it again.",
            title=title,
            name=shortened(broken, 80),
        )


def load_weights(path: Path) -> dict[str, torch.Tensor]:
    """A safetensors file as a state dict on the CPU."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not path.is_file():
        raise UserError(
            "{path} was not found.",
            "The checkpoint is not complete.",
            "Copy the whole folder again.",
            path=path,
        )
    tensors(path)
    try:
        return load_file(path)
    except MemoryError as error:
        raise files.no_memory(path) from error
    except (OSError, SafetensorError, ValueError, KeyError, TypeError, RuntimeError, AttributeError) as error:
        raise UserError(
            "The weights {path} cannot be read.",
            "The file is damaged, was not copied to its end, or is not in the safetensors format.",
            "Copy it again from where it came from.",
            path=file_names.shown(path),
        ) from error


def fit(network: torch.nn.Module, weights: dict[str, torch.Tensor]) -> None:
    """Load the weights into the network; raises UserError where the two are not made for each other."""
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise UserError(
            "The weights do not fit the network that the checkpoint describes.",
            "{reason}",
            "The folder was probably put together from two checkpoints; copy it again.",
            reason=shortened(error),
        ) from error


def load_foreign(path: str | os.PathLike[str]) -> Any:
    """What a ``.pt``, ``.pth``, ``.bin`` or ``.safetensors`` file of another program holds: tensors and plain values.

    Never runs code: a file that asks for any is refused.
    """
    import pickle

    import torch

    path = Path(path)
    check_foreign(path)
    if path.suffix == ".safetensors":
        return load_weights(path)
    check_archive(path)
    try:
        values = torch.load(path, map_location="cpu", weights_only=True)
        _check_held(values, path)
        return values
    except pickle.UnpicklingError as error:
        if not _asks_for_code(path):
            raise _not_weights(path) from error
        raise UserError(
            "{path} was not opened.",
            "It holds more than weights: opening it would run code that came with it.",
            "Ask its author for a safetensors file, or for a file with the state dict alone.",
            path=path,
        ) from error
    except UserError:
        raise
    except MemoryError as error:
        raise files.no_memory(path) from error
    except Exception as error:
        # A damaged pickle is a damaged program: its steps fail in every way.
        raise _not_weights(path) from error


def _check_held(values: Any, path: Path) -> None:
    """Raises UserError where tensors are views that repeat a few numbers, and would take any amount when they are copied."""
    import torch

    waiting, seen, total = [values], set(), 0
    while waiting:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, torch.Tensor):
            total += value.numel() * value.element_size()
        elif isinstance(value, dict):
            waiting += [*value.keys(), *value.values()]
        elif isinstance(value, list | tuple | set):
            waiting += value
    files.check_unpacked(path, total, path.stat().st_size)


def _asks_for_code(path: Path) -> bool:
    """Whether the pickle in the file names functions or classes to call; reads its opcodes and runs none."""
    import pickletools
    import zipfile

    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                name = next(name for name in archive.namelist() if name.endswith("data.pkl"))
                with archive.open(name) as file:
                    data = file.read(MOST_PROGRAM)
        else:
            with open(path, "rb") as file:
                data = file.read(MOST_PROGRAM)
        return any(
            op.name in {"GLOBAL", "STACK_GLOBAL", "INST", "EXT1", "EXT2", "EXT4"}
            for op, _, _ in pickletools.genops(data)
        )
    except Exception:  # damage, again of every kind
        return False


def _not_weights(path: Path) -> UserError:
    return UserError(
        "{path} holds no weights that can be read.",
        "It is damaged, or it is not a file of PyTorch.",
        "Copy it again, or choose another file.",
        path=path,
    )


def cannot_write(path: Path, error: OSError) -> UserError:
    """The error for a folder that cannot be written, a full disk told apart."""
    if error.errno == 28:
        return UserError(
            "There is no room left on the disk for {path}.",
            "What was saved before is still there.",
            "Free some space, or choose a folder on another disk, and go on.",
            path=path,
        )
    return UserError(
        "{path} cannot be written.",
        "{reason}.",
        "Choose a folder you may write to.",
        path=path,
        reason=error.strerror or str(error),
    )


def _migrated(values: dict[str, Any], folder: Path) -> dict[str, Any]:
    version = values.get("format_version", 1)
    if type(version) is not int or version < 1:
        raise ValueError("its format_version is no version")
    if version > FORMAT_VERSION:
        raise UserError(
            "The checkpoint {path} was written by a newer Polyphony.",
            "Its format is {version}; this one knows up to {known}.",
            "Update Polyphony.",
            path=folder,
            version=version,
            known=FORMAT_VERSION,
        )
    while version < FORMAT_VERSION:
        values = MIGRATIONS[version](values)
        version += 1
        values["format_version"] = version
    return values
