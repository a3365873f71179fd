"""Interleaved timing: peer, ours, peer, ours …, so that both meet the same weather."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np


def interleaved(
    peer: Callable[[], object], ours: Callable[[], object], rounds: int = 7
) -> tuple[float, float]:
    """Median seconds of (peer, ours), after one unmeasured call of each."""
    times: list[list[float]] = [[], []]
    for number in range(rounds + 1):
        for which, function in enumerate((peer, ours)):
            started = time.perf_counter()
            function()
            if number:
                times[which].append(time.perf_counter() - started)
    return float(np.median(times[0])), float(np.median(times[1]))


def ms(seconds: float) -> str:
    return f"{1000 * seconds:.3g} ms"


def row(work: str, peer: str, ours: str, ratio: float, reach: str) -> dict[str, object]:
    """One line of the table; a ratio above 1 is faster than the peer."""
    return {"work": work, "peer": peer, "ours": ours, "ratio": f"{ratio:.2f}×", "reach": reach}
