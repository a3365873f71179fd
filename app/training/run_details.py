"""What is known about the selected run, and what can be done with it."""

from __future__ import annotations

import json
from pathlib import Path

import yaml
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QMenu,
    QPlainTextEdit,
    QPushButton,
    QTabWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.i18n import tr, tr_error
from app.training.notes import Notes
from app.training.watched import WatchedRun
from app.widgets.labels import Elided
from models.training.run_folder import RunState

LOG_LINES = 200
LAST_WORDS = 6  # log lines in the explanation of a run that ended badly


class RunDetails(QWidget):
    """Pages: log, settings, machine; above them why a run ended badly; below them the buttons."""

    stop_wanted = Signal()
    resume_wanted = Signal()
    use_wanted = Signal()
    open_wanted = Signal()
    delete_wanted = Signal()
    start_wanted = Signal()  # a run of the queue, now
    again_wanted = Signal()  # the form, filled like this run
    board_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._run: WatchedRun | None = None
        self._shown: tuple[object, ...] = ()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.MEDIUM, theme.SMALL, theme.MEDIUM, theme.TINY)
        layout.setSpacing(theme.TINY)
        self.name = Elided(mode=Qt.TextElideMode.ElideMiddle)
        self.name.setProperty("role", "caption")
        self.name.setAccessibleName(tr("The chosen run"))
        layout.addWidget(self.name)
        self.problem = QLabel()
        self.problem.setProperty("role", "problem")
        self.problem.setWordWrap(True)
        self.problem.setTextFormat(Qt.TextFormat.PlainText)
        self.problem.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        layout.addWidget(self.problem)
        self.pages = QTabWidget()
        self.pages.setDocumentMode(True)
        self.pages.tabBar().setDrawBase(False)
        self.log = _page(tr("Log of the run"), tr("Nothing was printed yet."))
        self.config = _page(tr("Settings of the run"), "")
        self.environment = _page(tr("Machine and versions"), tr("Not written yet."))
        self.pages.addTab(self.log, tr("Log"))
        self.pages.addTab(self.config, tr("Settings"))
        self.pages.addTab(self.environment, tr("Machine"))
        self.notes = Notes()
        self.pages.addTab(self.notes, tr("Notes"))
        self.pages.currentChanged.connect(lambda _index: self.refresh(force=True))
        layout.addWidget(self.pages, 1)
        layout.addWidget(self._make_buttons())
        layout.addStretch(0)
        self.show_run(None)

    def _make_buttons(self) -> QWidget:
        self.buttons = QWidget()
        row = QHBoxLayout(self.buttons)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        self.stop = self._button(
            row, tr("Stop"), tr("Save and end the run; it can be resumed"), self.stop_wanted
        )
        self.resume = self._button(
            row, tr("Resume"), tr("Go on from the last checkpoint"), self.resume_wanted
        )
        self.start = self._button(row, tr("Start now"), tr("Do not wait for the others"), self.start_wanted)
        self.use = self._button(
            row, tr("Use best"), tr("Use the best checkpoint in the tab"), self.use_wanted
        )
        self.again = self._button(
            row, tr("Again…"), tr("Set up a run like this one, with changes"), self.again_wanted
        )
        self.delete = self._button(
            row, tr("Delete…"), tr("Move the run and its checkpoints to the trash"), self.delete_wanted
        )
        row.addStretch(1)
        self.more = QToolButton()
        self.more.setText("⋯")
        self.more.setProperty("kind", "fold")
        self.more.setToolTip(tr("More"))
        self.more.setAccessibleName(tr("More"))
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self.more)
        self.open = menu.addAction(tr("Open the folder of the run"))
        self.open.triggered.connect(lambda _on=False: self.open_wanted.emit())
        self.board = menu.addAction(tr("Open in TensorBoard"))
        self.board.triggered.connect(lambda _on=False: self.board_wanted.emit())
        self.more.setMenu(menu)
        row.addWidget(self.more)
        return self.buttons

    def _button(self, row: QHBoxLayout, words: str, tooltip: str, signal: object) -> QPushButton:
        button = QPushButton(words)
        button.setProperty("kind", "link")
        button.setToolTip(tooltip)
        button.setAccessibleDescription(tooltip)
        button.clicked.connect(lambda _checked=False: signal.emit())  # type: ignore[attr-defined]
        row.addWidget(button)
        return button

    def show_run(self, run: WatchedRun | None) -> None:
        if run is not self._run:
            self._shown = ()
        self._run = run
        self.refresh(force=True)

    def refresh(self, force: bool = False) -> None:
        """Bring what is shown up to date; cheap when nothing has changed."""
        run = self._run
        for widget in (self.name, self.pages, self.buttons):
            widget.setVisible(run is not None)
        if run is None:
            self.problem.hide()
            return
        state = run.state
        self.name.setText(run.run.name)
        self.stop.setVisible(run.alive)
        self.stop.setEnabled(not run.stopping)
        queued = state is RunState.QUEUED
        self.start.setVisible(queued)
        self.resume.setVisible(not run.alive and not queued)
        self.use.setVisible(not queued)
        self.board.setEnabled((run.path / "tensorboard").is_dir())
        self.resume.setEnabled(state is not RunState.DONE and run.run.last.is_dir())
        self.use.setEnabled(run.run.best.is_dir())
        self.delete.setEnabled(not run.alive)
        now = (run.path, run.version, state, self.pages.currentIndex(), _size(run.run.log_file))
        if now == self._shown and not force:
            return
        self._shown = now
        words = why_it_ended(run)
        self.problem.setText(words)
        self.problem.setVisible(bool(words))
        index = self.pages.currentIndex()
        if index == 0:
            _follow(self.log, run.run.log_tail(LOG_LINES))
        elif index == 1:
            _replace(self.config, config_text(run))
        elif index == 2:
            _replace(self.environment, environment_text(run.path / "environment.json"))
        else:
            self.notes.show_run(run)


