"""Figures of a decoder: Pearson's r by window and subject, and what chance would give. NumPy only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from models.eeg.correlation import Decoded, by_window, pearson
from models.eeg.matching import Matching
from models.overlap import TrainingOverlap
from models.remarks import Remark

WINDOWS_S = (10.0, 60.0)
LEAST_NULL_S = 3.0  # of a stretch, for what chance comes to
Z_95 = 1.96  # standard errors from a mean to either end of its 95 % interval (normal)
WINDOW_DRAWS = 40  # surrogates of the envelope, for what a window comes to by chance
DRAWS_AT_ONCE = 100


def standard_error(values: np.ndarray) -> float:
    """Of the mean of values [n]; NaN for fewer than three."""
    return float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 2 else float("nan")


def interval_95(mean: float, error: float) -> tuple[float, float]:
    """(low, high) of a mean with that standard error, taken as normal; NaN where the error is."""
    return mean - Z_95 * error, mean + Z_95 * error


def quantiles(null: np.ndarray, *shares: float) -> tuple[float, ...]:
    """What these shares of a null distribution [draws] lie below; NaN where nothing was drawn."""
    if not len(null):
        return tuple(float("nan") for _ in shares)
    return tuple(map(float, np.quantile(null, shares)))


@dataclass(frozen=True)
class SubjectMetrics:
    """One subject.

    r: mean over its stretches. windows: window length in s → mean r over such windows (none where no stretch is so long).
    null: float64 [draws], r with surrogates of the envelope. p: share of draws at least as good (one-sided).
    met: whether the decoder learned from this subject. error: standard error of r over the stretches; NaN for fewer than three.
    """

    subject: str
    r: float
    stretches: int
    windows: dict[float, float]
    null: np.ndarray
    p: float
    met: bool
    error: float = float("nan")

    @property
    def null_95(self) -> float:
        """What chance passes once in twenty."""
        return quantiles(self.null, 0.95)[0]

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of r over the stretches; NaN for fewer than three."""
        return interval_95(self.r, self.error)

    @property
    def chance_band(self) -> tuple[float, float]:
        """What nineteen of twenty draws by chance lie between."""
        low, high = quantiles(self.null, 0.025, 0.975)
        return low, high


