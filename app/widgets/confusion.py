"""A confusion matrix: rows are what was true, columns what was recognised."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app import theme
from app.i18n import tr

LARGEST_CELL = 132.0  # px


class ConfusionMatrix(QWidget):
    """Counts, and each row's share as colour and figure."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._counts = np.zeros((0, 0), dtype=int)
        self._labels: list[str] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(240, 200)
        self.setAccessibleName(tr("Confusion matrix"))
        theme.notifier.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(380, 340)

    def set_values(self, counts: np.ndarray, labels: Sequence[str]) -> None:
        """counts: int [classes, classes], true × recognised."""
        self._counts, self._labels = np.asarray(counts), list(labels)
        lines = [
            ", ".join(f"{label} → {other} {count}" for other, count in zip(self._labels, row, strict=True))
            for label, row in zip(self._labels, self._counts, strict=True)
        ]
        self.setAccessibleDescription("; ".join(lines))
        self.update()

    def show_nothing(self) -> None:
        """Draw an empty card."""
        self._counts, self._labels = np.zeros((0, 0), dtype=int), []
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        now = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font(theme.HINT_PX))
        metrics = painter.fontMetrics()
        left = max([metrics.horizontalAdvance(label) for label in self._labels] or [50]) + 10
        top = 2 * metrics.height() + 6
        count = max(1, len(self._labels) or 4)
        side = max(20.0, min((self.width() - left) / count, (self.height() - top) / count, LARGEST_CELL))
        painter.setPen(theme.color("muted"))
        painter.drawText(
            QRectF(left, 0, side * count, metrics.height()), Qt.AlignmentFlag.AlignCenter, tr("recognised")
        )
        low, high = theme.color(now.share_none), theme.color(now.share_all)
        sums = self._counts.sum(axis=1) if len(self._labels) else np.zeros(count)
        for row in range(count):
            for column in range(count):
                box = QRectF(left + column * side + 1, top + row * side + 1, side - 2, side - 2)
                share = (
                    float(self._counts[row, column] / sums[row]) if len(self._labels) and sums[row] else 0.0
                )
                color = _between(low, high, share)
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(color if self._labels else theme.color(now.card))
                painter.drawRoundedRect(box, 3, 3)
                if self._labels:
                    self._draw_cell(painter, box, int(self._counts[row, column]), share, color)
            if self._labels:
                painter.setPen(theme.color("text"))
                painter.setFont(theme.font(theme.HINT_PX))
                flags = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
                painter.drawText(QRectF(0, top + row * side, left - 6, side), flags, self._labels[row])
                column_box = QRectF(left + row * side, metrics.height() + 2, side, metrics.height())
                painter.drawText(
                    column_box,
                    Qt.AlignmentFlag.AlignCenter,
                    metrics.elidedText(self._labels[row], Qt.TextElideMode.ElideRight, int(side)),
                )
        painter.end()

    def _draw_cell(self, painter: QPainter, box: QRectF, count: int, share: float, color: QColor) -> None:
        painter.setPen(theme.ink_on(color))
        painter.setFont(theme.font(theme.TEXT_PX, bold=share >= 0.5))
        upper = QRectF(box.x(), box.y() + box.height() / 2 - 18, box.width(), 18)
        painter.drawText(upper, Qt.AlignmentFlag.AlignCenter, f"{100 * share:.0f} %")
        painter.setFont(theme.font(theme.HINT_PX))
        painter.drawText(upper.translated(0, 17), Qt.AlignmentFlag.AlignCenter, str(count))


def _between(low: QColor, high: QColor, share: float) -> QColor:
    """The colour at `share` of the way from `low` to `high`."""
    return QColor.fromRgbF(
        low.redF() + (high.redF() - low.redF()) * share,
        low.greenF() + (high.greenF() - low.greenF()) * share,
        low.blueF() + (high.blueF() - low.blueF()) * share,
    )
