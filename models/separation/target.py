"""This voice, and the rest: target-speaker extraction from an enrolment utterance, by separation and embedding.

A recording is separated as ever; the track is chosen whose voice is most like that of a sample of some seconds, or of a voice
that a person keeps. How often that is the right track stands in docs/models.md.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models import voice_profiles
from models.errors import UserError
from models.file_names import shown
from models.remarks import Remark
from models.voice_embedding import likeness
from models.voices import RunningEmbedding, embedding_of_file

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class Enrolled:
    """A voice that is looked for. voice: float32 [256] of length 1; heard_s: seconds of speech that it was heard from."""

    name: str
    voice: FloatArray
    heard_s: float


@dataclass(frozen=True)
class Target:
    """Where a voice was found. track: the likeliest, 0 is the first; likenesses: of every track's voice, 0 to 1, 0 where too
    little is said in it. least: the likeness from which the two are taken for one person's."""

    name: str
    track: int
    likenesses: tuple[float, ...]
    least: float

    @property
    def likeness(self) -> float:
        """Of the track that was chosen."""
        return self.likenesses[self.track]

    @property
    def trusted(self) -> bool:
        """Whether the voices are alike enough to be one person's."""
        return self.likeness >= self.least

    @property
    def remark(self) -> Remark:
        """Where the voice is, and how far to trust that."""
        values = {"name": self.name, "track": self.track + 1, "likeness": f"{self.likeness:.2f}"}
        if self.trusted:
            return Remark("The voice of {name} is in track {track}, with a likeness of {likeness}.", **values)
        return Remark(
            "The voice of {name} is in no track for certain: track {track} is nearest, with a likeness of {likeness}, where {least}"
            " is enough. Do not trust the choice.",
            **values,
            least=f"{self.least:.2f}",
        )


def of_sample(path: Path) -> Enrolled:
    """The voice in a sound file. Raises UserError where it cannot be read, or too little is said in it."""
    voice, heard_s = embedding_of_file(path)
    if voice is None:
        raise UserError(
            "{name} holds too little speech.",
            "A voice is known by at least 0.6 s of it; five seconds are better.",
            "Choose a longer sample of the voice.",
            name=path.name,
        )
    return Enrolled(path.stem, voice, heard_s)


def of_sound(sound: FloatArray, sample_rate: int, name: str = "sample") -> Enrolled | None:
    """The voice in a sound [samples]; None where too little is said in it."""
    running = RunningEmbedding(sample_rate)
    running.add(sound)
    voice = running.embedding()
    return None if voice is None else Enrolled(name, voice, running.speech_s)


def of_profile(profile: voice_profiles.VoiceProfile) -> Enrolled:
    """A voice that a person keeps. Raises UserError where it was kept without an embedding."""
    if profile.embedding is None:
        raise UserError(
            "The voice of {name} is kept for Emotion alone.",
            "No track can be compared with it.",
            "Keep it once more from a track, or choose some seconds of that person alone.",
            name=profile.name,
        )
    return Enrolled(profile.name, profile.embedding.values, profile.embedding.speech_s)


def of_words(words: str) -> Enrolled:
    """The voice that a person names: by a sound file, or by the name under which it is kept. Raises UserError."""
    if os.path.exists(words):
        return of_sample(Path(words))
    kept = voice_profiles.named(words)
    if kept is None:
        raise UserError(
            "There is no voice {name}.",
            "It is neither a sound file nor the name of a voice that is kept.",
            "Choose some seconds of that person alone.",
            name=shown(words),
        )
    return of_profile(kept)


def find(wanted: Enrolled, voices: Sequence[FloatArray | None], heard_s: Sequence[float]) -> Target | None:
    """Which of the tracks' voices is most like the one that is looked for; None where nobody is heard in any.

    voices, heard_s: of the tracks, as `assess` and `RunningEmbedding` tell them.
    """
    if all(voice is None for voice in voices):
        return None
    alike = tuple(0.0 if voice is None else likeness(wanted.voice, voice) for voice in voices)
    best = max(range(len(alike)), key=alike.__getitem__)
    return Target(wanted.name, best, alike, voice_profiles.sure(min(wanted.heard_s, heard_s[best])))


def find_in(wanted: Enrolled, tracks: FloatArray, sample_rate: int) -> Target | None:
    """`find` in tracks in memory, float32 [speakers, samples]."""
    enrolled = [of_sound(track, sample_rate) for track in tracks]
    voices = [None if track is None else track.voice for track in enrolled]
    return find(wanted, voices, [0.0 if track is None else track.heard_s for track in enrolled])
