"""What is done with pictures that were found: opened, copied, asked for more of; and exported."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QMimeData, QObject, QUrl
from PySide6.QtGui import QAction, QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QFileDialog

from app import theme
from app.i18n import tr
from app.tabs.search import exports
from app.tabs.search.query_bar import Part
from app.tabs.search.shown import Shown
from models.errors import UserError
from models.progress import Cancelled

if TYPE_CHECKING:
    from app.tabs.search.search_page import SearchPage


class Actions(QObject):
    """Of one page."""

    def __init__(self, page: SearchPage) -> None:
        super().__init__(page)
        self.page = page
        self.exports = self._make_exports()

    def do(self, action: str) -> None:
        """With the picture that is chosen; see `Details.wanted`."""
        shown = self.page.results.current
        if shown is None:
            return
        if action in ("more", "less"):
            image = self.page.results.thumbnails.find(shown.path)
            self.page.query.add(
                Part(action, shown.id, shown.words, image.image if image is not None else None)
            )
        elif action == "path":
            data = QMimeData()
            data.setText(str(shown.path))
            data.setUrls([QUrl.fromLocalFile(str(shown.path))])
            QGuiApplication.clipboard().setMimeData(data)
            self.page.tab.set_status(tr("Copied {path}", path=shown.path))
        elif action == "folder":
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(shown.path.parent)))
        elif action == "captions":
            self.page.settings.choose_side("captions")
            self.page.set_picture(shown.path, shown.words)
        elif not shown.path.is_file():
            self.page.tab.show_error(_gone(shown.path))
        elif action == "open":
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(shown.path)))
        elif action == "picture":
            picture = self.page.results.large_picture(shown)
            if picture is not None and picture.image is not None:
                QGuiApplication.clipboard().setImage(picture.image)
                self.page.tab.set_status(tr("Copied the picture"))

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
        name, _ = QFileDialog.getSaveFileName(self.page, tr("Export"), proposal, kinds)
        if name:
            self.page.tab.start(save(Path(name)))

    async def listed(self, most: int | None = None) -> list[Shown]:
        """What the grid shows, or the first of it: the answers, or every picture of the index."""
        pictures = self.page.results.pictures
        if pictures.hits is not None:
            return pictures.hits[:most]
        items = await self.page.engine.items(self.page.catalogue.place, pictures.ids[:most])
        return [Shown.of_item(item) for item in items]

    async def save_table(self, path: Path) -> None:
        """The pictures that are shown, a row each."""
        try:
            exports.write_table(path, await self.listed())
        except Cancelled:
            return

    async def save_sheet(self, path: Path) -> None:
        """The pictures that are shown, on one sheet."""
        title = self.page.query.text or self.page.catalogue.place.words
        every = self.page.results.pictures.rowCount()
        try:
            listed = await self.listed(exports.MOST_ON_SHEET)
            with self.page.services.task(tr("Drawing the contact sheet")) as task:
                worker = self.page.services.worker("search export")
                font = theme.font(theme.TEXT_PX)
                count = await worker.run(exports.write_sheet, path, title, listed, font, progress=task)
        except Cancelled:
            return
        if count < every:
            words = tr("The first {n} of {all} pictures are on the sheet.", n=count, all=f"{every:,}")
            self.page.tab.show_message("hint", words, key="sheet")


def _gone(path: Path) -> UserError:
    return UserError(
        "{name} is not there any more.",
        "It was moved or deleted after it had been indexed.",
        "Update the index to leave it out.",
        name=path.name,
    )
