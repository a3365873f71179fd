"""How alike two signals are: Pearson's r, of the whole and by window. NumPy only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Decoded:
    """One stretch that was decoded, with what was truly heard: both [time] at `sample_rate`."""

    subject: str
    stimulus: str
    decoded: np.ndarray
    envelope: np.ndarray


def pearson(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Pearson's r along the last axis; 0 where one of the two is constant."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    a, b = a - a.mean(-1, keepdims=True), b - b.mean(-1, keepdims=True)
    power = np.sqrt((a * a).sum(-1) * (b * b).sum(-1))
    return np.divide((a * b).sum(-1), power, out=np.zeros(np.broadcast(a, b).shape[:-1]), where=power > 1e-12)


def by_window(decoded: np.ndarray, envelope: np.ndarray, window: int, hop: int = 0) -> np.ndarray:
    """r [windows] of windows of `window` samples every `hop` (0: side by side); empty if none fits."""
    starts = range(0, len(envelope) - window + 1, hop or window)
    return np.array([pearson(decoded[s : s + window], envelope[s : s + window]) for s in starts])


def standardised(values: np.ndarray) -> np.ndarray:
    """[time] less their mean, in their standard deviations."""
    result: np.ndarray = (values - values.mean()) / (values.std() or 1.0)
    return result
