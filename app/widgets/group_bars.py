"""A figure for each group (speakers, folds) as bars, sorted, with their mean and spread."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from app import theme
from app.i18n import tr
from app.widgets.scrolled import ScrolledColumn

ROW, BAR = 26, 12
Row = tuple[str, float, int]


class GroupBars(ScrolledColumn):
    """Name, bar, value, number of items where it is known; the mean as a line, ± one sd as a band."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        """name: what the figures are of, for who cannot see them."""
        super().__init__(parent)
        self.setAccessibleName(name)
        self._bars = _Bars()
        self.setWidget(self._bars)

    def set_values(self, rows: Sequence[Row], mean: float, sd: float, full: float = 1.0) -> None:
        """rows: (group, value of 0…full, items in it or 0). Values below 0 have no bar."""
        self._bars.show_rows(sorted(rows, key=lambda row: -row[1]), mean, sd, full)
        self.setAccessibleDescription(
            "; ".join(
                f"{name} {value:.3f}" + (f", n = {n}" if n else "") for name, value, n in self._bars.rows
            )
        )

    def show_nothing(self, words: str = "") -> None:
        """Take all bars away; `words` say why, or what to do."""
        self._bars.show_rows([], 0.0, 0.0, 1.0)
        self._bars.empty_words = words
        self.setAccessibleDescription("")


class _Bars(QWidget):
    def __init__(self) -> None:
        super().__init__()
        self.rows: list[Row] = []
        self.empty_words = ""
        self._mean = self._sd = 0.0
        self._full = 1.0
        theme.notifier.changed.connect(self.update)

    def show_rows(self, rows: list[Row], mean: float, sd: float, full: float) -> None:
        self.rows, self._mean, self._sd, self._full = rows, mean, sd, full
        self.setMinimumHeight(ROW * len(rows) + 30)
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(320, ROW * max(8, len(self.rows)) + 30)

    def _share(self, value: float) -> float:
        """How much of a whole bar a value takes, 0…1."""
        return min(1.0, max(0.0, value / self._full))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        if not self.rows:
            painter.setPen(theme.color("muted"))
            painter.setFont(theme.font(theme.HINT_PX))
            room = self.rect().adjusted(theme.LARGE, 0, -theme.LARGE, 0)
            flags = Qt.AlignmentFlag.AlignCenter.value | Qt.TextFlag.TextWordWrap.value
            painter.drawText(room, flags, self.empty_words)
            painter.end()
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        metrics = painter.fontMetrics()
        left = max(metrics.horizontalAdvance(name) for name, _, _ in self.rows) + 12
        right = metrics.horizontalAdvance("0.000") + 20
        if any(n for _, _, n in self.rows):
            right += metrics.horizontalAdvance("n = 9999")
        wide = max(40, self.width() - left - right)
        bottom = ROW * len(self.rows)
        band = QColor(theme.color("muted"))
        band.setAlpha(38)
        low, high = self._share(self._mean - self._sd), self._share(self._mean + self._sd)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("track"))
        for number in range(len(self.rows)):
            painter.drawRoundedRect(QRectF(left, number * ROW + (ROW - BAR) / 2, wide, BAR), 3, 3)
        painter.fillRect(QRectF(left + wide * low, 0, wide * (high - low), bottom), band)
        for number, (name, value, n) in enumerate(self.rows):
            top = number * ROW
            middle = Qt.AlignmentFlag.AlignVCenter
            painter.setFont(theme.font())
            painter.setPen(theme.color("text"))
            painter.drawText(QRectF(0, top, left - 8, ROW), Qt.AlignmentFlag.AlignRight | middle, name)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(theme.BLUE))
            painter.drawRoundedRect(
                QRectF(left, top + (ROW - BAR) / 2, max(2.0, wide * self._share(value)), BAR), 3, 3
            )
            painter.setPen(theme.color("text"))
            painter.drawText(
                QRectF(left + wide + 8, top, 60, ROW), Qt.AlignmentFlag.AlignLeft | middle, f"{value:.3f}"
            )
            painter.setFont(theme.font(theme.HINT_PX))
            painter.setPen(theme.color("muted"))
            count = f"n = {n}" if n else ""
            painter.drawText(
                QRectF(0, top, self.width() - 4, ROW), Qt.AlignmentFlag.AlignRight | middle, count
            )
        painter.setPen(QPen(theme.color("text"), 1, Qt.PenStyle.DashLine))
        x = left + wide * self._share(self._mean)
        painter.drawLine(QPointF(x, 0), QPointF(x, bottom))
        painter.setFont(theme.font(theme.HINT_PX))
        painter.setPen(theme.color("muted"))
        text = tr("mean {mean} ± {sd}", mean=f"{self._mean:.3f}", sd=f"{self._sd:.3f}")
        place = min(max(0.0, x - 60), self.width() - 140.0)
        painter.drawText(QRectF(place, bottom + 4, 140, 18), Qt.AlignmentFlag.AlignCenter, text)
        painter.end()
