"""Reading data sets of EEG and envelope: NPZ, the auditory EEG challenge, SparrKULee, tables of raw recordings."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from models import files
from models.datafiles import read_table
from models.eeg import alignment, envelope, preprocessing, recordings
from models.eeg.channels import canonical
from models.eeg.config import PreprocessingConfig
from models.errors import UserError
from models.progress import Progress
from models.remarks import Remark, distinct

SPLITS = {"train": "train", "val": "validation", "test": "test"}
CHALLENGE_NAME = re.compile(r"(train|val|test)_-_([^/]+?)_-_([^/]+?)_-_(eeg|envelope|mel)\.npy")
DERIVATIVE_NAME = re.compile(r"(sub-[A-Za-z0-9]+)_(?:.*_)?desc-preproc-audio-(.+)_eeg\.npy")


@dataclass(frozen=True)
class Item:
    """One subject listening to one stimulus, at the data set's rate.

    eeg: [time, channels], any number type, times `step` is its unit; may be memory-mapped. envelope: float32 [time].
    split: ``train``, ``validation``, ``test`` where the data set's authors have parted it, else empty.
    """

    subject: str
    stimulus: str
    eeg: np.ndarray = field(repr=False)
    envelope: np.ndarray = field(repr=False)
    split: str = ""
    step: float = 1.0


@dataclass(frozen=True)
class Dataset:
    """items, in the order of subjects and stimuli; skipped: what could not be used, and why."""

    name: str
    sample_rate: int
    channel_names: tuple[str, ...]
    items: tuple[Item, ...]
    skipped: tuple[Remark, ...] = ()
    remarks: tuple[Remark, ...] = ()
    reach_s: float = 0.0  # how far filters that the recordings went through look to either side

    @property
    def subjects(self) -> list[str]:
        return sorted({item.subject for item in self.items}, key=natural)

    @property
    def stimuli(self) -> list[str]:
        return sorted({item.stimulus for item in self.items}, key=natural)

    @property
    def minutes(self) -> float:
        return sum(len(item.envelope) for item in self.items) / self.sample_rate / 60


def natural(name: str) -> list[object]:
    """For sorting: 2 before 10."""
    return [
        (0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", name) if part
    ]


def open_dataset(
    path: str | os.PathLike[str],
    settings: PreprocessingConfig | None = None,
    subjects: Iterable[str] = (),
    progress: Progress | None = None,
) -> Dataset:
    """A data set: a NPZ with ``eeg``, ``envelope`` and ``fs``; a folder of the challenge's or SparrKULee's files; a CSV
    with the columns path, stimulus (a sound or an envelope file) and subject, whose recordings are preprocessed.

    Raises UserError where there is none, or where nothing of it can be used.
    """
    path = Path(path).expanduser()
    settings = settings or PreprocessingConfig()
    progress = progress or Progress()
    if not path.exists():
        raise UserError(
            "The data set {name} was not found.",
            "There is no folder or file {path}.",
            "Choose it again; an outer drive may have to be connected.",
            name=path.name,
            path=path,
        )
    progress.update(0, 1, "Looking through {name}", name=path.name)
    if path.is_dir():
        dataset = _folder(path, settings)
    elif path.suffix.lower() == ".csv":
        dataset = _table(path, settings, progress)
    elif path.suffix.lower() in (".npz", ".mat"):
        dataset = _arrays(path, settings)
    else:
        raise UserError(
            "{name} is not a data set.",
            "A data set is a folder of the auditory EEG challenge, a NPZ with eeg and envelope, or a CSV with path, stimulus, subject.",
            "Choose one of these.",
            name=path.name,
        )
    asked = list(subjects)
    if asked:
        unknown = sorted(set(asked) - set(dataset.subjects), key=natural)
        if unknown:
            raise unknown_subjects(unknown, dataset.subjects)
        dataset = _with_items(dataset, [item for item in dataset.items if item.subject in set(asked)])
    if not dataset.items:
        raise UserError(
            "Nothing of {name} can be used.",
            "{reason}",
            "Mend the data set, or choose another.",
            name=path.name,
            reason=str(dataset.skipped[0]) if dataset.skipped else "",
        )
    return dataset


def unknown_subjects(unknown: list[str], known: list[str]) -> UserError:
    return UserError(
        "The data has no subject {unknown}.",
        "Its subjects are {known}.",
        "Correct the subjects.",
        unknown=", ".join(unknown),
        known=", ".join(known),
    )


def _with_items(dataset: Dataset, items: list[Item]) -> Dataset:
    return replace(dataset, items=tuple(items))


def with_channels(dataset: Dataset, wanted: Sequence[str]) -> Dataset:
    """The data set with the channels of a decoder, in the decoder's order, matched by their places on the scalp.

    Raises UserError where the data lacks one of them.
    """
    ours = tuple(wanted)
    if dataset.channel_names == ours:
        return dataset
    there = {canonical(name): number for number, name in enumerate(dataset.channel_names)}
    lacking = [name for name in ours if canonical(name) not in there]
    if lacking:
        raise UserError(
            "The data set {name} lacks channels of the decoder.",
            "It has no {lacking}; it has {count} channels, and the decoder needs {needed}.",
            "Choose a decoder for these channels.",
            name=dataset.name,
            lacking=", ".join(lacking[:8]),
            count=len(dataset.channel_names),
            needed=len(ours),
        )
    order = [there[canonical(name)] for name in ours]
    items = tuple(replace(item, eeg=np.ascontiguousarray(item.eeg[:, order])) for item in dataset.items)
    said = Remark("The channels of the data set were put into the decoder's order, by their names.")
    return replace(dataset, channel_names=ours, items=items, remarks=distinct((*dataset.remarks, said)))


# One reader a layout


def _arrays(path: Path, settings: PreprocessingConfig) -> Dataset:
    """``eeg`` [n, time, channels] or [time, channels]; ``envelope`` [time] or [n, time]; optional ``subject``, ``stimulus`` [n]."""
    arrays = recordings.read_arrays(path)
    whole = recordings.of_arrays(path, arrays)
    trials = whole.trials or (whole,)
    if whole.envelope is None:
        raise no_stimulus(path.name)
    # Not a name such as 1: that would be a subject of another data set.
    unnamed = files.shown(path.stem)
    names = [str(item) for item in np.asarray(arrays.get("subject", [unnamed] * len(trials))).ravel()]
    stimuli = [str(item) for item in np.asarray(arrays.get("stimulus", [""] * len(trials))).ravel()]
    if len(names) != len(trials) or len(stimuli) != len(trials):
        raise UserError(
            "The arrays of {name} do not fit together.",
            "There are {trials} trials and {subjects} subjects.",
            "Name one subject a trial.",
            name=path.name,
            trials=len(trials),
            subjects=len(names),
        )
    if whole.sample_rate != settings.sample_rate:
        raise UserError(
            "{name} is at {rate:g} Hz.",
            "The decoder works at {wanted} Hz.",
            "Resample EEG and envelope to {wanted} Hz, or change the sample rate in the settings.",
            name=path.name,
            rate=whole.sample_rate,
            wanted=settings.sample_rate,
        )
    shared = np.ndim(recordings.found(arrays, "envelope")) == 1 and len(trials) > 1
    items: list[Item] = []
    skipped: list[Remark] = []
    remarks: list[Remark] = list(whole.remarks)
    if "subject" not in arrays:
        remarks.append(
            Remark("The file names no subject; all of it is taken for one, called {name}.", name=unnamed)
        )
    for number, trial in enumerate(trials):
        assert trial.envelope is not None
        assert trial.stored is not None
        stimulus = stimuli[number] or ("1" if shared else str(number + 1))
        result = _aligned(
            names[number], stimulus, trial.stored, trial.envelope, settings.sample_rate, skipped, remarks
        )
        if result is not None:
            items.append(Item(names[number], stimulus, *result, step=trial.step))
    return Dataset(
        path.stem,
        settings.sample_rate,
        whole.channel_names,
        tuple(items),
        tuple(skipped),
        distinct(remarks),
    )


def _folder(path: Path, settings: PreprocessingConfig) -> Dataset:
    arrays = sorted(path.rglob("*.npy"), key=lambda item: natural(item.name))
    split = {array.name: array for array in arrays if CHALLENGE_NAME.fullmatch(array.name)}
    if split:
        return _challenge(path, split, settings)
    derivatives = [array for array in arrays if DERIVATIVE_NAME.fullmatch(array.name)]
    if derivatives:
        return _derivatives(path, derivatives, arrays, settings)
    tables = sorted(path.glob("*.csv"))
    if len(tables) == 1:
        return _table(tables[0], settings, Progress())
    raise UserError(
        "{name} holds no data set.",
        "There is no file named as the auditory EEG challenge names them (train_-_sub-001_-_STIMULUS_-_eeg.npy) and no table.",
        "Choose the folder that holds them.",
        name=path.name,
    )


def _challenge(path: Path, files: dict[str, Path], settings: PreprocessingConfig) -> Dataset:
    """``train_-_sub-001_-_STIMULUS_-_eeg.npy`` with its envelope: paired on split, subject and stimulus."""
    items: list[Item] = []
    skipped: list[Remark] = []
    remarks: list[Remark] = []
    raw = False
    for name, file in files.items():
        matched = CHALLENGE_NAME.fullmatch(name)
        assert matched is not None
        split, subject, stimulus, kind = matched.groups()
        if kind != "eeg":
            continue
        partner = files.get(name.replace("_-_eeg.npy", "_-_envelope.npy"))
        if partner is None:
            skipped.append(Remark("{name} has no envelope of its own beside it.", name=name))
            continue
        eeg, heard = _npy(file, 2, skipped), _npy(partner, 2, skipped)
        if eeg is None or heard is None:
            continue
        eeg = _time_first(eeg)
        result = _aligned(subject, stimulus, eeg, heard.ravel(), settings.sample_rate, skipped, remarks)
        if result is not None:
            raw = raw or (split == "train" and not _normalised(eeg))
            items.append(Item(subject, stimulus, *result, split=SPLITS[split]))
    if raw:
        remarks.append(
            Remark("The files are not normalised; statistics of the training part are used for all.")
        )
    return _finished(path, settings, items, skipped, remarks)


def _derivatives(
    path: Path, files: list[Path], all_files: list[Path], settings: PreprocessingConfig
) -> Dataset:
    """SparrKULee's unsplit files, stored [channels, time]; the envelope is the file named after the stimulus."""
    items: list[Item] = []
    skipped: list[Remark] = []
    remarks: list[Remark] = []
    envelopes = {
        item.name.removesuffix(".npy").removesuffix("_envelope"): item
        for item in all_files
        if "envelope" in item.name
    }
    for file in files:
        matched = DERIVATIVE_NAME.fullmatch(file.name)
        assert matched is not None
        subject, stimulus = matched.groups()
        if stimulus not in envelopes:
            skipped.append(
                Remark(
                    "{name} has no envelope {stimulus}.",
                    name=file.name,
                    stimulus=f"{stimulus}_envelope.npy",
                )
            )
            continue
        eeg, heard = _npy(file, 2, skipped), _npy(envelopes[stimulus], 2, skipped)
        if eeg is None or heard is None:
            continue
        result = _aligned(
            subject, stimulus, _time_first(eeg), heard.ravel(), settings.sample_rate, skipped, remarks
        )
        if result is not None:
            items.append(Item(subject, stimulus, *result))
    return _finished(path, settings, items, skipped, remarks)


