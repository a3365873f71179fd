"""The folders of an index, in a window: how many pictures each has, whether it is there, moved, or taken out."""

from __future__ import annotations

from collections.abc import Awaitable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
)

from app import theme
from app.i18n import tr
from app.tabs.paged import PagedTab
from app.tabs.search.indexing import Indexing
from app.tabs.search.session import SearchSession
from app.tabs.search.work import RootState
from app.widgets.labels import Hint
from app.widgets.plain import tip
from app.widgets.tables import for_reading, set_heads
from models.errors import UserError
from models.progress import Cancelled


class FoldersWindow(QDialog):
    """`open` shows it; it closes with its button."""

    def __init__(self, tab: PagedTab, session: SearchSession, indexing: Indexing) -> None:
        super().__init__(tab)
        self._tab, self._session, self._indexing, self._place = tab, session, indexing, session.place
        self.roots: list[RootState] = []
        self.setWindowTitle(tr("Folders of {name}", name=session.place.words))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(680, 320)
        column = QVBoxLayout(self)
        column.setContentsMargins(theme.MEDIUM, theme.MEDIUM, theme.MEDIUM, theme.MEDIUM)
        self.table = QTableWidget(0, 3)
        for_reading(self.table, tr("Folders of the index"))
        set_heads(self.table, [tr("Folder"), tr("Pictures"), tr("State")])
        self.table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.table.itemSelectionChanged.connect(self._show_buttons)
        column.addWidget(self.table)
        column.addWidget(
            Hint(tr("What has moved or was renamed is known by its content: updating encodes nothing twice."))
        )
        buttons = QHBoxLayout()
        self.add, self.moved, self.drop = (
            QPushButton(words) for words in (tr("Add a folder…"), tr("It has moved to…"), tr("Take out"))
        )
        self.moved.setToolTip(tr("Say where the chosen folder lies now; nothing is read again"))
        self.drop.setToolTip(tr("Take the chosen folder's pictures out of the index; the files stay"))
        close = QPushButton(tr("Close"))
        for button, act in (
            (self.add, self._add),
            (self.moved, self._move),
            (self.drop, self._drop),
            (close, self.close),
        ):
            button.clicked.connect(lambda _on=False, do=act: do())
        for button in (self.add, self.moved, self.drop):
            buttons.addWidget(button)
        buttons.addStretch(1)
        buttons.addWidget(close)
        column.addLayout(buttons)
        self._show_buttons()
        tab.start(self._look())

    @property
    def chosen(self) -> Path | None:
        """The folder of the row that is chosen."""
        row = self.table.currentRow()
        return self.roots[row].folder if 0 <= row < len(self.roots) else None

    def _show_buttons(self) -> None:
        for button in (self.moved, self.drop):
            button.setEnabled(self.chosen is not None)

    async def _look(self) -> None:
        try:
            self.roots = await self._session.engine.roots(self._place)
        except (Cancelled, UserError):
            return
        self.table.setRowCount(len(self.roots))
        for row, root in enumerate(self.roots):
            state = tr("there") if root.there else tr("not there now")
            for column, words in enumerate((str(root.folder), f"{root.count:,}", state)):
                item = QTableWidgetItem(words)
                item.setToolTip(tip(str(root.folder)))
                self.table.setItem(row, column, item)
        if self.roots and self.table.currentRow() < 0:
            self.table.setCurrentCell(0, 0)
        self._show_buttons()

    def _add(self) -> None:
        self.close()
        self._indexing.do("add")

    def _move(self) -> None:
        folder = self.chosen
        name = QFileDialog.getExistingDirectory(self, tr("Where the folder lies now"))
        if name and folder is not None:
            self._tab.start(self._change(self._session.engine.move_root(self._place, folder, Path(name))))

    def _drop(self) -> None:
        folder = self.chosen
        if folder is not None:
            self._tab.start(self._change(self._session.engine.drop_root(self._place, folder)))

    async def _change(self, change: Awaitable[object]) -> None:
        try:
            await change
        except Cancelled:
            return
        except UserError as error:
            self._tab.show_error(error)
        await self._look()
        self._session.choose(self._place)
