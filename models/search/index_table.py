"""The table of an index: what it holds, and how its rows become items."""

from __future__ import annotations

import json
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from models.errors import UserError
from models.files import shortened
from models.writing import UMASK

TABLE = "index.sqlite"
_MOST_IN_LIST = 500  # values of one SQL statement

SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE roots (id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE);
CREATE TABLE items (
    id INTEGER PRIMARY KEY AUTOINCREMENT, root INTEGER NOT NULL, path TEXT NOT NULL, size INTEGER NOT NULL,
    modified_ns INTEGER NOT NULL, slot INTEGER, problem TEXT NOT NULL DEFAULT '', captions TEXT NOT NULL DEFAULT '[]',
    attribution TEXT NOT NULL DEFAULT '', UNIQUE (root, path));
CREATE TABLE captions (id INTEGER PRIMARY KEY, item INTEGER NOT NULL, text TEXT NOT NULL, slot INTEGER NOT NULL);
CREATE INDEX captions_of ON captions (item);
"""


@dataclass(frozen=True)
class Identity:
    """Which model made the codes. encoder, hasher: hashes of what computes; the titles are for people."""

    encoder: str
    hasher: str
    bits: int
    dim: int
    encoder_title: str = ""
    hasher_title: str = ""

    @classmethod
    def parsed(cls, text: str) -> Identity:
        """From JSON, checked. Raises ValueError."""
        return cls(**_Identity.model_validate_json(text).model_dump())


class _Identity(BaseModel):
    """As it is stored. bits, dim: bounded, since memory is taken by them."""

    model_config = ConfigDict(extra="ignore", strict=True)
    encoder: str
    hasher: str
    bits: int = Field(ge=8, le=65_536, multiple_of=8)
    dim: int = Field(ge=1, le=1_000_000)
    encoder_title: str = ""
    hasher_title: str = ""


@dataclass(frozen=True)
class IndexedItem:
    """A picture of the index. problem: why it could not be read, else ""."""

    id: int
    path: Path
    captions: tuple[str, ...]
    attribution: str
    size: int
    modified_ns: int
    problem: str = ""


@dataclass(frozen=True)
class NewItem:
    """What is told of a file that enters the index; the path is relative to its root."""

    path: str
    size: int
    modified_ns: int
    captions: tuple[str, ...] = ()
    attribution: str = ""
    problem: str = ""


SELECT = "SELECT id, root, path, captions, attribution, size, modified_ns, problem FROM items"


def item_of(row: tuple, roots: dict[int, Path]) -> IndexedItem:
    """A row of `SELECT` as an item. roots: number → folder."""
    number, root, path, captions, attribution, size, modified, problem = row
    return IndexedItem(
        number, roots[root] / path, tuple(json.loads(captions)), attribution, size, modified, problem
    )


def connected(folder: Path, read_only: bool) -> sqlite3.Connection:
    """The table of an index; one that may not be written is opened so that nothing beside it is, either."""
    uri = (folder / TABLE).resolve().as_uri() + ("?mode=ro&immutable=1" if read_only else "")
    return sqlite3.connect(uri, uri=True, timeout=30, check_same_thread=False, isolation_level=None)


def some(values: list) -> Iterator[list]:
    """The values in portions that fit into one statement."""
    for start in range(0, len(values), _MOST_IN_LIST):
        yield values[start : start + _MOST_IN_LIST]


def marks(values: list) -> str:
    """As many question marks, for an ``IN``."""
    return ",".join("?" * len(values))


def is_blank(folder: Path) -> bool:
    """Whether there is no table in the folder, or only the empty beginning of one, as a full disk leaves it."""
    place = folder / TABLE
    return not place.exists() or (place.is_file() and not place.stat().st_size)


def made_aside(folder: Path, meta: dict[str, str]) -> None:
    """A new table, written beside its place and then renamed: there is a whole one or none. Raises OSError, sqlite3.Error."""
    number, name = tempfile.mkstemp(prefix=f".{TABLE}-", dir=folder)
    os.close(number)
    aside = Path(name)
    try:
        base = sqlite3.connect(aside, isolation_level=None)
        try:
            base.execute("BEGIN")
            for statement in SCHEMA.strip().split(";")[:-1]:
                base.execute(statement)
            base.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
            base.execute("COMMIT")
        finally:
            base.close()
        os.chmod(aside, 0o666 & ~UMASK)
        os.replace(aside, folder / TABLE)
    finally:
        aside.unlink(missing_ok=True)


def check_schema(base: sqlite3.Connection) -> None:
    """Raises ValueError where a table of an index is none: a view or a trigger of a foreign file may run for ever."""
    base.execute("PRAGMA trusted_schema = OFF")
    kinds = dict(
        base.execute("SELECT name, type FROM sqlite_master WHERE type IN ('table', 'view', 'trigger')")
    )
    for name in ("meta", "roots", "items", "captions"):
        if kinds.pop(name, "") != "table":
            raise ValueError(f"it has no table {name}")
    if any(kind != "table" for kind in kinds.values()):
        raise ValueError("it holds views or triggers")


@contextmanager
def only_writer(folder: Path) -> Iterator[None]:
    """Within, no other process writes the index. Locked by SQLite itself, so that a killed writer lets go."""
    lock = _locked(folder / "writer.lock", folder)
    try:
        yield
    finally:
        lock.close()


def _locked(place: Path, folder: Path) -> sqlite3.Connection:
    """The lock, taken. A file that is no lock, such as one a power cut has damaged, is made anew. Raises UserError."""
    for attempt in range(2):
        lock = None
        try:
            lock = sqlite3.connect(place, timeout=0.2, isolation_level=None)
            lock.execute("BEGIN EXCLUSIVE")
            return lock
        except sqlite3.Error as error:
            if lock is not None:
                lock.close()
            busy = isinstance(error, sqlite3.OperationalError) and "lock" in str(error)
            if busy:
                raise UserError(
                    "The index {path} is being written by another process.",
                    "",
                    "Wait for its end, or stop it.",
                    path=folder,
                ) from error
            if attempt or not _removed(place):
                raise UserError(
                    "The index {path} cannot be changed.",
                    "Its file {name} cannot be used: {reason}.",
                    "Delete that file, or index into another folder.",
                    path=folder,
                    name=place.name,
                    reason=shortened(error).rstrip("."),
                ) from error
    raise AssertionError("a lock is taken or refused")


def _removed(place: Path) -> bool:
    try:
        if place.is_dir() and not place.is_symlink():
            place.rmdir()
        else:
            place.unlink(missing_ok=True)
    except OSError:
        return False
    return True


def mapped_rows(path: Path, kind: type[np.generic], width: int) -> np.ndarray:
    """The rows [n, width] of a file, mapped and not read; none where there is no file."""
    count = path.stat().st_size // (np.dtype(kind).itemsize * width) if path.exists() else 0
    if not count:
        return np.zeros((0, width), kind)
    return np.memmap(path, kind, mode="r", shape=(count, width))
