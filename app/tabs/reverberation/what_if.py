"""What if: every role muted in turn, ranked by the error that adds, and what is muted now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from app import i18n, theme
from app.i18n import tr
from app.widgets.labels import Hint
from app.widgets.mesh import MODULES, module_title

if TYPE_CHECKING:
    from models.reverberation.observer import Effect

Index = QModelIndex | QPersistentModelIndex


class Effects(QAbstractTableModel):
    """Role, added error, change of the output, whether it is muted."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[Effect] = []
        self.muted: frozenset[str] = frozenset()

    def show_effects(self, rows: Sequence[Effect]) -> None:
        self.beginResetModel()
        self.rows = list(rows)
        self.endResetModel()

    def set_muted(self, muted: frozenset[str]) -> None:
        self.muted = muted
        if self.rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self.rows) - 1, 3))

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index | None = None) -> int:
        return 4

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return (tr("Role"), tr("Added error"), tr("Change of the output"), tr("Muted"))[section]
        if role == Qt.ItemDataRole.TextAlignmentRole and section in (1, 2):
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        effect = self.rows[index.row()]
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() in (1, 2):
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        added = (
            "–"
            if effect.added_error != effect.added_error
            else f"{effect.added_error:+.4g}".replace("-", "−")
        )
        chinese = i18n.language().startswith("zh")
        return (
            module_title(MODULES[effect.role], chinese),
            added,
            f"{effect.change:.4g}",
            tr("muted") if effect.role in self.muted else "",
        )[index.column()]


class WhatIf(QWidget):
    """rank_asked(): compute the ranking. mute_asked(role): mute it, or let it sound again. chosen(role)."""

    rank_asked = Signal()
    mute_asked = Signal(str)
    clear_asked = Signal()
    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SMALL)
        row = QHBoxLayout()
        self.rank = QPushButton(tr("Rank the roles"))
        self.rank.setToolTip(
            tr(
                "Mute every role in turn, over 256 sequences at most, and see which one the prediction owes most to"
            )
        )
        self.rank.clicked.connect(self.rank_asked)
        self.clear = QPushButton(tr("Unmute all"))
        self.clear.setToolTip(tr("Let every role sound again"))
        self.clear.clicked.connect(self.clear_asked)
        self.clear.setEnabled(False)
        self.hint = Hint(tr("Double-click a role to mute it; the figures above change at once."))
        row.addWidget(self.rank)
        row.addWidget(self.clear)
        row.addWidget(self.hint, 1)
        column.addLayout(row)
        self.effects = Effects()
        self.table = QTableView()
        self.table.setModel(self.effects)
        self.table.setAccessibleName(tr("Roles by the error that muting each adds"))
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setShowGrid(False)
        self.table.verticalHeader().hide()
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.table.doubleClicked.connect(
            lambda index: self.mute_asked.emit(self.effects.rows[index.row()].role)
        )
        self.table.selectionModel().currentRowChanged.connect(
            lambda now, _before: (
                self.chosen.emit(self.effects.rows[now.row()].role) if now.isValid() else None
            )
        )
        column.addWidget(self.table, 1)

    def set_muted(self, muted: frozenset[str]) -> None:
        self.effects.set_muted(muted)
        self.clear.setEnabled(bool(muted))
