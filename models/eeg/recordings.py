"""Opening recordings: BDF, EDF, BrainVision, FIF and EEGLAB through MNE; NPZ, NPY and MAT with named arrays.

A recording is opened without being read: an hour of 64 channels costs nothing until a stretch of it is asked for.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from models.errors import UserError
from models.remarks import Remark

RAW_SUFFIXES = {".bdf": "bdf", ".edf": "edf", ".vhdr": "brainvision", ".fif": "fif", ".set": "eeglab"}
ARRAY_SUFFIXES = (".npz", ".npy", ".mat")
SUFFIXES = (*RAW_SUFFIXES, ".fif.gz", *ARRAY_SUFFIXES)
ASSUMED_RATE = 64.0  # of arrays that do not say: what the auditory EEG challenge publishes
NAMES = {
    "eeg": ("eeg", "data", "x", "signal", "eegdata"),
    "fs": ("fs", "sfreq", "srate", "sample_rate", "sampling_rate"),
    "channels": ("channels", "channel_names", "ch_names", "chan_names"),
    "envelope": ("envelope", "env", "stimulus"),
}


@dataclass(frozen=True)
class Recording:
    """An opened recording.

    channel_names: EEG channels, others are left out. time: samples. marked_bad: what its author marked as bad.
    envelope: float32 [time] at `sample_rate`, where the file brings one. remarks: what had to be assumed, in words.
    """

    path: Path
    channel_names: tuple[str, ...]
    sample_rate: float
    time: int
    read_samples: Callable[[int, int], np.ndarray] = field(repr=False)
    marked_bad: tuple[str, ...] = ()
    envelope: np.ndarray | None = field(default=None, repr=False)
    remarks: tuple[Remark, ...] = ()
    trials: tuple[Recording, ...] = field(default=(), repr=False)  # where the file holds several

    @property
    def duration_s(self) -> float:
        return self.time / self.sample_rate

    def read(self, start_s: float = 0.0, stop_s: float | None = None) -> np.ndarray:
        """The stretch in µV, float32 [time, channels]; only it is read from the disk."""
        first = min(self.time, max(0, round(start_s * self.sample_rate)))
        last = self.time if stop_s is None else min(self.time, round(stop_s * self.sample_rate))
        return self.read_samples(first, max(first, last))


def open_recording(path: str | os.PathLike[str]) -> Recording:
    """The recording in a file. Raises UserError for whatever cannot be opened."""
    path = Path(path).expanduser()
    if not path.exists():
        raise UserError(
            "{name} was not found.", "It may have been moved or deleted.", "Choose it again.", name=path.name
        )
    if path.is_dir():
        raise UserError(
            "{name} is a folder.", "A recording was expected.", "Choose a file in it.", name=path.name
        )
    suffix = path.suffix.lower()
    if suffix in (".eeg", ".vmrk") and path.with_suffix(".vhdr").exists():
        path, suffix = path.with_suffix(".vhdr"), ".vhdr"
    if suffix == ".fdt" and path.with_suffix(".set").exists():
        path, suffix = path.with_suffix(".set"), ".set"
    if path.name.lower().endswith(".fif.gz"):
        suffix = ".fif"
    if suffix in RAW_SUFFIXES:
        return _by_mne(path, RAW_SUFFIXES[suffix])
    if suffix in ARRAY_SUFFIXES:
        return of_arrays(path, read_arrays(path))
    raise UserError(
        "{name} is no recording that can be opened.",
        "Known are {known}.",
        "Export it as EDF, BDF, BrainVision or FIF.",
        name=path.name,
        known=", ".join(SUFFIXES),
    )


def _by_mne(path: Path, kind: str) -> Recording:
    import mne

    reader = getattr(mne.io, f"read_raw_{kind}")
    try:
        raw = reader(path, preload=False, verbose="error")
    except Exception as error:  # MNE's readers raise whatever a broken file makes them stumble over
        raise _damaged(path, error) from error
    picks = mne.pick_types(raw.info, eeg=True, exclude=())
    known = standard_names()
    cleaned = [known.get(_plain(raw.ch_names[i]), raw.ch_names[i]) for i in picks]
    standing = [known.get(_plain(name)) is not None for name in cleaned]
    remarks: tuple[Remark, ...] = ()
    if sum(standing) >= 4 and not all(standing):  # BioSemi's EXG, GSR, Resp … come as EEG
        left_out = [name for name, is_known in zip(cleaned, standing, strict=True) if not is_known]
        remarks = (Remark("Left out, not on the scalp: {names}.", names=", ".join(left_out)),)
        picks = np.array([i for i, is_known in zip(picks, standing, strict=True) if is_known])
        cleaned = [name for name, is_known in zip(cleaned, standing, strict=True) if is_known]
    if not len(picks):
        raise UserError(
            "{name} holds no EEG channel.", "Its channels are {channels}.", "Choose another recording.",
            name=path.name, channels=", ".join(raw.ch_names[:12]) or "none",
        )  # fmt: skip
    if not raw.n_times:
        raise _empty(path)

    def read(first: int, last: int) -> np.ndarray:
        try:
            return np.ascontiguousarray((raw.get_data(picks, first, last) * 1e6).T, dtype=np.float32)
        except Exception as error:  # a file cut short is noticed only here
            raise _damaged(path, error) from error

    original = {raw.ch_names[i]: name for i, name in zip(picks, cleaned, strict=True)}
    bad = tuple(original[name] for name in raw.info["bads"] if name in original)
    return Recording(
        path, tuple(cleaned), float(raw.info["sfreq"]), int(raw.n_times), read, bad, None, remarks
    )


def read_arrays(path: Path) -> dict[str, Any]:
    """The named arrays of a NPZ or MAT, or ``eeg`` of a NPY. Nothing is unpickled."""
    try:
        if path.suffix.lower() == ".npy":
            return {"eeg": np.load(path, allow_pickle=False, mmap_mode="r")}
        if path.suffix.lower() == ".npz":
            with np.load(path, allow_pickle=False) as arrays:
                return {name: arrays[name] for name in arrays.files}
        from pymatreader import read_mat

        return {name: value for name, value in read_mat(path).items() if not name.startswith("__")}
    except Exception as error:  # pymatreader, h5py and zipfile each have errors of their own
        raise _damaged(path, error) from error


def of_arrays(path: Path, arrays: dict[str, Any]) -> Recording:
    """The recording in named arrays: ``eeg`` [time, channels] or [n, time, channels] in µV, ``fs``, ``channels``, ``envelope``."""
    eeg = found(arrays, "eeg")
    if eeg is None and isinstance(arrays.get("EEG"), dict):  # EEGLAB's structure, saved as a plain MAT
        arrays = arrays["EEG"]
        eeg = found(arrays, "eeg")
    if eeg is None:
        raise UserError(
            "{name} holds no array called eeg.", "Its arrays are {arrays}.",
            "Name the array [time, channels] eeg, and its rate fs.",
            name=path.name, arrays=", ".join(sorted(arrays)) or "none",
        )  # fmt: skip
    eeg = np.asarray(eeg)
    if eeg.ndim not in (2, 3) or eeg.dtype.kind not in "iuf":
        raise UserError(
            "The array eeg of {name} is not EEG.", "It has the shape {shape} and holds {kind}.",
            "It should be [time, channels] or [n, time, channels] of numbers in µV.",
            name=path.name, shape=list(eeg.shape), kind=str(eeg.dtype),
        )  # fmt: skip
    remarks: list[Remark] = []
    if eeg.shape[-1] > 4 * eeg.shape[-2] and eeg.shape[-2] <= 512:
        eeg = np.swapaxes(eeg, -1, -2)
        remarks.append(Remark("The array was stored channels first and was turned."))
    if not eeg.size:
        raise _empty(path)
    step = float(np.asarray(arrays.get("eeg_step_uv", 1.0)))
    rate = found(arrays, "fs")
    if rate is None:
        rate = ASSUMED_RATE
        remarks.append(
            Remark("The file does not say its sample rate; {rate:g} Hz was assumed.", rate=ASSUMED_RATE)
        )
    sample_rate = float(np.asarray(rate).ravel()[0])
    if not 1 <= sample_rate <= 100_000:
        raise UserError(
            "{name} says that its sample rate is {rate} Hz.", "That cannot be.", "Correct fs in the file.",
            name=path.name, rate=sample_rate,
        )  # fmt: skip
    names = found(arrays, "channels")
    channels = tuple(str(one).strip() for one in np.asarray(names).ravel()) if names is not None else ()
    if len(channels) != eeg.shape[-1]:
        channels = default_names(eeg.shape[-1])
        if len(channels) == 64:
            remarks.append(Remark("Channels are not named; the order of the BioSemi 64 cap was assumed."))
    envelope = found(arrays, "envelope")

    def one(part: np.ndarray, env: np.ndarray | None) -> Recording:
        return Recording(
            path, channels, sample_rate, len(part),
            lambda first, last: np.asarray(part[first:last], np.float32) * np.float32(step),
            envelope=None if env is None else np.asarray(env, np.float32).ravel(), remarks=tuple(remarks),
        )  # fmt: skip

    if eeg.ndim == 2:
        return one(eeg, envelope)
    envelopes = np.asarray(envelope) if envelope is not None else None
    each = [
        one(part, None if envelopes is None else envelopes if envelopes.ndim == 1 else envelopes[number])
        for number, part in enumerate(eeg)
    ]
    return replace(each[0], trials=tuple(each)) if each else one(eeg[0], None)


def found(arrays: dict[str, Any], what: str) -> Any:
    """The array that goes by one of the usual names, or None."""
    lower = {name.lower(): value for name, value in arrays.items()}
    return next((lower[name] for name in NAMES[what] if name in lower), None)


def default_names(count: int) -> tuple[str, ...]:
    """Names for channels that have none: the BioSemi 64 order where there are 64."""
    if count == 64:
        return BIOSEMI64
    return tuple(f"E{number + 1}" for number in range(count))


def montage() -> Any:
    """The places of the 10-05 system as MNE has them; their name changed in MNE 1.13."""
    import mne

    known = mne.channels.get_builtin_montages()
    return mne.channels.make_standard_montage("colin27_1005" if "colin27_1005" in known else "standard_1005")


_standard: dict[str, str] = {}


def standard_names() -> dict[str, str]:
    """Plain spelling → name, of every place of the 10-05 system."""
    if not _standard:
        _standard.update({_plain(name): name for name in montage().ch_names})
    return _standard


def _plain(name: str) -> str:
    """``EEG Fp1-Ref``, ``FP1.`` and ``Fp1`` are one place."""
    text = re.sub(r"^eeg[\s_-]*", "", name.strip().lower())
    text = re.sub(r"[-_ ](ref|le|ar|avg|a1|a2|m1|m2)$", "", text)
    return text.strip(" .")


def _damaged(path: Path, error: Exception) -> UserError:
    return UserError(
        "{name} cannot be read.", "{reason}.", "Copy it again, or export it anew.",
        name=path.name, reason=" ".join(str(error).split())[:200].rstrip(".") or type(error).__name__,
    )  # fmt: skip


def _empty(path: Path) -> UserError:
    return UserError("{name} is empty.", "It holds no samples.", "Record or export it again.", name=path.name)


BIOSEMI64 = (
    "Fp1", "AF7", "AF3", "F1", "F3", "F5", "F7", "FT7", "FC5", "FC3", "FC1", "C1", "C3", "C5", "T7", "TP7", "CP5", "CP3",
    "CP1", "P1", "P3", "P5", "P7", "P9", "PO7", "PO3", "O1", "Iz", "Oz", "POz", "Pz", "CPz", "Fpz", "Fp2", "AF8", "AF4",
    "AFz", "Fz", "F2", "F4", "F6", "F8", "FT8", "FC6", "FC4", "FC2", "FCz", "Cz", "C2", "C4", "C6", "T8", "TP8", "CP6",
    "CP4", "CP2", "P2", "P4", "P6", "P8", "P10", "PO8", "PO4", "O2",
)  # fmt: skip
