"""Voices that a person asked to be kept: on this machine only, readable by them alone, gone when they are deleted.

A profile is what a `Person` is known by: the mean of 512 figures of how they sound, and the seconds of speech behind it. No
sound is kept. It lies in ``voices/`` under the person's Polyphony folder, one file each, mode 0600 in a folder of mode 0700.
Needs no torch.
"""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.emotion.person import Person
from models.errors import UserError
from models.files import read_json
from models.resources import home
from models.writing import disk_error

FORMAT = 1
OWN_FILE, OWN_FOLDER = 0o600, 0o700
MOST_NAME = 60


@dataclass(frozen=True)
class Profile:
    """A voice that is kept. speech_s: seconds of speech behind it; hears_by: the front end whose figures it holds."""

    name: str
    speech_s: float
    hears_by: str
    path: Path


def folder() -> Path:
    """Where the voices lie."""
    return home() / "voices"


def kept() -> list[Profile]:
    """The voices that are kept, by name; files that are none are passed over."""
    found = [_opened(path) for path in folder().glob("*.json")] if folder().is_dir() else []
    return sorted(
        (profile for profile in found if profile is not None), key=lambda item: item.name.casefold()
    )


def keep(name: str, person: Person, hears_by: str) -> Profile:
    """Keep a person's voice under a name; the one that had the name before is replaced.

    Raises UserError where the name is empty or too long, nothing is known of the voice, or it cannot be written.
    """
    name = " ".join(name.split())
    if not name or len(name) > MOST_NAME:
        raise UserError(
            "The voice has no name.",
            "A name has from 1 to {most} characters.",
            "Give it another name.",
            most=MOST_NAME,
        )
    if person.figures is None or not person.speech_s:
        raise UserError(
            "Nothing is known of this voice yet.", "Nobody has spoken.", "Speak first, then keep it."
        )
    before = next((profile.path for profile in kept() if profile.name == name), None)
    path = before or folder() / f"{secrets.token_hex(8)}.json"
    values = {
        "format_version": FORMAT,
        "name": name,
        "hears_by": hears_by,
        "speech_s": person.speech_s,
        "figures": (person.figures / person.speech_s).tolist(),
    }
    try:
        folder().mkdir(parents=True, exist_ok=True)
        os.chmod(folder(), OWN_FOLDER)
        _write_own(path, json.dumps(values, ensure_ascii=False).encode())
    except OSError as error:
        raise UserError(
            "The voice cannot be kept.",
            "{reason}: {path}.",
            "Make room, or check the folder's permissions.",
            reason=(disk_error(error) or error).strerror or str(error),
            path=folder(),
        ) from error
    return Profile(name, person.speech_s, hears_by, path)


def person_of(profile: Profile, hears_by: str) -> Person:
    """The person whose voice it is. Raises UserError where it is gone, damaged, or of another front end."""
    values = read_json(profile.path) if profile.path.is_file() else None
    opened = _opened(profile.path)
    if opened is None or not isinstance(values, dict):
        raise UserError(
            "The voice {name} cannot be read.",
            "Its file is gone or damaged.",
            "Choose another voice, or begin anew.",
            name=profile.name,
        )
    if opened.hears_by != hears_by:
        raise UserError(
            "The voice {name} is not known to this model.",
            "It was kept with a model that hears otherwise.",
            "Choose that model, or begin anew.",
            name=profile.name,
        )
    return Person(opened.speech_s, np.array(values["figures"], np.float64) * opened.speech_s)


def delete(profile: Profile) -> None:
    """It is gone, and nothing of it is left. Raises UserError where the file cannot be removed."""
    try:
        profile.path.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(
            "The voice {name} cannot be deleted.",
            "{reason}: {path}.",
            "Remove the file yourself.",
            name=profile.name,
            reason=error.strerror or str(error),
            path=profile.path,
        ) from error


def _opened(path: Path) -> Profile | None:
    """What the file says; None where it is not one of ours."""
    try:
        values = json.loads(path.read_text("utf-8"))
        name, hears_by, speech_s = str(values["name"]), str(values["hears_by"]), float(values["speech_s"])
        figures = np.array(values["figures"], np.float64)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    whole = values.get("format_version") == FORMAT and figures.ndim == 1 and len(figures) > 0
    return (
        Profile(name, speech_s, hears_by, path)
        if whole and 0 < speech_s < 1e7 and np.isfinite(figures).all()
        else None
    )


def _write_own(path: Path, contents: bytes) -> None:
    """Write a file whole that nobody but its owner may read, not even for the moment in which it is made."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    number = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, OWN_FILE)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(contents)
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
