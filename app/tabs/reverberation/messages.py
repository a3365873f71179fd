"""What the tab says above its views: gates that are only observed, sequences of another width, drawings that were written."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.i18n import tr
from app.tabs.base import Tab
from app.tabs.reverberation.session import MeshSession
from app.widgets.message_bar import Action
from models.errors import UserError


class MeshMessages(QObject):
    """project_asked(), train_asked(): what can be done about sequences of another width."""

    project_asked = Signal()
    train_asked = Signal()

    def __init__(self, tab: Tab, session: MeshSession) -> None:
        super().__init__(tab)
        self._tab, self._session = tab, session
        for signal in (session.loaded, session.shown):
            signal.connect(self._show_gating)

    def other_width(self, error: UserError) -> None:
        """With a way out."""
        observer = self._session.observer
        actions: list[Action] = [(tr("Train on them…"), self.train_asked.emit)]
        if observer is not None:
            project = tr("Project to {n} features", n=observer.width)
            actions.insert(0, (project, self.project_asked.emit))
        self._tab.messages.show_error(error, actions)

    def projected(self) -> None:
        """The sequences were brought to the model's width: what that means for what is seen."""
        words = tr(
            "These are principal components of your features, at the model's mean and spread: they show what the mesh does with them, not what it predicts of them."
        )
        self._tab.show_message("hint", words, key="width")

    def drawn(self, folder: Path) -> None:
        """The drawings of the model were written to a folder."""
        words = tr("Drawings were written to {folder}.", folder=folder)
        self._tab.show_message("hint", words, key="drawn")

    def _show_gating(self) -> None:
        if self._session.gating != "observed":
            self._tab.clear_messages("gating")
            return
        words = tr(
            "The gates of this model are only observed: nothing is multiplied by them, so they say nothing about routing."
        )
        self._tab.show_message("hint", words, key="gating")
