"""Folders as the Brain Imaging Data Structure lays them out (BIDS, https://bids-specification.readthedocs.io): which
recordings of EEG are in one, and what stands beside each of them.

Read are `dataset_description.json`, `participants.tsv`, and of each recording `*_channels.tsv`, `*_events.tsv` and
`*_eeg.json`, which may lie above it for all below (the inheritance principle).
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from models import documents, file_names, files
from models.datafiles import Row, read_table
from models.eeg.channels import EYES, HEART, canonical
from models.eeg.recording import Annotation, Recording
from models.errors import UserError, shortened
from models.remarks import Remark

ENDINGS = (".vhdr", ".edf", ".bdf", ".set", ".edf.gz", ".bdf.gz")  # the last two as SparrKULee has them
ENTITIES = ("sub", "ses", "task", "acq", "run", "split")
_PAIR = re.compile(r"([a-z]+)-([A-Za-z0-9+]+)")
_RECORDING = re.compile(
    r"sub-[A-Za-z0-9+]+(?:_[a-z]+-[A-Za-z0-9+]+)*_eeg(?:" + "|".join(map(re.escape, ENDINGS)) + r")"
)
NOTHING = ("", "n/a")
MOST_EVENTS = 1_000_000
TRIGGER = (
    "trial_type",
    "value",
    "event_type",
    "stim_file",
)  # columns that say what an event was, the best first


@dataclass(frozen=True)
class Run:
    """One recording of a folder. entities: ``sub``, ``ses``, ``task``, ``run`` … as its name has them."""

    path: Path
    entities: dict[str, str] = field(hash=False)

    @property
    def subject(self) -> str:
        return self.entities["sub"]

    @property
    def session(self) -> str:
        """Empty where the folder has no sessions."""
        return self.entities.get("ses", "")

    @property
    def title(self) -> str:
        """What tells it from the others of its subject and session: ``listening 02``."""
        told = [self.entities[key] for key in ("task", "acq", "run", "split") if key in self.entities]
        return " ".join(told) or self.path.name


@dataclass(frozen=True)
class BidsFolder:
    """runs: in the order of subjects, sessions, tasks and runs. participants: what `participants.tsv` says of each."""

    root: Path
    name: str
    runs: tuple[Run, ...] = field(repr=False)
    participants: dict[str, dict[str, str]] = field(repr=False)
    remarks: tuple[Remark, ...] = ()

    def chosen(self, **wanted: str) -> tuple[Run, ...]:
        """Those with these entities, such as ``sub="01"``; empty ones leave it open. Raises UserError where there are none."""
        asked = {key: value.removeprefix(f"{key}-") for key, value in wanted.items() if value}
        runs = tuple(
            run
            for run in self.runs
            if all(same(run.entities.get(key, ""), value) for key, value in asked.items())
        )
        if not runs:
            told = ", ".join(f"{key}-{value}" for key, value in asked.items())
            there = (run.path.name.rpartition("_eeg")[0] for run in self.runs[:6])
            raise UserError(
                "{name} holds no recording {wanted}.",
                "It holds {there}.",
                "Choose one of these.",
                name=file_names.shown(self.root.name),
                wanted=told,
                there=", ".join(there) + (" …" if len(self.runs) > 6 else ""),
            )
        return runs


def same(first: str, second: str) -> bool:
    """Whether two labels are one: ``1`` and ``01`` are, as numbers."""
    return first == second or (first.isdigit() and second.isdigit() and int(first) == int(second))


def is_bids(path: Path) -> bool:
    """Whether a folder is one: it says so, or is laid out so. Derivatives that hold arrays alone are a data set instead."""
    says_so = (path / "dataset_description.json").is_file()
    laid_out = says_so or any(
        item.is_dir() for pattern in ("sub-*/eeg", "sub-*/ses-*/eeg") for item in path.glob(pattern)
    )
    return laid_out and (bool(_recordings(path)) or next(path.rglob("*_eeg.npy"), None) is None)


def _recordings(root: Path) -> list[Path]:
    """The files that are named as recordings of EEG are."""
    patterns = ("sub-*/eeg/*_eeg.*", "sub-*/ses-*/eeg/*_eeg.*")
    return [path for pattern in patterns for path in root.glob(pattern) if _RECORDING.fullmatch(path.name)]


def root_of(path: Path) -> Path | None:
    """The BIDS folder that a recording lies in; None where it lies in none."""
    if not _RECORDING.fullmatch(path.name) or path.parent.name != "eeg":
        return None
    above = path.parent.parent
    above = above.parent if above.name.startswith("ses-") else above
    return above.parent if above.name.startswith("sub-") else None


def open_folder(root: Path) -> BidsFolder:
    """What is in a BIDS folder. Raises UserError where it holds no EEG, or its description is damaged."""
    remarks: list[Remark] = []
    name = _described(root, remarks)
    runs = _runs(root, remarks)
    if not runs:
        raise UserError(
            "{name} holds no recording of EEG.",
            "There is no file such as sub-01/eeg/sub-01_task-listen_eeg.edf; known endings are {known}.",
            "Choose the folder that holds the folders sub-….",
            name=file_names.shown(root.name),
            known=", ".join(ENDINGS),
        )
    participants = _participants(root, remarks)
    lacking = sorted(set(participants) - {run.subject for run in runs})
    if lacking:
        told = shortened(", ".join(lacking), 60)
        remarks.append(Remark("Without a recording of EEG: {names}.", names=told))
    return BidsFolder(root, name, tuple(runs), participants, tuple(remarks))


def _described(root: Path, remarks: list[Remark]) -> str:
    path = root / "dataset_description.json"
    if not path.is_file():
        remarks.append(
            Remark("There is no dataset_description.json; the folder was read as BIDS all the same.")
        )
        return root.name
    values = documents.read_json(path)
    if not isinstance(values, dict) or not isinstance(values.get("BIDSVersion"), str):
        raise files.damaged(path, "it does not say its BIDSVersion")
    return str(values.get("Name") or root.name)


def _runs(root: Path, remarks: list[Remark]) -> list[Run]:
    runs: list[Run] = []
    for path in _recordings(root):
        run = Run(path, entities_of(path))
        folders = [path.parents[depth].name for depth in range(1, len(path.relative_to(root).parts) - 1)]
        named = {f"sub-{run.subject}"} | ({f"ses-{run.session}"} if run.session else set())
        if set(folders) == named:
            runs.append(run)
            continue
        told = file_names.shown(path.name)
        remarks.append(
            Remark("Left out: {name} lies in the folder of another subject or session.", name=told)
        )
    return sorted(runs, key=lambda run: [_natural(run.entities.get(key, "")) for key in ENTITIES])


def _natural(label: str) -> tuple[int, str]:
    return (int(label), "") if label.isdigit() else (-1 if not label else 1 << 30, label)


def _participants(root: Path, remarks: list[Remark]) -> dict[str, dict[str, str]]:
    path = root / "participants.tsv"
    if not path.is_file():
        return {}
    try:
        rows = read_table(path, ("participant_id",)).rows
    except UserError as error:
        remarks.append(Remark("participants.tsv was passed over: {reason}", reason=error))
        return {}
    return {row["participant_id"].removeprefix("sub-"): dict(row.cells) for row in rows}


def entities_of(path: Path) -> dict[str, str]:
    """``sub-01_ses-2_task-listen_eeg.bdf`` → sub 01, ses 2, task listen."""
    return dict(match.groups() for part in path.name.split("_") if (match := _PAIR.fullmatch(part)))  # type: ignore[misc]


def inherited(path: Path, root: Path, ending: str) -> list[Path]:
    """The files with this ending, such as ``channels.tsv``, that hold for a recording: the most general one first."""
    own = entities_of(path)
    folders = [path.parent, *path.parents[1 : len(path.relative_to(root).parts)]]
    sidecars: list[Path] = []
    for folder in reversed(folders):
        fitting = [
            item
            for item in sorted(folder.glob(f"*{ending}"))
            if item.name == ending or item.name.endswith(f"_{ending}")
            if entities_of(item).items() <= own.items()
        ]
        sidecars += sorted(fitting, key=lambda item: len(entities_of(item)))
    return sidecars


def with_sidecars(recording: Recording) -> Recording:
    """A recording with what the files beside it say: channels that are bad or lie elsewhere, and events.

    Raises UserError where one of them is damaged. Recordings that lie in no BIDS folder stay as they are.
    """
    path = recording.path
    root = root_of(path)
    if root is None:
        return recording
    tables = inherited(path, root, "channels.tsv")
    if tables:
        recording = _with_channels(recording, tables[-1])
    events = inherited(path, root, "events.tsv")
    if events:
        marks = tuple(_annotation(row) for row in events_of(events[-1]))
        recording = replace(recording, annotations=(*recording.annotations, *marks))
    said: dict[str, object] = {}
    for sidecar in inherited(path, root, "eeg.json"):
        values = documents.read_json(sidecar)
        if not isinstance(values, dict):
            raise files.damaged(sidecar, "it is no list of fields")
        said |= values
    return replace(recording, remarks=(*recording.remarks, *_told(said, recording)))


def _with_channels(recording: Recording, path: Path) -> Recording:
    rows = read_table(path, ("name", "type")).rows
    theirs = {name: number for number, (name, _) in enumerate(recording.in_mne)}
    every = (*recording.channel_names, *recording.aside)
    places = {canonical(name): number for number, name in reversed(list(enumerate(every)))}
    bad, kinds, unknown = set(), {}, []
    for row in rows:
        number = theirs.get(row["name"], places.get(canonical(row["name"]), -1))
        if number < 0:
            if row["type"].upper() == "EEG":
                unknown.append(row["name"])
            continue
        kinds[every[number]] = row["type"].upper()
        if row.cells.get("status", "").lower() == "bad":
            bad.add(every[number])
    remarks = list(recording.remarks)
    if unknown:
        told = shortened(", ".join(unknown), 60)
        remarks.append(
            Remark("{table} names channels that the recording lacks: {names}.", table=path.name, names=told)
        )
    eyes = tuple(n for n in recording.aside if "EOG" in kinds.get(n, "EOG" if EYES.search(n) else ""))
    heart = tuple(n for n in recording.aside if "ECG" in kinds.get(n, "ECG" if HEART.search(n) else ""))
    marked = tuple(dict.fromkeys([*recording.marked_bad, *(n for n in recording.channel_names if n in bad)]))
    return replace(recording, marked_bad=marked, eyes=eyes, heart=heart, remarks=tuple(remarks))


def events_of(path: Path) -> list[Row]:
    """The rows of a table of events, their onsets numbers. Raises UserError with the line where one is none."""
    rows = list(read_table(path, ("onset", "duration")).rows)
    for row in rows:
        for column in ("onset", "duration"):
            if row[column].lower() in NOTHING and column == "duration":
                continue
            try:
                number = float(row[column])
            except ValueError:
                number = float("nan")
            if not abs(number) < 1e9 or (column == "duration" and number < 0):
                raise UserError(
                    "{name} is damaged.",
                    "Line {line}: the {column} is {found}, which is no number of seconds.",
                    "Correct the table, or take it away.",
                    name=path.name,
                    line=row.line,
                    column=column,
                    found=row[column] or "empty",
                )
    return rows[:MOST_EVENTS]


def duration_of(row: Row) -> float:
    """Seconds that an event lasted; 0 where its table does not say."""
    return 0.0 if row["duration"].lower() in NOTHING else float(row["duration"])


def _annotation(row: Row) -> Annotation:
    told = (row.cells.get(column, "") for column in TRIGGER)
    text = next((value for value in told if value.lower() not in NOTHING), "event")
    return Annotation(float(row["onset"]), duration_of(row), text)


def _told(said: dict[str, object], recording: Recording) -> list[Remark]:
    """What the JSON beside a recording says that a person should know."""
    remarks = []
    rate = said.get("SamplingFrequency")
    if isinstance(rate, int | float) and abs(rate - recording.sample_rate) > 0.01 * recording.sample_rate:
        remarks.append(
            Remark(
                "Its JSON says {theirs:g} Hz; the recording itself says {ours:g} Hz, which is believed.",
                theirs=float(rate),
                ours=recording.sample_rate,
            )
        )
    reference = said.get("EEGReference")
    if isinstance(reference, str) and reference.lower() not in NOTHING:
        remarks.append(Remark("It was recorded against {reference}.", reference=shortened(reference, 60)))
    return remarks


def expanded(inputs: Sequence[str | os.PathLike[str]], **wanted: str) -> list[Path]:
    """Folders of BIDS as their recordings, those with the wanted entities; other paths as they are. Raises UserError."""
    result: list[Path] = []
    for item in inputs:
        path = Path(item).expanduser()
        if path.is_dir() and is_bids(path):
            result += [run.path for run in open_folder(path).chosen(**wanted)]
        else:
            result.append(path)
    return result
