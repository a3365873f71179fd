"""The clips that ship, as if a microphone heard them: at the pace at which they sound, with what is true of each."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.audio.ring import Ring
from app.tabs.emotion.recording import RATE

GAP_S = 1.0  # of silence between two clips
RING_S = 30.0
MOST = 8  # clips; half a minute is enough to see how it does


@dataclass(frozen=True)
class Clip:
    """samples: float32 [n] at `RATE`; truth: the emotion that was acted."""

    samples: np.ndarray
    truth: str


class SampleFeed:
    """`ring` and `hearing` as a microphone has them. Call `advance` as often as it should move."""

    def __init__(self) -> None:
        self.ring = Ring(RING_S, RATE)
        self.hearing = False
        self._sound = np.zeros(0, np.float32)
        self._clips: list[tuple[float, float, str]] = []  # first and last second, truth
        self._began = 0.0
        self._given = 0  # samples that are in the ring

    def start(self, clips: list[Clip]) -> None:
        """From the first clip on."""
        self.ring.clear()
        gap = np.zeros(round(GAP_S * RATE), np.float32)
        parts, self._clips, place = [gap], [], GAP_S
        for clip in clips:
            seconds = len(clip.samples) / RATE
            self._clips.append((place, place + seconds, clip.truth))
            parts += [clip.samples, gap]
            place += seconds + GAP_S
        self._sound, self._given = np.concatenate(parts), 0
        self._began = time.monotonic()
        self.hearing = True

    def stop(self) -> None:
        """No more comes; what was heard stays in the ring."""
        self.hearing = False

    @property
    def over(self) -> bool:
        """Whether everything was heard."""
        return self._given >= len(self._sound)

    def advance(self) -> None:
        """Have in the ring what has sounded until now."""
        if not self.hearing:
            return
        due = min(len(self._sound), round((time.monotonic() - self._began) * RATE))
        if due > self._given:
            self.ring.write(self._sound[self._given : due], self._began + due / RATE)
            self._given = due

    def level_dbfs(self) -> float:
        """RMS of the last tenth of a second, dB of full scale; −∞ in silence."""
        samples = self.ring.latest(RATE // 10).samples
        power = float(np.mean(samples**2)) if len(samples) else 0.0
        return 10 * math.log10(power) if power > 0 else -math.inf

    def truth_of(self, end_time: float, window_s: float) -> str:
        """What is true of the window that ends then: of the clip that fills most of it; nothing where none does."""
        last = end_time - self._began
        first = last - window_s
        shares = [(min(last, end) - max(first, start), truth) for start, end, truth in self._clips]
        most, truth = max(shares, default=(0.0, ""))
        return truth if most > 0 else ""


def sample_clips(held_out: list[Path]) -> list[Clip]:
    """In a worker's thread: some of the clips, each emotion in turn. Raises UserError where they cannot be read."""
    from models import audio
    from models.datafiles import read_table
    from models.emotion.samples import sample_list

    rows = read_table(sample_list(), ("path", "emotion")).rows
    truths = {sample_list().parent / row["path"]: row["emotion"] for row in rows}
    by_emotion: dict[str, list[Path]] = {}
    for path in held_out:
        by_emotion.setdefault(truths[path], []).append(path)
    turns = [path for row in zip(*by_emotion.values(), strict=False) for path in row]
    return [Clip(audio.read(path, RATE), truths[path]) for path in turns[:MOST]]
