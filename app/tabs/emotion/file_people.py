"""Files of one person heard together: how it is told who speaks, and what that changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app import theme
from app.i18n import plural, tr
from app.tabs.emotion.file_table import Row
from app.widgets.combo import ElidedCombo
from app.widgets.labels import Hint

if TYPE_CHECKING:
    from models.emotion.groups import By


class PeopleChoice(QWidget):
    """changed(): files are to be put together otherwise."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.TINY)
        self.box = ElidedCombo(
            tr("Who speaks"),
            tr(
                "Files of one person are heard against all that the person says in them: what is constant in a voice, a room and a microphone goes."
            ),
        )
        for words, by in (
            (tr("Hear each file alone"), "file"),
            (tr("One person a folder"), "folder"),
            (tr("By how alike the voices are"), "voice"),
            (tr("By the table's column"), "column"),
        ):
            self.box.addItem(words, by)
        self.outcome = Hint("")
        self.outcome.hide()
        column.addWidget(self.box)
        column.addWidget(self.outcome)
        self.box.currentIndexChanged.connect(lambda _index: self.changed.emit())

    @property
    def by(self) -> By:
        """How it is told who speaks."""
        by: By = self.box.currentData()
        return by

    def choose(self, by: str, silently: bool = False) -> None:
        """As if a person had chosen it; silently: without telling."""
        place = self.box.findData(by)
        if place >= 0 and silently:
            with QSignalBlocker(self.box):
                self.box.setCurrentIndex(place)
        elif place >= 0:
            self.box.setCurrentIndex(place)

    def show_outcome(self, rows: Sequence[Row]) -> None:
        """How many people there are, and how many words are others than each file by itself would have."""
        people = {row.person for row in rows if row.person}
        predictions = [row.prediction for row in rows if row.person and row.prediction is not None]
        others = sum(item.label != item.label_alone for item in predictions)
        self.outcome.setVisible(self.by != "file")
        if self.by == "file":
            return
        who = plural("{n} person", "{n} people", len(people))
        changed = tr("{n} of {all} words are others than alone", n=others, all=len(predictions))
        self.outcome.setText(f"{who} · {changed}" if people else tr("No two files are of one person."))