def why_it_ended(run: WatchedRun) -> str:
    """Sentences about a run that failed or died, the last lines of its log among them; else nothing."""
    if run.config_error is not None:
        return " ".join(part for part in tr_error(run.config_error) if part)
    failed = run.story.failed
    if run.state is RunState.FAILED and failed is not None:
        words = " ".join(part for part in (failed.what, failed.why, failed.remedy) if part)
        return "✕ " + words
    if run.state is RunState.DIED:
        tail = [line for line in run.run.log_tail(40).splitlines() if line.strip()][-LAST_WORDS:]
        words = tr("The process ended without a word: it was killed, or the machine ran out of memory.")
        if run.run.last.is_dir():
            words += " " + tr("Resume goes on from the last checkpoint.")
        return "✕ " + "\n".join([words, *tail])
    return ""


def config_text(run: WatchedRun) -> str:
    return yaml.safe_dump(run.config, sort_keys=False, allow_unicode=True)


def environment_text(path: Path) -> str:
    """``environment.json`` as lines of name and value."""
    try:
        values = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return ""
    return yaml.safe_dump(values, sort_keys=False, allow_unicode=True)


def _page(name: str, empty: str) -> QPlainTextEdit:
    page = QPlainTextEdit()
    page.setReadOnly(True)
    page.setProperty("kind", "bare")
    page.setFont(theme.fixed_font(theme.HINT_PX))
    page.setAccessibleName(name)
    page.setPlaceholderText(empty)
    page.setTabChangesFocus(True)
    page.setLineWrapMode(QPlainTextEdit.LineWrapMode.WidgetWidth)
    page.setFrameShape(QPlainTextEdit.Shape.NoFrame)
    return page


def _follow(page: QPlainTextEdit, text: str) -> None:
    """Replace the text; stay at the end if the reader was there, else where they were."""
    if page.toPlainText() == text:
        return
    bar = page.verticalScrollBar()
    at_end, place = bar.value() >= bar.maximum() - 1, bar.value()
    page.setPlainText(text)
    bar.setValue(bar.maximum() if at_end else place)


def _replace(page: QPlainTextEdit, text: str) -> None:
    """Another text, read from its beginning."""
    if page.toPlainText() != text:
        page.setPlainText(text)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
