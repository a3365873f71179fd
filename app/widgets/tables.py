"""What the window's tables have in common."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractItemView, QTableView, QTableWidget, QTableWidgetItem

from app.glossary import meaning

LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


def for_reading(table: QTableView, name: str, row_px: int = 26) -> None:
    """Rows to be read and chosen: nothing to type, no grid, no numbers in front; Tab leaves the table.

    `name` is what a screen reader calls it.
    """
    table.setAccessibleName(name)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setTabKeyNavigation(False)
    table.setShowGrid(False)
    table.setWordWrap(False)  # what is too long ends with an ellipsis, not at the last word that fits
    table.verticalHeader().hide()
    table.verticalHeader().setDefaultSectionSize(row_px)
    table.horizontalHeader().setDefaultAlignment(LEFT)


def set_heads(
    table: QTableWidget, heads: Sequence[str], numeric: Collection[int] = (), explained: Sequence[str] = ()
) -> None:
    """The headings, each over its column: those of `figures` (column numbers) stand right, as figures do.

    `explained`: what each says when pointed at; else what the glossary knows of it.
    """
    table.setColumnCount(len(heads))
    for column, words in enumerate(heads):
        item = QTableWidgetItem(words)
        item.setToolTip(explained[column] if explained else meaning(words))
        item.setTextAlignment(RIGHT if column in numeric else LEFT)
        table.setHorizontalHeaderItem(column, item)
