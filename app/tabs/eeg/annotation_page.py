"""At the right: the annotations as a table to go through, to add to, to change, to save."""

from __future__ import annotations

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QHeaderView, QLabel, QPushButton, QTableView, QVBoxLayout, QWidget

from app import theme
from app.i18n import digits, plural, tr
from app.tabs.eeg.annotations import Annotations
from app.widgets.labels import Hint
from app.widgets.tables import RIGHT, for_reading

Index = QModelIndex | QPersistentModelIndex
ONSET, DURATION, TEXT = range(3)
LENGTH_S = 1.0  # of a new one
FIGURE_PX = 66  # of a column


class AnnotationTable(QAbstractTableModel):
    """Onset, duration and text of each; all three can be typed. moved(number): a row stands elsewhere after it was typed."""

    moved = Signal(int)

    def __init__(self, annotations: Annotations) -> None:
        super().__init__(annotations)
        self._annotations = annotations
        annotations.changed.connect(self._anew)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._annotations.every)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else 3

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return (tr("Onset, s"), tr("Length, s"), tr("Annotation"))[section]
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        annotation = self._annotations.every[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            figure = "g" if role == Qt.ItemDataRole.EditRole else ".2f"
            if index.column() == TEXT:
                return annotation.text
            value = annotation.onset_s if index.column() == ONSET else annotation.duration_s
            return f"{value:{figure}}" if role == Qt.ItemDataRole.EditRole else digits(value, figure)
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() != TEXT:
            return RIGHT
        return annotation.text if role == Qt.ItemDataRole.ToolTipRole and "<" not in annotation.text else None

    def flags(self, index: Index) -> Qt.ItemFlag:
        return super().flags(index) | Qt.ItemFlag.ItemIsEditable

    def setData(self, index: Index, value: object, role: int = Qt.ItemDataRole.EditRole) -> bool:
        typed = str(value).strip()
        if index.column() == TEXT:
            changes: dict[str, float | str] = {"text": typed}
        else:
            try:
                number = float(typed.replace(",", "."))
            except ValueError:
                return False
            if not 0 <= number < 1e9:
                return False
            changes = {"onset_s" if index.column() == ONSET else "duration_s": number}
        self.moved.emit(self._annotations.change(index.row(), **changes))
        return True

    def _anew(self) -> None:
        self.beginResetModel()
        self.endResetModel()


class AnnotationPage(QWidget):
    """gone_to(onset_s): a row was chosen. add_wanted(), save_wanted(): a button was pressed."""

    gone_to = Signal(float)
    add_wanted = Signal()
    save_wanted = Signal()

    def __init__(self, annotations: Annotations, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._annotations = annotations
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SMALL)
        self.count = QLabel()
        self.count.setProperty("role", "section")
        self.words = Hint(
            tr(
                "Those of the file, and your own. An ICA does not learn from stretches whose name begins with bad."
            )
        )
        self.model = AnnotationTable(annotations)
        self.table = QTableView()
        self.table.setModel(self.model)
        for_reading(self.table, tr("Annotations"))
        self.table.setEditTriggers(
            QTableView.EditTrigger.DoubleClicked | QTableView.EditTrigger.EditKeyPressed
        )
        heads = self.table.horizontalHeader()
        heads.setSectionResizeMode(TEXT, QHeaderView.ResizeMode.Stretch)
        for section in (ONSET, DURATION):
            self.table.setColumnWidth(section, FIGURE_PX)
        self.add = _small(tr("Add"), tr("One at the cursor, or in the middle of what is shown (A)"))
        self.remove = _small(tr("Remove"), tr("Take the selected ones away (Del)"))
        self.save = _small(tr("Save…"), tr("As CSV, as text for MNE, or as the events of BIDS"))
        row = QHBoxLayout()
        row.setSpacing(theme.SMALL)
        for button in (self.add, self.remove, self.save):
            row.addWidget(button)
        row.addStretch(1)
        column.addWidget(self.count)
        column.addWidget(self.words)
        column.addWidget(self.table, 1)
        column.addLayout(row)
        self.add.clicked.connect(lambda _on=False: self.add_wanted.emit())
        self.save.clicked.connect(lambda _on=False: self.save_wanted.emit())
        self.remove.clicked.connect(lambda _on=False: self.remove_selected())
        self.table.selectionModel().currentRowChanged.connect(self._go)
        self.model.moved.connect(self.choose)
        annotations.changed.connect(self._show)
        self._show()

    def choose(self, number: int, edit: bool = False) -> None:
        """Go to an annotation; with `edit` its text can be typed at once."""
        index = self.model.index(number, TEXT)
        # After the table has taken the new rows in.
        QTimer.singleShot(0, self.table, lambda: self.table.setCurrentIndex(index))
        if edit:
            QTimer.singleShot(0, self.table, lambda: self.table.edit(index))

    def remove_selected(self) -> None:
        """Those that are selected are taken away."""
        self._annotations.remove([index.row() for index in self.table.selectionModel().selectedRows()])

    def _go(self, now: QModelIndex, _before: QModelIndex) -> None:
        if now.isValid():
            self.gone_to.emit(self._annotations.every[now.row()].onset_s)

    def _show(self) -> None:
        count = len(self._annotations.every)
        self.count.setText(
            plural("{n} annotation", "{n} annotations", count) if count else tr("No annotation")
        )
        for button in (self.remove, self.save):
            button.setEnabled(count > 0)


def _small(words: str, tip: str) -> QPushButton:
    button = QPushButton(words)
    button.setProperty("kind", "small")
    button.setToolTip(tip)
    return button
