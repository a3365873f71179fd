"""Reading data sets as they are published: the auditory EEG challenge's split files, SparrKULee's derivatives."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from models.arrays import read_npy
from models.eeg import recordings
from models.eeg.dataset import Dataset, Item
from models.eeg.pairing import paired
from models.eeg.signal_config import PreprocessingConfig
from models.errors import UserError
from models.remarks import Remark, distinct

SPLITS = {"train": "train", "val": "validation", "test": "test"}
CHALLENGE_NAME = re.compile(r"(train|val|test)_-_([^/]+?)_-_([^/]+?)_-_(eeg|envelope|mel)\.npy")
DERIVATIVE_NAME = re.compile(r"(sub-[A-Za-z0-9]+)_(?:.*_)?desc-preproc-audio-(.+)_eeg\.npy")


def challenge(path: Path, arrays: dict[str, Path], settings: PreprocessingConfig) -> Dataset:
    """``train_-_sub-001_-_STIMULUS_-_eeg.npy`` with its envelope: paired on split, subject and stimulus."""
    items: list[Item] = []
    skipped: list[Remark] = []
    remarks: list[Remark] = []
    raw = False
    for name, file in arrays.items():
        matched = CHALLENGE_NAME.fullmatch(name)
        assert matched is not None
        split, subject, stimulus, kind = matched.groups()
        if kind != "eeg":
            continue
        partner = arrays.get(name.replace("_-_eeg.npy", "_-_envelope.npy"))
        if partner is None:
            skipped.append(Remark("{name} has no envelope of its own beside it.", name=name))
            continue
        eeg, envelope = _npy(file, 2, skipped), _npy(partner, 2, skipped)
        if eeg is None or envelope is None:
            continue
        eeg = _time_first(eeg)
        result = paired(subject, stimulus, eeg, envelope.ravel(), settings.sample_rate, skipped, remarks)
        if result is not None:
            raw = raw or (split == "train" and not _normalised(eeg))
            items.append(Item(subject, stimulus, *result, split=SPLITS[split]))
    if raw:
        remarks.append(
            Remark("The files are not normalised; statistics of the training part are used for all.")
        )
    return _finished(path, settings, items, skipped, remarks)


def derivatives(
    path: Path, arrays: list[Path], all_files: list[Path], settings: PreprocessingConfig
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
    for file in arrays:
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
        eeg, envelope = _npy(file, 2, skipped), _npy(envelopes[stimulus], 2, skipped)
        if eeg is None or envelope is None:
            continue
        result = paired(
            subject, stimulus, _time_first(eeg), envelope.ravel(), settings.sample_rate, skipped, remarks
        )
        if result is not None:
            items.append(Item(subject, stimulus, *result))
    return _finished(path, settings, items, skipped, remarks)


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
        array = read_npy(path, mapped=True)
    except UserError as error:
        skipped.append(Remark("{name}: {reason}", name=path.name, reason=error))
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
