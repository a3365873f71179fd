"""What if: every role muted in turn, ranked by the error that adds; every connection, to be cut."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QSplitter,
    QTableView,
)

from app import theme
from app.i18n import digits, plural, tr
from app.tabs.paged import PagedTab
from app.tabs.reverberation.module_names import full_name, short_name
from app.tabs.reverberation.session import MeshSession
from app.tabs.reverberation.view_page import ViewPage
from app.tabs.reverberation.work import Edge
from app.widgets.labels import Hint
from app.widgets.tables import for_reading
from models.reverberation.wiring import ROLE_NAMES, Wiring, documented

if TYPE_CHECKING:
    from models.reverberation.observer import Effect

Index = QModelIndex | QPersistentModelIndex
RIGHT = int((Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter).value)


class Effects(QAbstractTableModel):
    """Role, added error, change of the output; the role's tick says that it is muted."""

    ticked = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.effects: dict[str, Effect] = {}
        self.roles: list[str] = list(ROLE_NAMES)
        self.muted: frozenset[str] = frozenset()

    def show_effects(self, effects: list[Effect]) -> None:
        """The ranking, best first; an empty one leaves the roles in their own order."""
        self.beginResetModel()
        self.effects = {effect.role: effect for effect in effects}
        self.roles = list(self.effects) or list(ROLE_NAMES)
        self.endResetModel()

    def set_muted(self, muted: frozenset[str]) -> None:
        """These roles are muted now; their boxes are ticked."""
        self.muted = muted
        self.dataChanged.emit(self.index(0, 0), self.index(len(self.roles) - 1, 2))

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.roles)

    def columnCount(self, parent: Index | None = None) -> int:
        return 3

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return (tr("Muted role"), tr("Added error"), tr("Change of output"))[section]
        if role == Qt.ItemDataRole.TextAlignmentRole and section > 0:
            return RIGHT
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        usual = super().flags(index)
        return usual | Qt.ItemFlag.ItemIsUserCheckable if index.column() == 0 else usual

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        name = self.roles[index.row()]
        if role == Qt.ItemDataRole.CheckStateRole and index.column() == 0:
            return Qt.CheckState.Checked if name in self.muted else Qt.CheckState.Unchecked
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() > 0:
            return RIGHT
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        effect = self.effects.get(name)
        if index.column() == 0:
            return full_name(name)
        if effect is None:
            return "–"
        if index.column() == 2:
            return f"{effect.change:.4g}"
        unknown = effect.added_error != effect.added_error
        return "–" if unknown else digits(effect.added_error, "+.4g")

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if role != Qt.ItemDataRole.CheckStateRole:
            return False
        self.ticked.emit(self.roles[index.row()])
        return True


class Connections(QAbstractTableModel):
    """From, to; the tick says that the connection is cut. edges: roles' messages, then processors' feedback."""

    ticked = Signal(str, str)

    def __init__(self) -> None:
        super().__init__()
        self.cut: frozenset[Edge] = frozenset()
        self.edges: list[Edge] = []
        self.set_wiring(documented())

    def set_wiring(self, wiring: Wiring) -> None:
        """List the connections of another wiring."""
        self.beginResetModel()
        self.edges = wiring.directed
        self.endResetModel()

    def set_cut(self, cut: frozenset[Edge]) -> None:
        """These connections are cut now; their boxes are ticked."""
        self.cut = cut
        self.dataChanged.emit(self.index(0, 0), self.index(len(self.edges) - 1, 1))

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.edges)

    def columnCount(self, parent: Index | None = None) -> int:
        return 2

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return (tr("Cut from"), tr("to"))[section]
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        usual = super().flags(index)
        return usual | Qt.ItemFlag.ItemIsUserCheckable if index.column() == 0 else usual

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        edge = self.edges[index.row()]
        if role == Qt.ItemDataRole.CheckStateRole and index.column() == 0:
            return Qt.CheckState.Checked if edge in self.cut else Qt.CheckState.Unchecked
        if role == Qt.ItemDataRole.ToolTipRole:
            return full_name(edge[index.column()])
        return short_name(edge[index.column()]) if role == Qt.ItemDataRole.DisplayRole else None

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if role != Qt.ItemDataRole.CheckStateRole:
            return False
        self.ticked.emit(*self.edges[index.row()])
        return True


