"""Where electrodes lie, and how strong each is, for a map of the scalp."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.signal import welch

from models.eeg.recordings import montage, standard_names


def positions(channel_names: Sequence[str]) -> np.ndarray:
    """float64 [channels, 2]: seen from above, the nose up (+y), the right ear right (+x), the ears' height at radius 1.

    By the 10-05 system, projected so that distances from the vertex are true; NaN for names that are not part of it.
    """
    known = standard_names()
    places = montage().get_positions()["ch_pos"]
    middle = np.mean(
        [places[name] for name in ("T7", "T8", "Fpz", "Oz")], axis=0
    )  # the sphere's, near enough
    result = np.full((len(channel_names), 2), np.nan)
    for number, name in enumerate(channel_names):
        standard = known.get(name.lower())
        if standard is None:
            continue
        x, y, z = places[standard] - middle
        across = np.hypot(x, y)
        angle = np.arctan2(across, z)
        result[number] = np.array([x, y]) / max(across, 1e-9) * angle / (np.pi / 2)
    return result


def channel_power(
    eeg: np.ndarray, sample_rate: float, low_hz: float = 0.5, high_hz: float = 32.0
) -> np.ndarray:
    """float64 [channels]: mean power in the band in dB of 1 µV², of EEG [time, channels] in µV."""
    length = min(len(eeg), round(4 * sample_rate))
    frequencies, density = welch(np.asarray(eeg, np.float64), sample_rate, nperseg=length, axis=0)
    inside = (frequencies >= low_hz) & (frequencies <= high_hz)
    if not inside.any():
        inside = np.ones(len(frequencies), bool)
    power = density[inside].sum(axis=0) * (frequencies[1] - frequencies[0])
    return 10 * np.log10(np.maximum(power, 1e-12))
