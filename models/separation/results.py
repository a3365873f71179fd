"""What separating a recording is asked for, and what comes of it. No torch here: the window imports this."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from models.errors import fill


class Remark(NamedTuple):
    """A sentence that a person should read, with its values, as in `UserError`."""

    text: str
    values: dict[str, object]

    def said(self, translate: Callable[[str], str] = str) -> str:
        return fill(translate(self.text), self.values)

    def __str__(self) -> str:
        return self.said()


@dataclass(frozen=True)
class SeparationOptions:
    """How a recording is separated.

    window_s: the stretch that the network hears at once. overlap_s: what neighbouring windows share; there their
    tracks are put in the same order and faded into each other. hearings: how often each stretch is heard, to
    take the mean: as it is and with its sign reversed (2), and both again half a hop later (4), or a quarter, a half
    and three quarters (8). mixture_consistency: let the tracks add up to the mixture. container: format of the
    tracks' files.
    """

    window_s: float = 8.0
    overlap_s: float = 2.0
    hearings: Literal[1, 2, 4, 8] = 2
    mixture_consistency: bool = False
    container: Literal["wav", "flac"] = "wav"


DEFAULTS = SeparationOptions()
HEARINGS: tuple[Literal[1, 2, 4, 8], ...] = (1, 2, 4, 8)


@dataclass(frozen=True)
class Separated:
    """The tracks of one recording.

    tracks: one file a speaker, of the same rate, channels and length as the mixture. model_rate: the rate at which
    the network works, Hz: what lies above half of it is not in the tracks. levels_db: RMS of each track, dBFS.
    seconds: the time it took.
    """

    mixture: Path
    tracks: tuple[Path, ...]
    sample_rate: int
    channels: int
    frames: int
    model_rate: int
    levels_db: tuple[float, ...]
    remarks: tuple[Remark, ...]
    seconds: float


@dataclass(frozen=True)
class TrackScores:
    """How near a track comes to its reference, in dB; the improvements are over the mixture.

    track: which of the tracks it is. stoi: intelligibility, 0 to 1. pesq: quality, 1 to 4.5. A figure is None where
    it is not defined, as on silence, or where the package that computes it is lacking.
    """

    track: int
    si_sdr: float | None
    si_sdri: float | None
    sdr: float | None
    sdri: float | None
    stoi: float | None
    pesq: float | None
