"""A map of the scalp from above: a value an electrode, and colours between them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
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
from app.i18n import digits, tr
from app.widgets.described import Description
from app.widgets.palettes import diverging, viridis
from app.widgets.pictures import save_picture
from app.widgets.plot import figure

REACH = 1.12  # how far the colours go, in radii of the head
GRID = 72  # colours are computed on so many places either way
SCALE_PX = 44  # below the head, for the colour scale


class ScalpMap(QWidget):
    """`set_places` once a recording, `set_values` as often as there are others. chosen(number): an electrode was clicked."""

    chosen = Signal(int)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self.unit = ""
        self.names: tuple[str, ...] = ()
        self.marked: frozenset[int] = frozenset()
        self.selected = -1
        self._places = np.zeros((0, 2))
        self._values: np.ndarray | None = None
        self._image: QImage | None = None
        self._limits = (0.0, 1.0)
        self._asked_limits: tuple[float, float] | None = None
        self._signed = False
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(name)
        self._description = Description(self, self.in_words)
        theme.notifier.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(218, 250)

    def minimumSizeHint(self) -> QSize:
        return QSize(160, 200)

    # Contents ---------------------------------------------------------------------------------------------

    def set_places(self, names: Sequence[str], places: np.ndarray) -> None:
        """places: [channels, 2], the nose up, the ears' height at radius 1; NaN where it is not known."""
        self.names, self._places = tuple(names), np.asarray(places, float)
        self._values = self._image = None
        self.marked, self.selected = frozenset(), -1
        self._describe()
        self.update()

    def set_values(
        self,
        values: np.ndarray | None,
        unit: str = "",
        limits: tuple[float, float] | None = None,
        signed: bool = False,
    ) -> None:
        """[channels], or None for an empty head. limits: of the colours; the values' own by default. signed: white is zero."""
        self._values = None if values is None else np.asarray(values, float)
        self.unit = unit
        self._asked_limits, self._signed = limits, signed
        self._image = None
        good = self._usable()
        if self._values is not None and good.any():
            inside = self._values[good]
            most = float(np.abs(inside).max())
            low, high = limits or ((-most, most) if signed else (float(inside.min()), float(inside.max())))
            self._limits = (low, high if high > low else low + 1.0)
            self._image = self._coloured(good)
        self._describe()
        self.update()

    def set_marked(self, numbers: Sequence[int]) -> None:
        """Bad channels: drawn as crosses, their values not taken for the colours."""
        self.marked = frozenset(numbers)
        self.set_values(self._values, self.unit, self._asked_limits, self._signed)

    def _usable(self) -> np.ndarray:
        good = np.asarray(np.isfinite(self._places).all(axis=1))
        if self._values is not None and len(self._values) == len(good):
            good = good & np.isfinite(self._values)
        good[[number for number in self.marked if number < len(good)]] = False
        return good

    def _coloured(self, good: np.ndarray) -> QImage | None:
        """Thin-plate splines through the electrodes: exact at them, smooth between."""
        assert self._values is not None
        if good.sum() < 4:
            return None
        axis = np.linspace(-REACH, REACH, GRID)
        x, y = np.meshgrid(axis, axis[::-1])
        grid = np.stack([x.ravel(), y.ravel()], axis=1)
        field = _splines(self._places[good], self._values[good], grid).reshape(GRID, GRID)
        low, high = self._limits
        shade = np.clip((field - low) / (high - low), 0, 1)
        table = self._palette()[:, :3]
        pixels = np.full((GRID, GRID, 4), 255, np.uint8)
        pixels[..., :3] = table[(shade * 255).astype(int)][..., ::-1]  # Qt's 32 bits are blue, green, red
        return QImage(np.ascontiguousarray(pixels).data, GRID, GRID, QImage.Format.Format_RGB32).copy()

    def _palette(self) -> np.ndarray:
        return diverging() if self._signed else viridis()

    # Mouse and keys ---------------------------------------------------------------------------------------

    def words(self, number: int) -> str:
        """What is said of an electrode: ``Cz 12.3 dB``."""
        value = "" if self._values is None else figure(float(self._values[number]), self.unit)
        bad = tr("bad") if number in self.marked else ""
        return " · ".join(filter(None, (self.names[number], value, bad)))

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            number = self.number_at(QPointF(event.pos()))
            if number >= 0:
                QToolTip.showText(event.globalPos(), self.words(number), self)
            else:
                QToolTip.hideText()
            return True
        return super().event(event)

    def number_at(self, place: QPointF) -> int:
        """The electrode within 10 px of a place of the widget; −1 for none."""
        spots = self._spots()
        if not len(spots):
            return -1
        away = np.hypot(spots[:, 0] - place.x(), spots[:, 1] - place.y())
        nearest = int(np.nanargmin(np.where(np.isfinite(away), away, np.inf)))
        return nearest if away[nearest] <= 10 else -1

    def mousePressEvent(self, event: QMouseEvent) -> None:
        number = self.number_at(event.position())
        if number >= 0:
            self.select(number)
            self.chosen.emit(number)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Up: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Down: 1}.get(
            Qt.Key(event.key())
        )
        if step is None or not self.names:
            super().keyPressEvent(event)
            return
        self.select((self.selected + step) % len(self.names))
        self.chosen.emit(self.selected)

    def select(self, number: int) -> None:
        """Mark the channel of that number; -1 for none."""
        self.selected = number
        self._describe()
        self.update()

    def in_words(self) -> str:
        """How many electrodes there are, and where the value is lowest and highest."""
        good = np.flatnonzero(self._usable()) if self._values is not None else np.zeros(0, int)
        if self._values is None or not len(good):
            return ""
        low, high = good[self._values[good].argmin()], good[self._values[good].argmax()]
        return tr(
            "{n} electrodes, lowest {low}, highest {high}",
            n=len(good),
            low=self.words(int(low)),
            high=self.words(int(high)),
        )

    def _describe(self) -> None:
        self._description.changed()
        text = self._name
        if 0 <= self.selected < len(self.names):
            text += f": {self.words(self.selected)}"
        self.setAccessibleName(text)

    # Painting ---------------------------------------------------------------------------------------------

    def _head(self) -> tuple[QPointF, float]:
        room = min(self.width() - 12, self.height() - SCALE_PX - 14)
        radius = room / 2 / REACH
        return QPointF(self.width() / 2, 10 + room / 2), radius

    def _spots(self) -> np.ndarray:
        middle, radius = self._head()
        return np.stack(
            [middle.x() + radius * self._places[:, 0], middle.y() - radius * self._places[:, 1]], axis=1
        )

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        self.paint(painter)
        painter.end()

    def paint(self, painter: QPainter) -> None:
        """On whatever the painter draws on."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        middle, radius = self._head()
        line = QPen(theme.color("muted"), 1.2)
        nose = QPainterPath(QPointF(middle.x() - 0.11 * radius, middle.y() - 0.99 * radius))
        nose.lineTo(middle.x(), middle.y() - 1.11 * radius)
        nose.lineTo(middle.x() + 0.11 * radius, middle.y() - 0.99 * radius)
        disc = QPainterPath()
        disc.addEllipse(middle, REACH * radius * 0.985, REACH * radius * 0.985)
        if self._image is not None:
            painter.save()
            painter.setClipPath(disc)
            reach = REACH * radius
            painter.drawImage(
                QRectF(middle.x() - reach, middle.y() - reach, 2 * reach, 2 * reach), self._image
            )
            painter.restore()
        painter.setPen(line if self._image is None else QPen(theme.color("text"), 1.2))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawEllipse(middle, radius, radius)
        painter.drawPath(nose)
        self._paint_electrodes(painter)
        if self._image is not None:
            self._paint_scale(painter)
        if self.hasFocus():
            painter.setPen(QPen(theme.color("accent"), 1.5))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 4, 4)

    def _paint_electrodes(self, painter: QPainter) -> None:
        for number, (x, y) in enumerate(self._spots()):
            if not np.isfinite(x):
                continue
            spot = QPointF(float(x), float(y))
            if number in self.marked:
                painter.setPen(QPen(theme.color("error"), 1.6))
                painter.drawLine(spot + QPointF(-3, -3), spot + QPointF(3, 3))
                painter.drawLine(spot + QPointF(-3, 3), spot + QPointF(3, -3))
                continue
            painter.setPen(QPen(Qt.GlobalColor.white, 0.8) if self._image is not None else Qt.PenStyle.NoPen)
            painter.setBrush(Qt.GlobalColor.black if self._image is not None else theme.color("muted"))
            painter.drawEllipse(spot, 2.0, 2.0)
            if number == self.selected:
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.setPen(QPen(theme.color("text"), 2))
                painter.drawEllipse(spot, 6, 6)

    def _paint_scale(self, painter: QPainter) -> None:
        low, high = self._limits
        wide = min(120.0, self.width() - 100.0)
        left, top = (self.width() - wide) / 2, self.height() - 30.0
        table = self._palette()[::4]
        strip = QImage(
            np.ascontiguousarray(table[None, :, [2, 1, 0, 3]], dtype=np.uint8).data,
            64,
            1,
            QImage.Format.Format_ARGB32,
        )
        painter.drawImage(QRectF(left, top, wide, 7), strip.copy())
        painter.setFont(theme.font(theme.HINT_PX))
        painter.setPen(theme.color("muted"))
        flag = Qt.AlignmentFlag
        painter.drawText(
            QRectF(left - 60, top - 5, 54, 17), flag.AlignRight | flag.AlignVCenter, figure_short(low)
        )
        painter.drawText(
            QRectF(left + wide + 6, top - 5, 60, 17),
            flag.AlignLeft | flag.AlignVCenter,
            figure_short(high, self.unit),
        )
        if 0 <= self.selected < len(self.names):
            painter.setPen(theme.color("text"))
            painter.drawText(
                QRectF(0, top + 10, self.width(), 18), flag.AlignCenter, self.words(self.selected)
            )

    def save(self, path: Path) -> None:
        """As SVG or PNG, by the suffix. Raises OSError."""
        save_picture(path, self.size(), self._paint_on_page, self._name)

    def _paint_on_page(self, painter: QPainter) -> None:
        painter.fillRect(self.rect(), theme.color("page"))
        self.paint(painter)


def figure_short(value: float, unit: str = "") -> str:
    """Three significant digits and the unit."""
    return f"{digits(value)} {unit}".strip()


def _splines(places: np.ndarray, values: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Values [n] at places [n, 2], interpolated at grid [m, 2] by thin-plate splines, flat far outside."""

    def kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        square = ((a[:, None] - b[None]) ** 2).sum(-1)
        return np.where(square > 0, square * np.log(np.maximum(square, 1e-12)), 0.0)

    n = len(places)
    system = np.zeros((n + 3, n + 3))
    system[:n, :n] = kernel(places, places) + 1e-6 * np.eye(n)
    system[:n, n] = system[n, :n] = 1
    system[:n, n + 1 :] = places
    system[n + 1 :, :n] = places.T
    weights = np.linalg.lstsq(system, np.concatenate([values, np.zeros(3)]), rcond=None)[0]
    result: np.ndarray = kernel(grid, places) @ weights[:n] + weights[n] + grid @ weights[n + 1 :]
    clipped: np.ndarray = np.clip(result, values.min(), values.max())
    return clipped
