"""What a plot is made of: curves, hairlines, axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from app import theme
from app.widgets.decimate import minmax
from app.widgets.described import Description

FARTHEST = 1e100  # drawn; the width of a range of larger numbers is no number any more


class Canvas(Protocol):
    """What a curve needs of the plot that it is drawn in."""

    log_y: bool
    surface: str  # the token of what is behind the curves
    lines: list[Line]
    description: Description

    def addItem(self, item: pg.GraphicsObject, ignoreBounds: bool = False) -> None: ...

    def removeItem(self, item: pg.GraphicsObject) -> None: ...

    def getViewBox(self) -> pg.ViewBox: ...

    def columns(self) -> int:
        """How many pixels the view is wide."""

    def devicePixelRatioF(self) -> float:
        """How many pixels of the screen make a point."""


class Line:
    """One curve of a plot: `set` its points. Keeps all of them, draws two for every column of the screen, anew
    where the view is moved or zoomed."""

    def __init__(
        self, plot: Canvas, name: str, color: str, width: float, dashed: bool, label_end: bool
    ) -> None:
        self._plot = plot
        self.name, self.color, self.width, self.dashed = name, color, width, dashed
        self.x = np.zeros(0)
        self.y = np.zeros(0)
        self.item = pg.PlotCurveItem(skipFiniteCheck=True, antialias=False)
        plot.addItem(self.item)
        self.end: pg.TextItem | None = None
        if label_end and name:
            self.end = pg.TextItem(anchor=(0, 0.5))
            plot.addItem(self.end, ignoreBounds=True)
        self.retheme()

    def set(self, x: np.ndarray, y: np.ndarray) -> None:
        """x, y: [n], x rising, in the axes' units (on a logarithmic axis too)."""
        self.x, self.y = np.asarray(x), np.asarray(y)
        self.draw()
        self._plot.description.changed()

    def draw(self) -> None:
        """Draw the part that is in view, as many points as the screen can show."""
        most = self._plot.columns() * 2
        shown_x, shown_y = (np.clip(part, -FARTHEST, FARTHEST) for part in minmax(*self._in_view(most), most))
        if self._plot.log_y:
            shown_y = np.log10(np.maximum(shown_y, 1e-12))
        self.item.setData(shown_x, shown_y, skipFiniteCheck=True)
        if self.end is not None:
            self.end.setVisible(len(shown_x) > 0)
            if len(shown_x):
                self.end.setPos(float(shown_x[-1]), float(shown_y[-1]))

    def _in_view(self, most: int) -> tuple[np.ndarray, np.ndarray]:
        """What of a long curve lies in a view that a person has chosen. A view that follows the data needs them all."""
        view = self._plot.getViewBox()
        if len(self.x) <= most or view.autoRangeEnabled()[0]:
            return self.x, self.y
        low, high = view.viewRange()[0]
        first = max(0, int(np.searchsorted(self.x, low)) - 1)
        last = int(np.searchsorted(self.x, high)) + 1
        return self.x[first:last], self.y[first:last]

    def clear(self) -> None:
        """Take all points away."""
        self.set(np.zeros(0), np.zeros(0))

    def at(self, x: float) -> float | None:
        """The value at the point nearest to `x`; None outside the curve."""
        if not len(self.x) or not self.x[0] <= x <= self.x[-1]:
            return None
        index = int(np.searchsorted(self.x, x))
        if index > 0 and abs(self.x[index - 1] - x) < abs(self.x[min(index, len(self.x) - 1)] - x):
            index -= 1
        return float(self.y[min(index, len(self.y) - 1)])

    def set_color(self, color: str) -> None:
        """Draw in another colour: a token of the theme or ``#RRGGBB``."""
        self.color = color
        self.retheme()

    def set_visible(self, visible: bool) -> None:
        """Show or hide the curve and its name."""
        self.item.setVisible(visible)
        self._plot.description.changed()
        if self.end is not None:
            self.end.setVisible(visible and len(self.x) > 0)

    def remove(self) -> None:
        """Take the curve out of its plot."""
        self._plot.removeItem(self.item)
        if self.end is not None:
            self._plot.removeItem(self.end)
        self._plot.lines.remove(self)
        self._plot.description.changed()

    def retheme(self) -> None:
        """Take the colours of the theme that is in force."""
        ink = theme.stroke(self.color, self._plot.surface)
        if self.dashed:
            ink.setAlphaF(0.6)
        pen = QPen(ink)
        pen.setCosmetic(True)  # its width is in pixels of the screen
        pen.setWidthF(self.width * self._plot.devicePixelRatioF())
        if self.dashed:
            pen.setStyle(Qt.PenStyle.DashLine)
        self.item.setPen(pen)
        if self.end is not None:
            mark = theme.stroke(self.color, self._plot.surface).name()
            words = theme.current().muted
            self.end.setHtml(
                f'<span style="font-size:{theme.HINT_PX}px"><span style="color:{mark}">▬</span>'
                f' <span style="color:{words}">{self.name}</span></span>'
            )


class Grid(pg.GraphicsObject):
    """Hairlines at the ticks of the left axis. Ten times as fast as pyqtgraph's, which blends a picture at every paint."""

    def __init__(self, axis: pg.AxisItem) -> None:
        super().__init__()
        self._axis = axis
        self._pen = QPen()
        self.setZValue(theme.Z.GRID)

    def set_color(self, color: QColor) -> None:
        """Draw the hairlines in another colour."""
        self._pen = QPen(color)
        self._pen.setCosmetic(True)
        self.update()

    def boundingRect(self) -> QRectF:
        return QRectF(self.viewRect())

    def viewRangeChanged(self) -> None:
        self.prepareGeometryChange()

    def paint(self, painter: QPainter, *_: object) -> None:
        view = self.viewRect()
        levels = self._axis.tickValues(*self._axis.range, self._axis.size().height())
        painter.setPen(self._pen)
        for _spacing, values in levels[:2]:
            for y in values:
                painter.drawLine(QPointF(view.left(), y), QPointF(view.right(), y))


class Axis(pg.AxisItem):
    """Negative figures have a minus sign. tick_words: what is written at a tick whose figure is {n}, such as ``{n} s``, in
    place of a title that takes a line of a low plot."""

    tick_words = "{n}"

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        figures = super().tickStrings(values, scale, spacing)
        return [self.tick_words.format(n=words.replace("-", "−")) for words in figures]

    def tickValues(self, minVal: float, maxVal: float, size: float) -> list[tuple[float, list[float]]]:
        """None where there is no room: pyqtgraph would divide by it, and an error within painting ends the program."""
        if size <= 0:
            return []
        levels: list[tuple[float, list[float]]] = super().tickValues(minVal, maxVal, size)
        return levels
