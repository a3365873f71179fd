"""The time line of a file, or of a conversation one for each speaker, under one another on one time axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app import theme
from app.i18n import tr
from app.tabs.emotion.timeline import Timeline
from app.tabs.emotion.words import emotion_color, emotion_words
from app.tabs.sent import Conversation
from app.widgets.labels import Dot
from app.widgets.plot import Plot
from app.widgets.ribbon import Ribbon


@dataclass(frozen=True)
class SpeakerLine:
    """Stretches with a label each, None where the speaker is silent. name, color: of the speaker; empty: nobody's."""

    name: str
    color: str
    starts_s: np.ndarray
    ends_s: np.ndarray
    labels: Sequence[str | None]


def ribbons_of(sent: Conversation, lines: Sequence[SpeakerLine]) -> list[Ribbon]:
    """The lines of a conversation's tracks, as they are shown elsewhere."""
    paths = {track.name: track.path for track in sent.tracks}
    return [
        Ribbon(
            paths[line.name],
            line.starts_s,
            line.ends_s,
            tuple(emotion_words(label) if label is not None else "" for label in line.labels),
            tuple(emotion_color(label or "") for label in line.labels),
        )
        for line in lines
        if line.name in paths
    ]


class SpeakerLines(QWidget):
    """Looks like one `Timeline` while there is only one."""

    clicked = Signal(float)

    def __init__(self, above: Sequence[Plot]) -> None:
        """above: the plots whose time axis and cursor these lines share."""
        super().__init__()
        self._above = above
        self.lines: list[Timeline] = []
        self._names: list[str] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(theme.TINY)
        self._shown: list[QWidget] = []
        self.show_lines([])

    def show_lines(self, lines: Sequence[SpeakerLine]) -> None:
        """One line a speaker; none: an empty one."""
        wanted = max(1, len(lines))
        names = [line.name for line in lines]
        if len(self.lines) != wanted or names != self._names:
            self._make(wanted, lines)
            self._names = names
        for made in self.lines[len(lines) :]:
            made.show_nothing()
        for made, line in zip(self.lines, lines, strict=False):
            made.set_segments(line.starts_s, line.ends_s, line.labels)

    def show_nothing(self) -> None:
        """A single empty line."""
        self.show_lines([])

    def set_playhead(self, place_s: float | None) -> None:
        """Where the sound is that plays, in seconds, on all lines; None while none does."""
        for line in self.lines:
            line.set_playhead(place_s)

    def _make(self, count: int, lines: Sequence[SpeakerLine]) -> None:
        for widget in self._shown:
            self._column.removeWidget(widget)
            widget.hide()
            widget.deleteLater()
        self._shown, self.lines = [], []
        for number in range(count):
            line = lines[number] if number < len(lines) else None
            if line is not None and line.name:
                self._add(_caption(line))
            made = Timeline(emotion_words, emotion_color)
            if line is not None and line.name:
                made.setAccessibleName(tr("Time line of {name}", name=line.name))
            made.clicked.connect(self.clicked)
            made.follow(self._above)
            self.lines.append(made)
            self._add(made)

    def _add(self, widget: QWidget) -> None:
        self._shown.append(widget)
        self._column.addWidget(widget)


def _caption(line: SpeakerLine) -> QWidget:
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(6)
    words = QLabel(line.name)
    words.setTextFormat(Qt.TextFormat.PlainText)
    words.setProperty("role", "hint")
    layout.addWidget(Dot(line.color))
    layout.addWidget(words, 1)
    return row
