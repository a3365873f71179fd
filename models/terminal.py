"""How the command line shows what takes long, and tables."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from unicodedata import east_asian_width

from models.errors import fill
from models.progress import Progress, Step

PARTS = 1000  # of a bar


def shown_progress(quiet: bool) -> Progress:
    """A bar where a terminal is, a line every ten per cent where the output goes to a file, nothing where it is `quiet`."""
    if quiet:
        return Progress()
    return Progress(_Bar() if sys.stderr.isatty() else _Lines())


class _Bar:
    """tqdm's bar, made with the first step."""

    def __init__(self) -> None:
        from tqdm import tqdm

        self._bar = tqdm(
            total=PARTS,
            file=sys.stderr,
            dynamic_ncols=True,
            leave=False,
            bar_format="{percentage:3.0f} % {bar:24} {desc} · {elapsed}, {remaining} left",
        )

    def __call__(self, step: Step) -> None:
        self._bar.set_description_str(fill(step.message, step.values), refresh=False)
        self._bar.n = round(PARTS * step.fraction)
        self._bar.refresh()
        if step.total and step.done >= step.total:
            self._bar.close()


class _Lines:
    def __init__(self) -> None:
        self._percent = -1

    def __call__(self, step: Step) -> None:
        percent = int(100 * step.fraction)
        if percent % 10 == 0 and percent != self._percent:
            print(f"{percent:3d} %  {fill(step.message, step.values)}", file=sys.stderr)
        self._percent = percent


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells in columns, the first is the heading. Chinese signs are counted as the two places they take."""
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in rows
    ]
    return "\n".join(lines)


def _width(text: str) -> int:
    return sum(2 if east_asian_width(sign) in "WF" else 1 for sign in text)
