"""Asking for the true tracks of a recording, where a person has them, and showing how near the separated ones come."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog

from app.i18n import tr
from app.tabs.base import Tab
from app.tabs.separation import work
from app.tabs.separation.score_table import ScoreTable
from app.tabs.separation.session import SeparationSession


class References(QObject):
    """The table of the session's scores, and the dialog that adds references."""

    def __init__(self, tab: Tab, session: SeparationSession) -> None:
        super().__init__(tab)
        self._tab, self._session = tab, session
        self.table = ScoreTable()
        self.table.closed.connect(session.forget_references)
        session.scored.connect(self._show)
        session.names_changed.connect(lambda: self.table.rename(self._names()))

    def ask(self) -> None:
        """Which files they are."""
        title = tr("Choose the true tracks, one a speaker")
        names, _ = QFileDialog.getOpenFileNames(self._tab, title, "", self._tab.file_filter())
        if names:
            self.add([Path(name) for name in names])

    def add(self, paths: list[Path]) -> None:
        """Compare the tracks with these; more can be added one by one."""
        if self._session.separated is None:
            text = tr("They are compared with the tracks as soon as these are separated.")
            self._tab.show_message("hint", text, key="references")
        self._tab.start(self._session.add_references(paths))

    def _names(self) -> list[str]:
        return [track.name for track in self._session.tracks]

    def _show(self) -> None:
        session = self._session
        if not session.scores:
            self.table.show_nothing()
            return
        self._tab.clear_messages("references")
        self.table.show_scores(session.references, self._names(), session.scores)
        if session.outline is not None and session.outline.duration_s > work.MOST_SCORED_S:
            text = tr("The scores are those of the first ten minutes.")
            self._tab.show_message("hint", text, key="references")
