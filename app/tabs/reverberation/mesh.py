"""The mesh as three rings: roles outside, processors inside, the conductor in the middle."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QSize, Qt, Signal
from PySide6.QtGui import QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app import theme
from app.i18n import tr
from app.tabs.reverberation.mesh_painter import Geometry, Line, MeshState, paint_mesh
from app.tabs.reverberation.module_names import MODULES, both_names, full_name
from app.widgets.described import Description
from app.widgets.pictures import Picture
from models.reverberation.drawing import ring_order
from models.reverberation.wiring import CONDUCTOR, PROCESSOR_NAMES, ROLE_NAMES, Wiring

LEAST_PX = 150  # of its height


class MeshView(Picture):
    """Lines are as wide and as dark as the gates of pass 1; arcs round the roles are those of pass 2.

    chosen(name): a module was clicked, or reached by the arrow keys. mute_asked(role): double-click, or M.
    line_chosen(role, processor): a line was clicked. line_asked(role, processor): it was double-clicked.
    drawn(role, processor, also): while `editable`, a line was drawn with the mouse; also: with Ctrl held.
    """

    chosen = Signal(str)
    mute_asked = Signal(str)
    line_chosen = Signal(str, str)
    line_asked = Signal(str, str)
    drawn = Signal(str, str, bool)
    picture_name = "mesh"

    def __init__(self, parent: QWidget | None = None, editable: bool = False, compact: bool = False) -> None:
        """compact: for a small place; processors go without their names."""
        super().__init__(parent)
        self.editable = editable
        self.state = MeshState(compact=compact)
        self.parameters: dict[str, int] = {}  # a module's, for the words of hovering
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(300, LEAST_PX)
        self.setAccessibleName(tr("Mesh of roles, processors and the conductor"))
        self._description = Description(self, self.in_words)
        theme.notifier.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(620, 480)

    @property
    def wiring(self) -> Wiring:
        return self.state.wiring

    @property
    def selected(self) -> str:
        return self.state.selected

    def set_wiring(self, wiring: Wiring, counts: dict[str, int] | None = None) -> None:
        """counts: parameters a module, for the words of hovering."""
        self.state.wiring, self.parameters = wiring, counts or {}
        self.state.line = None
        self.update()

    def set_gates(self, gates: np.ndarray | None, spread: np.ndarray | None = None) -> None:
        """[38], pass 1 of the roles in order, then pass 2; None before anything was observed. spread: [38]."""
        self.state.gates, self.state.spread = gates, spread
        self._description.changed()
        self.update()

    def in_words(self) -> str:
        """The gates of every role in both passes, and what is silenced."""
        gates, state = self.state.gates, self.state
        said = [tr("gates are drawn once sequences were observed")]
        if gates is not None:
            said = [
                f"{full_name(name)} {gates[i]:.2f}, {gates[i + len(ROLE_NAMES)]:.2f}"
                for i, name in enumerate(ROLE_NAMES)
            ]
        said += [tr("{name} is muted", name=full_name(name)) for name in sorted(state.muted)]
        said += [
            tr("the line from {role} to {processor} is cut", role=full_name(a), processor=full_name(b))
            for a, b in sorted(state.cut)
        ]
        return "; ".join(said)

    def set_differences(self, differences: dict[str, float]) -> None:
        """What to mark, role by role."""
        self.state.differences = differences
        self.update()

    def select(self, name: str) -> None:
        """Mark a module without telling."""
        self.state.selected, self.state.line = name, None
        self.update()

    def select_line(self, line: Line | None) -> None:
        """Mark a connection, or none."""
        self.state.line = line
        self.update()

    def set_silenced(self, muted: frozenset[str], cut: frozenset[Line]) -> None:
        """Roles that are muted, drawn hollow, and lines that are cut, drawn with a cross."""
        self.state.muted, self.state.cut = muted, cut
        self._description.changed()
        self.update()

    # Hands ------------------------------------------------------------------------------------------------

    def spot(self, name: str) -> QPointF:
        """Where a module stands now."""
        return self._geometry().at(name)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        name = self.module_at(event.position())
        if name:
            self.select(name)
            self.chosen.emit(name)
            if self.editable and name in ROLE_NAMES:
                self.state.drawn_to = (name, event.position())
            return
        line = self._geometry().line_at(event.position(), self.state.lines())
        self.select_line(line)
        if line is not None:
            self.line_chosen.emit(*line)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self.state.drawn_to is not None:
            self.state.drawn_to = (self.state.drawn_to[0], event.position())
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self.state.drawn_to is None:
            return
        role = self.state.drawn_to[0]
        self.state.drawn_to = None
        self.update()
        target = self.module_at(event.position())
        if target in PROCESSOR_NAMES:
            self.drawn.emit(role, target, bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        name = self.module_at(event.position())
        line = self._geometry().line_at(event.position(), self.state.lines())
        if name in ROLE_NAMES:
            self.state.drawn_to = None
            self.mute_asked.emit(name)
        elif not name and line is not None:
            self.line_asked.emit(*line)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        order = [*ring_order(self.wiring), *PROCESSOR_NAMES, CONDUCTOR.name]
        steps = {Qt.Key.Key_Right: 1, Qt.Key.Key_Down: 1, Qt.Key.Key_Left: -1, Qt.Key.Key_Up: -1}
        if event.key() in steps:
            place = order.index(self.selected) + steps[Qt.Key(event.key())] if self.selected in order else 0
            self.select(order[place % len(order)])
            self.chosen.emit(self.selected)
        elif event.key() == Qt.Key.Key_M and self.selected in ROLE_NAMES:
            self.mute_asked.emit(self.selected)
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            place = QPointF(event.pos())
            name = self.module_at(place)
            line = None if name else self._geometry().line_at(place, self.state.lines())
            words = self.words(name) if name else "" if line is None else self.line_words(line)
            if words:
                QToolTip.showText(event.globalPos(), words, self)
            else:
                QToolTip.hideText()
            return True
        return super().event(event)

    def words(self, name: str) -> str:
        """What hovering over a module says."""
        lines = [both_names(name), MODULES[name].body]
        if name in self.parameters:
            lines.append(tr("{count} parameters", count=f"{self.parameters[name]:,}"))
        if self.state.gates is not None and name in ROLE_NAMES:
            number = ROLE_NAMES.index(name)
            first, second = (self._figure(item) for item in (number, number + len(ROLE_NAMES)))
            lines.append(tr("gates {first}, {second}", first=first, second=second))
        return "\n".join(lines)

    def line_words(self, line: Line) -> str:
        """What hovering over a line says."""
        role, processor = line
        lines = [f"{full_name(role)} – {full_name(processor)}"]
        if self.wiring.own[role] == processor:
            lines.append(tr("belongs to it: the line is as wide as its gate"))
        if role in self.wiring.reads[processor]:
            lines.append(tr("is read and fed by it"))
        if line in self.state.cut:
            lines.append(tr("cut"))
        return "\n".join(lines)

    def module_at(self, place: QPointF) -> str:
        """The module under a point, or nothing."""
        return self._geometry().module_at(place)

    # Drawing ----------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        self.paint(painter)
        painter.end()

    def paint(self, painter: QPainter) -> None:
        paint_mesh(painter, self.size(), self.state)

    def figures(self) -> tuple[Sequence[str], Iterable[Sequence[object]]] | None:
        """Every line with its gates."""
        if self.state.gates is None:
            return None
        gates = self.state.gates
        numbers = {role: i for i, role in enumerate(ROLE_NAMES)}
        rows = [
            (role, processor, gates[numbers[role]], gates[numbers[role] + len(ROLE_NAMES)])
            for role, processor in self.state.lines()
        ]
        return ("role", "processor", "gate_1", "gate_2"), rows

    def _geometry(self) -> Geometry:
        return Geometry(self.wiring, self.size(), self.state.compact)

    def _figure(self, number: int) -> str:
        assert self.state.gates is not None
        spread = "" if self.state.spread is None else f" ± {self.state.spread[number]:.3f}"
        return f"{self.state.gates[number]:.3f}{spread}"
