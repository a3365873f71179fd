"""How each validation item fared in a run, kept beside its best checkpoint: what paired tests are made from."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.writing import write_whole

FILE = "items.csv"


@dataclass(frozen=True)
class Items:
    """Names [n], the group each belongs to (a speaker, a subject) [n], and a score [n], higher is better.

    measure: what the score is, such as ``right``. Scores that are all 0 or 1 also allow McNemar's test.
    """

    measure: str
    names: Sequence[str]
    groups: Sequence[str]
    scores: np.ndarray

    def save(self, folder: Path) -> None:
        """Write one row an item into a checkpoint's folder. Raises UserError."""
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(["item", "group", self.measure])
        for name, group, score in zip(self.names, self.groups, self.scores.tolist(), strict=True):
            writer.writerow([name, group, f"{score:.6g}"])
        write_whole(folder / FILE, text.getvalue())

    @classmethod
    def load(cls, folder: Path) -> Items | None:
        """The items kept in `folder`; None if there are none that can be read."""
        try:
            with open(folder / FILE, newline="", encoding="utf-8") as file:
                head, *rows = list(csv.reader(file))
            return cls(
                measure=head[2],
                names=[row[0] for row in rows],
                groups=[row[1] for row in rows],
                scores=np.array([float(row[2]) for row in rows]),
            )
        except (OSError, ValueError, IndexError, csv.Error):
            return None
