"""A figure for each subject as a dot with its interval, over what chance comes to in grey."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app import theme
from app.i18n import digits

ROW = 22


@dataclass(frozen=True)
class DotRow:
    """low, high: an interval about the value; chance_low, chance_high: a band; NaN where there is none. hollow: drawn so."""

    name: str
    value: float
    low: float = float("nan")
    high: float = float("nan")
    chance_low: float = float("nan")
    chance_high: float = float("nan")
    hollow: bool = False


class Dots(QWidget):
    """A row a subject: the value as a dot with its interval, over the band of what chance comes to."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self.rows: list[DotRow] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(name)
        theme.notifier.changed.connect(self.update)

    def show_rows(self, rows: Sequence[DotRow]) -> None:
        """Draw these rows, from top to bottom; screen readers get their names and values."""
        self.rows = list(rows)
        text = "; ".join(f"{row.name} {row.value:.3f}" for row in self.rows)
        self.setAccessibleName(f"{self._name}: {text}" if text else self._name)
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(218, ROW * len(self.rows))

    def minimumSizeHint(self) -> QSize:
        return QSize(160, ROW * len(self.rows))

    def limits(self) -> tuple[float, float]:
        """Of the axis: all that is drawn, and zero."""
        values = np.array(
            [[row.value, row.low, row.high, row.chance_low, row.chance_high] for row in self.rows]
        )
        low, high = min(0.0, float(np.nanmin(values))), max(0.05, float(np.nanmax(values)))
        return low - 0.05 * (high - low), high + 0.05 * (high - low)

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self.rows:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font())
        metrics = painter.fontMetrics()
        left = min(90, max(metrics.horizontalAdvance(row.name) for row in self.rows)) + 10
        right = metrics.horizontalAdvance("−0.000") + 8
        wide = max(30, self.width() - left - right)
        low, high = self.limits()

        def x(value: float) -> float:
            return left + wide * (value - low) / (high - low)

        middle = Qt.AlignmentFlag.AlignVCenter
        for number, row in enumerate(self.rows):
            top, y = number * ROW, number * ROW + ROW / 2
            words = metrics.elidedText(row.name, Qt.TextElideMode.ElideRight, int(left - 8))
            painter.setPen(theme.color("text"))
            painter.drawText(QRectF(0, top, left, ROW), middle, words)
            if np.isfinite(row.chance_low):
                box = QRectF(x(row.chance_low), y - 5, x(row.chance_high) - x(row.chance_low), 10)
                painter.fillRect(box, theme.color("track"))
            painter.setPen(QPen(theme.color("line"), 1))
            painter.drawLine(QPointF(x(0), top), QPointF(x(0), top + ROW))
            painter.setPen(QPen(theme.color("accent"), 1.6))
            if np.isfinite(row.low):
                painter.drawLine(QPointF(x(row.low), y), QPointF(x(row.high), y))
            painter.setBrush(QColor(theme.current().page) if row.hollow else theme.color("accent"))
            painter.drawEllipse(QPointF(x(row.value), y), 4, 4)
            painter.setPen(theme.color("text"))
            figure = digits(row.value, ".3f")
            painter.drawText(QRectF(0, top, self.width(), ROW), middle | Qt.AlignmentFlag.AlignRight, figure)
        painter.end()
