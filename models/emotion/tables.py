"""The tables that emotion writes. No torch: the window uses them, too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from models.emotion.corpora import Utterance
from models.emotion.speakers import Evaluation
from models.tables import write_csv, write_json, write_records

ItemRow = dict[str, str | float]  # a row of ``items.csv``, by column


def write_evaluation(folder: Path, evaluation: Evaluation, items: Sequence[ItemRow]) -> None:
    """``figures.json``, ``speakers.csv`` and ``items.csv`` in `folder`."""
    write_json(folder / "figures.json", evaluation.as_dict())
    write_csv(folder / "speakers.csv", evaluation.to_rows())
    write_records(folder / "items.csv", items)


def degree_columns(
    names: Sequence[str], truth: np.ndarray, told: np.ndarray | None
) -> dict[str, str | float]:
    """Columns of ``items.csv`` for what a model tells of an utterance, ``arousal`` …, and what listeners told, ``true_arousal`` …;
    empty where that is not known. truth, told: float [dimensions]; none where a model tells nothing."""
    if told is None:
        return {}
    known = {
        f"true_{n}": round(float(v), 6) if np.isfinite(v) else "" for n, v in zip(names, truth, strict=True)
    }
    return {name: round(float(value), 6) for name, value in zip(names, told, strict=True)} | known


def item_row(
    utterance: Utterance,
    path: str,
    labels: Sequence[str],
    probabilities: np.ndarray,
    more: Mapping[str, str | float] | None = None,
) -> ItemRow:
    """The row of ``items.csv`` that an utterance has: what is true of it, what is predicted, a probability a class.

    probabilities: float [classes], in the order of `labels`. more: further columns, before the probabilities.
    """
    return {
        "path": path,
        "emotion": utterance.emotion,
        "speaker": utterance.speaker,
        "sex": utterance.sex,
        "session": utterance.session,
        "predicted": labels[int(probabilities.argmax())],
        **(more or {}),
        **{f"p_{label}": round(float(p), 6) for label, p in zip(labels, probabilities, strict=True)},
    }
