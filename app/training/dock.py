"""The training dock: the runs of the tab's system, the curve of those that are chosen, and how the chosen one stands."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app import systems, theme
from app.i18n import plural, tr
from app.services import Services
from app.settings import Key
from app.tabs.base import LEFT_WIDTH
from app.training.actions import RunActions
from app.training.chosen import ChosenRuns
from app.training.curves import Curves
from app.training.run_head import RunHead
from app.training.run_list import RunList
from app.training.words import progress_words
from app.widgets.labels import Caption, Elided, Hint
from app.widgets.message_bar import MessageBar
from models.errors import UserError


class TrainingDock(QFrame):
    """Closed, it is a strip that says what runs; open, list, curve and state side by side."""

    opened = Signal(bool)
    run_opened = Signal(
        object
    )  # everything about the run of this path is wanted, or (None) of whichever is chosen

    def __init__(self, services: Services) -> None:
        super().__init__()
        self._services = services
        self._runs = services.training
        self.setProperty("surface", "page")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        self.chosen = ChosenRuns(self._runs, self)
        self.model = self.chosen.model
        self.pages = QStackedWidget()
        layout.addWidget(self.pages)
        self.pages.addWidget(self._make_strip())
        self.pages.addWidget(self._make_body())
        self.chosen.list_changed.connect(self._list_changed)
        self.chosen.choice_changed.connect(self._choice_changed)
        self._runs.updated.connect(self._updated)
        self._list_changed()
        self._choice_changed()

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
        self.list = RunList(self.model)
        self.chosen.follow(self.list)
        self.messages = MessageBar()
        self.actions_of_run = RunActions(self._services, lambda: self.list.current, self.show_error, self)
        self.actions_of_run.opened.connect(self.run_opened)
        self.list.opened.connect(self.run_opened)
        self.list.delete_wanted.connect(self.actions_of_run.ask_delete)
        self.curves = Curves()
        self.details = RunHead(self.actions_of_run, large=False)
        for widget, width in ((self._make_left(), 220), (self.curves, 320), (self.details, 300)):
            widget.setMinimumWidth(width)
            self.splitter.addWidget(widget)
        self.splitter.setStretchFactor(1, 1)
        self.splitter.setSizes([LEFT_WIDTH, 640, 320])
        kept = self._services.settings.blob(Key.DOCK_SPLIT)
        if not kept.isEmpty():
            self.splitter.restoreState(kept)
        self.splitter.splitterMoved.connect(self._keep_split)
        return self.splitter

    def _make_left(self) -> QWidget:
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(theme.SMALL, theme.TINY, theme.SMALL, theme.TINY)
        column.setSpacing(theme.TINY)
        row = QHBoxLayout()
        row.setContentsMargins(theme.SMALL, 0, 0, 0)
        self.enlarge_button = _arrow("▴", tr("The whole window for the runs (Ctrl+Shift+T)"))
        self.enlarge_button.clicked.connect(lambda: self.run_opened.emit(None))
        self.close_button = _arrow("▾", tr("Close the training dock (Ctrl+T)"))
        self.close_button.clicked.connect(lambda: self.opened.emit(False))
        self.train_button = QPushButton(tr("Train…"))
        self.train_button.setProperty("kind", "link")
        self.train_button.setToolTip(tr("Set up a new run (Ctrl+N)"))
        self.train_button.clicked.connect(lambda: self._runs.launch(self.chosen.system))
        row.addWidget(Caption(tr("Training runs")))
        row.addStretch(1)
        row.addWidget(self.train_button)
        row.addWidget(self.enlarge_button)
        row.addWidget(self.close_button)
        column.addLayout(row)
        column.addWidget(self.messages)
        self.empty = Hint()
        self.empty.setContentsMargins(8, 4, 8, 4)
        self.empty.linkActivated.connect(lambda _link: self._show_all())
        column.addWidget(self.empty)
        column.addWidget(self.list, 1)
        column.addStretch(0)
        return left

    # Showing ----------------------------------------------------------------------------------------------

    def set_open(self, opened: bool) -> None:
        """Show list, curve and state, or the strip."""
        self.pages.setCurrentIndex(1 if opened else 0)

    @property
    def is_open(self) -> bool:
        """Whether it is more than the strip."""
        return self.pages.currentIndex() == 1

    def show_system(self, system: str) -> None:
        """The dock shows the runs of the tab in front."""
        self.chosen.show_system(system)

    def choose(self, path: Path) -> None:
        """Select a run, such as one that was just started."""
        self.chosen.choose(path)

    def _list_changed(self) -> None:
        has_runs = self.model.rowCount() > 0
        self.empty.setVisible(not has_runs)
        self.empty.setText(self._none_words())
        self.list.setVisible(has_runs)
        self._summarise()

    def _none_words(self) -> str:
        """That there are no runs, of this system or at all, and how one sees the others."""
        others = len(self._runs.runs)
        if not others or not self.chosen.system:
            return tr("No runs yet. Train… sets one up; it goes on when the window is closed.")
        none = tr(
            "No runs of {system} yet. Train… sets one up; it goes on when the window is closed.",
            system=systems.entry(self.chosen.system).title(),
        )
        link = plural("{n} run of another system", "{n} runs of other systems", others)
        return f'{none} <a href="all">{link}</a>'

    def _show_all(self) -> None:
        """The whole window, with the runs of all systems."""
        self.chosen.show_system("")
        self.run_opened.emit(None)

    def _choice_changed(self) -> None:
        self.curves.show_runs(self.chosen.shown(), self.chosen.run)
        self.details.show_run(self.chosen.run)

    def _updated(self, path: Path) -> None:
        if self.model.row_of(path) >= 0:
            self.curves.news()
            run = self.chosen.run
            if run is not None and run.path == path and self.is_open:
                self.details.refresh()
        self._summarise()

    def _summarise(self) -> None:
        living = self._runs.living()
        if living:
            words = plural("{n} running", "{n} running", len(living)) + " · " + progress_words(living[0])
            if waiting := len(self._runs.waiting()):
                words += " · " + plural("{n} waits", "{n} wait", waiting)
        else:
            count, others = self.model.rowCount(), len(self._runs.runs)
            words = (
                plural("{n} run", "{n} runs", count)
                if count
                else plural(
                    "none of this system, {n} of another", "none of this system, {n} of others", others
                )
                if others
                else tr("none yet")
            )
        self.summary.setText(words)

    def _keep_split(self) -> None:
        self._services.settings.set(Key.DOCK_SPLIT, self.splitter.saveState())

    def show_error(self, error: BaseException) -> None:
        """Errors of the runs are shown over the list."""
        if isinstance(error, UserError):
            self.messages.show_error(error)
        else:
            self._services.errors.report(error)


def _arrow(sign: str, tooltip: str) -> QToolButton:
    button = QToolButton()
    button.setText(sign)
    button.setToolTip(tooltip)
    button.setAccessibleName(tooltip)
    button.setProperty("kind", "fold")
    return button
