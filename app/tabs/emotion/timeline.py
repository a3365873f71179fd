"""The time line of a session or a file: a strip of colours, a word in each stretch that has room for one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QBrush, QColor, QHelpEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app import theme
from app.i18n import digits, tr
from app.widgets.described import Description, listed
from app.widgets.plot import Plot
from models.emotion.session import SessionLog, Stretch, joined

STRIP, AXIS, LEGEND = 30, 20, 20
MOST_DRAWN = 2000
STEPS_S = (60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800, 86400)  # how long a growing axis may be
PAD = 6  # px before a word
Segment = tuple[float, float, str | None]


class Timeline(QWidget):
    """Stretches with a label each; None is no speech, and hatched. A click tells the time under it.

    cursor_moved(seconds): the mouse is over that time; NaN: not any more.
    """

    clicked = Signal(float)
    cursor_moved = Signal(float)

    def __init__(
        self,
        words: Callable[[str], str],
        color: Callable[[str, int], str],
        parent: QWidget | None = None,
        grows: bool = False,
    ) -> None:
        """`words`: a label for people. `color`: ``#RRGGBB`` of a label, given its place among those on screen.
        `grows`: of a session that goes on; the axis gets longer in steps, and stands still between them."""
        super().__init__(parent)
        self._words, self._color, self._grows = words, color, grows
        self._log = SessionLog()
        self._head: float | None = None
        self._cursor = float("nan")
        self._plot: Plot | None = None  # whose axis this line has, too
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)
        self.setAccessibleName(tr("Time line"))
        self._description = Description(self, self.in_words)
        theme.notifier.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(300, STRIP + self._axis_height() + LEGEND)

    def follow(self, plots: Sequence[Plot]) -> None:
        """Show what the plots above show: one axis, drawn by the last of them, and one cursor."""
        self._plot = plots[-1]
        self._plot.getViewBox().sigXRangeChanged.connect(self._moved)
        self._plot.getViewBox().sigResized.connect(self._moved)
        for plot in plots:
            plot.cursor_moved.connect(self.set_cursor)
            self.cursor_moved.connect(plot.set_cursor)
        self.updateGeometry()

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

    def _moved(self, *_: object) -> None:
        self.update()

    def show_log(self, log: SessionLog) -> None:
        """The stretches of a session, as they are now."""
        self._log = log
        self._shows_other()

    def set_cursor(self, time_s: float) -> None:
        """A line at that time; NaN takes it away."""
        self._cursor = time_s
        self.update()

    def set_playhead(self, place_s: float | None) -> None:
        """Where the sound is that plays, in seconds; None while none does."""
        if place_s != self._head:
            self._head = place_s
            self.update()

    def show_nothing(self) -> None:
        """An empty line."""
        self._log, self._head = SessionLog(), None
        self._shows_other()

    # Drawing ----------------------------------------------------------------------------------------------

    def _axis_height(self) -> int:
        return 0 if self._plot is not None else AXIS

    def _span(self) -> tuple[float, float]:
        if self._plot is not None:
            first, last = self._plot.getViewBox().viewRange()[0]
            return float(first), max(float(last), float(first) + 1e-3)
        stretches = self._log.stretches
        if not stretches:
            return 0.0, 60.0
        first, last = min(0.0, stretches[0].start_s), max(stretches[-1].end_s, stretches[0].start_s + 1.0)
        return first, next((step for step in STEPS_S if step >= last), last) if self._grows else last

    def _strip(self) -> QRectF:
        """Where the strip is: under the plot whose axis it has, else all of the width."""
        if self._plot is None:
            return QRectF(0, 0, self.width(), STRIP)
        box = self._plot.getViewBox().sceneBoundingRect()
        return QRectF(box.left(), 0, max(1.0, box.width()), STRIP)

    def _x_of(self, time_s: float) -> float:
        strip, (first, last) = self._strip(), self._span()
        return strip.left() + (time_s - first) / (last - first) * strip.width()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font(theme.HINT_PX))
        strip = self._strip()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("card"))
        painter.drawRoundedRect(strip, theme.RADIUS, theme.RADIUS)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setClipRect(strip)
        order = self._draw_stretches(painter, strip)
        for place, token in ((self._cursor, "muted"), (self._head, "text")):
            if place is not None and np.isfinite(place):
                painter.setPen(QPen(theme.color(token), 1))
                painter.drawLine(QPointF(self._x_of(place), 0), QPointF(self._x_of(place), STRIP))
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

    # The mouse --------------------------------------------------------------------------------------------

    def _time_at(self, x: float) -> float:
        (first, last), strip = self._span(), self._strip()
        return first + (x - strip.left()) / strip.width() * (last - first)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self._log.stretches and event.button() == Qt.MouseButton.LeftButton:
            self.clicked.emit(self._time_at(event.position().x()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._log.stretches:
            self.set_cursor(self._time_at(event.position().x()))
            self.cursor_moved.emit(self._cursor)
        super().mouseMoveEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self.set_cursor(float("nan"))
        self.cursor_moved.emit(self._cursor)

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
