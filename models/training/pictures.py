"""Pictures that a run leaves after an epoch, as values: whoever shows them draws them in its own colours."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

FOLDER = "pictures"


@dataclass(frozen=True)
class Matrix:
    """Counts [rows × columns], such as a confusion matrix: rows true, columns recognised."""

    title: str
    labels: list[str]
    counts: list[list[float]]
    kind: str = "matrix"


@dataclass(frozen=True)
class Lines:
    """Curves over one axis: name → values [n], `x` [n]; at most a few hundred points each."""

    title: str
    x_title: str
    y_title: str
    x: list[float]
    lines: dict[str, list[float]]
    kind: str = "lines"


@dataclass(frozen=True)
class Points:
    """A cloud of (x, y), such as predicted against true; `diagonal` draws where both are equal."""

    title: str
    x_title: str
    y_title: str
    x: list[float]
    y: list[float]
    diagonal: bool = True
    kind: str = "points"


@dataclass(frozen=True)
class Bars:
    """Groups of bars beside one another: name of the group → one value a label."""

    title: str
    y_title: str
    labels: list[str]
    groups: dict[str, list[float]]
    kind: str = "bars"


@dataclass(frozen=True)
class Gallery:
    """Questions in words and the small pictures that answered, best first: `pictures` are JPEG or PNG in base64,
    `right` says of each whether it is a right answer."""

    title: str
    words: list[str]
    pictures: list[list[str]]
    right: list[list[bool]]
    kind: str = "gallery"


@dataclass(frozen=True)
class Image:
    """A picture file that the task wrote itself: its bytes are PNG."""

    title: str
    png: bytes
    kind: str = "image"


Shown = Matrix | Lines | Points | Bars | Gallery | Image
KINDS = {one.__dataclass_fields__["kind"].default: one for one in (Matrix, Lines, Points, Bars, Gallery)}


def save(run: Path, epoch: int, number: int, shown: Shown) -> str:
    """Write one below the run folder; returns its path relative to it."""
    (run / FOLDER).mkdir(exist_ok=True)
    suffix = "png" if isinstance(shown, Image) else "json"
    name = f"{FOLDER}/epoch-{epoch:05d}-{number}.{suffix}"
    if isinstance(shown, Image):
        (run / name).write_bytes(shown.png)
    else:
        (run / name).write_text(json.dumps(asdict(shown), ensure_ascii=False), "utf-8")
    return name


def load(path: Path) -> Shown | None:
    """What was saved at `path`; None if it cannot be read."""
    try:
        if path.suffix == ".png":
            return Image(path.stem, path.read_bytes())
        values: dict[str, Any] = json.loads(path.read_text("utf-8"))
        return KINDS[values.pop("kind")](**values)  # type: ignore[no-any-return]
    except (OSError, ValueError, KeyError, TypeError):
        return None
