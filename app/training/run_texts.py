"""What a run has written down, as pages to read: its log, its settings, its machine, and a person's notes."""

from __future__ import annotations

import json
from pathlib import Path

import yaml
from PySide6.QtWidgets import QPlainTextEdit, QTabWidget

from app import theme
from app.i18n import tr
from app.training.notes import Notes
from app.training.watched import WatchedRun

LOG_LINES = 2000


class RunTexts:
    """Four pages of the tabs of the training view; only the one in front is filled."""

    def __init__(self, tabs: QTabWidget) -> None:
        self._tabs = tabs
        self._run: WatchedRun | None = None
        self._shown: tuple[object, ...] = ()
        self.log = _page(tr("Log of the run"), tr("Nothing was printed yet."))
        self.config = _page(tr("Settings of the run"), "")
        self.environment = _page(tr("Machine and versions"), tr("Not written yet."))
        self.notes = Notes()
        pages = (
            (self.log, tr("Log")),
            (self.config, tr("Settings")),
            (self.environment, tr("Machine")),
            (self.notes, tr("Notes")),
        )
        for page, words in pages:
            tabs.addTab(page, words)

    def show_run(self, run: WatchedRun | None) -> None:
        """Another run is chosen, or none."""
        self._run = run
        self.notes.show_run(run)
        self.refresh()

    def refresh(self) -> None:
        """Fill the page in front, if there is news for it."""
        run, page = self._run, self._tabs.currentWidget()
        if run is None:
            for text in (self.log, self.config, self.environment):
                text.setPlainText("")
            self._shown = ()
            return
        now = (run.path, run.version, page, _size(run.run.log_file))
        if now == self._shown:
            return
        self._shown = now
        if page is self.log:
            _follow(self.log, run.log_tail(LOG_LINES))
        elif page is self.config:
            _replace(self.config, config_text(run))
        elif page is self.environment:
            _replace(self.environment, environment_text(run.path / "environment.json"))


def config_text(run: WatchedRun) -> str:
    """The run's config as YAML, fields in the order in which they are declared."""
    return yaml.safe_dump(run.config, sort_keys=False, allow_unicode=True)


def environment_text(path: Path) -> str:
    """``environment.json`` as lines of name and value."""
    try:
        values = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
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
    page.document().setDocumentMargin(theme.MEDIUM)
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
