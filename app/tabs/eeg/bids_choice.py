"""Which recording of a BIDS folder is shown: whose, of which session, which run."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QComboBox, QVBoxLayout, QWidget

from app import theme
from app.i18n import tr
from app.tabs.eeg.session import EegSession
from app.widgets.combo import ElidedCombo
from app.widgets.labels import Hint

if TYPE_CHECKING:
    from models.eeg.bids import BidsFolder, Run

MOST_FACTS = 4  # of what the folder says of a participant


class BidsChoice(QWidget):
    """Three lists, hidden where what is open lies in no such folder; a choice opens that recording."""

    def __init__(self, session: EegSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.TINY)
        self.subject = ElidedCombo(tr("Subject"), tr("Whose recordings of the folder"))
        self.session = ElidedCombo(tr("Session"), tr("Of which session"))
        self.run = ElidedCombo(tr("Run"), tr("Which of the recordings"))
        for box in (self.subject, self.session, self.run):
            column.addWidget(box)
        self.facts = Hint()
        column.addWidget(self.facts)
        self.subject.activated.connect(
            lambda _index: self._open(self._first(self.subject.currentData(), None))
        )
        self.session.activated.connect(
            lambda _index: self._open(self._first(self.subject.currentData(), self.session.currentData()))
        )
        self.run.activated.connect(lambda _index: self._open(self.run.currentData()))
        session.part_changed.connect(self._show)
        self.hide()

    @property
    def _folder(self) -> BidsFolder | None:
        return None if self._session.opened is None else self._session.opened.folder

    def _show(self) -> None:
        folder, opened = self._folder, self._session.opened
        now = None
        if folder is not None and opened is not None:
            now = next((run for run in folder.runs if run.path == opened.path), None)
        self.setVisible(now is not None)
        if folder is None or now is None:
            return
        subjects = list(dict.fromkeys(run.subject for run in folder.runs))
        own = [run for run in folder.runs if run.subject == now.subject]
        sessions = list(dict.fromkeys(run.session for run in own))
        runs = [run for run in own if run.session == now.session]
        _fill(self.subject, [(tr("subject {name}", name=name), name) for name in subjects], now.subject)
        _fill(self.session, [(tr("session {name}", name=name), name) for name in sessions], now.session)
        _fill(self.run, [(run.title, run) for run in runs], now)
        self.session.setVisible(sessions != [""])
        facts = folder.participants.get(now.subject, {})
        told = [
            f"{key} {value}"
            for key, value in facts.items()
            if key != "participant_id" and value.lower() not in ("", "n/a")
        ]
        self.facts.setText(escape(" · ".join([folder.name, *told[:MOST_FACTS]])))

    def _first(self, subject: str, session: str | None) -> Run | None:
        """The first recording of a subject, of a session if one is named; of the one that is shown where it has it."""
        folder = self._folder
        fitting = [
            run
            for run in (folder.runs if folder is not None else ())
            if run.subject == subject and session in (None, run.session)
        ]
        return fitting[0] if fitting else None

    def _open(self, run: Run | None) -> None:
        if run is not None:
            self._session.choose_file(run.path)


def _fill(box: QComboBox, items: list[tuple[str, object]], chosen: object) -> None:
    box.clear()
    for words, value in items:
        box.addItem(words, value)
    box.setCurrentIndex(next(number for number, (_, value) in enumerate(items) if value == chosen))
