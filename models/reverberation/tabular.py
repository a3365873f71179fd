"""Sequences in tables, as spreadsheets and pandas write them: CSV and Parquet to columns of numbers and names."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models import file_names, files
from models.datafiles import read_table
from models.errors import UserError, shortened
from models.remarks import Remark

MOST_CELLS = 100_000_000  # of a Parquet file, which packs equal numbers into nothing
LONGEST_NAME = 1000  # characters of a sequence's or a group's name
_COMMA = re.compile(r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?")
_NO_NAME = re.compile(r"|unnamed: ?\d+(\.\d+)?|__index_level_\d+__|level_\d+|index", re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-]?(?:nan|inf|infinity)", re.IGNORECASE)


@dataclass
class Columns:
    """The columns of a table by name, in order, and what a person should know of how they were read."""

    path: Path
    values: dict[str, Any]
    comma: bool  # whether a comma may be that of a decimal fraction
    remarks: list[Remark]

    def named(self, names: Sequence[str]) -> str | None:
        """The first column with one of the names, whatever their case."""
        return next((name for name in self.values if name.lower() in names), None)

    def numbers(self, name: str) -> np.ndarray:
        """float32 [rows]. Raises UserError with the row of what is no number."""
        values = self.values[name]
        if isinstance(values, np.ndarray):
            with np.errstate(over="ignore"):
                return self._in_range(name, values.astype(np.float32), values)
        result = np.empty(len(values), np.float32)
        commas = 0
        for row, value in enumerate(values):
            text = str(value).strip()
            if self.comma and _COMMA.fullmatch(text):
                text, commas = text.replace(",", "."), commas + 1
            if not _NUMBER.fullmatch(text):
                raise self._no_number(name, row, text)
            with np.errstate(over="ignore"):
                result[row] = float(text)
        if commas:
            remark = Remark("Numbers with a decimal comma were read as such.")
            self.remarks += [] if remark in self.remarks else [remark]
        return self._in_range(name, result, values)

    def _in_range(self, name: str, numbers: np.ndarray, values: Any) -> np.ndarray:
        """`numbers`, where none of them became infinite that is written as a finite number in `values`."""
        for row in np.flatnonzero(np.isinf(numbers)):
            if "inf" not in str(values[row]).lower():
                raise UserError(
                    "{name} holds a number that is too large.",
                    "Column {column}, row {row}: {value}; numbers up to 3.4e38 can be used.",
                    "Choose another unit for the column, or take it out.",
                    name=file_names.shown(self.path.name),
                    column=name,
                    row=int(row) + 2,
                    value=shortened(values[row], 40),
                )
        return numbers

    def texts(self, name: str) -> list[str]:
        """The column's values as texts, long ones cut."""
        return ["" if value is None else shortened(value, LONGEST_NAME) for value in self.values[name]]

    def _no_number(self, name: str, row: int, text: str) -> UserError:
        if _COMMA.fullmatch(text):
            return UserError(
                "{name} holds numbers with a decimal comma.",
                "Column {column}, row {row}: {value}. Between cells there is a comma, too.",
                "Export it with semicolons between the cells, or with decimal points.",
                name=file_names.shown(self.path.name),
                column=name,
                row=row + 2,
                value=shortened(text, 40),
            )
        return UserError(
            "{name} holds text where numbers are needed.",
            "Column {column}, row {row}: {value}.",
            "Correct it, or take the column out.",
            name=file_names.shown(self.path.name),
            column=name,
            row=row + 2,
            value=shortened(text, 40) or "(empty)",
        )


def read_columns(path: Path) -> Columns:
    """The columns of a CSV or Parquet file. Raises UserError.

    A first column without a name that counts the rows, as pandas writes it, is left out; any other one is refused.
    """
    if files.sniff(path) == "parquet" or path.suffix.lower() == ".parquet":
        columns = Columns(path, _parquet(path), False, [])
    else:
        table = read_table(path)
        values = {name: [row[name.lower()] for row in table.rows] for name in table.columns}
        columns = Columns(path, values, table.delimiter != ",", [])
    for name in [name for name in columns.values if _NO_NAME.fullmatch(name)]:
        if not _counts(columns.values[name]):
            if name.lower() == "index":
                continue
            raise UserError(
                "{name} has a column without a name.",
                "It is column {number}.",
                "Name it in the first line, or take it out.",
                name=file_names.shown(path.name),
                number=list(columns.values).index(name) + 1,
            )
        del columns.values[name]
        remark = Remark("A column without a name that counts the rows was left out.")
        if name.lower() == "index":
            remark = Remark("The column index, which counts the rows, was left out.")
        columns.remarks.append(remark)
    return columns


