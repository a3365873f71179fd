"""The plot all others are made of: themed, titled with units, read under the cursor, reset, exported."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QContextMenuEvent, QImage, QMouseEvent, QPainter, QResizeEvent
from PySide6.QtWidgets import QApplication, QLabel, QMenu, QWidget

from app import theme
from app.i18n import digits, tr
from app.widgets.described import Description, curve_words, listed
from app.widgets.pictures import add_exports, save_picture
from app.widgets.plot_items import FARTHEST, Axis, Grid, Line

Range = tuple[float, float]
LOW_PX = 104  # high at least is a plot that may be low: its curves can be told apart


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
        low: str = "",
        parent: QWidget | None = None,
    ) -> None:
        """`name` is for screen readers and exported files. Axes without a title are hidden. low: of a plot for which there
        may be little room, what is written at a tick of the horizontal axis in place of its title, such as ``{n} s``."""
        axes = {side: Axis(side) for side in ("bottom", "left")}
        super().__init__(parent, enableMenu=False, axisItems=axes)
        self.name, self.log_y = name, log_y
        self.x_unit, self.y_unit = x_unit, y_unit
        self.x_title, self.y_title = x_title, y_title
        self.lines: list[Line] = []
        self.on_retheme: list[Callable[[], None]] = []
        self.more_actions: Callable[[QMenu], None] | None = None
        self.more_words: Callable[[], str] | None = None  # of what is drawn besides curves
        self._home: tuple[Range | None, Range | None] = (None, None)
        self.surface = background
        self._press: QPointF | None = None
        self._x_readout = True
        self.setAccessibleName(name)
        self.description = Description(self, lambda: "" if self.closed else self.in_words())
        self.setFrameShape(pg.QtWidgets.QFrame.Shape.NoFrame)
        self._lay_out_axes()
        if low:
            axes["bottom"].tick_words = low
            axes["bottom"].showLabel(False)
            self.setMinimumHeight(LOW_PX)
        self.setMouseEnabled(x=zoom, y=False)
        self._grid = Grid(self.getPlotItem().getAxis("left")) if grid else None
        if self._grid is not None:
            self.addItem(self._grid, ignoreBounds=True)
        self._cursor = self._make_cursor()
        self._readout = self._make_readout() if readout else None
        self.scene().sigMouseMoved.connect(self._mouse_at)
        self._redraw = QTimer(self)  # one redraw for all the changes of a turn of the event loop
        self._redraw.setSingleShot(True)
        self._redraw.timeout.connect(self._draw_long_lines)
        self.getViewBox().sigXRangeChanged.connect(lambda *_: self._view_changed())
        theme.notifier.changed.connect(self.retheme)
        self.retheme()

    def _lay_out_axes(self) -> None:
        item = self.getPlotItem()
        # pyqtgraph makes every plot a menu without a parent; with one it goes when the plot goes.
        item.ctrlMenu.setParent(self, item.ctrlMenu.windowFlags())
        item.hideButtons()
        item.setContentsMargins(0, 4, 4, 0)
        item.setLogMode(False, self.log_y)
        for side, words in (
            ("bottom", _axis_words(self.x_title, self.x_unit)),
            ("left", _axis_words(self.y_title, self.y_unit)),
        ):
            axis = item.getAxis(side)
            axis.enableAutoSIPrefix(False)
            axis.setStyle(tickLength=-4, tickTextOffset=4, hideOverlappingLabels=True)
            if words:
                axis.setLabel(words)
            else:
                item.hideAxis(side)
        item.getAxis("left").setWidth(46 if self.y_title or self.y_unit else 0)

    def _make_cursor(self) -> pg.InfiniteLine:
        cursor = pg.InfiniteLine(angle=90, movable=False)
        cursor.setVisible(False)
        cursor.setZValue(theme.Z.CURSOR)
        self.addItem(cursor, ignoreBounds=True)
        return cursor

    def _make_readout(self) -> QLabel:
        """Over the plot's corner: what the curves are at the cursor."""
        readout = QLabel(self)
        readout.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        readout.setTextFormat(Qt.TextFormat.PlainText)
        readout.setProperty("role", "readout")
        readout.hide()
        return readout

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

    def in_words(self) -> str:
        """The curves that are seen, for who cannot see them. Override where something else is the content."""
        said = [
            curve_words(line.name or self.y_title or self.name, line.x, line.y, self.x_words, self.y_words)
            for line in self.lines
            if line.item.isVisible()
        ]
        more = self.more_words() if self.more_words is not None else ""
        return listed([part for part in (*said, more) if part])

    def x_words(self, x: float) -> str:
        """A place of the horizontal axis, with its unit, or the axis' name where it has none."""
        return figure(x, self.x_unit or self.x_title.strip())

    def y_words(self, y: float) -> str:
        """A value of the vertical axis."""
        return figure(y, self.y_unit)

    def columns(self) -> int:
        """How many pixels of the screen the plot is wide."""
        pixels: float = self.width() * self.devicePixelRatioF()
        return max(300, round(pixels))

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.DevicePixelRatioChange and not self.closed:
            for line in self.lines:
                line.retheme()
        return bool(super().event(event))

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
        self.setBackground(getattr(now, self.surface))
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
        painter.fillRect(box, theme.color(getattr(theme.current(), self.surface)))
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
