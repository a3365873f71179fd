"""Opening recordings: BDF, EDF, BrainVision, FIF and EEGLAB through MNE; XDF through pyxdf; NPZ, NPY and MAT with named arrays.

What a file is goes by its first bytes. A recording is opened without being read: an hour of 64 channels costs nothing
until a stretch of it is asked for.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from models import file_names, files
from models.arrays import read_npy, read_npz
from models.eeg.bids import with_sidecars
from models.eeg.channels import BIOSEMI64, default_names, montage, placed, standard_names
from models.eeg.matlab import read_matlab
from models.eeg.packed import PACKED, open_packed
from models.eeg.raw_files import KINDS, open_raw
from models.eeg.recording import Recording, empty, possible_rate
from models.eeg.xdf_files import open_xdf
from models.errors import UserError, shortened
from models.remarks import Remark

__all__ = [
    "ASSUMED_RATE",
    "BIOSEMI64",
    "SUFFIXES",
    "Recording",
    "array_named",
    "default_names",
    "montage",
    "number",
    "of_arrays",
    "open_recording",
    "read_arrays",
    "standard_names",
]

ARRAY_SUFFIXES = (".npz", ".npy", ".mat")
STREAM_SUFFIXES = (".xdf", ".xdfz")
SUFFIXES = (*KINDS, ".fif.gz", *PACKED, *STREAM_SUFFIXES, *ARRAY_SUFFIXES)
ASSUMED_RATE = 64.0  # of arrays that do not say: what the auditory EEG challenge publishes
MOST_CHANNELS = 4096
MOST_TRIALS = 100_000
# A standard deviation between these is one of EEG in volts or in millivolts: in µV no amplifier is so quiet.
SMALL_UNITS = ((1e-9, 2e-3, 1e6, "volts"), (2e-3, 0.04, 1e3, "millivolts"))
_QUANTITY = re.compile(r"\s*([-+]?[\d.]+(?:[eE][-+]?\d+)?)\s*(k?hz|µv|uv)?\s*", re.IGNORECASE)
NAMES = {
    "eeg": ("eeg", "data", "x", "signal", "eegdata"),
    "fs": (
        "fs",
        "sfreq",
        "srate",
        "sr",
        "rate",
        "fsample",
        "samplerate",
        "sample_rate",
        "samplingrate",
        "sampling_rate",
    ),
    "channels": ("channels", "channel_names", "ch_names", "chan_names", "chnames", "labels"),
    "envelope": ("envelope", "env", "stimulus"),
}
_BY_BYTES = {"bdf": "bdf", "edf": "edf", "brainvision": "brainvision", "fif": "fif"}


def open_recording(path: str | os.PathLike[str]) -> Recording:
    """The recording in a file, with what files of BIDS beside it say. Raises UserError for whatever cannot be opened."""
    path = Path(path).expanduser()
    files.check_regular(path)
    if path.name.lower().endswith(PACKED):
        return with_sidecars(open_packed(path))
    return with_sidecars(_opened(path))


def _opened(path: Path) -> Recording:
    suffix = path.suffix.lower()
    if suffix in (".eeg", ".vmrk") and path.with_suffix(".vhdr").exists():
        path, suffix = path.with_suffix(".vhdr"), ".vhdr"
    if suffix == ".fdt" and path.with_suffix(".set").exists():
        path, suffix = path.with_suffix(".set"), ".set"
    if path.name.lower().endswith(".fif.gz"):
        suffix = ".fif"
    if suffix in STREAM_SUFFIXES:
        return open_xdf(path)
    known = suffix in KINDS or suffix in ARRAY_SUFFIXES
    first_bytes = files.sniff(path)
    if first_bytes in _BY_BYTES:
        return open_raw(path, _BY_BYTES[first_bytes])
    if first_bytes in ("npy", "zip") or (first_bytes == "mat5" and suffix != ".set"):
        return of_arrays(path, read_arrays(path))
    if not known:
        raise UserError(
            "{name} is no recording that can be opened.",
            "Known are {known}.",
            "Export it as EDF, BDF, BrainVision or FIF.",
            name=file_names.shown(path.name),
            known=", ".join(SUFFIXES),
        )
    if suffix in KINDS:
        return open_raw(path, KINDS[suffix])
    return of_arrays(path, read_arrays(path))


def read_arrays(path: Path) -> dict[str, Any]:
    """The named arrays of a NPZ or MAT, or ``eeg`` of a NPY. Nothing is unpickled. Raises UserError."""
    kind = files.sniff(path)
    if kind == "npy":
        return {"eeg": read_npy(path, mapped=True)}
    if kind == "zip":
        return dict(read_npz(path))
    if kind in ("mat5", "hdf5") or path.suffix.lower() == ".mat":
        return read_matlab(path)
    raise files.damaged(path, f"it is no {path.suffix.lower()[1:] or 'file of arrays'}")


def of_arrays(path: Path, arrays: dict[str, Any]) -> Recording:
    """The recording in named arrays: ``eeg`` [time, channels] or [n, time, channels] in µV, ``fs``, ``channels``, ``envelope``.

    A list of arrays (a cell of MATLAB) is one of trials, perhaps of unequal length. EEGLAB's structure ``EEG`` is
    understood as it is. Raises UserError.
    """
    remarks: list[Remark] = []
    structure = arrays.get("EEG")
    arrays = _of_structure(structure) if isinstance(structure, dict) else arrays
    names = _names(array_named(arrays, "channels"))
    parts = _trials(path, arrays, names, remarks)
    rate = _rate(path, array_named(arrays, "fs"), remarks)
    step = number(path, "eeg_step_uv", arrays.get("eeg_step_uv", 1.0))
    step *= _microvolts(parts, step, remarks)
    channels = _channels(path, names, parts[0].shape[1], remarks)
    envelopes = _envelopes(path, array_named(arrays, "envelope"), len(parts), remarks)

    def recording_of(number: int, part: np.ndarray, env: np.ndarray | None) -> Recording:
        return Recording(
            path,
            channels,
            rate,
            len(part),
            lambda first, last: np.asarray(part[first:last], np.float32) * np.float32(step),
            envelope=env,
            remarks=tuple(remarks),
            stored=part,
            step=step,
            in_numpy=_in_numpy(path, arrays, number, part),
        )

    each = [recording_of(number, *both) for number, both in enumerate(zip(parts, envelopes, strict=True))]
    eeg = array_named(arrays, "eeg")
    several = len(each) > 1 or np.ndim(eeg) == 3 or isinstance(eeg, list)
    return replace(each[0], trials=tuple(each)) if several else each[0]


def _in_numpy(path: Path, arrays: dict[str, Any], number: int, part: np.ndarray) -> str:
    """How a trial is come by in what `numpy.load` gives of the file; empty for files that it does not open."""
    whole = array_named(arrays, "eeg")
    if path.suffix.lower() not in (".npz", ".npy") or not isinstance(whole, np.ndarray):
        return ""
    key = next(str(name) for name, value in arrays.items() if value is whole)
    text = f"[{key!r}]" if path.suffix.lower() == ".npz" else ""
    text += f"[{number}]" if whole.ndim == 3 else ""
    return text + (".T" if whole.shape[-2:] != part.shape else "")


def _of_structure(structure: dict[str, Any]) -> dict[str, Any]:
    """The arrays in EEGLAB's structure, whose data are [channels, time] or [channels, time, trials] in µV."""
    arrays = {name: value for name, value in structure.items() if name in ("data", "srate")}
    data = arrays.get("data")
    if isinstance(data, np.ndarray) and data.ndim in (2, 3):
        arrays["data"] = data.T if data.ndim == 2 else np.moveaxis(data, (0, 1, 2), (2, 1, 0))
    places = structure.get("chanlocs")
    labels = places.get("labels") if isinstance(places, dict) else None
    if labels is not None:
        arrays["channels"] = [labels] if isinstance(labels, str) else labels
    return arrays


