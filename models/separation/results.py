"""What separating a recording is asked for, and what comes of it. No torch here: the window imports this."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from pydantic import model_validator

from models.remarks import Remark
from models.settings import Options, contradiction, setting

Container = Literal["wav", "flac"]  # of the tracks


class SeparationOptions(Options):
    """How a recording is separated."""

    window_s: float = setting(
        8.0,
        "Window",
        "The stretch that the network hears at once; longer needs more memory.",
        unit="s",
        gt=0,
        le=3600,
    )
    overlap_s: float = setting(
        2.0,
        "Overlap",
        "What neighbouring windows share; there their tracks are put in the same order and faded into each other.",
        unit="s",
        gt=0,
        le=1800,
    )
    test_time_augmentation: Literal[1, 2, 4, 8] | None = setting(
        None,
        "Test-time augmentation",
        "How often each stretch is heard, to take the mean: as it is and with its sign reversed (2), and both a part of a"
        " hop later as well (4, 8). Twice takes twice the time and brings up to 0.4 dB. Left open: as the model says.",
    )
    mixture_consistency: bool = setting(
        False,
        "Tracks add up to the mixture",
        "What no track holds is shared out among them, so that nothing is lost.",
    )
    keep_voices: bool = setting(
        True,
        "Voices keep their lanes",
        "In recordings of several windows each voice is kept in one track by what it sounds like, also after a long silence.",
    )
    one_voice: bool = setting(
        True,
        "One voice gets one track",
        "Where a single person is heard, the recording stays whole in one track and the others are silent.",
    )
    container: Container = setting(
        "wav", "Format of tracks", "FLAC is smaller; WAV keeps what lies above full scale."
    )

    @model_validator(mode="after")
    def _overlap_fits(self) -> Self:
        if self.overlap_s > self.window_s / 2:
            raise contradiction(
                "should be at most half of the window, {half:g} s", "overlap_s", half=self.window_s / 2
            )
        return self


DEFAULTS = SeparationOptions()
AUGMENTATIONS: tuple[Literal[1, 2, 4, 8], ...] = (1, 2, 4, 8)


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
