"""A recording as every reader gives it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from models import file_names, files
from models.errors import UserError
from models.remarks import Remark


@dataclass(frozen=True)
class Annotation:
    """A stretch of a recording that has a name: from `onset_s` after its first sample on, `duration_s` long (0: a moment)."""

    onset_s: float
    duration_s: float
    text: str


@dataclass(frozen=True)
class Recording:
    """An opened recording.

    channel_names: EEG channels, others are left out. time: samples. marked_bad: what its author marked as bad.
    envelope: float32 [time] at `sample_rate`, where the file brings one. remarks: what had to be assumed, in words.
    stored: [time, channels] as the file holds it, where it lies in memory or is mapped; times `step` it is in µV.
    aside: channels that lie elsewhere than on the scalp, such as mastoids; `read_aside` reads them as `read_samples` does
    its own. eyes, heart: those of them that are known to be of the eyes (EOG) or the heart (ECG).
    in_mne: of each channel and each one aside, what MNE calls it and what MNE's volts are to be multiplied by; empty
    where MNE does not open the file. in_numpy: how the array is come by in what NumPy loads, such as ``["eeg"][3].T``.
    """

    path: Path
    channel_names: tuple[str, ...]
    sample_rate: float
    time: int
    read_samples: Callable[[int, int], np.ndarray] = field(repr=False)
    marked_bad: tuple[str, ...] = ()
    envelope: np.ndarray | None = field(default=None, repr=False)
    remarks: tuple[Remark, ...] = ()
    trials: tuple[Recording, ...] = field(default=(), repr=False)  # where the file holds several
    stored: np.ndarray | None = field(default=None, repr=False)
    step: float = 1.0
    annotations: tuple[Annotation, ...] = field(default=(), repr=False)
    aside: tuple[str, ...] = ()
    read_aside: Callable[[int, int], np.ndarray] | None = field(default=None, repr=False)
    eyes: tuple[str, ...] = ()
    heart: tuple[str, ...] = ()
    in_mne: tuple[tuple[str, float], ...] = field(default=(), repr=False)
    in_numpy: str = ""

    @property
    def duration_s(self) -> float:
        return self.time / self.sample_rate

    def read(self, start_s: float = 0.0, stop_s: float | None = None) -> np.ndarray:
        """The stretch in µV, float32 [time, channels]; only it is read from the disk."""
        first = min(self.time, max(0, round(start_s * self.sample_rate)))
        last = self.time if stop_s is None else min(self.time, round(stop_s * self.sample_rate))
        return self.read_samples(first, max(first, last))


def damaged(path: Path, error: Exception) -> UserError:
    """The error for what a library stumbled over; its own words only where they are about the file."""
    text = " ".join(str(error).split())
    python = any(
        word in text
        for word in ("object", "NoneType", "codec", "encoding=", "index", "argument", "Errno", "shape")
    )
    return files.damaged(path, "the file is damaged, or of another kind" if python or not text else text)


def possible_rate(path: Path, rate: float) -> float:
    """The sample rate in Hz that a file says. Raises UserError where no amplifier samples so."""
    if not 1 <= rate <= 100_000:
        raise UserError(
            "{name} says that its sample rate is {rate} Hz.",
            "That cannot be.",
            "Correct fs in the file.",
            name=file_names.shown(path.name),
            rate=rate,
        )
    return rate


def empty(path: Path) -> UserError:
    """The error of a file that holds no samples."""
    return UserError(
        "{name} is empty.",
        "It holds no samples.",
        "Record or export it again.",
        name=file_names.shown(path.name),
    )
