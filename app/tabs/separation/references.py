"""The true tracks of a recording, where a person has them, and how near the separated ones come to them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog

from app.i18n import tr
from app.tabs.separation import work
from app.tabs.separation.score_table import ScoreTable
from models.errors import UserError
from models.progress import Cancelled

if TYPE_CHECKING:
    from app.tabs.separation.recording import RecordingPage


class References(QObject):
    """Of one page: `paths` are compared with its tracks whenever there are both."""

    def __init__(self, page: RecordingPage) -> None:
        super().__init__(page)
        self._page, self._tab = page, page.tab
        self.paths: list[Path] = []
        self.table = ScoreTable()
        self.table.closed.connect(self.forget)

    def ask(self) -> None:
        """Which files they are."""
        names, _ = QFileDialog.getOpenFileNames(
            self._page, tr("Choose the true tracks, one a speaker"), "", self._tab.file_filter()
        )
        if names:
            self.add([Path(name) for name in names])

    def add(self, paths: list[Path]) -> None:
        """Compare the tracks with these; more can be added one by one."""
        self.paths = list(dict.fromkeys([*self.paths, *paths]))
        if self._page.separated is not None:
            self._tab.start(self.score())
        else:
            text = tr("They are compared with the tracks as soon as these are separated.")
            self._tab.show_message("hint", text, key="references")

    def forget(self) -> None:
        self.paths = []
        self.table.show_nothing()

    async def score(self) -> None:
        """Compare. Raises UserError for files that do not fit, which are forgotten then."""
        page = self._page
        outline, separated = page.outline, page.separated
        if outline is None or separated is None or not self.paths:
            return
        try:
            with self._tab.services.task(tr("Comparing with the references")) as task, self._tab.busy(task):
                result = await self._tab.worker.run(
                    work.scores, outline.path, self.paths, list(separated.tracks), progress=task
                )
        except Cancelled:
            return
        except UserError:
            self.forget()
            raise
        if page.separated is not separated or len(result) != len(self.paths):
            return
        self._tab.clear_messages("references")
        self.table.show_scores(self.paths, [track.name for track in page.tracks()], result)
        if outline.duration_s > work.MOST_SCORED_S:
            text = tr("The figures are those of the first ten minutes.")
            self._tab.show_message("hint", text, key="references")

    def rename(self) -> None:
        """The speakers have other names."""
        self.table.rename([track.name for track in self._page.tracks()])
