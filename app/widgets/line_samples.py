"""Samples of the lines of a plot with what each means, for a toolbar: a legend that takes no room of the plot."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from app import theme

LENGTH = 22  # px of a sample
GAP = 5  # px between a sample and its words
APART = 12  # px between one and the next
WIDTH = 2.0  # px, of the line


class LineSamples(QWidget):
    """`show_samples` says which; as wide as they need."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.samples: list[tuple[str, bool]] = []
        self.setSizePolicy(self.sizePolicy().Policy.Fixed, self.sizePolicy().Policy.Preferred)
        theme.notifier.changed.connect(self.update)

    def show_samples(self, samples: list[tuple[str, bool]]) -> None:
        """(what a line means, whether it is dashed), in order."""
        if samples == self.samples:
            return
        self.samples = samples
        self.setAccessibleName(", ".join(words for words, _ in samples))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        metrics = QFontMetrics(theme.font(theme.HINT_PX))
        widths = [LENGTH + GAP + metrics.horizontalAdvance(words) for words, _ in self.samples]
        return QSize(sum(widths) + APART * max(0, len(widths) - 1), metrics.height() + 4)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(theme.font(theme.HINT_PX))
        metrics = painter.fontMetrics()
        left, middle = 0, self.height() / 2
        for words, dashed in self.samples:
            pen = QPen(theme.color("muted"), WIDTH)
            if dashed:
                pen.setDashPattern([2.0, 1.5])
            pen.setCapStyle(Qt.PenCapStyle.FlatCap)
            painter.setPen(pen)
            painter.drawLine(QPointF(left, middle), QPointF(left + LENGTH, middle))
            painter.setPen(theme.color("muted"))
            wide = metrics.horizontalAdvance(words)
            painter.drawText(
                left + LENGTH + GAP, 0, wide + 1, self.height(), int(Qt.AlignmentFlag.AlignVCenter), words
            )
            left += LENGTH + GAP + wide + APART
        painter.end()
