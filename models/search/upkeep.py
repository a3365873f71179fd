"""Keeping an index true: looking for what is wrong with it, putting it right, and giving back the room of rows that are not
used any more."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from models.errors import UserError
from models.search import words
from models.search.index import Index, cannot_write_index
from models.search.index_reading import DAMAGE, SIDES, damaged, root_folder
from models.search.index_table import (
    TABLE,
    Identity,
    Row,
    check_schema,
    connected,
    made_aside,
    mapped_rows,
    only_writer,
    row_file,
    upgraded,
)

WORTH_SHARE, WORTH_ROWS = 0.3, 1000  # from which unused rows are given back by themselves
_TABLES = {"pictures": "items", "captions": "captions"}


@dataclass(frozen=True)
class Finding:
    """what: a sentence with its place for `count`. repairable: whether `repair` puts it right; else updating the folder does."""

    what: str
    count: int = 0
    repairable: bool = True
    reason: str = ""

    @property
    def words(self) -> str:
        return self.what.format(count=self.count, reason=self.reason)


def check(folder: str | os.PathLike[str], files: bool = True) -> list[Finding]:
    """What is wrong with the index in a folder; an empty list where nothing is. Changes nothing.

    files: also whether the pictures are where they were. Raises UserError where there is no index, or none that can be read.
    """
    folder = Path(folder)
    with _table(folder) as base:
        try:
            faults = [str(row[0]) for row in base.execute("PRAGMA quick_check") if row[0] != "ok"]
            return [_damaged_table(reason) for reason in faults[:1]] or _wrong(base, folder, files)
        except sqlite3.DatabaseError as error:
            return [_damaged_table(str(error))]


def _damaged_table(reason: str) -> Finding:
    return replace(_TABLE_DAMAGED, count=1, reason=reason.rstrip("."))


def _wrong(base: sqlite3.Connection, folder: Path, files: bool) -> list[Finding]:
    findings = []
    for side in SIDES:
        lost = _lost(base, folder, side)
        if lost:
            findings.append(replace(_LOST[side], count=len(lost)))
    for finding, query in _ORPHANS:
        count = int(base.execute(f"SELECT count(*) FROM {query}").fetchone()[0])
        if count:
            findings.append(replace(finding, count=count))
    before = base.execute("SELECT value FROM meta WHERE key = 'before'").fetchone()
    kept = set(_row_files(folder, int(before[0]))) if before else set()  # until the next time it is written
    stray = set(_stray(folder, _generation(base))) - kept
    if stray:
        findings.append(Finding("{count} files are left over of an earlier state.", len(stray)))
    away = _away(base) if files else 0
    if away:
        findings.append(
            Finding("{count} pictures are not where they were; update their folders.", away, False)
        )
    return findings


_TABLE_DAMAGED = Finding("The table is damaged: {reason}.")
_LOST = {
    "pictures": Finding("{count} pictures have no row in the files."),
    "captions": Finding("{count} captions have no row in the files."),
}
_ORPHANS = (
    (
        Finding("{count} pictures belong to no folder."),
        "items WHERE root NOT IN (SELECT id FROM roots)",
    ),
    (
        Finding("{count} captions belong to no picture."),
        "captions WHERE item NOT IN (SELECT id FROM items)",
    ),
    (
        Finding("{count} pictures cannot be looked up by words."),
        "items WHERE slot IS NOT NULL AND id NOT IN (SELECT rowid FROM words)",
    ),
    (
        Finding("{count} entries of the table of words belong to no picture."),
        "words WHERE rowid NOT IN (SELECT id FROM items)",
    ),
)


def repair(folder: str | os.PathLike[str]) -> list[Finding]:
    """Put right what `check` finds, as far as it can be; returns what was found.

    What has lost its row is taken out, so that the next update encodes it. A damaged table is written anew of what can still
    be read of it. Raises UserError where there is no index, or nothing can be read.
    """
    folder = Path(folder)
    with only_writer(folder):
        findings: list[Finding] = []
        try:
            findings = check(folder, files=False)
            broken = any(finding.what == _TABLE_DAMAGED.what for finding in findings)
        except UserError:
            broken = True
        if broken:
            _salvage(folder)
            findings = [*findings, *(item for item in check(folder, files=False) if item not in findings)]
        with _table(folder) as base:
            try:
                base.execute("BEGIN IMMEDIATE")
                for side in SIDES:
                    lost = ((number,) for number in _lost(base, folder, side))
                    base.executemany(f"DELETE FROM {_TABLES[side]} WHERE id = ?", lost)
                base.execute("DELETE FROM items WHERE root NOT IN (SELECT id FROM roots)")
                base.execute("DELETE FROM captions WHERE item NOT IN (SELECT id FROM items)")
                words.rebuild(base)
                base.execute("COMMIT")
            except sqlite3.Error as error:
                raise cannot_write_index(folder, error) from error
            for path in _stray(folder, _generation(base)):
                path.unlink(missing_ok=True)
    return findings


def compact(index: Index) -> int:
    """Write the rows that are used into files of their own; returns how many bytes that gave back.

    Killed at any moment, the index is whole, in its old files or its new. Call it within `Index.writing`.
    """
    before = sum(path.stat().st_size for path in _row_files(index.folder))
    with index.reading():
        old, new = index.generation, index.generation + 1
        slots = {side: index.used_slots(side) for side in SIDES}
    try:
        for side in SIDES:
            for kind in ("codes", "embeddings") if index.keeps_embeddings else ("codes",):
                _copy_rows(index, side, kind, slots[side], new)
    except OSError as error:
        raise cannot_write_index(index.folder, error) from error
    with index.changing() as base:
        for side in SIDES:
            table = _TABLES[side]
            base.execute("CREATE TEMP TABLE IF NOT EXISTS moved (old INTEGER PRIMARY KEY, new INTEGER)")
            base.execute("DELETE FROM moved")
            base.executemany(
                "INSERT INTO moved VALUES (?, ?)", ((int(at), n) for n, at in enumerate(slots[side]))
            )
            base.execute(
                f"UPDATE {table} SET slot = (SELECT new FROM moved WHERE old = slot) WHERE slot IS NOT NULL"
            )
            base.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (f"next_{side}", str(len(slots[side]))))
        base.execute("INSERT OR REPLACE INTO meta VALUES ('generation', ?)", (str(new),))
        base.execute("INSERT OR REPLACE INTO meta VALUES ('before', ?)", (str(old),))
    index.after_change(True)
    return before - sum(path.stat().st_size for path in _row_files(index.folder, new))


def compact_if_worth(index: Index) -> None:
    """`compact`, where many rows are not used."""
    unused, held = index.unused_rows()
    if unused >= WORTH_ROWS and unused > WORTH_SHARE * held:
        compact(index)


def remove_stray_files(index: Index) -> None:
    """Files of rows that were compacted away, or begun and not finished. Another process that reads the index still has the
    files before the last compaction until the next time that it is written."""
    with index.reading():
        generation = index.generation
    for path in _stray(index.folder, generation):
        with contextlib.suppress(OSError):  # such as one that is open elsewhere, on Windows
            path.unlink()


# Inside


@contextlib.contextmanager
def _table(folder: Path) -> Iterator[sqlite3.Connection]:
    if not (folder / TABLE).is_file():
        raise UserError(
            "{path} is not an index.",
            "It has no {table}.",
            "Choose the folder that `index` has written, or index your pictures first.",
            path=folder,
            table=TABLE,
        )
    base = None
    try:
        base = connected(folder, not os.access(folder, os.W_OK))
        check_schema(base)
        base = upgraded(base, not os.access(folder, os.W_OK))
        yield base
    except DAMAGE as error:
        raise damaged(folder, error) from error
    finally:
        if base is not None:
            base.close()


def _generation(base: sqlite3.Connection) -> int:
    row = base.execute("SELECT value FROM meta WHERE key = 'generation'").fetchone()
    return int(row[0]) if row else 0


def _lost(base: sqlite3.Connection, folder: Path, side: str) -> list[int]:
    """Ids of which a file of rows does not hold the row."""
    meta = dict(base.execute("SELECT key, value FROM meta"))
    identity, generation = Identity.parsed(meta["identity"]), _generation(base)
    held = len(mapped_rows(folder / row_file(side, "codes", generation), np.uint8, identity.bits // 8))
    if meta["embeddings"] == "1":
        path = folder / row_file(side, "embeddings", generation)
        held = min(held, len(mapped_rows(path, np.float16, identity.dim)))
    query = f"SELECT id FROM {_TABLES[side]} WHERE slot IS NOT NULL AND (typeof(slot) != 'integer' OR slot < 0 OR slot >= ?)"
    return [row[0] for row in base.execute(query, (held,))]


def _away(base: sqlite3.Connection) -> int:
    roots = dict(base.execute("SELECT id, path FROM roots"))
    rows = base.execute("SELECT root, path FROM items WHERE slot IS NOT NULL")
    return sum(root not in roots or not (root_folder(roots[root]) / path).exists() for root, path in rows)


def _row_files(folder: Path, generation: int | None = None) -> list[Path]:
    """All files of rows, or those of a generation."""
    names = {row_file(side, kind, generation or 0) for side in SIDES for kind in ("codes", "embeddings")}
    every = [path for path in folder.iterdir() if path.suffix in (".codes", ".embeddings")]
    return every if generation is None else [path for path in every if path.name in names]


def _stray(folder: Path, generation: int) -> list[Path]:
    return sorted(set(_row_files(folder)) - set(_row_files(folder, generation)))


def _copy_rows(index: Index, side: str, kind: str, slots: np.ndarray, generation: int) -> None:
    if not len(slots):
        return
    rows = index.rows(side, kind)
    with open(index.folder / row_file(side, kind, generation), "wb") as file:
        for start in range(0, len(slots), 65_536):
            file.write(np.ascontiguousarray(rows[slots[start : start + 65_536]]).tobytes())
        file.flush()
        os.fsync(file.fileno())


def _salvage(folder: Path) -> None:
    """Write the table anew, of every row that can still be read. Raises UserError where the model's name cannot."""
    old = folder / f"{TABLE}.damaged"
    os.replace(folder / TABLE, old)
    try:
        source = sqlite3.connect(old, isolation_level=None)
        try:
            meta = dict(source.execute("SELECT key, value FROM meta"))
            json.loads(meta["identity"])
            kept = {table: _readable(source, table) for table in ("roots", "items", "captions")}
        finally:
            source.close()
        made_aside(folder, meta)
        base = connected(folder, read_only=False)
        try:
            base.execute("BEGIN")
            for table, (columns, rows) in kept.items():
                query = f"INSERT OR IGNORE INTO {table} ({columns}) VALUES ({','.join('?' * (columns.count(',') + 1))})"
                base.executemany(query, rows)
            base.execute("COMMIT")
        finally:
            base.close()
    except DAMAGE as error:
        (folder / TABLE).unlink(missing_ok=True)
        os.replace(old, folder / TABLE)
        raise damaged(folder, error) from error
    old.unlink()


def _readable(source: sqlite3.Connection, table: str) -> tuple[str, list[Row]]:
    """(columns, rows) of a table, from both ends towards what cannot be read."""
    columns = ", ".join(row[1] for row in source.execute(f"PRAGMA table_info({table})"))
    rows: dict[int, Row] = {}
    for order in ("ASC", "DESC"):
        with contextlib.suppress(sqlite3.Error):
            for row in source.execute(f"SELECT {columns} FROM {table} ORDER BY rowid {order}"):
                if row[0] in rows:
                    break
                rows[row[0]] = row
    return columns, list(rows.values())
