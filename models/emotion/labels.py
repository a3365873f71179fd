"""Recognised recordings as labels that other programs read: a table, Audacity's labels, lines as in RTTM, ELAN's annotations.

Which one it is goes by the file's ending: ``.csv``, ``.txt``, ``.rttm``, ``.eaf``. Needs no torch.
"""

from __future__ import annotations

import mimetypes
import time
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from models.datafiles import write_whole
from models.emotion.file_prediction import FilePrediction
from models.emotion.session import SessionLog
from models.errors import UserError
from models.tables import write_csv

By = Literal["window", "sentence"]
ENDINGS = {".csv": "CSV", ".txt": "Audacity", ".rttm": "RTTM", ".eaf": "ELAN"}
NOTHING = "<NA>"  # RTTM's word for an empty field


@dataclass(frozen=True)
class Spoken:
    """A stretch of a recording in seconds, its word, and how certain it is; NaN of a model without classes."""

    start_s: float
    end_s: float
    label: str
    certainty: float


@dataclass(frozen=True)
class Voice:
    """What one speaker says in a recording. name: of the speaker; empty where it is the recording's only one."""

    recording: Path
    name: str
    stretches: tuple[Spoken, ...]


def voice_of(prediction: FilePrediction, by: By = "window", name: str = "") -> Voice:
    """The stretches of a recording that have a word: sentences, or windows of which equal neighbours are one."""
    if by == "sentence":
        sentences = [
            Spoken(start, end, label, _certainty(probabilities[None]))
            for start, end, label, probabilities, _dimensions in prediction.by_sentence()
        ]
        return Voice(prediction.path, name, tuple(sentences))
    log = SessionLog()
    starts, ends = prediction.edges()
    for start, end, label in zip(starts, ends, prediction.window_labels(), strict=True):
        log.add(float(start), float(end), label)
    middles = (starts + ends) / 2
    spoken = []
    for stretch in log.stretches:
        if stretch.label is not None:
            inside = (middles >= stretch.start_s) & (middles <= stretch.end_s)
            certainty = _certainty(prediction.probabilities[inside])
            spoken.append(Spoken(stretch.start_s, stretch.end_s, stretch.label, certainty))
    return Voice(prediction.path, name, tuple(spoken))


def _certainty(probabilities: np.ndarray) -> float:
    """The mean of the largest of each row of float [n, classes]; NaN without classes."""
    return float(probabilities.max(axis=1).mean()) if probabilities.shape[1] else float("nan")


def write(
    out: Path,
    predictions: Sequence[FilePrediction],
    labels: Sequence[str],
    by: By = "window",
    dimensions: Sequence[str] = (),
) -> None:
    """Recordings in the format that the ending of `out` names, by a model of these classes and dimensions. Raises UserError for
    another ending, for several recordings where the format holds one, and where it cannot be written."""
    if out.suffix.lower() in (".csv", ""):
        head = ["path", "start_s", "end_s", "label", *(f"p_{label}" for label in labels), *dimensions]
        rows = [
            row for item in predictions for row in (item.sentence_rows() if by == "sentence" else item.rows())
        ]
        write_csv(out, [head, *rows])
        return
    write_voices(out, [voice_of(item, by) for item in predictions])


def write_voices(out: Path, voices: Sequence[Voice]) -> None:
    """The same of voices, such as the speakers of one conversation. Raises UserError."""
    kind = ENDINGS.get(out.suffix.lower())
    if kind is None or kind == "CSV":
        raise UserError(
            "Labels cannot be written as {name}.",
            "Its ending is none of {known}.",
            "Choose one of these.",
            name=out.name,
            known=", ".join(ENDINGS),
        )
    names = [voice.name for voice in voices]
    if kind != "RTTM" and len(voices) > 1 and (not all(names) or len(set(names)) < len(names)):
        raise UserError(
            "{kind} holds one recording.",
            "There are {count}.",
            "Choose one of them, or the ending .rttm or .csv.",
            kind=kind,
            count=len(voices),
        )
    write_whole(out, elan(voices) if kind == "ELAN" else rttm(voices) if kind == "RTTM" else audacity(voices))


