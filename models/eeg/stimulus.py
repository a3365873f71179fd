"""What was heard, from a file: a sound, or its envelope."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from models.eeg import envelope, recordings
from models.errors import UserError
from models.progress import Progress


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
    values = (
        arrays.get("eeg") if path.suffix.lower() == ".npy" else recordings.array_named(arrays, "envelope")
    )
    if values is None or np.squeeze(values).ndim != 1 or np.asarray(values).dtype.kind not in "iuf":
        raise UserError(
            "{name} holds no envelope.",
            "An envelope is one number a time step.",
            "Choose the sound itself, or its envelope.",
            name=path.name,
        )
    result = np.asarray(np.squeeze(values), np.float32)
    given = recordings.array_named(arrays, "fs")
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
    """The error of data that does not say what was heard."""
    return UserError(
        "{name} names no stimulus.",
        "Without what was heard there is nothing to learn or to compare.",
        "Add the array envelope, or choose the sound that was heard.",
        name=name,
    )