def _table(path: Path, settings: PreprocessingConfig, progress: Progress) -> Dataset:
    """A CSV of raw recordings: path, stimulus, subject; paths are relative to it."""
    rows = read_table(path, ("path", "stimulus", "subject")).rows
    items: list[Item] = []
    skipped: list[Remark] = []
    remarks: list[Remark] = []
    channels: tuple[str, ...] | None = None
    for number, row in enumerate(rows):
        part = progress.part(number / len(rows), (number + 1) / len(rows))
        try:
            opened = recordings.open_recording(path.parent / row["path"])
            prepared = preprocessing.preprocess(opened, settings, channels, progress=part)
            heard = read_stimulus(path.parent / row["stimulus"], settings.sample_rate)
        except UserError as error:
            skipped.append(Remark("{name}: {reason}", name=row["path"], reason=str(error)))
            continue
        channels = channels or prepared.channel_names
        remarks += prepared.history.remarks
        result = _aligned(
            row["subject"], row["stimulus"], prepared.eeg, heard, settings.sample_rate, skipped, remarks
        )
        if result is not None:
            items.append(Item(row["subject"], Path(row["stimulus"]).stem, *result))
    return Dataset(
        path.stem,
        settings.sample_rate,
        channels or (),
        tuple(items),
        tuple(skipped),
        distinct(remarks),
        preprocessing.reach_s(settings),
    )


