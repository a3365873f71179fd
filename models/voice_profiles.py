"""Voices that a person named and kept, for every system: to be found again in other recordings, until they are deleted.

A profile holds what models made of a voice, and no sound: its embedding, which Separation recognises it by, and mean features, each
of one emotion model's kind, which Emotion hears a person against. A name is one person: keeping a voice under a name that there is
adds to that profile. It lies in ``voices/`` in the Polyphony folder, a file each, which nobody but its owner can read; a deleted one
is gone. Needs no torch.

The file is JSON: ``version`` 2, ``name``, ``embedding`` (``encoder``, ``speech_s``, ``values`` [256]; may be missing) and
``features`` (by their identity ``speech_s`` and ``mean``). Two older kinds are still read: embeddings alone (``version`` 1, ``voice``)
and features alone (``format_version`` 1, ``figures``).
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from models import documents, resources
from models.errors import UserError
from models.voice_embedding import UNITS, FloatArray, likeness, weights_identity
from models.writing import disk_error

VERSION = 2
OWN_FILE, OWN_FOLDER = 0o600, 0o700
MOST_NAME = 60  # characters
MOST_FEATURES = 65_536
MOST_SPEECH_S = 1e7
# Likeness from which two voices are taken for one person's, by the seconds that both were heard. Of 60 readers' halves of
# clips, under 5 s, 19 in 20 reach 0.79 and of strangers' 1 in 100 reaches 0.80; of 12 separated speakers, heard again for
# minutes, 11 reach 0.92 and of 132 pairs of strangers 4: separated voices hold some of each other.
SURE_S, SURE = (5.0, 60.0), (0.80, 0.92)
_changing = threading.Lock()  # two tabs may keep and delete at once


@dataclass(frozen=True, eq=False)
class VoiceMean:
    """What a model makes of a voice, float [n], as a mean over `speech_s` seconds of speech."""

    values: np.ndarray
    speech_s: float


@dataclass(frozen=True, eq=False)
class VoiceProfile:
    """A voice that is kept.

    embedding: float32 [256] of length 1, by the encoder of today; None where the voice was not kept with it. features: means
    of what emotion models compute, by the identity of what computes them. paths: all files that hold anything of it.
    """

    name: str
    embedding: VoiceMean | None = None
    features: Mapping[str, VoiceMean] = field(default_factory=dict)
    paths: tuple[Path, ...] = ()


def folder() -> Path:
    """Where the voices lie; it need not exist."""
    return resources.home() / "voices"


def profiles() -> list[VoiceProfile]:
    """All voices that are kept, by name; files that hold none are passed over."""
    by_name: dict[str, VoiceProfile] = {}
    for path in sorted(folder().glob("*.json")):
        profile = _read(path)
        if profile is not None:
            before = by_name.get(profile.name)
            by_name[profile.name] = profile if before is None else _joined(before, profile)
    return sorted(by_name.values(), key=lambda profile: profile.name.casefold())


def named(name: str) -> VoiceProfile | None:
    """The voice that is kept under a name, as a person types it; None where there is none."""
    wanted = " ".join(name.split())
    return next((profile for profile in profiles() if profile.name == wanted), None)


def reread(profile: VoiceProfile) -> VoiceProfile:
    """The profile as it is kept now. Raises UserError where it is gone or damaged."""
    now = named(profile.name)
    if now is None:
        raise UserError(
            "The voice {name} cannot be read.",
            "Its file is gone or damaged.",
            "Choose another voice, or begin anew.",
            name=profile.name,
        )
    return now


def keep(
    name: str, embedding: VoiceMean | None = None, features: Mapping[str, VoiceMean] | None = None
) -> VoiceProfile:
    """Keep a voice under a name. Of the profile that has the name already, what is given replaces its like, and the rest stays.

    Raises UserError where the name is empty or too long, nothing is known of the voice, or it cannot be written.
    """
    name = _checked(name)
    if embedding is None and not features:
        raise UserError(
            "Nothing is known of this voice yet.", "Nobody has spoken.", "Speak first, then keep it."
        )
    with _changing, _disk_errors_told():
        before = next((item for item in profiles() if item.name == name), VoiceProfile(name))
        path = before.paths[0] if before.paths else folder() / f"{uuid.uuid4().hex}.json"
        profile = VoiceProfile(
            name, embedding or before.embedding, {**before.features, **(features or {})}, (path,)
        )
        path.parent.mkdir(parents=True, exist_ok=True, mode=OWN_FOLDER)
        os.chmod(path.parent, OWN_FOLDER)
        _write(path, json.dumps(_values(profile), ensure_ascii=False).encode())
        for spare in before.paths[1:]:
            _remove(spare)
    return profile


def delete(profile: VoiceProfile) -> None:
    """Remove every file of it, also those of its name that came since, and what a write that was cut short left of them.

    Raises UserError where a file cannot be removed.
    """
    with _changing, _disk_errors_told():
        now = next((item.paths for item in profiles() if item.name == profile.name), ())
        for path in {*profile.paths, *now}:
            _remove(path)


@dataclass(frozen=True)
class Recognised:
    """A kept voice that was found again. likeness: 0 to 1."""

    profile: VoiceProfile
    likeness: float


def sure(speech_s: float) -> float:
    """The likeness from which voices that were heard for so many seconds are taken for one person's."""
    return float(np.interp(speech_s, SURE_S, SURE))


