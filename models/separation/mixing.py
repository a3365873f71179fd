"""How voices become a mixture: levels, loudness, speed, noise and rooms. Everything random comes from a generator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import soxr

from models.separation.config import MixingConfig

FLOOR = 1e-8  # RMS below which sound is silence


@dataclass(frozen=True)
class Mixed:
    """mixture float32 [samples]; sources float32 [speakers, samples], adding up to it where there is no noise."""

    mixture: np.ndarray
    sources: np.ndarray


def rms(sound: np.ndarray) -> float:
    """Root mean square of a sound's samples; 0 where there are none."""
    return float(np.sqrt(np.mean(np.square(sound, dtype=np.float64)))) if sound.size else 0.0


def amplitude(db: float) -> float:
    """The factor of a level: −25 dB is 0.0562."""
    return float(10 ** (db / 20))


def heard_db(settings: MixingConfig) -> float | None:
    """The level at which the network hears every mixture; None: that of the recording."""
    return settings.loudness_db if settings.normalise else None


def loudness_gain(mixture: np.ndarray, loudness_db: float | None) -> float:
    """What brings the mixture's RMS to `loudness_db`; 1 for silence, and where the level is to stay."""
    level = rms(mixture)
    return amplitude(loudness_db) / level if loudness_db is not None and level > FLOOR else 1.0


def mix(
    voices: Sequence[np.ndarray],
    levels_db: Sequence[float],
    loudness_db: float | None,
    noise: np.ndarray | None = None,
    snr_db: float = 0.0,
) -> Mixed:
    """Voices of one length at the given levels (each first brought to the same RMS), the whole at `loudness_db`; None: as loud
    as the loudest of them was recorded.

    noise: laid under with its level `snr_db` below the speech's. Nothing is clipped.
    """
    sources = np.stack(
        [
            voice * (amplitude(level) / max(rms(voice), FLOOR))
            for voice, level in zip(voices, levels_db, strict=True)
        ]
    )
    mixture = sources.sum(0)
    if noise is not None and rms(noise) > FLOOR:
        mixture = mixture + noise * (rms(mixture) / rms(noise) / amplitude(snr_db))
    gain = max(map(rms, voices)) if loudness_db is None else loudness_gain(mixture, loudness_db)
    return Mixed((mixture * gain).astype(np.float32), (sources * gain).astype(np.float32))


def relevelled(sources: np.ndarray, level_db: float) -> np.ndarray:
    """Ready-made sources with the first at another level: the mixture is their new sum."""
    changed = sources.copy()
    changed[0] *= amplitude(level_db)
    return changed


def at_speed(sound: np.ndarray, speed: float, samples: int) -> np.ndarray:
    """`samples` samples of the sound played `speed` times as fast, pitch and all; `sound` must be long enough."""
    if speed == 1.0:
        return sound[:samples]
    played = soxr.resample(sound, speed, 1.0, quality="LQ")
    return np.pad(played, (0, max(0, samples - len(played))))[:samples]


def in_room(sound: np.ndarray, response: np.ndarray) -> np.ndarray:
    """The sound through an impulse response, its loudest moment kept in place, same length."""
    from scipy.signal import fftconvolve

    reverberant = fftconvolve(sound, response)
    first = int(np.argmax(np.abs(response)))
    return reverberant[first : first + len(sound)].astype(np.float32)


def crop(sound: np.ndarray, samples: int, random: np.random.Generator | None) -> np.ndarray:
    """`samples` samples, from a random place or from the beginning; padded where the sound is shorter.

    Of a few random places the first is taken that is not silent, for silence teaches nothing.
    """
    if len(sound) <= samples:
        before = 0 if random is None else int(random.integers(samples - len(sound) + 1))
        return np.pad(sound, (before, samples - len(sound) - before))
    if random is None:
        return sound[:samples]
    audible = 0.25 * rms(sound)
    piece = sound[:samples]
    for _ in range(4):
        start = int(random.integers(len(sound) - samples + 1))
        piece = sound[start : start + samples]
        if rms(piece) >= audible:
            break
    return piece


def draw_levels(speakers: int, settings: MixingConfig, random: np.random.Generator) -> list[float]:
    """One level a voice, dB: the first is 0, the others differ from it by at most `level_db`."""
    return [0.0, *random.uniform(-settings.level_db, settings.level_db, speakers - 1).tolist()]
