"""EEG as sequences, for systems that read sequences. NumPy only."""

from __future__ import annotations

import numpy as np

from models.errors import UserError

MOST = 4000  # windows: more than a mesh of modules needs to be looked into


def windows_of(eeg: np.ndarray, sample_rate: int, window_s: float, most: int = MOST) -> np.ndarray:
    """float32 [n, time, channels]: windows side by side, `most` at most, each channel in its standard deviations.

    eeg: [time, channels]. Raises UserError for a recording that is shorter than a window.
    """
    size = max(2, round(window_s * sample_rate))
    count = min(most, len(eeg) // size)
    if not count:
        raise UserError(
            "The recording is shorter than a window.",
            "It lasts {seconds:.1f} s.",
            "Choose a longer recording.",
            seconds=len(eeg) / sample_rate,
        )
    scaled = (eeg - eeg.mean(axis=0)) / np.maximum(eeg.std(axis=0), 1e-6)
    result: np.ndarray = scaled[: count * size].reshape(count, size, -1).astype(np.float32)
    return result
