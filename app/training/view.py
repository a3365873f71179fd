"""The training view: a run in the whole window, with its curves, comparison, diagnosis, pictures and texts."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QPushButton,
    QSplitter,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from app import systems, theme
from app.i18n import tr
from app.services import Services
from app.tabs.base import LEFT_WIDTH
from app.training.actions import RunActions
from app.training.chosen import ChosenRuns
from app.training.compare import Compare
from app.training.curves import Curves
from app.training.diagnosis import Diagnosis
from app.training.folds_page import FoldsPage
from app.training.pictures import Pictures
from app.training.run_head import RunHead
from app.training.run_list import RunList
from app.training.run_texts import RunTexts
from app.widgets.labels import Caption
from app.widgets.message_bar import MessageBar
from models.errors import UserError


class TrainingView(QWidget):
    """The list at the left, as the tabs have their source; the pages of the chosen run beside it.

    system_wanted(name): the runs of another system are to be listed (empty: of all).
    """

    system_wanted = Signal(str)

    def __init__(self, services: Services, chosen: ChosenRuns, list_in_dock: RunList) -> None:
        super().__init__()
        self._services = services
        self._runs = services.training
        self.chosen = chosen
        self.setProperty("surface", "page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.messages = MessageBar()
        self.list = RunList(chosen.model, beside=list_in_dock)
        self.actions_of_run = RunActions(services, lambda: self.list.current, self.show_error, self)
        self.list.delete_wanted.connect(self.actions_of_run.ask_delete)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self._make_left())
        row.addWidget(self._make_right(), 1)
        chosen.choice_changed.connect(self._choice_changed)
        chosen.list_changed.connect(self._list_changed)
        self._runs.updated.connect(self._updated)
        self._list_changed()
        self._choice_changed()

    def _make_left(self) -> QWidget:
        left = QFrame()
        left.setProperty("surface", "page")
        left.setProperty("line", "right")
        left.setFixedWidth(LEFT_WIDTH)
        column = QVBoxLayout(left)
        column.setContentsMargins(theme.MEDIUM, theme.MEDIUM, theme.MEDIUM, theme.MEDIUM)
        column.setSpacing(theme.SMALL)
        self.systems = QComboBox()
        self.systems.setAccessibleName(tr("System"))
        self.systems.setToolTip(tr("Whose runs are listed"))
        self.systems.addItem(tr("All systems"), "")
        for entry in systems.ENTRIES:
            self.systems.addItem(entry.title(), entry.system)
        self.systems.activated.connect(lambda _index: self.system_wanted.emit(self.systems.currentData()))
        self.train = QPushButton(tr("Train…"))
        self.train.setProperty("kind", "primary")
        self.train.setToolTip(tr("Set up a new run (Ctrl+N)"))
        self.train.clicked.connect(lambda: self._runs.launch(self.chosen.system or systems.NAMES[0]))
        column.addWidget(Caption(tr("Training runs")))
        column.addWidget(self.systems)
        column.addWidget(self.messages)
        column.addWidget(self.list, 1)
        column.addWidget(self.train)
        return left

    def _make_right(self) -> QWidget:
        right = QWidget()
        column = QVBoxLayout(right)
        column.setContentsMargins(0, theme.SMALL, 0, 0)
        column.setSpacing(theme.SMALL)
        self.head = RunHead(self.actions_of_run, large=True)
        self.views = QTabWidget()
        self.views.setDocumentMode(True)
        self.views.tabBar().setDrawBase(False)
        self.curves, self.compare = Curves(), Compare(self._services)
        self.folds, self.diagnosis, self.pictures = FoldsPage(), Diagnosis(), Pictures()
        self.curves_page, self.compare_page = QWidget(), QSplitter(Qt.Orientation.Vertical)
        holder = QVBoxLayout(self.curves_page)
        holder.setContentsMargins(0, 0, 0, 0)
        holder.addWidget(self.curves)
        self.compare_page.setHandleWidth(1)
        self.compare_page.setChildrenCollapsible(False)
        self.compare_page.addWidget(self.compare)
        for page, words in (
            (self.folds, tr("Fold by fold")),
            (self.curves_page, tr("Curves")),
            (self.compare_page, tr("Compare")),
            (self.diagnosis, tr("Diagnosis")),
            (self.pictures, tr("Pictures")),
        ):
            self.views.addTab(page, words)
        self.views.setTabVisible(0, False)
        self.views.setCurrentWidget(self.curves_page)
        self.texts = RunTexts(self.views)
        self.views.currentChanged.connect(self._view_chosen)
        self.curves.grouped.clicked.connect(self._compare)
        self.diagnosis.variant_wanted.connect(self.actions_of_run.vary)
        column.addWidget(self.head)
        column.addWidget(self.views, 1)
        return right

    # Showing ----------------------------------------------------------------------------------------------

    def choose(self, path: Path) -> None:
        """Show this run."""
        self.chosen.choose(path)

    def show_system(self, system: str) -> None:
        """Whose runs are listed."""
        self.systems.setCurrentIndex(max(0, self.systems.findData(system)))

    def _list_changed(self) -> None:
        self.show_system(self.chosen.system)

    def _choice_changed(self) -> None:
        run = self.chosen.run
        self.curves.show_runs(self.chosen.shown(), run)
        self.head.show_run(run)
        self.folds.show_run(run)
        self._offer_folds(run is not None and run.folding is not None)
        self.diagnosis.show_run(run)
        self.pictures.show_run(run)
        self.texts.show_run(run)
        self._compare()

    def _offer_folds(self, offered: bool) -> None:
        """The page of the folds is there for a cross-validation alone, and in front instead of its curves."""
        place = self.views.indexOf(self.folds)
        if offered == self.views.isTabVisible(place):
            return
        before = self.views.currentWidget()
        self.views.setTabVisible(place, offered)
        if offered and before is self.curves_page:
            self.views.setCurrentWidget(self.folds)
        elif not offered and before is self.folds:
            self.views.setCurrentWidget(self.curves_page)

    def _view_chosen(self) -> None:
        """The curves go along to the comparison, so that figures and curves are seen at once."""
        if self.views.currentWidget() is self.compare_page:
            self.compare_page.insertWidget(0, self.curves)
            self.compare_page.setSizes([400, 400])
        elif self.curves.parentWidget() is not self.curves_page:
            layout = self.curves_page.layout()
            assert layout is not None
            layout.addWidget(self.curves)
        self.curves.show()
        self.texts.refresh()
        self._compare()

    def _compare(self) -> None:
        if self.views.currentWidget() is self.compare_page:
            grouped = self.curves.grouped.isChecked() and not self.curves.grouped.isHidden()
            self.compare.show_runs(self.chosen.model.ticked_runs(), self.chosen.model.colors, grouped)

    def _updated(self, path: Path) -> None:
        if self.chosen.model.row_of(path) < 0:
            return
        self.curves.news()
        run = self.chosen.run
        if run is not None and run.path == path and self.isVisible():
            self.head.refresh()
            self.folds.refresh()
            self.pictures.refresh()
            self.texts.refresh()

    def show_error(self, error: BaseException) -> None:
        """Errors of the runs are shown over the list."""
        if isinstance(error, UserError):
            self.messages.show_error(error)
        else:
            self._services.errors.report(error)
