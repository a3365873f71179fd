"""From a raw recording to what a decoder sees, as a history of steps that can be saved and run again.

Linear steps may change places, so the resampling comes first, in blocks: an hour of 64 channels at 2 kHz never lies in
memory whole. Bad channels are found once; the history names them, so running it again gives the same array.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import soxr

from models.eeg.channels import canonical, montage, standard_names
from models.eeg.config import PreprocessingConfig
from models.eeg.history import History
from models.eeg.recording import Recording
from models.errors import UserError
from models.progress import Progress
from models.remarks import Remark

BLOCK_S = 30.0
MOST_MISSING = 0.2  # share of channels that may be interpolated
MOST_NAN = 0.1  # share of a channel's samples that may be missing before the channel counts as bad
FLAT_UV = 0.05  # less movement than this, in µV, is none
LARGEST_STEP_UV = 1000.0  # a median of more between two samples is none of a brain
NOISY = 6.0  # robust standard deviations of the channels' log amplitude


@dataclass(frozen=True)
class Prepared:
    """eeg: float32 [time, channels] in µV at `sample_rate`, no NaN. history: how it came about."""

    eeg: np.ndarray
    sample_rate: float
    channel_names: tuple[str, ...]
    history: History


def preprocess(
    recording: Recording,
    settings: PreprocessingConfig | None = None,
    channels: Sequence[str] | None = None,
    bad: Sequence[str] = (),
    find_bad: bool = True,
    band: bool = True,
    progress: Progress | None = None,
) -> Prepared:
    """Pick, resample, mend, re-reference and filter a recording.

    channels: those wanted, in their order (such as a decoder's); up to a fifth of them may be lacking or bad and are then
    interpolated from their neighbours on the scalp. bad: channels marked by hand, beside those the file marks.
    band: off leaves reference and band as they are, for signals that were preprocessed elsewhere.
    Raises UserError where too much is missing or the recording is too slow, Cancelled if asked to stop.
    """
    settings = settings or PreprocessingConfig()
    wanted = tuple(channels) if channels is not None else recording.channel_names
    steps: list[dict[str, Any]] = [{"step": "pick", "channels": list(wanted)}]
    _check_rate(recording, settings)
    steps.append({"step": "resample", "from_hz": recording.sample_rate, "to_hz": settings.sample_rate})
    eeg, missing = _resampled(recording, wanted, settings.sample_rate, progress or Progress())
    columns = columns_of(recording, wanted)
    at_fault = {canonical(name) for name in (*recording.marked_bad, *bad)}
    marked = {name: "marked" for name in wanted if canonical(name) in at_fault}
    marked |= {name: "missing" for name, column in zip(wanted, columns, strict=True) if column < 0}
    marked |= {name: "not a number" for name, share in zip(wanted, missing, strict=True) if share > MOST_NAN}
    reasons = marked | (bad_channels(eeg, wanted, known=marked) if find_bad else {})
    _check_bad(recording, reasons, wanted)
    if reasons:
        steps.append(
            {
                "step": "interpolate",
                "channels": sorted(reasons),
                "reasons": [reasons[k] for k in sorted(reasons)],
            }
        )
    if band:
        steps.append({"step": "reference", "to": "average"})
        steps.append(
            {
                "step": "band-pass",
                "low_hz": settings.low_hz,
                "high_hz": min(settings.top_hz, 0.45 * recording.sample_rate),
            }
        )
    remarks = [*recording.remarks, *_of_size(eeg, [name not in reasons for name in wanted])]
    if reasons:
        told = (f"{name} ({reasons[name]})" for name in sorted(reasons))
        remarks.append(Remark("Made up from their neighbours: {names}.", names=", ".join(told)))
    if (missing > 0).any():
        remarks.append(Remark("Samples that were no numbers were filled in from those beside them."))
    return _applied(eeg, wanted, settings.sample_rate, History(tuple(steps), tuple(remarks)))


def _of_size(eeg: np.ndarray, good: Sequence[bool]) -> list[Remark]:
    """What is to be said where channels move by more from sample to sample than any EEG does."""
    steps = np.diff(eeg[:, np.flatnonzero(good)], axis=0)
    moved = float(np.median(np.abs(steps))) if steps.size else 0.0
    if moved < LARGEST_STEP_UV:
        return []
    return [
        Remark(
            "From sample to sample it moves by {moved:.3g} µV, which no EEG does: its unit may not be the one it names.",
            moved=moved,
        )
    ]


def replay(recording: Recording, history: History, progress: Progress | None = None) -> Prepared:
    """Do the steps of a saved history again."""
    by_name = {step["step"]: step for step in history.steps}
    if "pick" not in by_name or "resample" not in by_name:
        raise UserError(
            "The history is not complete.",
            "It does not say which channels were picked.",
            "Preprocess the recording anew.",
        )
    wanted = tuple(by_name["pick"]["channels"])
    if abs(by_name["resample"]["from_hz"] - recording.sample_rate) > 1e-6:
        raise UserError(
            "The history is of another recording.",
            "That was at {theirs} Hz, and {name} is at {ours} Hz.",
            "Choose the recording that it belongs to.",
            theirs=by_name["resample"]["from_hz"],
            ours=recording.sample_rate,
            name=recording.path.name,
        )
    rate = int(by_name["resample"]["to_hz"])
    eeg, _ = _resampled(recording, wanted, rate, progress or Progress())
    return _applied(eeg, wanted, rate, history)


def _applied(eeg: np.ndarray, names: tuple[str, ...], rate: int, history: History) -> Prepared:
    remarks = list(history.remarks)
    for step in history.steps:
        eeg, remark = STEPS[step["step"]](eeg, names, rate, step)
        if remark is not None and str(remark) not in map(str, remarks):
            remarks.append(remark)
    return Prepared(
        np.ascontiguousarray(eeg, np.float32), rate, names, History(history.steps, tuple(remarks))
    )


def _done_in_blocks(eeg: np.ndarray, *_: Any) -> tuple[np.ndarray, Remark | None]:
    return eeg, None  # picking and resampling are done while the file is read


def interpolated(
    eeg: np.ndarray, names: tuple[str, ...], rate: int, step: dict[str, Any]
) -> tuple[np.ndarray, Remark | None]:
    """From the neighbours by spherical splines; silenced where the places on the scalp are not known."""
    bad = [name for name in step["channels"] if name in names]
    known = standard_names()
    eeg = eeg.copy()
    columns = [names.index(name) for name in bad]
    if any(known.get(name.lower()) is None for name in names):
        eeg[:, columns] = 0
        return eeg, Remark("Bad channels were silenced: where they lie on the scalp is not known.")
    raw = _raw(eeg, names, rate)
    raw.info["bads"] = bad
    raw.interpolate_bads(reset_bads=True, verbose="error")
    eeg[:, columns] = (raw.get_data(columns) * 1e6).T
    return eeg, None


def _reference(eeg: np.ndarray, *_: Any) -> tuple[np.ndarray, Remark | None]:
    return eeg - eeg.mean(axis=1, keepdims=True), None


def _band_pass(
    eeg: np.ndarray, names: tuple[str, ...], rate: int, step: dict[str, Any]
) -> tuple[np.ndarray, Remark | None]:
    """MNE's zero-phase FIR filter. Of a recording too short for the high-pass, only the mean is removed."""
    import mne

    low, high = step["low_hz"] or None, step["high_hz"]
    remark = None
    if low and len(eeg) / rate < 2 * 3.3 / min(max(0.25 * low, 2), low):
        low = None
        remark = Remark("The recording is too short for the high-pass; only its mean was removed.")
        eeg = eeg - eeg.mean(axis=0)
    top = None if high >= 0.5 * rate - 1 else high
    if low is None and top is None:
        return eeg, remark
    filtered = mne.filter.filter_data(eeg.T.astype(np.float64), rate, low, top, verbose="error")
    return filtered.T.astype(np.float32), remark


def reach_s(settings: PreprocessingConfig) -> float:
    """How far the filter of `preprocess` looks to either side."""
    return _reach_s(settings.low_hz, settings.top_hz, settings.sample_rate)


def reach_of(history: History) -> float:
    """How far the filters of a history look to either side, in s; 0 where it has none."""
    rates = [step["to_hz"] for step in history.steps if step["step"] == "resample"]
    bands = [step for step in history.steps if step["step"] == "band-pass"]
    return sum(_reach_s(step["low_hz"], step["high_hz"], rates[0]) for step in bands) if rates else 0.0


def _reach_s(low: float, top: float, rate: float) -> float:
    """Half the length of the filter of `_band_pass`."""
    nyquist = rate / 2
    bands = [min(max(0.25 * low, 2), low)] if low else []
    bands += [min(max(0.25 * top, 2), nyquist - top)] if top < nyquist - 1 else []
    return 3.3 / min(bands) / 2 if bands else 0.0


STEPS: dict[str, Any] = {
    "pick": _done_in_blocks,
    "resample": _done_in_blocks,
    "interpolate": interpolated,
    "reference": _reference,
    "band-pass": _band_pass,
}


def columns_of(recording: Recording, wanted: Sequence[str]) -> list[int]:
    """Where each wanted channel stands in the recording, by its place on the scalp; −1 for those it lacks."""
    there = {canonical(name): number for number, name in enumerate(recording.channel_names)}
    there |= {name: number for number, name in enumerate(recording.channel_names)}
    return [there.get(name, there.get(canonical(name), -1)) for name in wanted]


def _resampled(
    recording: Recording, wanted: tuple[str, ...], rate: int, progress: Progress
) -> tuple[np.ndarray, np.ndarray]:
    """(eeg [time, wanted], share of samples of each that were no numbers), read and resampled in blocks."""
    columns = columns_of(recording, wanted)
    have = np.array([column >= 0 for column in columns])
    if not have.any():
        raise UserError(
            "{name} has none of the channels that are needed.",
            "Its channels are {channels}.",
            "Choose another recording, or name its channels as in the 10-20 system.",
            name=recording.path.name,
            channels=", ".join(recording.channel_names[:12]),
        )
    source = [column for column in columns if column >= 0]
    stream = None
    if recording.sample_rate != rate:
        stream = soxr.ResampleStream(recording.sample_rate, rate, len(source), dtype="float32", quality="HQ")
    size = max(1, round(BLOCK_S * recording.sample_rate))
    parts, missing = [], np.zeros(len(source))
    offset, last = None, np.zeros(len(source), np.float32)
    for first in range(0, recording.time, size):
        progress.update(first, recording.time, "Reading {name}", name=recording.path.name)
        block = recording.read_samples(first, min(recording.time, first + size))[:, source]
        block, lacking = _filled(block, last)
        missing += lacking
        last = block[-1]
        if offset is None:  # BioSemi's electrodes stand at tens of millivolts, which float32 need not carry
            offset = np.median(block, axis=0)
        block = np.ascontiguousarray(block - offset, np.float32)
        parts.append(block if stream is None else stream.resample_chunk(block))
    if stream is not None:
        parts.append(stream.resample_chunk(np.zeros((0, len(source)), np.float32), last=True))
    time = round(recording.time * rate / recording.sample_rate)
    joined = np.concatenate(parts)[:time]
    eeg = np.zeros((len(joined), len(wanted)), np.float32)
    eeg[:, have] = joined
    shares = np.zeros(len(wanted))
    shares[have] = missing / recording.time
    return eeg, shares


def _filled(block: np.ndarray, before: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(block without NaN: straight lines across the gaps, how many were filled a channel)."""
    wrong = ~np.isfinite(block)
    count = wrong.sum(axis=0)
    if not count.any():
        return block, count
    block = block.copy()
    index = np.arange(len(block))
    for column in np.flatnonzero(count):
        good = ~wrong[:, column]
        if good.any():
            block[~good, column] = np.interp(index[~good], index[good], block[good, column])
        else:
            block[:, column] = before[column]
    return block, count


def bad_channels(
    eeg: np.ndarray, names: Sequence[str], known: dict[str, str] | None = None
) -> dict[str, str]:
    """Channels that are flat or much noisier than the others: name → reason. eeg: [time, channels] in µV."""
    known = known or {}
    low, high = np.percentile(eeg, [25, 75], axis=0)  # a few artefacts do not make a channel bad
    spread = (high - low) / 1.349
    result = {}
    usable = np.array([name not in known for name in names]) & (spread > FLAT_UV)
    logs = np.log(spread[usable])
    middle = np.median(logs) if len(logs) else 0.0
    scale = max(0.15, 1.4826 * float(np.median(np.abs(logs - middle)))) if len(logs) else 1.0
    for number, name in enumerate(names):
        if name in known:
            continue
        if spread[number] <= FLAT_UV:
            result[name] = "flat"
        elif (np.log(spread[number]) - middle) / scale > NOISY:
            result[name] = "noisy"
    return result


def standardised(
    eeg: np.ndarray, clip_sd: float, statistics: tuple[np.ndarray, np.ndarray] | None = None
) -> np.ndarray:
    """float32 [time, channels] with mean 0 and sd 1 a channel by `statistics` (its own if none), cut at ±`clip_sd`."""
    mean, sd = statistics if statistics is not None else robust_statistics(eeg, clip_sd)
    scaled = (eeg - mean) / sd
    if clip_sd:
        np.clip(scaled, -clip_sd, clip_sd, out=scaled)
    return scaled.astype(np.float32, copy=False)


def robust_statistics(eeg: np.ndarray, clip_sd: float) -> tuple[np.ndarray, np.ndarray]:
    """(mean, sd) [channels] each, of what lies within `clip_sd` robust standard deviations of the median."""
    eeg = np.asarray(eeg, np.float64)
    if clip_sd:
        low, middle, high = np.percentile(eeg, [25, 50, 75], axis=0)
        reach = clip_sd * np.maximum((high - low) / 1.349, 1e-6)
        eeg = np.clip(eeg, middle - reach, middle + reach)
    sd = eeg.std(axis=0)
    return eeg.mean(axis=0), np.where(sd > 1e-6, sd, 1.0)


def _raw(eeg: np.ndarray, names: tuple[str, ...], rate: float) -> Any:
    import mne

    info = mne.create_info([standard_names().get(name.lower(), name) for name in names], rate, "eeg")
    raw = mne.io.RawArray(eeg.T.astype(np.float64) * 1e-6, info, verbose="error")
    raw.set_montage(montage(), match_case=False, verbose="error")
    mapping = dict(zip(raw.ch_names, names, strict=True))
    raw.rename_channels(mapping, verbose="error")
    return raw


def _check_rate(recording: Recording, settings: PreprocessingConfig) -> None:
    if recording.sample_rate < 0.5 * settings.sample_rate:
        raise UserError(
            "{name} is too slow for the decoder.",
            "It has {rate:g} samples a second, and {wanted} are needed.",
            "Export it at its original rate.",
            name=recording.path.name,
            rate=recording.sample_rate,
            wanted=settings.sample_rate,
        )


def _check_bad(recording: Recording, reasons: dict[str, str], wanted: tuple[str, ...]) -> None:
    if len(reasons) > MOST_MISSING * len(wanted):
        told = [f"{name} ({reasons[name]})" for name in sorted(reasons)]
        raise UserError(
            "{name} has too few good channels.",
            "{count} of {all} are missing or bad: {bad}. Up to a fifth can be interpolated from their neighbours.",
            "Choose another recording, or a decoder for the channels that are there.",
            name=recording.path.name,
            count=len(reasons),
            all=len(wanted),
            bad=", ".join(told[:8]) + (" …" if len(told) > 8 else ""),
        )
