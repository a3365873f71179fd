"""How the mesh is drawn: where everything stands, and what its marks mean."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QPainterPath, QPen

from app import i18n, theme
from app.tabs.reverberation.module_names import MODULES, english_name, full_name, module_color, short_name
from models.reverberation.drawing import places
from models.reverberation.wiring import CONDUCTOR, PROCESSOR_NAMES, ROLE_NAMES, Wiring, documented

Line = tuple[str, str]  # role, processor: a line of the mesh, which stands for both directions
NEAR_MODULE, NEAR_LINE = 18.0, 7.0  # pixels within which something counts as hit
BESIDE = 26.0  # pixels between a role's middle and its name, and to the edge
WIDE = 330.0  # half the width that is taken, where there is room, in a window that is not high
NARROW = 80.0  # half a width that is left beside the names; a mesh with less names its selected module only
CLOSE = 150.0  # below this half width names of processors are in one language
FLAT = 130.0  # below this half height names of processors take one line
MARKED = 0.05  # a difference of gates from which a role is marked
MARKS_PX = 11  # what is drawn around a role: its second gate, and the rings of what is chosen
MORE, LESS = theme.ORANGE, theme.BLUE  # than on the other side
THIN, THICK = 1.2, 6.4  # width of a line whose gate is closed, and open


@dataclass
class MeshState:
    """What is drawn. gates: [38], pass 1 then pass 2, or None; spread: their standard deviation, or None.

    cut: lines that carry nothing. differences: of the second gate, role by role, against another model.
    """

    wiring: Wiring = field(default_factory=documented)
    gates: np.ndarray | None = None
    spread: np.ndarray | None = None
    muted: frozenset[str] = frozenset()
    cut: frozenset[Line] = frozenset()
    differences: dict[str, float] = field(default_factory=dict)
    selected: str = ""
    line: Line | None = None  # the selected line
    compact: bool = False  # processors go without their names
    drawn_to: tuple[str, QPointF] | None = None  # a line that is being drawn with the mouse

    def lines(self) -> list[Line]:
        """Every line: a role's own processor, and those that read it."""
        own = [(role, self.wiring.own[role]) for role in ROLE_NAMES]
        return own + [(role, p) for p, role in self.wiring.edges if self.wiring.own[role] != p]


class Geometry:
    """Where the modules and lines of a wiring stand in a picture of a size."""

    def __init__(self, wiring: Wiring, size: QSize, compact: bool = False) -> None:
        self._spots = places(wiring)
        self._middle = QPointF(size.width() / 2, size.height() / 2)
        self._ry = max(60.0, size.height() / 2 - (30 if compact else 40))
        metrics = QFontMetrics(theme.font(theme.HINT_PX, bold=True))
        free, self.named = size.width() / 2 - BESIDE, False
        for self.name_of in (short_name,) if compact else (full_name, short_name):
            beside = free - max(metrics.horizontalAdvance(self.name_of(name)) for name in ROLE_NAMES)
            if beside >= NARROW:
                free, self.named = beside, True
                break
        self._rx = min(free, max(WIDE, 1.45 * self._ry))
        self.low = self._ry < FLAT
        self.close = self._rx < CLOSE
        self.flat = self.low and self._rx > 1.6 * self._ry
        self.width = float(size.width())

    def spot(self, name: str) -> tuple[float, float]:
        """On the unit disc."""
        return self._spots[name]

    def at(self, name: str, grow: float = 1.0) -> QPointF:
        """Where a module lies, px; grow: how far out, 1 is its own place and 0 the middle."""
        x, y = self._spots[name]
        return QPointF(self._middle.x() + grow * x * self._rx, self._middle.y() + grow * y * self._ry)

    def path(self, line: Line) -> QPainterPath:
        """The curve of a connection from a role, bent towards the middle, to a processor."""
        role, processor = line
        path = QPainterPath(self.at(role))
        path.quadTo(self.at(role, 0.78), self.at(processor))
        return path

    def module_at(self, place: QPointF) -> str:
        """The module under a point, or nothing."""
        near, best = "", NEAR_MODULE
        for name in self._spots:
            at = self.at(name)
            distance = math.hypot(at.x() - place.x(), at.y() - place.y())
            if distance < best:
                near, best = name, distance
        return near

    def line_at(self, place: QPointF, lines: list[Line]) -> Line | None:
        """The line under a point, or None."""
        result, best = None, NEAR_LINE
        for line in lines:
            path = self.path(line)
            for step in range(4, 37):
                at = path.pointAtPercent(step / 40)
                distance = math.hypot(at.x() - place.x(), at.y() - place.y())
                if distance < best:
                    result, best = line, distance
        return result


