"""How the field's corpora lay out their files, and what the names say: emotion, speaker, sex, session.

Each reader takes a place and gives `Reading`: utterances and what it had to leave out, with the reason. Emotions are
canonical words (`canonical_emotion`); none is left out here for its emotion alone.
"""

from __future__ import annotations

import math
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from models.datafiles import Row, Table, read_table
from models.emotion.dimensions import DIMENSIONS
from models.errors import UserError
from models.remarks import Remark, Skipped

_SYNONYMS = {
    "angry": "anger ang angriness wut ärger wütend 愤怒 生气 憤怒",
    "happy": "happiness hap joy joyful freude glücklich 高兴 开心 快乐 高興",
    "neutral": "neu neutrality normal 中性",
    "sad": "sadness sadly trauer traurig 悲伤 难过 伤心 悲傷",
    "fearful": "fear fea afraid scared anxious anxiety angst 恐惧 害怕",
    "disgusted": "disgust dis ekel 厌恶",
    "surprised": "surprise sur ps pleasant_surprise pleasantsurprise überraschung 惊讶 惊喜",
    "bored": "boredom langeweile 无聊",
    "calm": "calmness ruhig 平静",
    "excited": "excitement exc excite 兴奋",
    "frustrated": "frustration fru 沮丧",
    "other": "oth others",
}
EMOTIONS = {word: emotion for emotion, words in _SYNONYMS.items() for word in [emotion, *words.split()]}
UNDECIDED = frozenset({"xxx", "unknown", ""})  # listeners did not agree, or nobody said


def _coded(table: str) -> dict[str, str]:
    """``"W angry, L bored"`` as what the codes in a corpus's file names stand for."""
    return dict(pair.split() for pair in table.split(", "))


_EMODB = re.compile(r"(\d\d)[ab]\d\d([WLEAFTN])[a-z]?")
_EMODB_EMOTIONS = _coded("W angry, L bored, E disgusted, A fearful, F happy, T sad, N neutral")
_EMODB_SEXES = _coded("03 M, 08 F, 09 F, 10 M, 11 M, 12 M, 13 F, 14 F, 15 M, 16 F")
_RAVDESS = re.compile(r"(\d\d)-(\d\d)-(\d\d)-\d\d-\d\d-\d\d-(\d\d)")
_RAVDESS_EMOTIONS = _coded(
    "01 neutral, 02 calm, 03 happy, 04 sad, 05 angry, 06 fearful, 07 disgusted, 08 surprised"
)
_CREMAD = re.compile(r"(1\d{3})_[A-Z]{3}_(ANG|DIS|FEA|HAP|NEU|SAD)_[A-Z]{1,2}")
_SEX_WORDS = {"F": "f female woman w weiblich frau girl 女", "M": "m male man männlich mann boy 男"}
_SEXES = {word: sex for sex, words in _SEX_WORDS.items() for word in words.split()}


def canonical_emotion(label: str) -> str:
    """The English word used everywhere: ``Anger`` and ``ang`` are angry. Unknown words stay, in lower case."""
    word = label.strip().lower()
    return EMOTIONS.get(word, EMOTIONS.get(re.sub(r"[\s-]+", "_", word), word))


def canonical_sex(text: str) -> str:
    """``F``, ``M``, or empty for anything else."""
    return _SEXES.get(text.strip().lower(), "")


@dataclass(frozen=True)
class Utterance:
    """A stretch of sound in which one person speaks with one emotion.

    sex: ``F``, ``M`` or empty. session: the recording session, empty where a corpus has none.
    start_s, end_s: the stretch in its file, in seconds; None: to the end.
    duration_s: of the stretch; 0 until its file was looked into.
    degrees: (dimension, degree) of those of `DIMENSIONS` that listeners told, on the data's own scale.
    """

    path: Path
    emotion: str
    speaker: str
    sex: str = ""
    session: str = ""
    start_s: float = 0.0
    end_s: float | None = None
    duration_s: float = 0.0
    degrees: tuple[tuple[str, float], ...] = ()


@dataclass
class Reading:
    """What was read of a corpus. layout: the corpus's name, or how its files lie. skipped: what was left out, and why.
    degree_scale: the lowest and the highest degree, where the corpus says so."""

    layout: str
    utterances: list[Utterance] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    warnings: list[Remark] = field(default_factory=list)
    degree_scale: tuple[float, float] | None = None

    def skip(self, path: Path, text: str, **values: object) -> None:
        """Leave a file out. text: the reason, a sentence with ``{names}`` that `values` fill."""
        self.skipped.append(Skipped(path, Remark(text, **values)))