def _trials(
    path: Path, arrays: dict[str, Any], names: tuple[str, ...], remarks: list[Remark]
) -> list[np.ndarray]:
    """[time, channels] a trial, of any number type."""
    eeg = array_named(arrays, "eeg")
    if eeg is None:
        raise UserError(
            "{name} holds no array called eeg.",
            "Its arrays are {arrays}.",
            "Name the array [time, channels] eeg, and its rate fs.",
            name=file_names.shown(path.name),
            arrays=shortened(", ".join(sorted(map(str, arrays)))) or "none",
        )
    if isinstance(eeg, list):  # a cell
        parts = [np.asarray(item) if isinstance(item, np.ndarray) else np.zeros(0) for item in eeg]
    else:
        eeg = np.asarray(eeg)
        parts = [eeg] if eeg.ndim != 3 else list(eeg[:MOST_TRIALS])
    wrong = next((part for part in parts if part.ndim != 2 or part.dtype.kind not in "iuf"), None)
    if wrong is not None or not 0 < len(parts) <= MOST_TRIALS:
        raise UserError(
            "The array eeg of {name} is not EEG.",
            "It has the shape {shape} and holds {kind}.",
            "It should be [time, channels] or [n, time, channels] of numbers in µV.",
            name=file_names.shown(path.name),
            shape=list(np.shape(wrong if wrong is not None else [])),
            kind=str(getattr(wrong, "dtype", "nothing"))[:40],
        )
    longest = max(parts, key=lambda part: part.size)
    counts = tuple(length == len(names) for length in longest.shape)  # names say which way it lies
    if counts == (True, False) or (
        counts != (False, True) and longest.shape[1] > 4 * longest.shape[0] and longest.shape[0] <= 512
    ):
        parts = [part.T for part in parts]
        remarks.append(Remark("The array was stored channels first and was turned."))
    if any(not part.size for part in parts):
        raise empty(path)
    widths = {part.shape[1] for part in parts}
    if len(widths) > 1 or max(widths) > MOST_CHANNELS:
        raise UserError(
            "The trials of {name} do not fit together.",
            "They have {widths} channels.",
            "Save the same channels of every trial.",
            name=file_names.shown(path.name),
            widths=shortened(", ".join(map(str, sorted(widths))), 60),
        )
    return parts


