"""EEG and sound made ready for a decoder as they arrive: every filter looks back only, and its state runs on.

EEG and envelope go through the same two filters, so both are late by the same time and stay in line: a low-pass before
the rate is brought to the decoder's, and the decoder's band there. What comes out does not depend on how the signal was
cut into blocks.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.signal import butter, lfilter, sosfilt, sosfilt_zi

from models.eeg.channels import canonical
from models.eeg.envelope import AUDIO_RATE, GammatoneBank
from models.eeg.signal_config import PreprocessingConfig
from models.eeg.splits import sections_of
from models.errors import UserError
from models.remarks import Remark

SPREAD_S = 20.0  # within which a channel's standard deviation follows it
MOST_MISSING = 0.2  # share of a decoder's channels that may be made up from their neighbours
LOWEST_AUDIO_HZ = 4000.0  # a stream of sound is no slower


class Slowed:
    """A signal brought to a lower rate, and into the decoder's band, block by block."""

    def __init__(self, rate: float, channels: int, signal: PreprocessingConfig) -> None:
        self.rate, self.out_rate = rate, signal.sample_rate
        cut = min(0.4 * self.out_rate, 0.45 * rate)
        self._low = butter(8, cut, "lowpass", fs=rate, output="sos")
        self._low_state = np.zeros((len(self._low), 2, channels))
        band = sections_of(signal, signal.sample_rate)
        self._band = band
        self._band_state = None if band is None else np.zeros((len(band), 2, channels))
        self._begun = False
        self._taken = 0  # samples that came in
        self._given = 0  # samples that went out
        self._last = np.zeros(channels)

    def push(self, block: np.ndarray) -> np.ndarray:
        """float64 [m, channels] of a block [n, channels]; sample k of all that comes out lies k / `out_rate` s after the first that came in."""
        if not len(block):
            return np.zeros((0, len(self._last)))
        block = np.asarray(block, float)
        if not self._begun:  # begins as if it had always been at its first value
            self._low_state = sosfilt_zi(self._low)[:, :, None] * block[0]
        smooth, self._low_state = sosfilt(self._low, block, axis=0, zi=self._low_state)
        line = np.concatenate([self._last[None] if self._begun else smooth[:1], smooth])
        places = np.arange(self._given, self._given + len(block) * self.out_rate / self.rate + 2)
        places = places * (self.rate / self.out_rate) - (self._taken - 1)
        places = places[places <= len(line) - 1 + 1e-9]
        below = np.clip(np.floor(places + 1e-9).astype(int), 0, max(0, len(line) - 2))
        part = np.clip(places - below, 0.0, 1.0)[:, None]
        result = line[below] * (1 - part) + line[np.minimum(below + 1, len(line) - 1)] * part
        self._taken += len(block)
        self._given += len(result)
        self._last, self._begun = smooth[-1], True
        return self._in_band(result)

    def _in_band(self, values: np.ndarray) -> np.ndarray:
        if self._band is None or self._band_state is None or not len(values):
            return values
        result, self._band_state = sosfilt(self._band, values, axis=0, zi=self._band_state)
        return np.asarray(result)


class CausalEeg:
    """EEG in µV as a stream has it → what a decoder sees: its channels, re-referenced, at its rate, in its band, in standard deviations."""

    def __init__(
        self, names: Sequence[str], rate: float, channels: Sequence[str], signal: PreprocessingConfig
    ) -> None:
        """names: of the stream's channels; channels: the decoder's. Raises UserError where too many are lacking."""
        self.mixing, self.lacking = mixing(names, channels)
        self.mixing = self.mixing - common(names, self.mixing, signal.reference)
        self._slowed = Slowed(rate, len(channels), signal)
        self._clip_sd = signal.clip_sd
        self._keep = np.exp(-1 / (SPREAD_S * signal.sample_rate))
        self._power_state = np.zeros((1, len(channels)))
        self._given = 0

    def push(self, block: np.ndarray) -> np.ndarray:
        """float32 [m, channels] of a block [n, stream's channels] in µV."""
        ready = self._slowed.push(np.asarray(block, float) @ self.mixing.T)
        if not len(ready):
            return np.zeros((0, ready.shape[1]), np.float32)
        power, self._power_state = lfilter(
            [1 - self._keep], [1, -self._keep], ready**2, axis=0, zi=self._power_state
        )
        count = np.arange(self._given + 1, self._given + len(ready) + 1)[:, None]
        self._given += len(ready)
        spread = np.sqrt(power / (1 - self._keep**count))
        result = ready / np.maximum(spread, 1e-6)
        if self._clip_sd:
            np.clip(result, -self._clip_sd, self._clip_sd, out=result)
        return result.astype(np.float32)


