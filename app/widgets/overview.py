"""The whole recording as a strip, with a window on what is in view; and the times above the lanes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app import theme
from app.audio.outline import Outline
from app.i18n import digits, plural, tr
from app.widgets.described import Description
from app.widgets.sound_canvas import LEAST_TOP, paint_columns
from app.widgets.time_axis import Span, TimeAxis, time_words

HEIGHT, TURN, GAP = 36, 6, 2  # of the sound, of a speaker's line under it, and below the last


class Overview(QWidget):
    """Drag the window to move it; press beside it to bring that place into view."""

    def __init__(self, axis: TimeAxis, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.axis = axis
        self._outline: Outline | None = None
        self._turns: list[tuple[str, Sequence[Span]]] = []
        self._picture: QPixmap | None = None
        self._grip_s: float | None = None  # of the window: where it is held
        self.setFixedHeight(HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(tr("The whole recording"))
        self.setToolTip(tr("The whole recording; drag the window to move what is in view"))
        self._description = Description(self, self.in_words)
        for signal in (axis.view_changed, axis.region_changed, axis.head_changed):
            signal.connect(self.update)
        axis.view_changed.connect(self._description.changed)
        theme.notifier.changed.connect(self._redraw)

    def set_outline(self, outline: Outline | None) -> None:
        """Draw another recording; None for an empty strip."""
        self._outline, self._turns = outline, []
        self.setFixedHeight(HEIGHT)
        self._redraw()

    def set_turns(self, turns: Sequence[tuple[str, Sequence[Span]]]) -> None:
        """Who speaks when, under the sound: for each speaker a colour of the theme and stretches in seconds."""
        self._turns = list(turns)
        self.setFixedHeight(HEIGHT + TURN * len(self._turns) + (GAP if self._turns else 0))
        self._redraw()

    def in_words(self) -> str:
        """How long the recording is, how many speak in it, and what of it is in view."""
        if self._outline is None:
            return ""
        said = [tr("{seconds} s of sound", seconds=digits(self._outline.duration_s, ".1f"))]
        if self._turns:
            said.append(plural("{n} speaker", "{n} speakers", len(self._turns)))
        first, last = (digits(place, ".1f") for place in self.axis.view)
        said.append(tr("in view: {first} to {last} s", first=first, last=last))
        return "; ".join(said)

    def _redraw(self) -> None:
        self._description.changed()
        self._picture = None
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._redraw()

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._picture is None:
            self._picture = self._drawn()
        painter = QPainter(self)
        painter.drawPixmap(0, 0, self._picture)
        duration = self.axis.duration_s
        if self._outline is not None and duration > 0:
            scale = self.width() / duration
            first, last = (place * scale for place in self.axis.view)
            if self.axis.region is not None:
                a, b = (place * scale for place in self.axis.region)
                tint = theme.color("accent")
                tint.setAlpha(70)
                painter.fillRect(QRectF(a, 0, max(1.0, b - a), self.height()), tint)
            if last - first < self.width() - 1:
                veil = theme.color("view")
                veil.setAlpha(165)
                painter.fillRect(QRectF(0, 0, first, self.height()), veil)
                painter.fillRect(QRectF(last, 0, self.width() - last, self.height()), veil)
                painter.setPen(QPen(theme.color("accent"), 1))
                painter.drawRect(QRectF(first, 0.5, max(2.0, last - first - 1), self.height() - 1))
            if self.axis.head_s is not None:
                painter.setPen(QPen(theme.color("text"), 1))
                x = self.axis.head_s * scale
                painter.drawLine(QPointF(x, 0), QPointF(x, self.height()))
        painter.end()

    def _drawn(self) -> QPixmap:
        ratio = self.devicePixelRatioF()
        picture = QPixmap(self.size() * ratio)
        picture.setDevicePixelRatio(ratio)
        picture.fill(theme.color("card"))
        if self._outline is None or self._outline.duration_s <= 0:
            return picture
        columns = max(1, self.width())
        low, high = self._outline.envelope(0.0, self._outline.duration_s / columns, columns)
        top = max(LEAST_TOP, self._outline.peak)
        middle, half = HEIGHT / 2, HEIGHT / 2 - 3
        x = np.arange(columns) + 0.5
        painter = QPainter(picture)
        ink = theme.color("wave")
        box = QRectF(0, 3, self.width(), HEIGHT - 6)
        paint_columns(painter, box, x, middle - high / top * half, middle - low / top * half, ink)
        scale = self.width() / self._outline.duration_s
        for number, (color, spans) in enumerate(self._turns):
            for first, last in spans:
                place = QRectF(
                    first * scale, HEIGHT + TURN * number, max(1.0, (last - first) * scale), TURN - 1
                )
                painter.fillRect(place, theme.color(color))
        painter.end()
        return picture

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self._outline is None or event.button() != Qt.MouseButton.LeftButton:
            return
        place = self._time_at(event)
        first, last = self.axis.view
        if not first <= place <= last:
            self.axis.show(place - self.axis.span_s / 2, place + self.axis.span_s / 2)
        self._grip_s = place - self.axis.view[0]

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._grip_s is not None:
            first = self._time_at(event) - self._grip_s
            self.axis.scroll(first - self.axis.view[0])

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._grip_s = None

    def _time_at(self, event: QMouseEvent) -> float:
        return event.position().x() / max(1, self.width()) * self.axis.duration_s


class TimeRuler(QWidget):
    """Round times over the lanes; `indent`: how far right of its own edge the lanes begin."""

    def __init__(self, axis: TimeAxis, indent: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.axis, self.indent = axis, indent
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        axis.view_changed.connect(self.update)
        theme.notifier.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(300, 18)

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.axis.duration_s <= 0:
            return
        painter = QPainter(self)
        painter.setFont(theme.font(theme.HINT_PX))
        wide = self.width() - self.indent
        step = self.axis.mark_s(wide)
        number = int(np.ceil(self.axis.view[0] / step - 1e-9))
        while number * step <= self.axis.view[1] + 1e-9:
            x = self.indent + (number * step - self.axis.view[0]) / self.axis.span_s * wide
            words = time_words(number * step, step)
            length = painter.fontMetrics().horizontalAdvance(words)
            left = min(max(float(self.indent), x - length / 2), self.width() - length)
            painter.setPen(theme.color("muted"))
            painter.drawText(QPointF(left, 12), words)
            painter.setPen(theme.color("edge"))
            painter.drawLine(QPointF(x, 15), QPointF(x, 18))
            number += 1
        painter.end()
