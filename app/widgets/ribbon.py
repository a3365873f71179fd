"""A thin strip on a time axis: what was heard when, in colours, with its words where the mouse is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PySide6.QtCore import QEvent, QRectF, Qt
from PySide6.QtGui import QColor, QHelpEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app import theme
from app.i18n import plural, tr
from app.widgets.time_axis import TimeAxis, time_words

HEIGHT = 18
LEAST_WORDS_PX = 6  # room beside words


@dataclass(frozen=True)
class Ribbon:
    """What was heard in a track, stretch by stretch. starts_s, ends_s: [stretch]; words: of each, none where nobody
    speaks; colors: of each (``#RRGGBB``)."""

    path: Path
    starts_s: np.ndarray
    ends_s: np.ndarray
    words: tuple[str, ...]
    colors: tuple[str, ...]


class RibbonStrip(QWidget):
    """Hidden until it is given something to show."""

    def __init__(self, axis: TimeAxis, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._axis, self._name = axis, name
        self.ribbon: Ribbon | None = None
        self.setFixedHeight(HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        for signal in (axis.view_changed, axis.head_changed):
            signal.connect(self.update)
        theme.notifier.changed.connect(self.update)
        self.hide()

    def show_ribbon(self, ribbon: Ribbon | None) -> None:
        """What was heard, or nothing any more."""
        self.ribbon = ribbon
        self.setVisible(ribbon is not None)
        if ribbon is not None:
            self.setAccessibleName(tr("What was heard of {name}", name=self._name))
            counts = {word: ribbon.words.count(word) for word in dict.fromkeys(ribbon.words) if word}
            counted = [f"{word}: {plural('{n} stretch', '{n} stretches', n)}" for word, n in counts.items()]
            self.setAccessibleDescription(", ".join(counted) or tr("no speech"))
        self.update()

    def word_at(self, place_s: float) -> str:
        """``0:05–0:12 · happy``; nothing where nobody speaks."""
        for start, end, word in self._stretches():
            if start <= place_s < end and word:
                return f"{time_words(start)}–{time_words(end)} · {word}"
        return ""

    def _stretches(self) -> list[tuple[float, float, str]]:
        """Neighbours that say the same as one."""
        stretches: list[tuple[float, float, str]] = []
        if self.ribbon is not None:
            for start, end, word in zip(
                self.ribbon.starts_s, self.ribbon.ends_s, self.ribbon.words, strict=True
            ):
                if stretches and stretches[-1][2] == word and abs(stretches[-1][1] - start) < 1e-3:
                    stretches[-1] = (stretches[-1][0], float(end), word)
                else:
                    stretches.append((float(start), float(end), word))
        return stretches

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("card"))
        painter.setFont(theme.font(theme.HINT_PX))
        first, last = self._axis.view
        scale = self.width() / max(last - first, 1e-9)
        colors = dict(zip(self.ribbon.words, self.ribbon.colors, strict=True)) if self.ribbon else {}
        for start, end, word in self._stretches():
            if not word or end < first or start > last:
                continue
            left, right = max(0.0, (start - first) * scale), min(self.width(), (end - first) * scale)
            box = QRectF(left, 2, max(1.0, right - left - 1), self.height() - 4)
            painter.fillRect(box, QColor(colors[word]))
            if painter.fontMetrics().horizontalAdvance(word) + LEAST_WORDS_PX <= box.width():
                painter.setPen(theme.ink_on(QColor(colors[word])))
                painter.drawText(box, Qt.AlignmentFlag.AlignCenter, word)
        if self._axis.head_s is not None:
            painter.setPen(theme.color("text"))
            x = round((self._axis.head_s - first) * scale)
            painter.drawLine(x, 0, x, self.height())
        painter.end()

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent):
            first, last = self._axis.view
            words = self.word_at(first + event.pos().x() / max(1, self.width()) * (last - first))
            if words:
                QToolTip.showText(event.globalPos(), words, self)
            else:
                QToolTip.hideText()
            return True
        return super().event(event)
