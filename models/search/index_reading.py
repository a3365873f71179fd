"""What is read of an index: what is nearest, what stands in its table, what rows its files hold."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from models.errors import UserError, shortened
from models.resources import resource
from models.search import codes as bits_of
from models.search import words
from models.search.faiss_index import NamedCodes
from models.search.filters import Filters
from models.search.index_table import (
    SELECT,
    Identity,
    IndexedItem,
    item_of,
    mapped_rows,
    marks,
    row_file,
    some,
)

# What a damaged table, or one that was made to look like ours, makes of reading it.
DAMAGE = (
    sqlite3.Error,
    ValueError,
    KeyError,
    TypeError,
    IndexError,
    AttributeError,
    OverflowError,
    OSError,
    RecursionError,
    MemoryError,
    RuntimeError,
)
SIDES = ("pictures", "captions")
SHIPPED = "resource:"  # before a root that lies in our own resources, wherever these are
_SLOTS = {
    "pictures": "SELECT id, slot FROM items WHERE slot IS NOT NULL",
    "captions": "SELECT id, slot FROM captions WHERE slot IS NOT NULL",
}


class IndexReader:
    """The reading half of an index; safe to be used by several threads."""

    def __init__(self, folder: Path, base: sqlite3.Connection, read_only: bool) -> None:
        self.folder, self.read_only = folder, read_only
        self._base = base
        self._lock = threading.RLock()
        meta = dict(base.execute("SELECT key, value FROM meta"))
        self.identity = Identity.parsed(meta["identity"])
        self.keeps_embeddings = meta["embeddings"] == "1"
        self.kind = meta.get("kind", "auto")
        self._sides = {side: NamedCodes(self.identity.bits, self.kind) for side in SIDES}
        self._seen, self.version, self.generation = -1, 0, 0
        self.refresh()

    def __len__(self) -> int:
        """Pictures that can be found."""
        return len(self._sides["pictures"])

    @property
    def caption_count(self) -> int:
        return len(self._sides["captions"])

    def refresh(self) -> bool:
        """Take over what another process has written since; True if there was something."""
        with self.reading():
            version = self._base.execute("PRAGMA data_version").fetchone()[0]
            if version == self._seen:
                return False
            self._seen = version
            self._load()
            return True

    def ids(self) -> np.ndarray:
        """int64 [n] of every picture that can be found, in the order it came."""
        with self._lock:
            return self._sides["pictures"].ids.copy()

    # Finding

    def search(
        self, code: np.ndarray, k: int, side: str = "pictures", among: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """(distances int32 [m], ids int64 [m]) of the k nearest, ordered by (distance, age). code: uint8 [bits / 8].

        among: int64 ids, of which alone answers are wanted; these are compared one by one.
        """
        with self._lock:
            if among is None:
                return self._sides[side].search(code, k)
            held = self.codes(among, side)
        distances = bits_of.distances(code[None], held)[0].astype(np.int32)
        order = np.lexsort((among, distances))[:k]
        return distances[order], among[order]

    def chosen(self, filters: Filters, side: str = "pictures") -> np.ndarray | None:
        """int64 ids of what passes the filters, pictures or captions; None where all does."""
        if filters.all_pass:
            return None
        with self.reading():
            condition, values = filters.condition(self._roots())
            query = f"SELECT id FROM items WHERE slot IS NOT NULL AND {condition}"
            if side == "captions":
                query = f"SELECT id FROM captions WHERE slot IS NOT NULL AND item IN ({query})"
            return _numbers(self._base.execute(query, values))

    def found_by_words(self, text: str, most: int) -> list[int]:
        """Ids of the pictures of which all words are found in name, captions, keywords, labels or date; best first."""
        with self.reading():
            return words.matching(self._base, text, most)

    def fields_found(self, text: str, ids: Sequence[int]) -> dict[int, tuple[str, ...]]:
        """id → where the words were found (`words.FIELDS`), of pictures of which all were found."""
        result: dict[int, tuple[str, ...]] = {}
        with self.reading():
            for part in some([int(number) for number in ids]):
                result |= words.fields_found(self._base, text, part)
        return result

    # What is held

    def items(self, ids: Sequence[int] | np.ndarray) -> list[IndexedItem]:
        """The pictures with these ids, in this order; ids that are gone are left out."""
        result: dict[int, IndexedItem] = {}
        with self.reading():
            roots = self._roots()
            numbers = [int(i) for i in ids]
            for part in some(numbers):
                for row in self._base.execute(f"{SELECT} WHERE id IN ({marks(part)})", part):
                    result[row[0]] = item_of(row, roots)
        return [result[i] for i in numbers if i in result]

    def captions(self, ids: Sequence[int] | np.ndarray) -> list[tuple[int, str, int]]:
        """(id, text, id of its picture) of captions, in this order."""
        result: dict[int, tuple[int, str, int]] = {}
        numbers = [int(i) for i in ids]
        with self.reading():
            for part in some(numbers):
                query = f"SELECT id, text, item FROM captions WHERE id IN ({marks(part)})"
                result |= {row[0]: row for row in self._base.execute(query, part)}
        return [result[i] for i in numbers if i in result]

    def codes(self, ids: Sequence[int] | np.ndarray, side: str = "pictures") -> np.ndarray:
        """uint8 [n, bits / 8]. Raises KeyError for an id that is gone."""
        with self._lock:
            slots = self._sides[side].slots(ids)
        with self.reading():
            return self.rows(side, "codes")[slots]

    def embeddings(self, ids: Sequence[int] | np.ndarray, side: str = "pictures") -> np.ndarray | None:
        """float32 [n, dim], or None where the index keeps none."""
        if not self.keeps_embeddings:
            return None
        with self.reading():
            return self.rows(side, "embeddings")[self._sides[side].slots(ids)].astype(np.float32)

    def all_items(self) -> Iterator[IndexedItem]:
        """Every picture that can be found, in the order it came."""
        with self._lock:
            ids = self._sides["pictures"].ids.tolist()
        for part in some(ids):
            yield from self.items(part)

    def problems(self) -> list[IndexedItem]:
        """The files that could not be read."""
        with self.reading():
            roots = self._roots()
            rows = self._base.execute(f"{SELECT} WHERE problem != '' ORDER BY id").fetchall()
            return [item_of(row, roots) for row in rows]

    def folders(self) -> list[Path]:
        """The folders that were indexed."""
        return list(self.roots().values())

    def roots(self) -> dict[int, Path]:
        """number → folder that was indexed."""
        with self.reading():
            return self._roots()

    def root_counts(self) -> list[tuple[Path, int]]:
        """(folder that was indexed, how many of its pictures can be found)."""
        with self.reading():
            query = "SELECT root, count(*) FROM items WHERE slot IS NOT NULL GROUP BY root"
            counts = dict(self._base.execute(query).fetchall())
            return [(folder, counts.get(number, 0)) for number, folder in self._roots().items()]

    def labels(self) -> list[str]:
        """The labels of its pictures, those of most pictures first."""
        with self.reading():
            query = "SELECT value FROM items, json_each(items.labels) GROUP BY value ORDER BY count(*) DESC, value LIMIT 500"
            return [str(row[0]) for row in self._base.execute(query)]

    def unused_rows(self) -> tuple[int, int]:
        """(rows of the files that nothing names any more, all rows), of pictures and captions together."""
        with self.reading():
            held = sum(len(self.rows(side, "codes")) for side in SIDES)
            used = sum(
                int(self._base.execute(f"SELECT count(DISTINCT slot) FROM ({_SLOTS[side]})").fetchone()[0])
                for side in SIDES
            )
        return held - used, held

    def used_slots(self, side: str) -> np.ndarray:
        """int64 of the rows that are named, each once, in order."""
        with self.reading():
            return np.unique(_numbers(self._base.execute(f"SELECT slot FROM ({_SLOTS[side]})")))

    def rows(self, side: str, kind: str) -> np.ndarray:
        """The rows of a file, ``codes`` or ``embeddings``: mapped, not read."""
        path = self.folder / row_file(side, kind, self.generation)
        if kind == "codes":
            return mapped_rows(path, np.uint8, self.identity.bits // 8)
        return mapped_rows(path, np.float16, self.identity.dim)

    def close(self) -> None:
        """Read nothing any more."""
        with self._lock:
            self._base.close()

    # Inside

    @contextmanager
    def reading(self) -> Iterator[None]:
        """The lock, held; what a damaged table or file makes of reading it becomes a UserError."""
        with self._lock:
            try:
                yield
            except DAMAGE as error:
                raise damaged(self.folder, error) from error

    def _load(self) -> None:
        """Everything that is searched, anew."""
        self.version += 1
        row = self._base.execute("SELECT value FROM meta WHERE key = 'generation'").fetchone()
        self.generation = int(row[0]) if row else 0
        for side in SIDES:
            self._load_side(side)

    def _load_side(self, side: str) -> None:
        rows = _numbers(self._base.execute(f"{_SLOTS[side]} ORDER BY slot, id")).reshape(-1, 2)
        ids, slots = np.ascontiguousarray(rows[:, 0]), np.ascontiguousarray(rows[:, 1])
        held = self.rows(side, "codes")
        if len(slots) and slots.min() < 0:
            raise ValueError("its table names rows that cannot be")
        kinds = {"codes": held}
        if self.keeps_embeddings:
            kinds["embeddings"] = self.rows(side, "embeddings")
        for name, there in kinds.items():
            if len(slots) and slots.max() >= len(there):
                raise ValueError(f"{side}.{name} is missing, or shorter than its table says")
        self._sides[side].load(ids, slots, held)

    def _roots(self) -> dict[int, Path]:
        return {
            number: root_folder(path) for number, path in self._base.execute("SELECT id, path FROM roots")
        }


def root_folder(path: str) -> Path:
    """The folder of a root as the table names it."""
    if path.startswith(SHIPPED):
        return resource(*path.removeprefix(SHIPPED).split("/"))
    return Path(path)


def damaged(folder: Path, error: BaseException) -> UserError:
    """What is said of an index that cannot be read."""
    ours = isinstance(error, ValueError) and not isinstance(error, ValidationError | UnicodeError)
    reason = (
        shortened(error)
        if (ours or isinstance(error, sqlite3.Error)) and str(error)
        else "its table is damaged"
    )
    return UserError(
        "The index {path} cannot be read.",
        "It is damaged: {reason}.",
        "Repair it, copy the whole folder again, or index the pictures again into a new place.",
        path=folder,
        reason=reason.rstrip("."),
    )


def _numbers(rows: sqlite3.Cursor) -> np.ndarray:
    """int64 of all values of a result, without a list of them in between."""
    return np.fromiter(chain.from_iterable(rows), np.int64)
