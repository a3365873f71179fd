"""The training dock: the runs of the tab's system, their curves as they grow, and what is known about one of them."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, QTimer, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QMessageBox,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QTabWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.i18n import plural, tr
from app.services import Services
from app.settings import Key
from app.tabs.base import LEFT_WIDTH
from app.training.compare import Compare
from app.training.curves import Curves, Shown
from app.training.diagnosis import Diagnosis
from app.training.pictures import Pictures
from app.training.run_details import RunDetails
from app.training.run_list import RunList, RunModel
from app.training.watched import WatchedRun
from app.training.words import progress_words
from app.widgets.labels import Caption, Elided
from app.widgets.message_bar import MessageBar
from models.errors import UserError
from models.training.config import Remedy


class TrainingDock(QFrame):
    """Closed, it is a strip that says what runs; open, list, curves and details side by side."""

    opened = Signal(bool)
    enlarged = Signal(bool)  # the whole window for the runs, or their share again

    def __init__(self, services: Services) -> None:
        super().__init__()
        self._services = services
        self._runs = services.training
        self._system = ""
        self._question: QMessageBox | None = None
        self.setProperty("surface", "page")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        self.pages = QStackedWidget()
        layout.addWidget(self.pages)
        self.pages.addWidget(self._make_strip())
        self.pages.addWidget(self._make_body())
        self._runs.updated.connect(self._updated)
        self._runs.changed.connect(self._changed)
        self._changed()

    # Parts ------------------------------------------------------------------------------------------------

    def _make_strip(self) -> QWidget:
        strip = QWidget()
        row = QHBoxLayout(strip)
        row.setContentsMargins(theme.MEDIUM, 0, theme.SMALL, 0)
        self.open_button = _arrow("▴", tr("Open the training dock (Ctrl+T)"))
        self.open_button.clicked.connect(lambda: self.opened.emit(True))
        self.summary = Elided()
        self.summary.setProperty("role", "hint")
        row.addWidget(Caption(tr("Training runs")))
        row.addSpacing(theme.SMALL)
        row.addWidget(self.summary, 1)
        row.addWidget(self.open_button)
        return strip

    def _make_body(self) -> QWidget:
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.splitter.setHandleWidth(1)
        self.splitter.setChildrenCollapsible(False)
        self.model = RunModel(self._runs)
        self.list = RunList(self.model)
        self.details = RunDetails()
        left = self._make_left()
        for widget, width in ((left, 220), (self._make_views(), 320), (self.details, 300)):
            widget.setMinimumWidth(width)
            self.splitter.addWidget(widget)
        self.splitter.setStretchFactor(1, 1)
        self.splitter.setSizes([LEFT_WIDTH, 640, 330])
        kept = self._services.settings.blob(Key.DOCK_SPLIT)
        if not kept.isEmpty():
            self.splitter.restoreState(kept)
        self.splitter.splitterMoved.connect(self._keep_split)
        self.list.chosen.connect(self._choose)
        self.model.ticked.connect(self._show_curves)
        self.list.delete_wanted.connect(self._ask_delete)
        self.details.stop_wanted.connect(self._stop)
        self.details.resume_wanted.connect(self._resume)
        self.details.use_wanted.connect(self._use)
        self.details.open_wanted.connect(self._open_folder)
        self.details.delete_wanted.connect(self._ask_delete)
        self.details.start_wanted.connect(self._start_waiting)
        self.details.again_wanted.connect(self._again)
        self.details.board_wanted.connect(self._open_board)
        return self.splitter

    def _make_views(self) -> QWidget:
        """Curves, comparison, diagnosis, pictures: one at a time."""
        self.views = QTabWidget()
        self.views.setDocumentMode(True)
        self.views.tabBar().setDrawBase(False)
        self.curves, self.compare = Curves(), Compare()
        self.diagnosis, self.pictures = Diagnosis(), Pictures()
        self._curves_page = QSplitter(Qt.Orientation.Horizontal)
        self._compare_page = QSplitter(Qt.Orientation.Horizontal)
        for page in (self._curves_page, self._compare_page):
            page.setHandleWidth(1)
            page.setChildrenCollapsible(False)
        self._curves_page.addWidget(self.curves)
        self._compare_page.addWidget(self.compare)
        self.views.addTab(self._curves_page, tr("Curves"))
        self.views.addTab(self._compare_page, tr("Compare"))
        self.views.addTab(self.diagnosis, tr("Diagnosis"))
        self.views.addTab(self.pictures, tr("Pictures"))
        self.views.currentChanged.connect(self._view_chosen)
        self.curves.grouped.clicked.connect(self._show_comparison)
        self.diagnosis.variant_wanted.connect(self._vary)
        return self.views

    def _view_chosen(self) -> None:
        """The curves go along to the comparison, so that figures and curves are seen at once."""
        page = self._compare_page if self.views.currentWidget() is self._compare_page else self._curves_page
        if self.curves.parent() is not page:
            page.insertWidget(0, self.curves)
            page.setStretchFactor(0, 2)
            page.setStretchFactor(1, 3)
            QTimer.singleShot(0, page, lambda: page.setSizes([400, 600]))  # once it has its width
            self.curves.show()
        self.details.setVisible(page is self._curves_page)  # a comparison is of several, and needs the room
        self._show_curves()

    def _make_left(self) -> QWidget:
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(theme.SMALL, theme.TINY, theme.SMALL, theme.TINY)
        column.setSpacing(theme.TINY)
        row = QHBoxLayout()
        row.setContentsMargins(theme.SMALL, 0, 0, 0)
        self.enlarge_button = _arrow("▴", tr("The whole window for the runs (Ctrl+Shift+T)"))
        self.enlarge_button.clicked.connect(lambda: self.enlarged.emit(True))
        self.close_button = _arrow("▾", tr("Close the training dock (Ctrl+T)"))
        self.close_button.clicked.connect(self._make_smaller)
        self.train_button = QPushButton(tr("Train…"))
        self.train_button.setProperty("kind", "link")
        self.train_button.setToolTip(tr("Set up a new run (Ctrl+N)"))
        self.train_button.clicked.connect(lambda: self._runs.launch(self._system))
        row.addWidget(Caption(tr("Training runs")))
        row.addStretch(1)
        row.addWidget(self.train_button)
        row.addWidget(self.enlarge_button)
        row.addWidget(self.close_button)
        column.addLayout(row)
        self.messages = MessageBar()
        column.addWidget(self.messages)
        self.empty = QLabel(tr("No runs yet. Train… sets one up; it goes on when the window is closed."))
        self.empty.setProperty("role", "hint")
        self.empty.setWordWrap(True)
        self.empty.setContentsMargins(8, 4, 8, 4)
        column.addWidget(self.empty)
        column.addWidget(self.list, 1)
        column.addStretch(0)
        return left

    # Showing ----------------------------------------------------------------------------------------------

    def set_open(self, opened: bool) -> None:
        self.pages.setCurrentIndex(1 if opened else 0)

    def set_large(self, large: bool) -> None:
        """▴ and ▾ are steps from the strip over the dock to the whole window and back."""
        self.enlarge_button.setVisible(not large)
        words = tr("Back to the tab (Ctrl+Shift+T)") if large else tr("Close the training dock (Ctrl+T)")
        self.close_button.setToolTip(words)
        self.close_button.setAccessibleName(words)

    def _make_smaller(self) -> None:
        if self.enlarge_button.isHidden():
            self.enlarged.emit(False)
        else:
            self.opened.emit(False)

    @property
    def is_open(self) -> bool:
        return self.pages.currentIndex() == 1

    def show_system(self, system: str) -> None:
        """The dock shows the runs of the tab in front."""
        self._system = system
        self.model.show_system(system)
        self._changed()

    def choose(self, path: Path) -> None:
        """Select a run, such as one that was just started."""
        self.list.choose(path)

    def _changed(self) -> None:
        self.model.reload()
        has_runs = self.model.rowCount() > 0
        self.empty.setVisible(not has_runs)
        self.list.setVisible(has_runs)
        if has_runs and not self.list.currentIndex().isValid():
            self.list.setCurrentIndex(self.model.index(0))
        self._summarise()

    def _updated(self, path: Path) -> None:
        if self.model.row_of(path) >= 0:
            self.curves.news()
            run = self.list.current
            if run is not None and run.path == path and self.is_open:
                self.details.refresh()
                self.pictures.refresh()
        elif self.model.rowCount() == 0:
            self._changed()
        self._summarise()

    def _summarise(self) -> None:
        living = self._runs.living()
        if living:
            words = plural("{n} running", "{n} running", len(living)) + " · " + progress_words(living[0])
            if waiting := len(self._runs.waiting()):
                words += " · " + plural("{n} waits", "{n} wait", waiting)
        else:
            words = (
                plural("{n} run", "{n} runs", self.model.rowCount())
                if self.model.rowCount()
                else tr("none yet")
            )
        self.summary.setText(words)

    def _choose(self, path: Path | None) -> None:
        run = self._runs.find(path) if path is not None else None
        self._show_curves()  # which has the run read
        self.details.show_run(run)
        self.diagnosis.show_run(run)
        self.pictures.show_run(run)

    def _show_curves(self) -> None:
        run = self.list.current
        shown = [Shown(item, self.model.colors[item.path]) for item in self.model.ticked_runs()]
        if run is not None and run.path not in self.model.colors:
            free = [color for color in theme.CATEGORIES if color not in self.model.colors.values()]
            shown.append(Shown(run, (free or [theme.GREY])[0]))
        self._runs.look_at(item.run.path for item in shown)
        self.curves.show_runs(shown, run)
        self._show_comparison()

    def _show_comparison(self) -> None:
        if self.views.currentWidget() is self._compare_page:
            grouped = self.curves.grouped.isChecked() and not self.curves.grouped.isHidden()
            self.compare.show_runs(self.model.ticked_runs(), self.model.colors, grouped)

    def _keep_split(self) -> None:
        self._services.settings.set(Key.DOCK_SPLIT, self.splitter.saveState())

    # Doing ------------------------------------------------------------------------------------------------

    def show_error(self, error: BaseException) -> None:
        """Errors of the runs are shown over the list."""
        if isinstance(error, UserError):
            self.messages.show_error(error)
        else:
            self._services.errors.report(error)

    def _try(self, call: object, *arguments: object) -> None:
        try:
            call(*arguments)  # type: ignore[operator]
        except UserError as error:
            self.show_error(error)
        self.details.refresh()

    def _stop(self) -> None:
        if (run := self.list.current) is not None:
            self._try(self._runs.stop, run)

    def _resume(self) -> None:
        if (run := self.list.current) is not None:
            self._try(self._runs.resume, run)

    def _use(self) -> None:
        if (run := self.list.current) is not None:
            self._runs.use_checkpoint.emit(run.system, run.run.best)

    def _start_waiting(self) -> None:
        if (run := self.list.current) is not None:
            self._try(self._runs.start_waiting, run)

    def _again(self) -> None:
        if (run := self.list.current) is not None:
            self._runs.launch(run.system, like=run)

    def _vary(self, remedy: Remedy) -> None:
        if (run := self.list.current) is not None:
            self._try(self._runs.vary, run, remedy.changes, remedy.words)

    def _open_board(self) -> None:
        if (run := self.list.current) is not None:
            self._try(self._runs.board.open, run.path)

    def _open_folder(self) -> None:
        if (run := self.list.current) is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(run.path)))

    def _ask_delete(self) -> None:
        run = self.list.current
        if run is None or run.alive or self._question is not None:
            return
        box = QMessageBox(self.window())
        box.setIcon(QMessageBox.Icon.Warning)
        box.setWindowTitle(tr("Delete the run"))
        box.setText(tr("Delete {name} and its checkpoints?", name=run.run.name))
        box.setInformativeText(tr("The folder {path} goes to the trash.", path=run.path))
        delete = box.addButton(tr("Delete"), QMessageBox.ButtonRole.DestructiveRole)
        keep = box.addButton(tr("Keep"), QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(keep)
        box.setEscapeButton(keep)
        self._question = box
        box.finished.connect(lambda _result: self._delete(box, box.clickedButton() is delete, run))
        box.open()

    def _delete(self, box: QMessageBox, wanted: bool, run: WatchedRun) -> None:
        self._question = None
        box.deleteLater()
        if wanted:
            self._try(self._runs.delete, run)


def _arrow(sign: str, tooltip: str) -> QToolButton:
    button = QToolButton()
    button.setText(sign)
    button.setToolTip(tooltip)
    button.setAccessibleName(tooltip)
    button.setProperty("kind", "fold")
    return button
