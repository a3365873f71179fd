"""What is heard of tracks while they are made: who is in which, and whether more than one person speaks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.separation.activity import FRAME_S, Levels
from models.separation.counting import count_voices
from models.separation.identity import Identity, Reordered, VoiceTrail
from models.separation.results import SeparationOptions

FloatArray = NDArray[np.float32]


class Listener:
    """Hears tracks go by; then `verdict` says what is to be done with them."""

    def __init__(self, speakers: int, sample_rate: int, options: SeparationOptions) -> None:
        self._rate, self._options = sample_rate, options
        self._wanted = options.keep_voices or options.one_voice
        self._trail = VoiceTrail(speakers, sample_rate)
        self._levels = Levels(speakers, sample_rate)
        self._samples = 0

    def hear(self, tracks: FloatArray) -> None:
        """The next float32 [speakers, frames, channels]."""
        self._samples += tracks.shape[1]
        if self._wanted:
            mono = tracks.mean(axis=2)
            self._trail.hear(mono)
            self._levels.hear(mono)

    def verdict(self) -> Verdict:
        """Of all that was heard."""
        if not self._wanted:
            return Verdict(self._rate, Identity((), np.zeros((0, 0), np.float32)), None, 1.0)
        identity = self._trail.identity()
        levels, _ = self._levels.finish()
        several = self._samples > self._options.window_s * self._rate
        if several and self._options.keep_voices:
            levels = _in_lanes(levels, identity, self._rate)
            voices = list(identity.voices)
        else:
            voices = self._trail.voices()
            identity = Identity((), identity.voices)
        known = [voice if np.any(voice) else None for voice in voices]
        count, certainty = count_voices(levels, known)
        # where voices may be in both tracks, both sound alike: that says nothing
        alone = count == 1 and self._options.one_voice and (self._options.keep_voices or not several)
        loudest = int(np.square(levels, dtype=np.float64).sum(1).argmax())
        return Verdict(self._rate, identity, loudest if alone else None, certainty)


@dataclass(frozen=True)
class Verdict:
    """identity: the order of the tracks, empty where it stays. alone: the lane of the only voice, if there is one only."""

    sample_rate: int
    identity: Identity
    alone: int | None
    certainty: float

    @property
    def exchanged(self) -> int:
        """Stretches in which voices are put back."""
        return sum(item.exchanged for item in self.identity.orders)

    @property
    def changes(self) -> bool:
        """Whether the tracks are to be written anew."""
        return self.exchanged > 0 or self.alone is not None

    def applied(self) -> Applied:
        """What makes the tracks what they should be, stretch by stretch from the beginning."""
        return Applied(self)


class Applied:
    """Called with the stretches of tracks in turn, [speakers, frames, channels]; returns them changed."""

    def __init__(self, verdict: Verdict) -> None:
        self._alone = verdict.alone
        self._lanes = Reordered(verdict.identity.orders, verdict.sample_rate) if verdict.exchanged else None

    def __call__(self, tracks: FloatArray) -> FloatArray:
        if self._alone is not None:
            result = np.zeros_like(tracks)
            result[self._alone] = tracks.sum(0)
            return result
        return tracks if self._lanes is None else self._lanes.push(tracks)


def _in_lanes(levels: FloatArray, identity: Identity, rate: int) -> FloatArray:
    result = levels.copy()
    for item in identity.orders:
        cut = slice(round(item.start / rate / FRAME_S), round(item.end / rate / FRAME_S))
        result[:, cut] = levels[list(item.order), cut]
    return result
