"""The recording of a live session: sound and predictions in step, written as they come."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from app.audio.recorder import SessionRecorder, folder
from app.audio.ring import Ring
from app.i18n import tr
from models.errors import UserError

if TYPE_CHECKING:
    from app.tabs.base import Tab

RATE = 16_000


class Recording:
    """At most one at a time. What cannot be written is said in the tab, and the session goes on without it."""

    def __init__(self, tab: Tab) -> None:
        self._tab = tab
        self._recorder: SessionRecorder | None = None
        self._began = 0.0

    @property
    def running(self) -> bool:
        return self._recorder is not None

    def open(self, labels: tuple[str, ...], dimensions: tuple[str, ...], began: float) -> None:
        """Begin a new one, of a model's classes and dimensions; `began` is the monotonic time that its zero stands for."""
        self._began = began
        stem = folder() / time.strftime("session-%Y%m%d-%H%M%S")
        try:
            self._recorder = SessionRecorder(stem, RATE, labels, dimensions, began=began)
        except UserError as error:
            self._failed(error)

    def follow(self, ring: Ring) -> None:
        """Write what the ring has that was not written yet."""
        if self._recorder is not None:
            try:
                self._recorder.follow(ring)
            except UserError as error:
                self._failed(error)

    def add(self, start: float, end: float, label: str, values: np.ndarray) -> None:
        """Write a prediction, its probabilities and then its degrees; an empty label is a stretch without speech. start, end: on the monotonic clock; what
        was before the recording began is not its own."""
        if self._recorder is not None and end > self._began:
            start_s, end_s = max(0.0, start - self._began), end - self._began
            try:
                self._recorder.add_prediction(start_s, end_s, label, values)
            except UserError as error:
                self._failed(error)

    def close(self) -> None:
        """End it and say where it is; nothing if there is none."""
        recorder, self._recorder = self._recorder, None
        if recorder is None:
            return
        try:
            files = recorder.close()
        except UserError as error:
            self._tab.show_error(error)
            return
        if files:
            text = tr("The session was written to {folder}.", folder=files[0].parent)
            self._tab.show_message("hint", text, key="recorded")

    def _failed(self, error: UserError) -> None:
        """What was written so far keeps its place."""
        self.close()
        self._tab.show_error(error)
