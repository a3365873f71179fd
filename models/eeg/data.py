"""Reading data sets of EEG and envelope: NPZ, the auditory EEG challenge, SparrKULee, tables of raw recordings."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from models import file_names
from models.datafiles import read_table
from models.eeg import bids, preprocessing, recordings
from models.eeg.dataset import Dataset, Item, natural, unknown_subjects, with_channels
from models.eeg.pairing import paired
from models.eeg.published import CHALLENGE_NAME, DERIVATIVE_NAME, challenge, derivatives
from models.eeg.signal_config import PreprocessingConfig
from models.eeg.stimulus import no_stimulus, read_stimulus
from models.errors import UserError
from models.progress import Progress
from models.remarks import Remark, distinct

REACH = "filter_reach_s"  # the array of a NPZ

__all__ = ["Dataset", "Item", "natural", "open_dataset", "read_stimulus", "unknown_subjects", "with_channels"]


def open_dataset(
    path: str | os.PathLike[str],
    settings: PreprocessingConfig | None = None,
    subjects: Iterable[str] = (),
    progress: Progress | None = None,
) -> Dataset:
    """A data set: a NPZ with ``eeg``, ``envelope`` and ``fs``; a folder of the challenge's or SparrKULee's files, or of BIDS; a CSV
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
        dataset = _folder(path, settings, progress)
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
        dataset = replace(dataset, items=tuple(item for item in dataset.items if item.subject in set(asked)))
    if not dataset.items:
        raise UserError(
            "Nothing of {name} can be used.",
            "{reason}",
            "Mend the data set, or choose another.",
            name=path.name,
            reason=dataset.skipped[0] if dataset.skipped else "",
        )
    return dataset


# One reader a layout


def _arrays(path: Path, settings: PreprocessingConfig) -> Dataset:
    """``eeg`` [n, time, channels] or [time, channels]; ``envelope`` [time] or [n, time]; optional ``subject``, ``stimulus`` [n].

    ``filter_reach_s``: how far filters look that the EEG went through, where it was filtered before.
    """
    arrays = recordings.read_arrays(path)
    whole = recordings.of_arrays(path, arrays)
    trials = whole.trials or (whole,)
    if recordings.array_named(arrays, "envelope") is None:
        raise no_stimulus(path.name)
    # Not a name such as 1: that would be a subject of another data set.
    unnamed = file_names.shown(path.stem)
    names, stimuli = _named(path, arrays, unnamed, len(trials))
    if whole.sample_rate != settings.sample_rate:
        raise UserError(
            "{name} is at {rate:g} Hz.",
            "The decoder works at {wanted} Hz.",
            "Resample EEG and envelope to {wanted} Hz, or change the sample rate in the settings.",
            name=path.name,
            rate=whole.sample_rate,
            wanted=settings.sample_rate,
        )
    shared = np.ndim(recordings.array_named(arrays, "envelope")) == 1 and len(trials) > 1
    items: list[Item] = []
    skipped: list[Remark] = []
    remarks: list[Remark] = list(whole.remarks)
    if "subject" not in arrays:
        remarks.append(
            Remark("The file names no subject; all of it is taken for one, called {name}.", name=unnamed)
        )
    for number, trial in enumerate(trials):
        assert trial.stored is not None
        stimulus = stimuli[number] or ("1" if shared else str(number + 1))
        if trial.envelope is None:
            skipped.append(
                Remark(
                    "Subject {subject}, {stimulus}: its envelope is flat or holds values that are no numbers.",
                    subject=names[number],
                    stimulus=stimulus,
                )
            )
            continue
        result = paired(
            names[number], stimulus, trial.stored, trial.envelope, settings.sample_rate, skipped, remarks
        )
        if result is not None:
            items.append(Item(names[number], stimulus, *result, step=trial.step))
    reach = arrays.get(REACH)
    return Dataset(
        path.stem,
        settings.sample_rate,
        whole.channel_names,
        tuple(items),
        tuple(skipped),
        distinct(remarks),
        0.0 if reach is None else recordings.number(path, REACH, reach),
    )


def _named(path: Path, arrays: dict[str, Any], unnamed: str, trials: int) -> tuple[list[str], list[str]]:
    """(subject, stimulus) of each trial; raises UserError where some have none."""
    names = [str(item) for item in np.asarray(arrays.get("subject", [unnamed] * trials)).ravel()]
    stimuli = [str(item) for item in np.asarray(arrays.get("stimulus", [""] * trials)).ravel()]
    if len(names) != trials or len(stimuli) != trials:
        raise UserError(
            "The arrays of {name} do not fit together.",
            "There are {trials} trials and {subjects} subjects.",
            "Name one subject a trial.",
            name=path.name,
            trials=trials,
            subjects=len(names),
        )
    return names, stimuli


def _folder(path: Path, settings: PreprocessingConfig, progress: Progress) -> Dataset:
    arrays = sorted(path.rglob("*.npy"), key=lambda item: natural(item.name))
    split = {array.name: array for array in arrays if CHALLENGE_NAME.fullmatch(array.name)}
    if split:
        return challenge(path, split, settings)
    whole = [array for array in arrays if DERIVATIVE_NAME.fullmatch(array.name)]
    if whole:
        return derivatives(path, whole, arrays, settings)
    if bids.is_bids(path):
        from models.eeg.bids_data import dataset_of

        return dataset_of(path, settings, progress)
    tables = sorted(path.glob("*.csv"))
    if len(tables) == 1:
        return _table(tables[0], settings, Progress())
    raise UserError(
        "{name} holds no data set.",
        "There is no file named as the auditory EEG challenge names them (train_-_sub-001_-_STIMULUS_-_eeg.npy), no table, and it is not laid out as BIDS.",
        "Choose the folder that holds them.",
        name=path.name,
    )


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
            stimulus_envelope = read_stimulus(path.parent / row["stimulus"], settings.sample_rate)
        except UserError as error:
            skipped.append(Remark("{name}: {reason}", name=row["path"], reason=error))
            continue
        channels = channels or prepared.channel_names
        remarks += prepared.history.remarks
        result = paired(
            row["subject"],
            row["stimulus"],
            prepared.eeg,
            stimulus_envelope,
            settings.sample_rate,
            skipped,
            remarks,
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
