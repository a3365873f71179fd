"""Ticked runs beside one another: settings that differ, last and best figures, and whether a difference may be chance."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import shiboken6
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QFontMetrics, QIcon, QPixmap
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QScrollArea,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.i18n import tr
from app.services import Services
from app.training.comparison import Compared, RunSummary, Table, compare, summary_of
from app.training.watched import WatchedRun
from app.widgets.plain import plain_label, tip
from app.widgets.tables import for_reading
from models.progress import Cancelled

TESTS_PX = 84
FIRST_PX = 230
CELL_PX = (70, 220)  # the narrowest and the widest column of a run
MEASURED = 40  # columns whose width is measured; those behind have that of the widest of them
Index = QModelIndex | QPersistentModelIndex


class TableModel(QAbstractTableModel):
    """A `Table` and the colours of its columns (``#RRGGBB`` or nothing), as Qt asks for them cell by cell."""

    def __init__(self) -> None:
        super().__init__()
        self.table = Table([], [])
        self._colors: list[str] = []
        self._alike = 0  # how much of the names all have in common

    def show(self, table: Table, colors: list[str]) -> None:
        """Another table."""
        self.beginResetModel()
        self.table, self._colors = table, colors
        self._alike = _beginning(table.columns)
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.table.rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() or not self.table.columns else len(self.table.columns) + 1

    def words(self, row: int, column: int) -> str:
        """What stands in a cell; column 0 says what the row is."""
        what, cells = self.table.rows[row]
        return cells[column - 1] if column else what

    def head(self, column: int) -> str:
        """What stands over a column."""
        return self.table.columns[column - 1][self._alike :] if column else ""

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row, column = index.row(), index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self.words(row, column)
        if role == Qt.ItemDataRole.ToolTipRole:
            named = column == 0 and row < len(self.table.settings)
            return tip(self.table.settings[row] if named else self.words(row, column))
        if role == Qt.ItemDataRole.ForegroundRole and column == 0:
            return theme.color("muted")
        if role == Qt.ItemDataRole.FontRole and column and row in self.table.best_rows:
            return theme.font(theme.TEXT_PX, bold=len(set(self.table.rows[row][1])) > 1)
        return None

    def headerData(self, section: int, side: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if side != Qt.Orientation.Horizontal or section > len(self.table.columns):
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self.head(section)
        if role == Qt.ItemDataRole.ToolTipRole and section:
            return tip(self.table.columns[section - 1])
        if role == Qt.ItemDataRole.DecorationRole and section and self._colors[section - 1]:
            return _square(self._colors[section - 1])
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        return None


class Compare(QWidget):
    """The table of the ticked runs, and what the paired tests say.

    Both are computed in a worker, whatever many runs there are; until they come, the last ones stay.
    """

    def __init__(self, services: Services) -> None:
        super().__init__()
        self._worker = services.worker("comparison")
        self._runs: list[WatchedRun] = []
        self._colors: dict[Path, str] = {}
        self._asked: tuple[list[RunSummary], bool] | None = None
        self.model = TableModel()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.MEDIUM, theme.TINY, theme.MEDIUM, theme.TINY)
        layout.setSpacing(theme.TINY)
        row = QHBoxLayout()
        self.hint = plain_label("", "hint")
        self.export = QPushButton(tr("Export CSV…"))
        self.export.setProperty("kind", "link")
        self.export.setToolTip(tr("Save this table"))
        self.export.clicked.connect(self._ask_export)
        row.addWidget(self.hint, 1)
        row.addWidget(self.export)
        layout.addLayout(row)
        self.table = QTableView()
        self.table.setModel(self.model)
        for_reading(self.table, tr("Runs compared"), 26)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectItems)  # a run is a column
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.ContiguousSelection)
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        layout.addWidget(self.table, 1)
        self.tests = plain_label("", "hint")
        self.tests.setWordWrap(True)
        self.tests.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.tests.setContentsMargins(0, 0, 0, 0)
        self.tests_area = QScrollArea()
        self.tests_area.setWidgetResizable(True)
        self.tests_area.setFrameShape(QScrollArea.Shape.NoFrame)
        self.tests_area.setWidget(self.tests)
        self.tests_area.setMaximumHeight(TESTS_PX)
        self.tests_area.setAccessibleName(tr("Paired tests"))
        layout.addWidget(self.tests_area)
        self.show_runs([], {}, False)

    @property
    def ready(self) -> bool:
        """Whether what is shown is what was asked for last."""
        return self._asked is None

    def show_runs(self, runs: list[WatchedRun], colors: dict[Path, str], grouped: bool) -> None:
        """The runs in their order; the first is what the others are tested against."""
        self._runs, self._colors = runs, dict(colors)
        enough = len(runs) > 1
        for widget in (self.table, self.export):
            widget.setVisible(enough)
        if not enough:
            self._asked = None
            self.hint.setText(tr("Tick two or more runs to compare them."))
            self.tests_area.hide()
            self.model.show(Table([], []), [])
            return
        asked = ([summary_of(run) for run in runs], grouped)
        self._asked = asked
        self.hint.setText(tr("Comparing…"))
        self._worker.submit(
            compare,
            *asked,
            newest_wins="compare",
            done=lambda compared: self._show(compared, asked),
            failed=self._failed,
        )

    def _show(self, compared: Compared, asked: tuple[list[RunSummary], bool]) -> None:
        if not shiboken6.isValid(self) or asked is not self._asked:
            return
        self._asked = None
        for run in self._runs:
            if run.known_config is None and run.path in compared.configs:
                run.take_config(compared.configs[run.path])
        self.hint.setText(tr("What differs, and what came of it"))
        by_title = {item.title: self._colors.get(item.path, "") for item in asked[0]}
        self.model.show(compared.table, [by_title.get(name, "") for name in compared.table.columns])
        self._fit_columns()
        self.tests.setText("\n".join(compared.tests))
        self.tests_area.setVisible(bool(compared.tests))

    def _failed(self, error: BaseException) -> None:
        if not isinstance(error, Cancelled):
            raise error

    def _fit_columns(self) -> None:
        """As wide as what stands in them; a hundred columns need not all be measured."""
        plain, bold = (QFontMetrics(theme.font(theme.TEXT_PX, heavy)) for heavy in (False, True))
        low, high = CELL_PX
        widest = low
        for column in range(1, self.model.columnCount()):
            if column <= MEASURED:
                words = [self.model.words(row, column) for row in range(self.model.rowCount())]
                needed = max(
                    [
                        bold.horizontalAdvance(self.model.head(column)) + 34,
                        *map(plain.horizontalAdvance, words),
                    ]
                )
                width = min(high, max(low, needed + 18))
                widest = max(widest, width)
            self.table.setColumnWidth(column, width if column <= MEASURED else widest)
        self.table.setColumnWidth(0, FIRST_PX)

    def _ask_export(self) -> None:
        name, _ = QFileDialog.getSaveFileName(self, tr("Export"), tr("Comparison") + ".csv", "CSV (*.csv)")
        if name:
            self.save_csv(Path(name))

    def save_csv(self, path: Path) -> None:
        """The table as it is shown, as programs read it: settings by their names in a config, minus signs as hyphens."""
        table = self.model.table
        shown = [what for what, _ in table.rows]
        try:
            with open(path, "w", newline="", encoding="utf-8") as file:
                writer = csv.writer(file)
                writer.writerow(["", *table.columns])
                for what, (_, cells) in zip(
                    (*table.settings, *shown[len(table.settings) :]), table.rows, strict=True
                ):
                    writer.writerow([what, *(cell.replace("−", "-") for cell in cells)])
        except OSError as error:
            reason = error.strerror or str(error)
            self.hint.setText(tr("{name} could not be written: {reason}.", name=path.name, reason=reason))


def _beginning(names: Sequence[str]) -> int:
    """How long the beginning is that all names share, up to a dash or a space: it tells nothing in a row of heads."""
    shared = os.path.commonprefix(names) if len(names) > 1 else ""  # noqa: RUF071 of names, not of paths
    return max(shared.rfind("-"), shared.rfind(" ")) + 1


def _square(color: str) -> QIcon:
    picture = QPixmap(10, 10)
    picture.fill(theme.color(color))
    return QIcon(picture)
