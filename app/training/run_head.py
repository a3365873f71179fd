"""The chosen run at a glance: its name, how it stands, why it ended badly, and the buttons."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QPushButton, QToolButton, QVBoxLayout, QWidget

from app import theme
from app.i18n import tr, tr_error
from app.training.actions import RunActions
from app.training.watched import WatchedRun
from app.training.words import best_words, pace_words, progress_words, state_words
from app.widgets.labels import Elided
from models.training.run_folder import RunState

LAST_WORDS = 6  # log lines in the explanation of a run that ended badly


class RunHead(QWidget):
    """Shown in the dock (small) and over the pages of the training view (large). `refresh` brings it up to date."""

    def __init__(self, actions: RunActions, *, large: bool) -> None:
        super().__init__()
        self._actions = actions
        self._run: WatchedRun | None = None
        self._large = large
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.MEDIUM, theme.SMALL, theme.MEDIUM, theme.TINY)
        layout.setSpacing(theme.TINY)
        self.name = Elided(mode=Qt.TextElideMode.ElideMiddle)
        self.name.setProperty("role", "title" if large else "caption")
        self.name.setAccessibleDescription(tr("The chosen run"))
        self.state = self._line()
        self.pace = self._line()
        self.best = self._line()
        self.problem = self._line()
        self.problem.setProperty("role", "problem")
        self.problem.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        for label in (self.name, self.state, self.pace, self.best, self.problem):
            layout.addWidget(label)
        if not large:
            layout.addStretch(1)
        layout.addWidget(self._make_buttons())
        actions.done.connect(self.refresh)
        self.show_run(None)

    def _line(self) -> QLabel:
        label = QLabel()
        label.setProperty("role", "hint")
        label.setWordWrap(True)
        label.setTextFormat(Qt.TextFormat.PlainText)
        return label

    def _make_buttons(self) -> QWidget:
        actions = self._actions
        self.buttons = QWidget()
        row = QHBoxLayout(self.buttons)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.TINY)
        self.open = self._button(
            row, tr("Open"), tr("Everything about this run, in the whole window (Return)"), actions.open
        )
        self.open.setHidden(self._large)
        self.stop = self._button(row, tr("Stop"), tr("Save and end the run; it can be resumed"), actions.stop)
        self.resume = self._button(row, tr("Resume"), tr("Go on from the last checkpoint"), actions.resume)
        self.start = self._button(row, tr("Start now"), tr("Do not wait for the others"), actions.start)
        self.use = self._button(row, tr("Use best"), tr("Use the best checkpoint in the tab"), actions.use)
        self.again = self._button(
            row, tr("Again…"), tr("Set up a run like this one, with changes"), actions.again
        )
        self.more = QToolButton()
        self.more.setText("⋯")
        self.more.setProperty("kind", "fold")
        self.more.setToolTip(tr("More"))
        self.more.setAccessibleName(tr("More"))
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self.more)
        menu.addAction(tr("Open the folder of the run")).triggered.connect(
            lambda _on=False: actions.open_folder()
        )
        self.board = menu.addAction(tr("Open in TensorBoard"))
        self.board.triggered.connect(lambda _on=False: actions.open_board())
        menu.addSeparator()
        self.delete = menu.addAction(tr("Delete…"))
        self.delete.triggered.connect(lambda _on=False: actions.ask_delete())
        self.more.setMenu(menu)
        row.addWidget(self.more)
        row.addStretch(1)
        return self.buttons

    def _button(self, row: QHBoxLayout, words: str, tooltip: str, call: Callable[[], None]) -> QPushButton:
        button = QPushButton(words)
        button.setProperty("kind", "small" if self._large else "link")
        button.setToolTip(tooltip)
        button.setAccessibleDescription(tooltip)
        button.clicked.connect(lambda _checked=False: call())
        row.addWidget(button)
        return button

    def show_run(self, run: WatchedRun | None) -> None:
        """Another run is chosen, or none."""
        self._run = run
        self.refresh()

    def refresh(self) -> None:
        """Say how the run stands now."""
        run = self._run
        self.buttons.setVisible(run is not None)
        if run is None:
            for label in (self.state, self.pace, self.best, self.problem):
                label.hide()
            self.name.setText(tr("No run is chosen."))
            return
        state = run.state
        queued, damaged = state is RunState.QUEUED, bool(run.damage)
        self.name.setText(run.run.name)
        for label, words in (
            (self.state, " · ".join(part for part in (state_words(run), progress_words(run)) if part)),
            (self.pace, pace_words(run)),
            (self.best, best_words(run)),
            (self.problem, why_it_ended(run)),
        ):
            label.setText(words)
            label.setVisible(bool(words))
        self.stop.setVisible(run.alive)
        self.stop.setEnabled(not run.stopping)
        self.start.setVisible(queued)
        self.resume.setVisible(not run.alive and not queued and state is not RunState.DONE)
        self.resume.setEnabled(not damaged and (run.folding is not None or run.run.last.is_dir()))
        self.use.setVisible(not queued and run.folding is None)
        self.use.setEnabled(not damaged and run.run.best.is_dir())
        self.again.setEnabled(not damaged)
        self.board.setEnabled((run.path / "tensorboard").is_dir())
        self.delete.setEnabled(not run.alive)


def why_it_ended(run: WatchedRun) -> str:
    """Sentences about a run that failed, died or is damaged, the last lines of its log among them; else nothing."""
    if run.damage:
        return "✕ " + tr("This run cannot be used: {reason}", reason=run.damage)
    if run.config_error is not None:
        return " ".join(part for part in tr_error(run.config_error) if part)
    failed = run.story.failed
    if run.state is RunState.FAILED and failed is not None:
        return "✕ " + " ".join(part for part in tr_error(failed.error) if part)
    if run.state is RunState.DIED:
        tail = [line for line in run.log_tail(40).splitlines() if line.strip()][-LAST_WORDS:]
        words = tr("The process ended without a word: it was killed, or the machine ran out of memory.")
        if run.folding is not None:
            words += " " + tr("Resume goes on with the folds that are left.")
        elif run.run.last.is_dir():
            words += " " + tr("Resume goes on from the last checkpoint.")
        return "✕ " + "\n".join([words, *tail])
    return ""
