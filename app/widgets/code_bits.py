"""Two codes as bits, one above the other, and where they differ."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app import theme
from app.i18n import tr

PER_ROW = 16
GAP = 3  # px between bits
BETWEEN = 6  # px between two rows of pairs
LARGEST = 12  # px, side of a bit


class CodeBits(QWidget):
    """`show_codes` draws a code, or two of one length: the upper row is the first. Filled is 1; a ring marks difference."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.first: np.ndarray | None = None
        self.second: np.ndarray | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.notifier.changed.connect(self.update)
        self.show_codes(None, None)

    def show_codes(self, first: np.ndarray | None, second: np.ndarray | None) -> None:
        """bool [bits] each, or None."""
        if first is not None and second is not None and len(first) != len(second):
            first = None
        self.first, self.second = first, second
        self.setFixedHeight(self.heightForWidth(max(self.width(), 100)))
        self.update()
        if first is not None and second is not None:
            differing = int((first != second).sum())
            self.setAccessibleName(tr("{n} of {bits} bits differ", n=differing, bits=len(first)))
        else:
            self.setAccessibleName(tr("The code of the picture"))
        self.setToolTip(self.accessibleName())

    @property
    def shown(self) -> list[np.ndarray]:
        return [code for code in (self.first, self.second) if code is not None]

    def side(self) -> float:
        """The edge of a square, px: as large as the width allows."""
        return min(LARGEST, (max(1, self.width()) + GAP) / PER_ROW - GAP)

    def heightForWidth(self, width: int) -> int:
        shown = self.shown
        if not shown:
            return 0
        side = min(LARGEST, (width + GAP) / PER_ROW - GAP)
        rows = -(-len(shown[0]) // PER_ROW)
        return round(rows * (len(shown) * (side + 1) + BETWEEN))

    def sizeHint(self) -> QSize:
        width = round(PER_ROW * (LARGEST + GAP) - GAP)
        return QSize(width, self.heightForWidth(width))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.setFixedHeight(self.heightForWidth(self.width()))

    def minimumSizeHint(self) -> QSize:
        return QSize(100, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        shown = self.shown
        if not shown:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        side = self.side()
        line = len(shown) * (side + 1) + BETWEEN
        differ = shown[0] != shown[1] if len(shown) == 2 else np.zeros(len(shown[0]), bool)
        on, off, mark = theme.color("accent"), theme.color("track"), theme.color(theme.VERMILION)
        for number in range(len(shown[0])):
            row, column = divmod(number, PER_ROW)
            for which, code in enumerate(shown):
                box = QRectF(column * (side + GAP), row * line + which * (side + 1), side, side)
                painter.setPen(QPen(mark, 1.6) if differ[number] else Qt.PenStyle.NoPen)
                painter.setBrush(on if code[number] else off)
                painter.drawRoundedRect(box.adjusted(0.8, 0.8, -0.8, -0.8), 2, 2)
        painter.end()
