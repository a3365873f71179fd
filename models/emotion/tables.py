"""The tables that emotion writes. No torch: the window uses them, too."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from models.emotion.speakers import Evaluation
from models.tables import write_csv, write_json, write_records


def write_evaluation(folder: Path, evaluation: Evaluation, items: Sequence[dict[str, Any]]) -> None:
    """``figures.json``, ``speakers.csv`` and ``items.csv`` in `folder`."""
    write_json(folder / "figures.json", evaluation.as_dict())
    write_csv(folder / "speakers.csv", evaluation.to_rows())
    write_records(folder / "items.csv", items)
