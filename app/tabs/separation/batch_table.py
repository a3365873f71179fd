"""The recordings of a folder as a table: how long, how far, where the tracks are, what is to be said about them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt

from app import theme
from app.i18n import tr, translate
from app.widgets.plain import tip
from app.widgets.time_axis import time_words
from models.separation.results import Separated

Index = QModelIndex | QPersistentModelIndex
WAITING, RUNNING, DONE, PROBLEM = "waiting", "running", "done", "problem"


@dataclass
class Row:
    """One recording, where its tracks go, and how far it is."""

    path: Path
    folder: Path
    state: str = WAITING
    share: float = 0.0
    problem: str = ""
    duration_s: float | None = None
    separated: Separated | None = field(default=None, repr=False)


class Table(QAbstractTableModel):
    """Recording, duration, state, tracks, remarks."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[Row] = []

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else 5

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return (tr("Recording"), tr("Duration"), tr("State"), tr("Tracks"), tr("Remarks"))[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if section == 1 else Qt.AlignmentFlag.AlignLeft
            return int((side | Qt.AlignmentFlag.AlignVCenter).value)
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row, column = self.rows[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(row, column)
        if role == Qt.ItemDataRole.ToolTipRole:
            whole = {0: str(row.path), 3: str(row.folder) if row.separated is not None else ""}
            return tip(row.problem or whole.get(column, self._text(row, column)))
        if role == Qt.ItemDataRole.TextAlignmentRole and column == 1:
            return int((Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter).value)
        if role == Qt.ItemDataRole.ForegroundRole and row.state == PROBLEM and column == 2:
            return theme.color("error")
        return None

    def _text(self, row: Row, column: int) -> str:
        if column == 0:
            return row.path.name
        if column == 1:
            return "" if row.duration_s is None else time_words(row.duration_s)
        if column == 2:
            words = {WAITING: tr("waiting"), DONE: tr("separated")}
            if row.state == RUNNING:
                return tr("separating, {percent} %", percent=round(100 * row.share))
            return row.problem.split(". ")[0] if row.state == PROBLEM else words[row.state]
        if column == 3:
            return row.folder.name if row.separated is not None else ""
        remarks = row.separated.remarks if row.separated is not None else ()
        return " ".join(remark.translated(translate) for remark in remarks)

    def show_rows(self, rows: list[Row]) -> None:
        """Show these recordings in place of all others."""
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

    def changed(self, row: Row) -> None:
        """Something of a row is another; it is drawn anew."""
        if row in self.rows:
            number = self.rows.index(row)
            self.dataChanged.emit(self.index(number, 0), self.index(number, 4))
