"""The time line of a session or a file: a strip of colours, a word in each stretch that has room for one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QBrush, QColor, QHelpEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app import theme
from app.i18n import tr

STRIP, AXIS, LEGEND = 30, 20, 20
MOST_DRAWN = 2000
MOST_KEPT = 20_000
Segment = tuple[float, float, str | None]


class Timeline(QWidget):
    """Stretches with a label each; None is no speech, and hatched. A click tells the time under it."""

    clicked = Signal(float)

    def __init__(
        self, words: Callable[[str], str], color: Callable[[str, int], str], parent: QWidget | None = None
    ) -> None:
        """`words`: a label for people. `color`: ``#RRGGBB`` of a label, given its place among those on screen."""
        super().__init__(parent)
        self._words, self._color = words, color
        self._segments: list[Segment] = []
        self._head: float | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)
        self.setAccessibleName(tr("Time line"))
        theme.notifier.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(300, STRIP + AXIS + LEGEND)

    def segments(self) -> list[Segment]:
        """(start_s, end_s, label) in order."""
        return list(self._segments)

    def set_segments(self, starts_s: np.ndarray, ends_s: np.ndarray, labels: Sequence[str | None]) -> None:
        self._segments = []
        for start, end, label in zip(starts_s, ends_s, labels, strict=True):
            self._append(float(start), float(end), label)
        self.update()

    def add(self, start_s: float, end_s: float, label: str | None) -> None:
        """The next stretch; equal neighbours become one, and the oldest of very many are joined."""
        self._append(start_s, end_s, label)
        if len(self._segments) > MOST_KEPT:
            self._segments = _joined(self._segments, MOST_KEPT // 2)
        self.update()

    def set_playhead(self, place_s: float | None) -> None:
        if place_s != self._head:
            self._head = place_s
            self.update()

    def show_nothing(self) -> None:
        self._segments, self._head = [], None
        self.update()

    def _append(self, start: float, end: float, label: str | None) -> None:
        if self._segments and self._segments[-1][2] == label and start - self._segments[-1][1] < 1e-3:
            start = self._segments.pop()[0]
        self._segments.append((start, end, label))

    # Drawing ----------------------------------------------------------------------------------------------

    def _span(self) -> tuple[float, float]:
        if not self._segments:
            return 0.0, 60.0
        return min(0.0, self._segments[0][0]), max(self._segments[-1][1], self._segments[0][0] + 1.0)

    def paintEvent(self, event: QPaintEvent) -> None:
        now = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font(theme.HINT_PX))
        box = QRectF(0, 0, self.width(), STRIP)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color(now.card))
        painter.drawRoundedRect(box, theme.RADIUS, theme.RADIUS)
        first, last = self._span()
        scale = self.width() / (last - first)
        order: list[str] = []
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        for start, end, label in _thinned(self._segments):
            place = QRectF((start - first) * scale, 0, max(1.0, (end - start) * scale), STRIP)
            if label is None:
                hatch = QBrush(theme.color(now.edge), Qt.BrushStyle.BDiagPattern)
                painter.fillRect(place, hatch)
                continue
            if label not in order:
                order.append(label)
            color = QColor(self._color(label, order.index(label)))
            painter.fillRect(place, color)
            words = self._words(label)
            if painter.fontMetrics().horizontalAdvance(words) + 12 < place.width():
                painter.setPen(_readable(color))
                painter.drawText(place, Qt.AlignmentFlag.AlignCenter, words)
        self._draw_axis(painter, first, last, scale)
        self._draw_legend(painter, order)
        if self._head is not None:
            painter.setPen(QPen(theme.color(now.text), 1))
            x = (self._head - first) * scale
            painter.drawLine(QPointF(x, 0), QPointF(x, STRIP))
        painter.end()

    def _draw_axis(self, painter: QPainter, first: float, last: float, scale: float) -> None:
        painter.setPen(theme.color("muted"))
        step = next(
            (s for s in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400) if s * scale >= 70),
            28800,
        )
        mark = int(-(-first // step)) * step
        while mark <= last:
            text = clock(mark)
            x = (mark - first) * scale
            wide = painter.fontMetrics().horizontalAdvance(text)
            x = min(max(0.0, x - wide / 2), self.width() - wide)
            painter.drawText(QPointF(x, STRIP + AXIS - 6), text)
            mark += step

    def _draw_legend(self, painter: QPainter, labels: list[str]) -> None:
        x, y = 0.0, STRIP + AXIS + 2.0
        entries: list[tuple[str, QBrush]] = [
            (self._words(label), QBrush(QColor(self._color(label, number))))
            for number, label in enumerate(labels)
        ]
        if any(label is None for _, _, label in self._segments):
            entries.append((tr("no speech"), QBrush(theme.color("edge"), Qt.BrushStyle.BDiagPattern)))
        for words, brush in entries:
            painter.fillRect(QRectF(x, y + 2, 12, 10), brush)
            painter.setPen(theme.color("muted"))
            painter.drawText(QPointF(x + 17, y + 11), words)
            x += 17 + painter.fontMetrics().horizontalAdvance(words) + theme.MEDIUM

    # The mouse --------------------------------------------------------------------------------------------

    def _time_at(self, x: float) -> float:
        first, last = self._span()
        return first + x / max(1, self.width()) * (last - first)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self._segments and event.button() == Qt.MouseButton.LeftButton:
            self.clicked.emit(self._time_at(event.position().x()))

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and self._segments:
            place = self._time_at(event.pos().x())
            found = next((one for one in self._segments if one[0] <= place <= one[1]), None)
            if found is not None:
                words = self._words(found[2]) if found[2] else tr("no speech")
                QToolTip.showText(event.globalPos(), f"{clock(found[0])}–{clock(found[1])} · {words}", self)
            return True
        return super().event(event)


def clock(seconds: float) -> str:
    """``1:05``, ``2:00:00``."""
    whole = round(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"


def _thinned(segments: list[Segment]) -> list[Segment]:
    """No more than can be told apart on a screen."""
    while len(segments) > MOST_DRAWN:
        segments = _joined(segments, len(segments))
    return segments


def _joined(segments: list[Segment], oldest: int) -> list[Segment]:
    """The oldest in pairs, each under the label of its longer part."""
    joined = []
    for a, b in zip(segments[: oldest - oldest % 2 : 2], segments[1 : oldest - oldest % 2 : 2], strict=True):
        longer = a if a[1] - a[0] >= b[1] - b[0] else b
        joined.append((a[0], b[1], longer[2]))
    return joined + segments[oldest - oldest % 2 :]


def _readable(background: QColor) -> QColor:
    light = 0.299 * background.red() + 0.587 * background.green() + 0.114 * background.blue()
    return QColor("#1C2126" if light > 125 else "#FFFFFF")
