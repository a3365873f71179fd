"""A recording to scroll through: the lowest and highest value of every stretch, coarser and coarser. NumPy only.

The finest level has at most `MOST_BLOCKS` stretches whatever the length, so an hour takes no more memory than a day.
"""

from __future__ import annotations

import numpy as np

from models.eeg.recordings import Recording
from models.progress import Progress

MOST_BLOCKS = 1 << 16
LEAST_BLOCK = 16  # samples
FACTOR = 4  # from a level to the next
READ_S = 30.0
TOP_BLOCKS = 256  # a level of so few stretches is the coarsest


class Overview:
    """The levels of a recording. Filled by `fill`, perhaps while it is looked at; up to `filled` there is something to see.

    channels: how many. block: samples a stretch of the finest level. filled: samples that have been read.
    """

    def __init__(self, recording: Recording) -> None:
        self.sample_rate = recording.sample_rate
        self.time = recording.time
        self.channels = len(recording.channel_names)
        self.block = max(LEAST_BLOCK, -(-recording.time // MOST_BLOCKS))
        self.filled = 0
        self.levels: list[tuple[int, np.ndarray, np.ndarray]] = []
        size, count = self.block, -(-recording.time // self.block)
        while True:
            shape = (count, self.channels)
            # Zeros take neither time nor memory until they are written to.
            self.levels.append((size, np.zeros(shape, np.float32), np.zeros(shape, np.float32)))
            if count <= TOP_BLOCKS:
                break
            size, count = size * FACTOR, -(-count // FACTOR)

    @property
    def nbytes(self) -> int:
        return sum(low.nbytes + high.nbytes for _, low, high in self.levels)

    def fill(self, recording: Recording, progress: Progress | None = None) -> Overview:
        """Read the recording from its beginning to its end. Raises UserError for a damaged file, Cancelled."""
        progress = progress or Progress()
        coarsest = self.levels[-1][0]
        piece = max(1, round(READ_S * self.sample_rate / coarsest)) * coarsest
        for first in range(0, self.time, piece):
            progress.update(first, self.time, "Looking through {name}", name=recording.path.name)
            last = min(self.time, first + piece)
            self._take(recording.read_samples(first, last), first)
            self.filled = last
        return self

    def _take(self, samples: np.ndarray, first: int) -> None:
        low, high = _extremes(samples, self.block)
        place = first // self.block
        for number, (_, lows, highs) in enumerate(self.levels):
            lows[place : place + len(low)], highs[place : place + len(high)] = low, high
            if number + 1 < len(self.levels):
                low, high = _extremes(low, FACTOR)[0], _extremes(high, FACTOR)[1]
                place //= FACTOR

    def columns(self, first: float, last: float, count: int) -> tuple[np.ndarray, np.ndarray] | None:
        """(lowest, highest), float32 [count, channels] each, of `count` equal stretches between two samples.

        NaN outside the recording, and where it has not been read yet. None where that is finer than what is kept: the samples have to be read.
        """
        wide = (last - first) / max(1, count)
        fitting = [level for level in self.levels if level[0] <= wide]
        if not fitting:
            return None
        size, lows, highs = fitting[-1]
        edges = np.floor((first + wide * np.arange(count + 1)) / size).astype(np.int64)
        read = -(-self.filled // size)
        return _reduced(lows[:read], highs[:read], edges)


def columns_of(
    samples: np.ndarray, offset: int, first: float, last: float, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """As `Overview.columns`, of samples [time, channels] whose first is number `offset` of the recording.

    Where there are fewer samples than columns, columns lie on the straight lines between them.
    """
    wide = (last - first) / max(1, count)
    places = first + wide * np.arange(count + 1) - offset
    if wide >= 2:
        return _reduced(samples, samples, np.floor(places).astype(np.int64))
    inside = (places[1:] >= 0) & (places[:-1] <= len(samples) - 1)
    at = np.clip(places, 0, max(0, len(samples) - 1))
    below = np.minimum(at.astype(np.int64), max(0, len(samples) - 2))
    part = (at - below).astype(np.float32)[:, None]
    following = np.minimum(below + 1, len(samples) - 1)
    lines = samples[below] * (1 - part) + samples[following] * part
    low, high = np.minimum(lines[:-1], lines[1:]), np.maximum(lines[:-1], lines[1:])
    low[~inside] = high[~inside] = np.nan
    return low, high


def _extremes(samples: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """(lowest, highest) [ceil(time / size), channels] of every `size` samples; what is no number is passed over."""
    whole = len(samples) // size * size
    low = high = samples[:0]
    if whole:
        blocks = samples[:whole].reshape(-1, size, samples.shape[1])
        low, high = np.fmin.reduce(blocks, axis=1), np.fmax.reduce(blocks, axis=1)
    if whole < len(samples):
        rest = samples[whole:]
        low = np.concatenate([low, np.fmin.reduce(rest, axis=0)[None]])
        high = np.concatenate([high, np.fmax.reduce(rest, axis=0)[None]])
    return low, high


def _reduced(lows: np.ndarray, highs: np.ndarray, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The extremes between neighbouring edges [count + 1], each with the value before it, so that columns join up."""
    count = len(edges) - 1
    shape = (count, lows.shape[1])
    low, high = np.full(shape, np.nan, np.float32), np.full(shape, np.nan, np.float32)
    inside = np.flatnonzero((edges[1:] > 0) & (edges[:-1] < len(lows)))
    if not len(inside) or not len(lows):
        return low, high
    begin, end = max(0, int(edges[inside[0]])), min(len(lows), int(edges[inside[-1] + 1]) + 1)
    starts = np.maximum(edges[inside], begin) - begin
    # An index that repeats would make reduceat return a single value, which is what is wanted there.
    low[inside] = np.fmin.reduceat(lows[begin:end], starts, axis=0)
    high[inside] = np.fmax.reduceat(highs[begin:end], starts, axis=0)
    before = np.maximum(starts - 1, 0)
    low[inside] = np.fmin(low[inside], highs[begin:end][before])
    high[inside] = np.fmax(high[inside], lows[begin:end][before])
    return low, high
