"""Which of several talkers was listened to: the one whose envelope is most like what the EEG decodes to. NumPy only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.eeg.correlation import Decoded, pearson
from models.errors import UserError

WINDOWS_S = (5.0, 10.0, 30.0, 60.0)


@dataclass(frozen=True)
class WindowChoice:
    """The choices at one window length.

    starts_s: float64 [n]. r: float64 [n, candidates]. chosen: int64 [n].
    margin: float64 [n], r of the best candidate less that of the second; with a known answer, of the attended less the
    best of the others (then negative where the choice is wrong).
    accuracy: share of right choices, with its 95 % band `low` to `high` (Wilson); NaN where the answer is not known.
    """

    window_s: float
    starts_s: np.ndarray
    r: np.ndarray
    chosen: np.ndarray
    margin: np.ndarray
    accuracy: float
    low: float
    high: float


@dataclass(frozen=True)
class Attention:
    """whole_r: float64 [candidates] over everything; chosen: its best; windows: the lengths that fit."""

    whole_r: np.ndarray
    chosen: int
    windows: tuple[WindowChoice, ...]


def attended(
    decoded: np.ndarray,
    candidates: Sequence[np.ndarray],
    sample_rate: float,
    truth: int | None = None,
    windows_s: Sequence[float] = WINDOWS_S,
    hop_s: float | None = None,
) -> Attention:
    """decoded: [time]; candidates: envelopes of two tracks or more, on the same time axis; truth: which was attended.

    Windows lie side by side unless `hop_s` is given. Raises UserError for fewer than two candidates or none in common.
    """
    if len(candidates) < 2:
        raise UserError(
            "There is nothing to choose between.",
            "Only {count} track was given.",
            "Add the other talkers' tracks.",
            count=len(candidates),
        )
    time = min(len(decoded), *map(len, candidates))
    if time < 2:
        raise UserError(
            "The tracks and the EEG have no time in common.", "One of them is empty.", "Choose other tracks."
        )
    decoded = np.asarray(decoded)[:time]
    tracks = np.stack([np.asarray(track)[:time] for track in candidates])
    whole = pearson(decoded, tracks)
    windows = []
    for window_s in windows_s:
        window = round(window_s * sample_rate)
        if window > time:
            continue
        hop = round((hop_s or window_s) * sample_rate)
        starts = np.arange(0, time - window + 1, hop)
        r = np.array([pearson(decoded[s : s + window], tracks[:, s : s + window]) for s in starts])
        windows.append(choices(r, starts / sample_rate, window_s, truth))
    return Attention(whole, int(whole.argmax()), tuple(windows))


def shifted(envelope: np.ndarray) -> np.ndarray:
    """A made-up second talker: an envelope [time], shifted in a circle by half its length."""
    return np.roll(envelope, len(envelope) // 2)


def against_shifted(
    stretches: Sequence[Decoded], sample_rate: float, windows_s: Sequence[float] = WINDOWS_S
) -> tuple[WindowChoice, ...]:
    """A made-up second talker, for data with one: each stretch's envelope against itself shifted by half the stretch.

    All stretches together, by window length, for the lengths that fit. `starts_s` are within each stretch.
    """
    result: dict[float, list[WindowChoice]] = {}
    for stretch in stretches:
        other = shifted(stretch.envelope)
        for window in attended(stretch.decoded, [stretch.envelope, other], sample_rate, 0, windows_s).windows:
            result.setdefault(window.window_s, []).append(window)
    return tuple(
        choices(
            np.concatenate([w.r for w in own]), np.concatenate([w.starts_s for w in own]), length, truth=0
        )
        for length, own in sorted(result.items())
    )


def choices(r: np.ndarray, starts_s: np.ndarray, window_s: float, truth: int | None) -> WindowChoice:
    """The choices that r [n, candidates] leads to."""
    chosen = r.argmax(axis=1)
    ordered = np.sort(r, axis=1)
    if truth is None:
        margin, accuracy, low, high = ordered[:, -1] - ordered[:, -2], np.nan, np.nan, np.nan
    else:
        others = np.delete(r, truth, axis=1).max(axis=1)
        margin = r[:, truth] - others
        right = int((chosen == truth).sum())
        accuracy = right / len(chosen)
        low, high = wilson(right, len(chosen))
    return WindowChoice(window_s, starts_s, r, chosen, margin, float(accuracy), float(low), float(high))


def wilson(right: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """The 95 % band of a share (Wilson 1927)."""
    share, over = right / n, z * z / n
    centre = (share + over / 2) / (1 + over)
    half = z * np.sqrt(share * (1 - share) / n + over / (4 * n)) / (1 + over)
    return float(max(0.0, centre - half)), float(min(1.0, centre + half))