def _counts(values: Any) -> bool:
    """Whether these are whole numbers, each one more than that before."""
    try:
        numbers = np.array([float(value) for value in values])
    except (ValueError, TypeError, OverflowError):
        return False
    return bool((numbers == np.round(numbers)).all() and (np.diff(numbers) == 1).all())


def _parquet(path: Path) -> dict[str, Any]:
    import pyarrow
    import pyarrow.parquet

    files.check_regular(path)

    def read() -> Any:
        with pyarrow.parquet.ParquetFile(path) as opened:
            about = opened.metadata
            if about.num_rows * max(1, about.num_columns) > MOST_CELLS:
                raise UserError(
                    "{name} is too large when it is unpacked.",
                    "It has {rows} rows of {columns} columns, and {most} cells are allowed.",
                    "Save a part of it.",
                    name=file_names.shown(path.name),
                    rows=about.num_rows,
                    columns=about.num_columns,
                    most=MOST_CELLS,
                )
            schema = opened.schema_arrow
        texts = [field.name for field in schema if pyarrow.types.is_string(field.type)]
        return pyarrow.parquet.read_table(path, read_dictionary=texts)

    table = files.guarded(read, path, "it is damaged, or not a Parquet file")
    if len({name.lower() for name in table.column_names}) != len(table.column_names):
        raise UserError(
            "{name} has several columns of one name.",
            "One of them would be lost.",
            "Name each column once.",
            name=file_names.shown(path.name),
        )
    return files.guarded(lambda: {name: _plain(table.column(name)) for name in table.column_names}, path)


def _plain(column: Any) -> Any:
    """Numbers as an array, what is lacking as NaN; all else as a list."""
    import pyarrow
    import pyarrow.compute

    kind = column.type
    if pyarrow.types.is_boolean(kind):
        column = column.cast(pyarrow.int8())
        kind = column.type
    if pyarrow.types.is_floating(kind) or pyarrow.types.is_integer(kind):
        return column.to_numpy(zero_copy_only=False).astype(np.float64)
    if pyarrow.types.is_dictionary(kind):
        longest = max(
            (len(str(text)) for chunk in column.chunks for text in chunk.dictionary.to_pylist()), default=0
        )
        if longest > LONGEST_NAME:
            raise ValueError("a text is too long")
    return column.to_pylist()


def in_time(columns: Columns, time: str | None, places: list[list[int]]) -> list[list[int]]:
    """The rows of each sequence in the order of its column of time, where it has one of numbers."""
    if len(places) == sum(map(len, places)) > 1:
        columns.remarks.append(Remark("By their names, each row is a sequence of its own, of one step."))
    if time is None:
        return places
    said = Remark("The column {column} is time, and no feature.", column=time)
    ordered = places
    with contextlib.suppress(UserError):  # dates and clock times: the rows stand as they were written
        when = columns.numbers(time)
        ordered = [[rows[i] for i in np.argsort(when[rows], kind="stable")] for rows in places]
    if ordered != places:
        said = Remark("Rows were put in the order of the column {column}.", column=time)
    columns.remarks.append(said)
    return ordered


def check_groups(path: Path, names: list[str], each: list[list[int]], groups: list[str] | None) -> None:
    """Raises UserError where the rows of a sequence, `each` by its name, are of several `groups`, one a row."""
    for name, rows in zip(names, each, strict=True):
        names_of_rows = sorted({groups[row] for row in rows}) if groups is not None else []
        if len(names_of_rows) > 1:
            raise UserError(
                "Sequence {sequence} of {name} belongs to several groups.",
                "They are {groups}.",
                "Give all rows of a sequence one group.",
                sequence=shortened(name, 60),
                name=file_names.shown(path.name),
                groups=shortened(", ".join(names_of_rows), 60),
            )


def group_names(path: Path, groups: np.ndarray | None, count: int) -> tuple[str, ...]:
    """A name a sequence. Raises UserError where there are more or fewer."""
    if groups is None:
        return ()
    names = tuple(str(item) for item in np.asarray(groups).reshape(-1))
    if len(names) != count:
        raise UserError(
            "{name} has {groups} groups for {count} sequences.",
            "",
            "Name the group of each sequence.",
            name=file_names.shown(path.name),
            groups=len(names),
            count=count,
        )
    return names


def whole_numbers(lengths: np.ndarray) -> list[int]:
    """Whole numbers of an array [n], or [n, 1] as MATLAB and pandas give it; none where it holds anything else."""
    values = np.asarray(lengths)
    if values.dtype.kind not in "iuf" or values.size != max(values.shape, default=0):
        return []
    flat = values.reshape(-1)
    whole = np.isfinite(flat) & (np.abs(flat) < 2**31)
    if not whole.all() or (flat != np.round(flat)).any():
        return []
    return [int(count) for count in flat]
