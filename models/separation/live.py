"""Tracks while the sound comes, whatever the model: a causal one is milliseconds behind, any other one some seconds."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.separation.config import streams
from models.separation.separator import Separator
from models.separation.streaming import StreamingSeparator, StreamResampler
from models.separation.windows import WindowJoiner

FloatArray = NDArray[np.float32]
WINDOW_S, OVERLAP_S = 3.0, 1.5  # of a model that listens to what follows


class LiveSeparator(Protocol):
    """Takes sound bit by bit; what `push` and `finish` give is together as long as what was pushed.

    latency_s: how far tracks are behind the sound at most, but for the time that computing takes.
    """

    latency_s: float

    def push(self, samples: FloatArray) -> FloatArray:
        """[samples] → [speakers, samples]: what is finished."""
        ...

    def finish(self) -> FloatArray:
        """The rest."""
        ...


def live_separator(separator: Separator, sample_rate: int) -> LiveSeparator:
    """What separates sound of that rate, in Hz, as it comes."""
    if streams(asdict(separator.network.config)):
        return StreamingSeparator(separator, sample_rate)
    return WindowedSeparator(separator, sample_rate)


class WindowedSeparator:
    """A model that listens to what follows, in windows: a stretch is told once its window is whole."""

    def __init__(self, separator: Separator, sample_rate: int) -> None:
        rate = separator.sample_rate
        window, overlap = round(WINDOW_S * rate), round(OVERLAP_S * rate)
        self._speakers = separator.speakers
        self._joiner = WindowJoiner(partial(separator.window, times=1), window, overlap)
        self._down, self._up = StreamResampler(sample_rate, rate), StreamResampler(rate, sample_rate)
        self._pushed = self._given = 0
        self.latency_s = WINDOW_S + self._down.latency_s + self._up.latency_s

    def push(self, samples: FloatArray) -> FloatArray:
        """[samples] → [speakers, samples]."""
        self._pushed += len(samples)
        tracks = self._joined(self._joiner.push(self._down.push(samples[None])))
        return self._counted(self._up.push(tracks))

    def finish(self) -> FloatArray:
        """The rest."""
        last = self._joiner.push(self._down.finish(np.zeros((1, 0), np.float32)))
        tracks = self._up.finish(self._joined([*last, *self._joiner.finish()]))
        left = self._pushed - self._given
        return self._counted(np.pad(tracks[:, :left], ((0, 0), (0, max(0, left - tracks.shape[1])))))

    def _joined(self, stretches: list[FloatArray]) -> FloatArray:
        nothing = np.zeros((self._speakers, 0), np.float32)
        return np.concatenate([nothing, *(stretch[:, 0] for stretch in stretches)], axis=1)

    def _counted(self, tracks: FloatArray) -> FloatArray:
        self._given += tracks.shape[1]
        return tracks
