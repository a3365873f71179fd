"""From a raw recording to what a decoder sees, as a history of steps that can be saved and run again.

Linear steps may change places, so the resampling comes first, in blocks: an hour of 64 channels at 2 kHz never lies in
memory whole. Bad channels are found once; the history names them, so running it again gives the same array.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.eeg.channels import canonical, mastoids_of
from models.eeg.cleaning import REASONS, USUAL, Cleaning, faulty
from models.eeg.history import History
from models.eeg.recording import Recording
from models.eeg.resampling import columns_of, resampled
from models.eeg.signal_config import PreprocessingConfig
from models.eeg.steps import Signal, Step, done, half_length_s
from models.errors import UserError, shortened
from models.progress import Progress
from models.remarks import Remark

MOST_MISSING = 0.2  # share of channels that may be interpolated
MOST_NAN = 0.1  # share of a channel's samples that may be missing before the channel counts as bad
FLAT_UV = 0.05  # less movement than this, in µV, is none
LARGEST_STEP_UV = 1000.0  # a median of more between two samples is none of a brain
NOISY = 6.0  # robust standard deviations of the channels' log amplitude
NOTCH_ROOM_HZ = 1.0  # a notch lies at least so far below half the sample rate


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
    cleaning: Cleaning = USUAL,
    band: bool = True,
    progress: Progress | None = None,
) -> Prepared:
    """Pick, resample, clear of eyes and heart, mend, re-reference and filter a recording.

    channels: those wanted, in their order (such as a decoder's); up to a fifth of them may be lacking or bad and are then
    interpolated from their neighbours on the scalp. band: off leaves the band as it is, for signals that were filtered
    elsewhere. Raises UserError where too much is missing or the recording is too slow, Cancelled if asked to stop.
    """
    settings = (settings or PreprocessingConfig()).model_copy(update=cleaning.asked())
    wanted = tuple(channels) if channels is not None else recording.channel_names
    _check_rate(recording, settings)
    every = (*recording.channel_names, *recording.aside)
    common = reference_of(every, settings.reference, recording.path.name)
    aside = tuple(name for name in common if name in recording.aside)
    watched = (*recording.eyes, *recording.heart[:1]) if settings.ica else ()
    rate = settings.sample_rate
    progress = progress or Progress()
    reading = progress.part(0, 0.3) if settings.ica else progress
    eeg, beside, missing = resampled(recording, wanted, (*aside, *watched), rate, reading)
    signal = Signal(eeg, wanted, rate, beside, (*aside, *watched))
    reasons = _faults(recording, signal, missing, cleaning)
    _check_bad(recording, reasons, wanted)
    _check_reference(recording, common, wanted, reasons)
    remarks = [*recording.remarks, *_of_size(eeg, [name not in reasons for name in wanted])]
    steps: list[Step] = [
        {"step": "pick", "channels": list(wanted), "aside": list(aside)},
        {"step": "resample", "from_hz": recording.sample_rate, "to_hz": rate},
    ]
    if settings.ica:
        from models.eeg import ica

        good = [name for name in wanted if name not in reasons]
        marks = recording.annotations if cleaning.annotations is None else cleaning.annotations
        artefacts = ica.find(signal, good, recording.eyes, recording.heart[:1], marks, progress.part(0.3, 1))
        steps += [artefacts.step] if artefacts.step is not None else []
        remarks += artefacts.remarks
    if reasons:
        names = sorted(reasons)
        steps.append({"step": "interpolate", "channels": names, "reasons": [reasons[k] for k in names]})
        described = faulty({name: reasons[name] for name in names})
        remarks.append(Remark("Made up from their neighbours: {names}.", names=described))
    if (missing > 0).any():
        remarks.append(Remark("Samples that were no numbers were filled in from those beside them."))
    steps += _linear(settings, common, recording.sample_rate, band, remarks)
    return _applied(signal, History(tuple(steps), tuple(remarks)))


def _linear(
    settings: PreprocessingConfig, common: Sequence[str], given_hz: float, band: bool, remarks: list[Remark]
) -> list[Step]:
    """Reference, notches and band, as steps."""
    steps: list[Step] = []
    if settings.reference == "average":
        steps.append({"step": "reference", "to": "average", "channels": []})
    elif common:
        steps.append({"step": "reference", "to": "channels", "channels": list(common)})
    if settings.notch_hz:
        most = min(settings.sample_rate, given_hz) / 2 - NOTCH_ROOM_HZ
        notches = [float(hz) for hz in np.arange(settings.notch_hz, most, settings.notch_hz)]
        if notches:
            steps.append({"step": "notch", "hz": notches})
        else:
            remarks.append(
                Remark(
                    "No notch is needed at {hz:g} Hz: at {rate} samples a second nothing so fast is left.",
                    hz=settings.notch_hz,
                    rate=settings.sample_rate,
                )
            )
    if band:
        high = min(settings.top_hz, 0.45 * given_hz)
        steps.append({"step": "band-pass", "low_hz": settings.low_hz, "high_hz": high})
    return steps


def reference_of(every: Sequence[str], reference: str, title: str | Remark) -> tuple[str, ...]:
    """The channels whose mean is taken away; none for ``average`` and ``none``.

    every: the channels there are, in what is called `title`. reference: one of these two, ``mastoids``, or names with
    commas between. Raises UserError where they are lacking.
    """
    if reference in ("average", "none"):
        return ()
    if reference == "mastoids":
        pair = mastoids_of(every)
        if not pair:
            raise UserError(
                "{name} has no mastoids to refer to.",
                "It has none of the pairs M1 and M2, A1 and A2, TP9 and TP10.",
                "Choose another reference, or name the two channels.",
                name=title,
            )
        return pair
    known = {canonical(name).lower(): name for name in reversed(every)}
    known |= {name.lower(): name for name in every}
    asked = [name.strip() for name in reference.replace(";", ",").split(",") if name.strip()]
    channels = [known.get(name.lower(), known.get(canonical(name).lower(), "")) for name in asked]
    if not asked or not all(channels):
        raise UserError(
            "{name} has no channel {lacking} to refer to.",
            "Its channels are {channels}.",
            "Choose another reference.",
            name=title,
            lacking=", ".join(given for given, there in zip(asked, channels, strict=True) if not there)
            or "?",
            channels=", ".join(every[:12]) + (" …" if len(every) > 12 else ""),
        )
    return tuple(dict.fromkeys(channels))


def _faults(recording: Recording, signal: Signal, missing: np.ndarray, cleaning: Cleaning) -> dict[str, str]:
    """Channels that are bad: name → reason."""
    wanted = signal.names
    columns = columns_of(recording, wanted)
    at_fault = {canonical(name) for name in (*recording.marked_bad, *cleaning.bad)}
    marked = {name: "marked" for name in wanted if canonical(name) in at_fault}
    marked |= {name: "missing" for name, column in zip(wanted, columns, strict=True) if column < 0}
    marked |= {name: "not a number" for name, share in zip(wanted, missing, strict=True) if share > MOST_NAN}
    return marked | (bad_channels(signal.eeg, wanted, known=marked) if cleaning.find_bad else {})


def _check_reference(
    recording: Recording, common: Sequence[str], wanted: Sequence[str], reasons: dict[str, str]
) -> None:
    for name in common:
        if name in reasons:
            raise UserError(
                "The channel {channel} is bad, and all others were to refer to it.",
                "It is {reason}.",
                "Choose another reference for {name}.",
                channel=name,
                reason=REASONS[reasons[name]],
                name=recording.path.name,
            )
        if name not in wanted and name not in recording.aside:
            raise UserError(
                "The channel {channel} cannot be the reference.",
                "The decoder does not read it, and it is no channel beside the scalp.",
                "Choose another reference for {name}.",
                channel=name,
                name=recording.path.name,
            )


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
    rate, aside = int(by_name["resample"]["to_hz"]), tuple(by_name["pick"].get("aside", ()))
    _check_fits(history, wanted, aside, recording)
    eeg, beside, _ = resampled(recording, wanted, aside, rate, progress or Progress())
    try:
        return _applied(Signal(eeg, wanted, rate, beside, aside), history)
    except ValueError as error:  # a filter that does not fit the rate, say: MNE tells
        raise UserError(
            "The history cannot be run on {name}.",
            "{reason}.",
            "Preprocess the recording anew.",
            name=recording.path.name,
            reason=shortened(error).rstrip("."),
        ) from error


def _check_fits(history: History, wanted: Sequence[str], aside: Sequence[str], recording: Recording) -> None:
    """Raises UserError where a step names a channel that is not there."""
    needed = set(aside) - set(recording.aside)
    for step in history.steps:
        if step["step"] in ("ica", "reference"):
            needed |= set(step.get("channels", ())) - set(wanted) - set(aside)
    if needed:
        raise UserError(
            "The history is of another recording.",
            "{name} has no channel {lacking}.",
            "Choose the recording that it belongs to.",
            name=recording.path.name,
            lacking=", ".join(sorted(needed)[:8]),
        )


def _applied(signal: Signal, history: History) -> Prepared:
    remarks = list(history.remarks)
    for step in history.steps:
        signal, remark = done(signal, step)
        if remark is not None and str(remark) not in map(str, remarks):
            remarks.append(remark)
    eeg = np.ascontiguousarray(signal.eeg, np.float32)
    return Prepared(eeg, signal.rate, signal.names, History(history.steps, tuple(remarks)))


def reach_s(settings: PreprocessingConfig) -> float:
    """How far the filter of `preprocess` looks to either side."""
    return half_length_s(settings.low_hz, settings.top_hz, settings.sample_rate)


def reach_of(history: History) -> float:
    """How far the filters of a history look to either side, in s; 0 where it has none."""
    rates = [step["to_hz"] for step in history.steps if step["step"] == "resample"]
    bands = [step for step in history.steps if step["step"] == "band-pass"]
    return sum(half_length_s(step["low_hz"], step["high_hz"], rates[0]) for step in bands) if rates else 0.0


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
        described = faulty({name: reasons[name] for name in sorted(reasons)})
        raise UserError(
            "{name} has too few good channels.",
            "{count} of {all} are missing or bad: {bad}. Up to a fifth can be interpolated from their neighbours.",
            "Choose another recording, or a decoder for the channels that are there.",
            name=recording.path.name,
            count=len(reasons),
            all=len(wanted),
            bad=described[:8] + ((Remark("…"),) if len(described) > 8 else ()),
        )
