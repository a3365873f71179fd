"""What is drawn of a sound file, however long it is: lowest and highest values at several scales, and a spectrogram.

Made in a worker, read a block at a time. Where a person zooms in further than the outline is fine, `stretch_of` reads
that stretch of the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models import audio
from models.progress import Progress

FINEST = 256  # samples that the finest pair of lowest and highest stands for …
MOST_PAIRS = 1 << 20  # … or more, where a file is so long that there would be more pairs than this
COARSER = 4  # times, from level to level
BINS = 128  # frequencies of a column
WINDOW_S = 0.025
HOP_S = 0.04
MOST_COLUMNS = 40_000
TOP_HZ = 8_000.0  # speech has little above
FLOOR_DB, RANGE_DB = -80.0, 72.0  # dB of full scale that is black, and from there to yellow
FULL_SCALE = 0.9999
BLOCK_S = 20.0
AT_ONCE = 512  # columns transformed in one call, to bound memory

Level = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Outline:
    """A file as it is drawn; all channels as their mean.

    levels: (lowest, highest), float32 [pairs] each, of every `block` samples, of four times as many, and so on.
    spectra: uint8 [columns, 128] each, low frequencies first, up to `top_hz`; a column every `hop_s`, then the loudest of
    every four of them, and so on.
    peak: the largest absolute value. clipped: how many samples lie at full scale.
    """

    path: Path
    sample_rate: int
    frames: int
    channels: int
    block: int
    levels: tuple[Level, ...]
    spectra: tuple[np.ndarray, ...]
    hop_s: float
    top_hz: float
    peak: float
    clipped: int

    @property
    def duration_s(self) -> float:
        return self.frames / self.sample_rate

    def envelope(self, first_s: float, step_s: float, columns: int) -> Level:
        """(lowest, highest) of `columns` stretches of `step_s` from `first_s` on; 0 outside the file."""
        per_column = step_s * self.sample_rate / self.block
        number = 0
        while number + 1 < len(self.levels) and per_column >= 2 * COARSER ** (number + 1):
            number += 1
        low, high = self.levels[number]
        pair_s = self.block * COARSER**number / self.sample_rate
        return _between(low, high, (first_s + step_s * np.arange(columns + 1)) / pair_s)

    def columns_for(self, step_s: float) -> tuple[np.ndarray, float]:
        """(spectrogram, seconds a column), as coarse as may be for columns of `step_s` on the screen."""
        number = 0
        while number + 1 < len(self.spectra) and step_s >= self.hop_s * COARSER ** (number + 1):
            number += 1
        return self.spectra[number], self.hop_s * COARSER**number

    def fine_enough(self, step_s: float) -> bool:
        """Whether columns of `step_s` can be drawn from the outline alone."""
        return step_s * self.sample_rate >= self.block


@dataclass(frozen=True)
class Stretch:
    """A part of a file as finely as it is: mono samples from `first_s` on, and its spectrogram as in `Outline`."""

    first_s: float
    samples: np.ndarray
    sample_rate: int
    spectrum: np.ndarray
    hop_s: float

    @property
    def last_s(self) -> float:
        return self.first_s + len(self.samples) / self.sample_rate

    def covers(self, first_s: float, last_s: float) -> bool:
        """Whether the samples reach over all of a span of seconds; a sample more or less does not count."""
        slack = 1.0 / self.sample_rate
        return self.first_s <= first_s + slack and last_s <= self.last_s + slack

    def envelope(self, first_s: float, step_s: float, columns: int) -> Level:
        """As `Outline.envelope`."""
        places = (first_s - self.first_s + step_s * np.arange(columns + 1)) * self.sample_rate
        return _between(self.samples, self.samples, places)


def outline_of(path: Path, progress: Progress | None = None) -> Outline:
    """Read the file once. Raises UserError where it cannot be read, Cancelled if asked to stop."""
    progress = progress or Progress()
    header = audio.info(path)
    rate = header.sample_rate
    block = FINEST
    while header.frames / block > MOST_PAIRS:
        block *= 2
    hop_s = max(HOP_S, header.duration_s / MOST_COLUMNS)
    spectra = _Spectra(rate, hop_s)
    pairs = _Pairs(block)
    frames = clipped = 0
    for samples in audio.blocks(path, rate, BLOCK_S):
        frames += len(samples)
        clipped += int(np.count_nonzero(np.abs(samples) >= FULL_SCALE))
        pairs.add(samples)
        spectra.add(samples)
        progress.update(frames, max(1, header.frames), "Reading {name}", name=path.name)
    low, high = pairs.done()
    if not frames:
        low = high = np.zeros(1, np.float32)
    return Outline(
        path=path,
        sample_rate=rate,
        frames=frames,
        channels=header.channels,
        block=block,
        levels=_levels(low, high),
        spectra=_coarser_spectra(spectra.done()),
        hop_s=hop_s,
        top_hz=_top(rate),
        peak=float(max(-low.min(), high.max())),
        clipped=clipped,
    )


class GrowingOutline:
    """The outline of a sound that is still being made: `add` what is new, `so_far` is what there is."""

    def __init__(self, path: Path, sample_rate: int, frames: int, channels: int) -> None:
        """path: where the sound will lie. frames: how long it will be, about."""
        self._path, self._rate, self._channels = path, sample_rate, channels
        self._block = FINEST
        while frames / self._block > MOST_PAIRS:
            self._block *= 2
        self._hop_s = max(HOP_S, frames / sample_rate / MOST_COLUMNS)
        self._pairs, self._spectra = _Pairs(self._block), _Spectra(sample_rate, self._hop_s)
        self._frames = self._clipped = 0

    def add(self, samples: np.ndarray) -> None:
        """float32 [n], the mean of all channels."""
        self._frames += len(samples)
        self._clipped += int(np.count_nonzero(np.abs(samples) >= FULL_SCALE))
        self._pairs.add(samples)
        self._spectra.add(samples)

    def so_far(self) -> Outline:
        """The outline of all the samples that were added until now."""
        low, high = self._pairs.so_far()
        return Outline(
            path=self._path,
            sample_rate=self._rate,
            frames=self._frames,
            channels=self._channels,
            block=self._block,
            levels=_levels(low, high),
            spectra=_coarser_spectra(self._spectra.so_far()),
            hop_s=self._hop_s,
            top_hz=_top(self._rate),
            peak=float(max(-low.min(), high.max())),
            clipped=self._clipped,
        )


def stretch_of(outline: Outline, first_s: float, last_s: float, columns: int) -> Stretch:
    """The part between two times, read from the file; its spectrogram has about `columns` columns or fewer."""
    first_s = max(0.0, first_s)
    last_s = max(first_s + 2 / outline.sample_rate, min(outline.duration_s, last_s))
    samples = audio.read_part(outline.path, first_s, last_s, outline.sample_rate)
    begin = round(first_s * outline.sample_rate) / outline.sample_rate
    hop_s = max((last_s - first_s) / max(1, columns), 0.002)
    spectra = _Spectra(outline.sample_rate, hop_s)
    spectra.add(samples)
    return Stretch(begin, samples, outline.sample_rate, spectra.done(), hop_s)


class _Pairs:
    """Lowest and highest of every `block` samples, given in pieces of any length."""

    def __init__(self, block: int) -> None:
        self._block = block
        self._rest = np.zeros(0, np.float32)
        self._low: list[np.ndarray] = []
        self._high: list[np.ndarray] = []

    def add(self, samples: np.ndarray) -> None:
        samples = np.concatenate([self._rest, samples]) if len(self._rest) else samples
        whole = len(samples) // self._block * self._block
        if whole:
            blocks = samples[:whole].reshape(-1, self._block)
            self._low.append(blocks.min(axis=1))
            self._high.append(blocks.max(axis=1))
        self._rest = samples[whole:].copy()

    def so_far(self) -> Level:
        """Of the whole blocks that there are; a silent one where there is none."""
        if not self._low:
            return np.zeros(1, np.float32), np.zeros(1, np.float32)
        return np.concatenate(self._low), np.concatenate(self._high)

    def done(self) -> Level:
        if len(self._rest):
            self._low.append(self._rest.min(keepdims=True))
            self._high.append(self._rest.max(keepdims=True))
        empty = np.zeros(0, np.float32)
        return np.concatenate([empty, *self._low]), np.concatenate([empty, *self._high])


class _Spectra:
    """Columns of a spectrogram, one every `hop_s`, of sound given in pieces of any length."""

    def __init__(self, rate: int, hop_s: float) -> None:
        self._rate, self._hop_s = rate, hop_s
        self._window = max(16, round(WINDOW_S * rate))
        self._hann = np.hanning(self._window).astype(np.float32)
        self._size = 1 << (self._window - 1).bit_length()
        top = max(1, min(self._size // 2, round(_top(rate) / rate * self._size)))
        self._edges = np.minimum(np.arange(BINS) * top // BINS, top - 1)
        self._top = top
        self._columns: list[np.ndarray] = []
        self._count = 0
        self._rest = np.zeros(0, np.float32)
        self._first = 0  # index of the first sample of `_rest`

    def add(self, samples: np.ndarray) -> None:
        sound = np.concatenate([self._rest, samples])
        while True:
            starts = self._starts(AT_ONCE) - self._first
            starts = starts[starts + self._window <= len(sound)]
            if not len(starts):
                break
            self._columns.append(self._transformed(sound, starts))
            self._count += len(starts)
        keep = max(0, min(len(sound), int(self._starts(1)[0]) - self._first))
        self._rest = sound[keep:].copy()
        self._first += keep

    def so_far(self) -> np.ndarray:
        """The columns that there are; a silent one where there is none."""
        return np.concatenate(self._columns) if self._columns else np.zeros((1, BINS), np.uint8)

    def done(self) -> np.ndarray:
        start = int(self._starts(1)[0]) - self._first
        left = self._rest[start:] if start < len(self._rest) else self._rest[:0]
        if len(left) or not self._columns:  # what is left at the end, filled up with silence
            padded = np.pad(left, (0, self._window - len(left))) if len(left) < self._window else left
            self._columns.append(self._transformed(padded, np.zeros(1, np.int64)))
        return np.concatenate(self._columns)

    def _starts(self, count: int) -> np.ndarray:
        places = (self._count + np.arange(count)) * self._hop_s * self._rate
        return np.asarray(np.round(places), np.int64)

    def _transformed(self, sound: np.ndarray, starts: np.ndarray) -> np.ndarray:
        frames = sound[starts[:, None] + np.arange(self._window)[None, :]] * self._hann
        magnitude = np.abs(np.fft.rfft(frames, self._size, axis=1))[:, : self._top].astype(np.float32)
        power = np.square(magnitude * (2.0 / float(self._hann.sum())))
        level_db = 10 * np.log10(np.maximum.reduceat(power, self._edges, axis=1) + 1e-12)
        return np.clip((level_db - FLOOR_DB) * (255 / RANGE_DB), 0, 255).astype(np.uint8)


def _top(rate: int) -> float:
    return min(TOP_HZ, rate / 2)


def _levels(low: np.ndarray, high: np.ndarray) -> tuple[Level, ...]:
    levels = [(low, high)]
    while len(low) > 2 * COARSER:
        starts = np.arange(0, len(low), COARSER)
        low, high = np.minimum.reduceat(low, starts), np.maximum.reduceat(high, starts)
        levels.append((low, high))
    return tuple(levels)


def _coarser_spectra(spectrum: np.ndarray) -> tuple[np.ndarray, ...]:
    spectra = [spectrum]
    while len(spectra[-1]) > 64 * COARSER:
        whole = len(spectra[-1]) // COARSER * COARSER
        groups = spectra[-1][:whole].reshape(-1, COARSER, BINS)
        coarse = np.maximum.reduce(
            [groups[:, number] for number in range(COARSER)]
        )  # many times faster than .max
        if whole < len(spectra[-1]):
            coarse = np.concatenate([coarse, spectra[-1][whole:].max(axis=0, keepdims=True)])
        spectra.append(coarse)
    return tuple(spectra)


def _between(low: np.ndarray, high: np.ndarray, places: np.ndarray) -> Level:
    """Lowest and highest between neighbouring `places` (float [columns + 1], indices into both); 0 outside."""
    begins = np.floor(places[:-1] + 1e-6).astype(np.int64)
    inside = (places[1:] > 1e-6) & (begins < len(low))
    starts = np.clip(begins, 0, len(low) - 1)
    ends = np.clip(np.ceil(places[1:] - 1e-6).astype(np.int64), 0, len(low))
    # `reduceat` takes pairs: the even ones are what is wanted. An index may not pass the end, hence the padding.
    bounds = np.empty(2 * len(starts), np.int64)
    bounds[0::2], bounds[1::2] = starts, np.maximum(ends, starts + 1)
    first, last = int(bounds.min()), int(bounds.max())
    lowest = np.minimum.reduceat(np.append(low[first:last], 0.0), bounds - first)[0::2]
    highest = np.maximum.reduceat(np.append(high[first:last], 0.0), bounds - first)[0::2]
    return (
        np.where(inside, lowest, 0.0).astype(np.float32),
        np.where(inside, highest, 0.0).astype(np.float32),
    )
