"""What the header of an EDF or BDF file claims, held against the file: records that are missing, pauses, units.

The layout: Kemp et al. 1992 (EDF), Kemp & Olivan 2003 (EDF+), BioSemi (BDF, 24 bits). MNE reads the numbers; it says
nothing of records that are not there or of pauses between them, and knows µV in Latin-1 only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from models import files
from models.eeg.channels import plain, standard_names
from models.errors import shortened
from models.remarks import Remark

MOST_CHANNELS = 4096
MOST_RECORDS = 5_000_000
LARGEST_RECORD = 256 * 2**20  # bytes
_PREFIXES = {
    "": 1.0,
    "m": 1e-3,
    "milli": 1e-3,
    "n": 1e-9,
    "nano": 1e-9,
    "u": 1e-6,
    "µ": 1e-6,
    "μ": 1e-6,
    "micro": 1e-6,
}
_VOLTS = {f"{prefix}{word}": value for prefix, value in _PREFIXES.items() for word in ("v", "volt", "volts")}
_MNE_VOLTS = {"\u03bcV": 1e-6, "\u00b5V": 1e-6, "\x83\xcaV": 1e-6, "uV": 1e-6, "mV": 1e-3}
_ANNOTATIONS = ("edf annotations", "bdf annotations")


@dataclass(frozen=True)
class Header:
    """labels: of all signals, without those of annotations. scales: what MNE's volts of a signal are to be multiplied
    by. remarks: what the file says wrongly, and what was made of it."""

    labels: tuple[str, ...]
    scales: tuple[float, ...]
    remarks: tuple[Remark, ...]


def read_header(path: Path, kind: str) -> Header:
    """The checked header of an ``edf`` or ``bdf`` file. Raises UserError where it cannot be one."""
    size, width = files.check_regular(path).st_size, 3 if kind == "bdf" else 2
    with files.opened(path) as file:
        head = file.read(256)
        try:
            header_bytes, claimed, count = (int(head[a:b]) for a, b in ((184, 192), (236, 244), (252, 256)))
            record_s = float(head[244:252])
            if not 1 <= count <= MOST_CHANNELS or header_bytes != 256 * (count + 1) or size < header_bytes:
                raise ValueError
            fields = _fields(file.read(256 * count), count)
            samples = [int(field) for field in fields["samples"]]
            ranges = [
                float(b.replace(b",", b".")) - float(a.replace(b",", b"."))
                for a, b in zip(fields["minimum"], fields["maximum"], strict=True)
            ]
        except (ValueError, OverflowError) as error:
            raise files.damaged(path, "its header is damaged") from error
        _check_clock(path, head[168:184])
        record = width * sum(samples)
        if min(samples) < 0 or not 0 < record <= LARGEST_RECORD or not 0 <= record_s < 1e6:
            raise files.damaged(path, "its header is damaged")
        there = (size - header_bytes) // record
        if there > MOST_RECORDS:
            raise files.damaged(path, "its header is damaged")
        remarks = _of_length(claimed, there, record_s)
        labels = [_text(field) for field in fields["labels"]]
        notes = [i for i, name in enumerate(labels) if name.lower() in _ANNOTATIONS]
        if notes and record_s and there > 1:
            place = header_bytes + width * sum(samples[: notes[0]])
            remarks += _pauses(file, place, record, width * samples[notes[0]], there, record_s)
    if not record_s:
        remarks.append(Remark("It does not say how long its records last; one second was assumed."))
    kept = [i for i in range(count) if i not in notes]
    scales, guessed = [], []
    for i in kept:
        on_scalp = plain(labels[i]) in standard_names()
        scale, sure = _scale(fields["units"][i], abs(ranges[i]), on_scalp)
        scales.append(scale)
        if not sure:
            guessed.append(labels[i])
    if guessed:
        remarks.append(
            Remark(
                "The unit of {count} channels is not known ({names}); µV were assumed.",
                count=len(guessed),
                names=shortened(", ".join(guessed), 80),
            )
        )
    return Header(tuple(labels[i] for i in kept), tuple(scales), tuple(remarks))


def _fields(data: bytes, count: int) -> dict[str, list[bytes]]:
    sizes = {
        "labels": 16,
        "transducers": 80,
        "units": 8,
        "minimum": 8,
        "maximum": 8,
        "low": 8,
        "high": 8,
        "filters": 80,
        "samples": 8,
        "reserved": 32,
    }
    result, place = {}, 0
    for name, size in sizes.items():
        result[name] = [data[place + i * size : place + (i + 1) * size] for i in range(count)]
        place += size * count
    return result


def _text(field: bytes) -> str:
    return field.strip().decode("latin-1").split("\x00")[0]


def _of_length(claimed: int, there: int, record_s: float) -> list[Remark]:
    if claimed > there:
        return [
            Remark(
                "It breaks off: {there:.1f} s of {claimed:.1f} s are there.",
                there=there * record_s,
                claimed=claimed * record_s,
            )
        ]
    if 0 <= claimed < there:
        return [
            Remark(
                "Its header names {claimed} records, and {there} are there; all were read.",
                claimed=claimed,
                there=there,
            )
        ]
    return []


def _pauses(file: object, place: int, record: int, length: int, count: int, record_s: float) -> list[Remark]:
    """What the onset of each record, its first annotation, says of time that is missing between them."""
    expected, pauses, missing, first = None, 0, 0.0, 0.0
    for number in range(count):
        file.seek(place + number * record)  # type: ignore[attr-defined]
        match = re.match(rb"([+-]\d+(?:\.\d*)?)\x14", file.read(min(length, 64)))  # type: ignore[attr-defined]
        if match is None:
            expected = None
            continue
        onset = float(match[1])
        if expected is not None and abs(onset - expected) > 0.02 * record_s + 1e-3:
            pauses += 1
            missing += onset - expected
            first = first if pauses > 1 else number * record_s
        expected = onset + record_s
    if not pauses:
        return []
    if missing < 0:
        return [
            Remark(
                "The times of its records run back, at {first:.1f} s and {others} times more; they were joined as they stand.",
                first=first,
                others=pauses - 1,
            )
        ]
    return [
        Remark(
            "The recording has gaps: at {first:.1f} s and {others} times more it was interrupted, {missing:.1f} s are missing in"
            " all. What is there was joined and no longer fits one sound.",
            first=first,
            others=pauses - 1,
            missing=missing,
        )
    ]


def _check_clock(path: Path, field: bytes) -> None:
    """Raises UserError for a date with a time that cannot be: MNE stumbles over it."""
    match = re.fullmatch(rb"\d\d\.\d\d\.\d\d(\d\d)\.(\d\d)\.(\d\d)", field)
    if match and (int(match[1]) > 23 or int(match[2]) > 59 or int(match[3]) > 59):
        raise files.damaged(path, "the time in its header cannot be")


def _scale(unit: bytes, reach: float, on_scalp: bool) -> tuple[float, bool]:
    """(what MNE's values are to be multiplied by to be volts, whether the unit is known)."""
    stripped = unit.strip(b" \x00")
    as_mne = _MNE_VOLTS.get(stripped.decode("latin-1"), 1.0)
    for encoding in ("utf-8", "latin-1", "shift_jis"):
        try:
            name = stripped.decode(encoding).lower()
        except UnicodeDecodeError:
            continue
        if name in _VOLTS:
            return _VOLTS[name] / as_mne, True
    if stripped and not on_scalp:  # degrees, per cent, events: no EEG
        return 1.0, True
    # Without a unit that is known: nothing on a scalp spans a volt.
    return (1e-6 / as_mne, False) if reach > 1 else (1.0, not stripped)
