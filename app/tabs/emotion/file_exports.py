"""What the page of files gives away: the table, a recording as labels of other programs, its frames for other systems."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from app.tabs.emotion.file_table import Row, Table
from models.emotion import labels

if TYPE_CHECKING:
    from models.emotion.file_prediction import FilePrediction


def current(table: Table) -> list[FilePrediction]:
    """What the chosen model has recognised."""
    return [row.prediction for row in table.rows if row.prediction is not None and not row.stale]


def save(path: Path, table: Table, shown: Row | None) -> None:
    """A CSV of all files; with another ending the shown one by sentence, of a conversation every speaker. Raises UserError."""
    if path.suffix.lower() in (".csv", ""):
        labels.write(path, current(table), table.labels, dimensions=table.dimensions)
    elif shown is not None and shown.talk is not None:
        predictions = {item.path: item.prediction for item in table.rows}
        tracks = [(predictions.get(track.path), track.name) for track in shown.talk.tracks]
        labels.write_voices(path, [labels.voice_of(item, "sentence", name) for item, name in tracks if item])
    elif shown is not None and shown.prediction is not None:
        labels.write(path, [shown.prediction], table.labels, "sentence")


def frames_of(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """In the worker's thread: windows of log-mel frames and their levels."""
    from models import audio
    from models.emotion.frames import speech_windows

    return speech_windows(audio.read(path), path.name)
