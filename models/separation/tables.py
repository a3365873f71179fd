"""The tables that separation writes. No torch: the window uses them, too."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from models.datafiles import write_whole
from models.files import utf8
from models.separation.results import Separated, TrackScores

FIGURES = ("si_sdr", "si_sdri", "sdr", "sdri", "stoi", "pesq")


def csv_bytes(rows: Sequence[Sequence[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return utf8(text.getvalue())


def write_scores(out: Path, scores: Sequence[TrackScores], references: Sequence[Path]) -> None:
    """``reference, track`` and a column a figure; a figure that is not defined is left empty."""
    rows = [
        [reference.name, score.track + 1, *(_cell(getattr(score, name)) for name in FIGURES)]
        for reference, score in zip(references, scores, strict=True)
    ]
    write_whole(out, csv_bytes([["reference", "track", *FIGURES], *rows]))


def write_tracks(out: Path, separated: Sequence[Separated]) -> None:
    """``mixture, speaker, track, level_db, seconds``: one row a track."""
    rows = [
        [one.mixture, number + 1, track, _cell(level), _cell(one.seconds)]
        for one in separated
        for number, (track, level) in enumerate(zip(one.tracks, one.levels_db, strict=True))
    ]
    write_whole(out, csv_bytes([["mixture", "speaker", "track", "level_db", "seconds"], *rows]))


def write_evaluation(folder: Path, figures: dict[str, Any], rows: Sequence[dict[str, Any]]) -> None:
    """``figures.json`` and ``items.csv`` in `folder`."""
    write_whole(folder / "figures.json", (json.dumps(figures, indent=2, ensure_ascii=False) + "\n"))
    table: list[Sequence[object]] = (
        [list(rows[0]), *([_cell(value) for value in row.values()] for row in rows)] if rows else []
    )
    write_whole(folder / "items.csv", csv_bytes(table))


def _cell(value: object) -> object:
    return "" if value is None else round(value, 4) if isinstance(value, float) else value
