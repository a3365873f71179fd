"""Where the traces come from: a recording on disk, or a signal in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from app.services import Services
from models.eeg.browse import Overview, columns_of
from models.eeg.recordings import Recording
from models.errors import UserError
from models.progress import Cancelled

if TYPE_CHECKING:
    from app.tabs.eeg.work import DecodedRecording

# Not the worker that looks through the whole recording: a view must not wait for that.
READER_OF_STRETCHES = "eeg stretches"
CHUNK_VIEWS = 5  # a stretch that is read at once, in widths of the view
LEAST_CHUNK_S = 20.0
MOST_VALUES = 30_000_000  # of a stretch


class Source:
    """Where traces come from."""

    names: tuple[str, ...]
    duration_s: float
    overview: Overview

    def columns(self, left: float, right: float, count: int) -> tuple[np.ndarray, np.ndarray]:
        """(lowest, highest), float32 [count, channels] each, of `count` equal stretches between two times in s."""
        raise NotImplementedError


class InMemory(Source):
    """A signal that is in memory, such as what was preprocessed."""

    def __init__(self, result: DecodedRecording) -> None:
        decoding = result.decoding
        self._eeg, self._rate, self.overview = decoding.eeg, decoding.sample_rate, result.overview
        self.names, self.duration_s = decoding.channel_names, len(self._eeg) / self._rate

    def columns(self, left: float, right: float, count: int) -> tuple[np.ndarray, np.ndarray]:
        """(lowest, highest) [count, channels] of equal parts of a span of seconds, in µV; NaN where there is nothing."""
        first, last = left * self._rate, right * self._rate
        result = self.overview.columns(first, last, count)
        return result if result is not None else columns_of(self._eeg, 0, first, last, count)


class FromFile(Source):
    """A recording on disk: coarse views from its overview, fine ones from stretches that a worker reads."""

    def __init__(
        self,
        services: Services,
        recording: Recording,
        arrived: Callable[[], None],
        failed: Callable[[UserError], None],
    ) -> None:
        self.names, self.duration_s = recording.channel_names, recording.duration_s
        self.recording = recording
        self.overview = Overview(recording)
        self._services, self._tell, self._failed = services, arrived, failed
        self._chunk = np.zeros((0, len(recording.channel_names)), np.float32)
        self._chunk_from = 0
        self._asked = (0, 0)

    def columns(self, left: float, right: float, count: int) -> tuple[np.ndarray, np.ndarray]:
        """As `InMemory.columns`, of what has been read so far; the rest is asked for and told by `arrived`."""
        rate = self.recording.sample_rate
        first, last = left * rate, right * rate
        result = self.overview.columns(first, last, count)
        if result is not None and self.overview.filled >= min(self.recording.time, last):
            return result
        self._want(first, last)
        if self._covers(max(0.0, first), min(float(self.recording.time), last)):
            return columns_of(self._chunk, self._chunk_from, first, last, count)
        if result is not None:
            return result
        coarse = max(1, min(count, int((last - first) / self.overview.block)))
        rough = self.overview.columns(first, last, coarse)
        if rough is None:  # a view narrower than what the overview keeps: there is nothing until it is read
            nothing = np.full((count, len(self.names)), np.nan, np.float32)
            return nothing, nothing
        pick = np.arange(count) * coarse // count
        return rough[0][pick], rough[1][pick]

    def _covers(self, first: float, last: float) -> bool:
        return self._chunk_from <= first and last <= self._chunk_from + len(self._chunk) + 1

    def _want(self, first: float, last: float) -> None:
        """Read a stretch around this one unless it is there, or on its way, with half a view to spare."""
        time, rate = self.recording.time, self.recording.sample_rate
        wide = last - first
        if wide * len(self.names) > MOST_VALUES:
            return
        spare = wide / 2
        low, high = max(0.0, first - spare), min(float(time), last + spare)
        if self._covers(low, high) or (self._asked[0] <= low and high <= self._asked[1]):
            return
        most = MOST_VALUES / max(1, len(self.names))
        size = min(max(CHUNK_VIEWS * wide, LEAST_CHUNK_S * rate), max(most, wide + 2 * spare))
        middle = (first + last) / 2
        begin = max(0, int(middle - size / 2))
        end = min(time, int(middle + size / 2) + 1)
        self._asked = (begin, end)
        self._services.worker(READER_OF_STRETCHES).submit(
            self.recording.read_samples,
            begin,
            end,
            newest_wins="stretch",
            done=lambda samples: self._take(samples, begin),
            failed=self._stumbled,
        )

    def _take(self, samples: np.ndarray, begin: int) -> None:
        self._chunk, self._chunk_from = samples, begin
        self._tell()

    def _stumbled(self, error: BaseException) -> None:
        self._asked = (0, 0)
        if isinstance(error, UserError):
            self._asked = (0, self.recording.time)  # what cannot be read is not asked for again and again
            self._failed(error)
        elif not isinstance(error, Cancelled):
            self._services.errors.report(error)
