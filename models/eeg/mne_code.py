"""A history of preprocessing as a script of MNE's own calls, to be copied into an analysis that goes on from there.

The script's `raw` and what Polyphony made of the recording differ by less than a hundredth of its standard deviation,
but for the first and last seconds, where MNE resamples with other edges.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from models import file_names
from models.eeg.channels import montage_name, standard_names
from models.eeg.history import History
from models.eeg.packed import PACKED
from models.eeg.recording import Recording
from models.eeg.resampling import BLOCK_S, columns_of
from models.eeg.steps import Step, bounds
from models.errors import UserError

READERS = {".rec": "read_raw_edf"}  # of endings that MNE's `read_raw` does not know
WIDE = 100  # of a line


def script(recording: Recording, history: History) -> str:
    """Python text; its result is called ``raw``. Raises UserError for files that neither MNE nor NumPy opens."""
    step = {item["step"]: item for item in history.steps}
    if "pick" not in step:
        raise UserError(
            "The history is not complete.",
            "It does not say which channels were picked.",
            "Preprocess the recording anew.",
        )
    lines = _opened(recording)
    lines += _picked(recording, step["pick"])
    time = round(recording.time * step["resample"]["to_hz"] / recording.sample_rate)
    for item in history.steps:
        lines += MAKERS[item["step"]](item, step["pick"]["channels"], time, step["resample"]["to_hz"])
    if step["pick"].get("aside"):
        lines.append(f"raw.drop_channels({_names(step['pick']['aside'])})")
    text = "\n".join(lines)
    numpy = "import numpy as np\n" if "np." in text else ""
    packed = "import gzip\nimport shutil\n\n" if "gzip." in text else ""
    title = file_names.shown(recording.path.name).replace('"', "'").replace("\\", "/")
    return f'"""{title}, preprocessed. The result is `raw`, in volts."""\n\n{packed}import mne\n{numpy}\n{text}\n'


def _opened(recording: Recording) -> list[str]:
    path = str(recording.path)
    if recording.in_mne and path.lower().endswith(PACKED):
        unpacked = recording.path.name[: -len(".gz")]
        return [
            f'with gzip.open({path!r}) as packed, open({unpacked!r}, "wb") as file:',
            "    shutil.copyfileobj(packed, file)",
            f"raw = mne.io.read_raw({unpacked!r}, preload=True)",
        ]
    if recording.in_mne:
        reader = READERS.get(recording.path.suffix.lower(), "read_raw")
        return [f"raw = mne.io.{reader}({path!r}, preload=True)"]
    if recording.in_numpy:
        return [
            f"eeg = np.load({path!r}){recording.in_numpy} * {recording.step!r}  # [time, channels] in µV",
            f"names = {_names(recording.channel_names)}",
            f'info = mne.create_info(names, {recording.sample_rate!r}, "eeg")',
            "raw = mne.io.RawArray(eeg.T * 1e-6, info)",
        ]
    raise UserError(
        "{name} has no script for MNE.",
        "MNE does not open such a file by itself.",
        "Save it as EDF, BrainVision or FIF, or keep the history as JSON.",
        name=file_names.shown(Path(path).name),
    )


def _picked(recording: Recording, pick: Step) -> list[str]:
    """The channels under the names of today, in their order, those that are lacking as zeros."""
    wanted, aside = list(pick["channels"]), list(pick.get("aside", ()))
    numbers = columns_of(recording, wanted)
    named = recording.in_mne or tuple((name, 1.0) for name in recording.channel_names)
    each = [(named[number], name) for number, name in zip(numbers, wanted, strict=True) if number >= 0]
    beside = dict(zip(recording.aside, named[len(recording.channel_names) :], strict=False))
    each += [(beside[name], name) for name in aside]
    lines = [f"raw.pick({_names([theirs for (theirs, _), _ in each])})"]
    renamed = {theirs: ours for (theirs, _), ours in each if theirs != ours}
    if renamed:
        lines.append(f"raw.rename_channels({renamed!r})")
    for factor in sorted({factor for (_, factor), _ in each if factor != 1.0}):
        scaled = [ours for (_, scale), ours in each if scale == factor]
        lines.append(f"raw.apply_function(lambda x: {factor!r} * x, picks={_names(scaled)})")
    lacking = [name for number, name in zip(numbers, wanted, strict=True) if number < 0]
    if lacking:
        lines += [
            f"lacking = {_names(lacking)}",
            'info = mne.create_info(lacking, raw.info["sfreq"], "eeg")',
            "raw.add_channels([mne.io.RawArray(np.zeros((len(lacking), raw.n_times)), info)],"
            " force_update_info=True)",
        ]
    lines.append(f"raw.reorder_channels({_names([*wanted, *aside])})")
    if aside:
        kinds = dict.fromkeys(aside, "misc")
        lines.append(f'raw.set_channel_types({kinds!r}, on_unit_change="ignore")')
    return lines


def _nothing(_step: Step, _names: Sequence[str], _time: int, _rate: int) -> list[str]:
    return []


def _resample(step: Step, _names: Sequence[str], _time: int, _rate: int) -> list[str]:
    return [] if step["from_hz"] == step["to_hz"] else [f"raw.resample({step['to_hz']})"]


def _ica(step: Step, _all: Sequence[str], _time: int, _rate: int) -> list[str]:
    return [
        f"# Components of an ICA that go with: {', '.join(step['found'])}. What each puts into the channels,",
        "# and how it is computed from them; so nothing has to be fitted again.",
        f"channels = {_names(step['channels'])}",
        f"patterns = np.array({step['patterns']!r})",
        f"filters = np.array({step['filters']!r})",
        "raw.apply_function(",
        "    lambda x: x - patterns.T @ (filters @ (x - x.mean(axis=1, keepdims=True))),",
        "    picks=channels, channel_wise=False,",
        ")",
    ]


def _interpolate(step: Step, names: Sequence[str], _time: int, _rate: int) -> list[str]:
    known = standard_names()
    bad = [name for name in step["channels"] if name in names]
    if any(known.get(name.lower()) is None for name in names):
        return [f"raw.apply_function(lambda x: 0 * x, picks={_names(bad)})  # their places are not known"]
    return [
        f"raw.set_montage({montage_name()!r}, match_case=False)",
        f'raw.info["bads"] = {_names(bad)}',
        "raw.interpolate_bads()",
    ]


def _reference(step: Step, names: Sequence[str], _time: int, _rate: int) -> list[str]:
    if step["to"] == "average":
        return ['raw.set_eeg_reference("average")']
    return [f"raw.set_eeg_reference({_names(step['channels'])})"]


def _notch(step: Step, _names: Sequence[str], _time: int, _rate: int) -> list[str]:
    return [f"raw.notch_filter({step['hz']!r})"]


def _band_pass(step: Step, _names: Sequence[str], time: int, rate: int) -> list[str]:
    low, top, mean = bounds(step, time, rate)
    lines = ["raw.apply_function(lambda x: x - x.mean())"] if mean else []
    if low is None and not mean:
        begin = round(BLOCK_S * rate)
        lines.append(f"raw.apply_function(lambda x: x - np.median(x[:{begin}]))  # the electrodes' offset")
    if low is not None or top is not None:
        lines.append(f"raw.filter({low!r}, {top!r}, skip_by_annotation=())")
    return lines


MAKERS: dict[str, Callable[[Step, Sequence[str], int, int], list[str]]] = {
    "pick": _nothing,
    "resample": _resample,
    "ica": _ica,
    "interpolate": _interpolate,
    "reference": _reference,
    "notch": _notch,
    "band-pass": _band_pass,
}


def _names(names: Sequence[str]) -> str:
    """A list of names, broken into lines where it is long."""
    text = repr(list(names))
    if len(text) <= WIDE:
        return text
    lines, line = [], "   "
    for name in names:
        if len(line) + len(repr(name)) + 2 > WIDE:
            lines.append(line)
            line = "   "
        line += f" {name!r},"
    return "\n".join(["[", *lines, line, "]"])
