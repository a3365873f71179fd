"""What a live session tells. NumPy only: the window reads this as it starts."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from models.eeg.live.lsl import Health
from models.errors import UserError

WINDOWS_S = (5.0, 10.0, 30.0)


@dataclass(frozen=True)
class WindowState:
    """One window that ends now. r: float64 [tracks]. chosen: the best. certainty: that it is the best, 0.5 to 1."""

    window_s: float
    r: np.ndarray
    chosen: int
    certainty: float


@dataclass(frozen=True)
class Attention:
    """What is known at `time_s` (of the EEG, from its first sample on): the windows that are full by now.

    decoded: float32 [n], the last of it, and envelopes [n, tracks], both in standard deviations at the decoder's rate.
    """

    time_s: float
    windows: tuple[WindowState, ...]
    decoded: np.ndarray
    envelopes: np.ndarray

    def window(self, window_s: float) -> WindowState | None:
        """That of a length; the longest that is full where it is not yet."""
        fitting = [item for item in self.windows if item.window_s <= window_s]
        return fitting[-1] if fitting else None


@dataclass(frozen=True)
class Arrived:
    """What has come: eeg [n, channels] in µV, sound [m, tracks]; gains [tracks] that the sounds are to be played with."""

    eeg: np.ndarray = field(repr=False)
    sound: np.ndarray = field(repr=False)
    gains: np.ndarray
    health: Health
    sound_health: Health
    busy: float  # share of the time that was spent on it


@dataclass(frozen=True)
class Changed:
    """A stream was lost, or is back."""

    name: str
    lost: bool


@dataclass(frozen=True)
class AttentionChanged:
    """What is listened to, and which voice is followed."""

    attention: Attention
    followed: int | None


Event = Arrived | Changed | AttentionChanged | UserError
