"""The table of files on the screen: sorted, one row chosen."""

from __future__ import annotations

from PySide6.QtCore import QItemSelection, QSortFilterProxyModel, Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from app.i18n import tr
from app.tabs.emotion.file_table import Row, Table
from app.widgets.invitation import Invitation
from app.widgets.tables import for_reading

ROW_PX = 28
EMOTION_PX, CERTAINTY_PX, FIGURE_PX, DEGREE_PX = 104, 76, 62, 94


class FileList(QTableView):
    """chosen(Row): another row, or none (None)."""

    chosen = Signal(object)

    def __init__(self, table: Table) -> None:
        super().__init__()
        self.table = table
        self._sorted = QSortFilterProxyModel(self)
        self._sorted.setSortRole(Qt.ItemDataRole.UserRole)
        self._sorted.setSourceModel(table)
        self.setModel(self._sorted)
        self.setSortingEnabled(True)
        self.horizontalHeader().setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        for_reading(self, tr("Predictions"), ROW_PX)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.selectionModel().selectionChanged.connect(self._selected)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.fit_columns()
        words = tr(
            "Drop recordings here, or try the sample: each is recognised, the chosen one heard and seen."
        )
        self.invitation = Invitation(self, words)

    def choose(self, row: Row) -> None:
        """Select a row, and bring it into sight."""
        index = self._sorted.mapFromSource(self.table.index(self.table.rows.index(row), 0))
        self.selectRow(index.row())
        self.scrollTo(index)

    def fit_columns(self) -> None:
        """After the classes have changed: the name takes what the figures leave, and never less than it needs."""
        header = self.horizontalHeader()
        header.setMinimumSectionSize(52)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        widths = {1: CERTAINTY_PX, 2: EMOTION_PX, 3: CERTAINTY_PX}
        for column in range(1, self.table.columnCount()):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
            header.resizeSection(column, widths.get(column, self._width(column)))
        self.setColumnHidden(3, bool(self.table.dimensions) and not self.table.labels)

    def _width(self, column: int) -> int:
        """Of a column of figures, or of words about people."""
        degrees = 4 + len(self.table.labels) <= column < self.table.person_column
        return DEGREE_PX if degrees else FIGURE_PX if column < self.table.person_column else CERTAINTY_PX

    def _selected(self, chosen: QItemSelection, _left: QItemSelection) -> None:
        indexes = chosen.indexes()
        if indexes:
            self.chosen.emit(self.table.rows[self._sorted.mapToSource(indexes[0]).row()])