def paint_mesh(painter: QPainter, size: QSize, state: MeshState) -> None:
    """Draw everything, on the screen or into a file."""
    geometry = Geometry(state.wiring, size, state.compact)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.fillRect(QRectF(0, 0, size.width(), size.height()), theme.color("card"))
    for processor in PROCESSOR_NAMES:
        painter.setPen(QPen(theme.mark("line"), 1))
        painter.drawLine(geometry.at(processor), geometry.at(CONDUCTOR.name))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for line in state.lines():
        _paint_line(painter, geometry, state, line)
    if state.drawn_to is not None:
        role, place = state.drawn_to
        painter.setPen(QPen(theme.color("accent"), 2, Qt.PenStyle.DashLine))
        painter.drawLine(geometry.at(role), place)
    for name in (*PROCESSOR_NAMES, CONDUCTOR.name):  # behind all modules: no name hides one
        _paint_label(painter, geometry, state, name, back=True)
    for name in MODULES:
        _paint_module(painter, geometry, state, name)
    for name in MODULES:
        _paint_label(painter, geometry, state, name)


def _paint_line(painter: QPainter, geometry: Geometry, state: MeshState, line: Line) -> None:
    role, processor = line
    pen = QPen(module_color(processor, state.wiring), line_width(state, line))
    if state.wiring.own[role] != processor:
        pen.setStyle(Qt.PenStyle.DashLine)
    if role not in state.wiring.reads[processor]:
        pen.setStyle(Qt.PenStyle.DotLine)
    if role in state.muted or line in state.cut:  # carries nothing
        pen = QPen(theme.mark("line"), THIN, Qt.PenStyle.DotLine)
    path = geometry.path(line)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    if line == state.line:
        painter.setPen(QPen(theme.color("accent"), pen.widthF() + 4))
        painter.drawPath(path)
    painter.setPen(pen)
    painter.drawPath(path)
    if line in state.cut:
        middle = path.pointAtPercent(0.5)
        painter.setPen(QPen(theme.color("text"), 2))
        for dx, dy in ((5, 5), (5, -5)):
            painter.drawLine(middle - QPointF(dx, dy), middle + QPointF(dx, dy))


def line_width(state: MeshState, line: Line) -> float:
    """In pixels: as wide as the gate is open. Thin where nothing was observed, and where no gate stands before it."""
    role, processor = line
    if state.gates is None or state.wiring.own[role] != processor:
        return THIN
    gate = float(np.clip(state.gates[ROLE_NAMES.index(role)], 0, 1))
    return THIN + (THICK - THIN) * gate


def _paint_module(painter: QPainter, geometry: Geometry, state: MeshState, name: str) -> None:
    at = geometry.at(name)
    role = name in ROLE_NAMES
    radius = _radius(state, name)
    color = module_color(name, state.wiring)
    box = QRectF(at.x() - radius, at.y() - radius, 2 * radius, 2 * radius)
    painter.setPen(QPen(color, 2))
    painter.setBrush(theme.color("card") if name in state.muted else color)
    if role or name == CONDUCTOR.name:
        painter.drawEllipse(box)
    else:
        painter.drawRoundedRect(box, 4, 4)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    if role and state.gates is not None:
        _paint_arc(painter, state, name, box.adjusted(-5, -5, 5, 5))
    change = state.differences.get(name, 0.0)
    if abs(change) >= MARKED:
        painter.setPen(QPen(theme.mark(MORE if change > 0 else LESS), 2.5))
        painter.drawEllipse(box.adjusted(-9, -9, 9, 9))
    if name == state.selected:
        painter.setPen(QPen(theme.color("accent"), 2))
        painter.drawEllipse(box.adjusted(-10, -10, 10, 10))


