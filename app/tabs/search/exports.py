"""What is taken out of the tab: a table of the answers, and a contact sheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QImage, QPainter

from app import theme
from app.tabs.search.grid import GridItem, score_words
from app.tabs.search.thumbnails import read
from app.tabs.search.tile import fitted, paint_absence
from models.datafiles import write_whole
from models.progress import Progress

SHEET_COLUMNS = 8
TILE, WORDS, MARGIN = 220, 44, 24  # px
MOST_ON_SHEET = 400
COLUMNS = (
    "rank",
    "path",
    "caption",
    "similarity",
    "distance",
    "near_duplicates",
    "attribution",
    "percentile",
    "found_by",
)


def write_table(path: Path, shown: Sequence[GridItem]) -> None:
    """A row an answer. Raises UserError where it cannot be written."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for rank, item in enumerate(shown, 1):
        score = "" if item.score is None else f"{item.score:.6f}"
        distance = "" if item.distance is None else item.distance
        percentile = "" if item.percentile is None else f"{item.percentile:.1f}"
        row = [rank, item.path, item.caption, score, distance, len(item.duplicates), item.attribution]
        writer.writerow([*row, percentile, "|".join(item.why)])
    write_whole(path, text.getvalue())


def write_sheet(path: Path, title: str, shown: Sequence[GridItem], font: QFont, progress: Progress) -> int:
    """A contact sheet as PNG: the question, then the pictures in order with their words, likeness and attribution. Any
    thread. Returns how many are on it. Raises UserError where it cannot be written."""
    from PySide6.QtCore import QBuffer, QIODevice

    some = list(shown[:MOST_ON_SHEET])
    columns = min(SHEET_COLUMNS, max(1, len(some)))
    lines = -(-len(some) // columns)
    pitch = TILE + MARGIN
    size = (columns * pitch + MARGIN, 64 + lines * (TILE + WORDS + MARGIN))
    sheet = QImage(*size, QImage.Format.Format_RGB32)
    sheet.fill(Qt.GlobalColor.white)
    painter = QPainter(sheet)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    font.setPixelSize(20)
    painter.setFont(font)
    painter.setPen(QColor(theme.LIGHT.text))
    painter.drawText(QRect(MARGIN, 12, size[0] - 2 * MARGIN, 40), Qt.AlignmentFlag.AlignVCenter, title)
    font.setPixelSize(12)
    painter.setFont(font)
    try:
        for number, item in enumerate(some):
            progress.update(number, len(some), "Drawing the contact sheet")
            line, column = divmod(number, columns)
            box = QRect(MARGIN + column * pitch, 64 + line * (TILE + WORDS + MARGIN), TILE, TILE)
            _paint_one(painter, box, item)
    finally:
        painter.end()
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    sheet.save(buffer, "PNG")  # type: ignore[call-overload]
    write_whole(path, bytes(buffer.data().data()))
    return len(some)


def _paint_one(painter: QPainter, box: QRect, tile: GridItem) -> None:
    picture = read(tile.path, QSize(TILE, TILE), 2.0)
    if picture.image is not None:
        painter.drawImage(fitted(picture.image, QRectF(box), 1.0), picture.image)
    else:
        painter.save()
        paint_absence(painter, QRectF(box), picture.gone)
        painter.restore()
    metrics = painter.fontMetrics()
    score = f"{score_words(tile.score)} · " if tile.score is not None else ""
    for row, (words, color) in enumerate(
        ((score + tile.words, theme.LIGHT.text), (tile.attribution, theme.LIGHT.muted))
    ):
        painter.setPen(QColor(color))
        line = QRect(box.left(), box.bottom() + 4 + 18 * row, box.width(), 18)
        painter.drawText(
            line, Qt.AlignmentFlag.AlignHCenter, metrics.elidedText(words, Qt.TextElideMode.ElideRight, TILE)
        )
