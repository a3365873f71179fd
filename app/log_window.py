"""The log: the newest lines kept in memory, shown in a window of their own."""

from __future__ import annotations

import logging
from collections import deque
from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtGui import QTextCursor
from PySide6.QtWidgets import (
    QApplication,
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.i18n import plural, tr

MOST_LINES = 5000


class LogLines(logging.Handler):
    """Keeps the newest lines. `total` counts all there ever were, so that a window can fetch what is new."""

    def __init__(self, most: int = MOST_LINES) -> None:
        super().__init__(logging.INFO)
        self.setFormatter(logging.Formatter("%(asctime)s  %(levelname)-7s %(name)s  %(message)s", "%H:%M:%S"))
        self.lines: deque[str] = deque(maxlen=most)
        self.total = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the lines of a record; called by `logging`, from any thread."""
        for line in self.format(record).splitlines():
            self.lines.append(line)
            self.total += 1

    def since(self, seen: int) -> list[str]:
        """The lines after the first `seen`, as far as they are kept."""
        with self.lock or _NoLock():
            new = min(self.total - seen, len(self.lines))
            return list(self.lines)[len(self.lines) - new :] if new > 0 else []


class _NoLock:
    def __enter__(self) -> None: ...

    def __exit__(self, *_error: object) -> None: ...


_handler: LogLines | None = None


def keep_log() -> LogLines:
    """Start keeping the log; the same handler every time."""
    global _handler
    if _handler is None:
        _handler = LogLines()
    root = logging.getLogger()
    if _handler not in root.handlers:
        root.addHandler(_handler)
        logging.getLogger("polyphony").setLevel(logging.INFO)
    return _handler


class LogWindow(QDialog):
    """Follows the log while it is open; copy and save."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Log"))
        self.resize(760, 420)
        self._log = keep_log()
        self._seen = 0
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.MEDIUM, theme.MEDIUM, theme.MEDIUM, theme.MEDIUM)
        layout.setSpacing(theme.SMALL)
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setMaximumBlockCount(MOST_LINES)
        self.text.setFont(theme.fixed_font())
        self.text.setAccessibleName(tr("Log"))
        self.text.setPlaceholderText(tr("Nothing has been logged yet."))
        layout.addWidget(self.text, 1)
        row = QHBoxLayout()
        self.count = QLabel()
        self.count.setProperty("role", "hint")
        copy, save = QPushButton(tr("Copy")), QPushButton(tr("Save…"))
        copy.clicked.connect(lambda: QApplication.clipboard().setText(self.text.toPlainText()))
        save.clicked.connect(self._ask_where)
        row.addWidget(self.count, 1)
        row.addWidget(copy)
        row.addWidget(save)
        layout.addLayout(row)
        self._timer = QTimer(self)
        self._timer.setInterval(250)
        self._timer.timeout.connect(self.refresh)
        self._timer.start()
        self.refresh()

    def refresh(self) -> None:
        """Show what is new."""
        new = self._log.since(self._seen)
        self._seen = self._log.total
        if new:
            at_end = self.text.verticalScrollBar().value() >= self.text.verticalScrollBar().maximum() - 4
            self.text.appendPlainText("\n".join(new))
            if at_end:
                self.text.moveCursor(QTextCursor.MoveOperation.End)
        count = 0 if self.text.document().isEmpty() else self.text.blockCount()
        self.count.setText(plural("{n} line", "{n} lines", count))

    def save(self, path: Path) -> None:
        """Write the lines that are shown to a text file. Raises OSError."""
        path.write_text(self.text.toPlainText() + "\n", "utf-8")

    def _ask_where(self) -> None:
        name, _ = QFileDialog.getSaveFileName(
            self, tr("Save the log"), "polyphony-log.txt", tr("Text (*.txt)")
        )
        if not name:
            return
        try:
            self.save(Path(name))
        except OSError as error:
            self.count.setText(tr("Not saved: {reason}", reason=error.strerror or str(error)))

    def done(self, result: int) -> None:
        """Closed: stop following the log."""
        self._timer.stop()
        super().done(result)
