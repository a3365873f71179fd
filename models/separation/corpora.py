"""Which sound files hold whose voice, and which files are mixtures of which: folders and tables as they are published."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from models import audio
from models.datafiles import Row, read_table
from models.errors import UserError
from models.file_names import shown
from models.remarks import Remark
from models.resources import resource


@dataclass(frozen=True)
class Clip:
    """One voice by itself. `sex` is "f", "m" or "" where it is not known; `end_s` None is the end of the file."""

    path: Path
    speaker: str
    sex: str = ""
    start_s: float = 0.0
    end_s: float | None = None


@dataclass(frozen=True)
class ReadyMixture:
    """A mixture with its sources as files; `part` is "train", "validation", "test" or "" where it is not said."""

    name: str
    mixture: Path
    sources: tuple[Path, ...]
    part: str = ""
    speakers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Corpus:
    """Voices, or ready-made mixtures of them."""

    name: str
    clips: tuple[Clip, ...] = ()
    mixtures: tuple[ReadyMixture, ...] = ()
    remarks: tuple[Remark, ...] = ()

    @property
    def speakers(self) -> dict[str, str]:
        """Speaker → sex, in order."""
        return {clip.speaker: clip.sex for clip in sorted(self.clips, key=lambda clip: clip.speaker)}


# How the files of known corpora are named; the first group is the speaker.
_NAMES = (
    re.compile(r"^(SSB\d{4})\d{4}$"),  # AISHELL-3
    re.compile(r"^(\d+)-\d+-\d+$"),  # LibriSpeech
    re.compile(r"^([ps]\d+)_\d+(?:_mic1)?$"),  # VCTK, its first microphone
)
_WSJ = re.compile(r"^([0-9a-z]{3})[0-9a-z]{5}$")  # an utterance of WSJ0, named after its speaker
_LEVEL = re.compile(r"^-?\d+(\.\d+)?$")
_SECOND_MICROPHONE = re.compile(r"^[ps]\d+_\d+_mic2$")
_SEX_TABLES = ("SPEAKERS.TXT", "speaker-info.txt", "spk-info.txt")
_PARTS = {
    "tr": "train",
    "train": "train",
    "cv": "validation",
    "dev": "validation",
    "valid": "validation",
    "validation": "validation",
    "val": "validation",
    "tt": "test",
    "test": "test",
}
_MIXTURE_COLUMNS = ("mixture_path", "mix_path", "mixture", "mix")
_MIXTURE_FOLDERS = ("mix_clean", "mix", "mix_both", "mix_single")


def open_corpus(path: str | Path) -> Corpus:
    """What is at `path`: a CSV of clips or of mixtures, a folder of mixtures, or a folder of voices."""
    if not str(path).strip():
        raise UserError(
            "No speech was chosen.",
            "",
            "Choose a folder with a folder a speaker, a CSV, or `sample` for what ships.",
        )
    place = sample_folder() if str(path) == "sample" else Path(path).expanduser()
    if not place.exists():
        raise UserError(
            "{path} was not found.", "It may have been moved or deleted.", "Choose it again.", path=place
        )
    if place.is_file():
        corpus = _from_table(place)
    elif (place / "metadata.csv").is_file():
        corpus = _from_table(place / "metadata.csv")
    else:
        mixtures = _mixture_tables(place) or _mixture_folders(place)
        corpus = Corpus(place.name, mixtures=mixtures) if mixtures else _from_folder(place)
    if not corpus.clips and not corpus.mixtures:
        raise UserError(
            "There is no speech in {path}.",
            "No file in it is named as a voice or as a mixture.",
            "Choose a folder with a folder a speaker, or a CSV with the columns path and speaker.",
            path=place,
        )
    return corpus


def sample_folder() -> Path:
    """Where the mixtures that ship lie."""
    return resource("samples", "separation")


def _from_table(path: Path) -> Corpus:
    table = read_table(path)
    names = {column.lower() for column in table.columns}
    mixture_column = next((name for name in _MIXTURE_COLUMNS if name in names), "")
    if mixture_column:
        return Corpus(path.stem, mixtures=_table_mixtures(path, table.rows, mixture_column))
    table = read_table(path, ("path", "speaker"))
    clips, missing = [], []
    for row in table.rows:
        place = _beside(path, row["path"])
        if not row["path"] or not os.path.isfile(
            place
        ):  # of os.path: it answers for what no path can be, too
            missing.append(row["path"] or f"line {row.line}")
            continue
        if not row["speaker"]:
            raise UserError(
                "{name} names no speaker in line {line}.",
                "",
                "Fill the column speaker, so that nobody is learned from and judged on.",
                name=path.name,
                line=row.line,
            )
        end = _number(row, "end_s", path)
        clips.append(
            Clip(
                place,
                row["speaker"],
                _sex(row.get("sex") or row.get("gender")),
                _number(row, "start_s", path) or 0.0,
                end,
            )
        )
    remarks = (
        (
            Remark(
                "Left out: {count} files that are not there, such as {name}.",
                count=len(missing),
                name=shown(missing[0]),
            ),
        )
        if missing
        else ()
    )
    name = path.parent.name if path.stem == "metadata" else path.stem
    return Corpus(name, clips=tuple(clips), remarks=remarks)


def _table_mixtures(path: Path, rows: Sequence[Row], mixture_column: str) -> tuple[ReadyMixture, ...]:
    result = []
    for row in rows:
        sources = []
        for number in range(1, 11):
            cell = row.get(f"s{number}_path") or row.get(f"source_{number}_path") or row.get(f"s{number}")
            if not cell:
                break
            sources.append(_beside(path, cell))
        if len(sources) < 2:
            raise UserError(
                "{name} names fewer than two sources in line {line}.",
                "",
                "Give each mixture the columns s1_path and s2_path.",
                name=path.name,
                line=row.line,
            )
        mixture = _beside(path, row[mixture_column])
        name = row.get("mixture_id") or row.get("mixture_ID".lower()) or mixture.stem
        part = _PARTS.get((row.get("part") or row.get("split")).lower(), "") or _part_of(
            path.parent, path.stem
        )
        named_speakers = tuple(filter(None, (row[f"s{n}_speaker"] for n in range(1, len(sources) + 1))))
        speakers = (
            named_speakers
            if len(named_speakers) == len(sources)
            else speakers_of(name) or speakers_of(mixture.stem)
        )
        result.append(ReadyMixture(name, mixture, tuple(sources), part, speakers))
    return tuple(result)


def _mixture_tables(place: Path) -> tuple[ReadyMixture, ...]:
    """LibriMix's ``metadata/mixture_train-360_mix_clean.csv`` and the like."""
    tables = sorted(place.glob("metadata/mixture_*_mix_clean.csv")) or sorted(
        place.glob("mixture_*_mix_clean.csv")
    )
    return tuple(mixture for table in tables for mixture in _from_table(table).mixtures)


