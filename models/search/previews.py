"""Pictures inside other files: what a camera's raw file shows on the camera's screen, and the first frame of a film."""

from __future__ import annotations

import io
import mmap
import os
import re
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from models.search.films import FILMS, first_frame

RAW = frozenset({".dng", ".cr2", ".nef", ".arw", ".raf", ".orf", ".rw2", ".pef", ".srw"})
MOST_JPEGS = 24  # that are looked at in one raw file
LEAST_SIDE = 64  # px of a preview
_START = re.compile(rb"\xff\xd8\xff[\xc0-\xfe]")
_ORIENTATION = 0x0112


def has_preview(path: str | os.PathLike[str]) -> bool:
    """Whether the picture of a file lies inside it, by its name."""
    return os.path.splitext(path)[1].lower() in RAW | FILMS


def preview(path: str | os.PathLike[str]) -> Image.Image:
    """The picture inside a raw file or a film, not decoded yet where it is a JPEG. Raises UnidentifiedImageError, OSError."""
    return first_frame(Path(path)) if os.path.splitext(path)[1].lower() in FILMS else _jpeg(Path(path))


def _jpeg(path: Path) -> Image.Image:
    """The largest JPEG that is embedded in a file, turned as the file says."""
    best: tuple[int, bytes] | None = None
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as held:
        # A thumbnail may lie within a preview: each is read to where it ends by itself.
        for start in [match.start() for match in _START.finditer(held)][:MOST_JPEGS]:
            try:
                with Image.open(io.BytesIO(held[start:]), formats=("JPEG",)) as picture:
                    width, height = picture.size
            except (OSError, ValueError, SyntaxError):
                continue
            if min(width, height) >= LEAST_SIDE and (best is None or width * height > best[0]):
                best = (width * height, held[start:])
    if best is None:
        raise UnidentifiedImageError("no preview is embedded")
    picture = Image.open(io.BytesIO(best[1]), formats=("JPEG",))
    turned = _orientation(path)
    if turned and _ORIENTATION not in picture.getexif():
        picture.getexif()[_ORIENTATION] = turned
    return picture


def _orientation(path: Path) -> int:
    """What the head of a raw file says of how the camera was held; most are TIFF files."""
    try:
        with Image.open(path, formats=("TIFF",)) as head:
            return int(head.getexif().get(_ORIENTATION) or 0)
    except (OSError, ValueError, SyntaxError, TypeError, KeyError):
        return 0
