"""The tables that separation writes. No torch: the window uses them, too."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from models.separation.results import Separated, TrackScores
from models.tables import cell, write_csv, write_json, write_records

FIGURES = ("si_sdr", "si_sdri", "sdr", "sdri", "stoi", "pesq")


def write_scores(out: Path, scores: Sequence[TrackScores], references: Sequence[Path]) -> None:
    """``reference, track`` and a column a figure; a figure that is not defined is left empty."""
    rows = [
        [reference.name, score.track + 1, *(cell(getattr(score, name)) for name in FIGURES)]
        for reference, score in zip(references, scores, strict=True)
    ]
    write_csv(out, [["reference", "track", *FIGURES], *rows])


def write_tracks(out: Path, separated: Sequence[Separated]) -> None:
    """``mixture, speaker, track, level_db, seconds``: one row a track."""
    rows = [
        [item.mixture, number + 1, track, cell(level), cell(item.seconds)]
        for item in separated
        for number, (track, level) in enumerate(zip(item.tracks, item.levels_db, strict=True))
    ]
    write_csv(out, [["mixture", "speaker", "track", "level_db", "seconds"], *rows])


def write_evaluation(folder: Path, metrics: dict[str, Any], rows: Sequence[dict[str, Any]]) -> None:
    """``figures.json`` and ``items.csv`` in `folder`."""
    write_json(folder / "figures.json", metrics)
    write_records(folder / "items.csv", rows)
