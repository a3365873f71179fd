"""What models of others are on this machine: their folders, and what is known of each.

A model is a folder ``OWNER--NAME`` in the models folder. It counts once it holds the marker ``.complete``, which is written
last and says where its files came from, their sizes and their SHA-256.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from models import model_folder
from models.errors import UserError
from models.hub.catalogue import entries, entry
from models.hub.sources import stored
from models.progress import Progress

MARKER = ".complete"
PART = ".part"
WEIGHT_FILES = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
OURS = "checkpoint.json"
SINGLE_FILES = (".pt", ".pth", ".bin", ".ckpt", ".th", ".safetensors")
PIECE = 4 * 2**20  # bytes read at a time


@dataclass(frozen=True)
class KeptFile:
    """A file of a model as it arrived. sha256: of its contents, 64 hexadecimal digits."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Shelved:
    """A model on this machine. source: the address it came from, or ``import``; revision: the commit that was fetched;
    kept: when, seconds since 1970. Of a model in the cache of Hugging Face's own programs, `foreign` is true."""

    name: str
    folder: Path
    source: str = ""
    revision: str = ""
    licence: str = ""
    kept: float = 0.0
    files: tuple[KeptFile, ...] = field(default=())
    foreign: bool = False

    @property
    def size(self) -> int:
        """Bytes on the disk."""
        return sum(path.stat().st_size for path in files_in(self.folder))


def is_model_folder(folder: Path) -> bool:
    """Whether `folder` holds a model in the Hugging Face layout: a config and weights."""
    return (folder / "config.json").is_file() and any((folder / name).is_file() for name in WEIGHT_FILES)


def folder_of(name: str) -> Path:
    """Where a model of that name is kept, or would be."""
    return stored().models / name.replace("/", "--")


def find(name: str) -> Shelved | None:
    """A model that is kept here whole."""
    return read(folder_of(name)) if name.strip() else None


def usable(name: str) -> Path | None:
    """What a system opens of a model that is kept here: its folder, or its one file; None where there is neither."""
    model = find(name)
    return opened_by(model.name, model.folder) if model is not None else None


def opened_by(name: str, folder: Path) -> Path | None:
    """What a system opens of a model's folder."""
    if is_model_folder(folder) or (folder / OURS).is_file():
        return folder
    listed = entry(name)
    if listed is not None and listed.file and (folder / listed.file).is_file():
        return folder / listed.file
    single = [path for path in files_in(folder) if path.suffix.lower() in SINGLE_FILES]
    return single[0] if len(single) == 1 else None


def read(folder: Path) -> Shelved | None:
    """What is known of a folder that is complete. Of one whose marker says no more than a name, the files are unknown."""
    try:
        text = (folder / MARKER).read_text("utf-8")
    except (OSError, ValueError):
        return None
    name = folder.name.replace("--", "/", 1)
    try:
        values = json.loads(text)
        files = tuple(KeptFile(**item) for item in values.pop("files"))
        return Shelved(**{**values, "folder": folder, "files": files, "name": values.get("name", name)})
    except (ValueError, TypeError, KeyError, AttributeError):
        return Shelved(name, folder)


def mark_complete(model: Shelved) -> None:
    """Write the marker, which makes the folder count."""
    from models.writing import write_whole

    values = {key: value for key, value in asdict(model).items() if key not in ("folder", "foreign")}
    write_whole(model.folder / MARKER, json.dumps(values, indent=1) + "\n")


def installed() -> list[Shelved]:
    """All that are kept here, by name; after them what lies in the cache of Hugging Face's own programs."""
    try:
        folders = sorted(path for path in stored().models.iterdir() if path.is_dir())
    except OSError:
        folders = []
    own = [model_here for folder in folders if (model_here := read(folder)) is not None]
    names = {model.name for model in own}
    return [*own, *(model for model in in_hub_cache() if model.name not in names)]


def kept_names(system: str) -> list[str]:
    """The models of the list that are here and that a system can use."""
    return [item.name for item in entries() if item.system == system and find(item.name) is not None]


def in_hub_cache() -> list[Shelved]:
    """Models in the cache that Hugging Face's own programs keep; found by its layout, so that nothing is imported."""
    root = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface") / "hub"
    root = Path(os.environ.get("HF_HUB_CACHE") or root)
    result = []
    for snapshots in sorted(root.glob("models--*/snapshots")):
        folders = [folder for folder in snapshots.iterdir() if folder.is_dir()]
        name = snapshots.parent.name.removeprefix("models--").replace("--", "/", 1)
        whole = [folder for folder in folders if opened_by(name, folder) is not None]
        if whole:
            newest = max(whole, key=lambda folder: folder.stat().st_mtime)
            kept = newest.stat().st_mtime
            result.append(Shelved(name, newest, "Hugging Face", newest.name, kept=kept, foreign=True))
    return result


def problems(model: Shelved, progress: Progress | None = None) -> list[tuple[str, str]]:
    """Files that are not as they arrived: (file, ``missing``, ``size`` or ``contents``). None: all is well."""
    progress = progress or Progress()
    total = sum(item.size for item in model.files) or 1
    result, done = [], 0
    for item in model.files:
        progress.update(done, total, "Checking {name}", name=item.path)
        place = model.folder / item.path
        if not place.is_file():
            result.append((item.path, "missing"))
        elif place.stat().st_size != item.size:
            result.append((item.path, "size"))
        elif digest_of(place, progress, done, total) != item.sha256:
            result.append((item.path, "contents"))
        done += item.size
    return result