@dataclass(frozen=True)
class Evaluation:
    """A decoder on a data set. `kinds` says in words what the figures show.

    within: mean r of subjects that were learned from; held_out: of the others; None where there are none.
    score: (2 · within + held_out) / 3, as in the 2023 auditory EEG challenge; None unless there are both.
    """

    subjects: tuple[SubjectMetrics, ...]
    within: float | None
    held_out: float | None
    score: float | None
    kinds: tuple[Remark, ...] = ()
    overlap: TrainingOverlap | None = None
    of_data: tuple[Remark, ...] = ()
    matching: Matching | None = None  # one of five stretches

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """What a person should know of these metrics: what had been learned from, and how the data was read."""
        return (*(self.overlap.remarks if self.overlap is not None else ()), *self.of_data)

    @property
    def generalisation(self) -> str:
        """`kinds` in one line."""
        return "; ".join(map(str, self.kinds))

    @property
    def r(self) -> float:
        """Mean over subjects."""
        return float(np.mean([subject.r for subject in self.subjects]))

    @property
    def chance(self) -> float:
        """Mean over subjects of the null distribution's mean."""
        return float(
            np.mean([subject.null.mean() if len(subject.null) else 0.0 for subject in self.subjects])
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON; null distributions by mean, sd and 95 % quantile."""
        rows = []
        for subject in self.subjects:
            row = asdict(subject) | {"windows": {str(length): r for length, r in subject.windows.items()}}
            null = row.pop("null")
            row["error"] = subject.error if np.isfinite(subject.error) else None
            row |= {
                "null_mean": float(null.mean()) if len(null) else None,
                "null_sd": float(null.std()) if len(null) else None,
                "null_95": subject.null_95 if len(null) else None,
            }
            rows.append(row)
        return {
            "r": self.r,
            "median": float(np.median([subject.r for subject in self.subjects])),
            "within": self.within,
            "held_out": self.held_out,
            "score": self.score,
            "chance": self.chance,
            "generalisation": self.generalisation,
            "match_mismatch": self.matching.as_dict() if self.matching is not None else None,
            "subjects": rows,
            "learned": self.overlap.as_dict() if self.overlap is not None else None,
        }


def evaluate(
    stretches: Sequence[Decoded],
    sample_rate: float,
    met: Sequence[str] = (),
    windows_s: Sequence[float] = WINDOWS_S,
    draws: int = 1000,
    seed: int = 0,
    kinds: Sequence[Remark] = (),
) -> Evaluation:
    """The figures of decoded stretches. met: the subjects that the decoder learned from."""
    generator = np.random.default_rng(seed)
    subjects = []
    for name in dict.fromkeys(stretch.subject for stretch in stretches):
        own = [stretch for stretch in stretches if stretch.subject == name]
        each = [float(pearson(item.decoded, item.envelope)) for item in own]
        r = float(np.mean(each))
        error = standard_error(np.array(each))
        null = null_distribution(own, sample_rate, draws, generator)
        p = float((1 + (null >= r).sum()) / (1 + len(null))) if len(null) else float("nan")
        windows = {}
        for length in windows_s:
            result = [by_window(item.decoded, item.envelope, round(length * sample_rate)) for item in own]
            joined = np.concatenate(result)
            if len(joined):
                windows[float(length)] = float(joined.mean())
        subjects.append(SubjectMetrics(name, r, len(own), windows, null, p, name in set(met), error))
    within = [subject.r for subject in subjects if subject.met]
    held_out = [subject.r for subject in subjects if not subject.met]
    a, b = (float(np.mean(part)) if part else None for part in (within, held_out))
    score = (2 * a + b) / 3 if a is not None and b is not None else None
    return Evaluation(tuple(subjects), a, b, score, tuple(kinds))


def surrogates(envelope: np.ndarray, draws: int, generator: np.random.Generator) -> np.ndarray:
    """float64 [draws, time]: signals with the power spectrum of `envelope` [time] and phases at random (Theiler et al. 1992)."""
    time = len(envelope)
    amplitude = np.abs(np.fft.rfft(envelope - np.mean(envelope)))
    phases = np.exp(2j * np.pi * generator.random((draws, len(amplitude))))
    result: np.ndarray = np.fft.irfft(amplitude * phases, time)
    return result


def surrogate_r(
    decoded: np.ndarray, envelope: np.ndarray, draws: int, generator: np.random.Generator
) -> np.ndarray:
    """r [draws] of `decoded` with surrogates of `envelope`, both [time]: what a decoder that hears nothing would reach."""
    result = [
        pearson(decoded, surrogates(envelope, min(DRAWS_AT_ONCE, draws - first), generator))
        for first in range(0, draws, DRAWS_AT_ONCE)
    ]
    return np.concatenate(result) if result else np.zeros(0)


def window_chance(
    decoded: np.ndarray, envelope: np.ndarray, window: int, sample_rate: float, seed: int = 0
) -> float:
    """What r of a window of `window` samples passes by chance once in twenty.

    decoded, envelope: [time] each at `sample_rate`. Chance is `WINDOW_DRAWS` surrogates of the envelope. NaN for less
    than four seconds.
    """
    if len(envelope) < 4 * sample_rate:
        return float("nan")
    drawn = surrogates(envelope, WINDOW_DRAWS, np.random.default_rng(seed))
    return quantiles(np.concatenate([by_window(decoded, item, window) for item in drawn]), 0.95)[0]


def null_distribution(
    stretches: Sequence[Decoded], sample_rate: float, draws: int, generator: np.random.Generator
) -> np.ndarray:
    """Mean r [draws] over the stretches with surrogates of their envelopes; empty where all are shorter than three seconds.

    Shifts in a circle have too few independent places in a stretch of some seconds and line up at their seam, which makes
    chance look narrower than it is. Stretches of one stimulus and length share their phases: people's answers to the same
    sound are alike, so drawing for each by itself would, too.
    """
    total, count = np.zeros(draws), 0
    seeds: dict[tuple[str, int], int] = {}
    for stretch in stretches:
        time = len(stretch.envelope)
        if time < LEAST_NULL_S * sample_rate:
            continue
        key = (stretch.stimulus, time)
        if key not in seeds:
            seeds[key] = int(generator.integers(2**31))
        shared = np.random.default_rng(seeds[key])
        total += surrogate_r(stretch.decoded, stretch.envelope, draws, shared)
        count += 1
    return total / count if count else np.zeros(0)
