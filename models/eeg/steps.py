"""What each step of a history does to EEG, so that it can be done again: all of them give the same for the same numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from models.eeg.channels import montage, standard_names
from models.remarks import Remark

if TYPE_CHECKING:
    from mne.io import RawArray

Step = dict[str, Any]  # as a history has it


@dataclass(frozen=True)
class Signal:
    """EEG on its way: eeg [time, channels] in µV at `rate`; aside [time, n]: channels elsewhere than on the scalp."""

    eeg: np.ndarray = field(repr=False)
    names: tuple[str, ...]
    rate: int
    aside: np.ndarray = field(repr=False)
    aside_names: tuple[str, ...] = ()

    def column(self, name: str) -> np.ndarray:
        """[time] of a channel, on the scalp or aside."""
        if name in self.names:
            result: np.ndarray = self.eeg[:, self.names.index(name)]
            return result
        beside: np.ndarray = self.aside[:, self.aside_names.index(name)]
        return beside


Done = tuple[np.ndarray, Remark | None]


def done(signal: Signal, step: Step) -> tuple[Signal, Remark | None]:
    """The signal after a step, and what a person should know of it."""
    eeg, remark = STEPS[step["step"]](signal, step)
    return replace(signal, eeg=eeg), remark


def _done_in_blocks(signal: Signal, _step: Step) -> Done:
    return signal.eeg, None  # picking and resampling are done while the file is read


def _without_components(signal: Signal, step: Step) -> Done:
    """Less what the named components put into each channel."""
    columns = [signal.names.index(name) for name in step["channels"]]
    eeg = signal.eeg.copy()
    given = eeg[:, columns]
    sources = (given - given.mean(axis=0)) @ np.array(step["filters"], np.float64).T
    eeg[:, columns] = given - sources @ np.array(step["patterns"], np.float64)
    return eeg, None


def _interpolated(signal: Signal, step: Step) -> Done:
    return interpolated(signal.eeg, signal.names, signal.rate, step["channels"])


def interpolated(eeg: np.ndarray, names: tuple[str, ...], rate: int, channels: list[str]) -> Done:
    """From the neighbours by spherical splines; silenced where the places on the scalp are not known."""
    bad = [name for name in channels if name in names]
    known = standard_names()
    eeg = eeg.copy()
    columns = [names.index(name) for name in bad]
    if any(known.get(name.lower()) is None for name in names):
        eeg[:, columns] = 0
        return eeg, Remark("Bad channels were silenced: where they lie on the scalp is not known.")
    raw = raw_of(eeg, names, rate)
    raw.info["bads"] = bad
    raw.interpolate_bads(reset_bads=True, verbose="error")
    eeg[:, columns] = (raw.get_data(columns) * 1e6).T
    return eeg, None


def _reference(signal: Signal, step: Step) -> Done:
    if step["to"] == "average":
        return signal.eeg - signal.eeg.mean(axis=1, keepdims=True), None
    common = np.mean([signal.column(name) for name in step["channels"]], axis=0)
    return signal.eeg - common[:, None], None


def _notch(signal: Signal, step: Step) -> Done:
    """MNE's zero-phase FIR notches."""
    import mne

    given = signal.eeg.T.astype(np.float64)
    result = mne.filter.notch_filter(given, signal.rate, step["hz"], verbose="error")
    return result.T.astype(np.float32), None


def _band_pass(signal: Signal, step: Step) -> Done:
    """MNE's zero-phase FIR filter. Of a recording too short for the high-pass, only the mean is removed."""
    import mne

    eeg, remark = signal.eeg, None
    low, top, mean = bounds(step, len(eeg), signal.rate)
    if mean:
        remark = Remark("The recording is too short for the high-pass; only its mean was removed.")
        eeg = eeg - eeg.mean(axis=0)
    if low is None and top is None:
        return eeg, remark
    filtered = mne.filter.filter_data(eeg.T.astype(np.float64), signal.rate, low, top, verbose="error")
    return filtered.T.astype(np.float32), remark


def bounds(step: Step, time: int, rate: float) -> tuple[float | None, float | None, bool]:
    """(high-pass, low-pass, whether the mean is removed instead of a high-pass) of a band-pass over `time` samples."""
    low = step["low_hz"] or None
    top = None if step["high_hz"] >= 0.5 * rate - 1 else step["high_hz"]  # nothing so fast is left
    short = low is not None and time / rate < 2 * 3.3 / min(max(0.25 * low, 2), low)
    return None if short else low, top, short


STEPS: dict[str, Callable[[Signal, Step], Done]] = {
    "pick": _done_in_blocks,
    "resample": _done_in_blocks,
    "ica": _without_components,
    "interpolate": _interpolated,
    "reference": _reference,
    "notch": _notch,
    "band-pass": _band_pass,
}


def half_length_s(low: float, top: float, rate: float) -> float:
    """Half the length of the filter of a band-pass."""
    nyquist = rate / 2
    bands = [min(max(0.25 * low, 2), low)] if low else []
    bands += [min(max(0.25 * top, 2), nyquist - top)] if top < nyquist - 1 else []
    return 3.3 / min(bands) / 2 if bands else 0.0


def raw_of(eeg: np.ndarray, names: tuple[str, ...], rate: float) -> RawArray:
    """EEG [time, channels] in µV as MNE's, with places on the scalp; channels keep their names."""
    import mne

    known = standard_names()
    info = mne.create_info([known.get(name.lower(), name) for name in names], rate, "eeg")
    raw = mne.io.RawArray(eeg.T.astype(np.float64) * 1e-6, info, verbose="error")
    raw.set_montage(montage(), match_case=False, on_missing="ignore", verbose="error")
    raw.rename_channels(dict(zip(raw.ch_names, names, strict=True)), verbose="error")
    return raw
