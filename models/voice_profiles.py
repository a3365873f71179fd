"""Voices that a person named and kept: to be found again in other recordings, until they are deleted.

Each is a file of its own in the Polyphony folder, which nobody but its owner can read; a deleted one is gone. It holds
256 numbers that tell how a voice sounds, and no sound.
"""

from __future__ import annotations

import json
import math
import os
import uuid
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
SURE = 0.80  # likeness from which two voices are taken for one person's


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


def nearest(voice: FloatArray, among: list[VoiceProfile]) -> tuple[VoiceProfile, float] | None:
    """The profile that is most like a voice, and its likeness, 0 to 1; None where there are none."""
    scored = [(profile, likeness(voice, profile.voice)) for profile in among]
    return max(scored, key=lambda pair: pair[1], default=None)


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