def audacity(voices: Sequence[Voice]) -> str:
    """Lines of start, end and label, tab-separated, in order of time; a speaker's name stands before the word."""
    lines = [
        (
            stretch.start_s,
            f"{stretch.start_s:.6f}\t{stretch.end_s:.6f}\t{voice.name and f'{voice.name}: '}{stretch.label}\n",
        )
        for voice in voices
        for stretch in voice.stretches
    ]
    return "".join(line for _, line in sorted(lines))


def rttm(voices: Sequence[Voice]) -> str:
    """``EMOTION file 1 start duration <NA> word speaker certainty <NA>``: fields and their order are RTTM's (NIST), the type
    is not one of its own. Spaces in names become underscores."""
    lines = []
    for voice in voices:
        recording, name = "_".join(voice.recording.stem.split()), "_".join(voice.name.split()) or NOTHING
        for stretch in voice.stretches:
            times = f"{stretch.start_s:.3f} {stretch.end_s - stretch.start_s:.3f}"
            certain = NOTHING if np.isnan(stretch.certainty) else f"{stretch.certainty:.3f}"
            lines.append(
                f"EMOTION {recording} 1 {times} {NOTHING} {stretch.label} {name} {certain} {NOTHING}\n"
            )
    return "".join(lines)


def elan(voices: Sequence[Voice]) -> bytes:
    """An annotation document of ELAN (EAF 3.0): a tier a speaker, annotations aligned to milliseconds."""
    document = ET.Element(
        "ANNOTATION_DOCUMENT",
        {
            "AUTHOR": "Polyphony",
            "DATE": time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime()),
            "FORMAT": "3.0",
            "VERSION": "3.0",
            "xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance",
            "xsi:noNamespaceSchemaLocation": "http://www.mpi.nl/tools/elan/EAFv3.0.xsd",
        },
    )
    header = ET.SubElement(document, "HEADER", {"MEDIA_FILE": "", "TIME_UNITS": "milliseconds"})
    for recording in dict.fromkeys(voice.recording for voice in voices):
        kind = mimetypes.guess_type(recording.name)[0] or "audio/x-wav"
        place = {"MEDIA_URL": recording.resolve().as_uri(), "MIME_TYPE": kind}
        ET.SubElement(header, "MEDIA_DESCRIPTOR", place)
    order = ET.SubElement(document, "TIME_ORDER")
    slots = annotations = 0
    for voice in voices:
        name = voice.name or "emotion"
        tier = ET.SubElement(
            document, "TIER", {"TIER_ID": name, "PARTICIPANT": voice.name, "LINGUISTIC_TYPE_REF": "emotion"}
        )
        for stretch in voice.stretches:
            for seconds in (stretch.start_s, stretch.end_s):
                slots += 1
                ET.SubElement(
                    order,
                    "TIME_SLOT",
                    {"TIME_SLOT_ID": f"ts{slots}", "TIME_VALUE": str(round(1000 * seconds))},
                )
            annotations += 1
            slot = {"TIME_SLOT_REF1": f"ts{slots - 1}", "TIME_SLOT_REF2": f"ts{slots}"}
            holder = ET.SubElement(tier, "ANNOTATION")
            aligned = ET.SubElement(
                holder, "ALIGNABLE_ANNOTATION", {"ANNOTATION_ID": f"a{annotations}", **slot}
            )
            ET.SubElement(aligned, "ANNOTATION_VALUE").text = stretch.label
    ET.SubElement(
        document,
        "LINGUISTIC_TYPE",
        {"LINGUISTIC_TYPE_ID": "emotion", "TIME_ALIGNABLE": "true", "GRAPHIC_REFERENCES": "false"},
    )
    result: bytes = ET.tostring(document, encoding="UTF-8", xml_declaration=True)
    return result
