"""Annotations over the traces: a line or a band each, named where there is room. Thousands cost no more than are seen."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPen

from app import theme
from app.tabs.eeg.annotations import Annotations
from app.widgets.traces import TraceView

BAND = 0.14  # opacity of a stretch
LINE = 0.75
GAP_PX = 6  # between two names
LONGEST_PX = 160  # of a name


class AnnotationMarks(pg.GraphicsObject):
    """Of the recording that is shown, over any of its signals."""

    def __init__(self, traces: TraceView, annotations: Annotations) -> None:
        super().__init__()
        self._annotations = annotations
        self.setZValue(theme.Z.MARK)
        traces.addItem(self, ignoreBounds=True)
        traces.on_retheme.append(self.update)
        annotations.changed.connect(self.update)

    def boundingRect(self) -> QRectF:
        return QRectF(self.viewRect())

    def viewRangeChanged(self) -> None:
        self.prepareGeometryChange()
        self.update()

    def paint(self, painter: QPainter, *_: object) -> None:
        shown = self.viewRect()
        box = painter.transform().mapRect(shown)
        numbers = self._annotations.within(shown.left(), shown.right())
        if not len(numbers) or shown.width() <= 0:
            return
        scale = box.width() / shown.width()
        begins = box.left() + (self._annotations.onsets[numbers] - shown.left()) * scale
        ends = box.left() + (self._annotations.ends[numbers] - shown.left()) * scale
        painter.save()
        painter.resetTransform()
        painter.setClipRect(box)
        ink = theme.color("accent")
        ink.setAlphaF(BAND)
        for left, right in joined(np.maximum(begins, box.left()), np.minimum(ends, box.right())):
            painter.fillRect(QRectF(left, box.top(), right - left, box.height()), ink)
        ink.setAlphaF(LINE)
        painter.setPen(QPen(ink, 1))
        for x in np.unique(np.round(begins[begins >= box.left()])):
            painter.drawLine(int(x), int(box.top()), int(x), int(box.bottom()))
        self._name(painter, box, begins, numbers)
        painter.restore()

    def _name(self, painter: QPainter, box: QRectF, begins: np.ndarray, numbers: np.ndarray) -> None:
        """From left to right, each that does not run into the one before."""
        painter.setFont(theme.font(theme.HINT_PX))
        metrics = painter.fontMetrics()
        painter.setPen(QPen(theme.color("accent")))
        free = box.left()
        for x, number in zip(np.maximum(begins, box.left()), numbers, strict=True):
            if x < free:
                continue
            words = metrics.elidedText(
                self._annotations.every[number].text, Qt.TextElideMode.ElideRight, LONGEST_PX
            )
            wide = metrics.horizontalAdvance(words)
            back = QRectF(x + 1, box.top() + 1, wide + GAP_PX, metrics.height())
            painter.fillRect(back, theme.color("card"))
            painter.drawText(back, Qt.AlignmentFlag.AlignCenter, words)
            free = back.right() + GAP_PX


def joined(begins: np.ndarray, ends: np.ndarray) -> list[tuple[float, float]]:
    """Bands that overlap or touch as one, in pixels; moments are none. begins: in order."""
    result: list[tuple[float, float]] = []
    for left, right in zip(begins, ends, strict=True):
        if right - left < 1:
            continue
        if result and left <= result[-1][1]:
            result[-1] = (result[-1][0], max(result[-1][1], float(right)))
        else:
            result.append((float(left), float(right)))
    return result
