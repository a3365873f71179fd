"""The file of a workspace, ``NAME.polyphony``. No Qt.

It is a ZIP archive. ``workspace.json`` says which tab is in front and what each tab remembers; results that took
long, such as separated tracks, lie beside it under ``files/``, stored as they are. What a person brought stays where it
is and is named by its place, absolute and as seen from the workspace, so that both can be moved together.

Nothing in such a file is trusted: members are read by the names that the description gives, and written to folders and
names of ours; they are not compressed, so that no file becomes larger than the archive.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from app.paths import exists, is_shipped
from app.states import State, paths_in, with_paths
from models.errors import UserError
from models.file_names import utf8
from models.progress import Progress
from models.resources import home, resource
from models.writing import UMASK

FORMAT = 1
DESCRIPTION = "workspace.json"
LARGEST_DESCRIPTION = 32 * 2**20  # bytes
BLOCK = 4 * 2**20  # bytes that are copied at a time
WHERE, NEAR, OURS, KEPT = "$path", "$near", "$ours", "$kept"
MEMBER = re.compile(r"files/[0-9]{1,6}/[^/\\\x00]{1,255}")
UNREADABLE = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    EOFError,
    RuntimeError,
    NotImplementedError,
    ValueError,
)


@dataclass(frozen=True)
class Contents:
    """front: the tab in front. states: of every tab, by its system; files in them are `Path`."""

    front: str = ""
    states: dict[str, State] = field(default_factory=dict)

    def paths(self) -> list[Path]:
        """Every file and folder that is named."""
        return paths_in(self.states)

    def missing(self) -> list[Path]:
        """Files and folders that are named, and are not there."""
        return [path for path in self.paths() if not exists(path)]


def kept_folder() -> Path:
    """Where the results of workspaces lie while they are open."""
    return home() / "workspaces"


def is_result(path: Path) -> bool:
    """Whether it was made here, and lies where only Polyphony looks after it."""
    return any(path.is_relative_to(place) for place in (home() / "separated", kept_folder()))


# Writing --------------------------------------------------------------------------------------------------


def write(path: Path, contents: Contents, progress: Progress) -> None:
    """Write it aside, then put it in its place. Raises UserError where that cannot be done, Cancelled; what was there stays."""
    members: dict[Path, str] = {}
    for item in contents.paths():
        if is_result(item) and item.is_file():
            members[item] = f"files/{len(members) + 1}/{utf8(item.name).decode()}"
    folder = path.parent.resolve()
    described = {
        "format": FORMAT,
        "front": contents.front,
        "tabs": with_paths(contents.states, lambda item: _named(item, members, folder)),
    }
    aside = ""
    try:
        number, aside = tempfile.mkstemp(prefix=f".{path.name[:40]}-", dir=path.parent)
        with os.fdopen(number, "wb") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
                archive.writestr(DESCRIPTION, json.dumps(described, indent=1))
                _add(archive, members, progress)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(aside, 0o666 & ~UMASK)
        os.replace(aside, path)
    except (OSError, ValueError) as error:
        raise UserError(
            "{name} could not be written.",
            "{reason}",
            "Choose another folder, or free some space.",
            name=path.name,
            reason=f"{getattr(error, 'strerror', None) or error}.",
        ) from error
    finally:
        with contextlib.suppress(OSError):
            os.unlink(aside)


def _named(path: Path, members: Mapping[Path, str], folder: Path) -> dict[str, str]:
    if path in members:
        return {KEPT: members[path]}
    if is_shipped(path):
        return {OURS: path.relative_to(resource()).as_posix()}
    named = {WHERE: str(path)}
    with contextlib.suppress(ValueError):  # on another drive
        named[NEAR] = Path(os.path.relpath(path, folder)).as_posix()
    return named


def _add(archive: zipfile.ZipFile, members: Mapping[Path, str], progress: Progress) -> None:
    total = sum(path.stat().st_size for path in members)
    done = 0
    for path, name in members.items():
        with path.open("rb") as source, archive.open(name, "w", force_zip64=True) as target:
            while block := source.read(BLOCK):
                target.write(block)
                done += len(block)
                progress.update(done, total, "Saving the workspace")


# Reading --------------------------------------------------------------------------------------------------


def read(path: Path, progress: Progress) -> Contents:
    """What a workspace holds; its results are put into a folder of ours. Raises UserError for what is none, Cancelled."""
    try:
        with zipfile.ZipFile(path) as archive:
            described = _description(archive, path)
            states = described["tabs"]
            assert isinstance(states, dict)
            kept = _extracted(archive, path, sorted(_members(states)), progress)
            contents = {
                str(name): {str(key): _found(value, kept, path.parent) for key, value in state.items()}
                for name, state in states.items()
            }
    except OSError as error:
        raise UserError(
            "{name} cannot be opened.",
            "{reason}",
            "See whether it is still there, and may be read.",
            name=path.name,
            reason=f"{error.strerror or error}.",
        ) from error
    except UNREADABLE as error:
        raise _damaged(path) from error
    front = described.get("front")
    return Contents(front if isinstance(front, str) else "", contents)


def _description(archive: zipfile.ZipFile, path: Path) -> dict[str, object]:
    """Raises UserError where it is not that of a workspace, or of a version that is newer than this program."""
    try:
        member = archive.getinfo(DESCRIPTION)
    except KeyError:
        raise UserError(
            "{name} is no workspace.",
            "It is an archive of something else.",
            "Choose a file that was saved by File › Workspace.",
            name=path.name,
        ) from None
    if member.file_size > LARGEST_DESCRIPTION:
        raise _damaged(path)
    try:
        described = json.loads(archive.read(member))
    except RecursionError:
        raise _damaged(path) from None
    number = described.get("format") if isinstance(described, dict) else None
    if isinstance(number, int) and number > FORMAT:
        raise UserError(
            "{name} was saved by a newer Polyphony.",
            "It has format {number}; this one reads up to {known}.",
            "Install the newer version to open it. The file was not changed.",
            name=path.name,
            number=number,
            known=FORMAT,
        )
    tabs = described.get("tabs") if isinstance(described, dict) else None
    whole = isinstance(tabs, dict) and all(isinstance(state, dict) for state in tabs.values())
    if number != FORMAT or not whole:
        raise _damaged(path)
    return dict(described)


def _members(value: object) -> set[str]:
    """The names of all results that a description speaks of."""
    if isinstance(value, dict):
        own = {value[KEPT]} if isinstance(value.get(KEPT), str) else set()
        return own.union(*(_members(item) for item in value.values()))
    return set().union(*(_members(item) for item in value)) if isinstance(value, list) else set()


def _extracted(archive: zipfile.ZipFile, path: Path, names: list[str], progress: Progress) -> dict[str, Path]:
    """The results, each in a folder of its own; those of a workspace that was open before are there already."""
    members = []
    for name in names:
        try:
            member = archive.getinfo(name)
        except KeyError:
            raise _damaged(path) from None
        if not MEMBER.fullmatch(name) or member.is_dir() or member.compress_type != zipfile.ZIP_STORED:
            raise _damaged(path)
        members.append(member)
    if not members:
        return {}
    recipe = "\n".join(f"{item.filename} {item.CRC} {item.file_size}" for item in members)
    place = kept_folder() / hashlib.sha256(recipe.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    targets = {item.filename: Path(str(number), _safe(item.filename)) for number, item in enumerate(members)}
    if not place.is_dir():
        kept_folder().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".opening-", dir=kept_folder()) as aside:
            whole, done = Path(aside, "files"), 0
            for member in members:
                target = whole / targets[member.filename]
                target.parent.mkdir(parents=True)
                with archive.open(member) as source, target.open("wb") as file:
                    while block := source.read(BLOCK):
                        file.write(block)
                        done += len(block)
                        progress.update(
                            done, sum(item.file_size for item in members), "Opening the workspace"
                        )
            os.replace(whole, place)
    return {name: place / target for name, target in targets.items()}


def _safe(name: str) -> str:
    """The last part of a member's name, as a file's name that every system takes."""
    last = re.sub(r'[<>:"|?*\x00-\x1f]', "_", name.rpartition("/")[2]).strip(". ")
    return last[-120:] or "file"


def _found(value: object, kept: Mapping[str, Path], folder: Path) -> object:
    """With paths in the place of what names them: where a file is, or else where it is seen from the workspace."""
    if isinstance(value, list):
        return [_found(item, kept, folder) for item in value]
    if not isinstance(value, dict):
        return value
    if isinstance(value.get(KEPT), str):
        return kept[value[KEPT]]
    if isinstance(value.get(OURS), str):
        parts = PurePosixPath(value[OURS]).parts
        if ".." in parts or PurePosixPath(value[OURS]).is_absolute():
            raise ValueError("it names a file outside of Polyphony")
        return resource(*parts)
    if isinstance(value.get(WHERE), str):
        there, near = Path(value[WHERE]), value.get(NEAR)
        if not exists(there) and isinstance(near, str):
            beside = Path(os.path.normpath(folder / near))
            return beside if exists(beside) else there
        return there
    return {key: _found(item, kept, folder) for key, item in value.items()}


def _damaged(path: Path) -> UserError:
    return UserError(
        "{name} is damaged, or no workspace.",
        "It was cut off or changed, or another program made it.",
        "Open another copy of it. Nothing that is open was changed.",
        name=path.name,
    )


# What lies about ------------------------------------------------------------------------------------------


def sweep(wanted: Contents) -> None:
    """Remove results of workspaces that are not open any more; they are in their files."""
    needed = {path for path in wanted.paths() if path.is_relative_to(kept_folder())}
    for folder in kept_folder().iterdir() if kept_folder().is_dir() else ():
        if not any(path.is_relative_to(folder) for path in needed):
            shutil.rmtree(folder, ignore_errors=True)