def recognised(
    voices: Sequence[FloatArray | None], speech_s: Sequence[float], among: Sequence[VoiceProfile]
) -> list[Recognised | None]:
    """For each voice of a recording the kept one that it is, if any: no two are the same person.

    voices: float32 [256] of length 1, or None. speech_s: how long each was heard, seconds of speech. Profiles without an
    embedding are nobody's.
    """
    result: list[Recognised | None] = [None] * len(voices)
    pairs = [
        (
            likeness(voice, profile.embedding.values),
            min(speech_s[number], profile.embedding.speech_s),
            number,
            profile,
        )
        for number, voice in enumerate(voices)
        if voice is not None
        for profile in among
        if profile.embedding is not None
    ]
    taken: set[str] = set()
    for alike, heard_s, number, profile in sorted(pairs, key=lambda pair: -pair[0]):
        if alike >= sure(heard_s) and result[number] is None and profile.name not in taken:
            result[number] = Recognised(profile, alike)
            taken.add(profile.name)
    return result


# --- files --------------------------------------------------------------------------------------------------


def _checked(name: str) -> str:
    name = " ".join(name.split())
    if not name:
        raise UserError("The voice has no name.", "", "Give the speaker a name, then keep the voice.")
    if len(name) > MOST_NAME:
        raise UserError(
            "The name of the voice is too long.",
            "It has {count} characters, and {most} are the most.",
            "Give the voice a shorter name.",
            count=len(name),
            most=MOST_NAME,
        )
    return name


def _joined(first: VoiceProfile, second: VoiceProfile) -> VoiceProfile:
    """Two files of one name as one profile: of what both hold, that which was heard for longer."""
    embeddings = [item.embedding for item in (first, second) if item.embedding is not None]
    features = dict(first.features)
    for identity, mean in second.features.items():
        if identity not in features or features[identity].speech_s < mean.speech_s:
            features[identity] = mean
    longest = max(embeddings, key=lambda mean: mean.speech_s, default=None)
    return VoiceProfile(first.name, longest, features, first.paths + second.paths)


def _values(profile: VoiceProfile) -> dict[str, object]:
    """The contents of its file."""
    values: dict[str, object] = {"version": VERSION, "name": profile.name}
    if profile.embedding is not None:
        values["embedding"] = {
            "encoder": weights_identity(),
            "speech_s": round(profile.embedding.speech_s, 1),
            "values": [round(float(value), 6) for value in profile.embedding.values],
        }
    values["features"] = {
        identity: {"speech_s": mean.speech_s, "mean": np.asarray(mean.values, np.float64).tolist()}
        for identity, mean in profile.features.items()
    }
    return values


def _read(path: Path) -> VoiceProfile | None:
    """What a file says, of this version or an older one; None where it holds no voice."""
    try:
        values = documents.read_json(path)
        name = str(values["name"])
        if values.get("version") == VERSION:
            kept, features = values.get("embedding"), values["features"]
        elif values.get("version") == 1:
            kept = {"encoder": values["encoder"], "speech_s": values["heard_s"], "values": values["voice"]}
            features = {}
        elif values.get("format_version") == 1:
            kept = None
            features = {str(values["hears_by"]): {"speech_s": values["speech_s"], "mean": values["figures"]}}
        else:
            return None
        embedding = _embedding(kept) if kept is not None and kept["encoder"] == weights_identity() else None
        means = {str(key): _mean(item["mean"], item["speech_s"]) for key, item in features.items()}
    except (UserError, AttributeError, KeyError, TypeError, ValueError):
        return None
    return VoiceProfile(name, embedding, means, (path,)) if name and (kept is not None or means) else None


def _embedding(values: dict[str, Any]) -> VoiceMean:
    """Raises ValueError where it cannot be one."""
    mean = _mean(values["values"], values["speech_s"])
    size = float(np.linalg.norm(mean.values))
    if mean.values.shape != (UNITS,) or not size > 0:
        raise ValueError("no embedding of a voice")
    return VoiceMean((mean.values / size).astype(np.float32), mean.speech_s)


def _mean(values: list[float], speech_s: float) -> VoiceMean:
    """Raises ValueError where it cannot be one."""
    mean = VoiceMean(np.array(values, np.float64), float(speech_s))
    whole = mean.values.ndim == 1 and 0 < len(mean.values) <= MOST_FEATURES and np.isfinite(mean.values).all()
    if not whole or not 0 <= mean.speech_s < MOST_SPEECH_S:
        raise ValueError("no mean over speech")
    return mean


def _write(path: Path, contents: bytes) -> None:
    """Write a file whole that nobody but its owner may read, not even for the moment in which it is made."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.unlink(missing_ok=True)
    number = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWN_FILE)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(contents)
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def _remove(path: Path) -> None:
    """The file, and what writes of it that were cut short left beside it."""
    for leftover in (*path.parent.glob(f".{path.name}.*"), path.with_suffix(".part"), path):
        leftover.unlink(missing_ok=True)


@contextlib.contextmanager
def _disk_errors_told() -> Iterator[None]:
    """An error of the disk as a UserError."""
    try:
        yield
    except OSError as error:
        raise UserError(
            "The kept voices could not be changed.",
            "{reason}.",
            "Make room on the disk, or check the folder {folder}.",
            reason=(disk_error(error) or error).strerror or str(error),
            folder=folder(),
        ) from error
