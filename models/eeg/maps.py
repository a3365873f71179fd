"""What can be read of the brain from a decoder and its data, by electrode and lag; and what cannot.

The weights of a backward model say how channels are combined, noise cancelled among them, and are no map of sources. What
can be looked at as one: the forward response (how the EEG follows the envelope; Crosse et al. 2016), and the decoder's
pattern (how the EEG goes with what the decoder reads from it; Haufe et al. 2014). NumPy only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import linalg

from models.eeg.correlation import pearson
from models.eeg.scores import surrogates
from models.progress import Progress

FIRST_S, LAST_S = -0.1, 0.4  # lags that are looked at
PENALTY = 1.0  # of the forward response, in units of the envelope's variance


@dataclass(frozen=True)
class LagMap:
    """values: float64 [lags, channels]; lags_s: float64 [lags], how long the EEG comes after the sound (or the decoded one)."""

    values: np.ndarray
    lags_s: np.ndarray

    @property
    def strongest(self) -> int:
        """The lag from 0 to 300 ms with the largest spread over the scalp; at the ends a regression gathers what lies beyond."""
        usual = (self.lags_s >= 0) & (self.lags_s <= 0.3)
        return int(np.where(usual, self.values.std(axis=1), -1.0).argmax())


def lagged(signal: np.ndarray, first: int, last: int) -> np.ndarray:
    """[time, lags]: column k is `signal` [time] delayed by ``first + k`` samples, zero beyond its ends."""
    time = len(signal)
    result = np.zeros((time, last - first + 1))
    for column, lag in enumerate(range(first, last + 1)):
        if abs(lag) < time:
            result[max(0, lag) : time + min(0, lag), column] = signal[max(0, -lag) : time - max(0, lag)]
    return result


def forward(
    stretches: Sequence[tuple[np.ndarray, np.ndarray]], first: int, last: int, penalty: float = PENALTY
) -> tuple[np.ndarray, np.ndarray]:
    """(weights [lags, channels], constant [channels]) of the ridge regression of EEG [time, channels] on the lagged envelope [time].

    stretches: pairs of the two. λ is `penalty` a sample; the constant is free. mTRFpy's λ in direction 1 on the same n
    stretches of together N samples at fs is ``penalty · N / (n · fs)``, and its weights are these times fs.
    """
    size = last - first + 2
    xx, xy = np.zeros((size, size)), np.zeros((size, stretches[0][0].shape[1]))
    samples = 0
    for eeg, envelope in stretches:
        design = np.column_stack([np.ones(len(envelope)), lagged(np.asarray(envelope, float), first, last)])
        xx += design.T @ design
        xy += design.T @ eeg
        samples += len(envelope)
    xx[np.arange(1, size), np.arange(1, size)] += penalty * samples
    solved = linalg.solve(xx, xy, assume_a="pos")
    return solved[1:], solved[0]


def pattern(stretches: Sequence[tuple[np.ndarray, np.ndarray]], first: int, last: int) -> np.ndarray:
    """float64 [lags, channels]: the covariance of EEG [time, channels] with what was decoded from it [time], over the variance of that.

    Of a linear decoder this is Haufe's transform ``Cov(x) w / Var(y)`` of its weights: ``Cov(x) w = Cov(x, y)`` since ``y = x w``.
    Of a network it is the linear part of how the EEG goes with its output.
    """
    total, power = 0.0, 0.0
    for eeg, decoded in stretches:
        centred = np.asarray(eeg, float) - np.mean(eeg, axis=0)
        output = np.asarray(decoded, float) - np.mean(decoded)
        total = total + lagged(output, first, last).T @ centred
        power += float(output @ output)
    result: np.ndarray = np.asarray(total) / (power or 1.0)
    return result


def permuted(
    decode: Callable[[np.ndarray], np.ndarray],
    eeg: np.ndarray,
    envelope: np.ndarray,
    draws: int = 3,
    seed: int = 0,
    progress: Progress | None = None,
) -> np.ndarray:
    """float64 [channels]: how much r falls where a channel is replaced by a copy of itself with scrambled phases, mean of `draws`.

    decode: EEG [time, channels] → envelope [time]. What neighbours say as well is not missed: electrodes that share their
    signal share, and hide, their importance. Raises Cancelled.
    """
    progress = progress or Progress()
    whole = float(pearson(decode(eeg), envelope))
    generator = np.random.default_rng(seed)
    result = np.zeros(eeg.shape[1])
    for channel in range(eeg.shape[1]):
        progress.update(channel, eeg.shape[1], "Without each channel in turn")
        for copy in surrogates(eeg[:, channel], draws, generator):
            changed = np.array(eeg, np.float32)
            changed[:, channel] = copy
            result[channel] += (whole - float(pearson(decode(changed), envelope))) / draws
    return result
