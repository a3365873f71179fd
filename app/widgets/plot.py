"""The plot all others are made of: themed, titled with units, read under the cursor, reset, exported."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QContextMenuEvent, QImage, QMouseEvent, QPainter, QPen, QResizeEvent
from PySide6.QtWidgets import QApplication, QLabel, QMenu, QWidget

from app import theme
from app.i18n import digits, tr
from app.widgets.decimate import minmax
from app.widgets.pictures import add_exports, save_picture

Range = tuple[float, float]
FARTHEST = 1e100  # drawn; the width of a range of larger numbers is no number any more


class Line:
    """One curve of a `Plot`: `set` its points. Keeps all of them, draws two for every column of the screen, anew
    where the view is moved or zoomed."""

    def __init__(
        self, plot: Plot, name: str, color: str, width: float, dashed: bool, label_end: bool
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
        self.color = color
        self.retheme()

    def set_visible(self, visible: bool) -> None:
        self.item.setVisible(visible)
        if self.end is not None:
            self.end.setVisible(visible and len(self.x) > 0)

    def remove(self) -> None:
        self._plot.removeItem(self.item)
        if self.end is not None:
            self._plot.removeItem(self.end)
        self._plot.lines.remove(self)

    def retheme(self) -> None:
        ink = theme.color(self.color)
        if self.dashed:
            ink.setAlphaF(0.6)
        pen = QPen(ink)
        pen.setCosmetic(True)
        pen.setWidthF(self.width)
        if self.dashed:
            pen.setStyle(Qt.PenStyle.DashLine)
        self.item.setPen(pen)
        if self.end is not None:
            mark = theme.color(self.color).name()
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
    """Negative figures have a minus sign."""

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        return [words.replace("-", "−") for words in super().tickStrings(values, scale, spacing)]


class Plot(pg.PlotWidget):
    """Axes with titles and units on a card. `line` adds a curve; other pyqtgraph items go in with `addItem`.

    cursor_moved(x): the mouse is at `x` (NaN: it left); hand it to `set_cursor` of the plots on the same axis.
    clicked(x): a click without dragging. Double-click shows `home` again; right-click exports.
    """

    cursor_moved = Signal(float)
    clicked = Signal(float)

    def __init__(
        self,
        name: str,
        x_title: str = "",
        x_unit: str = "",
        y_title: str = "",
        y_unit: str = "",
        *,
        grid: bool = True,
        log_y: bool = False,
        zoom: bool = True,
        readout: bool = True,
        background: str = "card",
        parent: QWidget | None = None,
    ) -> None:
        """`name` is for screen readers and exported files. Axes without a title are hidden."""
        axes = {side: Axis(side) for side in ("bottom", "left")}
        super().__init__(parent, enableMenu=False, axisItems=axes)
        self.name, self.log_y = name, log_y
        self.x_unit, self.y_unit = x_unit, y_unit
        self.x_title, self.y_title = x_title, y_title
        self.lines: list[Line] = []
        self.on_retheme: list[Callable[[], None]] = []
        self.more_actions: Callable[[QMenu], None] | None = None
        self._home: tuple[Range | None, Range | None] = (None, None)
        self._surface = background
        self._press: QPointF | None = None
        self._x_readout = True
        self.setAccessibleName(name)
        self.setFrameShape(pg.QtWidgets.QFrame.Shape.NoFrame)
        item = self.getPlotItem()
        # pyqtgraph makes every plot a menu without a parent; with one it goes when the plot goes.
        item.ctrlMenu.setParent(self, item.ctrlMenu.windowFlags())
        item.hideButtons()
        item.setContentsMargins(0, 4, 4, 0)
        item.setLogMode(False, log_y)
        self.setMouseEnabled(x=zoom, y=False)
        for side, title, unit in (("bottom", x_title, x_unit), ("left", y_title, y_unit)):
            axis = item.getAxis(side)
            axis.enableAutoSIPrefix(False)
            axis.setStyle(tickLength=-4, tickTextOffset=4, hideOverlappingLabels=True)
            if title or unit:
                axis.setLabel(_axis_words(title, unit))
            else:
                item.hideAxis(side)
        item.getAxis("left").setWidth(46 if y_title or y_unit else 0)
        self._grid = Grid(item.getAxis("left")) if grid else None
        if self._grid is not None:
            self.addItem(self._grid, ignoreBounds=True)
        self._cursor = pg.InfiniteLine(angle=90, movable=False)
        self._cursor.setVisible(False)
        self._cursor.setZValue(theme.Z.CURSOR)
        self.addItem(self._cursor, ignoreBounds=True)
        self._readout = QLabel(self) if readout else None
        if self._readout is not None:
            self._readout.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
            self._readout.setTextFormat(Qt.TextFormat.PlainText)
            self._readout.setProperty("role", "readout")
            self._readout.hide()
        self.scene().sigMouseMoved.connect(self._mouse_at)
        self._redraw = QTimer(self)  # one redraw for all the changes of a turn of the event loop
        self._redraw.setSingleShot(True)
        self._redraw.timeout.connect(self._draw_long_lines)
        self.getViewBox().sigXRangeChanged.connect(lambda *_: self._view_changed())
        theme.notifier.changed.connect(self.retheme)
        self.retheme()

    # Contents ---------------------------------------------------------------------------------------------

    def line(
        self,
        name: str = "",
        color: str = "accent",
        *,
        width: float = 1.0,
        dashed: bool = False,
        label_end: bool = False,
    ) -> Line:
        """A new curve. `color`: a token of the theme or ``#RRGGBB``; `label_end` writes its name at its end."""
        made = Line(self, name, color, width, dashed, label_end)
        self.lines.append(made)
        return made

    def columns(self) -> int:
        """How many pixels of the screen the plot is wide."""
        return max(300, round(self.width() * self.devicePixelRatioF()))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if "_redraw" in self.__dict__ and not self.closed:  # closing resizes an empty shell once more
            self._view_changed()

    def _view_changed(self) -> None:
        if any(len(line.x) > 2 * self.columns() for line in self.lines):
            self._redraw.start(0)

    def _draw_long_lines(self) -> None:
        if self.plotItem is None:  # closed
            return
        for line in self.lines:
            if len(line.x) > 2 * self.columns():
                line.draw()

    def set_home(self, x: Range | None = None, y: Range | None = None) -> None:
        """The fixed ranges to show now and after a double-click; None follows the data."""
        self._home = (x, y)
        self.reset()

    def set_home_y(self, y: Range | None) -> None:
        """Another home of the y axis, shown now; what is shown of the x axis stays."""
        self._home = (self._home[0], y)
        if y is None:
            self.getViewBox().enableAutoRange(axis=pg.ViewBox.YAxis)
            return
        low, high = (np.log10(y[0]), np.log10(y[1])) if self.log_y else y
        self.setYRange(float(low), float(high), padding=0)

    def set_log_y(self, log_y: bool) -> None:
        """Make the y axis logarithmic or linear; the curves are drawn anew."""
        if log_y == self.log_y:
            return
        self.log_y = log_y
        self.getPlotItem().setLogMode(False, log_y)
        for line in self.lines:
            line.set(line.x, line.y)
        self.reset()

    def scaled(self, y: float) -> float:
        """Where a value lies on the y axis as pyqtgraph counts it."""
        return float(np.log10(max(y, 1e-12)) if self.log_y else np.clip(y, -FARTHEST, FARTHEST))

    def reset(self) -> None:
        """Show what `set_home` says."""
        x, y = self._home
        box = self.getViewBox()
        if x is not None:
            self.setXRange(*x, padding=0)
        else:
            box.enableAutoRange(axis=pg.ViewBox.XAxis)
        if y is not None:
            low, high = (np.log10(y[0]), np.log10(y[1])) if self.log_y else y
            self.setYRange(float(low), float(high), padding=0)
        else:
            box.enableAutoRange(axis=pg.ViewBox.YAxis)

    def share_x(self, other: Plot) -> None:
        """One x axis and one cursor with another plot."""
        self.setXLink(other)
        self.cursor_moved.connect(other.set_cursor)
        other.cursor_moved.connect(self.set_cursor)

    # Cursor -----------------------------------------------------------------------------------------------

    def set_cursor(self, x: float) -> None:
        """Draw the cursor at `x` and read the curves there; NaN takes it away."""
        shown = bool(np.isfinite(x))
        self._cursor.setVisible(shown)
        if self._readout is not None:
            self._readout.setVisible(shown)
        if not shown:
            return
        self._cursor.setPos(x)
        if self._readout is not None:
            self._readout.setText(self.read_at(x))
            self._readout.adjustSize()
            self._readout.move(self.width() - self._readout.width() - 8, 4)

    def read_at(self, x: float) -> str:
        """What the read-out says at `x`: ``12.30 s · loss 0.412``."""
        parts = [figure(x, self.x_unit)]
        for line in self.lines:
            value = line.at(x) if line.item.isVisible() else None
            if value is not None:
                parts.append(f"{line.name} {figure(value, self.y_unit)}".strip())
        return " · ".join(parts)

    def _mouse_at(self, place: QPointF) -> None:
        box = self.getViewBox()
        if not box.sceneBoundingRect().contains(place):
            return
        x = float(box.mapSceneToView(place).x())
        self.set_cursor(x)
        self.cursor_moved.emit(x)

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self.set_cursor(float("nan"))
        self.cursor_moved.emit(float("nan"))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._press = event.position()
        super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        still = self._press is not None and (event.position() - self._press).manhattanLength() < 4
        if still and event.button() == Qt.MouseButton.LeftButton:
            place = self.mapToScene(event.position().toPoint())
            self.clicked.emit(float(self.getViewBox().mapSceneToView(place).x()))
        self._press = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.reset()

    # Theme ------------------------------------------------------------------------------------------------

    def retheme(self) -> None:
        """Take the colours of the theme that is in force."""
        now = theme.current()
        self.setBackground(getattr(now, self._surface))
        item = self.getPlotItem()
        for side in ("bottom", "left"):
            axis = item.getAxis(side)
            axis.setPen(QColor(now.line))
            axis.setTextPen(QColor(now.muted))
            axis.setTickFont(theme.font(theme.HINT_PX))
            axis.label.setFont(theme.font(theme.HINT_PX))
            axis.label.setDefaultTextColor(QColor(now.muted))
        if self._grid is not None:
            self._grid.set_color(QColor(now.line))
        self._cursor.setPen(pg.mkPen(now.muted, width=1))
        for line in self.lines:
            line.retheme()
        for call in self.on_retheme:
            call()

    def sizeHint(self) -> QSize:
        return QSize(400, 120)

    # Export -----------------------------------------------------------------------------------------------

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = self.make_menu()
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(event.globalPos())

    def make_menu(self) -> QMenu:
        """What right-click offers."""
        menu = QMenu(self)
        csv_too = self.save_csv if any(len(line.x) for line in self.lines) else None
        add_exports(menu, self, self.name, {"csv": csv_too, "svg": self.save, "png": self.save})
        menu.addAction(tr("Copy picture")).triggered.connect(
            lambda: QApplication.clipboard().setImage(self.picture(2.0))
        )
        menu.addSeparator()
        menu.addAction(tr("Reset the view")).triggered.connect(self.reset)
        if self.more_actions is not None:
            menu.addSeparator()
            self.more_actions(menu)
        return menu

    def save_csv(self, path: Path) -> None:
        """Every curve's points, all of them, as rows of (curve, x, y)."""
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(
                [
                    "curve",
                    _axis_words(self.x_title, self.x_unit) or "x",
                    _axis_words(self.y_title, self.y_unit) or "y",
                ]
            )
            for line in self.lines:
                for x, y in zip(line.x.tolist(), line.y.tolist(), strict=True):
                    writer.writerow([line.name, repr(x), repr(y)])

    def save(self, path: Path) -> None:
        """As SVG or as PNG at 300 dpi. Raises OSError."""
        save_picture(path, self.size(), self._paint, self.name)

    def picture(self, scale: float = 1.0) -> QImage:
        """The plot as an image, `scale` times as many pixels as on the screen."""
        image = QImage(self.size() * scale, QImage.Format.Format_ARGB32)
        image.setDevicePixelRatio(scale)
        painter = QPainter(image)
        self._paint(painter)
        painter.end()
        return image

    def _paint(self, painter: QPainter) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect())
        painter.fillRect(box, theme.color(getattr(theme.current(), self._surface)))
        self.scene().render(painter, box, QRectF(self.viewRect()))


def figure(value: float, unit: str = "") -> str:
    """Four significant digits and the unit: ``0.0123 s``."""
    size = abs(value)
    if value == 0:
        value, spec = 0.0, ".0f"  # without the sign that a zero may have
    elif size >= 1e5 or size < 1e-3:
        spec = ".3g"
    else:
        spec = f".{max(0, 3 - int(np.floor(np.log10(size))))}f"
    return f"{digits(value, spec)} {unit}".strip()


def _axis_words(title: str, unit: str) -> str:
    return f"{title} ({unit})" if title and unit else title or unit
