"""Where in a picture the answer lies: how much less alike it becomes where a part of it is covered (Zeiler & Fergus, ECCV 2014).

It works with any encoder, since it only asks it again: a grid of windows, each filled with the picture's mean colour.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from models.progress import Progress

CELLS = 8  # a side
COVERED = 3  # cells a side that a window covers
AT_ONCE = 16  # pictures that are encoded together


@dataclass(frozen=True)
class HeatMap:
    """values: float32 [rows, columns], how much of the likeness hangs on each part, 1 where most does and 0 where none.
    region: left, top, width, height of what the encoder saw, as shares of the upright picture. drop: the largest loss of
    likeness (cosine) that covering a part has brought."""

    values: np.ndarray
    region: tuple[float, float, float, float]
    drop: float


def heat_map(
    pixels: np.ndarray,
    region: tuple[float, float, float, float],
    likeness: Callable[[np.ndarray], np.ndarray],
    progress: Progress | None = None,
) -> HeatMap:
    """pixels: uint8 [height, width, 3]. likeness: of pictures uint8 [n, height, width, 3] to what is asked for, float [n]."""
    progress = progress or Progress()
    height, width = pixels.shape[:2]
    mean = pixels.reshape(-1, 3).mean(axis=0).astype(np.uint8)
    lines, columns = (np.linspace(0, side, CELLS + 1).round().astype(int) for side in (height, width))
    steps = range(1 - COVERED, CELLS)
    windows = [
        (slice(max(0, row), row + COVERED), slice(max(0, column), column + COVERED))
        for row in steps
        for column in steps
    ]
    whole = float(likeness(pixels[None])[0])
    lost, count = np.zeros((CELLS, CELLS)), np.zeros((CELLS, CELLS))
    for start in range(0, len(windows), AT_ONCE):
        progress.update(start, len(windows), "Looking where the answer lies")
        some = windows[start : start + AT_ONCE]
        covered = np.repeat(pixels[None], len(some), axis=0)
        for picture, (rows, cells) in zip(covered, some, strict=True):
            bottom, right = min(rows.stop, CELLS), min(cells.stop, CELLS)
            picture[lines[rows.start] : lines[bottom], columns[cells.start] : columns[right]] = mean
        for (rows, cells), value in zip(some, likeness(covered), strict=True):
            lost[rows, cells] += whole - value
            count[rows, cells] += 1
    drop = np.maximum(0, lost / count)
    top = float(drop.max())
    return HeatMap((drop / top if top > 0 else drop).astype(np.float32), region, top)
