"""The last seconds of sound, in memory that never grows. The microphone's thread writes; the window reads."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np

HOLE_S = 0.5  # sound that comes this much later than it should was missed: silence takes its place
JUMP_S = 0.1  # a capture time this far off is believed at once …
SMOOTHING = 0.05  # … and otherwise followed slowly, for single ones are uncertain by some milliseconds


@dataclass(frozen=True)
class Snapshot:
    """samples: float32 [n], the newest last. end_index: how many samples there ever were, so that samples[0] is the
    one of index end_index − n. end_time: when the newest was captured, on the clock of `time.monotonic`, seconds."""

    samples: np.ndarray
    end_index: int
    end_time: float


class Ring:
    """A ring of mono float32 samples, each with an index that counts from the first, and a capture time.

    Index and time stay in step: when sound was missed (a device that was away, a machine that slept), silence of the
    same length stands in for it. The lock is held while a few kilobytes are copied, no longer.
    """

    def __init__(self, seconds: float, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self._data = np.zeros(max(1, round(seconds * sample_rate)), np.float32)
        self._written = 0
        self._origin: float | None = None  # capture time of index 0, as far as is known now
        self._end_time = 0.0
        self._lock = threading.Lock()

    def write(self, samples: np.ndarray, end_time: float) -> None:
        """Append `samples`, float32 [n], the last of which was captured at `end_time`."""
        if not len(samples):
            return
        with self._lock:
            origin = end_time - (self._written + len(samples)) / self.sample_rate
            if self._origin is None:
                self._origin = origin
            elif origin - self._origin > HOLE_S:
                self._skip(round((origin - self._origin) * self.sample_rate))
            elif abs(origin - self._origin) > JUMP_S:
                self._origin = origin
            else:
                self._origin += SMOOTHING * (origin - self._origin)
            self._append(samples)
            self._end_time = max(self._end_time, self._origin + self._written / self.sample_rate)

    def latest(self, count: int) -> Snapshot:
        """The newest `count` samples, fewer if fewer were heard; a copy."""
        with self._lock:
            return self._copy(count)

    def since(self, index: int) -> Snapshot:
        """What came from `index` on, as far as it is still kept; a copy."""
        with self._lock:
            return self._copy(self._written - max(0, index))

    def time_of(self, index: int) -> float:
        """When the sample of that index was captured, on the clock of `time.monotonic`, seconds."""
        with self._lock:
            return self._end_time - (self._written - index) / self.sample_rate

    def clear(self) -> None:
        """Forget what was captured; indices begin at 0 again."""
        with self._lock:
            self._written, self._origin, self._end_time = 0, None, 0.0

    def _copy(self, count: int) -> Snapshot:
        size = len(self._data)
        count = max(0, min(count, size, self._written))
        end = self._written % size
        start = end - count
        if start >= 0:
            samples = self._data[start:end].copy()
        else:
            samples = np.concatenate([self._data[start:], self._data[:end]])
        return Snapshot(samples, self._written, self._end_time)

    def _skip(self, count: int) -> None:
        silence = min(count, len(self._data))
        self._written += count - silence
        self._append(np.zeros(silence, np.float32))

    def _append(self, samples: np.ndarray) -> None:
        size = len(self._data)
        newest = samples[-size:]
        place = (self._written + len(samples) - len(newest)) % size
        first = min(len(newest), size - place)
        self._data[place : place + first] = newest[:first]
        self._data[: len(newest) - first] = newest[first:]
        self._written += len(samples)
