"""Reliability: how often a model is right when it is so certain; on the diagonal it is as certain as it is right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app import theme
from app.i18n import tr

if TYPE_CHECKING:
    from models.emotion.speakers import Bin

LEFT, BOTTOM, TOP = 46, 40, 14
LEAST_DOT, MOST_DOT = 3.0, 11.0


class Reliability(QWidget):
    """A dot for every bin of certainty, as large as its share of the predictions; the diagonal, and a threshold."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bins: list[Bin] = []
        self._unsure_below = 0.0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(240, 200)
        self.setAccessibleName(tr("Reliability diagram"))
        theme.notifier.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(380, 340)

    def set_values(self, bins: Sequence[Bin], unsure_below: float) -> None:
        """bins: of predictions that are about as certain. unsure_below: under which no word is told; 0 for none."""
        self._bins, self._unsure_below = list(bins), unsure_below
        self.setAccessibleDescription(
            "; ".join(f"{bin_.certainty:.2f}: {bin_.accuracy:.2f}, n = {bin_.n}" for bin_ in self._bins)
        )
        self.update()

    def show_nothing(self) -> None:
        """Axes alone."""
        self.set_values([], 0.0)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font(theme.HINT_PX))
        side = max(60.0, min(self.width() - LEFT - TOP, self.height() - BOTTOM - TOP, 420.0))
        area = QRectF(LEFT, TOP, side, side)
        painter.fillRect(area, theme.color("card"))
        if self._unsure_below:
            unsure = QColor(theme.color("track"))
            painter.fillRect(QRectF(area.left(), area.top(), side * self._unsure_below, side), unsure)
        self._draw_axes(painter, area)
        total = sum(bin_.n for bin_ in self._bins) or 1
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.BLUE))
        for bin_ in self._bins:
            radius = LEAST_DOT + (MOST_DOT - LEAST_DOT) * (bin_.n / total) ** 0.5
            painter.drawEllipse(_place(area, bin_.certainty, bin_.accuracy), radius, radius)
        painter.end()

    def _draw_axes(self, painter: QPainter, area: QRectF) -> None:
        for number in range(5):
            share = number / 4
            painter.setPen(QPen(theme.color("grid"), 1))
            painter.drawLine(_place(area, share, 0), _place(area, share, 1))
            painter.drawLine(_place(area, 0, share), _place(area, 1, share))
            painter.setPen(theme.color("muted"))
            text, low, left = f"{share:g}", _place(area, share, 0), _place(area, 0, share)
            painter.drawText(QRectF(low.x() - 20, low.y() + 3, 40, 14), Qt.AlignmentFlag.AlignCenter, text)
            box = QRectF(left.x() - 34, left.y() - 7, 28, 14)
            painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)
        painter.setPen(QPen(theme.color("muted"), 1, Qt.PenStyle.DashLine))
        painter.drawLine(_place(area, 0, 0), _place(area, 1, 1))
        painter.setPen(theme.color("muted"))
        below = QRectF(area.left(), area.bottom() + 18, area.width(), 16)
        painter.drawText(below, Qt.AlignmentFlag.AlignCenter, tr("certainty"))
        painter.save()
        painter.translate(8, area.center().y())
        painter.rotate(-90)
        painter.drawText(QRectF(-80, -8, 160, 16), Qt.AlignmentFlag.AlignCenter, tr("share that is right"))
        painter.restore()


def _place(area: QRectF, x: float, y: float) -> QPointF:
    return QPointF(area.left() + x * area.width(), area.bottom() - y * area.height())
