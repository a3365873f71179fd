"""The annotations of the recording that is shown: those of the file, and a person's own. No widgets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PySide6.QtCore import QObject, Signal

from models.eeg.recording import Annotation, Recording


class Annotations(QObject):
    """changed(): there are others. every: all of them in the order of time; a person may change each."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._recording: Recording | None = None
        self._key = ("", 0)
        self.every: tuple[Annotation, ...] = ()
        self.onsets = self.ends = np.zeros(0)  # of each, in s
        self._kept: dict[tuple[str, int], tuple[Annotation, ...]] = {}  # by file and part

    def show(self, recording: Recording, path: Path, number: int) -> None:
        """Another recording is shown, part `number` of the file at `path`: a person's own of it, or the file's."""
        self._recording, self._key = recording, (str(path), number)
        self.every = self._kept.get(self._key, _sorted(recording.annotations))
        self._changed()

    def put(self, every: Sequence[Annotation]) -> None:
        """These, instead of those that were there."""
        every = tuple(sorted(every, key=lambda item: (item.onset_s, item.duration_s)))
        if every == self.every:
            return
        self.every = every
        self._kept[self._key] = every
        self._changed()

    def add(self, onset_s: float, duration_s: float, text: str) -> int:
        """The number it has among all."""
        assert self._recording is not None
        end_s = self._recording.duration_s
        onset_s = min(max(0.0, onset_s), end_s)
        added = Annotation(onset_s, min(max(0.0, duration_s), end_s - onset_s), text)
        self.put([*self.every, added])
        return self.every.index(added)

    def remove(self, numbers: Sequence[int]) -> None:
        """Those with these numbers."""
        gone = set(numbers)
        self.put([item for number, item in enumerate(self.every) if number not in gone])

    def change(self, number: int, **values: float | str) -> int:
        """Another onset, duration or text; the number that it has then."""
        changed = replace(self.every[number], **values)  # type: ignore[arg-type]
        rest = [other for place, other in enumerate(self.every) if place != number]
        self.put([*rest, changed])
        return self.every.index(changed)

    @property
    def own(self) -> bool:
        """Whether they are others than the file's."""
        recording = self._recording
        return recording is not None and self.every != _sorted(recording.annotations)

    def within(self, left_s: float, right_s: float) -> np.ndarray:
        """Numbers of those that reach into a stretch."""
        return np.flatnonzero((self.onsets <= right_s) & (self.ends >= left_s))

    def state(self) -> list[tuple[float, float, str]]:
        """A person's own, for the next start; nothing where they are the file's."""
        return [(item.onset_s, item.duration_s, item.text) for item in self.every] if self.own else []

    def restore(self, state: object) -> None:
        """Of an earlier start, for the recording that is shown; what makes no sense is passed over."""
        rows = state if isinstance(state, list) else []
        kept = [Annotation(float(row[0]), float(row[1]), str(row[2])) for row in rows if _is_row(row)]
        if kept:
            self.put(kept)

    def _changed(self) -> None:
        self.onsets = np.array([item.onset_s for item in self.every])
        self.ends = self.onsets + np.array([item.duration_s for item in self.every])
        self.changed.emit()


def _sorted(annotations: Sequence[Annotation]) -> tuple[Annotation, ...]:
    return tuple(sorted(annotations, key=lambda item: (item.onset_s, item.duration_s)))


def _is_row(row: object) -> bool:
    return (
        isinstance(row, list | tuple)
        and len(row) == 3
        and all(isinstance(value, int | float) and 0 <= value < 1e9 for value in row[:2])
    )
