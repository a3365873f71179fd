"""The last seconds of sound, in memory that never grows. The audio callback writes; the window reads."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Snapshot:
    """samples: float32 [n], the newest last. end_index: how many samples were ever written. end_time: when the newest
    was captured, on the clock of `time.monotonic`, seconds."""

    samples: np.ndarray
    end_index: int
    end_time: float


class Ring:
    """A ring of mono float32 samples."""

    def __init__(self, seconds: float, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self._data = np.zeros(max(1, round(seconds * sample_rate)), np.float32)
        self._written = 0
        self._end_time = 0.0
        self._lock = threading.Lock()  # held for a copy of a few kilobytes

    def write(self, samples: np.ndarray, end_time: float) -> None:
        """Append `samples` [n], the last of which was captured at `end_time`."""
        size = len(self._data)
        newest = samples[-size:]
        with self._lock:
            place = (self._written + len(samples) - len(newest)) % size
            first = min(len(newest), size - place)
            self._data[place : place + first] = newest[:first]
            self._data[: len(newest) - first] = newest[first:]
            self._written += len(samples)
            self._end_time = end_time

    def latest(self, count: int) -> Snapshot:
        """The newest `count` samples, fewer if fewer were heard; a copy."""
        size = len(self._data)
        with self._lock:
            count = min(count, size, self._written)
            end = self._written % size
            start = end - count
            if start >= 0:
                samples = self._data[start:end].copy()
            else:
                samples = np.concatenate([self._data[start:], self._data[:end]])
            return Snapshot(samples, self._written, self._end_time)

    def clear(self) -> None:
        with self._lock:
            self._written = 0
