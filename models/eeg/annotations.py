"""The annotations of a recording as files that other programs read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from models.datafiles import write_whole
from models.eeg.recording import Annotation
from models.errors import UserError
from models.tables import write_csv

SUFFIXES = (".csv", ".txt", ".tsv")


def write_annotations(path: Path, annotations: Sequence[Annotation]) -> None:
    """By the ending: CSV with a heading; TSV as the events of BIDS; TXT as `mne.read_annotations` reads it.

    In TXT, commas and number signs in a text become spaces: they end a text there. Raises UserError.
    """
    suffix = path.suffix.lower()
    rows = [
        (f"{annotation.onset_s:.6f}", f"{annotation.duration_s:.6f}", annotation.text)
        for annotation in annotations
    ]
    if suffix == ".txt":
        lines = ["# MNE-Annotations", "# onset, duration, description"]
        lines += [", ".join((onset, duration, _one_line(text, ",#"))) for onset, duration, text in rows]
        write_whole(path, ("\n".join(lines) + "\n").encode())
    elif suffix == ".tsv":
        lines = ["onset\tduration\ttrial_type"]
        lines += [
            "\t".join((onset, duration, _one_line(text, "\t") or "n/a")) for onset, duration, text in rows
        ]
        write_whole(path, ("\n".join(lines) + "\n").encode())
    elif suffix == ".csv":
        write_csv(path, [["onset_s", "duration_s", "text"], *map(list, rows)])
    else:
        raise UserError(
            "Annotations cannot be written as {suffix}.",
            "Known are {known}.",
            "Choose one of these endings.",
            suffix=suffix or "?",
            known=", ".join(SUFFIXES),
        )


def _one_line(text: str, without: str) -> str:
    for sign in without:
        text = text.replace(sign, " ")
    return " ".join(text.split())