def _rate(path: Path, value: Any, remarks: list[Remark]) -> float:
    if value is None:
        remarks.append(
            Remark("The file does not say its sample rate; {rate:g} Hz was assumed.", rate=ASSUMED_RATE)
        )
        return ASSUMED_RATE
    return said_rate(path, value)


def said_rate(path: Path, value: Any) -> float:
    """The sample rate in Hz that a file says as ``fs``. Raises UserError where it is no number or cannot be."""
    return possible_rate(path, number(path, "fs", value))


def number(path: Path, name: str, value: Any) -> float:
    """One finite number, though it is written as text: ``64 Hz``."""
    result = np.nan
    with contextlib.suppress(ValueError, TypeError, OverflowError):
        flat = np.asarray(value).ravel()
        if flat.size > 1 and (flat == flat[0]).all():  # one a channel or a trial
            flat = flat[:1]
        if flat.size == 1 and flat.dtype.kind in "iufb":
            result = float(flat[0])
        elif flat.size == 1 and (match := _QUANTITY.fullmatch(_text(flat[0]).replace(",", "."))):
            result = float(match[1]) * (1000 if (match[2] or "").lower() == "khz" else 1)
    if not np.isfinite(result):
        raise UserError(
            "{what} of {name} is no number.",
            "It is {found}.",
            "Save it as one number.",
            what=name,
            name=file_names.shown(path.name),
            found=shortened(value, 60) or "empty",
        )
    return result