def _radius(state: MeshState, name: str) -> float:
    radius = 9.0 if name in ROLE_NAMES else 12.0 if name in PROCESSOR_NAMES else 17.0
    return 0.6 * radius if state.compact else radius


def _paint_arc(painter: QPainter, state: MeshState, role: str, box: QRectF) -> None:
    """The second gate as a share of the circle; where there is a spread, it fades out over mean ± spread."""
    assert state.gates is not None
    number = ROLE_NAMES.index(role) + len(ROLE_NAMES)
    gate = float(np.clip(state.gates[number], 0, 1))
    spread = 0.0 if state.spread is None else float(state.spread[number])
    painter.setPen(QPen(theme.color("track"), 3))
    painter.drawEllipse(box)
    faded = theme.color("text")
    faded.setAlphaF(0.45)
    for share, ink in ((min(1.0, gate + spread), faded), (max(0.0, gate - spread), theme.color("text"))):
        painter.setPen(QPen(ink, 3, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap))
        painter.drawArc(box, 90 * 16, round(-360 * 16 * share))


def _paint_label(
    painter: QPainter, geometry: Geometry, state: MeshState, name: str, back: bool = False
) -> None:
    """A module's name beside it, or what lies behind the name so that no line crosses it."""
    if (state.compact and name not in ROLE_NAMES) or (not geometry.named and name != state.selected):
        return
    box = label_box(geometry, state, name)
    if back:
        ground = theme.color("card")
        ground.setAlphaF(0.8)
        painter.fillRect(box, ground)
        return
    painter.setFont(_font(state, name))
    painter.setPen(theme.color("muted" if name in state.muted else "text"))
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, _words(geometry, state, name))


def label_box(geometry: Geometry, state: MeshState, name: str) -> QRectF:
    """Where a module's name stands: a role's outside of it, the others' below."""
    metrics = QFontMetrics(_font(state, name))
    lines = _words(geometry, state, name).split("\n")
    width, height = max(map(metrics.horizontalAdvance, lines)) + 4, metrics.height() * len(lines)
    at, radius = geometry.at(name), _radius(state, name)
    if name not in ROLE_NAMES or not geometry.named:
        below = radius + (1 if name not in ROLE_NAMES else MARKS_PX)
        left = max(0.0, min(at.x() - width / 2, geometry.width - width))
        return QRectF(left, at.y() + below, width, height)
    x, y = geometry.spot(name)
    out = QPointF(at.x() + x * (radius + 12), at.y() + y * (radius + 12))
    left = out.x() if x > 0.2 else out.x() - width if x < -0.2 else out.x() - width / 2
    left = max(0.0, min(left, geometry.width - width))
    top = out.y() - height / 2 + (y * height / 2 if abs(x) <= 0.5 else 0)
    return QRectF(left, top, width, height)


def _font(state: MeshState, name: str) -> QFont:
    marked = abs(state.differences.get(name, 0.0)) >= MARKED
    return theme.font(theme.HINT_PX, bold=name == state.selected or marked)


def _words(geometry: Geometry, state: MeshState, name: str) -> str:
    """What a module is called here; a processor on lines of their own for its languages and words, where there is room."""
    if name not in PROCESSOR_NAMES:
        return geometry.name_of(name)
    chinese = MODULES[name].chinese if i18n.language().startswith("zh") else ""
    if chinese and (geometry.low or geometry.close):
        return chinese
    if geometry.flat:
        return english_name(name)
    return f"{chinese}\n{english_name(name).replace(' ', chr(10))}".strip()
