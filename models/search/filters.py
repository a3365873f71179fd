"""Which pictures may be answers at all: of a folder, of some days, upright or wide, with a label. Neither torch nor NumPy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from models.errors import UserError

Orientation = Literal["any", "landscape", "portrait", "square"]
_SHAPES = {
    "landscape": "width > height",
    "portrait": "width < height",
    "square": "width = height AND width > 0",
}
_DIGITS = (4, 7, 10)  # letters of a year, a month, a day


@dataclass(frozen=True)
class Filters:
    """folder: only what lies in it or below. since, until: ``2024``, ``2024-05`` or ``2024-05-01``, both included.
    label: one that the pictures' list gives them. What is empty lets all pass."""

    folder: str = ""
    since: str = ""
    until: str = ""
    orientation: Orientation = "any"
    label: str = ""

    @property
    def all_pass(self) -> bool:
        return self == Filters()

    def condition(self, roots: dict[int, Path]) -> tuple[str, list[str | int]]:
        """(an SQL condition on the items, its values). roots: number → folder. Raises UserError for a date that is none."""
        parts, values = ["1"], list[str | int]()
        if self.folder:
            condition, of_folder = _within(Path(self.folder).expanduser().resolve(), roots)
            parts.append(condition)
            values += of_folder
        for day, sign, filling in ((self.since, ">=", "-01-01"), (self.until, "<=", "-12-31")):
            if day:
                parts.append(f"day {sign} ?")
                values.append(_whole_day(day, filling))
        if self.orientation != "any":
            parts.append(_SHAPES[self.orientation])
        if self.label:
            parts.append("EXISTS (SELECT 1 FROM json_each(items.labels) WHERE value = ?)")
            values.append(self.label)
        return " AND ".join(f"({part})" for part in parts), values


def _within(folder: Path, roots: dict[int, Path]) -> tuple[str, list[str | int]]:
    """Items below a folder, which may be a root, hold some, or lie in one."""
    parts, values = ["0"], list[str | int]()
    for number, root in roots.items():
        place = root.resolve()
        if place.is_relative_to(folder):
            parts.append("root = ?")
            values.append(number)
        elif folder.is_relative_to(place):
            start = folder.relative_to(place).as_posix() + "/"
            parts.append("root = ? AND substr(path, 1, ?) = ?")
            values += [number, len(start), start]
    return " OR ".join(f"({part})" for part in parts), values


def _whole_day(text: str, filling: str) -> str:
    """A date with what it leaves open filled in from ``-01-01`` or ``-12-31``."""
    text = text.strip()
    if len(text) not in _DIGITS or not all(part.isdigit() for part in text.split("-")):
        raise UserError(
            "{day} is no date.",
            "A year, a month or a day was expected.",
            "Write 2024, 2024-05 or 2024-05-01.",
            day=text,
        )
    whole = text + filling[len(text) - 4 :]
    return whole if len(text) != 7 or filling == "-01-01" else text + "-31"
