"""What can be said of tracks without references: how many voices they hold, who speaks when, and how far to trust them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models import audio
from models.progress import Progress
from models.remarks import Remark
from models.separation.activity import Activity, Levels, activity
from models.separation.counting import count_voices
from models.voice_embedding import likeness
from models.voices import RunningEmbedding

FloatArray = NDArray[np.float32]
QUIETEST_DB = -120.0
UNEXPLAINED_DB = -13.0  # 5 % of the energy: what no track holds is worth a word
ALIKE = 0.84  # of pairs of strangers; how often that is to the point stands in docs/models.md


@dataclass(frozen=True)
class Assessment:
    """Of the tracks of one recording.

    voices: how many people are heard, with what `certainty` (0 to 1). alike: likeness of the two tracks whose voices are
    most alike, 0 to 1: voices that were not told apart sound alike in both. levels_db: RMS of each track, dBFS, where its voice
    speaks. unexplained_db: energy of the recording that no track holds, against the recording's. leak: correlation of
    the tracks' levels over time where anybody speaks, the greatest of any two: voices that speak by turns have less than
    0, a voice that is in both tracks nearly 1. lane_voices: float32 [256] of each, None where too little is said. third: how
    likely one more person speaks than there are tracks, two, 0 to 1; None where that was not listened for.
    """

    voices: int
    certainty: float
    alike: float
    activity: Activity
    levels_db: tuple[float, ...]
    unexplained_db: float
    leak: float
    lane_voices: tuple[FloatArray | None, ...]
    heard_s: tuple[float, ...]
    third: float | None = None

    @property
    def people(self) -> int:
        """How many speak: those in the tracks, and a third one where that is likely."""
        return self.voices + (self.third is not None and self.third > 0.5)

    @property
    def doubtful(self) -> bool:
        """Whether the tracks are likely to hold some of each other's voice all over."""
        return self.voices > 1 and self.alike > ALIKE

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """What a person should know of the tracks, but for how many voices there are."""
        said = []
        if self.voices > 1:
            share = f"{100 * self.activity.overlap:.0f} %"
            said.append(Remark("Several speak at once in {share} of the speech.", share=share))
        if self.voices == len(self.levels_db) > 1:
            said.append(self._beyond())
        if self.unexplained_db > UNEXPLAINED_DB:
            share = f"{100 * 10 ** (self.unexplained_db / 10):.0f} %"
            said.append(Remark("No track holds {share} of the sound.", share=share))
        if self.doubtful:
            said.append(
                Remark(
                    "The tracks sound alike (likeness {alike}): they are likely to hold each other's voice, so do not trust them.",
                    alike=f"{self.alike:.2f}",
                )
            )
        return tuple(said)

    def _beyond(self) -> Remark:
        """Of people for whom there is no track."""
        if self.third is None:
            return Remark(
                "The model has {count} tracks: whether more people speak, it cannot tell.", count=self.voices
            )
        share = f"{100 * max(self.third, 1 - self.third):.0f} %"
        if self.people > self.voices:
            return Remark(
                "A third voice is heard, with a certainty of {share}: the model bundled-three separates it.",
                share=share,
            )
        return Remark("No third voice is heard, with a certainty of {share}.", share=share)


def assess(mixture: Path, tracks: Sequence[Path], progress: Progress | None = None) -> Assessment:
    """Read the files once, in step. Raises UserError for a file that cannot be read."""
    progress = progress or Progress()
    about = audio.info(mixture)
    levels = Levels(len(tracks), about.sample_rate)
    track_voices = [RunningEmbedding(about.sample_rate) for _ in tracks]
    energy = unexplained = 0.0
    done = 0
    for sound in _in_step([mixture, *tracks], 10 * about.sample_rate):
        progress.update(done, about.frames, "Judging the tracks")
        done += sound.shape[1]
        mixed, own = sound[0], sound[1:]
        levels.hear(own)
        for voice, track in zip(track_voices, own, strict=True):
            voice.add(track)
        energy += float(np.square(mixed, dtype=np.float64).sum())
        unexplained += float(np.square(mixed - own.sum(0), dtype=np.float64).sum())
    table, seconds = levels.finish()
    speaks = activity(table, seconds)
    voices = [voice.embedding() for voice in track_voices]
    count, certainty = count_voices(table, voices)
    return Assessment(
        count,
        certainty,
        _alike(voices),
        speaks,
        tuple(_level_db(row[own]) for row, own in zip(table, speaks.speaks, strict=True)),
        _decibels(unexplained, energy),
        leak(table, speaks),
        tuple(voices),
        tuple(voice.speech_s for voice in track_voices),
    )


def _in_step(paths: Sequence[Path], frames: int) -> Iterator[FloatArray]:
    """Stretches of several files, in mono, [files, samples], as long as the shortest."""
    readers = [audio.raw_blocks(path, frames) for path in paths]
    waiting = [np.zeros(0, np.float32) for _ in paths]
    while True:
        for number, reader in enumerate(readers):
            while not len(waiting[number]):
                block = next(reader, None)
                if block is None:
                    return
                waiting[number] = block.mean(axis=1)
        count = min(map(len, waiting))
        yield np.stack([sound[:count] for sound in waiting])
        waiting = [sound[count:] for sound in waiting]


def leak(levels: FloatArray, speaks: Activity) -> float:
    """The greatest correlation of two tracks' levels over time where anybody speaks; 0 where there is nothing to say."""
    anybody = speaks.speaks.any(0)
    worst = -1.0
    for first in range(len(levels)):
        for second in range(first):
            first_levels, second_levels = levels[first][anybody], levels[second][anybody]
            if len(first_levels) < 2 or min(first_levels.std(), second_levels.std()) < 1e-9:
                continue
            worst = max(worst, float(np.corrcoef(first_levels, second_levels)[0, 1]))
    return worst if worst > -1.0 else 0.0


def _alike(voices: Sequence[FloatArray | None]) -> float:
    known = [voice for voice in voices if voice is not None]
    return max(
        (likeness(first, second) for n, first in enumerate(known) for second in known[:n]), default=0.0
    )


def _decibels(power: float, of: float) -> float:
    return max(QUIETEST_DB, 10 * float(np.log10(power / of))) if power > 0 and of > 0 else QUIETEST_DB


def _level_db(levels: FloatArray) -> float:
    power = float(np.square(levels, dtype=np.float64).mean()) if len(levels) else 0.0
    return _decibels(power, 1.0)
