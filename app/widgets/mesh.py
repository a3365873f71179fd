"""The mesh as three rings: roles outside, processors inside, the conductor in the middle."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QHelpEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app import theme
from app.i18n import tr
from models.reverberation.drawing import places, ring_order
from models.reverberation.wiring import (
    CONDUCTOR,
    PROCESSOR_NAMES,
    PROCESSORS,
    ROLE_NAMES,
    ROLES,
    Module,
    Wiring,
    documented,
)

MODULES = {module.name: module for module in (*ROLES, *PROCESSORS, CONDUCTOR)}
PROCESSOR_COLORS = dict(zip(PROCESSOR_NAMES, theme.CATEGORIES, strict=False))


def module_title(module: Module, chinese: bool) -> str:
    """A module's name for people."""
    return module.chinese if chinese else module.name.replace("_", " ")


class MeshView(QWidget):
    """Edges are as wide and as dark as the gates of pass 1; arcs round the roles are those of pass 2.

    chosen(name): a module was clicked, or reached by the arrow keys. mute_asked(role): double-click, or M.
    """

    chosen = Signal(str)
    mute_asked = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.wiring = documented()
        self.selected = ""
        self.muted: frozenset[str] = frozenset()
        self._gates: np.ndarray | None = None
        self._counts: dict[str, int] = {}
        self._spots = places(self.wiring)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(360, 300)
        self.setMouseTracking(True)
        self.setAccessibleName(tr("Mesh of roles, processors and the conductor"))
        theme.notifier.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(620, 480)

    def set_wiring(self, wiring: Wiring, counts: dict[str, int]) -> None:
        """counts: parameters a module."""
        self.wiring, self._counts, self._spots = wiring, counts, places(wiring)
        self.update()

    def set_gates(self, gates: np.ndarray | None) -> None:
        """[38], pass 1 of the roles in order, then pass 2; None before anything was observed."""
        self._gates = gates
        if gates is not None:
            words = [
                f"{name} {gates[i]:.2f}, {gates[i + len(ROLE_NAMES)]:.2f}"
                for i, name in enumerate(ROLE_NAMES)
            ]
            self.setAccessibleDescription("; ".join(words))
        self.update()

    def select(self, name: str) -> None:
        """Mark a module without telling."""
        self.selected = name
        self.update()

    def set_muted(self, muted: frozenset[str]) -> None:
        self.muted = muted
        self.update()

    # Hands ------------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        name = self.module_at(event.position())
        if name:
            self.selected = name
            self.chosen.emit(name)
            self.update()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        name = self.module_at(event.position())
        if name in ROLE_NAMES:
            self.mute_asked.emit(name)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        order = [*ring_order(self.wiring), *PROCESSOR_NAMES, CONDUCTOR.name]
        steps = {Qt.Key.Key_Right: 1, Qt.Key.Key_Down: 1, Qt.Key.Key_Left: -1, Qt.Key.Key_Up: -1}
        if event.key() in steps:
            place = order.index(self.selected) + steps[Qt.Key(event.key())] if self.selected in order else 0
            self.selected = order[place % len(order)]
            self.chosen.emit(self.selected)
            self.update()
        elif event.key() == Qt.Key.Key_M and self.selected in ROLE_NAMES:
            self.mute_asked.emit(self.selected)
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            name = self.module_at(QPointF(event.pos()))
            if name:
                QToolTip.showText(event.globalPos(), self.words(name), self)
            else:
                QToolTip.hideText()
            return True
        return super().event(event)

    def words(self, name: str) -> str:
        """What hovering over a module says."""
        module = MODULES[name]
        lines = [f"{module.name.replace('_', ' ')} · {module.chinese}", module.body]
        if name in self._counts:
            lines.append(tr("{count} parameters", count=f"{self._counts[name]:,}"))
        if self._gates is not None and name in ROLE_NAMES:
            number = ROLE_NAMES.index(name)
            lines.append(
                tr(
                    "gates {first}, {second}",
                    first=f"{self._gates[number]:.3f}",
                    second=f"{self._gates[number + 19]:.3f}",
                )
            )
        return "\n".join(lines)

    def module_at(self, place: QPointF) -> str:
        """The module under a point, or nothing."""
        near, best = "", 18.0
        for name, spot in self._spots.items():
            at = self._at(spot)
            distance = math.hypot(at.x() - place.x(), at.y() - place.y())
            if distance < best:
                near, best = name, distance
        return near

    # Drawing ----------------------------------------------------------------------------------------------

    def _at(self, spot: tuple[float, float], grow: float = 1.0) -> QPointF:
        middle = QPointF(self.width() / 2, self.height() / 2)
        radius_x, radius_y = self._radii()
        return QPointF(middle.x() + grow * spot[0] * radius_x, middle.y() + grow * spot[1] * radius_y)

    def _radii(self) -> tuple[float, float]:
        radius_y = max(90.0, self.height() / 2 - 40)
        return min(max(110.0, self.width() / 2 - 100), 1.45 * radius_y), radius_y

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        self.paint(painter)

    def paint(self, painter: QPainter) -> None:
        """Draw everything; also for pictures."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), theme.color("card"))
        for processor in PROCESSOR_NAMES:
            pen = QPen(theme.color("line"))
            pen.setWidthF(1.4)
            painter.setPen(pen)
            painter.drawLine(self._at(self._spots[processor]), self._at((0, 0)))
        drawn = [(role, self.wiring.own[role]) for role in ROLE_NAMES]
        drawn += [
            (role, processor) for processor, role in self.wiring.edges if (role, processor) not in drawn
        ]
        for role, processor in drawn:
            self._paint_edge(painter, role, processor)
        for name in self._spots:
            self._paint_module(painter, name)

    def _paint_edge(self, painter: QPainter, role: str, processor: str) -> None:
        gated = self.wiring.own[role] == processor
        listed = role in self.wiring.reads[processor]
        gate = 0.5 if self._gates is None else float(self._gates[ROLE_NAMES.index(role)])
        ink = QColor(PROCESSOR_COLORS[processor])
        pen = QPen(ink)
        if gated:
            ink.setAlphaF(0.2 + 0.8 * gate)
            pen.setWidthF(0.8 + 5.2 * gate)
        else:
            ink.setAlphaF(0.55)
            pen.setWidthF(1.2)
            pen.setStyle(Qt.PenStyle.DashLine)
        if not listed:
            pen.setStyle(Qt.PenStyle.DotLine)
        if role in self.muted:
            ink.setAlphaF(0.15)
        pen.setColor(ink)
        painter.setPen(pen)
        start, end = self._at(self._spots[role]), self._at(self._spots[processor])
        path = QPainterPath(start)
        inward = 0.78
        spot = self._spots[role]
        path.quadTo(self._at((inward * spot[0], inward * spot[1])), end)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(path)

    def _paint_module(self, painter: QPainter, name: str) -> None:
        at = self._at(self._spots[name])
        role = name in ROLE_NAMES
        radius = 9.0 if role else 12.0 if name in PROCESSOR_NAMES else 17.0
        color = QColor(
            PROCESSOR_COLORS[self.wiring.own[name] if role else name]
            if name != CONDUCTOR.name
            else theme.current().text
        )
        box = QRectF(at.x() - radius, at.y() - radius, 2 * radius, 2 * radius)
        painter.setPen(QPen(color, 2))
        painter.setBrush(theme.color("card") if name in self.muted else color)
        if role or name == CONDUCTOR.name:
            painter.drawEllipse(box)
        else:
            painter.drawRoundedRect(box, 4, 4)
        if role and self._gates is not None:
            second = float(self._gates[ROLE_NAMES.index(name) + len(ROLE_NAMES)])
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.color("track"), 3))
            painter.drawEllipse(box.adjusted(-5, -5, 5, 5))
            painter.setPen(QPen(theme.color("text"), 3, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap))
            painter.drawArc(box.adjusted(-5, -5, 5, 5), 90 * 16, round(-360 * 16 * second))
        if name == self.selected:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.color("accent"), 2))
            painter.drawEllipse(box.adjusted(-10, -10, 10, 10))
        self._paint_name(painter, name, at, radius)

    def _paint_name(self, painter: QPainter, name: str, at: QPointF, radius: float) -> None:
        from app import i18n

        words = module_title(MODULES[name], i18n.language().startswith("zh"))
        painter.setFont(theme.font(theme.HINT_PX, bold=name == self.selected))
        if name in PROCESSOR_NAMES:
            words = words.replace(" ", "\n")
        metrics = painter.fontMetrics()
        lines = words.split("\n")
        size = QSize(max(map(metrics.horizontalAdvance, lines)) + 4, metrics.height() * len(lines))
        painter.setPen(theme.color("muted" if name in self.muted else "text"))
        if name in ROLE_NAMES:
            x, y = self._spots[name]
            out = QPointF(at.x() + x * (radius + 12), at.y() + y * (radius + 12))
            left = out.x() if x > 0.2 else out.x() - size.width() if x < -0.2 else out.x() - size.width() / 2
            top = out.y() - size.height() / 2 + (y * size.height() / 2 if abs(x) <= 0.5 else 0)
            box = QRectF(left, top, size.width(), size.height())
        else:
            box = QRectF(at.x() - size.width() / 2, at.y() + radius + 1, size.width(), size.height())
            back = theme.color("card")
            back.setAlphaF(0.8)
            painter.fillRect(box, back)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, words)

    # Pictures ---------------------------------------------------------------------------------------------

    def save(self, path: Path) -> None:
        """As SVG or as PNG at 300 dpi. Raises OSError."""
        if path.suffix.lower() == ".svg":
            from PySide6.QtSvg import QSvgGenerator

            generator = QSvgGenerator()
            generator.setFileName(str(path))
            generator.setSize(self.size())
            generator.setViewBox(self.rect())
            painter = QPainter(generator)
            self.paint(painter)
            painter.end()
            return
        image = QImage(self.size() * (300 / 96), QImage.Format.Format_ARGB32)
        image.setDevicePixelRatio(300 / 96)
        painter = QPainter(image)
        self.paint(painter)
        painter.end()
        if not image.save(str(path)):
            raise OSError(None, tr("The picture could not be written."), str(path))
