"""The tables that emotion writes. No torch: the window uses them, too."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.checkpoint import cannot_write
from models.datafiles import write_whole
from models.emotion.speakers import Evaluation
from models.files import utf8

if TYPE_CHECKING:
    from models.emotion.recognizer import FilePrediction


def write_table(out: Path, predictions: Sequence[FilePrediction], labels: Sequence[str]) -> None:
    """``path, start_s, end_s, label`` and a probability a class, whole or not at all."""
    head = ["path", "start_s", "end_s", "label", *(f"p_{label}" for label in labels)]
    write_whole(out, csv_bytes([head, *(row for prediction in predictions for row in prediction.rows())]))


def write_evaluation(folder: Path, evaluation: Evaluation, items: Sequence[dict[str, Any]]) -> None:
    """``figures.json``, ``speakers.csv`` and ``items.csv`` in `folder`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from error
    write_json(folder / "figures.json", evaluation.as_dict())
    write_whole(folder / "speakers.csv", csv_bytes(evaluation.to_rows()))
    write_items(folder / "items.csv", items)


def write_items(path: Path, items: Sequence[dict[str, Any]]) -> None:
    """One row an item; the keys of the first are the columns."""
    write_whole(path, csv_bytes([list(items[0]), *([*row.values()] for row in items)] if items else []))


def write_json(path: Path, values: Any) -> None:
    write_whole(path, (json.dumps(values, indent=2, ensure_ascii=False) + "\n"))


def csv_bytes(rows: Sequence[Sequence[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return utf8(text.getvalue())
