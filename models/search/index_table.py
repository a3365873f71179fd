"""The table of an index: what it holds, and how its rows become items."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.errors import UserError

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


@contextmanager
def only_writer(folder: Path) -> Iterator[None]:
    """Within, no other process writes the index. Locked by SQLite itself, so that a killed writer lets go."""
    lock = sqlite3.connect(folder / "writer.lock", timeout=0.2, isolation_level=None)
    try:
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            raise UserError(
                "The index {path} is being written by another process.",
                "",
                "Wait for its end, or stop it.",
                path=folder,
            ) from error
        yield
    finally:
        lock.close()


def mapped_rows(path: Path, kind: type[np.generic], width: int) -> np.ndarray:
    """The rows [n, width] of a file, mapped and not read; none where there is no file."""
    count = path.stat().st_size // (np.dtype(kind).itemsize * width) if path.exists() else 0
    if not count:
        return np.zeros((0, width), kind)
    return np.memmap(path, kind, mode="r", shape=(count, width))
