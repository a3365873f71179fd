"""What is counted of a recording and its tracks while they pass: levels, and samples at full scale."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from models.remarks import Remark
from models.separation.listening import Verdict
from models.separation.results import SeparationOptions

QUIETEST_DB = -120.0  # of a level that is told: what is fainter is silence


ONE_SPEAKER_DB = 20.0  # a track that is fainter than another by this holds no speaker


class Tally:
    """Add what was separated with `see`; then ask for `frames`, `levels_db` and `remarks`."""

    def __init__(self, speakers: int) -> None:
        self.frames = self._clipped = self._over = self._samples = 0
        self.exchanged = 0  # stretches in which voices were put back into their lanes
        self.alone: int | None = None  # the track of the only voice
        self.certainty = 0.0  # of how many voices there are
        self._energy = np.zeros(speakers)

    def see(self, mixture: NDArray[np.float32], tracks: NDArray[np.float32]) -> None:
        """Count a stretch more: mixture [frames, channels], tracks [speakers, frames, channels]."""
        self.frames += len(mixture)
        self._samples += mixture.size
        if mixture.size:
            self._clipped += int((np.abs(mixture) >= 0.9999).sum())
            self._over += int((np.abs(tracks) > 1.0).sum())
            self._energy += np.square(tracks, dtype=np.float64).sum(axis=(1, 2))

    def take(self, verdict: Verdict, stretches: Iterable[NDArray[np.float32]]) -> None:
        """Tracks are written anew as a listener found it right: [speakers, frames, channels], from the beginning."""
        self.alone, self.certainty = verdict.alone, verdict.certainty
        self.exchanged = 0 if verdict.alone is not None else verdict.exchanged
        self._energy = np.zeros_like(self._energy)
        for tracks in stretches:
            self._energy += np.square(tracks, dtype=np.float64).sum(axis=(1, 2))

    @property
    def levels_db(self) -> tuple[float, ...]:
        """RMS of each track, dBFS."""
        powers = self._energy / max(1, self._samples)
        return tuple(
            max(QUIETEST_DB, 10 * math.log10(power)) if power > 0 else QUIETEST_DB for power in powers
        )

    def remarks(self, rate: int, model_rate: int, options: SeparationOptions) -> list[Remark]:
        """What a person should know of the tracks; rate: of the recording, model_rate: of the network, Hz."""
        result = []
        levels = self.levels_db
        if max(levels) <= QUIETEST_DB:
            result.append(Remark("The recording is silent, and so are its tracks."))
        elif self.alone is not None:
            result.append(
                Remark(
                    "Only one voice was heard, with a certainty of {certainty:.0f} %: it is whole in track {track}, and the others are silent.",
                    certainty=100 * self.certainty,
                    track=self.alone + 1,
                )
            )
        elif max(levels) - min(levels) > ONE_SPEAKER_DB:
            quiet = int(np.argmin(levels)) + 1
            result.append(
                Remark(
                    "Track {track} is near silence, {db:.0f} dB under the loudest: there may be fewer speakers than tracks.",
                    track=quiet,
                    db=max(levels) - min(levels),
                )
            )
        if self.exchanged:
            result.append(
                Remark(
                    "In {count} stretches the voices were in each other's tracks; by what they sound like they were put back.",
                    count=self.exchanged,
                )
            )
        if self._clipped > 10:
            result.append(
                Remark(
                    "The recording is clipped: {count} samples are at full scale. Its tracks are distorted where it is.",
                    count=self._clipped,
                )
            )
        if self._over and options.container == "flac":
            result.append(
                Remark(
                    "{count} samples of the tracks are over full scale, and FLAC cut them off. WAV keeps them.",
                    count=self._over,
                )
            )
        if model_rate < rate:
            result.append(
                Remark(
                    "The model works at {model:g} kHz: above {half:g} kHz the tracks hold no sound of their own.",
                    model=model_rate / 1000,
                    half=model_rate / 2000,
                )
            )
        return result