def _microvolts(parts: Sequence[np.ndarray], step: float, remarks: list[Remark]) -> float:
    """1, or a million where the numbers can only be volts, as MNE has them."""
    if parts[0].dtype.kind != "f":
        return 1.0
    with np.errstate(all="ignore"):
        spreads = np.nanstd(np.asarray(parts[0][:20_000], np.float64) * step, axis=0)
    spreads = spreads[np.isfinite(spreads) & (spreads > 0)]
    spread = float(np.median(spreads)) if spreads.size else 1.0
    for least, most, factor, unit in SMALL_UNITS:
        if least < spread <= most:
            remarks.append(
                Remark("The numbers are in volts, by their size, and were read as such.")
                if unit == "volts"
                else Remark("The numbers are in millivolts, by their size, and were read as such.")
            )
            return factor
    return 1.0


def _text(value: object) -> str:
    """Text, though it is kept as bytes."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _names(value: object) -> tuple[str, ...]:
    """Channels' names: an array of them, or one text with something between them."""
    try:
        names = () if value is None else tuple(_text(item).strip() for item in np.asarray(value).ravel())
    except (ValueError, TypeError):
        return ("",)
    return tuple(re.split(r"[\s,;|]+", names[0])) if len(names) == 1 else names


def _channels(path: Path, names: tuple[str, ...], count: int, remarks: list[Remark]) -> tuple[str, ...]:
    if not names:
        remarks.append(
            Remark("Channels are not named; the order of the BioSemi 64 cap was assumed.")
            if count == 64
            else Remark("Channels are not named; they are called E1, E2 and so on.")
        )
        return default_names(count)
    if len(names) != count or len(set(names)) != count or not all(names):
        raise UserError(
            "The channels of {name} are not named one by one.",
            "There are {count} channels and {names} different names.",
            "Name each channel once, or leave the names out.",
            name=file_names.shown(path.name),
            count=count,
            names=len(set(filter(None, names))),
        )
    today, used, placement_remarks = placed(names)
    if sum(used) < 4 or len(set(today)) != count:
        return names
    remarks += [item for item in placement_remarks if "same place" not in item.text]
    return tuple(today)


def _envelopes(path: Path, value: Any, count: int, remarks: list[Remark]) -> list[np.ndarray | None]:
    """float32 [time] a trial, None where it is of no use; one that is given once is that of every trial."""
    if value is None:
        return [None] * count
    try:
        if isinstance(value, list):
            each = [np.asarray(item, np.float32).ravel() for item in value]
        else:
            whole = np.asarray(value)
            if whole.dtype.kind not in "iuf":
                raise TypeError
            whole = np.asarray(whole, np.float32)
            shared = whole.ndim < 2 or (1 in whole.shape[:2] and (count == 1 or whole.shape[0] != count))
            each = [whole.ravel()] * count if shared or count == 1 else [item.ravel() for item in whole]
    except (ValueError, TypeError) as error:
        raise files.damaged(path, "its envelope is no array of numbers") from error
    if len(each) != count:
        raise UserError(
            "The arrays of {name} do not fit together.",
            "There are {trials} trials and {envelopes} envelopes.",
            "Save one envelope a trial.",
            name=file_names.shown(path.name),
            trials=count,
            envelopes=len(each),
        )
    broken = [not np.isfinite(item).all() for item in each]
    flat = [bool(item.size) and float(np.ptp(item)) == 0 for item in each]
    if any(broken):
        remarks.append(Remark("Its envelope holds values that are no numbers and was left out."))
    if any(flat):
        remarks.append(Remark("Its envelope is flat and was left out."))
    return [
        None if useless else item
        for item, useless in zip(each, map(any, zip(broken, flat, strict=True)), strict=True)
    ]


def array_named(arrays: dict[str, Any], what: str) -> Any:
    """The array that goes by one of the usual names, or None."""
    lower = {str(name).lower(): value for name, value in arrays.items()}
    return next((lower[name] for name in NAMES[what] if name in lower), None)
