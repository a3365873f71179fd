"""Traces as one picture: how much of each pixel they cover, in the ink of the theme, with a scale bar."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen, QPolygonF
from PySide6.QtSvg import QSvgGenerator

from app import theme

BAR_PX = (16, 60)  # the scale bar's least and greatest height
BAR_INSET_PX = 8


class Rows(Protocol):
    """What is drawn: `rows` channels from `first` on, each `row_uv` high in `unit`; those that are `marked` pale."""

    first: int
    rows: int
    row_uv: float
    unit: str
    marked: frozenset[int]

    def shown_columns(self) -> tuple[np.ndarray, np.ndarray] | None:
        """The least and greatest value in each column of the screen, [columns, rows]; None where nothing is shown."""


class TracePicture(pg.GraphicsObject):
    """The traces of what is shown, as one indexed picture; as curves where they are exported."""

    def __init__(self, view: Rows) -> None:
        super().__init__()
        self._view = view
        self._made: tuple[object, list[QImage]] | None = None

    def forget(self) -> None:
        """What it shows has changed: it is made anew at the next paint."""
        self._made = None
        self.update()

    def boundingRect(self) -> QRectF:
        return QRectF(self.viewRect())

    def viewRangeChanged(self) -> None:
        self.prepareGeometryChange()
        self.forget()

    def paint(self, painter: QPainter, *_: object) -> None:
        shown = self.viewRect()
        if isinstance(painter.device(), QSvgGenerator):
            self._paint_curves(painter, shown)
            return
        box = painter.transform().mapRect(shown)
        ratio = painter.device().devicePixelRatioF()
        height, width = round(box.height() * ratio), round(box.width() * ratio)
        key = (shown.left(), shown.right(), height, width)
        if self._made is None or self._made[0] != key:
            self._made = (key, self._images(width, height, ratio))
        painter.save()
        painter.resetTransform()
        corner = QPointF(round(box.left()), round(box.top()))  # on whole pixels, unscaled
        for image in self._made[1]:
            painter.drawImage(corner, image)
        if self._made[1]:
            self._paint_scale(painter, box)
        painter.restore()

    def _paint_scale(self, painter: QPainter, box: QRectF) -> None:
        """At the right, how high a round voltage is; on a ground of its own, so that traces do not cross it."""
        value, high = scale_bar(self._view.row_uv, box.height() / max(1, self._view.rows))
        words = f"{value:g} {self._view.unit}"
        painter.setFont(theme.font(theme.HINT_PX))
        metrics = painter.fontMetrics()
        wide, line = metrics.horizontalAdvance(words), metrics.height()
        right, bottom = box.right() - BAR_INSET_PX, box.bottom() - BAR_INSET_PX
        tall = max(high, line)
        inset = QPointF(BAR_INSET_PX / 2, BAR_INSET_PX / 2)
        back = QRectF(right - wide - BAR_INSET_PX, bottom - tall, wide + BAR_INSET_PX, tall)
        painter.fillRect(QRectF(back.topLeft() - inset, back.bottomRight() + inset), theme.color("card"))
        painter.setPen(QPen(theme.color("text"), 2, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap))
        middle = back.center().y()
        painter.drawLine(QPointF(right, middle - high / 2), QPointF(right, middle + high / 2))
        words_box = QRectF(back.left(), middle - line / 2, wide, line)
        painter.drawText(words_box, Qt.AlignmentFlag.AlignCenter, words)

    def _images(self, width: int, height: int, ratio: float) -> list[QImage]:
        result = self._view.shown_columns()
        if result is None or width < 2 or height < 2:
            return []
        pale = np.array([self._view.first + row in self._view.marked for row in range(self._view.rows)])
        now = theme.current()
        images = []
        for chosen, color in ((~pale, now.text), (pale, now.muted)):
            if chosen.any():
                strength = coverage(
                    *result, np.flatnonzero(chosen), self._view.rows, self._view.row_uv, height
                )
                images.append(_inked(strength, QColor(color), 0.85 if color == now.text else 0.4, ratio))
        return images

    def _paint_curves(self, painter: QPainter, shown: QRectF) -> None:
        result = self._view.shown_columns()
        if result is None:
            return
        low, high = result
        x = np.repeat(np.linspace(shown.left(), shown.right(), len(low)), 2)
        for row in range(low.shape[1]):
            pen = QPen(theme.color("muted" if self._view.first + row in self._view.marked else "text"))
            pen.setCosmetic(True)
            painter.setPen(pen)
            y = np.empty(2 * len(low))
            y[0::2], y[1::2] = low[:, row], high[:, row]
            y = row + 0.5 - y / self._view.row_uv
            good = np.isfinite(y)
            painter.drawPolyline(QPolygonF([QPointF(a, b) for a, b in zip(x[good], y[good], strict=True)]))
        box = painter.transform().mapRect(shown)
        painter.save()
        painter.resetTransform()
        self._paint_scale(painter, box)
        painter.restore()


def coverage(
    low: np.ndarray, high: np.ndarray, rows: np.ndarray, count: int, row_uv: float, height: int
) -> np.ndarray:
    """uint8 [height, columns]: how much of each pixel the traces cover, 255 at most.

    low, high: [columns, channels], of which `rows` are drawn; row r lies in the r-th of `count` equal stripes from the top
    and is `row_uv` high. Edges are smooth: a line that ends within a pixel covers part of it.
    """
    columns = len(low)
    scale = height / count
    middles = (rows + 0.5) * scale
    # Rows further out than their neighbours' neighbours are cut: an artefact must not black out the picture.
    reach = 2.5 * scale
    half = min(0.6, 0.12 * scale)  # rows of a few pixels get thinner lines, or all would be black
    top = middles - np.clip(high[:, rows] / row_uv * scale, -reach, reach) - half
    bottom = middles - np.clip(low[:, rows] / row_uv * scale, -reach, reach) + half
    there = np.isfinite(top) & np.isfinite(bottom)
    top = np.where(there, np.clip(top, 0, height), 0.0)
    bottom = np.where(there, np.clip(bottom, 0, height), 0.0)
    # The running sum of these steps is, in each pixel, the length of what lies in it of all the lines.
    places, amounts = [], []
    column = np.arange(columns)[:, None]
    for edge, sign in ((top, 1.0), (bottom, -1.0)):
        whole = np.floor(edge)
        part = sign * (edge - whole)
        place = (whole.astype(np.int64) * columns + column).ravel()
        places += [place, place + columns]
        amounts += [(sign - part).ravel(), part.ravel()]
    steps = np.bincount(np.concatenate(places), np.concatenate(amounts), (height + 2) * columns)
    inked = steps.astype(np.float32).reshape(height + 2, columns)[:height]
    for row in range(1, height):  # a running sum down the columns; a third of the time of `cumsum`
        np.add(inked[row], inked[row - 1], out=inked[row])
    return (np.clip(inked, 0, 1, out=inked) * 255).astype(np.uint8)


def _inked(strength: np.ndarray, color: QColor, most: float, ratio: float) -> QImage:
    """A picture in one colour, as opaque as `strength` says; premultiplied, as Qt draws fastest."""
    alpha = np.round(most * np.arange(256)).astype(np.uint32)
    table = alpha << 24
    for part, shift in ((color.red(), 16), (color.green(), 8), (color.blue(), 0)):
        table |= (alpha * part // 255) << shift
    pixels = table[strength]
    height, width = strength.shape
    image = QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_ARGB32_Premultiplied).copy()
    image.setDevicePixelRatio(ratio)
    return image


def scale_bar(row_uv: float, row_px: float) -> tuple[float, float]:
    """(what a bar stands for, its height in pixels): 1, 2 or 5 times a power of ten, in a height that can be read off.

    A row of `row_px` pixels stands for `row_uv`.
    """
    least, most = BAR_PX
    wanted = row_uv * min(max(row_px, least), most) / row_px
    power = 10.0 ** np.floor(np.log10(max(wanted, 1e-9)))
    value = next(
        (float(power * step) for step in (1, 2, 5, 10) if power * step * row_px / row_uv >= least), wanted
    )
    return value, value * row_px / row_uv
