"""The linear decoder that any network has to pass: backward ridge regression over time lags. NumPy only.

What the EEG hears at time t is decoded from all channels at t + lag, lags from `first` to `last` samples (as in mTRFpy:
Bialas et al. 2023, and Crosse et al. 2016). The covariance of the lagged EEG is block-Toeplitz but for the edges of a
stretch, so it is computed from one product a lag and corrected there: nothing as large as the lagged EEG is ever made,
and stretches, trials and subjects add up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import linalg


@dataclass
class Covariance:
    """What ridge regression needs of stretches of EEG and envelope; additive.

    xx: float64 [1 + lags · channels, the same], first row and column are the constant's; then lag by lag.
    xy: float64 [1 + lags · channels]. yy, y: sums of the squared envelope and of the envelope.
    samples, stretches: how much went in.
    """

    xx: np.ndarray
    xy: np.ndarray
    yy: float = 0.0
    y: float = 0.0
    samples: int = 0
    stretches: int = 0

    def __add__(self, other: Covariance) -> Covariance:
        return Covariance(
            self.xx + other.xx,
            self.xy + other.xy,
            self.yy + other.yy,
            self.y + other.y,
            self.samples + other.samples,
            self.stretches + other.stretches,
        )

    def __sub__(self, other: Covariance) -> Covariance:
        return Covariance(
            self.xx - other.xx,
            self.xy - other.xy,
            self.yy - other.yy,
            self.y - other.y,
            self.samples - other.samples,
            self.stretches - other.stretches,
        )


@dataclass(frozen=True)
class Ridge:
    """A solved decoder. weights: float64 [lags, channels]; bias; lags in samples, `first_lag` to `last_lag`; penalty λ."""

    weights: np.ndarray
    bias: float
    first_lag: int
    last_lag: int
    penalty: float

    def decode(self, eeg: np.ndarray) -> np.ndarray:
        """eeg: [time, channels], zero beyond its ends. Returns the envelope, float64 [time]."""
        time = len(eeg)
        result = np.full(time, self.bias)
        # One product for all lags, then each lag's column is shifted into place.
        products = np.asarray(eeg, np.float64) @ self.weights.T
        for number, lag in enumerate(range(self.first_lag, self.last_lag + 1)):
            if abs(lag) >= time:
                continue
            column = products[:, number]
            if lag >= 0:
                result[: time - lag] += column[lag:]
            else:
                result[-lag:] += column[:lag]
        return result


def lags_of(first_s: float, last_s: float, sample_rate: float) -> tuple[int, int]:
    """(first, last) lag in samples, rounded outwards."""
    return int(np.floor(first_s * sample_rate)), int(np.ceil(last_s * sample_rate))


def covariance(eeg: np.ndarray, envelope: np.ndarray, first_lag: int, last_lag: int) -> Covariance:
    """Of one stretch: eeg [time, channels], envelope [time]. Beyond its ends the EEG counts as zero."""
    if first_lag:  # as if the envelope came so much later: cut or fill once, then the lags begin at 0
        return _shifted_covariance(eeg, envelope, first_lag, last_lag)
    x = np.ascontiguousarray(eeg, np.float64)
    y = np.asarray(envelope, np.float64)
    time, channels = x.shape
    lags = last_lag + 1
    xx = np.zeros((lags, channels, lags, channels))
    for gap in range(min(lags, time)):
        product = x[: time - gap].T @ x[gap:]
        for lag in range(lags - gap):
            if lag:  # the stretch begins one sample later for each lag
                product = (
                    product - np.outer(x[lag - 1], x[lag - 1 + gap]) if lag - 1 + gap < time else product
                )
            xx[lag, :, lag + gap] = product
            if gap:
                xx[lag + gap, :, lag] = product.T
    xy = np.zeros((lags, channels))
    ones = np.zeros((lags, channels))
    total = x.sum(axis=0)
    for lag in range(min(lags, time)):
        xy[lag] = y[: time - lag] @ x[lag:]
        ones[lag] = total
        total = total - x[lag]
    return _with_constant(xx, xy, ones, y)


def _shifted_covariance(eeg: np.ndarray, envelope: np.ndarray, first_lag: int, last_lag: int) -> Covariance:
    """Lags that do not begin at 0: the lagged EEG is put together in pieces of time and added up."""
    x, y = np.asarray(eeg, np.float64), np.asarray(envelope, np.float64)
    time, channels = x.shape
    lags = last_lag - first_lag + 1
    padded = np.pad(x, ((max(0, -first_lag), max(0, last_lag)), (0, 0)))
    begin = max(0, first_lag) if first_lag > 0 else 0
    xx = np.zeros((lags * channels, lags * channels))
    xy, ones = np.zeros(lags * channels), np.zeros(lags * channels)
    for start in range(0, time, 2048):
        stop = min(time, start + 2048)
        piece = np.concatenate([padded[begin + start + k : begin + stop + k] for k in range(lags)], axis=1)
        xx += piece.T @ piece
        xy += y[start:stop] @ piece
        ones += piece.sum(axis=0)
    shape = (lags, channels)
    return _with_constant(xx.reshape(*shape, *shape), xy.reshape(shape), ones.reshape(shape), y)


def _with_constant(xx: np.ndarray, xy: np.ndarray, ones: np.ndarray, y: np.ndarray) -> Covariance:
    size = xy.size
    whole = np.empty((1 + size, 1 + size))
    whole[0, 0] = len(y)
    whole[0, 1:] = whole[1:, 0] = ones.ravel()
    whole[1:, 1:] = xx.reshape(size, size)
    return Covariance(whole, np.concatenate([[y.sum()], xy.ravel()]), float(y @ y), float(y.sum()), len(y), 1)


def summed(parts: Sequence[Covariance]) -> Covariance:
    """All of them together."""
    total = Covariance(
        sum(part.xx for part in parts),  # type: ignore[arg-type]
        sum(part.xy for part in parts),  # type: ignore[arg-type]
    )
    for name in ("yy", "y", "samples", "stretches"):
        setattr(total, name, sum(getattr(part, name) for part in parts))
    return total


def solve(covariance: Covariance, penalty: float, channels: int, first_lag: int) -> Ridge:
    """The decoder with λ = `penalty` a sample: λ is in units of the variance of an EEG channel; the constant is free.

    mTRFpy's λ on the same n stretches of together N samples at fs is ``penalty · N / (n · fs)``.
    """
    matrix = covariance.xx.copy()
    index = np.arange(1, len(matrix))
    matrix[index, index] += penalty * covariance.samples
    try:
        weights = linalg.solve(matrix, covariance.xy, assume_a="pos", check_finite=False)
    except linalg.LinAlgError:  # λ = 0 on EEG whose channels sum to zero: any solution of least norm will do
        weights = linalg.lstsq(matrix, covariance.xy, check_finite=False)[0]
    lags = (len(weights) - 1) // channels
    return Ridge(
        weights[1:].reshape(lags, channels), float(weights[0]), first_lag, first_lag + lags - 1, penalty
    )


def quality(decoder: Ridge, covariance: Covariance) -> float:
    """Pearson's r of the decoder on the stretches behind `covariance`, from their covariance alone."""
    weights = np.concatenate([[decoder.bias], decoder.weights.ravel()])
    n = covariance.samples
    mean_decoded = float(weights @ covariance.xx[0]) / n
    mean_y = covariance.y / n
    cross = float(weights @ covariance.xy) / n - mean_decoded * mean_y
    power = float(weights @ covariance.xx @ weights) / n - mean_decoded**2
    power_y = covariance.yy / n - mean_y**2
    return cross / float(np.sqrt(power * power_y)) if power > 0 and power_y > 0 else 0.0


def fit(
    parts: Sequence[Covariance], penalties: Sequence[float], channels: int, first_lag: int
) -> tuple[Ridge, np.ndarray]:
    """(decoder of all `parts`, r [penalties] in the cross-validation that chose its λ).

    parts: one covariance a fold; each is left out once. With one part, or one penalty, there is nothing to choose by.
    """
    together = summed(parts)
    if len(penalties) == 1 or len(parts) < 2:
        penalty = penalties[0] if len(penalties) == 1 else float(np.sort(penalties)[len(penalties) // 2])
        return solve(together, penalty, channels, first_lag), np.full(len(penalties), np.nan)
    result = np.zeros((len(parts), len(penalties)))
    for row, part in enumerate(parts):
        rest = together - part
        for column, penalty in enumerate(penalties):
            result[row, column] = quality(solve(rest, penalty, channels, first_lag), part)
    means = result.mean(axis=0)
    return solve(together, float(penalties[int(means.argmax())]), channels, first_lag), means
