"""An index is a folder: codes, embeddings, a table of the items, and which model made them.

index.sqlite           items (path, content, size, dates, captions), where their codes stand, the model's identity
pictures.codes         one row of bits / 8 bytes a picture     pictures.embeddings   float16, may be left out
captions.codes         the same of captions                    captions.embeddings

Rows are appended to the files first and named by the table after, so that a kill at any moment loses at most the last
batch: rows that the table does not name are written over. Pictures of one content share a row. Compacting writes the rows
that are used into new files (``pictures-1.codes`` …) and then names these. One process may write while others read.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from models.checkpoint import cannot_write
from models.errors import UserError
from models.resources import resource
from models.search import words
from models.search.encoded import Encoded
from models.search.facts import Facts
from models.search.index_reading import DAMAGE, SHIPPED, SIDES, IndexReader, damaged
from models.search.index_table import (
    FORMAT_VERSION,
    TABLE,
    Identity,
    KnownItem,
    Newer,
    NewItem,
    Row,
    check_schema,
    connected,
    is_blank,
    made_aside,
    marks,
    only_writer,
    row_file,
    some,
    upgraded,
)

__all__ = ["FORMAT_VERSION", "SHIPPED", "SIDES", "Index"]
_COLUMNS = "size, modified_ns, slot, problem, captions, attribution, keywords, labels, content, taken, width, height, camera, day"


class Index(IndexReader):
    """Open with `Index.open` or `Index.create`; safe to be used by several threads."""

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
            raise cannot_write_index(folder, error) from error
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
            index = cls(folder, upgraded(base, read_only), read_only)
        except Newer:
            raise UserError(
                "The index {path} was written by a newer Polyphony.", "", "Update Polyphony.", path=folder
            ) from None
        except DAMAGE as error:
            raise damaged(folder, error) from error
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
        with self._lock, self.changing() as base:
            base.execute("INSERT OR IGNORE INTO roots (path) VALUES (?)", (path,))
            return int(base.execute("SELECT id FROM roots WHERE path = ?", (path,)).fetchone()[0])

    def known(self, root: int) -> dict[str, KnownItem]:
        """path → what is held of it, of the files of a folder."""
        query = (
            "SELECT path, id, size, modified_ns, captions, keywords, labels, attribution, content, problem"
            " FROM items WHERE root = ?"
        )
        with self.reading():
            rows = self._base.execute(query, (root,)).fetchall()
            return {row[0]: _known(row) for row in rows}

    def put(
        self, root: int, items: Sequence[NewItem], pictures: Encoded | None, captions: Encoded | None = None
    ) -> list[int]:
        """Enter or replace items; returns their ids.

        pictures: one row an item without a problem, in order. captions: a row for each caption of these, in order.
        """
        readable = [item for item in items if not item.problem]
        if len(readable) != (len(pictures) if pictures is not None else 0):
            raise ValueError("one code a readable picture")
        if captions is not None and len(captions) != sum(len(item.captions) for item in readable):
            raise ValueError("one code a caption")
        with self._lock, self.changing():
            gone = self._ids(root, [item.path for item in items])
            self._drop_captions(list(gone.values()))
            slots = iter(self._append("pictures", pictures))
            caption_slots = iter(self._append("captions", captions))
            ids = []
            for item in items:
                ids.append(
                    self._enter(root, item, None if item.problem else next(slots), gone.get(item.path))
                )
                if captions is not None and not item.problem:
                    self._enter_captions(ids[-1], item.captions, caption_slots)
        self.after_change(bool(gone))
        return ids

    def put_captions(self, items: Sequence[tuple[int, NewItem]], captions: Encoded) -> None:
        """Give items (by id) other captions and keywords; their pictures stay. captions: a row for each text, in order."""
        with self._lock, self.changing():
            self._drop_captions([number for number, _ in items])
            slots = iter(self._append("captions", captions))
            for number, item in items:
                self._enter_captions(number, item.captions, slots)
                self._describe(number, item)
        self.after_change(True)

    def describe(self, items: Sequence[tuple[int, NewItem]]) -> None:
        """What files and lists say of items (by id), where neither picture nor captions are others."""
        with self._lock, self.changing():
            for number, item in items:
                self._describe(number, item)

    def adopt(self, root: int, items: Sequence[tuple[NewItem, int, bool]]) -> list[int]:
        """Files whose content is known: (file, id of an item of that content, whether the item itself has moved).

        An item that has moved keeps its id and all that is known of it; a copy shares its row. Returns their ids.
        """
        ids = []
        with self._lock, self.changing() as base:
            gone = self._ids(root, [item.path for item, _, _ in items])
            for item, source, moved in items:
                if moved:
                    place = (root, item.path, item.size, item.modified_ns, source)
                    base.execute("UPDATE items SET root=?, path=?, size=?, modified_ns=? WHERE id=?", place)
                    ids.append(source)
                else:
                    query = "SELECT slot, content, taken, width, height, camera FROM items WHERE id = ?"
                    slot, *facts = base.execute(query, (source,)).fetchone()
                    item = replace(item, facts=Facts(*facts), captions=())  # whose codes are still to be made
                    self._drop_captions([gone[item.path]] if item.path in gone else [])
                    ids.append(self._enter(root, item, slot, gone.get(item.path)))
                words.refresh(base, ids[-1])
        self.after_change(True)
        return ids

    def of_content(self, contents: Sequence[str]) -> dict[str, list[tuple[int, int, str]]]:
        """content → (id, root, path) of the pictures that have it and can be found."""
        result: dict[str, list[tuple[int, int, str]]] = {}
        with self.reading():
            for part in some(list(contents)):
                query = f"SELECT content, id, root, path FROM items WHERE slot IS NOT NULL AND content IN ({marks(part)})"
                for content, *where in self._base.execute(query, part):
                    result.setdefault(content, []).append(tuple(where))
        return result

    def sizes(self) -> set[int]:
        """The sizes in bytes of the files that are held, of which the content is known."""
        with self.reading():
            return {
                row[0] for row in self._base.execute("SELECT DISTINCT size FROM items WHERE content != ''")
            }

    def remove(self, ids: Sequence[int]) -> None:
        """Take items out of the index; the pictures themselves stay where they are."""
        with self._lock, self.changing() as base:
            self._drop_captions(list(ids))
            for part in some(list(ids)):
                base.execute(f"DELETE FROM items WHERE id IN ({marks(part)})", part)
                base.execute(f"DELETE FROM words WHERE rowid IN ({marks(part)})", part)
        self.after_change(True)

    # Inside

    @contextmanager
    def changing(self) -> Iterator[sqlite3.Connection]:
        """Within, all changes are one: done, or not at all."""
        try:
            self._base.execute("BEGIN IMMEDIATE")
            try:
                yield self._base
            except BaseException:
                self._base.execute("ROLLBACK")
                raise
            self._base.execute("COMMIT")
        except (sqlite3.Error, OSError) as error:
            raise cannot_write_index(self.folder, error) from error

    def after_change(self, replaced: bool) -> None:
        """Bring what is searched up to date: by adding alone where nothing was replaced."""
        with self._lock:
            if replaced:
                self._load()
                return
            for side in SIDES:
                table = "items" if side == "pictures" else "captions"
                query = f"SELECT id, slot FROM {table} WHERE slot > ? ORDER BY slot"
                new_rows = self._base.execute(query, (self._sides[side].last_slot,)).fetchall()
                rows = np.array(new_rows, np.int64).reshape(-1, 2)
                if len(rows):
                    self._sides[side].add(rows[:, 0], rows[:, 1], self.rows(side, "codes")[rows[:, 1]])

    def _enter(self, root: int, item: NewItem, slot: int | None, number: int | None) -> int:
        """A row of the table, in the place of `number` where there is one; its id."""
        facts = item.facts
        texts = [json.dumps(text, ensure_ascii=False) for text in (item.captions, item.keywords, item.labels)]
        values = (
            *(item.size, item.modified_ns, slot, item.problem, texts[0], item.attribution, *texts[1:]),
            *(facts.content, facts.taken, facts.width, facts.height, facts.camera, item.day),
        )
        if number is None:
            query = f"INSERT INTO items ({_COLUMNS}, root, path) VALUES ({marks(list(values))}, ?, ?)"
            number = int(self._base.execute(query, (*values, root, item.path)).lastrowid or 0)
        else:
            query = f"UPDATE items SET ({_COLUMNS}) = ({marks(list(values))}) WHERE id = ?"
            self._base.execute(query, (*values, number))
        words.refresh(self._base, number)
        return number

    def _describe(self, number: int, item: NewItem) -> None:
        facts = item.facts
        texts = [json.dumps(text, ensure_ascii=False) for text in (item.captions, item.keywords, item.labels)]
        self._base.execute(
            "UPDATE items SET captions = ?, keywords = ?, labels = ?, attribution = ? WHERE id = ?",
            (*texts, item.attribution, number),
        )
        if facts.content:
            self._base.execute(
                "UPDATE items SET size = ?, modified_ns = ?, content = ?, taken = ?, width = ?, height = ?, camera = ?,"
                " day = ? WHERE id = ?",
                (item.size, item.modified_ns, *asdict(facts).values(), item.day, number),
            )
        words.refresh(self._base, number)

    def _enter_captions(self, number: int, texts: Sequence[str], slots: Iterator[int]) -> None:
        rows = [(number, text, next(slots)) for text in texts]
        self._base.executemany("INSERT INTO captions (item, text, slot) VALUES (?, ?, ?)", rows)

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
            path = self.folder / row_file(side, kind, self.generation)
            with open(path, "r+b" if path.exists() else "w+b") as file:
                file.seek(first * block[0].nbytes)
                file.write(np.ascontiguousarray(block).tobytes())
                file.truncate()
                file.flush()
                os.fsync(file.fileno())
        return range(first, first + len(encoded))

    def _ids(self, root: int, paths: list[str]) -> dict[str, int]:
        result: dict[str, int] = {}
        for part in some(paths):
            query = f"SELECT path, id FROM items WHERE root = ? AND path IN ({marks(part)})"
            result |= dict(self._base.execute(query, (root, *part)))
        return result

    def _drop_captions(self, ids: list[int]) -> None:
        for part in some(ids):
            self._base.execute(f"DELETE FROM captions WHERE item IN ({marks(part)})", part)


def _known(row: Row) -> KnownItem:
    _, number, size, modified, captions, keywords, labels, *rest = row
    texts = [tuple(json.loads(text)) for text in (captions, keywords, labels)]
    return KnownItem(number, size, modified, texts[0], texts[1], texts[2], *rest)


def cannot_write_index(folder: Path, error: Exception) -> UserError:
    """What is said where a change could not be written."""
    if "disk is full" in str(error):
        error = OSError(28, "No space left on device")
    return cannot_write(folder, error if isinstance(error, OSError) else OSError(5, str(error)))
