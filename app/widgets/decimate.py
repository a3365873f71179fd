"""As many points as a screen can show: the lowest and highest of each stretch, in one NumPy pass."""

from __future__ import annotations

import numpy as np

MOST = 4000


def minmax(x: np.ndarray, y: np.ndarray, most: int = MOST) -> tuple[np.ndarray, np.ndarray]:
    """At most about `most` points of the curve that look the same: (x, y), both [m].

    x, y: [n], x rising. Each stretch of n / (most / 2) points becomes its lowest and highest value, in the order
    in which they came. Values that are not finite count as 0.
    """
    n = len(y)
    if n <= most:
        return np.asarray(x, dtype=np.float64), np.nan_to_num(
            np.asarray(y, dtype=np.float64), posinf=0.0, neginf=0.0
        )
    size = -(-n // max(1, most // 2))
    whole = n // size * size
    blocks = np.asarray(y[:whole]).reshape(-1, size)
    low, high = blocks.argmin(axis=1), blocks.argmax(axis=1)
    starts = np.arange(0, whole, size)
    picked = np.empty(2 * len(starts), dtype=np.int64)
    picked[0::2] = starts + np.minimum(low, high)
    picked[1::2] = starts + np.maximum(low, high)
    if whole < n:
        tail = np.asarray(y[whole:])
        ends = sorted({whole + int(tail.argmin()), whole + int(tail.argmax())})
        picked = np.concatenate([picked, ends])
    values = np.nan_to_num(np.asarray(y)[picked].astype(np.float64), posinf=0.0, neginf=0.0)
    return np.asarray(x)[picked].astype(np.float64), values


def envelope(samples: np.ndarray, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """(lowest, highest) of each of `columns` stretches of a sound, both [columns]; for waveforms.

    samples: [n]. With fewer samples than columns the rest is 0.
    """
    low, high = np.zeros(columns, np.float32), np.zeros(columns, np.float32)
    n = len(samples)
    if n == 0 or columns < 1:
        return low, high
    if n <= columns:
        low[:n] = high[:n] = samples
        return low, high
    size = n // columns
    extra = n - size * columns
    if extra == 0:
        blocks = samples.reshape(columns, size)
        return blocks.min(axis=1).astype(np.float32), blocks.max(axis=1).astype(np.float32)
    edges = np.linspace(0, n, columns + 1).astype(np.int64)[:-1]
    return np.minimum.reduceat(samples, edges).astype(np.float32), np.maximum.reduceat(samples, edges).astype(
        np.float32
    )