def read_stimulus(
    path: str | os.PathLike[str], sample_rate: int = 64, progress: Progress | None = None
) -> np.ndarray:
    """The envelope, float32 [time] at `sample_rate`, of a sound file, or as a NPY or NPZ at that rate holds it."""
    path = Path(path).expanduser()
    if path.suffix.lower() not in (".npy", ".npz"):
        return envelope.envelope_of_file(path, sample_rate, progress)
    if not path.exists():
        raise UserError("{name} was not found.", "", "Choose it again.", name=path.name)
    arrays = recordings.read_arrays(path)
    values = arrays.get("eeg") if path.suffix.lower() == ".npy" else recordings.found(arrays, "envelope")
    if values is None or np.squeeze(values).ndim != 1 or np.asarray(values).dtype.kind not in "iuf":
        raise UserError(
            "{name} holds no envelope.",
            "An envelope is one number a time step.",
            "Choose the sound itself, or its envelope.",
            name=path.name,
        )
    result = np.asarray(np.squeeze(values), np.float32)
    given = recordings.found(arrays, "fs")
    rate = float(sample_rate) if given is None else recordings.said_rate(path, given)
    if rate != sample_rate:
        import soxr

        result = soxr.resample(result, rate, sample_rate).astype(np.float32)
    if not len(result) or not np.isfinite(result).all() or not result.std():
        raise UserError(
            "The envelope {name} cannot be used.",
            "It is flat, or holds values that are no numbers.",
            "Make it anew from the sound.",
            name=path.name,
        )
    return result


