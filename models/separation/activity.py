"""Who speaks when: read off the levels of separated tracks, and written as RTTM.

A track holds some of the other voices, so its voice is taken to speak where it is loud for that track and not far under the
loudest of the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.datafiles import write_whole
from models.file_names import folder_name

BoolArray = NDArray[np.bool_]
FRAME_S = 0.05
SOFT_DB = 26.0  # under the loud moments of its track: a voice pauses
LEAK_DB = 12.0  # under the loudest track: what is softer is that one's
FAINT_DB = 30.0  # under the loud moments of all: nobody
SILENT_DB = -80.0  # of full scale
SHORTEST_S, GAP_S = 0.2, 0.4  # no shorter speech is told, no shorter pause


@dataclass(frozen=True)
class Turn:
    """Speaker (0 is the first track) speaks from `start_s` to `end_s`."""

    speaker: int
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Activity:
    """speaks: bool [speakers, frames], a frame every `FRAME_S`."""

    speaks: BoolArray
    duration_s: float

    @property
    def turns(self) -> tuple[Turn, ...]:
        """In time."""
        result = []
        for speaker, row in enumerate(self.speaks):
            edges = np.flatnonzero(np.diff(row.astype(np.int8), prepend=0, append=0))
            for first, last in zip(edges[::2], edges[1::2], strict=True):
                start, end = float(first) * FRAME_S, min(self.duration_s, float(last) * FRAME_S)
                result.append(Turn(speaker, round(start, 3), round(end, 3)))
        return tuple(sorted(result, key=lambda turn: (turn.start_s, turn.speaker)))

    @property
    def counts(self) -> NDArray[np.int64]:
        """How many speak in each frame."""
        return np.asarray(self.speaks.sum(0), np.int64)

    @property
    def overlap(self) -> float:
        """Of the time in which anybody speaks, the share in which several do, 0 to 1."""
        counts = self.counts
        return float((counts > 1).sum() / max(1, (counts > 0).sum()))


class Levels:
    """The level of tracks frame by frame, while they pass."""

    def __init__(self, tracks: int, sample_rate: int) -> None:
        self._size = max(1, round(FRAME_S * sample_rate))
        self._rate, self._frames = sample_rate, 0
        self._waiting = np.zeros((tracks, 0), np.float32)
        self._levels: list[NDArray[np.float32]] = []

    def hear(self, tracks: NDArray[np.float32]) -> None:
        """The next [tracks, samples]."""
        self._frames += tracks.shape[1]
        waiting = np.concatenate([self._waiting, tracks], axis=1)
        count = waiting.shape[1] // self._size
        self._keep(waiting[:, : count * self._size].reshape(len(tracks), count, self._size))
        self._waiting = waiting[:, count * self._size :]

    def finish(self) -> tuple[NDArray[np.float32], float]:
        """(RMS [tracks, frames], the duration in seconds)."""
        if self._waiting.shape[1]:
            self._keep(self._waiting[:, None])
        nothing = np.zeros((len(self._waiting), 0), np.float32)
        return np.concatenate([nothing, *self._levels], axis=1), self._frames / self._rate

    def _keep(self, frames: NDArray[np.float32]) -> None:
        self._levels.append(np.sqrt(np.mean(np.square(frames, dtype=np.float64), axis=2)).astype(np.float32))


def activity(levels: NDArray[np.float32], duration_s: float) -> Activity:
    """levels: RMS of the tracks, [tracks, frames], a frame every `FRAME_S`."""
    if not levels.size:
        return Activity(np.zeros(levels.shape, bool), duration_s)
    loud = _loud(levels)
    floor = max(float(loud.max()) * 10 ** (-FAINT_DB / 20), 10 ** (SILENT_DB / 20))
    own = levels > np.maximum(loud[:, None] * 10 ** (-SOFT_DB / 20), floor)
    leaks = levels < levels.max(0) * 10 ** (-LEAK_DB / 20)
    return Activity(np.stack([_smoothed(row) for row in own & ~leaks]), duration_s)


def _loud(levels: NDArray[np.float32]) -> NDArray[np.float64]:
    """How loud each track is where it speaks: its ninth decile among the frames in which it is the loudest."""
    result = np.zeros(len(levels))
    loudest = levels.argmax(0)
    audible = levels.max(0) > 0.03 * float(levels.max())
    for number, row in enumerate(levels):
        chosen = row[(loudest == number) & audible]
        result[number] = float(np.quantile(chosen, 0.9)) if len(chosen) else float(row.max())
    return result


def _smoothed(speaks: BoolArray) -> BoolArray:
    """Without short pauses, then without what is too short to be speech."""
    filled = ~_without_short(~speaks, round(GAP_S / FRAME_S), ends=False)
    return _without_short(filled, round(SHORTEST_S / FRAME_S), ends=True)


def _without_short(row: BoolArray, least: int, ends: bool) -> BoolArray:
    """Runs of true that are shorter than `least` become false; ends: also those at either end."""
    edges = np.flatnonzero(np.diff(row.astype(np.int8), prepend=0, append=0))
    result = row.copy()
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        inside = first > 0 and last < len(row)
        if last - first < least and (ends or inside):
            result[first:last] = False
    return result


def rttm(turns: Iterable[Turn], recording: str, names: Sequence[str]) -> str:
    """Rich Transcription Time Marked (NIST 2009): a line of ten fields a turn; names get no spaces, as it asks."""
    lines = []
    for turn in turns:
        name = "_".join(names[turn.speaker].split()) or f"speaker{turn.speaker + 1}"
        lasts = turn.end_s - turn.start_s
        lines.append(
            f"SPEAKER {'_'.join(recording.split())} 1 {turn.start_s:.3f} {lasts:.3f} <NA> <NA> {name} <NA> <NA>"
        )
    return "".join(f"{line}\n" for line in lines)


def write_rttm(out: Path, turns: Iterable[Turn], recording: Path, names: Sequence[str]) -> None:
    """Raises UserError where the file cannot be written."""
    write_whole(out, rttm(turns, folder_name(recording), names))
