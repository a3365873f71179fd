"""An index is a folder: codes, embeddings, a table of the items, and which model made them.

index.sqlite           items (path, size, modified time, captions), where their codes stand, the model's identity
pictures.codes         one row of bits / 8 bytes a picture     pictures.embeddings   float16, may be left out
captions.codes         the same of captions                    captions.embeddings

Rows are appended to the files first and named by the table after, so that a kill at any moment loses at most the last
batch: rows that the table does not name are written over. One process may write while others read.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from models.checkpoint import cannot_write
from models.errors import UserError
from models.files import shortened
from models.resources import resource
from models.search.encoded import Encoded
from models.search.faiss_index import NamedCodes
from models.search.index_table import (
    SELECT,
    TABLE,
    Identity,
    IndexedItem,
    NewItem,
    check_schema,
    connected,
    is_blank,
    item_of,
    made_aside,
    mapped_rows,
    marks,
    only_writer,
    some,
)

FORMAT_VERSION = 1
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


class Index:
    """Open with `Index.open` or `Index.create`; safe to be used by several threads."""

    def __init__(self, folder: Path, base: sqlite3.Connection, read_only: bool) -> None:
        self.folder, self.read_only = folder, read_only
        self._base = base
        self._lock = threading.RLock()
        meta = dict(base.execute("SELECT key, value FROM meta"))
        self.identity = Identity.parsed(meta["identity"])
        self.keeps_embeddings = meta["embeddings"] == "1"
        self.kind = meta.get("kind", "auto")
        self._sides = {side: NamedCodes(self.identity.bits, self.kind) for side in SIDES}
        self._version = -1
        self.refresh()

    @classmethod
    def create(
        cls,
        folder: str | os.PathLike[str],
        identity: Identity,
        keep_embeddings: bool = True,
        kind: str = "auto",
    ) -> Index:
        """A new, empty index. Raises UserError if the folder cannot be written, or holds an index already."""
        folder = Path(folder)
        if not is_blank(folder):
            raise UserError(
                "{path} already holds an index.", "", "Open it, or choose another folder.", path=folder
            )
        meta = {
            "format": str(FORMAT_VERSION),
            "identity": json.dumps(asdict(identity)),
            "embeddings": str(int(keep_embeddings)),
            "kind": kind,
        }
        try:
            folder.mkdir(parents=True, exist_ok=True)
            made_aside(folder, meta)
            base = connected(folder, read_only=False)
        except (OSError, sqlite3.Error) as error:
            raise _cannot_write(folder, error) from error
        return cls(folder, base, read_only=False)

    @classmethod
    def open(cls, folder: str | os.PathLike[str], identity: Identity | None = None) -> Index:
        """The index at `folder`. Raises UserError if there is none, it is damaged, or another model made it."""
        folder = Path(folder)
        if not (folder / TABLE).is_file():
            raise UserError(
                "{path} is not an index.",
                "It has no {table}.",
                "Choose the folder that `index` has written, or index your pictures first.",
                path=folder,
                table=TABLE,
            )
        read_only = not os.access(folder, os.W_OK) or folder.resolve().is_relative_to(resource().resolve())
        try:
            base = connected(folder, read_only)
            check_schema(base)
            version = base.execute("SELECT value FROM meta WHERE key = 'format'").fetchone()
            if version is None or int(version[0]) > FORMAT_VERSION:
                raise UserError(
                    "The index {path} was written by a newer Polyphony.", "", "Update Polyphony.", path=folder
                )
            index = cls(folder, base, read_only)
        except DAMAGE as error:
            raise _damaged(folder, error) from error
        if identity is not None:
            index.check(identity)
        return index

    def check(self, identity: Identity) -> None:
        """Raises UserError where codes of `identity` cannot be compared with those of the index."""
        ours = self.identity
        if (ours.encoder, ours.hasher, ours.bits) == (identity.encoder, identity.hasher, identity.bits):
            return
        what = "encoder" if ours.encoder != identity.encoder else "hash model"
        result, wanted = (
            f"{item.encoder_title or item.encoder} with {item.hasher_title or item.hasher}"
            for item in (ours, identity)
        )
        raise UserError(
            "The index {path} was made with another {what}.",
            "It was made with {found}; the search uses {wanted}, whose codes mean something else.",
            "Choose the model it was made with, or index the folder again into a new place.",
            path=self.folder,
            what=what,
            found=result,
            wanted=wanted,
        )

    # Reading

    def __len__(self) -> int:
        """Pictures that can be found."""
        return len(self._sides["pictures"])

    @property
    def caption_count(self) -> int:
        return len(self._sides["captions"])

    def refresh(self) -> bool:
        """Take over what another process has written since; True if there was something."""
        with self._reading():
            version = self._base.execute("PRAGMA data_version").fetchone()[0]
            if version == self._version:
                return False
            self._version = version
            self._load("pictures")
            self._load("captions")
            return True

    def ids(self) -> np.ndarray:
        """int64 [n] of every picture that can be found, in the order it came."""
        with self._lock:
            return self._sides["pictures"].ids.copy()

    def search(self, code: np.ndarray, k: int, side: str = "pictures") -> tuple[np.ndarray, np.ndarray]:
        """(distances int32 [m], ids int64 [m]) of the k nearest, ordered by (distance, age). code: uint8 [bits / 8]."""
        with self._lock:
            return self._sides[side].search(code, k)

    def items(self, ids: Sequence[int] | np.ndarray) -> list[IndexedItem]:
        """The pictures with these ids, in this order; ids that are gone are left out."""
        result: dict[int, IndexedItem] = {}
        with self._reading():
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
        with self._reading():
            for part in some(numbers):
                query = f"SELECT id, text, item FROM captions WHERE id IN ({marks(part)})"
                result |= {row[0]: row for row in self._base.execute(query, part)}
        return [result[i] for i in numbers if i in result]

    def codes(self, ids: Sequence[int] | np.ndarray, side: str = "pictures") -> np.ndarray:
        """uint8 [n, bits / 8]. Raises KeyError for an id that is gone."""
        with self._lock:
            return self._rows(side, "codes")[self._sides[side].slots(ids)]

    def embeddings(self, ids: Sequence[int] | np.ndarray, side: str = "pictures") -> np.ndarray | None:
        """float32 [n, dim], or None where the index keeps none."""
        if not self.keeps_embeddings:
            return None
        with self._reading():
            return self._rows(side, "embeddings")[self._sides[side].slots(ids)].astype(np.float32)

    def all_items(self) -> Iterator[IndexedItem]:
        """Every picture that can be found, in the order it came."""
        with self._lock:
            ids = self._sides["pictures"].ids.tolist()
        for part in some(ids):
            yield from self.items(part)

    def problems(self) -> list[IndexedItem]:
        """The files that could not be read."""
        with self._reading():
            roots = self._roots()
            rows = self._base.execute(f"{SELECT} WHERE problem != '' ORDER BY id").fetchall()
            return [item_of(row, roots) for row in rows]

    def folders(self) -> list[Path]:
        """The folders that were indexed."""
        with self._reading():
            return list(self._roots().values())

    # Writing

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Within, this process is the only one that writes. Raises UserError where another does, or none may."""
        if self.read_only:
            raise UserError(
                "The index {path} cannot be changed.",
                "It is not writable.",
                "Index into another folder.",
                path=self.folder,
            )
        with only_writer(self.folder):
            self.refresh()
            yield

    def root(self, path: str) -> int:
        """The number of a folder, entered if it is new. `path` is absolute, or begins with ``resource:``."""
        with self._lock, self._changing():
            self._base.execute("INSERT OR IGNORE INTO roots (path) VALUES (?)", (path,))
            return int(self._base.execute("SELECT id FROM roots WHERE path = ?", (path,)).fetchone()[0])

    def known(self, root: int) -> dict[str, tuple[int, int, int, tuple[str, ...]]]:
        """path → (id, size, modified time, captions) of what is held of a folder."""
        with self._reading():
            rows = self._base.execute(
                "SELECT path, id, size, modified_ns, captions FROM items WHERE root = ?", (root,)
            ).fetchall()
            return {row[0]: (row[1], row[2], row[3], tuple(json.loads(row[4]))) for row in rows}

    def put(
        self, root: int, items: Sequence[NewItem], pictures: Encoded | None, captions: Encoded | None = None
    ) -> list[int]:
        """Enter or replace items; returns their ids.

        pictures: one row an item without a problem, in order. captions: a row for each caption of these, in order.
        """
        readable = [item for item in items if not item.problem]
        texts = [text for item in readable for text in item.captions]
        if len(readable) != (len(pictures) if pictures is not None else 0):
            raise ValueError("one code a readable picture")
        if captions is not None and len(captions) != len(texts):
            raise ValueError("one code a caption")
        with self._lock, self._changing():
            gone = self._ids(root, [item.path for item in items])
            self._drop_captions(list(gone.values()))
            slots = iter(self._append("pictures", pictures))
            caption_slots = iter(self._append("captions", captions))
            ids, changed = [], []
            for item in items:
                values = (
                    item.size,
                    item.modified_ns,
                    None if item.problem else next(slots),
                    item.problem,
                    json.dumps(item.captions, ensure_ascii=False),
                    item.attribution,
                )
                if item.path in gone:
                    ids.append(gone[item.path])
                    changed.append(ids[-1])
                    self._base.execute(
                        "UPDATE items SET size=?, modified_ns=?, slot=?, problem=?, captions=?, attribution=? WHERE id=?",
                        (*values, ids[-1]),
                    )
                else:
                    cursor = self._base.execute(
                        "INSERT INTO items (size, modified_ns, slot, problem, captions, attribution, root, path)"
                        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                        (*values, root, item.path),
                    )
                    ids.append(int(cursor.lastrowid or 0))
                if captions is not None and not item.problem:
                    self._base.executemany(
                        "INSERT INTO captions (item, text, slot) VALUES (?, ?, ?)",
                        [(ids[-1], text, next(caption_slots)) for text in item.captions],
                    )
        self._after_change(bool(changed))
        return ids

    def put_captions(
        self,
        ids: Sequence[int],
        texts: Sequence[tuple[str, ...]],
        attributions: Sequence[str],
        captions: Encoded,
    ) -> None:
        """Give items new captions; their pictures stay. captions: a row for each text, in order."""
        with self._lock, self._changing():
            self._drop_captions(list(ids))
            slots = iter(self._append("captions", captions))
            for number, own, attribution in zip(ids, texts, attributions, strict=True):
                self._base.execute(
                    "UPDATE items SET captions = ?, attribution = ? WHERE id = ?",
                    (json.dumps(own, ensure_ascii=False), attribution, number),
                )
                self._base.executemany(
                    "INSERT INTO captions (item, text, slot) VALUES (?, ?, ?)",
                    [(number, text, next(slots)) for text in own],
                )
        self._after_change(True)

    def remove(self, ids: Sequence[int]) -> None:
        """Take items out of the index; the pictures themselves stay where they are."""
        with self._lock, self._changing():
            self._drop_captions(list(ids))
            for part in some(list(ids)):
                self._base.execute(f"DELETE FROM items WHERE id IN ({marks(part)})", part)
        self._after_change(True)

    def close(self) -> None:
        with self._lock:
            self._base.close()

    # Inside

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """The lock, held; what a damaged table or file makes of reading it becomes a UserError."""
        with self._lock:
            try:
                yield
            except DAMAGE as error:
                raise _damaged(self.folder, error) from error

    def _load(self, side: str) -> None:
        query = (
            "SELECT id, slot FROM items WHERE slot IS NOT NULL ORDER BY slot"
            if side == "pictures"
            else "SELECT id, slot FROM captions ORDER BY slot"
        )
        rows = np.array(self._base.execute(query).fetchall(), np.int64).reshape(-1, 2)
        held = self._rows(side, "codes")
        if len(rows) and rows[:, 1].min() < 0:
            raise ValueError("its table names rows that cannot be")
        kinds = {"codes": held}
        if self.keeps_embeddings:
            kinds["embeddings"] = self._rows(side, "embeddings")
        for name, there in kinds.items():
            if len(rows) and rows[:, 1].max() >= len(there):
                raise ValueError(f"{side}.{name} is missing, or shorter than its table says")
        self._sides[side].load(rows[:, 0], rows[:, 1], held)

    def _after_change(self, replaced: bool) -> None:
        """Bring what is searched up to date: by adding alone where nothing was replaced."""
        with self._lock:
            for side in SIDES:
                if replaced:
                    self._load(side)
                    continue
                table = "items" if side == "pictures" else "captions"
                last = self._sides[side].last_slot
                query = f"SELECT id, slot FROM {table} WHERE slot > ? ORDER BY slot"
                rows = np.array(self._base.execute(query, (last,)).fetchall(), np.int64).reshape(-1, 2)
                if len(rows):
                    self._sides[side].add(rows[:, 0], rows[:, 1], self._rows(side, "codes")[rows[:, 1]])

    @contextmanager
    def _changing(self) -> Iterator[None]:
        try:
            self._base.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._base.execute("ROLLBACK")
                raise
            self._base.execute("COMMIT")
        except (sqlite3.Error, OSError) as error:
            raise _cannot_write(self.folder, error) from error

    def _append(self, side: str, encoded: Encoded | None) -> range:
        if encoded is None or not len(encoded):
            return range(0)
        # A row is never used twice: another process may still be reading it under its old name.
        name = f"next_{side}"
        result = self._base.execute("SELECT value FROM meta WHERE key = ?", (name,)).fetchone()
        first = int(result[0]) if result else 0
        self._base.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, str(first + len(encoded))))
        blocks = {"codes": encoded.codes}
        if self.keeps_embeddings:
            blocks["embeddings"] = encoded.embeddings.astype(np.float16)
        for kind, block in blocks.items():
            path = self.folder / f"{side}.{kind}"
            with open(path, "r+b" if path.exists() else "w+b") as file:
                file.seek(first * block[0].nbytes)
                file.write(np.ascontiguousarray(block).tobytes())
                file.truncate()
                file.flush()
                os.fsync(file.fileno())
        return range(first, first + len(encoded))

    def _rows(self, side: str, name: str) -> np.ndarray:
        """The rows of a file: mapped, not read."""
        if name == "codes":
            return mapped_rows(self.folder / f"{side}.codes", np.uint8, self.identity.bits // 8)
        return mapped_rows(self.folder / f"{side}.embeddings", np.float16, self.identity.dim)

    def _roots(self) -> dict[int, Path]:
        return {
            number: resource(*path.removeprefix(SHIPPED).split("/"))
            if path.startswith(SHIPPED)
            else Path(path)
            for number, path in self._base.execute("SELECT id, path FROM roots")
        }

    def _ids(self, root: int, paths: list[str]) -> dict[str, int]:
        result: dict[str, int] = {}
        for part in some(paths):
            query = f"SELECT path, id FROM items WHERE root = ? AND path IN ({marks(part)})"
            result |= dict(self._base.execute(query, (root, *part)))
        return result

    def _drop_captions(self, ids: list[int]) -> None:
        for part in some(ids):
            self._base.execute(f"DELETE FROM captions WHERE item IN ({marks(part)})", part)


def _damaged(folder: Path, error: BaseException) -> UserError:
    ours = isinstance(error, ValueError) and not isinstance(error, ValidationError | UnicodeError)
    reason = (
        shortened(error)
        if (ours or isinstance(error, sqlite3.Error)) and str(error)
        else "its table is damaged"
    )
    return UserError(
        "The index {path} cannot be read.",
        "It is damaged: {reason}.",
        "Copy the whole folder again, or index the pictures again into a new place.",
        path=folder,
        reason=reason.rstrip("."),
    )


def _cannot_write(folder: Path, error: Exception) -> UserError:
    if "disk is full" in str(error):
        error = OSError(28, "No space left on device")
    return cannot_write(folder, error if isinstance(error, OSError) else OSError(5, str(error)))
