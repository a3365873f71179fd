"""How learning rates and other strengths run over the steps or epochs of a run. Plain functions of the step."""

from __future__ import annotations

import math
from collections.abc import Sequence


def warmup_steps(wanted: int, total: int) -> int:
    """Steps of warm-up: as wanted, but never more than a tenth of the run, so that it fits a short one."""
    return min(wanted, total // 10)


def warmup_cosine_restarts(
    step: int,
    total: int,
    peak: float,
    *,
    warmup: int = 1000,
    start_factor: float = 0.1,
    first_period: int | None = None,
    period_factor: int = 2,
    floor: float = 1e-7,
) -> float:
    """Learning rate at `step` (0 is the first): linear warm-up, then cosine annealing with warm restarts.

    Warm-up runs from ``start_factor · peak`` to `peak` over `warmup` steps (shortened by `warmup_steps`). Then
    the rate falls from `peak` to `floor` along half a cosine within a period, and starts again; the first period
    lasts a quarter of `total` and each further one `period_factor` times as long (SGDR: Loshchilov & Hutter,
    ICLR 2017, eq. 5).
    """
    warmup = warmup_steps(warmup, total)
    if step < warmup:
        return peak * (start_factor + (1 - start_factor) * step / warmup)
    period = max(1, first_period if first_period is not None else total // 4)
    position = step - warmup
    while position >= period:
        position -= period
        period *= period_factor
    floor = min(floor, peak)
    return floor + (peak - floor) * 0.5 * (1 + math.cos(math.pi * position / period))


def warmup_cosine(
    step: int, total: int, peak: float, *, warmup: int = 1000, start_factor: float = 0.1, floor: float = 1e-7
) -> float:
    """Learning rate at `step`: linear warm-up, then one fall along half a cosine to `floor` at the end."""
    warmup = warmup_steps(warmup, total)
    if step < warmup:
        return peak * (start_factor + (1 - start_factor) * step / warmup)
    floor = min(floor, peak)
    position = min(1.0, (step - warmup) / max(1, total - warmup))
    return floor + (peak - floor) * 0.5 * (1 + math.cos(math.pi * position))


def halved(
    values: Sequence[float], peak: float, *, patience: int = 3, factor: float = 0.5, floor: float = 1e-8
) -> float:
    """Learning rate after epochs whose validation loss was `values`: times `factor` after every `patience` epochs
    in a row without a new least value, and never under `floor`."""
    rate, least, waited = peak, math.inf, 0
    for value in values:
        if value < least:
            least, waited = value, 0
        else:
            waited += 1
        if waited >= patience:
            rate, waited = max(floor, rate * factor), 0
    return rate


def adversary_strength(
    epoch: float, epochs: int, start: float = 5, top: float = 1.0, full_at: float = 0.7
) -> float:
    """Strength alpha of the gradient reversal at `epoch` (0 is the first).

    0 before epoch `start`, then linear to `top` at the fraction `full_at` of the run, then `top`.
    """
    if epoch < start:
        return 0.0
    end = full_at * epochs
    if end <= start or epoch >= end:
        return top
    return top * (epoch - start) / (end - start)