class CausalEnvelope:
    """Sounds as they arrive → their envelopes at the decoder's rate, in its band. One that arrives as envelope is taken as it is."""

    def __init__(self, rate: float, tracks: int, signal: PreprocessingConfig) -> None:
        self.is_sound = rate >= LOWEST_AUDIO_HZ
        self._to_16k = None
        if self.is_sound and rate != AUDIO_RATE:
            import soxr

            self._to_16k = [
                soxr.ResampleStream(rate, AUDIO_RATE, 1, dtype="float32", quality="HQ") for _ in range(tracks)
            ]
        self._banks = [GammatoneBank() for _ in range(tracks)] if self.is_sound else []
        self._slowed = Slowed(AUDIO_RATE if self.is_sound else rate, tracks, signal)

    def push(self, block: np.ndarray) -> np.ndarray:
        """float64 [m, tracks] of a block [n, tracks]."""
        if not self.is_sound:
            return self._slowed.push(block)
        block = np.asarray(block, np.float32)
        columns = [block[:, number] for number in range(block.shape[1])]
        if self._to_16k is not None:
            columns = [
                stream.resample_chunk(np.ascontiguousarray(column))
                for stream, column in zip(self._to_16k, columns, strict=True)
            ]
        loud = [bank.rectified(column) for bank, column in zip(self._banks, columns, strict=True)]
        return self._slowed.push(np.stack(loud, axis=1))


def mixing(names: Sequence[str], channels: Sequence[str]) -> tuple[np.ndarray, list[str]]:
    """(float64 [channels, names] from a stream's channels to a decoder's, those that are made up from their neighbours).

    Channels are matched by their places on the scalp. Raises UserError where more than a fifth are lacking.
    """
    there: dict[str, int] = {}
    for number, name in enumerate(names):
        there.setdefault(canonical(name), number)
    result = np.zeros((len(channels), len(names)))
    lacking = [name for name in channels if canonical(name) not in there]
    if len(lacking) > MOST_MISSING * len(channels):
        raise UserError(
            "The stream lacks channels of the decoder.",
            "It has no {lacking}; {count} of {needed} are missing, and up to a fifth can be made up from their neighbours.",
            "Name the channels in the amplifier's program as in the 10-20 system, or choose a decoder for these channels.",
            lacking=", ".join(lacking[:8]),
            count=len(lacking),
            needed=len(channels),
        )
    for row, name in enumerate(channels):
        if name not in lacking:
            result[row, there[canonical(name)]] = 1.0
    if lacking:
        known = [row for row, name in enumerate(channels) if name not in lacking]
        result[[row for row in range(len(channels)) if row not in known]] = (
            _from_neighbours(channels, lacking) @ result[known]
        )
    return result, lacking


def common(names: Sequence[str], mixed: np.ndarray, reference: str) -> np.ndarray:
    """float64 [names]: how the reference of a decoder's settings is computed of a stream's channels.

    mixed: [channels, names], see `mixing`. Raises UserError where the stream lacks its channels.
    """
    from models.eeg.preprocessing import reference_of

    if reference == "average":
        return np.asarray(mixed.mean(axis=0))
    chosen = reference_of(names, reference, Remark("The stream"))
    return np.array([name in chosen for name in names], float) / max(1, len(chosen))


def _from_neighbours(channels: Sequence[str], lacking: Sequence[str]) -> np.ndarray:
    """[lacking, others]: spherical splines, as MNE interpolates, which are linear in the other channels."""
    from models.eeg.steps import interpolated

    others = [number for number, name in enumerate(channels) if name not in lacking]
    unit = np.zeros((len(others), len(channels)), np.float32)
    unit[np.arange(len(others)), others] = 1.0
    columns = [number for number, name in enumerate(channels) if name in lacking]
    result, _ = interpolated(unit, tuple(channels), 64, list(lacking))
    return np.asarray(result[:, columns].T, float)
