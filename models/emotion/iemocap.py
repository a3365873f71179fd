"""IEMOCAP as it is distributed: emotions and degrees from the listeners' tables, speakers and sessions from the names. No torch."""

from __future__ import annotations

import re
from pathlib import Path

from models.emotion.corpora import UNDECIDED, Reading, Utterance, canonical_emotion
from models.emotion.dimensions import DIMENSIONS

SCALE = (1.0, 5.0)  # of degrees
_LINE = re.compile(r"\[\s*[\d.]+\s*-\s*[\d.]+\s*\]\s+(\S+)\s+(\S+)\s+\[([^\]]*)")
_TURN = re.compile(r"(Ses\d\d)[FM]_(?:.+)_([FM])\w*")


def root_in(place: Path) -> Path | None:
    """The folder with ``Session1`` … in it: `place`, a folder directly in it, or None."""
    for root in [place, *_folders(place)]:
        if any((session / "dialog" / "EmoEvaluation").is_dir() for session in _sessions(root)):
            return root
    return None


def read(root: Path) -> Reading:
    """IEMOCAP as distributed. A speaker is a person of a session, such as ``Ses01_F``."""
    result = Reading("IEMOCAP", degree_scale=SCALE)
    for session in _sessions(root):
        for table in sorted((session / "dialog" / "EmoEvaluation").glob("*.txt")):
            if table.name.startswith("."):
                continue
            try:
                lines = table.read_text("utf-8", errors="replace").splitlines()
            except OSError as error:
                result.skip(
                    table, "The table of a dialogue cannot be read: {reason}.", reason=error.strerror or error
                )
                continue
            for line in lines:
                match = _LINE.match(line)
                if match:
                    _turn(result, session / "sentences" / "wav", *match.groups())
    return result


def _turn(reading: Reading, sounds: Path, turn: str, label: str, told: str) -> None:
    """told: ``valence, activation, dominance``, the listeners' means."""
    path = sounds / turn.rpartition("_")[0] / f"{turn}.wav"
    match = _TURN.fullmatch(turn)
    if match is None:
        reading.skip(path, "The turn {turn} does not name a session and a person.", turn=turn)
    elif label.lower() in UNDECIDED:
        reading.skip(path, "The listeners did not agree on an emotion.")
    elif not path.is_file():
        reading.skip(path, "The sound file is missing.")
    else:
        session, sex = match.groups()
        reading.utterances.append(
            Utterance(
                path,
                canonical_emotion(label),
                f"{session}_{sex}",
                sex,
                f"Session{int(session[3:])}",
                degrees=_degrees(told),
            )
        )


def _degrees(told: str) -> tuple[tuple[str, float], ...]:
    """What is no number, or beyond the scale, is left out."""
    names, values = ("valence", "arousal", "dominance"), told.split(",")
    degrees = {}
    for name, text in zip(names, values, strict=False):
        try:
            degrees[name] = float(text)
        except ValueError:
            continue
    return tuple(
        (name, degrees[name]) for name in DIMENSIONS if SCALE[0] <= degrees.get(name, 0.0) <= SCALE[1]
    )


def _sessions(root: Path) -> list[Path]:
    return [folder for folder in _folders(root) if re.fullmatch(r"Session\d+", folder.name)]


def _folders(place: Path) -> list[Path]:
    try:
        return sorted(entry for entry in place.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    except OSError:
        return []