def _mixture_folders(place: Path) -> tuple[ReadyMixture, ...]:
    """WSJ0-2mix's and LibriMix's ``tr/mix``, ``tr/s1``, ``tr/s2``."""
    result: list[ReadyMixture] = []
    for first in sorted({place / "s1", *place.glob("*/s1"), *place.glob("*/*/s1")}):
        above = first.parent
        mixed = next((above / name for name in _MIXTURE_FOLDERS if (above / name).is_dir()), None)
        if not first.is_dir() or mixed is None:
            continue
        folders = [above / f"s{number}" for number in range(1, 11) if (above / f"s{number}").is_dir()]
        part = _part_of(above, above.name)
        for path in sorted(mixed.iterdir()):
            sources = tuple(folder / path.name for folder in folders)
            if path.suffix.lower() in audio.AUDIO_SUFFIXES and all(source.is_file() for source in sources):
                result.append(ReadyMixture(path.stem, path, sources, part, speakers_of(path.stem)))
    return tuple(result)


def speakers_of(name: str) -> tuple[str, ...]:
    """Who speaks in a mixture, by its name; none where it does not say.

    LibriMix names it after its utterances, ``103-1240-0000_1034-121119-0005``; WSJ0-2mix after these and their levels,
    ``01aa010b_1.2_02bo030v_-1.2``.
    """
    parts = name.split("_")
    libri = [_NAMES[1].match(part) for part in parts]
    if len(parts) > 1 and all(libri):
        return tuple(match.group(1) for match in libri if match)
    wsj = [_WSJ.match(part) for part in parts[::2]]
    if len(parts) > 2 and not len(parts) % 2 and all(wsj) and all(map(_LEVEL.match, parts[1::2])):
        return tuple(match.group(1) for match in wsj if match)
    return ()


