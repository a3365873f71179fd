"""Horizontal bars with their figures: one a class, the same classes in the same place all the time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app import motion, theme

ROW = 22
BAR = 10


class Bars(QWidget):
    """Values 0…1 as bars that ease to their new length; `None` shows empty tracks."""

    def __init__(
        self,
        name: str,
        labels: Sequence[str] = (),
        colors: Sequence[str] = (),
        parent: QWidget | None = None,
        figures: Callable[[float], str] = lambda value: f"{round(100 * value)} %",
    ) -> None:
        """figures: a value of 0…1 as it is written beside its bar."""
        super().__init__(parent)
        self._name, self._figures = name, figures
        self._fellows: list[Bars] = []
        self._labels: list[str] = []
        self._colors: list[str] = []
        self._shown = np.zeros(0)
        self._from = np.zeros(0)
        self._target: np.ndarray | None = None
        self._dimmed = False
        self._easing = motion.Easing(self, self._ease)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.notifier.changed.connect(self.update)
        self.set_labels(labels, colors)

    def set_labels(self, labels: Sequence[str], colors: Sequence[str] = ()) -> None:
        """Other classes. `colors`: ``#RRGGBB``, or a token of the theme, a class; missing ones are taken from the categories."""
        self._labels = list(labels)
        known = list(colors)
        self._colors = [*known, *(theme.category(i) for i in range(len(known), len(self._labels)))]
        self._shown = np.zeros(len(self._labels))
        self._target = None
        self.updateGeometry()
        self._describe()
        self.update()

    def set_values(self, values: Sequence[float] | np.ndarray | None, ease: bool = True) -> None:
        """One value of 0…1 a class, or None for nothing. A bar ends at 0 and 1; its figure says what is beyond."""
        self._target = None if values is None else np.asarray(values, dtype=float)
        if self._target is not None and len(self._target) != len(self._labels):
            raise ValueError(f"{len(self._target)} values for {len(self._labels)} bars")
        self._from = self._shown.copy()
        if ease and self.isVisible():
            self._easing.start()
        else:
            self._easing.end()
        self._describe()

    def set_dimmed(self, dimmed: bool) -> None:
        """Pale: the last result, while there is no newer one."""
        if dimmed != self._dimmed:
            self._dimmed = dimmed
            self.update()

    def align_with(self, other: Bars) -> None:
        """Let the tracks of both begin and end at the same places, while both are shown."""
        self._fellows.append(other)
        other._fellows.append(self)

    def _edges(self, metrics: QFontMetrics) -> tuple[int, int]:
        """How wide the words on the left and the figures on the right are, here and beside."""
        shown = [self, *(fellow for fellow in self._fellows if fellow.isVisible())]
        words = [metrics.horizontalAdvance(label) for bars in shown for label in bars._labels]
        figures = [metrics.horizontalAdvance(bars._figures(1.0)) for bars in shown]
        return min(140, max([60, *words])) + 12, max(figures) + 8

    def sizeHint(self) -> QSize:
        return QSize(320, max(1, len(self._labels)) * ROW)

    def minimumSizeHint(self) -> QSize:
        return QSize(160, max(1, len(self._labels)) * ROW)

    def _ease(self, part: float) -> None:
        goal = np.zeros(len(self._labels)) if self._target is None else np.clip(self._target, 0.0, 1.0)
        self._shown = self._from + (goal - self._from) * float(part) if len(self._from) == len(goal) else goal
        self.update()

    def _describe(self) -> None:
        text = self._name
        if self._target is not None:
            pairs = zip(self._labels, self._target, strict=True)
            text += ": " + ", ".join(f"{label} {self._figures(float(value))}" for label, value in pairs)
        self.setAccessibleName(text)

    def paintEvent(self, event: QPaintEvent) -> None:
        now = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font(theme.TEXT_PX))
        metrics = QFontMetrics(painter.font())
        left, right = self._edges(metrics)
        track = max(10, self.width() - left - right)
        for index, label in enumerate(self._labels):
            top = index * ROW
            words = metrics.elidedText(label, Qt.TextElideMode.ElideRight, left - 10)
            painter.setPen(theme.color("text"))
            painter.drawText(QRectF(0, top, left, ROW), Qt.AlignmentFlag.AlignVCenter, words)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color(now.track))
            y = top + (ROW - BAR) / 2
            painter.drawRoundedRect(QRectF(left, y, track, BAR), 2, 2)
            painter.setOpacity(0.4 if self._dimmed else 1.0)
            painter.setBrush(theme.color(self._colors[index]))
            length = track * float(self._shown[index])
            if length >= 1:
                painter.drawRoundedRect(QRectF(left, y, length, BAR), min(2, length / 2), 2)
            painter.setOpacity(1.0)
            if self._target is not None:
                painter.setPen(theme.color("muted" if self._dimmed else "text"))
                place = QRectF(self.width() - right, top, right, ROW)
                painter.drawText(
                    place,
                    Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight,
                    self._figures(float(self._target[index])),
                )
        painter.end()
