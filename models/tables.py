"""Tables and figures as files: CSV for spreadsheets, JSON for programs, written whole or not at all. No torch."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from models.datafiles import write_whole
from models.file_names import utf8

Cells = Sequence[object]


def csv_bytes(rows: Iterable[Cells]) -> bytes:
    """Rows of cells as CSV in UTF-8; the first is the heading."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return utf8(text.getvalue())


def write_csv(path: Path, rows: Iterable[Cells]) -> None:
    """Write rows of cells, the heading first. Raises UserError where the place cannot be written."""
    write_whole(path, csv_bytes(rows))


def write_records(path: Path, records: Sequence[Mapping[str, object]]) -> None:
    """Write one row a record; the keys of the first are the heading. No records make an empty file."""
    head: list[Cells] = [list(records[0])] if records else []
    write_csv(path, [*head, *([cell(value) for value in record.values()] for record in records)])


def write_json(path: Path, values: Any) -> None:
    """Write plain values as indented JSON in UTF-8. Raises UserError where the place cannot be written."""
    write_whole(path, utf8(json.dumps(values, indent=2, ensure_ascii=False) + "\n"))


def cell(value: object, digits: int = 6) -> object:
    """A value as a cell: nothing for None, floating-point numbers rounded to so many digits behind the point."""
    if value is None:
        return ""
    return round(value, digits) if isinstance(value, float) else value
