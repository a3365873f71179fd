"""Which colour of a spectrogram is which level: a small scale in its corner."""

from __future__ import annotations

import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QLinearGradient, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from app import theme
from app.i18n import digits

BAR_PX, HEIGHT_PX, ASIDE_PX = 48, 15, 4
VEIL = QColor(0, 0, 0, 110)  # behind words that stand on a map
STOPS = 8


def scale_width(painter: QPainter, low_db: float, high_db: float) -> float:
    """How wide the scale is with its words, px."""
    metrics = painter.fontMetrics()
    low, high = _words(low_db, high_db)
    return metrics.horizontalAdvance(low) + metrics.horizontalAdvance(high) + BAR_PX + 4 * ASIDE_PX


def paint_scale(painter: QPainter, right: float, top: float, low_db: float, high_db: float) -> None:
    """From the level that is darkest to that which is brightest, dB of full scale; right, top: its corner."""
    painter.setFont(theme.font(theme.HINT_PX))
    wide = scale_width(painter, low_db, high_db)
    box = QRectF(right - wide, top, wide, HEIGHT_PX)
    painter.fillRect(box, VEIL)
    painter.setPen(QColor(theme.ON_MAP))
    low, high = _words(low_db, high_db)
    inner = box.adjusted(ASIDE_PX, 0, -ASIDE_PX, 0)
    painter.drawText(inner, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, low)
    painter.drawText(inner, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, high)
    left = inner.left() + painter.fontMetrics().horizontalAdvance(low) + ASIDE_PX
    bar = QRectF(left, box.top() + 5, BAR_PX, HEIGHT_PX - 10)
    gradient = QLinearGradient(bar.topLeft(), bar.topRight())
    colors = pg.colormap.get("viridis")
    for number in range(STOPS + 1):
        gradient.setColorAt(number / STOPS, colors.map(number / STOPS, mode=pg.ColorMap.QCOLOR))
    painter.fillRect(bar, gradient)


class LevelScale(QWidget):
    """The scale as a widget that lies on a plot and lets the mouse through."""

    def __init__(self, low_db: float, high_db: float, parent: QWidget) -> None:
        super().__init__(parent)
        self._range = (low_db, high_db)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFixedSize(180, HEIGHT_PX)

    def place(self, right: float, top: float) -> None:
        """Its upper right corner."""
        self.move(round(right) - self.width(), round(top))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        paint_scale(painter, self.width(), 0, *self._range)
        painter.end()


def _words(low_db: float, high_db: float) -> tuple[str, str]:
    return digits(low_db, ".0f"), f"{digits(high_db, '.0f')} dB"
