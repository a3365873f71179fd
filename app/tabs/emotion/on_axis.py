"""A strip under plots that has their time axis and their cursor: what a time line and curves of degrees share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app import theme
from app.widgets.plot import Plot


class OnAxis(QWidget):
    """A strip of a fixed height, with a cursor and a play head. A click tells the time under it.

    cursor_moved(seconds): the mouse is over that time; NaN: not any more.
    """

    clicked = Signal(float)
    cursor_moved = Signal(float)

    def __init__(self, strip_px: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.strip_px = strip_px
        self._head: float | None = None
        self._cursor = float("nan")
        self._plot: Plot | None = None  # whose axis this strip has, too
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)
        theme.notifier.changed.connect(self.update)

    def follow(self, plots: Sequence[Plot]) -> None:
        """Show what the plots above show: one axis, drawn by the last of them, and one cursor."""
        self._plot = plots[-1]
        self._plot.getViewBox().sigXRangeChanged.connect(self._moved)
        self._plot.getViewBox().sigResized.connect(self._moved)
        for plot in plots:
            plot.cursor_moved.connect(self.set_cursor)
            self.cursor_moved.connect(plot.set_cursor)
        self.updateGeometry()

    def holds_something(self) -> bool:
        """Whether there is anything under the mouse."""
        raise NotImplementedError

    def own_span(self) -> tuple[float, float]:
        """The first and the last second, where no plot says them."""
        raise NotImplementedError

    def _moved(self, *_: object) -> None:
        self.update()

    def set_cursor(self, time_s: float) -> None:
        """A line at that time; NaN takes it away."""
        self._cursor = time_s
        self.update()

    def set_playhead(self, place_s: float | None) -> None:
        """Where the sound is that plays, in seconds; None while none does."""
        if place_s != self._head:
            self._head = place_s
            self.update()

    # Drawing ----------------------------------------------------------------------------------------------

    def _span(self) -> tuple[float, float]:
        if self._plot is None:
            return self.own_span()
        first, last = self._plot.getViewBox().viewRange()[0]
        return float(first), max(float(last), float(first) + 1e-3)

    def _strip(self) -> QRectF:
        """Where the strip is: under the plot whose axis it has, else all of the width."""
        if self._plot is None:
            return QRectF(0, 0, self.width(), self.strip_px)
        box = self._plot.getViewBox().sceneBoundingRect()
        return QRectF(box.left(), 0, max(1.0, box.width()), self.strip_px)

    def _x_of(self, time_s: float) -> float:
        strip, (first, last) = self._strip(), self._span()
        return strip.left() + (time_s - first) / (last - first) * strip.width()

    def _draw_back(self, painter: QPainter) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font(theme.HINT_PX))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("card"))
        painter.drawRoundedRect(self._strip(), theme.RADIUS, theme.RADIUS)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _draw_times(self, painter: QPainter) -> None:
        """The cursor and the play head."""
        for place, token in ((self._cursor, "muted"), (self._head, "text")):
            if place is not None and np.isfinite(place):
                painter.setPen(QPen(theme.color(token), 1))
                painter.drawLine(QPointF(self._x_of(place), 0), QPointF(self._x_of(place), self.strip_px))

    # The mouse --------------------------------------------------------------------------------------------

    def _time_at(self, x: float) -> float:
        (first, last), strip = self._span(), self._strip()
        return first + (x - strip.left()) / strip.width() * (last - first)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self.holds_something() and event.button() == Qt.MouseButton.LeftButton:
            self.clicked.emit(self._time_at(event.position().x()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self.holds_something():
            self.set_cursor(self._time_at(event.position().x()))
            self.cursor_moved.emit(self._cursor)
        super().mouseMoveEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self.set_cursor(float("nan"))
        self.cursor_moved.emit(self._cursor)