def check_readable(folder: Path) -> None:
    """Raises UserError where what is in `folder` cannot be listed."""
    try:
        os.scandir(folder).close()
    except OSError as error:
        raise UserError(
            "The folder {name} cannot be read.",
            "{reason}: {path}.",
            "Check its permissions, or choose another folder.",
            name=folder.name,
            reason=error.strerror or str(error),
            path=folder,
        ) from error


# --- corpora by file name -----------------------------------------------------------------------------------


def _emodb(path: Path, match: re.Match[str], _root: Path) -> Utterance | Remark:
    speaker, letter = match.groups()
    return Utterance(path, _EMODB_EMOTIONS[letter], speaker, _EMODB_SEXES.get(speaker, ""))


def _ravdess(path: Path, match: re.Match[str], _root: Path) -> Utterance | Remark:
    _modality, channel, emotion, actor = match.groups()
    if channel != "01":
        return Remark("It is sung, not spoken.")
    if emotion not in _RAVDESS_EMOTIONS:
        return Remark(
            "Its name has the emotion number {number}, which RAVDESS does not define.", number=emotion
        )
    return Utterance(path, _RAVDESS_EMOTIONS[emotion], actor, "M" if int(actor) % 2 else "F")


def _cremad(path: Path, match: re.Match[str], _root: Path) -> Utterance | Remark:
    speaker, emotion = match.groups()
    return Utterance(path, canonical_emotion(emotion), speaker)


Reader = Callable[[Path, re.Match[str], Path], "Utterance | Remark"]
NAMED: dict[str, tuple[re.Pattern[str], Reader]] = {
    "EMO-DB": (_EMODB, _emodb),
    "RAVDESS": (_RAVDESS, _ravdess),
    "CREMA-D": (_CREMAD, _cremad),
}


def by_name(root: Path, files: Sequence[Path]) -> Reading | None:
    """The corpus whose file names at least half of `files` bear; None if there is no such corpus."""
    for layout, (pattern, reader) in NAMED.items():
        matches = [(path, pattern.fullmatch(path.stem)) for path in files]
        if not files or 2 * sum(match is not None for _, match in matches) < len(files):
            continue
        result = Reading(layout)
        for path, match in matches:
            item = (
                reader(path, match, root)
                if match
                else Remark("Its name is not one of {layout}.", layout=layout)
            )
            if isinstance(item, Utterance):
                result.utterances.append(item)
            else:
                result.skipped.append(Skipped(path, item))
        if layout == "CREMA-D":
            result.utterances = _with_cremad_sexes(result.utterances, root)
        return result
    return None


def _with_cremad_sexes(utterances: list[Utterance], root: Path) -> list[Utterance]:
    """The corpus keeps the actors' sexes in a table beside the sounds, not in the names."""
    for place in (root, root.parent):
        if (place / "VideoDemographics.csv").is_file():
            rows = read_table(place / "VideoDemographics.csv").rows
            sexes = {row["actorid"]: canonical_sex(row["sex"]) for row in rows}
            return [replace(u, sex=sexes.get(u.speaker, "")) for u in utterances]
    return utterances


# --- a table ------------------------------------------------------------------------------------------------

COLUMNS = ("path", "emotion", "speaker")
NAMED_TABLES = ("metadata.csv", "samples.csv")


def named_table_in(folder: Path) -> Path | None:
    """The ``metadata.csv`` or ``samples.csv`` of `folder`, if it has the needed columns."""
    return next((folder / name for name in NAMED_TABLES if _fits(folder / name)), None)


def table_in(folder: Path) -> Path | None:
    """The one CSV directly in `folder` that has the needed columns; None if there is none, or several."""
    fitting = [path for path in sorted(folder.glob("*.csv")) if _fits(path)]
    return fitting[0] if len(fitting) == 1 else None


def _fits(path: Path) -> bool:
    try:
        read_table(path, COLUMNS)
    except UserError:
        return False
    return True


def by_table(path: Path) -> Reading:
    """A CSV with ``path, emotion, speaker`` and, where it has them, ``sex`` or ``gender``, ``session``, ``start_s``,
    ``end_s``, ``arousal`` or ``activation``, ``valence``, ``dominance``. Paths are relative to its folder. Raises UserError where a column is missing."""
    table = read_table(path, COLUMNS)
    result = Reading("CSV")
    seen: set[tuple[Path, float, float | None]] = set()
    for row in table.rows:
        sound = _sound_of(table, row)
        item = _utterance_of(row, sound)
        if isinstance(item, Remark):
            result.skipped.append(Skipped(sound, item))
        elif (key := (item.path, item.start_s, item.end_s)) in seen:
            result.skip(sound, "It is listed twice.")
        else:
            seen.add(key)
            result.utterances.append(item)
    return result


