"""The envelope of what was heard: gammatone bands, rectified, compressed, averaged, at the rate of the EEG.

28 bands from 50 Hz to 5 kHz, equally spaced on the ERB scale (Glasberg & Moore 1990), absolute value to the power 0.6,
mean over bands (Biesmans et al. 2017). A band is a cascade of four equal complex one-pole filters (Hohmann 2002), whose
impulse response is that of a gammatone filter. The filters are causal: their delay, at most 15 ms in the lowest
band and about 2 ms in the mean, is less than a step of 64 Hz; resampling adds none.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import soxr
from scipy.signal import lfilter

from models import audio
from models.errors import UserError
from models.progress import Progress

AUDIO_RATE = 16_000
BANDS, LOWEST_HZ, HIGHEST_HZ = 28, 50.0, 5000.0
COMPRESSION = 0.6


def erb_spaced(count: int = BANDS, lowest: float = LOWEST_HZ, highest: float = HIGHEST_HZ) -> np.ndarray:
    """[count] centre frequencies in Hz, both ends included."""
    scale = 9.26449 * 24.7
    ends = np.log1p(np.array([lowest, highest]) / scale)
    return scale * np.expm1(np.linspace(ends[0], ends[1], count))


def bandwidth(centre: float) -> float:
    """Of a gammatone filter of order 4 at `centre`, both in Hz: 1.019 ERB."""
    return 1.019 * (24.7 + centre / 9.26449)


class GammatoneBank:
    """The bands over a sound that comes in blocks; filter states run on from block to block."""

    def __init__(self, sample_rate: int = AUDIO_RATE) -> None:
        self._filters = []
        for centre in erb_spaced():
            pole = np.exp(2 * np.pi * (1j * centre - bandwidth(centre)) / sample_rate)
            feedback = np.poly([pole] * 4)
            self._filters.append((2 * (1 - abs(pole)) ** 4, feedback, np.zeros(4, complex)))

    def rectified(self, block: np.ndarray) -> np.ndarray:
        """float32 [samples]: the bands' absolute values to the power 0.6, averaged over the bands."""
        total = np.zeros(len(block))
        for number, (gain, feedback, state) in enumerate(self._filters):
            band, state = lfilter([gain], feedback, block.astype(complex), zi=state)
            self._filters[number] = (gain, feedback, state)
            total += np.abs(band.real) ** COMPRESSION
        return (total / len(self._filters)).astype(np.float32)


def envelope(samples: np.ndarray, audio_rate: int, sample_rate: int = 64) -> np.ndarray:
    """The envelope of a mono sound [samples] at `audio_rate`, float32 [time] at `sample_rate`, not normalised."""
    sound = audio.resample(np.asarray(samples, np.float32), audio_rate, AUDIO_RATE)
    length = round(len(samples) / audio_rate * sample_rate)
    size = 30 * AUDIO_RATE
    return _of_blocks((sound[i : i + size] for i in range(0, len(sound), size)), sample_rate, length)


def envelope_of_file(
    path: str | os.PathLike[str], sample_rate: int = 64, progress: Progress | None = None
) -> np.ndarray:
    """The envelope of a sound file of any length in bounded memory, float32 [time]. Raises UserError, Cancelled."""
    progress = progress or Progress()
    duration_s = audio.info(path).duration_s
    name = Path(path).name

    def blocks() -> Iterable[np.ndarray]:
        for number, block in enumerate(audio.blocks(path, AUDIO_RATE)):
            progress.update(number * 30, duration_s, "Listening to {name}", name=name)
            yield block

    result = _of_blocks(blocks(), sample_rate, round(duration_s * sample_rate))
    if not result.any():
        raise UserError(
            "{name} is silent.",
            "Its envelope is flat, and nothing can be compared with it.",
            "Choose the sound that was heard.",
            name=name,
        )
    return result


def _of_blocks(blocks: Iterable[np.ndarray], sample_rate: int, length: int) -> np.ndarray:
    bank = GammatoneBank()
    stream = soxr.ResampleStream(AUDIO_RATE, sample_rate, 1, dtype="float32", quality="HQ")
    parts = [stream.resample_chunk(bank.rectified(block)) for block in blocks if len(block)]
    parts.append(stream.resample_chunk(np.zeros(0, np.float32), last=True))
    result = np.concatenate(parts)[:length]
    return np.pad(result, (0, length - len(result)))
