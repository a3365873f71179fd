"""Pictures that a run leaves after an epoch, as values: whoever shows them draws them in its own colours."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from models import documents, files
from models.errors import UserError
from models.writing import write_whole

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
LARGEST = 64_000_000  # bytes of a file
KINDS = {item.__dataclass_fields__["kind"].default: item for item in (Matrix, Lines, Points, Bars, Gallery)}


_SHAPES = {str(kind): TypeAdapter[Any](shape) for kind, shape in KINDS.items()}


def save(run: Path, epoch: int, number: int, shown: Shown) -> str:
    """Write one below the run folder; returns its path relative to it."""
    (run / FOLDER).mkdir(exist_ok=True)
    suffix = "png" if isinstance(shown, Image) else "json"
    name = f"{FOLDER}/epoch-{epoch:05d}-{number}.{suffix}"
    whole = shown.png if isinstance(shown, Image) else json.dumps(asdict(shown), ensure_ascii=False)
    write_whole(run / name, whole)
    return name


def load(path: Path) -> Shown | None:
    """What was saved at `path`; None if it cannot be read."""
    try:
        if path.suffix == ".png":
            return Image(path.stem, files.read_bytes(path, LARGEST))
        values: Any = documents.read_json(path, LARGEST)
        result: Shown = _SHAPES[values.pop("kind")].validate_python(values)
        return result
    except (UserError, ValueError, KeyError, TypeError, AttributeError):
        return None