def _sound_of(table: Table, row: Row) -> Path:
    path = table.path.parent / os.path.expanduser(row["path"])
    if os.sep == "/" and "\\" in row["path"] and not os.path.exists(path):
        path = table.path.parent / row["path"].replace("\\", "/")  # a table that was made on Windows
    return path


def _utterance_of(row: Row, sound: Path) -> Utterance | Remark:
    line: dict[str, object] = {"line": row.line}
    if not row["path"]:
        return Remark("Line {line} names no file.", **line)
    if row["emotion"].lower() in UNDECIDED:
        return Remark("No emotion is given.")
    if not row["speaker"]:
        return Remark("No speaker is given.")
    if not os.path.isfile(sound):  # of os.path: it answers where a cell is too long for a path, too
        return Remark("The sound file is missing.")
    try:
        start_s = _number(row["start_s"]) or 0.0
        end_s = _number(row["end_s"])
    except ValueError:
        return Remark("Line {line} has a start or an end that is not a number of seconds.", **line)
    if not (start_s >= 0 and (end_s is None or start_s < end_s < float("inf"))):
        return Remark("Line {line} ends before it starts.", **line)
    try:
        degrees = _degrees(row)
    except ValueError:
        return Remark("Line {line} has an arousal, valence or dominance that is not a number.", **line)
    sex, emotion = canonical_sex(row["sex"] or row["gender"]), canonical_emotion(row["emotion"])
    return Utterance(sound, emotion, row["speaker"], sex, row["session"], start_s, end_s, degrees=degrees)


def _degrees(row: Row) -> tuple[tuple[str, float], ...]:
    """Those that the row has. Raises ValueError for words that are no numbers."""
    given = {name: _number(row[name]) for name in DIMENSIONS}
    given["arousal"] = given["arousal"] if row["arousal"] else _number(row["activation"])
    return tuple((name, value) for name, value in given.items() if value is not None and math.isfinite(value))


def _number(text: str) -> float | None:
    """A spreadsheet of half the world writes 1,5. None where nothing stands; raises ValueError for other words."""
    return float(text.replace(",", ".")) if text else None


# --- class folders ------------------------------------------------------------------------------------------

_NOBODY = frozenset(  # folders of parts and formats, not of people
    [
        "train",
        "training",
        "test",
        "testing",
        "val",
        "valid",
        "validation",
        "dev",
        "evaluation",
        "wav",
        "wavs",
        "audio",
        "sounds",
        "speech",
    ]
)


def by_folders(root: Path, files: Sequence[Path], labels: Iterable[str] = ()) -> Reading | None:
    """Folders named after emotions, directly in `root` or below a folder a speaker; None if there are none.

    labels: further words that count as emotions. The speaker is the folder below the emotion, else the one above,
    else what stands before the first ``_`` or ``-`` of the file name; the last is a guess, and `warnings` say so.
    """
    known = set(EMOTIONS.values()) | set(labels)
    parts = {path: path.relative_to(root).parts for path in files}
    levels = Counter(
        level
        for folders in parts.values()
        for level, name in enumerate(folders[:-1])
        if canonical_emotion(name) in known
    )
    if not levels:
        return None
    level = min(levels, key=lambda item: (-levels[item], item))
    result = Reading("class folders")
    guessed: set[str] = set()
    for path, folders in parts.items():
        if len(folders) < level + 2:
            result.skip(path, "It lies in no folder of an emotion.")
            continue
        people = [
            name for name in (*folders[level + 1 : -1], *folders[:level][::-1]) if name.lower() not in _NOBODY
        ]
        speaker = people[0] if people else re.split(r"[_-]", path.stem)[0] or path.stem
        if not people:
            guessed.add(speaker)
        result.utterances.append(Utterance(path, canonical_emotion(folders[level]), speaker))
    if guessed:
        result.warnings.append(
            Remark(
                "Speakers were guessed from the file names ({count}, such as {example}). If they are wrong, a voice may "
                "be on both sides of a split: name them in a CSV or in a folder a speaker.",
                count=len(guessed),
                example=min(guessed),
            )
        )
    return result
