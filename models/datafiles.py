"""Files beside the sound: tables of people, hashes of contents, and files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import csv
import errno
import hashlib
import io
import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models import files, writing
from models.arrays import read_npy
from models.documents import read_json
from models.errors import UserError, shortened
from models.file_names import shown
from models.files import check_regular

_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x9f]")  # no table has these, and most other files do
_NUMBER = re.compile(r"[+-]?(?:\d+[.,]?\d*|[.,]\d+)(?:[eE][+-]?\d+)?|[+-]?(?:nan|inf)", re.IGNORECASE)
LARGEST_TABLE = 256 * 2**20  # bytes; what is larger was not typed or exported as a list of files


@dataclass(frozen=True)
class Row:
    """One row of a table: the line it stands on (the first is 1) and its cells by lower-case column name."""

    line: int
    cells: dict[str, str]

    def __getitem__(self, column: str) -> str:
        """The cell, stripped; empty where the table or the row has none."""
        return self.cells.get(column, "")

    def get(self, column: str, default: str = "") -> str:
        """The cell, or `default` where the table or the row has none, or an empty one."""
        return self.cells.get(column, "") or default


@dataclass(frozen=True)
class Table:
    """A CSV: `columns` as written, and its rows, blank ones left out. delimiter: what stands between cells."""

    path: Path
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    delimiter: str = ","


def read_table(path: str | os.PathLike[str], required: Iterable[str] = ()) -> Table:
    """A CSV with a heading line; comma, semicolon, tab or | between cells.

    UTF-8 and UTF-16 are read for certain; what is neither is taken for Chinese (GB 18030) or for Western European
    (Latin 1), whichever its bytes look like. Column names count without case and outer blanks. Raises UserError where the
    file cannot be read, is no table, names a column twice, lacks one of the `required` columns, or where a row has more
    cells than there are columns: then a comma in a text was taken for one between cells.
    """
    path = Path(path)
    text = _text_of(path)
    declared = re.match(r"\s*\"?sep=(.)\"?\n", text)  # as Excel writes and reads it
    text = text if declared is None else "\n" + text[declared.end() :]
    delimiter = declared[1] if declared else _delimiter(text.lstrip("\n").partition("\n")[0])
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=False)
    columns: tuple[str, ...] = ()
    rows: list[Row] = []
    try:
        for cells in reader:
            cells = [cell.strip() for cell in cells]
            if not any(cells):
                continue
            if not columns:
                columns = _columns(path, cells)
                names = [column.lower() for column in columns]
                continue
            if any(cells[len(columns) :]):
                raise _too_long(path, reader.line_num, len(cells), len(columns), delimiter)
            rows.append(Row(reader.line_num, dict(zip(names, cells, strict=False))))
    except csv.Error as error:
        raise UserError(
            "{name} is not a table that can be read.",
            "Line {line}: {reason}.",
            "Export it again as CSV in UTF-8.",
            name=path.name,
            line=reader.line_num,
            reason=shortened(error),
        ) from error
    if not columns:
        raise UserError(
            "{name} is empty.",
            "It has no heading line and no rows.",
            "Export it again, or choose another file.",
            name=path.name,
        )
    lacking = [name for name in required if name.lower() not in {column.lower() for column in columns}]
    if lacking:
        raise UserError(
            "{name} lacks the column {lacking}.",
            "Its columns are {found}.",
            "Add the column, or rename the one that holds it; the names stand in the first line.",
            name=path.name,
            lacking=", ".join(lacking),
            found=", ".join(columns),
        )
    return Table(path, columns, tuple(rows), delimiter)


def _columns(path: Path, cells: list[str]) -> tuple[str, ...]:
    """The heading, blank cells at its end left out. Raises UserError where it holds numbers, or a name twice."""
    while cells and not cells[-1]:
        cells = cells[:-1]
    if cells and all(_NUMBER.fullmatch(cell) for cell in cells) and not _counted(cells):
        raise UserError(
            "{name} has no heading line.",
            "Its first line holds numbers, which would be taken for the names of its columns and be lost: {cells}.",
            "Put a first line with a name for each column into it.",
            name=shown(path.name),
            cells=shortened(", ".join(cells), 60),
        )
    lower = [cell.lower() for cell in cells]
    twice = next((cell for cell in cells if lower.count(cell.lower()) > 1), None)
    if twice is not None:
        raise UserError(
            "{name} has several columns of one name.",
            "The name is {column}, and the cells of one of them would be lost.",
            "Name each column once, in the first line.",
            name=shown(path.name),
            column=shortened(twice, 60) or "(empty)",
        )
    return tuple(cells)


def _counted(cells: list[str]) -> bool:
    """Whether these are 0, 1, 2 … or 1, 2, 3 …, as pandas and spreadsheets name columns that have no names."""
    return any(cells == [str(number) for number in range(first, first + len(cells))] for first in (0, 1))


def _too_long(path: Path, line: int, cells: int, columns: int, delimiter: str) -> UserError:
    return UserError(
        "{name} has too many cells in line {line}.",
        "There are {cells} cells for {columns} columns; a {delimiter} in a text may have been taken for one between cells.",
        "Put the text into quotation marks, or take the surplus out.",
        name=shown(path.name),
        line=line,
        cells=cells,
        columns=columns,
        delimiter={",": "comma", ";": "semicolon", "|": "|"}.get(delimiter, "tab"),
    )


def content_hash(path: str | os.PathLike[str]) -> str:
    """SHA-256 of a file's bytes, as 64 hexadecimal digits. Raises UserError where it cannot be read."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise _cannot_read(Path(path), error) from error


