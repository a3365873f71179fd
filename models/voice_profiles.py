"""Voices that a person named and kept: to be found again in other recordings, until they are deleted.

Each is a file of its own in the Polyphony folder, which nobody but its owner can read; a deleted one is gone. It holds
256 numbers that tell how a voice sounds, and no sound.
"""

from __future__ import annotations

import json
import math
import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models import files, resources
from models.errors import UserError
from models.voice_encoder import UNITS, weights_identity
from models.voices import likeness

FloatArray = NDArray[np.float32]
VERSION = 1
# Likeness from which two voices are taken for one person's, by the seconds that both were heard. Of 60 readers' halves of
# clips, under 5 s, 19 in 20 reach 0.79 and of strangers' 1 in 100 reaches 0.80; of 12 separated speakers, heard again for
# minutes, 11 reach 0.92 and of 132 pairs of strangers 4: separated voices hold some of each other.
SURE_S, SURE = (5.0, 60.0), (0.80, 0.92)


@dataclass(frozen=True)
class VoiceProfile:
    """voice: float32 [256] of length 1. heard_s: how much speech it was heard from, seconds."""

    path: Path
    name: str
    voice: FloatArray
    heard_s: float


def folder() -> Path:
    return resources.home() / "voices"


def keep(name: str, voice: FloatArray, heard_s: float = 0.0) -> VoiceProfile:
    """Keep a voice under a name. Raises UserError for a name that says nothing and a folder that cannot be written."""
    name = " ".join(name.split())
    if not name:
        raise UserError("The voice has no name.", "", "Give the speaker a name, then keep the voice.")
    place = folder() / f"{uuid.uuid4().hex}.json"
    values = {
        "version": VERSION,
        "encoder": weights_identity(),
        "name": name[:200],
        "heard_s": round(heard_s, 1),
        "voice": [round(float(value), 6) for value in voice],
    }
    try:
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        aside = place.with_suffix(".part")
        # The file is the owner's from its first byte on; a later chmod would leave a moment.
        handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(values, file)
        os.replace(aside, place)
    except OSError as error:
        raise UserError(
            "The voice could not be kept.",
            "{reason}.",
            "Check the folder {folder}.",
            reason=error.strerror or str(error),
            folder=place.parent,
        ) from error
    return VoiceProfile(place, name, np.asarray(voice, np.float32), heard_s)


def profiles() -> list[VoiceProfile]:
    """All that were kept with the encoder of today, by name; files that hold no voice are left out."""
    found = [read for path in sorted(folder().glob("*.json")) if (read := _read(path)) is not None]
    return sorted(found, key=lambda profile: profile.name.casefold())


def delete(profile: VoiceProfile) -> None:
    """Remove it. Raises UserError where the file cannot be removed."""
    try:
        profile.path.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(
            "The voice could not be deleted.",
            "{reason}.",
            "Check the folder {folder}.",
            reason=error.strerror or str(error),
            folder=profile.path.parent,
        ) from error


@dataclass(frozen=True)
class Recognised:
    """A kept voice that was found again. likeness: 0 to 1."""

    profile: VoiceProfile
    likeness: float


def sure(heard_s: float) -> float:
    """The likeness from which voices that were heard for so many seconds are taken for one person's."""
    return float(np.interp(heard_s, SURE_S, SURE))


def recognised(
    voices: Sequence[FloatArray | None], heard_s: Sequence[float], among: Sequence[VoiceProfile]
) -> list[Recognised | None]:
    """For each voice of a recording the kept one that it is, if any: no two are the same person.

    heard_s: how long each voice was heard, seconds of speech.
    """
    result: list[Recognised | None] = [None] * len(voices)
    pairs = [
        (likeness(voice, profile.voice), number, profile)
        for number, voice in enumerate(voices)
        if voice is not None
        for profile in among
    ]
    taken: set[str] = set()
    for alike, number, profile in sorted(pairs, key=lambda pair: -pair[0]):
        least = sure(min(heard_s[number], profile.heard_s))
        if alike >= least and result[number] is None and profile.name not in taken:
            result[number] = Recognised(profile, alike)
            taken.add(profile.name)
    return result


def _read(path: Path) -> VoiceProfile | None:
    try:
        values = files.read_json(path)
        if values["version"] != VERSION or values["encoder"] != weights_identity():
            return None
        voice = np.array(values["voice"], np.float32)
        name, heard_s = str(values["name"]), float(values["heard_s"])
    except (UserError, KeyError, TypeError, ValueError):
        return None
    size = float(np.linalg.norm(voice)) if voice.shape == (UNITS,) else math.nan
    if not (math.isfinite(size) and size > 0 and name and math.isfinite(heard_s)):
        return None
    return VoiceProfile(path, name, voice / np.float32(size), heard_s)
