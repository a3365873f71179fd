"""The time lines of a file: its own, or one for every speaker of the conversation that it is a track of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from app.tabs.emotion.file_table import Row
from app.tabs.emotion.speaker_lines import SpeakerLine
from app.workers import Worker


class FileLines:
    """Holds how loud the tracks of conversations are, from which it is told who speaks when."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._levels: dict[Path, np.ndarray] = {}

    def forget(self, path: Path) -> None:
        """The track may have been separated anew."""
        self._levels.pop(path, None)

    async def of(self, row: Row, rows: Sequence[Row]) -> list[SpeakerLine]:
        """The row's time line; of a track one for every speaker of its conversation, silent where they are silent."""
        from models.emotion.turns import levels_db, speaking, spoken

        if row.talk is None:
            result = row.prediction
            return (
                [SpeakerLine("", "", *result.edges(), result.window_labels())] if result is not None else []
            )
        for track in row.talk.tracks:
            if track.path not in self._levels:
                self._levels[track.path] = await self._worker.run(levels_db, track.path)
        turns = speaking([self._levels[track.path] for track in row.talk.tracks])
        predictions = {item.path: item.prediction for item in rows if item.talk is row.talk}
        lines = []
        for track, speaks in zip(row.talk.tracks, turns, strict=True):
            prediction = predictions.get(track.path)
            if prediction is None:  # still to be recognised
                continue
            starts, ends = prediction.edges()
            labels = zip(prediction.window_labels(), spoken(speaks, starts, ends), strict=True)
            shown = [label if is_spoken else None for label, is_spoken in labels]
            lines.append(SpeakerLine(track.name, track.color, starts, ends, shown))
        return lines
