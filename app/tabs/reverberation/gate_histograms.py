"""Small multiples, one a role: how its gates are spread over the sequences, or how they went through training."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app import theme
from app.i18n import tr
from app.tabs.reverberation.module_names import full_name, module_color, short_name
from app.widgets.described import Description
from models.reverberation.wiring import ROLE_NAMES, Wiring, documented

BINS = 24


class GateHistograms(QWidget):
    """Filled: pass 1; outlined: pass 2. chosen(role): a click, or the arrow keys."""

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._counts: np.ndarray | None = None  # [2, 19, BINS], the highest 1
        self._means: np.ndarray | None = None  # [2, 19]
        self._curves: np.ndarray | None = None  # [2, 19, epochs]
        self._at = 0  # of the epochs
        self._wiring = documented()
        self.selected = ""
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumHeight(84)
        self.setMaximumHeight(110)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(tr("Distribution of every gate"))
        self._description = Description(self, self.in_words)
        theme.notifier.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(640, 96)

    def set_wiring(self, wiring: Wiring) -> None:
        """Roles have the colours of the processors they belong to."""
        self._wiring = wiring
        self.update()

    def in_words(self) -> str:
        """The mean of every role's gates, of pass 1 and of pass 2."""
        if self._means is None:
            return ""
        pairs = zip(ROLE_NAMES, *self._means, strict=True)
        return "; ".join(f"{full_name(name)} {first:.2f}, {second:.2f}" for name, first, second in pairs)

    def set_gates(self, gates: np.ndarray | None) -> None:
        """[38, n]."""
        self._counts = self._means = self._curves = None
        if gates is not None and gates.shape[1]:
            edges = np.linspace(0, 1, BINS + 1)
            counts = np.stack([np.histogram(gate, edges)[0] for gate in gates]).astype(float)
            counts /= np.maximum(counts.max(axis=1, keepdims=True), 1)
            self._counts = counts.reshape(2, len(ROLE_NAMES), BINS)
            self._means = gates.mean(axis=1).reshape(2, -1)
        self._description.changed()
        self.update()

    def set_training(self, gates: np.ndarray, at: int) -> None:
        """[epochs, 38], and the epoch to be marked (its place, from 0)."""
        self._counts = None
        self._curves = gates.T.reshape(2, len(ROLE_NAMES), -1)
        self._means, self._at = gates[at].reshape(2, -1), at
        self._description.changed()
        self.update()

    def select(self, role: str) -> None:
        """Mark a role without telling."""
        self.selected = role
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.chosen.emit(self._role_at(event.position().x()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Right: 1, Qt.Key.Key_Left: -1}
        if event.key() in steps:
            at = ROLE_NAMES.index(self.selected) if self.selected in ROLE_NAMES else -1
            self.chosen.emit(ROLE_NAMES[(at + steps[Qt.Key(event.key())]) % len(ROLE_NAMES)])
        else:
            super().keyPressEvent(event)

    def _role_at(self, x: float) -> str:
        number = int(x / max(self.width(), 1) * len(ROLE_NAMES))
        return ROLE_NAMES[min(max(number, 0), len(ROLE_NAMES) - 1)]

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and self._means is not None:
            role = self._role_at(event.pos().x())
            means = self._means[:, ROLE_NAMES.index(role)]
            words = tr("gates {first}, {second}", first=f"{means[0]:.3f}", second=f"{means[1]:.3f}")
            QToolTip.showText(event.globalPos(), f"{full_name(role)}\n{words}", self)
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("card"))
        painter.setFont(theme.font(theme.HINT_PX))
        names = painter.fontMetrics().height() + 2
        width, height = self.width() / len(ROLE_NAMES), self.height() - names - 6
        for number, name in enumerate(ROLE_NAMES):
            box = QRectF(number * width + 2, 4, width - 4, height)
            painter.setPen(QPen(theme.color("line")))
            painter.drawLine(box.bottomLeft(), box.bottomRight())
            if self._counts is not None:
                self._paint_histogram(painter, box, self._counts[:, number], module_color(name, self._wiring))
            elif self._curves is not None:
                self._paint_curves(painter, box, self._curves[:, number], module_color(name, self._wiring))
            painter.setFont(theme.font(theme.HINT_PX, bold=name == self.selected))
            painter.setPen(theme.color("text" if name == self.selected else "muted"))
            place = QRectF(box.left() - 4, self.height() - names, width, names)
            words = painter.fontMetrics().elidedText(
                short_name(name), Qt.TextElideMode.ElideRight, round(width) - 2
            )
            painter.drawText(place, Qt.AlignmentFlag.AlignCenter, words)
        if self.hasFocus():
            painter.setPen(QPen(theme.color("accent"), 1))
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()

    def _paint_histogram(self, painter: QPainter, box: QRectF, counts: np.ndarray, fill: QColor) -> None:
        bar = box.width() / BINS
        points = []
        for place, (first, second) in enumerate(counts.T):
            left, tall = box.left() + place * bar, box.height() * first
            painter.fillRect(QRectF(left, box.bottom() - tall, bar, tall), fill)
            y = box.bottom() - box.height() * second
            points += [QPointF(left, y), QPointF(left + bar, y)]
        painter.setPen(QPen(theme.color("text"), 1))
        for item, next_one in pairwise(points):
            painter.drawLine(item, next_one)

    def _paint_curves(self, painter: QPainter, box: QRectF, curves: np.ndarray, color: QColor) -> None:
        steps = max(1, curves.shape[1] - 1)
        for values, ink, width in ((curves[0], color, 2.0), (curves[1], theme.color("text"), 1.0)):
            painter.setPen(QPen(ink, width))
            places = [
                QPointF(box.left() + box.width() * i / steps, box.bottom() - box.height() * float(value))
                for i, value in enumerate(values)
            ]
            painter.drawPolyline(QPolygonF(places))
        x = box.left() + box.width() * self._at / steps
        painter.setPen(QPen(theme.color("muted"), 1, Qt.PenStyle.DashLine))
        painter.drawLine(QPointF(x, box.top()), QPointF(x, box.bottom()))