class ContentHashes:
    """Content hashes remembered by (path, size, time of change), so that a large file is read for it once.

    memory: a JSON file that keeps them over the end of the program; None keeps them only within it. It is a
    convenience: a memory that cannot be read or written costs time, never correctness.
    """

    def __init__(self, memory: Path | None = None) -> None:
        self._memory = memory
        self._known: dict[str, list[int | str]] = {}
        self._changed = False
        if memory is not None:
            with contextlib.suppress(UserError):
                known = read_json(memory)
                self._known = known if isinstance(known, dict) else {}

    def of(self, path: str | os.PathLike[str]) -> str:
        """As `content_hash`. Raises UserError where the file cannot be read."""
        path = Path(path)
        try:
            status = path.stat()
        except OSError as error:
            raise _cannot_read(path, error) from error
        key, now = os.path.abspath(path), [status.st_size, status.st_mtime_ns]
        known = self._known.get(key)
        if isinstance(known, list) and len(known) == 3 and known[:2] == now:
            return str(known[2])
        digest = content_hash(path)
        self._known[key] = [*now, digest]
        self._changed = True
        return digest

    def save(self) -> None:
        """Write the memory, if anything was learned."""
        if self._memory is not None and self._changed:
            with contextlib.suppress(UserError):
                write_whole(self._memory, json.dumps(self._known).encode())
                self._changed = False


def write_whole(path: str | os.PathLike[str], contents: bytes | str) -> None:
    """Write a file aside, then rename it to its place: a kill or a power cut leaves the old one or the new one.

    Missing folders are made. Raises UserError where that is not possible, such as on a full disk.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        writing.write_whole(path, contents)
    except OSError as error:
        raise _cannot_write(path, error) from error


def write_array(path: str | os.PathLike[str], array: np.ndarray) -> None:
    """`array` as ``.npy``, whole or not at all. Raises UserError as `write_whole`."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    write_whole(path, buffer.getvalue())


def read_array(path: str | os.PathLike[str]) -> np.ndarray | None:
    """The array of a ``.npy`` file, or None where there is none or it is broken: then it is to be made again."""
    try:
        return read_npy(path)
    except UserError:
        return None


def _text_of(path: Path) -> str:
    if path.is_dir():
        raise UserError("{name} is a folder.", "A CSV file was expected.", "Choose a file.", name=path.name)
    try:
        if path.exists() and not path.is_file():
            check_regular(path)
        if path.stat().st_size > LARGEST_TABLE:
            raise UserError(
                "{name} is too large for a table of files.",
                "It has {mb:.0f} MB.",
                "Choose the CSV that lists the files.",
                name=path.name,
                mb=path.stat().st_size / 1e6,
            )
        contents = path.read_bytes()
    except OSError as error:
        raise _cannot_read(path, error) from error
    if contents.startswith(files.WORKBOOKS):
        raise files.workbook(path)
    try:
        text = _decoded(contents)
    except UnicodeDecodeError as error:
        raise _not_text(path) from error
    if _CONTROL.search(text):
        raise _not_text(path)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _decoded(contents: bytes) -> str:
    """Text of a spreadsheet: older ones export in the encoding of the country, and say nowhere in which."""
    if contents.startswith((b"\xff\xfe", b"\xfe\xff")):
        return contents.decode("utf-16")
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = contents.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding != "gb18030" or _is_everyday_chinese(text):
            return text
    try:
        return contents.decode("cp1252")  # Latin 1 with the euro sign and quotation marks that Windows adds
    except UnicodeDecodeError:
        return contents.decode("latin-1")


def _is_everyday_chinese(text: str) -> bool:
    """Whether most of what is not ASCII are common characters; an umlaut and a letter make a rare one."""
    wide = [character for character in text if not character.isascii()]
    return 2 * sum(len(item.encode("gb2312", "ignore")) > 0 for item in wide) > len(wide)


def _delimiter(heading: str) -> str:
    """The one of , ; and tab that occurs most: spreadsheets of half the world export with semicolons. | where there is none."""
    return max(",;\t|", key=lambda mark: (heading.count(mark) > 0 and mark != "|", heading.count(mark)))


def _not_text(path: Path) -> UserError:
    return UserError(
        "{name} is not a table.",
        "Its bytes are not text.",
        "Export it again as CSV in UTF-8 (in Excel: CSV UTF-8).",
        name=path.name,
    )


def _cannot_read(path: Path, error: OSError) -> UserError:
    if isinstance(error, FileNotFoundError):
        return UserError(
            "{name} was not found.",
            "It may have been moved or deleted: {path}.",
            "Choose it again.",
            name=path.name,
            path=path,
        )
    return UserError(
        "{name} cannot be read.",
        "{reason}.",
        "Check its permissions, or choose another file.",
        name=path.name,
        reason=error.strerror or str(error),
    )


def _cannot_write(path: Path, error: OSError) -> UserError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return UserError(
            "The disk is full.",
            "{name} could not be written to {folder}.",
            "Make room there, or choose another place.",
            name=path.name,
            folder=path.parent,
        )
    return UserError(
        "{name} cannot be written.",
        "{reason}: {folder}.",
        "Choose a folder you may write to.",
        name=path.name,
        folder=path.parent,
        reason=error.strerror or str(error),
    )
