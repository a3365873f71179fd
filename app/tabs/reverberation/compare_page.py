"""Two models, or two epochs of a run, side by side on the same sequences; where they differ is marked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QSpinBox,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.i18n import digits, tr
from app.tabs.paged import PagedTab
from app.tabs.reverberation.mesh import MeshView
from app.tabs.reverberation.mesh_painter import MARKED
from app.tabs.reverberation.module_names import full_name
from app.tabs.reverberation.session import MeshSession
from app.tabs.reverberation.snapshots import Snapshot
from app.tabs.reverberation.view_page import ViewPage
from app.widgets.combo import ElidedCombo
from app.widgets.labels import Hint
from app.widgets.tables import RIGHT, for_reading, set_heads
from models.reverberation.summary import gate_differences
from models.reverberation.wiring import ROLE_NAMES

COUNT = len(ROLE_NAMES)
HEAD_PX = 40  # of the table's headings, in two lines where one has no room
WORDS_PX = 30  # two lines, so that both meshes begin at one height
LEAST_PX = (200, 170)  # of a side's mesh
THIS, MODEL, EPOCHS = "this", "model", "epochs"


@dataclass(frozen=True)
class Source:
    """What a side can show: ``this`` model, another ``model`` (a folder or ``bundled``), or the ``epochs`` of a run."""

    kind: str
    place: str = ""


class Side(QWidget):
    """asked(): another source or epoch was chosen."""

    asked = Signal()

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.shown: Snapshot | None = None
        self.box = ElidedCombo(name, tr("A model, or the epochs of a run"))
        self.epoch = QSpinBox()
        self.epoch.setAccessibleName(tr("Epoch of {side}", side=name))
        self.epoch.setToolTip(tr("The epoch that is shown"))
        self.epoch.setPrefix(tr("epoch "))
        theme.pad(self.epoch)
        self.epoch.hide()
        self.mesh = MeshView(compact=True)
        self.mesh.setMinimumSize(*LEAST_PX)
        self.words = Hint()
        self.words.setMinimumHeight(WORDS_PX)
        self.words.setAlignment(Qt.AlignmentFlag.AlignTop)
        row = QHBoxLayout()
        row.setSpacing(theme.SMALL)
        row.addWidget(self.box, 1)
        row.addWidget(self.epoch)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.TINY)
        column.addLayout(row)
        column.addWidget(self.words)
        column.addWidget(self.mesh, 1)
        self.box.activated.connect(lambda _index: self.asked.emit())
        self.epoch.valueChanged.connect(lambda _value: self.asked.emit())

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.epoch.setFixedHeight(self.box.sizeHint().height())  # both meshes begin at one height

    @property
    def source(self) -> Source | None:
        """Which model and sequences this side shows; None where nothing is chosen."""
        result: Source | None = self.box.currentData()
        return result

    def offer(self, sources: list[tuple[str, Source | None]]) -> None:
        """(words, source) to choose from; the choice stays where it still is one."""
        chosen = self.source
        self.box.clear()
        for words, source in sources:
            self.box.addItem(words, source)
        places = [number for number, (_, source) in enumerate(sources) if source == chosen]
        self.box.setCurrentIndex(places[0] if places else 0)

    def choose(self, source: Source) -> None:
        """As a person chooses it."""
        for number in range(self.box.count()):
            if self.box.itemData(number) == source:
                self.box.setCurrentIndex(number)
                self.asked.emit()

    def set_epochs(self, epochs: np.ndarray | None) -> None:
        """Of a run, or None for a model."""
        self.epoch.setVisible(epochs is not None)
        if epochs is None or not len(epochs):
            return
        known = (int(epochs[0]), int(epochs[-1]))
        if (self.epoch.minimum(), self.epoch.maximum()) != known:
            self.epoch.blockSignals(True)
            self.epoch.setRange(*known)
            self.epoch.setValue(known[1])
            self.epoch.blockSignals(False)

    def show_shown(self, shown: Snapshot | None) -> None:
        """Draw the gates of a snapshot, or an empty mesh."""
        self.shown = shown
        if shown is None:
            self.mesh.set_gates(None)
            self.words.setText("")
            return
        of = shown.summary
        self.mesh.set_gates(of.gates, of.spread)
        self.mesh.set_wiring(shown.wiring)
        error = "" if of.rms is None else tr("RMS error {error}", error=f"{of.rms:.4g}")
        self.words.setText(" · ".join(filter(None, [shown.words, error])))


class ComparePage(ViewPage):
    """Two sides, and a table of where they differ. asked(number): side 0 or 1 is to be filled."""

    figures = False
    asked = Signal(int)

    def __init__(self, tab: PagedTab, session: MeshSession) -> None:
        super().__init__(tab, session)
        self.sides = (Side(tr("Left side")), Side(tr("Right side")))
        self.hint = Hint()
        self.table = QTableWidget(0, 7)
        pass_1 = [tr("gate 1, left"), tr("gate 1, right"), tr("change")]
        pass_2 = [tr("gate 2, left"), tr("gate 2, right"), tr("change")]
        heads = [tr("Role"), *pass_1, *pass_2]
        for_reading(self.table, tr("Gates of both sides"), 24)
        set_heads(self.table, heads, range(1, 7))
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        head = self.table.horizontalHeader()
        head.setFixedHeight(HEAD_PX)
        for column in range(1, 7):
            heading = self.table.horizontalHeaderItem(column)
            assert heading is not None
            heading.setTextAlignment(RIGHT | int(Qt.TextFlag.TextWordWrap.value))
        self.table.setMinimumHeight(120)
        self.table.currentCellChanged.connect(self._reached)
        row = QHBoxLayout()
        row.setSpacing(theme.SMALL)
        for number, side in enumerate(self.sides):
            row.addWidget(side, 1)
            side.asked.connect(lambda which=number: self.asked.emit(which))
            side.mesh.chosen.connect(session.choose)
        self.view.addLayout(row, 5)
        self.view.addWidget(self.hint)
        self.view.addWidget(self.table, 4)
        session.module_changed.connect(self._select)
        self.show_differences()

    def _select(self) -> None:
        for side in self.sides:
            side.mesh.select(self.session.module)

    def show_side(self, number: int, shown: Snapshot | None) -> None:
        """Draw the snapshot of the left (0) or right (1) side, and the differences anew."""
        self.sides[number].show_shown(shown)
        self.show_differences()

    def differences(self) -> np.ndarray | None:
        """[38], right less left; None where a side is empty."""
        left, right = self.sides[0].shown, self.sides[1].shown
        return None if left is None or right is None else gate_differences(left.summary, right.summary)

    def show_differences(self) -> None:
        """Mark the roles whose gates differ, the largest difference first in the table."""
        result = self.differences()
        marks: dict[str, float] = {}
        if result is not None:
            for number, role in enumerate(ROLE_NAMES):
                pair = (float(result[number]), float(result[number + COUNT]))
                marks[role] = max(pair, key=abs)
        for side, sign in zip(self.sides, (-1, 1), strict=True):
            side.mesh.set_differences({role: sign * value for role, value in marks.items()})
        self._fill(result, marks)
        many = sum(abs(value) >= MARKED for value in marks.values())
        if result is None:
            self.hint.setText(tr("Choose what to compare: the same sequences are observed on both sides."))
        else:
            self.hint.setText(
                tr(
                    "ringed: gates that differ by {limit} or more ({n} roles); orange: more open than on the other side, blue: less",
                    n=many,
                    limit=MARKED,
                )
            )

    def rows(self) -> list[list[str]]:
        """What the table says, for export."""
        return [
            [item.text() if (item := self.table.item(row, column)) else "" for column in range(7)]
            for row in range(self.table.rowCount())
        ]

    def _fill(self, differences: np.ndarray | None, marks: dict[str, float]) -> None:
        left, right = self.sides[0].shown, self.sides[1].shown
        self.table.setRowCount(0 if differences is None else COUNT)
        if differences is None or left is None or right is None:
            return
        for row, role in enumerate(sorted(marks, key=lambda name: -abs(marks[name]))):
            at = ROLE_NAMES.index(role)
            values = [
                (left.summary.gates[at + half], right.summary.gates[at + half], differences[at + half])
                for half in (0, COUNT)
            ]
            cells = [full_name(role)]
            for value in values:
                cells += [f"{value[0]:.3f}", f"{value[1]:.3f}", digits(value[2], "+.3f")]
            for column, words in enumerate(cells):
                item = QTableWidgetItem(words)
                item.setData(Qt.ItemDataRole.UserRole, role)
                if column:
                    item.setTextAlignment(RIGHT)
                if column in (3, 6):
                    item.setFont(theme.font(bold=bool(abs(values[column // 3 - 1][2]) >= MARKED)))
                self.table.setItem(row, column, item)

    def _reached(self, row: int, *_more: int) -> None:
        item = self.table.item(row, 0)
        if item is not None:
            self.session.choose(str(item.data(Qt.ItemDataRole.UserRole)))


def run_folders(path: Path) -> list[tuple[str, Path]]:
    """The checkpoints of a run: ``best`` and ``last``, where they are."""
    return [(name, path / name) for name in ("best", "last") if (path / name / "checkpoint.json").is_file()]
