"""What is done with pictures that were found: opened, copied, asked for more of; and exported."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from PySide6.QtCore import QMimeData, QObject, QUrl, Signal
from PySide6.QtGui import QAction, QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QFileDialog

from app import theme
from app.i18n import tr
from app.tabs.base import Tab
from app.tabs.search import exports
from app.tabs.search.chips import USUAL, Part
from app.tabs.search.grid import GridItem
from app.tabs.search.query_bar import QueryBar
from app.tabs.search.results import Results
from app.tabs.search.session import SearchSession
from app.tabs.search.work import is_picture_within
from models.errors import UserError
from models.progress import Cancelled


class Actions(QObject):
    """captions_asked(GridItem): captions are to be searched by that picture."""

    captions_asked = Signal(object)

    def __init__(self, tab: Tab, session: SearchSession, query: QueryBar, results: Results) -> None:
        super().__init__(tab)
        self._tab, self._session, self._query, self._results = tab, session, query, results
        self._chosen: GridItem | None = None  # also when it is not among the answers any more
        results.chosen.connect(self._choose)
        self.exports = self._make_exports()

    def do(self, action: str) -> None:
        """With the picture that was chosen last; see `Details.wanted`."""
        shown = self._chosen
        if shown is None:
            return
        if action in ("more", "less"):
            image = self._results.thumbnails.find(shown.path)
            picture = image.image if image is not None else None
            self._query.add(Part(action, shown.id, shown.words, picture, USUAL[action]))
        elif action == "path":
            data = QMimeData()
            data.setText(str(shown.path))
            data.setUrls([QUrl.fromLocalFile(str(shown.path))])
            QGuiApplication.clipboard().setMimeData(data)
            self._tab.set_status(tr("Copied {path}", path=shown.path))
        elif action == "why":
            self._results.show_why()
        elif action == "unfold":
            self._results.toggle_folded()
        elif action == "captions":
            self.captions_asked.emit(shown)
        elif action in ("open", "folder"):
            self._hand_over(shown.path, shown.path if action == "open" else shown.path.parent)
        elif action == "picture" and not shown.path.is_file():
            self._tab.show_error(_gone(shown.path))
        elif action == "picture":
            large = self._results.large_picture(shown)
            if large is not None and large.image is not None:
                QGuiApplication.clipboard().setImage(large.image)
                self._tab.set_status(tr("Copied the picture"))

    def _choose(self, shown: GridItem | None) -> None:
        if shown is not None:
            self._chosen = shown

    def _hand_over(self, picture: Path, what: Path) -> None:
        """To the system's viewer or file manager; only what an index may name: its own pictures."""
        if not picture.is_file():
            self._tab.show_error(_gone(picture))
        elif not is_picture_within(picture, self._session.place.folder, self._session.about):
            self._tab.show_error(
                UserError(
                    "{name} is not opened.",
                    "It is no picture in one of the folders that were indexed, whatever the index says.",
                    "Open it yourself if you trust it, or make the index anew.",
                    name=picture.name,
                )
            )
        else:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(what)))

    # Export -----------------------------------------------------------------------------------------------

    def _make_exports(self) -> list[QAction]:
        table = QAction(tr("Results as CSV…"), self)
        table.triggered.connect(lambda: self._ask_and_save("results.csv", "CSV (*.csv)", self.save_table))
        sheet = QAction(tr("Contact sheet as PNG…"), self)
        sheet.triggered.connect(lambda: self._ask_and_save("results.png", "PNG (*.png)", self.save_sheet))
        return [table, sheet]

    def _ask_and_save(
        self, proposal: str, kinds: str, save: Callable[[Path], Coroutine[Any, Any, None]]
    ) -> None:
        name, _ = QFileDialog.getSaveFileName(self._tab, tr("Export"), proposal, kinds)
        if name:
            self._tab.start(save(Path(name)))

    async def listed(self, most: int | None = None) -> list[GridItem]:
        """What the grid shows, or the first of it: the answers, or every picture of the index."""
        pictures = self._results.pictures
        if pictures.hits is not None:
            return pictures.hits[:most]
        items = await self._session.engine.items(self._session.place, pictures.ids[:most])
        return [GridItem.of_item(item) for item in items]

    async def save_table(self, path: Path) -> None:
        """The pictures that are shown, a row each."""
        try:
            exports.write_table(path, await self.listed())
        except Cancelled:
            return

    async def save_sheet(self, path: Path) -> None:
        """The pictures that are shown, on one sheet."""
        title = self._query.text or self._session.place.words
        every = self._results.pictures.rowCount()
        try:
            listed = await self.listed(exports.MOST_ON_SHEET)
            with self._tab.services.task(tr("Drawing the contact sheet")) as task:
                worker = self._tab.services.worker("search export")
                font = theme.font(theme.TEXT_PX)
                count = await worker.run(exports.write_sheet, path, title, listed, font, progress=task)
        except Cancelled:
            return
        if count < every:
            words = tr("The first {n} of {all} pictures are on the sheet.", n=count, all=f"{every:,}")
            self._tab.show_message("hint", words, key="sheet")


def _gone(path: Path) -> UserError:
    return UserError(
        "{name} is not there any more.",
        "It was moved or deleted after it had been indexed.",
        "Update the index to leave it out.",
        name=path.name,
    )
