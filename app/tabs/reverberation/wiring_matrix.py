"""Who belongs to whom and who is read by whom, as a table of roles × processors that the keyboard edits."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QRect, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from app import theme
from app.i18n import tr
from app.tabs.reverberation.module_names import full_name, module_color, short_name
from models.reverberation.wiring import PROCESSOR_NAMES, ROLE_NAMES, Wiring, documented

Index = QModelIndex | QPersistentModelIndex
HEAD, CELL = 128, 26


class Matrix(QAbstractTableModel):
    """● belongs to and is read by, ○ is read by, ◌ belongs to but is not read by."""

    def __init__(self) -> None:
        super().__init__()
        self.wiring = documented()

    def set_wiring(self, wiring: Wiring) -> None:
        """Show which roles each processor reads in another wiring."""
        self.wiring = wiring
        self.dataChanged.emit(self.index(0, 0), self.index(len(ROLE_NAMES) - 1, len(PROCESSOR_NAMES) - 1))

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(ROLE_NAMES)

    def columnCount(self, parent: Index | None = None) -> int:
        return len(PROCESSOR_NAMES)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        names = PROCESSOR_NAMES if orientation == Qt.Orientation.Horizontal else ROLE_NAMES
        if role == Qt.ItemDataRole.ToolTipRole:
            return full_name(names[section])
        return short_name(names[section]) if role == Qt.ItemDataRole.DisplayRole else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        name, processor = ROLE_NAMES[index.row()], PROCESSOR_NAMES[index.column()]
        own, read = self.wiring.own[name] == processor, name in self.wiring.reads[processor]
        if role == Qt.ItemDataRole.DisplayRole:
            return "●" if own and read else "○" if read else "◌" if own else ""
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return int(Qt.AlignmentFlag.AlignCenter.value)
        if role == Qt.ItemDataRole.ForegroundRole:
            return module_color(processor, self.wiring)
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            words = tr("belongs") if own else tr("does not belong")
            words += ", " + (tr("is read") if read else tr("is not read"))
            return f"{full_name(name)} – {full_name(processor)}: {words}"
        return None


class SlantedHeader(QHeaderView):
    """Headings written upwards: columns are narrow."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)

    def sizeHint(self) -> QSize:
        return QSize(super().sizeHint().width(), HEAD)

    def paintSection(self, painter: QPainter, rect: QRect, logicalIndex: int) -> None:
        words = str(self.model().headerData(logicalIndex, Qt.Orientation.Horizontal) or "")
        painter.save()
        painter.fillRect(rect, theme.color("view"))
        painter.setFont(theme.font(theme.HINT_PX))
        painter.setPen(theme.color("text"))
        painter.translate(rect.left(), rect.bottom())
        painter.rotate(-90)
        words = painter.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, HEAD - 8)
        flags = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRect(4, 0, HEAD - 6, rect.width()), flags, words)
        painter.restore()


class MatrixView(QTableView):
    """move_asked, toggle_asked(role, processor): Enter or a double-click, Space."""

    move_asked = Signal(str, str)
    toggle_asked = Signal(str, str)

    def __init__(self, model: Matrix) -> None:
        super().__init__()
        self.setModel(model)
        self.setAccessibleName(tr("Roles and the processors they belong to and are read by"))
        self.setHorizontalHeader(SlantedHeader(self))
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setTabKeyNavigation(False)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.horizontalHeader().setMinimumSectionSize(CELL)
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.verticalHeader().setMinimumSectionSize(20)
        self.doubleClicked.connect(lambda index: self.move_asked.emit(*_named(index)))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        index = self.currentIndex()
        if index.isValid() and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.move_asked.emit(*_named(index))
        elif index.isValid() and event.key() == Qt.Key.Key_Space:
            self.toggle_asked.emit(*_named(index))
        else:
            super().keyPressEvent(event)


def _named(index: QModelIndex) -> tuple[str, str]:
    return ROLE_NAMES[index.row()], PROCESSOR_NAMES[index.column()]
