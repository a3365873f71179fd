"""How far a recording has come on its way through the systems: a row of steps, each of which can be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import Qt, Signal, SignalInstance
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QSizePolicy, QWidget

from app import theme
from app.i18n import tr
from app.widgets.labels import Elided

SIGNS = {"waiting": "○", "running": "◌", "asking": "?", "done": "✓", "skipped": "–", "stopped": "■"}


@dataclass
class Step:
    """title: of the step; state: one of `SIGNS`; result: what it came to, in a few words."""

    title: str
    state: str = "waiting"
    result: str = ""

    def words(self) -> str:
        """State, title and what it came to, as one line."""
        return f"{SIGNS[self.state]} {self.title}" + (f": {self.result}" if self.result else "")


class RelayBar(QFrame):
    """chosen(number): a step is to be looked at. stop_asked, skip_asked, open_asked: its buttons. Hidden until shown."""

    chosen = Signal(int)
    stop_asked = Signal()
    skip_asked = Signal()
    open_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("surface", "page")
        self.setProperty("line", "bottom")
        self.setAccessibleName(tr("From a conversation to the mesh"))
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(theme.MEDIUM, 6, theme.MEDIUM, 6)
        self._row.setSpacing(theme.SMALL)
        self.steps: list[QPushButton] = []
        self.note = Elided(mode=Qt.TextElideMode.ElideRight)
        self.note.setProperty("role", "hint")
        self.open = self._button(tr("Open…"), self.open_asked)
        self.skip = self._button(tr("Skip"), self.skip_asked)
        self.stop = self._button(tr("Stop"), self.stop_asked)
        self._row.addWidget(self.note, 1)
        for button in (self.open, self.skip, self.stop):
            self._row.addWidget(button)
        self.hide()

    def _button(self, words: str, signal: SignalInstance) -> QPushButton:
        button = QPushButton(words)
        button.setProperty("kind", "small")
        button.clicked.connect(lambda _on=False: signal.emit())
        return button

    def _choose(self, number: int, _on: bool = False) -> None:
        self.chosen.emit(number)

    def show_steps(self, steps: Sequence[Step], note: str = "") -> None:
        """How they stand; `note` says what is asked for, or how it ended."""
        while len(self.steps) < len(steps):
            button = QPushButton()
            button.setProperty("kind", "small")
            button.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
            button.clicked.connect(partial(self._choose, len(self.steps)))
            self._row.insertWidget(len(self.steps), button)
            self.steps.append(button)
        for button, step in zip(self.steps, steps, strict=True):
            button.setText(step.words())
            button.setToolTip(step.result or step.title)
            button.setAccessibleName(step.words())
            button.setEnabled(step.state != "waiting")
        asking = any(step.state == "asking" for step in steps)
        running = asking or any(step.state == "running" for step in steps)
        self.open.setVisible(asking)
        self.skip.setVisible(asking)
        self.stop.setText(tr("Stop") if running else tr("Close"))
        self.note.setText(note)
        self.note.setToolTip(note)
        self.show()
