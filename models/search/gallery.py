"""What a search being trained brings for a few words: the picture page of a run, and of its evaluation."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from models.errors import UserError
from models.search import pictures
from models.training.pictures import Gallery

QUESTIONS, ANSWERS = 6, 8
SIDE = 56  # px


def gallery(distance: np.ndarray, asked: Sequence[str], paths: Sequence[Path], right: np.ndarray) -> Gallery:
    """The nearest pictures of a few questions, spread over all of them; the same questions each time.

    distance: [questions, pictures], smaller is nearer. right: bool, the same shape.
    """
    chosen = np.unique(np.linspace(0, len(asked) - 1, min(QUESTIONS, len(asked))).astype(int))
    best = np.argsort(distance[chosen], axis=1, kind="stable")[:, :ANSWERS]
    return Gallery(
        "Answers",
        [asked[number] for number in chosen],
        [[_small(paths[answer]) for answer in row] for row in best],
        [right[number, row].tolist() for number, row in zip(chosen, best, strict=True)],
    )


def _small(path: Path) -> str:
    """A small JPEG in base64; empty if the file has gone since."""
    try:
        picture = pictures.read(path)
    except UserError:
        return ""
    picture.thumbnail((SIDE, SIDE))
    file = io.BytesIO()
    picture.convert("RGB").save(file, "JPEG", quality=80)
    return base64.b64encode(file.getvalue()).decode("ascii")
