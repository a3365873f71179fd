"""What is already separated while the rest is still to come: outlines that grow, and how long it will take."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
from PySide6.QtCore import QObject, Signal

from app.audio.outline import GrowingOutline, Outline

TOLD_EVERY_S = 0.5
LEAST_SHARE = 0.01  # of the recording: before, nothing can be said of the time that is left


class Filling(QObject):
    """`add` is called in the worker's thread, stretch by stretch. grown(outlines, left_s): one outline a track so far,
    and the seconds that are left, some twice a second; arrives in the GUI thread."""

    grown = Signal(object, float)

    def __init__(self, mixture: Outline) -> None:
        super().__init__()
        self._mixture = mixture
        self._outlines: list[GrowingOutline] = []
        self._frames = 0
        self._began = time.monotonic()
        self._last_told = 0.0

    def add(self, stretch: np.ndarray) -> None:
        """float32 [speakers, frames, channels]: what was written just now."""
        mixture = self._mixture
        if not self._outlines:
            self._outlines = [
                GrowingOutline(Path(), mixture.sample_rate, mixture.frames, mixture.channels) for _ in stretch
            ]
        for outline, track in zip(self._outlines, stretch, strict=True):
            outline.add(track.mean(axis=1))
        self._frames += stretch.shape[1]
        now = time.monotonic()
        if now - self._last_told >= TOLD_EVERY_S:
            self._last_told = now
            share = self._frames / max(1, mixture.frames)
            took = now - self._began
            left_s = took / share - took if share >= LEAST_SHARE else float("nan")
            self.grown.emit([outline.so_far() for outline in self._outlines], max(0.0, left_s))
