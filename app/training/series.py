"""What is drawn of a run's series: which ones make a figure, along which axis they lie, their mean, their smoothing."""

from __future__ import annotations

import numpy as np

from app.training.watched import WatchedRun
from models.training.record import Series

BLOCK = 64  # values that are smoothed at once


def figure_series(run: WatchedRun, name: str, by_epoch: bool = True) -> list[tuple[str, Series]]:
    """The curves of a figure: (``validation`` | ``train`` | ``test`` | nothing, series). By the epoch where there are epochs,
    unless the steps are asked for."""
    result: list[tuple[str, Series]] = []
    for split in ("validation", "train", "test"):  # the folds of a cross-validation are tested
        full = f"{split}/{name}"
        of_epochs, of_steps = run.epochs.get(full), run.steps.get(full)
        series = of_epochs if of_epochs is not None and len(of_epochs) > 1 else of_steps or of_epochs
        if not by_epoch and of_steps is not None:
            series = of_steps
        if series is not None:
            result.append((split, series))
    if not result:
        bare = run.steps.get(name) or run.epochs.get(name)
        if bare is not None:
            result.append(("", bare))
    return result


def places(run: WatchedRun, series: Series, axis: str) -> np.ndarray:
    """Where the values lie along ``epoch``, ``step`` or ``time`` (minutes since the run began), rising."""
    if axis == "step":
        return series.step
    if axis == "time":
        first = min(
            (float(epoch.t[0]) for epoch in (*run.steps.values(), *run.epochs.values()) if len(epoch)),
            default=0,
        )
        return (series.t - first) / 60
    return series.x


def mean_and_sd(curves: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(x, mean, standard deviation) of curves, each read at the places of the longest, as far as all of them go."""
    longest = max(curves, key=lambda curve: len(curve[0]))[0]
    low, high = max(float(x[0]) for x, _ in curves), min(float(x[-1]) for x, _ in curves)
    x = longest[(longest >= low) & (longest <= high)]
    values = np.array([np.interp(x, own_x, own_y) for own_x, own_y in curves])
    return x, values.mean(axis=0), values.std(axis=0, ddof=1) if len(curves) > 1 else np.zeros(len(x))


def loss_scale(run: WatchedRun, split: str) -> str:
    """What the run's losses measure, as its config says; runs of which nothing is known share one scale."""
    config = run.checked_config()
    return config.loss_scale(split) if config is not None else ""


def smoothed(values: np.ndarray, weight: float) -> np.ndarray:
    """Running mean: each value is ``weight`` of the one before and the rest of its own, corrected for the start.

    Computed a block at a time: within a block as a product with a triangle of powers, between blocks by carrying on.
    """
    n = len(values)
    if weight <= 0 or n < 2:
        return values
    powers = weight ** np.arange(BLOCK + 1)
    places = np.arange(BLOCK)
    triangle = np.tril(powers[np.abs(places[:, None] - places[None, :])]) * (1 - weight)
    padded = np.zeros(-(-n // BLOCK) * BLOCK)
    padded[:n] = np.nan_to_num(values)
    blocks = padded.reshape(-1, BLOCK) @ triangle.T
    held = 0.0
    carried = np.empty(len(blocks))
    for index, last in enumerate(blocks[:, -1].tolist()):
        carried[index] = held
        held = last + powers[BLOCK] * held
    result: np.ndarray = (blocks + carried[:, None] * powers[1:]).ravel()[:n]
    result /= 1 - weight ** np.arange(1, n + 1)
    return result
