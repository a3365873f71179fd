"""The manager's window: a list of models, what is known of the chosen one, and from where they come."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QMessageBox,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from app import systems, theme
from app.i18n import tr
from app.model_manager.details import Details
from app.model_manager.shelf_state import Row, ShelfState
from app.model_manager.sources_page import SourcesPage
from app.services import Services
from app.training.words import bytes_words
from app.widgets import focus
from app.widgets.message_bar import Action, MessageBar
from app.widgets.plain import tip
from app.widgets.tables import RIGHT, for_reading, set_heads
from models.errors import UserError
from models.hub import catalogue, shelf
from models.hub.fetching import Unagreed
from models.hub.shelf import SINGLE_FILES
from models.loading import is_hub_name

TITLE, STATE, SIZE, LICENCE = range(4)
REDRAW_MS = 250  # of what is under way
WIDTH, HEIGHT = 980, 600


class ModelManager(QDialog):
    """wanted: a system and the name of a model that its tab is to use."""

    wanted = Signal(str, str)

    def focusNextPrevChild(self, next: bool) -> bool:
        return focus.move(self, next)

    def __init__(
        self, services: Services, state: ShelfState, system: str = "", parent: QWidget | None = None
    ) -> None:
        """system: whose models are shown first; empty for all."""
        super().__init__(parent)
        self._services, self._state = services, state
        self._names: list[str] = []  # of the rows, from the top
        self.setWindowTitle(tr("Models"))
        self.resize(WIDTH, HEIGHT)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.LARGE, theme.MEDIUM, theme.LARGE, theme.MEDIUM)
        layout.setSpacing(theme.SMALL)
        self.messages = MessageBar()
        layout.addWidget(self.messages)
        self.tabs = QTabWidget()
        self.sources = SourcesPage(services.settings)
        self.tabs.addTab(self._models_page(system), tr("Models"))
        self.tabs.addTab(self.sources, tr("Sources"))
        layout.addWidget(self.tabs, 1)
        layout.addLayout(self._foot())
        self.sources.refused.connect(self.messages.show_error)
        self.sources.changed.connect(state.refresh)
        state.changed.connect(self._show)
        state.failed.connect(self._failed)
        state.notified.connect(self._said)
        self._timer = QTimer(self)
        self._timer.setInterval(REDRAW_MS)
        self._timer.timeout.connect(self._show_progress)
        self._show()
        state.refresh()

    # Its parts --------------------------------------------------------------------------------------------

    def _models_page(self, system: str) -> QWidget:
        page = QWidget()
        row = QHBoxLayout(page)
        row.setContentsMargins(0, theme.MEDIUM, 0, 0)
        row.setSpacing(theme.LARGE)
        left = QVBoxLayout()
        left.setSpacing(theme.SMALL)
        left.addLayout(self._search_line(system))
        self.table = QTableWidget()
        for_reading(self.table, tr("Models"), 30)
        set_heads(self.table, [tr("Model"), tr("State"), tr("Size"), tr("Licence")], (SIZE,))
        self.table.setSelectionMode(QTableWidget.SelectionMode.SingleSelection)
        head = self.table.horizontalHeader()
        head.setSectionResizeMode(TITLE, QHeaderView.ResizeMode.Stretch)
        for column in (STATE, SIZE, LICENCE):
            head.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        self.table.itemSelectionChanged.connect(self._show_details)
        left.addWidget(self.table, 1)
        self.empty = QLabel(tr("Looking what is here…"))
        self.empty.setProperty("role", "hint")
        left.addWidget(self.empty)
        row.addLayout(left, 8)
        self.details = Details()
        self.details.setMinimumWidth(320)
        self.details.asked.connect(self._act)
        row.addWidget(self.details, 5)
        return page

    def _search_line(self, system: str) -> QHBoxLayout:
        self.filter = QComboBox()
        self.filter.setAccessibleName(tr("For which system"))
        self.filter.setToolTip(tr("Models of which system are shown"))
        self.filter.addItem(tr("All systems"), "")
        listed = {entry.system for entry in catalogue.entries()}
        for entry in systems.ENTRIES:
            if entry.system in listed:
                self.filter.addItem(entry.title(), entry.system)
        self.filter.setCurrentIndex(max(0, self.filter.findData(system)))
        self.filter.currentIndexChanged.connect(lambda _index: self._show())
        self.other = QLineEdit()
        self.other.setPlaceholderText(tr("another model of the hub: owner/model"))
        self.other.setAccessibleName(tr("Name of another model of the hub"))
        self.other.setToolTip(tr("Its name as on its page, such as facebook/hubert-base-ls960"))
        self.fetch = QPushButton(tr("Download"))
        self.fetch.setProperty("kind", "small")
        self.fetch.setAccessibleName(tr("Download the model of that name"))
        self.fetch.setAutoDefault(False)
        self.fetch.setEnabled(False)
        self.other.textChanged.connect(lambda text: self.fetch.setEnabled(is_hub_name(text.strip())))
        self.other.returnPressed.connect(self.fetch.click)
        self.fetch.clicked.connect(self._fetch_other)
        line = QHBoxLayout()
        line.setSpacing(theme.SMALL)
        line.addWidget(self.filter)
        line.addWidget(self.other, 1)
        line.addWidget(self.fetch)
        return line

    def _foot(self) -> QHBoxLayout:
        line = QHBoxLayout()
        line.setSpacing(theme.SMALL)
        self.import_folder = QPushButton(tr("Import a folder…"))
        self.import_file = QPushButton(tr("Import a file…"))
        for button in (self.import_folder, self.import_file):
            button.setProperty("kind", "small")
            button.setAutoDefault(False)
            button.setToolTip(tr("It is copied into the models folder"))
            line.addWidget(button)
        self.import_folder.clicked.connect(self._import_folder)
        self.import_file.clicked.connect(self._import_file)
        line.addStretch(1)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.accept)
        line.addWidget(buttons)
        return line

    # What is shown ----------------------------------------------------------------------------------------

    @property
    def chosen(self) -> Row | None:
        """The row that is selected."""
        index = self.table.currentRow()
        return self._state.row(self._names[index]) if 0 <= index < len(self._names) else None

    def choose(self, name: str) -> None:
        """Select a model's row, where it is in the list."""
        if name in self._names:
            self.table.setCurrentCell(self._names.index(name), TITLE)

    def _show(self) -> None:
        before = self.chosen.name if self.chosen is not None else ""
        wanted = self.filter.currentData()
        rows = [row for row in self._state.rows if not wanted or row.system in (wanted, "")]
        coming = [name for name in self._state.tasks if self._state.row(name) is None]
        self.table.blockSignals(True)
        self._names = [row.name for row in rows]
        self.table.setRowCount(len(rows))
        for line, row in enumerate(rows):
            self._show_line(line, row)
        self.table.blockSignals(False)
        self.choose(before if before in self._names else (self._names[0] if self._names else ""))
        under_way = ", ".join(self._state.tasks[name].text() for name in coming)
        self.empty.setText(
            under_way or (tr("Looking what is here…") if self._state.looking and not rows else "")
        )
        self.empty.setVisible(bool(self.empty.text()))
        self._show_details()
        if self._state.tasks:
            self._timer.start()
        else:
            self._timer.stop()

    def _show_line(self, line: int, row: Row) -> None:
        licence = row.licence or tr("not said")
        cells = [row.title, self._state_words(row), bytes_words(row.size) if row.size else "", licence]
        for column, words in enumerate(cells):
            item = QTableWidgetItem(words)
            item.setToolTip(tip(row.name if column == TITLE else words))
            if column == SIZE:
                item.setTextAlignment(RIGHT)
            if column == LICENCE and row.restricted:
                item.setText(f"⚠ {words}")
                item.setToolTip(tr("Not for commercial use."))
            if column == STATE and row.model is not None:
                item.setFont(theme.font(bold=True))
            self.table.setItem(line, column, item)

    def _state_words(self, row: Row) -> str:
        task = self._state.tasks.get(row.name)
        if task is not None:
            return f"{100 * task.step.fraction:.0f} %" if task.step.total else tr("waiting")
        if row.model is None:
            begun = shelf.folder_of(row.name).is_dir()
            return tr("begun") if begun else tr("can be had")
        return tr("in the cache") if row.model.foreign else tr("here")

    def _show_progress(self) -> None:
        for line, name in enumerate(self._names):
            row, item = self._state.row(name), self.table.item(line, STATE)
            if row is not None and item is not None:
                item.setText(self._state_words(row))
        chosen = self.chosen
        if chosen is not None and chosen.name in self._state.tasks:
            self.details.show_task(self._state.tasks[chosen.name])

    def _show_details(self) -> None:
        row = self.chosen
        self.details.show_row(row, self._state.tasks.get(row.name) if row is not None else None)

    # What can be done -------------------------------------------------------------------------------------

    def _act(self, action: str) -> None:
        row = self.chosen
        if row is None:
            return
        self.messages.clear()
        if action == "use":
            self.wanted.emit(row.system, row.name)
            self.accept()
        elif action == "remove":
            self._ask_to_remove(row)
        elif action == "download":
            self._state.download(row.name, self.details.agree.isChecked())
        elif action == "measure":
            self._state.measure(row)
        elif action == "verify":
            self._state.verify(row.name)
        elif action == "cancel":
            self._state.cancel(row.name)

    def _ask_to_remove(self, row: Row) -> None:
        box = QMessageBox(self)
        box.setIcon(QMessageBox.Icon.Question)
        box.setWindowTitle(tr("Models"))
        box.setText(tr("Delete {name}?", name=row.name))
        box.setInformativeText(
            tr("{size} are freed; it can be downloaded again.", size=bytes_words(row.size))
        )
        delete = box.addButton(tr("Delete"), QMessageBox.ButtonRole.DestructiveRole)
        box.setDefaultButton(box.addButton(QMessageBox.StandardButton.Cancel))
        delete.clicked.connect(lambda: self._state.remove(row.name))
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.open()

    def _fetch_other(self) -> None:
        name = self.other.text().strip()
        self.messages.clear()
        if self._state.row(name) is not None:
            self.filter.setCurrentIndex(0)
            self.choose(name)
            return
        self._state.download(name, agreed=False)
        self.other.clear()

    def _import_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, tr("Import a folder"))
        if name:
            self.bring_in(Path(name))

    def _import_file(self) -> None:
        kinds = " ".join(f"*{suffix}" for suffix in SINGLE_FILES)
        name, _ = QFileDialog.getOpenFileName(self, tr("Import a file"), "", f"{tr('Models')} ({kinds})")
        if name:
            self.bring_in(Path(name))

    def bring_in(self, path: Path) -> None:
        """Copy a model from this machine."""
        self.messages.clear()
        self._state.bring_in(path)

    def _failed(self, error: UserError, name: str) -> None:
        actions: list[Action] = []
        if isinstance(error, Unagreed):
            actions = [(tr("I agree: download"), lambda: self._state.download(name, agreed=True))]
        self.messages.show_error(error, actions)

    def _said(self, heading: str, text: str) -> None:
        self.messages.clear()
        self.messages.show_message("hint", text, heading=heading, key="done")
