"""What a session came to, in bounded memory: stretches of time with a label each. Needs no torch."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from models.tables import write_csv

TOUCHING_S = 1e-3


class Stretch(NamedTuple):
    """A stretch of the session with one label (None: no speech), in seconds since its start."""

    start_s: float
    end_s: float
    label: str | None

    @property
    def length_s(self) -> float:
        return self.end_s - self.start_s


class SessionLog:
    """The stretches in order. Equal neighbours are one. Of more than `most`, the older half is joined in pairs under
    the longer one's label, so a day of running stays small and the last hours stay exact."""

    def __init__(self, most: int = 6_000) -> None:
        self.most = most
        self.stretches: list[Stretch] = []

    def add(self, start_s: float, end_s: float, label: str | None) -> None:
        """Append a stretch that begins where the last one ended, or later."""
        _append(self.stretches, Stretch(start_s, end_s, label))
        if len(self.stretches) > self.most:
            self.stretches = joined(self.stretches, self.most // 2)

    def at(self, time_s: float) -> Stretch | None:
        """The stretch at that time."""
        return next(
            (stretch for stretch in self.stretches if stretch.start_s <= time_s <= stretch.end_s), None
        )

    def rows(self) -> list[list[object]]:
        """For a table: start_s, end_s, label (empty for no speech)."""
        return [
            [f"{stretch.start_s:.3f}", f"{stretch.end_s:.3f}", stretch.label or ""]
            for stretch in self.stretches
        ]

    def save(self, path: Path) -> None:
        """A CSV file; whole or not at all. Raises UserError where it cannot be written."""
        write_csv(path, [["start_s", "end_s", "label"], *self.rows()])


def joined(stretches: list[Stretch], oldest: int) -> list[Stretch]:
    """The first `oldest` in pairs, each pair under the label of its longer half; the others as they are."""
    oldest -= oldest % 2
    made: list[Stretch] = []
    for a, b in zip(stretches[:oldest:2], stretches[1:oldest:2], strict=True):
        longer = a if a.length_s >= b.length_s else b
        _append(made, Stretch(a.start_s, b.end_s, longer.label))
    for stretch in stretches[oldest:]:
        _append(made, stretch)
    return made


def _append(stretches: list[Stretch], new: Stretch) -> None:
    last = stretches[-1] if stretches else None
    if last is not None and last.label == new.label and abs(new.start_s - last.end_s) < TOUCHING_S:
        stretches[-1] = Stretch(last.start_s, new.end_s, new.label)
    else:
        stretches.append(new)
