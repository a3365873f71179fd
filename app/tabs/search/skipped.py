"""A window with the files that could not be read, and why."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
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
    QWidget,
)

from app import theme
from app.i18n import tr
from app.widgets.plain import tip
from app.widgets.tables import for_reading, set_heads
from models.datafiles import write_whole
from models.errors import UserError

MOST_ROWS = 5_000  # shown; the export has all


class SkippedWindow(QDialog):
    """rows: (path, why)."""

    def __init__(self, rows: Sequence[tuple[str, str]], parent: QWidget) -> None:
        super().__init__(parent)
        self.rows = list(rows)
        self.setWindowTitle(tr("What was left out"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(760, 420)
        column = QVBoxLayout(self)
        column.setContentsMargins(theme.MEDIUM, theme.MEDIUM, theme.MEDIUM, theme.MEDIUM)
        self.table = QTableWidget(min(len(self.rows), MOST_ROWS), 2)
        for_reading(self.table, tr("What was left out"))
        set_heads(self.table, [tr("File"), tr("Why")])
        self.table.horizontalHeader().setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        self.table.setColumnWidth(0, 280)
        self.table.setWordWrap(False)
        for number, (path, why) in enumerate(self.rows[:MOST_ROWS]):
            for place, words in enumerate((Path(path).name, why)):
                item = QTableWidgetItem(words)
                item.setToolTip(tip(f"{path}\n{why}"))
                self.table.setItem(number, place, item)
        column.addWidget(self.table)
        buttons = QHBoxLayout()
        export = QPushButton(tr("Export as CSV…"))
        export.clicked.connect(self._export)
        close = QPushButton(tr("Close"))
        close.clicked.connect(self.close)
        buttons.addWidget(export)
        buttons.addStretch(1)
        buttons.addWidget(close)
        column.addLayout(buttons)

    def _export(self) -> None:
        name, _ = QFileDialog.getSaveFileName(self, tr("Export"), "skipped.csv", "CSV (*.csv)")
        if name:
            self.save(Path(name))

    def save(self, path: Path) -> None:
        """Write all rows, not only those shown, as CSV with the columns path and reason; what fails the tab shows."""
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["path", "reason"])
        writer.writerows(self.rows)
        try:
            write_whole(path, text.getvalue())
        except UserError as error:
            owner = self.parent()
            while owner is not None and not hasattr(owner, "show_error"):
                owner = owner.parent()
            if owner is not None:
                owner.show_error(error)
