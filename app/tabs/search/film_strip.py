"""Frames of a film side by side, each over when it comes: what a film shows after its first frame."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QImage, QPainter

from app import theme
from app.tabs.search.tile import fitted
from app.widgets.time_axis import time_words
from models.progress import Progress

GAP = 8  # px between frames
TALLEST = 120  # px, of a frame
LINE = 20  # px, of the words beneath


@dataclass(frozen=True)
class FilmStrip:
    """frames: (seconds from the beginning, picture) in order; fewer than two where there is nothing to be set side by side."""

    frames: tuple[tuple[float, QImage], ...]


def is_film(path: Path) -> bool:
    """By its name."""
    from models.search.films import FILMS

    return path.suffix.lower() in FILMS


def read(path: Path, progress: Progress) -> FilmStrip:
    """Of a damaged film what can be read. In any thread. Raises Cancelled."""
    from models.search import films

    frames = []
    for frame in films.strip(path, progress=progress):
        width, height = frame.picture.size
        pixels = frame.picture.tobytes()
        borrowed = QImage(pixels, width, height, 3 * width, QImage.Format.Format_RGB888)
        frames.append((frame.seconds, borrowed.convertToFormat(QImage.Format.Format_RGB32)))
    return FilmStrip(tuple(frames))


def height_for(width: float, strip: FilmStrip | None) -> float:
    """px that a strip takes of a view so wide; of one that is still read, what most films take."""
    if strip is not None and len(strip.frames) < 2:
        return 0.0
    return min(TALLEST, _side(width, strip) * _shape(strip)) + LINE + GAP


def paint(painter: QPainter, room: QRectF, strip: FilmStrip | None, ratio: float) -> None:
    """The frames in `room`, whose height is that of `height_for`; empty ones while they are read. ratio: pixels a point."""
    high = room.height() - LINE - GAP
    count = len(strip.frames) if strip is not None else _expected()
    wide = min(_side(room.width(), strip), high / _shape(strip))
    left = room.center().x() - (count * wide + (count - 1) * GAP) / 2
    step = strip.frames[1][0] - strip.frames[0][0] if strip is not None else 1.0
    painter.setFont(theme.font(theme.HINT_PX))
    for number in range(count):
        box = QRectF(left + number * (wide + GAP), room.top() + GAP, wide, high)
        if strip is None:
            painter.fillRect(box, theme.color("card"))
            continue
        seconds, picture = strip.frames[number]
        painter.drawImage(fitted(picture, box, ratio), picture)
        painter.setPen(theme.color("muted"))
        words = QRectF(box.left(), box.bottom(), wide, LINE)
        painter.drawText(words, Qt.AlignmentFlag.AlignCenter, time_words(seconds, step))


def _expected() -> int:
    from models.search.films import COUNT

    return COUNT


def _side(width: float, strip: FilmStrip | None) -> float:
    """px across that a frame has at most."""
    count = max(len(strip.frames) if strip is not None else 0, _expected())
    return (width - (count - 1) * GAP) / count


def _shape(strip: FilmStrip | None) -> float:
    """Height over width of the frames."""
    if strip is None or not strip.frames:
        return 9 / 16
    picture = strip.frames[0][1]
    return picture.height() / max(1, picture.width())
