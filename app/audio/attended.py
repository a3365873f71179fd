"""A sound as a network heard it: what it looked at at full loudness, the rest faded away."""

from __future__ import annotations

import numpy as np

FADED_DB = -30.0  # where it did not look at all: still there, so that the place in the sentence is not lost
LEAST_FULL = 2.0  # times the mean: attention that is as even as this is of nothing in particular
UNEVEN = 1.05  # the highest over the lowest, from which attention says something
FULL_QUANTILE = 0.98  # a single frame that towers over all others does not dim them


def shares(density: np.ndarray) -> np.ndarray:
    """How much of the whole attention a place has: float [m] in 0…1, of a density over time whose mean is 1.

    What is drawn over a waveform and what is heard are the same.
    """
    if not len(density):
        return density
    full = max(LEAST_FULL, float(np.quantile(density, FULL_QUANTILE)))
    result: np.ndarray = np.clip(density / full, 0.0, 1.0)
    return result


def tells(density: np.ndarray) -> bool:
    """Whether some of what was looked at counts more than the rest. A model that weighs all of it alike tells nothing."""
    seen = density[density > 0]
    return bool(len(seen)) and float(seen.max()) > UNEVEN * float(seen.min())


class Attended:
    """A sound in memory whose gain follows attention; what `Player.play_source` reads, piece by piece."""

    channels = 1

    def __init__(self, samples: np.ndarray, rate: int, times_s: np.ndarray, density: np.ndarray) -> None:
        """samples: float32 [n], full scale ±1. times_s, density: [m], where the network looked."""
        self._samples, self.rate, self.frames = samples, rate, len(samples)
        self._times_s, self._shares = np.asarray(times_s, float), shares(np.asarray(density, float))

    def gains(self, place: int, count: int) -> np.ndarray:
        """float32 [count], the gain of the samples from `place` on: even steps of loudness for even steps of attention."""
        times_s = (place + np.arange(count)) / self.rate
        level_db = FADED_DB * (1.0 - np.interp(times_s, self._times_s, self._shares))
        result: np.ndarray = 10.0 ** (level_db / 20.0)
        return result.astype(np.float32)

    def read(self, place: int, count: int) -> np.ndarray:
        """As `Source.read`: float32 [at most count, 1]."""
        piece = self._samples[place : place + count]
        faded: np.ndarray = piece * self.gains(place, len(piece))
        return faded[:, None]

    def close(self) -> None:
        """As `Source.close`."""
        self._samples = self._samples[:0]
