"""The table of an index: what it holds, and how its rows become items."""

from __future__ import annotations

import json
import os
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from models.errors import UserError, shortened
from models.search import words
from models.search.facts import UNKNOWN, Facts
from models.writing import UMASK

Row = tuple[Any, ...]  # of a table, as SQLite gives it
Value = TypeVar("Value")

TABLE = "index.sqlite"
_MOST_IN_LIST = 500  # values of one SQL statement

FORMAT_VERSION = 2
SCHEMA = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)",
    "CREATE TABLE roots (id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE)",
    "CREATE TABLE items ("
    "id INTEGER PRIMARY KEY AUTOINCREMENT, root INTEGER NOT NULL, path TEXT NOT NULL, size INTEGER NOT NULL,"
    " modified_ns INTEGER NOT NULL, slot INTEGER, problem TEXT NOT NULL DEFAULT '', captions TEXT NOT NULL DEFAULT '[]',"
    " attribution TEXT NOT NULL DEFAULT '', UNIQUE (root, path))",
    "CREATE TABLE captions (id INTEGER PRIMARY KEY, item INTEGER NOT NULL, text TEXT NOT NULL, slot INTEGER NOT NULL)",
    "CREATE INDEX captions_of ON captions (item)",
)
# What version 2 has more than version 1: what pictures are by content, what their files and lists say, and words to look up.
ADDED = (
    "ALTER TABLE items ADD COLUMN content TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE items ADD COLUMN keywords TEXT NOT NULL DEFAULT '[]'",
    "ALTER TABLE items ADD COLUMN labels TEXT NOT NULL DEFAULT '[]'",
    "ALTER TABLE items ADD COLUMN taken TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE items ADD COLUMN width INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE items ADD COLUMN height INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE items ADD COLUMN camera TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE items ADD COLUMN day TEXT NOT NULL DEFAULT ''",
    "CREATE INDEX items_by_content ON items (content)",
    "CREATE INDEX items_by_day ON items (day)",
    words.TABLE,
)


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
    """A picture of the index. problem: why it could not be read, else "". day: when it was taken, else last changed."""

    id: int
    path: Path
    captions: tuple[str, ...]
    attribution: str
    size: int
    modified_ns: int
    problem: str = ""
    keywords: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    facts: Facts = UNKNOWN
    day: str = ""


@dataclass(frozen=True)
class NewItem:
    """What is told of a file that enters the index; the path is relative to its root."""

    path: str
    size: int
    modified_ns: int
    captions: tuple[str, ...] = ()
    attribution: str = ""
    problem: str = ""
    keywords: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    facts: Facts = UNKNOWN

    @property
    def day(self) -> str:
        """``YYYY-MM-DD`` on which it was taken, else last changed."""
        return self.facts.taken[:10] or day_of(self.modified_ns)


@dataclass(frozen=True)
class KnownItem:
    """What an index holds of a file, as far as a build compares it."""

    id: int
    size: int
    modified_ns: int
    captions: tuple[str, ...]
    keywords: tuple[str, ...]
    labels: tuple[str, ...]
    attribution: str
    content: str
    problem: str


def day_of(modified_ns: int) -> str:
    """The day of a time of change, ``YYYY-MM-DD``; "" for one that no calendar has."""
    try:
        return datetime.fromtimestamp(modified_ns / 1e9).strftime("%Y-%m-%d")
    except (ValueError, OverflowError, OSError):
        return ""


SELECT = (
    "SELECT id, root, path, captions, attribution, size, modified_ns, problem, keywords, labels, content, taken, width,"
    " height, camera, day FROM items"
)


def item_of(row: Row, roots: dict[int, Path]) -> IndexedItem:
    """A row of `SELECT` as an item. roots: number → folder."""
    number, root, path, captions, attribution, size, modified, problem, keywords, labels, *facts, day = row
    return IndexedItem(
        number,
        roots[root] / path,
        tuple(json.loads(captions)),
        attribution,
        size,
        modified,
        problem,
        tuple(json.loads(keywords)),
        tuple(json.loads(labels)),
        Facts(*facts),
        day,
    )


def connected(folder: Path, read_only: bool) -> sqlite3.Connection:
    """The table of an index; one that may not be written is opened so that nothing beside it is, either."""
    uri = (folder / TABLE).resolve().as_uri() + ("?mode=ro&immutable=1" if read_only else "")
    return sqlite3.connect(uri, uri=True, timeout=30, check_same_thread=False, isolation_level=None)


def some(values: list[Value]) -> Iterator[list[Value]]:
    """The values in portions that fit into one statement."""
    for start in range(0, len(values), _MOST_IN_LIST):
        yield values[start : start + _MOST_IN_LIST]


def marks(values: Sequence[object]) -> str:
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
            for statement in (*SCHEMA, *ADDED):
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
    rows = base.execute(
        "SELECT name, type, sql FROM sqlite_master WHERE type IN ('table', 'view', 'trigger')"
    )
    kinds, virtual = {}, {}
    for name, kind, statement in rows:
        kinds[name] = kind
        if "VIRTUAL" in str(statement).upper().split("(")[0]:
            virtual[name] = statement
    for name in ("meta", "roots", "items", "captions"):
        if kinds.pop(name, "") != "table" or name in virtual:
            raise ValueError(f"it has no table {name}")
    if any(kind != "table" for kind in kinds.values()):
        raise ValueError("it holds views or triggers")
    if virtual.get("words", words.TABLE) != words.TABLE:
        raise ValueError("its table of words is another")


def upgraded(base: sqlite3.Connection, read_only: bool) -> sqlite3.Connection:
    """The table in the newest format: changed where it lies, or a copy in memory where that may not be.

    Raises ValueError for a table without a format, `Newer` for one of a later program.
    """
    version = base.execute("SELECT value FROM meta WHERE key = 'format'").fetchone()
    if version is None or int(version[0]) > FORMAT_VERSION:
        raise Newer
    if int(version[0]) == FORMAT_VERSION:
        return base
    if read_only:
        copy = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        base.backup(copy)
        base.close()
        base = copy
    base.execute("BEGIN IMMEDIATE")
    try:
        if base.execute("SELECT value FROM meta WHERE key = 'format'").fetchone() == version:
            for statement in ADDED:
                base.execute(statement)
            rows = base.execute("SELECT id, modified_ns FROM items").fetchall()
            base.executemany(
                "UPDATE items SET day = ? WHERE id = ?", ((day_of(at), number) for number, at in rows)
            )
            words.rebuild(base)
            base.execute("UPDATE meta SET value = ? WHERE key = 'format'", (str(FORMAT_VERSION),))
        base.execute("COMMIT")
    except BaseException:
        base.execute("ROLLBACK")
        raise
    return base


class Newer(Exception):
    """A later program wrote the table."""


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


def row_file(side: str, kind: str, generation: int) -> str:
    """The name of a file of rows. generation: how often the index was compacted."""
    return f"{side}.{kind}" if not generation else f"{side}-{generation}.{kind}"


def mapped_rows(path: Path, kind: type[np.generic], width: int) -> np.ndarray:
    """The rows [n, width] of a file, mapped and not read; none where there is no file."""
    count = path.stat().st_size // (np.dtype(kind).itemsize * width) if path.exists() else 0
    if not count:
        return np.zeros((0, width), kind)
    return np.memmap(path, kind, mode="r", shape=(count, width))
