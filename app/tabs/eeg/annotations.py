"""The annotations of the recording that is shown: those of the file, and a person's own. No widgets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, Signal

from models.eeg.recording import Annotation

if TYPE_CHECKING:
    from app.tabs.eeg.session import EegSession


class Annotations(QObject):
    """changed(): there are others. every: all of them in the order of time; a person may change each."""

    changed = Signal()

    def __init__(self, session: EegSession) -> None:
        super().__init__(session)
        self._session = session
        self.every: tuple[Annotation, ...] = ()
        self.onsets = self.ends = np.zeros(0)  # of each, in s
        self._kept: dict[tuple[str, int], tuple[Annotation, ...]] = {}  # by file and part
        session.part_changed.connect(self._show_part)

    def put(self, every: Sequence[Annotation]) -> None:
        """These, instead of those that were there."""
        every = tuple(sorted(every, key=lambda one: (one.onset_s, one.duration_s)))
        if every == self.every:
            return
        self.every = every
        key = self._key()
        if key is not None:
            self._kept[key] = every
        self._changed()

    def add(self, onset_s: float, duration_s: float, text: str) -> int:
        """The number it has among all."""
        recording = self._session.recording
        assert recording is not None
        onset = min(max(0.0, onset_s), recording.duration_s)
        one = Annotation(onset, min(max(0.0, duration_s), recording.duration_s - onset), text)
        self.put([*self.every, one])
        return self.every.index(one)

    def remove(self, numbers: Sequence[int]) -> None:
        """Those with these numbers."""
        gone = set(numbers)
        self.put([one for number, one in enumerate(self.every) if number not in gone])

    def change(self, number: int, **values: float | str) -> int:
        """Another onset, duration or text; the number that it has then."""
        one = replace(self.every[number], **values)  # type: ignore[arg-type]
        rest = [other for place, other in enumerate(self.every) if place != number]
        self.put([*rest, one])
        return self.every.index(one)

    @property
    def own(self) -> bool:
        """Whether they are others than the file's."""
        recording = self._session.recording
        return recording is not None and self.every != _sorted(recording.annotations)

    def within(self, left_s: float, right_s: float) -> np.ndarray:
        """Numbers of those that reach into a stretch."""
        return np.flatnonzero((self.onsets <= right_s) & (self.ends >= left_s))

    def state(self) -> list[tuple[float, float, str]]:
        """A person's own, for the next start; nothing where they are the file's."""
        return [(one.onset_s, one.duration_s, one.text) for one in self.every] if self.own else []

    def restore(self, state: object) -> None:
        """Of an earlier start, for the recording that is shown; what makes no sense is passed over."""
        rows = state if isinstance(state, list) else []
        kept = [Annotation(float(row[0]), float(row[1]), str(row[2])) for row in rows if _is_row(row)]
        if kept:
            self.put(kept)

    def _key(self) -> tuple[str, int] | None:
        opened = self._session.opened
        return None if opened is None else (str(opened.path), self._session.number)

    def _show_part(self) -> None:
        recording, key = self._session.recording, self._key()
        assert recording is not None
        assert key is not None
        self.every = self._kept.get(key, _sorted(recording.annotations))
        self._changed()

    def _changed(self) -> None:
        self.onsets = np.array([one.onset_s for one in self.every])
        self.ends = self.onsets + np.array([one.duration_s for one in self.every])
        self.changed.emit()


def _sorted(annotations: Sequence[Annotation]) -> tuple[Annotation, ...]:
    return tuple(sorted(annotations, key=lambda one: (one.onset_s, one.duration_s)))


def _is_row(row: object) -> bool:
    return (
        isinstance(row, list | tuple)
        and len(row) == 3
        and all(isinstance(value, int | float) and 0 <= value < 1e9 for value in row[:2])
    )
