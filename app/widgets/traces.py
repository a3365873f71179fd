"""Many channels over one time axis, each in its own row, drawn as one picture: a frame costs the same at any zoom."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
    QWheelEvent,
)
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QLabel, QWidget

from app import theme
from app.i18n import tr
from app.widgets.plot import Plot, figure

LABELS_PX = 58
Columns = Callable[[float, float, int], tuple[np.ndarray, np.ndarray]]  # left_s, right_s, columns → low, high
LEAST_S = 0.05
ROW_PX = 12  # least height of a row whose name is written
LEAST_ROWS = 4
BAR_PX = (16, 60)  # the scale bar's least and greatest height
BAR_INSET_PX = 8


class TraceView(Plot):
    """`set_source` says where the values come from; `refresh` draws anew what has changed behind it.

    range_changed(left_s, right_s): another stretch is shown. channel_clicked(number): its name was clicked.
    """

    range_changed = Signal(float, float)
    channel_clicked = Signal(int)
    scaled_rows = Signal()  # the height of rows stands for something else
    rows_moved = Signal()  # other channels are shown

    def __init__(self, name: str, unit: str = "µV", parent: QWidget | None = None) -> None:
        super().__init__(name, tr("time"), "s", " ", "", grid=False, background="card", parent=parent)
        self.setMinimumHeight(120)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleDescription(
            tr(
                "Arrow keys move in time and through the channels, + and − zoom, Ctrl with + or − changes the height"
            )
        )
        self.names: tuple[str, ...] = ()
        self.marked: frozenset[int] = frozenset()  # drawn pale: bad channels
        self.unit = unit
        self.duration_s = 0.0
        self.row_uv = 100.0  # height of a row
        self.first, self.rows = 0, 0  # channels that are shown
        self._columns: Columns | None = None
        self._item = _Picture(self)
        self.addItem(self._item, ignoreBounds=True)
        axis = self.getPlotItem().getAxis("left")
        axis.setWidth(LABELS_PX)
        axis.setStyle(tickLength=0, hideOverlappingLabels=False)
        # Labels at one level of ticks: laying out the finer ones takes a quarter of a frame.
        self.getPlotItem().getAxis("bottom").setStyle(maxTickLevel=0, maxTextLevel=0)
        self._words = QLabel(self)  # over the empty view
        self._words.setProperty("role", "hint")
        self._words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._words.setWordWrap(True)
        self._words.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.getViewBox().invertY(True)
        self.getViewBox().sigXRangeChanged.connect(
            lambda _box, shown: self.range_changed.emit(*map(float, shown))
        )
        self.on_retheme.append(self.refresh)
        self.show_nothing()

    # Contents ---------------------------------------------------------------------------------------------

    def set_source(
        self, names: Sequence[str], duration_s: float, columns: Columns, shown_s: float | None = None
    ) -> None:
        """columns(left_s, right_s, n): (lowest, highest) [n, channels] of n equal stretches; NaN where there is nothing."""
        self._words.hide()
        self.names, self.duration_s = tuple(names), max(duration_s, LEAST_S)
        self._columns = columns
        self.marked = frozenset()
        self.first = 0
        self.rows = len(self.names)
        self.getViewBox().setLimits(xMin=0, xMax=self.duration_s, minXRange=LEAST_S)
        self.set_home((0.0, min(self.duration_s, shown_s or self.duration_s)), None)
        self._place_rows()

    def show_nothing(self) -> None:
        self._words.show()
        self.names, self._columns, self.duration_s = (), None, 0.0
        self.first = self.rows = 0
        self.getViewBox().setLimits(xMin=None, xMax=None, minXRange=None)
        self.set_home((0.0, 10.0), (0.0, 1.0))
        self._place_rows()

    def set_empty_words(self, words: str) -> None:
        """What stands in the middle while there is nothing to show."""
        self._words.setText(words)

    def refresh(self) -> None:
        if "_item" in self.__dict__:
            self._item.forget()

    def set_marked(self, numbers: Sequence[int]) -> None:
        """Channels that are drawn pale, such as bad ones."""
        self.marked = frozenset(numbers)
        self._place_rows()

    def set_row_uv(self, height: float) -> None:
        """What a row's height stands for."""
        self.row_uv = float(np.clip(height, 1e-3, 1e6))
        self.refresh()
        self.scaled_rows.emit()

    def fit_rows(self) -> float:
        """A height of rows in which the traces just stay apart, from what is shown; also sets it."""
        result = self.shown_columns()
        if result is not None:
            spans = np.nanpercentile(result[1], 95, axis=0) - np.nanpercentile(result[0], 5, axis=0)
            spans = spans[np.isfinite(spans) & (spans > 0)]
            if len(spans):
                self.set_row_uv(_rounded(1.2 * float(np.median(spans))))
        return self.row_uv

    def show_rows(self, first: int, rows: int) -> None:
        """Which channels are shown: `rows` of them from number `first` on."""
        self.rows = int(np.clip(rows, 1, max(1, len(self.names))))
        self.first = int(np.clip(first, 0, max(0, len(self.names) - self.rows)))
        self._place_rows()
        self.rows_moved.emit()

    def legible_rows(self) -> int:
        """How many channels there is room for, each with its name."""
        return max(LEAST_ROWS, int(self.getViewBox().height()) // ROW_PX)

    def show_range(self, left: float, right: float) -> None:
        """The stretch in s, moved so that it lies within the recording."""
        wide = float(np.clip(right - left, LEAST_S, self.duration_s or 10.0))
        left = float(np.clip(left, 0, max(0.0, (self.duration_s or 10.0) - wide)))
        self.setXRange(left, left + wide, padding=0)

    def shown_range(self) -> tuple[float, float]:
        left, right = self.getViewBox().viewRange()[0]
        return float(left), float(right)

    def shown_columns(self) -> tuple[np.ndarray, np.ndarray] | None:
        """(low, high) [columns, shown channels] of the stretch on screen, each channel about its own middle."""
        if self._columns is None or not self.rows:
            return None
        count = max(2, round(self.getViewBox().width() * self.devicePixelRatioF()))
        low, high = self._columns(*self.shown_range(), count)
        low, high = low[:, self.first : self.first + self.rows], high[:, self.first : self.first + self.rows]
        filled = np.isfinite(low).any(axis=1)
        if not filled.any():
            return None
        middle = np.nan_to_num(np.nanmedian((low[filled][::4] + high[filled][::4]) / 2, axis=0))
        return low - middle, high - middle

    # Mouse and keys ---------------------------------------------------------------------------------------

    def wheelEvent(self, event: QWheelEvent) -> None:
        """The wheel zooms in time, with Shift it moves, with Ctrl it changes the height of the rows."""
        turned = event.angleDelta().y() or event.angleDelta().x()
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.set_row_uv(self.row_uv * 2 ** (-turned / 480))
        elif event.modifiers() & Qt.KeyboardModifier.ShiftModifier or not event.angleDelta().y():
            left, right = self.shown_range()
            step = -turned / 120 * 0.2 * (right - left)
            self.show_range(left + step, right + step)
        else:
            super().wheelEvent(event)
            return
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        left, right = self.shown_range()
        wide = right - left
        control = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        key = Qt.Key(event.key())
        moves = {
            Qt.Key.Key_Left: -0.25,
            Qt.Key.Key_Right: 0.25,
            Qt.Key.Key_PageUp: -1.0,
            Qt.Key.Key_PageDown: 1.0,
        }
        if key in moves:
            self.show_range(left + moves[key] * wide, right + moves[key] * wide)
        elif key in (Qt.Key.Key_Home, Qt.Key.Key_End):
            place = 0.0 if key == Qt.Key.Key_Home else self.duration_s - wide
            self.show_range(place, place + wide)
        elif key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self.show_rows(self.first + (1 if key == Qt.Key.Key_Down else -1), self.rows)
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus):
            factor = 2.0 if key == Qt.Key.Key_Minus else 0.5
            if control:
                self.set_row_uv(self.row_uv * factor)
            else:
                middle = (left + right) / 2
                self.show_range(middle - factor * wide / 2, middle + factor * wide / 2)
        else:
            super().keyPressEvent(event)
            return
        event.accept()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self.hasFocus():
            painter = QPainter(self.viewport())
            painter.setPen(QPen(theme.color("accent"), 1))
            painter.drawRect(self.viewport().rect().adjusted(0, 0, -1, -1))
            painter.end()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.viewport().update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.viewport().update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        place = self.getViewBox().mapSceneToView(self.mapToScene(event.position().toPoint()))
        row = int(np.floor(place.y()))
        if (
            event.button() == Qt.MouseButton.LeftButton
            and event.position().x() < LABELS_PX
            and 0 <= row < self.rows
        ):
            self.channel_clicked.emit(self.first + row)
            event.accept()
            return
        super().mousePressEvent(event)

    def read_at(self, x: float) -> str:
        return f"{figure(x, 's')} · {tr('row {height}', height=figure(self.row_uv, self.unit))}"

    def resizeEvent(self, event: object) -> None:
        super().resizeEvent(event)  # type: ignore[arg-type]
        if "_item" in self.__dict__ and not self.closed:
            self._words.setGeometry(self.rect().adjusted(LABELS_PX, 0, 0, -30))
            self._place_rows()

    def _place_rows(self) -> None:
        count = max(1, self.rows)
        self.setYRange(0, count, padding=0)
        room = max(1, int(self.getViewBox().height()) // ROW_PX)
        every = max(1, -(-count // room))
        ticks = []
        for row in range(0, self.rows, every):
            number = self.first + row
            ticks.append(
                (row + 0.5, f"{self.names[number]} ×" if number in self.marked else self.names[number])
            )
        self.getPlotItem().getAxis("left").setTicks([ticks])
        self.refresh()


class _Picture(pg.GraphicsObject):
    """The traces of what is shown, as one indexed picture; as curves where they are exported."""

    def __init__(self, view: TraceView) -> None:
        super().__init__()
        self._view = view
        self._made: tuple[object, list[QImage]] | None = None

    def forget(self) -> None:
        self._made = None
        self.update()

    def boundingRect(self) -> QRectF:
        return QRectF(self.viewRect())

    def viewRangeChanged(self) -> None:
        self.prepareGeometryChange()
        self.forget()

    def paint(self, painter: QPainter, *_: object) -> None:
        shown = self.viewRect()
        if isinstance(painter.device(), QSvgGenerator):
            self._paint_curves(painter, shown)
            return
        box = painter.transform().mapRect(shown)
        ratio = painter.device().devicePixelRatioF()
        height, width = round(box.height() * ratio), round(box.width() * ratio)
        key = (shown.left(), shown.right(), height, width)
        if self._made is None or self._made[0] != key:
            self._made = (key, self._images(width, height, ratio))
        painter.save()
        painter.resetTransform()
        corner = QPointF(round(box.left()), round(box.top()))  # on whole pixels, unscaled
        for image in self._made[1]:
            painter.drawImage(corner, image)
        if self._made[1]:
            self._paint_scale(painter, box)
        painter.restore()

    def _paint_scale(self, painter: QPainter, box: QRectF) -> None:
        """At the right, how high a round voltage is; on a ground of its own, so that traces do not cross it."""
        value, high = scale_bar(self._view.row_uv, box.height() / max(1, self._view.rows))
        words = f"{value:g} {self._view.unit}"
        painter.setFont(theme.font(theme.HINT_PX))
        metrics = painter.fontMetrics()
        wide, line = metrics.horizontalAdvance(words), metrics.height()
        right, bottom = box.right() - BAR_INSET_PX, box.bottom() - BAR_INSET_PX
        tall = max(high, line)
        inset = QPointF(BAR_INSET_PX / 2, BAR_INSET_PX / 2)
        back = QRectF(right - wide - BAR_INSET_PX, bottom - tall, wide + BAR_INSET_PX, tall)
        painter.fillRect(QRectF(back.topLeft() - inset, back.bottomRight() + inset), theme.color("card"))
        painter.setPen(QPen(theme.color("text"), 2, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap))
        middle = back.center().y()
        painter.drawLine(QPointF(right, middle - high / 2), QPointF(right, middle + high / 2))
        words_box = QRectF(back.left(), middle - line / 2, wide, line)
        painter.drawText(words_box, Qt.AlignmentFlag.AlignCenter, words)

    def _images(self, width: int, height: int, ratio: float) -> list[QImage]:
        result = self._view.shown_columns()
        if result is None or width < 2 or height < 2:
            return []
        pale = np.array([self._view.first + row in self._view.marked for row in range(self._view.rows)])
        now = theme.current()
        images = []
        for chosen, color in ((~pale, now.text), (pale, now.muted)):
            if chosen.any():
                strength = coverage(
                    *result, np.flatnonzero(chosen), self._view.rows, self._view.row_uv, height
                )
                images.append(_inked(strength, QColor(color), 0.85 if color == now.text else 0.4, ratio))
        return images

    def _paint_curves(self, painter: QPainter, shown: QRectF) -> None:
        result = self._view.shown_columns()
        if result is None:
            return
        low, high = result
        x = np.repeat(np.linspace(shown.left(), shown.right(), len(low)), 2)
        for row in range(low.shape[1]):
            pen = QPen(theme.color("muted" if self._view.first + row in self._view.marked else "text"))
            pen.setCosmetic(True)
            painter.setPen(pen)
            y = np.empty(2 * len(low))
            y[0::2], y[1::2] = low[:, row], high[:, row]
            y = row + 0.5 - y / self._view.row_uv
            good = np.isfinite(y)
            painter.drawPolyline(QPolygonF([QPointF(a, b) for a, b in zip(x[good], y[good], strict=True)]))
        box = painter.transform().mapRect(shown)
        painter.save()
        painter.resetTransform()
        self._paint_scale(painter, box)
        painter.restore()


def coverage(
    low: np.ndarray, high: np.ndarray, rows: np.ndarray, count: int, row_uv: float, height: int
) -> np.ndarray:
    """uint8 [height, columns]: how much of each pixel the traces cover, 255 at most.

    low, high: [columns, channels], of which `rows` are drawn; row r lies in the r-th of `count` equal stripes from the top
    and is `row_uv` high. Edges are smooth: a line that ends within a pixel covers part of it.
    """
    columns = len(low)
    scale = height / count
    middles = (rows + 0.5) * scale
    # Rows further out than their neighbours' neighbours are cut: an artefact must not black out the picture.
    reach = 2.5 * scale
    half = min(0.6, 0.12 * scale)  # rows of a few pixels get thinner lines, or all would be black
    top = middles - np.clip(high[:, rows] / row_uv * scale, -reach, reach) - half
    bottom = middles - np.clip(low[:, rows] / row_uv * scale, -reach, reach) + half
    there = np.isfinite(top) & np.isfinite(bottom)
    top = np.where(there, np.clip(top, 0, height), 0.0)
    bottom = np.where(there, np.clip(bottom, 0, height), 0.0)
    # The running sum of these steps is, in each pixel, the length of what lies in it of all the lines.
    places, amounts = [], []
    column = np.arange(columns)[:, None]
    for edge, sign in ((top, 1.0), (bottom, -1.0)):
        whole = np.floor(edge)
        part = sign * (edge - whole)
        place = (whole.astype(np.int64) * columns + column).ravel()
        places += [place, place + columns]
        amounts += [(sign - part).ravel(), part.ravel()]
    steps = np.bincount(np.concatenate(places), np.concatenate(amounts), (height + 2) * columns)
    inked = steps.astype(np.float32).reshape(height + 2, columns)[:height]
    for row in range(1, height):  # a running sum down the columns; a third of the time of `cumsum`
        np.add(inked[row], inked[row - 1], out=inked[row])
    return (np.clip(inked, 0, 1, out=inked) * 255).astype(np.uint8)


def _inked(strength: np.ndarray, color: QColor, most: float, ratio: float) -> QImage:
    """A picture in one colour, as opaque as `strength` says; premultiplied, as Qt draws fastest."""
    alpha = np.round(most * np.arange(256)).astype(np.uint32)
    table = alpha << 24
    for part, shift in ((color.red(), 16), (color.green(), 8), (color.blue(), 0)):
        table |= (alpha * part // 255) << shift
    pixels = table[strength]
    height, width = strength.shape
    image = QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_ARGB32_Premultiplied).copy()
    image.setDevicePixelRatio(ratio)
    return image


def scale_bar(row_uv: float, row_px: float) -> tuple[float, float]:
    """(what a bar stands for, its height in pixels): 1, 2 or 5 times a power of ten, in a height that can be read off.

    A row of `row_px` pixels stands for `row_uv`.
    """
    least, most = BAR_PX
    wanted = row_uv * min(max(row_px, least), most) / row_px
    power = 10.0 ** np.floor(np.log10(max(wanted, 1e-9)))
    value = next(
        (float(power * step) for step in (1, 2, 5, 10) if power * step * row_px / row_uv >= least), wanted
    )
    return value, value * row_px / row_uv


def _rounded(value: float) -> float:
    """To 1, 2 or 5 times a power of ten."""
    power = 10.0 ** np.floor(np.log10(max(value, 1e-6)))
    return float(power * min((1, 2, 5, 10), key=lambda step: abs(step - value / power)))
