"""A BIDS folder as a data set: each stimulus that a recording's events name, with the EEG while it was heard."""

from __future__ import annotations

import gzip
import io
import zlib
from pathlib import Path

import numpy as np

from models import file_names, files
from models.arrays import read_npz
from models.eeg import bids, recordings
from models.eeg.bids import BidsFolder, Run
from models.eeg.dataset import Dataset, Item
from models.eeg.envelope import envelope
from models.eeg.pairing import paired
from models.eeg.preprocessing import preprocess, reach_s
from models.eeg.signal_config import PreprocessingConfig
from models.eeg.stimulus import read_stimulus
from models.errors import UserError
from models.progress import Progress
from models.remarks import Remark, distinct

STIMULI = "stimuli"  # where BIDS keeps what was played, below the folder's root
LARGEST_SOUND = 2**31  # bytes of one that is packed


def dataset_of(root: Path, settings: PreprocessingConfig, progress: Progress) -> Dataset:
    """Every recording is preprocessed whole and cut by its events: those with a `stim_file` that lies in ``stimuli``.

    What cannot be used is skipped with its reason. Raises UserError where the folder is none, Cancelled.
    """
    folder = bids.open_folder(root)
    items: list[Item] = []
    skipped: list[Remark] = []
    remarks: list[Remark] = list(folder.remarks)
    channels: tuple[str, ...] | None = None
    heard: dict[Path, np.ndarray] = {}
    for number, run in enumerate(folder.runs):
        part = progress.part(number / len(folder.runs), (number + 1) / len(folder.runs))
        try:
            played = _played(folder, run)
            opened = recordings.open_recording(run.path)
            prepared = preprocess(opened, settings, channels, progress=part)
        except UserError as error:
            skipped.append(Remark("{name}: {reason}", name=run.path.name, reason=error))
            continue
        channels = channels or prepared.channel_names
        remarks += prepared.history.remarks
        for path, onset_s, duration_s in played:
            try:
                if path not in heard:
                    heard[path] = sound_envelope(path, settings.sample_rate)
            except UserError as error:
                skipped.append(Remark("{name}: {reason}", name=path.name, reason=error))
                continue
            begin = round(onset_s * settings.sample_rate)
            length = min(len(prepared.eeg) - begin, len(heard[path]))
            length = min(length, round(duration_s * settings.sample_rate)) if duration_s else length
            eeg, track = prepared.eeg[begin : begin + length], heard[path][:length]
            name = path.name.partition(".")[0]
            result = paired(run.subject, name, eeg, track, settings.sample_rate, skipped, remarks)
            if result is not None:
                items.append(Item(run.subject, name, *result))
    return Dataset(
        folder.name,
        settings.sample_rate,
        channels or (),
        tuple(items),
        tuple(skipped),
        distinct(remarks),
        reach_s(settings),
    )


def _played(folder: BidsFolder, run: Run) -> list[tuple[Path, float, float]]:
    """(the stimulus, onset in s, duration in s or 0 where it is not known) of each that a run's events name."""
    tables = bids.inherited(run.path, folder.root, "events.tsv")
    result = []
    for row in bids.events_of(tables[-1]) if tables else []:
        named = row["stim_file"]
        if named.lower() in bids.NOTHING or float(row["onset"]) < 0:
            continue
        within = (folder.root / STIMULI).resolve()
        path = (within / named).resolve()
        if not path.is_relative_to(within):
            raise UserError(
                "{name} names a stimulus outside of its folder.",
                "Line {line}: {file}.",
                "Correct the table.",
                name=tables[-1].name,
                line=row.line,
                file=file_names.shown(named),
            )
        result.append((path, float(row["onset"]), bids.duration_of(row)))
    if not result:
        raise UserError(
            "{name} names no stimulus.",
            "Its events have no stim_file, or there is no table of events.",
            "Add the column stim_file to its events, with files of the folder stimuli.",
            name=run.path.name,
        )
    return result


def sound_envelope(path: Path, sample_rate: int) -> np.ndarray:
    """The envelope, float32 [time] at `sample_rate`, of a sound, of a NPZ with ``audio`` and ``fs`` as SparrKULee has them,
    packed or not, or of a file that holds an envelope. Raises UserError."""
    if path.name.endswith((".npz", ".npz.gz")):
        arrays = _arrays(path)
        if "audio" in arrays:
            rate = recordings.said_rate(path, arrays.get("fs"))
            sound = np.asarray(arrays["audio"], np.float32).ravel()
            if not sound.size or not np.isfinite(sound).all() or not sound.any():
                raise files.damaged(path, "its sound is empty or holds no numbers")
            return envelope(sound, round(rate), sample_rate)
    return read_stimulus(path, sample_rate)


def _arrays(path: Path) -> dict[str, np.ndarray]:
    if not path.name.endswith(".gz"):
        return read_npz(path)
    try:
        with files.opened(path) as packed, gzip.open(packed) as file:
            data = file.read(LARGEST_SOUND + 1)
        if len(data) > LARGEST_SOUND:
            raise files.too_large(path, len(data), LARGEST_SOUND)
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (OSError, EOFError, ValueError, KeyError, zlib.error) as error:
        raise files.damaged(path, "it cannot be unpacked") from error
