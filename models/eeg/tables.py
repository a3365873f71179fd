"""The tables that EEG decoding writes. No torch: the window uses them, too."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from models.eeg.attended import Attention
from models.eeg.scores import Evaluation
from models.tables import write_csv, write_json

if TYPE_CHECKING:
    from models.eeg.decoder import Decoding


def write_evaluation(folder: Path, evaluation: Evaluation) -> None:
    """``figures.json`` and ``subjects.csv`` in `folder`."""
    write_json(folder / "figures.json", evaluation.as_dict())
    write_csv(folder / "subjects.csv", subject_rows(evaluation))


def subject_rows(evaluation: Evaluation) -> list[list[object]]:
    """A heading and one row a subject: r, chance and what it passes once in twenty, p, r by window length, and
    the share of five-second windows whose stretch of speech was told from four others."""
    lengths = sorted({length for subject in evaluation.subjects for length in subject.windows})
    head: list[object] = ["subject", "learned_from", "stretches", "r", "chance", "chance_95", "p"]
    matched = evaluation.matching.by_subject if evaluation.matching is not None else {}
    rows: list[list[object]] = [[*head, *(f"r_{length:g}s" for length in lengths), "match_mismatch"]]
    for subject in evaluation.subjects:
        chance = float(subject.null.mean()) if len(subject.null) else float("nan")
        values = [
            subject.r,
            chance,
            subject.null_95,
            subject.p,
            *(subject.windows.get(length, float("nan")) for length in lengths),
            matched.get(subject.subject, float("nan")),
        ]
        rows.append(
            [subject.subject, subject.met, subject.stretches, *(round(float(value), 6) for value in values)]
        )
    return rows


def envelope_rows(decoded: Any, true: Any, sample_rate: int) -> list[list[object]]:
    """``time_s, decoded`` and, where it is known, ``true``: for a table of a decoding."""
    head: list[object] = ["time_s", "decoded"] if true is None else ["time_s", "decoded", "true"]
    columns = [decoded] if true is None else [decoded, true]
    rows: list[list[object]] = [
        [round(number / sample_rate, 6), *(round(float(column[number]), 6) for column in columns)]
        for number in range(len(decoded))
    ]
    return [head, *rows]


def attention_rows(attention: Attention, names: Sequence[str]) -> list[list[object]]:
    """One row a window: its length and start, r of each track, which was chosen and by what margin."""
    rows: list[list[object]] = [["window_s", "start_s", *(f"r_{name}" for name in names), "chosen", "margin"]]
    for window in attention.windows:
        for number, start in enumerate(window.starts_s):
            result = [round(float(value), 6) for value in window.r[number]]
            chosen = names[int(window.chosen[number])]
            rows.append(
                [
                    window.window_s,
                    round(float(start), 3),
                    *result,
                    chosen,
                    round(float(window.margin[number]), 6),
                ]
            )
    return rows


def decoded_bytes(envelope: np.ndarray, decoding: Decoding) -> bytes:
    """The NPZ of a decoding: ``envelope`` [time] or [n, time], ``fs`` in Hz, and the preprocessing as JSON text."""
    buffer = io.BytesIO()
    history = json.dumps(list(decoding.history.steps), ensure_ascii=False)
    np.savez(buffer, envelope=envelope, fs=np.array(decoding.sample_rate), history=np.array(history))
    return buffer.getvalue()
