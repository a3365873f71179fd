"""The folders of an index: no two of them hold the same files. They are entered, moved and dropped here."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from models.errors import UserError
from models.resources import resource
from models.search import words
from models.search.index import Index
from models.search.index_reading import SHIPPED, root_folder


def entered(index: Index, place: Path) -> tuple[int, Path]:
    """(number, folder) of the root that a folder belongs to: one that encloses it, else itself, entered if it is new.

    Roots below it become part of it, and what they hold is kept. `place` is resolved.
    """
    with index.reading():
        roots = _roots(index)
    enclosing = [
        (len(folder.parts), number, folder)
        for number, folder in roots.items()
        if place.is_relative_to(folder)
    ]
    if enclosing:
        _, number, folder = min(enclosing)
    else:
        number, folder = index.root(_name(place)), place
    below = [
        other for other, where in _roots(index).items() if other != number and where.is_relative_to(folder)
    ]
    if below:
        with index.changing() as base:
            for other in below:
                _taken_over(base, number, folder, other)
        index.after_change(True)
    return number, folder


def move(index: Index, old: str | os.PathLike[str], new: str | os.PathLike[str]) -> None:
    """A folder of the index lies elsewhere now: nothing is read again. Raises UserError where either is none."""
    place = _place(new)
    if not place.is_dir():
        raise UserError(
            "{path} is not a folder.", "It may have been moved or deleted.", "Choose it again.", path=new
        )
    with index.writing():
        number = _number_of(index, old)
        twin = next(
            (other for other, where in _roots(index).items() if where == place and other != number), None
        )
        with index.changing() as base:
            if twin is not None:
                _taken_over(base, number, place, twin, prefix="")
            base.execute("UPDATE roots SET path = ? WHERE id = ?", (_name(place), number))
        index.after_change(True)
        entered(index, place)


def drop(index: Index, folder: str | os.PathLike[str]) -> int:
    """Take a folder and its pictures out of the index; the files stay. Returns how many pictures it had."""
    with index.writing():
        number = _number_of(index, folder)
        held = [item.id for item in index.known(number).values()]
        index.remove(held)
        with index.changing() as base:
            base.execute("DELETE FROM roots WHERE id = ?", (number,))
    return len(held)


def forget_empty(index: Index) -> None:
    """Roots that hold nothing and are not there any more are no roots: what they held has moved."""
    with index.changing() as base:
        empty = base.execute(
            "SELECT id, path FROM roots WHERE id NOT IN (SELECT DISTINCT root FROM items)"
        ).fetchall()
        gone = [(number,) for number, path in empty if not root_folder(path).is_dir()]
        base.executemany("DELETE FROM roots WHERE id = ?", gone)


def _taken_over(
    base: sqlite3.Connection, number: int, folder: Path, other: int, prefix: str | None = None
) -> None:
    """The items of a root become those of another; what both hold is kept once."""
    where = _resolved(base.execute("SELECT path FROM roots WHERE id = ?", (other,)).fetchone()[0])
    start = where.relative_to(folder).as_posix() + "/" if prefix is None else prefix
    base.execute(
        "UPDATE OR IGNORE items SET root = ?, path = ? || path WHERE root = ?", (number, start, other)
    )
    left = [row[0] for row in base.execute("SELECT id FROM items WHERE root = ?", (other,))]
    for table, column in (("captions", "item"), ("words", "rowid"), ("items", "id")):
        base.executemany(f"DELETE FROM {table} WHERE {column} = ?", ((item,) for item in left))
    base.execute("DELETE FROM roots WHERE id = ?", (other,))
    words.refresh_root(base, number)


def _number_of(index: Index, folder: str | os.PathLike[str]) -> int:
    place = _place(folder)
    root = next((number for number, where in _roots(index).items() if where == place), None)
    if root is None:
        raise UserError(
            "{path} is not a folder of this index.",
            "Its folders are {folders}.",
            "Name one of these.",
            path=folder,
            folders=", ".join(map(str, index.folders())) or "none",
        )
    return root


def _roots(index: Index) -> dict[int, Path]:
    """number → folder, resolved."""
    return {number: folder.resolve() for number, folder in index.roots().items()}


def _place(folder: str | os.PathLike[str]) -> Path:
    return Path(folder).expanduser().resolve()


def _resolved(path: str) -> Path:
    return root_folder(path).resolve()


def _name(place: Path) -> str:
    """The folder as the index keeps it: what ships is named so that it is found on every machine."""
    shipped = resource().resolve()
    return SHIPPED + place.relative_to(shipped).as_posix() if place.is_relative_to(shipped) else str(place)