def no_stimulus(name: str) -> UserError:
    return UserError(
        "{name} names no stimulus.",
        "Without what was heard there is nothing to learn or to compare.",
        "Add the array envelope, or choose the sound that was heard.",
        name=name,
    )


def _aligned(
    subject: str,
    stimulus: str,
    eeg: np.ndarray,
    heard: np.ndarray,
    rate: int,
    skipped: list[Remark],
    remarks: list[Remark],
) -> tuple[np.ndarray, np.ndarray] | None:
    try:
        aligned = alignment.align(eeg, np.asarray(heard, np.float32), rate)
    except UserError as error:
        skipped.append(
            Remark(
                "Subject {subject}, {stimulus}: {reason}",
                subject=subject,
                stimulus=stimulus,
                reason=str(error),
            )
        )
        return None
    if not np.isfinite(aligned.envelope).all() or (
        aligned.eeg.dtype.kind == "f" and not np.isfinite(aligned.eeg).all()
    ):
        skipped.append(
            Remark(
                "Subject {subject}, {stimulus}: it holds values that are no numbers.",
                subject=subject,
                stimulus=stimulus,
            )
        )
        return None
    if aligned.remark is not None:
        remarks.append(aligned.remark)
    return aligned.eeg, aligned.envelope


def _finished(
    path: Path, settings: PreprocessingConfig, items: list[Item], skipped: list[Remark], remarks: list[Remark]
) -> Dataset:
    counts = [item.eeg.shape[1] for item in items]
    usual = max(set(counts), key=counts.count) if counts else 0
    for item in items:
        if item.eeg.shape[1] != usual:
            skipped.append(
                Remark(
                    "Subject {subject}, {stimulus}: it has {count} channels and the others {usual}.",
                    subject=item.subject,
                    stimulus=item.stimulus,
                    count=item.eeg.shape[1],
                    usual=usual,
                )
            )
    kept = tuple(item for item in items if item.eeg.shape[1] == usual)
    names = recordings.default_names(usual)
    return Dataset(path.name, settings.sample_rate, names, kept, tuple(skipped), distinct(remarks))


def _npy(path: Path, dimensions: int, skipped: list[Remark]) -> np.ndarray | None:
    try:
        array = files.read_npy(path, mapped=True)
    except UserError as error:
        skipped.append(
            Remark(
                "{name} cannot be read: {reason}.",
                name=path.name,
                reason=error.sentences()[1].rstrip("."),
            )
        )
        return None
    if array.ndim > dimensions or array.dtype.kind not in "iuf" or not array.size:
        skipped.append(Remark("{name} holds no signal.", name=path.name))
        return None
    return array if array.ndim == dimensions else array.reshape(-1, 1)


def _time_first(eeg: np.ndarray) -> np.ndarray:
    """[time, channels], however it was stored: there are always more samples than channels."""
    return eeg if eeg.shape[0] >= eeg.shape[1] else eeg.T


def _normalised(eeg: np.ndarray) -> bool:
    piece = np.asarray(eeg[: 64 * 600], np.float64)
    return bool(abs(np.median(piece.mean(axis=0))) < 0.3 and 0.5 < np.median(piece.std(axis=0)) < 2.0)
