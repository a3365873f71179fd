"""The time line of a session or a file: a strip of colours, a word in each stretch that has room for one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QHelpEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QToolTip, QWidget

from app import theme
from app.i18n import digits, tr
from app.tabs.emotion.on_axis import OnAxis
from app.widgets.described import Description, listed
from models.emotion.session import SessionLog, Stretch, joined

STRIP, AXIS, LEGEND = 30, 20, 20
MOST_DRAWN = 2000
STEPS_S = (60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800, 86400)  # how long a growing axis may be
PAD = 6  # px before a word
Segment = tuple[float, float, str | None]


class Timeline(OnAxis):
    """Stretches with a label each; None is no speech, and hatched. A click tells the time under it."""

    def __init__(
        self,
        words: Callable[[str], str],
        color: Callable[[str, int], str],
        parent: QWidget | None = None,
        grows: bool = False,
    ) -> None:
        """`words`: a label for people. `color`: ``#RRGGBB`` of a label, given its place among those on screen.
        `grows`: of a session that goes on; the axis gets longer in steps, and stands still between them."""
        super().__init__(STRIP, parent)
        self._words, self._color, self._grows = words, color, grows
        self._log = SessionLog()
        self.setAccessibleName(tr("Time line"))
        self._description = Description(self, self.in_words)

    def sizeHint(self) -> QSize:
        return QSize(300, STRIP + self._axis_height() + LEGEND)

    def in_words(self) -> str:
        """How long each label was, the longest first."""
        lengths: dict[str | None, float] = {}
        for stretch in self._log.stretches:
            lengths[stretch.label] = lengths.get(stretch.label, 0.0) + stretch.length_s
        said = [
            f"{tr('no speech') if label is None else self._words(label)} {digits(seconds, '.1f')} s"
            for label, seconds in sorted(lengths.items(), key=lambda item: -item[1])
        ]
        return listed(said)

    def segments(self) -> list[Segment]:
        """(start_s, end_s, label) in order."""
        return [(stretch.start_s, stretch.end_s, stretch.label) for stretch in self._log.stretches]

    def set_segments(self, starts_s: np.ndarray, ends_s: np.ndarray, labels: Sequence[str | None]) -> None:
        """Show these stretches, in order: float [n] seconds, and a label each, None for no speech."""
        self._log = SessionLog()
        for start, end, label in zip(starts_s, ends_s, labels, strict=True):
            self._log.add(float(start), float(end), label)
        self._shows_other()

    def add(self, start_s: float, end_s: float, label: str | None) -> None:
        """The next stretch; equal neighbours become one, and the oldest of very many are joined."""
        self._log.add(start_s, end_s, label)
        self._shows_other()

    def _shows_other(self) -> None:
        self._description.changed()
        self.update()

    def show_log(self, log: SessionLog) -> None:
        """The stretches of a session, as they are now."""
        self._log = log
        self._shows_other()

    def show_nothing(self) -> None:
        """An empty line."""
        self._log, self._head = SessionLog(), None
        self._shows_other()

    # Drawing ----------------------------------------------------------------------------------------------

    def _axis_height(self) -> int:
        return 0 if self._plot is not None else AXIS

    def holds_something(self) -> bool:
        """Whether there are stretches."""
        return bool(self._log.stretches)

    def own_span(self) -> tuple[float, float]:
        """From the first stretch to the last; a growing axis is longer."""
        stretches = self._log.stretches
        if not stretches:
            return 0.0, 60.0
        first, last = min(0.0, stretches[0].start_s), max(stretches[-1].end_s, stretches[0].start_s + 1.0)
        return first, next((step for step in STEPS_S if step >= last), last) if self._grows else last

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        self._draw_back(painter)
        strip = self._strip()
        painter.setClipRect(strip)
        order = self._draw_stretches(painter, strip)
        self._draw_times(painter)
        painter.setClipping(False)
        if self._plot is None:
            self._draw_axis(painter)
        self._draw_legend(painter, order)
        painter.end()

    def _draw_stretches(self, painter: QPainter, strip: QRectF) -> list[str]:
        """The labels that there are, in the order in which they came up."""
        order: list[str] = []
        for item in _thinned(self._log.stretches):
            left, right = self._x_of(item.start_s), self._x_of(item.end_s)
            place = QRectF(left, 0, max(1.0, right - left), STRIP)
            if item.label is not None and item.label not in order:
                order.append(item.label)
            if not place.intersects(strip):
                continue
            if item.label is None:
                painter.fillRect(place, QBrush(theme.color("edge"), Qt.BrushStyle.BDiagPattern))
                continue
            color = QColor(self._color(item.label, order.index(item.label)))
            painter.fillRect(place, color)
            # The word stands at the stretch's beginning, as far as that is in view: it does not move as it grows.
            place.setLeft(max(place.left(), strip.left()) + PAD)
            words = self._words(item.label)
            if painter.fontMetrics().horizontalAdvance(words) + PAD < place.width():
                painter.setPen(theme.ink_on(color))
                painter.drawText(place, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, words)
        return order

    def _draw_axis(self, painter: QPainter) -> None:
        painter.setPen(theme.color("muted"))
        first, last = self._span()
        scale = self.width() / (last - first)
        steps = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400)
        step = next((s for s in steps if s * scale >= 70), 28800)
        for mark in range(int(-(-first // step)) * step, int(last) + 1, step):
            text = clock(mark)
            wide = painter.fontMetrics().horizontalAdvance(text)
            x = min(max(0.0, self._x_of(mark) - wide / 2), self.width() - wide)
            painter.drawText(QPointF(x, STRIP + AXIS - 6), text)

    def _draw_legend(self, painter: QPainter, labels: list[str]) -> None:
        x, y = self._strip().left(), STRIP + self._axis_height() + 2.0
        entries: list[tuple[str, QBrush]] = [
            (self._words(label), QBrush(QColor(self._color(label, number))))
            for number, label in enumerate(labels)
        ]
        if any(stretch.label is None for stretch in self._log.stretches):
            entries.append((tr("no speech"), QBrush(theme.color("edge"), Qt.BrushStyle.BDiagPattern)))
        for words, brush in entries:
            painter.fillRect(QRectF(x, y + 2, 12, 10), brush)
            painter.setPen(theme.color("muted"))
            painter.drawText(QPointF(x + 17, y + 11), words)
            x += 17 + painter.fontMetrics().horizontalAdvance(words) + theme.MEDIUM

    def read_at(self, time_s: float) -> str:
        """What the read-out says at that time: ``0:05–0:12 · happy``."""
        result = self._log.at(time_s)
        if result is None:
            return ""
        words = self._words(result.label) if result.label is not None else tr("no speech")
        return f"{clock(result.start_s)}–{clock(result.end_s)} · {words}"

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
