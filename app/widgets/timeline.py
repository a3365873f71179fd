"""The time line of a session or a file: a strip of colours, a word in each stretch that has room for one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QBrush, QColor, QHelpEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app import theme
from app.i18n import tr
from models.emotion.session import SessionLog, Stretch, joined

STRIP, AXIS, LEGEND = 30, 20, 20
MOST_DRAWN = 2000
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
        self._log = SessionLog()
        self._head: float | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)
        self.setAccessibleName(tr("Time line"))
        theme.notifier.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(300, STRIP + AXIS + LEGEND)

    def segments(self) -> list[Segment]:
        """(start_s, end_s, label) in order."""
        return [(one.start_s, one.end_s, one.label) for one in self._log.stretches]

    def set_segments(self, starts_s: np.ndarray, ends_s: np.ndarray, labels: Sequence[str | None]) -> None:
        self._log = SessionLog()
        for start, end, label in zip(starts_s, ends_s, labels, strict=True):
            self._log.add(float(start), float(end), label)
        self.update()

    def add(self, start_s: float, end_s: float, label: str | None) -> None:
        """The next stretch; equal neighbours become one, and the oldest of very many are joined."""
        self._log.add(start_s, end_s, label)
        self.update()

    def set_playhead(self, place_s: float | None) -> None:
        if place_s != self._head:
            self._head = place_s
            self.update()

    def show_nothing(self) -> None:
        self._log, self._head = SessionLog(), None
        self.update()

    # Drawing ----------------------------------------------------------------------------------------------

    def _span(self) -> tuple[float, float]:
        stretches = self._log.stretches
        if not stretches:
            return 0.0, 60.0
        return min(0.0, stretches[0].start_s), max(stretches[-1].end_s, stretches[0].start_s + 1.0)

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
        for one in _thinned(self._log.stretches):
            label = one.label
            place = QRectF((one.start_s - first) * scale, 0, max(1.0, one.length_s * scale), STRIP)
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
        if any(one.label is None for one in self._log.stretches):
            entries.append((tr("no speech"), QBrush(theme.color("edge"), Qt.BrushStyle.BDiagPattern)))
        for words, brush in entries:
            painter.fillRect(QRectF(x, y + 2, 12, 10), brush)
            painter.setPen(theme.color("muted"))
            painter.drawText(QPointF(x + 17, y + 11), words)
            x += 17 + painter.fontMetrics().horizontalAdvance(words) + theme.MEDIUM

    def read_at(self, time_s: float) -> str:
        """What the read-out says at that time: ``0:05–0:12 · happy``."""
        found = self._log.at(time_s)
        if found is None:
            return ""
        words = self._words(found.label) if found.label is not None else tr("no speech")
        return f"{clock(found.start_s)}–{clock(found.end_s)} · {words}"

    # The mouse --------------------------------------------------------------------------------------------

    def _time_at(self, x: float) -> float:
        first, last = self._span()
        return first + x / max(1, self.width()) * (last - first)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self._log.stretches and event.button() == Qt.MouseButton.LeftButton:
            self.clicked.emit(self._time_at(event.position().x()))

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and self._log.stretches:
            words = self.read_at(self._time_at(event.pos().x()))
            if words:
                QToolTip.showText(event.globalPos(), words, self)
            return True
        return super().event(event)


def clock(seconds: float) -> str:
    """``1:05``, ``2:00:00``."""
    whole = round(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"


def _thinned(stretches: list[Stretch]) -> list[Stretch]:
    """No more than can be told apart on a screen."""
    while len(stretches) > MOST_DRAWN:
        stretches = joined(stretches, len(stretches))
    return stretches


def _readable(background: QColor) -> QColor:
    light = 0.299 * background.red() + 0.587 * background.green() + 0.114 * background.blue()
    return QColor("#1C2126" if light > 125 else "#FFFFFF")
