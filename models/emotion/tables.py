"""The tables that emotion writes. No torch: the window uses them, too."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.emotion.speakers import Evaluation
from models.tables import write_csv, write_json, write_records

if TYPE_CHECKING:
    from models.emotion.file_prediction import FilePrediction


def write_table(out: Path, predictions: Sequence[FilePrediction], labels: Sequence[str]) -> None:
    """``path, start_s, end_s, label`` and a probability a class, whole or not at all."""
    head = ["path", "start_s", "end_s", "label", *(f"p_{label}" for label in labels)]
    write_csv(out, [head, *(row for prediction in predictions for row in prediction.rows())])


def write_evaluation(folder: Path, evaluation: Evaluation, items: Sequence[dict[str, Any]]) -> None:
    """``figures.json``, ``speakers.csv`` and ``items.csv`` in `folder`."""
    write_json(folder / "figures.json", evaluation.as_dict())
    write_csv(folder / "speakers.csv", evaluation.to_rows())
    write_records(folder / "items.csv", items)
