"""Opening XDF, the recordings of the lab streaming layer: the stream of EEG in them, as a recording."""

from __future__ import annotations

from pathlib import Path
from typing import TypedDict

import numpy as np

from models import file_names, files
from models.eeg.channels import default_names, placed
from models.eeg.recording import Annotation, Recording, damaged, empty
from models.errors import UserError, shortened
from models.remarks import Remark

UNITS = {"volts": 1e6, "volt": 1e6, "v": 1e6, "millivolts": 1e3, "mv": 1e3, "nanovolts": 1e-3, "nv": 1e-3}
LEAST_HZ = 16.0
BREAK_S = 0.5  # without a sample


class Stream(TypedDict):
    """What pyxdf gives of one: its header as XML became, values [time, channels], times [time] in s."""

    info: dict[str, list[dict[str, list[dict[str, list[dict[str, list[str]]]]]]]]
    time_series: np.ndarray
    time_stamps: np.ndarray


def open_xdf(path: Path) -> Recording:
    """Its stream of the type EEG, or else the one with the most channels. Raises UserError."""
    import pyxdf

    if files.check_regular(path).st_size == 0:
        raise empty(path)
    try:
        streams, _ = pyxdf.load_xdf(path, synchronize_clocks=True, dejitter_timestamps=True, verbose=False)
    except Exception as error:  # pyxdf raises whatever a broken file makes it stumble over
        raise damaged(path, error) from error
    fitting = [
        stream for stream in streams if _rate(stream) >= LEAST_HZ and np.ndim(stream["time_series"]) == 2
    ]
    brains = [stream for stream in fitting if _text(stream, "type").lower() == "eeg"]
    others = [stream for stream in fitting if _text(stream, "type").lower() != "audio"]
    if not brains and not others:
        raise UserError(
            "{name} holds no stream of EEG.",
            "Its streams are {streams}.",
            "Choose another recording.",
            name=file_names.shown(path.name),
            streams=shortened(", ".join(_text(stream, "name") for stream in streams)) or "none",
        )
    widest = max(brains or others, key=lambda stream: np.shape(stream["time_series"])[1])
    return _recording(path, widest, streams)


def _recording(path: Path, stream: Stream, streams: list[Stream]) -> Recording:
    count = len(streams)
    values = np.asarray(stream["time_series"], np.float32)
    if not len(values):
        raise empty(path)
    described = _described(stream)
    labels = [label for label, _ in described] if len(described) == values.shape[1] else []
    remarks = [Remark("Of {count} streams, {name} was read.", count=count, name=_text(stream, "name"))]
    if labels and all(labels) and len(set(labels)) == len(labels):
        scale = np.array([UNITS.get(unit.lower(), 1.0) for _, unit in described], np.float32)
        names, used, placement_remarks = placed(labels)
        keep = np.flatnonzero(used) if sum(used) >= 4 else np.arange(len(names))
        remarks += placement_remarks if sum(used) >= 4 else []
        values, chosen = (values * scale)[:, keep], tuple(names[number] for number in keep)
    else:
        chosen = default_names(values.shape[1])
        remarks.append(Remark("Channels are not named; they are called E1, E2 and so on."))
    times = np.asarray(stream["time_stamps"], float)
    breaks = int((np.diff(times) > BREAK_S).sum())
    if breaks:
        remarks.append(
            Remark("The stream broke off {count} times; what follows is joined to it.", count=breaks)
        )
    return Recording(
        path,
        chosen,
        _rate(stream),
        len(values),
        lambda first, last: values[first:last],
        remarks=tuple(remarks),
        stored=values,
        annotations=_markers(streams, float(times[0])),
    )


def _markers(streams: list[Stream], begin_s: float) -> tuple[Annotation, ...]:
    """Of every stream whose samples are texts, as moments after the first sample of the EEG."""
    result: list[Annotation] = []
    for stream in streams:
        values = stream["time_series"]
        if not isinstance(values, list):
            continue
        for at, texts in zip(np.asarray(stream["time_stamps"], float), values, strict=False):
            said = " ".join(str(text) for text in texts) if isinstance(texts, list | tuple) else str(texts)
            result.append(Annotation(float(at) - begin_s, 0.0, said))
    return tuple(sorted(result, key=lambda mark: mark.onset_s))


def _rate(stream: Stream) -> float:
    try:
        return float(_text(stream, "nominal_srate"))
    except ValueError:
        return 0.0


def _text(stream: Stream, key: str) -> str:
    value = stream["info"].get(key)
    return str(value[0]) if value and value[0] is not None else ""


def _described(stream: Stream) -> list[tuple[str, str]]:
    """(label, unit) of each channel, as far as the header says."""
    try:
        channels = stream["info"]["desc"][0]["channels"][0]["channel"]
        return [
            (str((channel.get("label") or [""])[0] or ""), str((channel.get("unit") or [""])[0] or ""))
            for channel in channels
        ]
    except (KeyError, IndexError, TypeError, AttributeError):
        return []