class TickTable(QTableView):
    """Rows with a tick in the first column; Space ticks from any column."""

    def __init__(self, model: QAbstractTableModel, name: str) -> None:
        super().__init__()
        self.setModel(model)
        for_reading(self, name)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.doubleClicked.connect(self._tick)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space and self.currentIndex().isValid():
            self._tick(self.currentIndex())
        else:
            super().keyPressEvent(event)

    def _tick(self, index: QModelIndex) -> None:
        model = self.model()
        model.setData(model.index(index.row(), 0), True, Qt.ItemDataRole.CheckStateRole)


class WhatIfPage(ViewPage):
    """Roles to mute and connections to cut; the figures above say what that changes."""

    def __init__(self, tab: PagedTab, session: MeshSession) -> None:
        super().__init__(tab, session)
        column = self.view
        row = QHBoxLayout()
        row.setSpacing(theme.SMALL)
        self.rank = QPushButton(tr("Rank the roles"))
        self.rank.setToolTip(
            tr(
                "Mute every role in turn, over 256 sequences at most, and see which one the prediction owes most to"
            )
        )
        self.rank.clicked.connect(self._rank)
        self.clear = QPushButton(tr("Undo all"))
        self.clear.setToolTip(tr("Let every role sound again and join every cut connection"))
        self.clear.clicked.connect(lambda: session.silence(frozenset(), frozenset()))
        self.clear.setEnabled(False)
        self.hint = Hint()
        row.addWidget(self.rank)
        row.addWidget(self.clear)
        row.addWidget(self.hint, 1)
        column.addLayout(row)
        self.effects, self.connections = Effects(), Connections()
        self.table = TickTable(self.effects, tr("Roles by the error that muting each adds"))
        self.edges = TickTable(self.connections, tr("Connections"))
        self.effects.ticked.connect(session.toggle_mute)
        self.connections.ticked.connect(session.toggle_cut)
        self.table.selectionModel().currentRowChanged.connect(
            lambda now, _before: session.choose(self.effects.roles[now.row()]) if now.isValid() else None
        )
        split = QSplitter()
        split.setChildrenCollapsible(False)
        split.addWidget(self.table)
        split.addWidget(self.edges)
        split.setStretchFactor(0, 3)
        split.setStretchFactor(1, 2)
        column.addWidget(split, 1)
        session.ranked.connect(self._show_ranking)
        session.loaded.connect(lambda: self.connections.set_wiring(session.wiring))
        session.silenced_changed.connect(self._show_silenced)
        session.module_changed.connect(self._select)
        self._show_ranking()

    def _rank(self) -> None:
        if self.session.sequences is None:
            words = tr("Open sequences first, or try the sample.")
            self.tab.show_message("hint", words, key="paths")
        else:
            self.tab.start(self.session.rank())

    def _show_ranking(self) -> None:
        ranking = self.session.ranking
        self.effects.show_effects([] if ranking is None else ranking.effects)
        if ranking is None:
            words = tr("Tick a role or a connection (Space): the figures above change at once.")
        elif ranking.held_out:
            words = plural("Over {n} held-out sequence", "Over {n} held-out sequences", ranking.sequences)
        else:
            words = plural("Over {n} sequence", "Over {n} sequences", ranking.sequences)
        self.hint.setText(words)
        self._select()

    def _select(self) -> None:
        """Mark the chosen role's row without telling."""
        name = self.session.module
        if name in self.effects.roles:
            selection = self.table.selectionModel()
            selection.blockSignals(True)
            self.table.selectRow(self.effects.roles.index(name))
            selection.blockSignals(False)
            self.table.viewport().update()

    def _show_silenced(self) -> None:
        self.effects.set_muted(self.session.muted)
        self.connections.set_cut(self.session.cut)
        self.clear.setEnabled(self.session.silenced)
