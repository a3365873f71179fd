"""Match–mismatch, as the auditory EEG challenge of 2024 had it: which of five stretches of speech belongs to a stretch of EEG.

The EEG is decoded, and the stretch whose envelope is most like it is chosen. The four that do not belong are other
stretches that the same person heard.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from models.eeg.attended import wilson
from models.eeg.correlation import Decoded, pearson
from models.remarks import Remark

WINDOW_S = 5.0
CANDIDATES = 5
CHANCE = 1 / CANDIDATES


@dataclass(frozen=True)
class Matching:
    """accuracy: share of `windows` that were matched rightly, with its 95 % band `low` to `high` (Wilson).

    chance_low, chance_high: what guessing comes to in nineteen of twenty cases with so many windows. by_subject: share of each.
    """

    accuracy: float
    windows: int
    low: float
    high: float
    chance_low: float
    chance_high: float
    by_subject: dict[str, float] = field(repr=False)
    remarks: tuple[Remark, ...] = ()

    def as_dict(self) -> dict[str, object]:
        """Plain values for JSON."""
        return {
            "accuracy": self.accuracy,
            "interval": [self.low, self.high],
            "windows": self.windows,
            "window_s": WINDOW_S,
            "candidates": CANDIDATES,
            "chance": CHANCE,
            "chance_interval": [self.chance_low, self.chance_high],
            "subjects": self.by_subject,
        }


def match(
    stretches: Sequence[Decoded],
    sample_rate: float,
    elsewhere: Mapping[str, Sequence[np.ndarray]] | None = None,
    seed: int = 0,
) -> Matching | None:
    """Windows side by side of all stretches; None where nobody has five of them, or nothing is as long as a window.

    elsewhere: envelopes [time] that a subject heard at other times, from which mismatched windows are drawn where the
    stretches hold fewer than five.
    """
    size = round(WINDOW_S * sample_rate)
    generator = np.random.default_rng(seed)
    right: dict[str, list[bool]] = {}
    borrowed = False
    for subject in dict.fromkeys(stretch.subject for stretch in stretches):
        own = [stretch for stretch in stretches if stretch.subject == subject]
        decoded = _windows([stretch.decoded for stretch in own], size)
        heard = _windows([stretch.envelope for stretch in own], size)
        # Of trials with one stimulus a window is the same in each: it is no mismatch to itself.
        kinds = [_key(window) for window in heard]
        pool = dict(zip(kinds, heard, strict=True))
        if len(pool) < CANDIDATES and elsewhere is not None:
            more = _windows(elsewhere.get(subject, ()), size)
            borrowed = borrowed or bool(more)
            pool |= {_key(window): window for window in more}
        if len(pool) < CANDIDATES:
            continue
        names = list(pool)
        for number, window in enumerate(decoded):
            others = [name for name in names if name != kinds[number]]
            drawn = generator.choice(len(others), CANDIDATES - 1, replace=False)
            tracks = np.stack([heard[number], *(pool[others[place]] for place in drawn)])
            right.setdefault(subject, []).append(bool(pearson(window, tracks).argmax() == 0))
    every = [item for own_ones in right.values() for item in own_ones]
    if not every:
        return None
    said = (
        Remark(
            "Too little was held back for five stretches: those that do not match come from other times, too."
        ),
    )
    share = float(np.mean(every))
    low, high = wilson(sum(every), len(every))
    by_subject = {subject: float(np.mean(values)) for subject, values in right.items()}
    return Matching(share, len(every), low, high, *guessing(len(every)), by_subject, said if borrowed else ())


def guessing(windows: int) -> tuple[float, float]:
    """What guessing comes to in nineteen of twenty cases (binomial)."""
    from scipy.stats import binom

    low, high = binom.ppf([0.025, 0.975], windows, CHANCE) / windows
    return float(low), float(high)


def _windows(signals: Sequence[np.ndarray], size: int) -> list[np.ndarray]:
    """Pieces of `size` samples, side by side."""
    return [
        signal[first : first + size] for signal in signals for first in range(0, len(signal) - size + 1, size)
    ]


def _key(window: np.ndarray) -> bytes:
    """What two windows of one sound have in common, though each was standardised with its own subject's other time."""
    spread = window.std() or 1.0
    return np.round((window - window.mean()) / spread, 2).astype(np.float32).tobytes()