def _part_of(folder: Path, name: str) -> str:
    for word in re.split(r"[^a-z]+", f"{folder.name} {name}".lower()):
        if word in _PARTS:
            return _PARTS[word]
    return ""


def _from_folder(place: Path) -> Corpus:
    paths = [path for path in audio.find_audio([place]) if not _SECOND_MICROPHONE.match(path.stem)]
    named = [(path, _named_speaker(path)) for path in paths]
    recognised = [pair for pair in named if pair[1]]
    remarks: tuple[Remark, ...] = ()
    if 2 * len(recognised) > len(named):  # a corpus that is known, in which something else may lie
        if len(recognised) < len(named):
            others = [path.name for path, speaker in named if not speaker]
            remarks = (
                Remark(
                    "Left out: {count} files that are not named as the others of the corpus, such as {name}.",
                    count=len(others),
                    name=shown(others[0]),
                ),
            )
        named = recognised
    else:
        loose = [path for path in paths if path.parent == place]
        if loose and len(loose) < len(paths):
            remarks = (
                Remark(
                    "Left out: {count} files that lie in no folder of a speaker, such as {name}.",
                    count=len(loose),
                    name=shown(loose[0].name),
                ),
            )
        named = [(path, path.relative_to(place).parts[0]) for path in paths if path.parent != place]
    sexes = _sexes(place, {speaker for _, speaker in named})
    clips = tuple(Clip(path, speaker, sexes.get(speaker, "")) for path, speaker in named)
    return Corpus(place.name, clips=clips, remarks=remarks)


def _named_speaker(path: Path) -> str:
    matches = (pattern.match(path.stem) for pattern in _NAMES)
    return next((match.group(1) for match in matches if match), "")


def _sexes(place: Path, speakers: set[str]) -> dict[str, str]:
    """From the speaker table that lies in the corpus, or above it: a line begins with the speaker and names a sex."""
    result: dict[str, str] = {}
    folders = [place, place.parent, place.parent.parent]
    for path in [folder / name for folder in folders for name in _SEX_TABLES]:
        if not path.is_file():
            continue
        for line in path.read_text("utf-8", errors="replace").splitlines():
            cells = re.split(r"[\s|,;]+", line.strip())
            for name in (cells[0], f"p{cells[0]}"):
                sex = next(filter(None, map(_sex, cells[1:])), "")
                if name in speakers and sex:
                    result[name] = sex
        break
    return result


def _sex(word: str) -> str:
    return {"f": "f", "female": "f", "w": "f", "woman": "f", "m": "m", "male": "m", "man": "m"}.get(
        word.strip().lower(), ""
    )


def _beside(table: Path, cell: str) -> Path:
    place = table.parent / os.path.expanduser(cell)
    if os.sep == "/" and "\\" in cell and not os.path.exists(place):  # a table that was made on Windows
        place = table.parent / cell.replace("\\", "/")
    return place


def _number(row: Row, column: str, path: Path) -> float | None:
    if not row[column]:
        return None
    try:
        return float(row[column].replace(",", "."))
    except ValueError as error:
        raise UserError(
            "{name} is wrong in line {line}.",
            "{column} should be a number of seconds, and is {found}.",
            "Correct the table.",
            name=path.name,
            line=row.line,
            column=column,
            found=row[column],
        ) from error