def remove(name: str) -> int:
    """Delete a model, or what has come of one; returns how many bytes that freed. Raises UserError."""
    folder = folder_of(name)
    model = read(folder)
    if not folder.is_dir() or folder.parent != stored().models:
        raise UserError(
            "There is no model {name} here.",
            "",
            "`python -m models models list` names those that are.",
            name=name,
        )
    size = (model or Shelved(name, folder)).size
    try:
        (folder / MARKER).unlink(missing_ok=True)  # first, so that a half-deleted model does not count
        shutil.rmtree(folder)
    except OSError as error:
        raise UserError(
            "{name} could not be deleted.",
            "{reason}.",
            "Close what uses it, and try again.",
            name=name,
            reason=error.strerror or str(error),
        ) from error
    return size


def name_for(path: Path) -> str:
    """What an imported folder or file is called unless another name is given: ``import/NAME``."""
    stem = path.stem if path.is_file() else path.resolve().name
    plain = "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in stem).strip("-.")
    return f"import/{plain or 'model'}"


def bring_in(path: Path, name: str = "", progress: Progress | None = None) -> Shelved:
    """Copy a model from a folder or a file of this machine. Raises UserError for what is no model, Cancelled.

    A folder is one of Hugging Face's layout, a checkpoint of ours, a run with one, or one that holds a single file of weights.
    """
    path = model_folder.folder_of(path.expanduser())
    name = name or name_for(path)
    sources = _importable(model_folder.saved_in(path) or path, name)
    for file in sources.values():
        _check_weights(file, alone=len(sources) == 1)
    folder = folder_of(name)
    if read(folder) is not None:
        raise UserError(
            "There is a model called {name} already.", "", "Remove it first, or give another name.", name=name
        )
    aside = folder.with_name(f".{folder.name}{PART}")
    shutil.rmtree(aside, ignore_errors=True)
    try:
        aside.mkdir(parents=True)
        kept = tuple(_copied(sources, aside, progress or Progress()))
        mark_complete(Shelved(name, aside, "import", kept=time.time(), files=kept))
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(aside, folder)
    except OSError as error:
        raise cannot_keep(name, error) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return read(folder) or Shelved(name, folder)


def cannot_keep(name: str, error: OSError) -> UserError:
    """For a disk that is full or cannot be written."""
    return UserError(
        "{name} cannot be kept on this disk.",
        "{reason}.",
        "Free some space or choose another models folder, then try again: what has come is kept.",
        name=name,
        reason=(error.strerror or str(error)).rstrip("."),
    )


def digest_of(path: Path, progress: Progress | None = None, done: float = 0, total: float = 0) -> str:
    """SHA-256 of a file's contents. Raises OSError, Cancelled."""
    hasher = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(PIECE):
            hasher.update(piece)
            if progress is not None:
                progress.update(done + file.tell(), total, "Checking {name}", name=path.name)
    return hasher.hexdigest()


def files_in(folder: Path) -> list[Path]:
    """The files of a model's folder, without its marker, its lock and what has come in part."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return [path for path in paths if not path.name.startswith(".") and path.suffix != PART]


def _importable(path: Path, name: str) -> dict[str, Path]:
    """The files to copy by the names they get."""
    owner, _, model = name.partition("/")
    if not owner or not model or "/" in model or "--" in owner or owner.startswith("."):
        raise UserError(
            "{name} cannot be the name of a model.",
            "",
            "Write it as an owner, a slash and a model.",
            name=name,
        )
    if path.is_file() and path.suffix.lower() in SINGLE_FILES:
        return {path.name: path}
    if path.is_dir() and opened_by(name, path) is not None:
        return {str(file.relative_to(path)): file for file in files_in(path)}
    raise UserError(
        "{path} holds no model.",
        "A model is a folder with config.json and weights, a checkpoint of ours, a run that has saved one, or one file of weights ({kinds}).",
        "Choose such a folder or file.",
        path=str(path),
        kinds=", ".join(SINGLE_FILES),
    )


def _check_weights(path: Path, alone: bool) -> None:
    """Raises UserError for a file of weights that no system could open: a damaged one, or what only bears such a name.

    alone: it is all there is of the model, and is read whole; of others, what tells their contents is read.
    """
    from models import checkpoint, weights

    if path.suffix.lower() not in SINGLE_FILES:
        return
    if path.suffix.lower() == ".safetensors":
        weights.tensors(path)
    elif alone:
        checkpoint.load_foreign(path)
    else:
        weights.check_archive(path)


def _copied(sources: dict[str, Path], folder: Path, progress: Progress) -> Iterator[KeptFile]:
    total, done = sum(path.stat().st_size for path in sources.values()) or 1, 0
    for name, path in sources.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        hasher = hashlib.sha256()
        with open(path, "rb") as source, open(place, "wb") as target:
            while piece := source.read(PIECE):
                hasher.update(piece)
                target.write(piece)
                done += len(piece)
                progress.update(done, total, "Copying {name}", name=name)
        yield KeptFile(name, place.stat().st_size, hasher.hexdigest())
