"""Many channels over one time axis, each in its own row, drawn as one picture: a frame costs the same at any zoom."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QWheelEvent,
)
from PySide6.QtWidgets import QLabel, QWidget

from app import theme
from app.i18n import tr
from app.widgets.plot import Plot, figure
from app.widgets.trace_picture import TracePicture

LABELS_PX = 58
Columns = Callable[[float, float, int], tuple[np.ndarray, np.ndarray]]  # left_s, right_s, columns → low, high
LEAST_S = 0.05
ROW_PX = 12  # least height of a row whose name is written
LEAST_ROWS = 4


class TraceView(Plot):
    """`set_source` says where the values come from; `refresh` draws anew what has changed behind it.

    range_changed(left_s, right_s): another stretch is shown. channel_clicked(number): its name was clicked.
    """

    range_changed = Signal(float, float)
    channel_clicked = Signal(int)
    scaled_rows = Signal()  # the height of rows stands for something else
    rows_moved = Signal()  # other channels are shown
    resized = Signal()  # there is room for more channels, or for fewer

    def __init__(self, name: str, unit: str = "µV", parent: QWidget | None = None) -> None:
        super().__init__(name, tr("time"), "s", " ", "", grid=False, background="card", parent=parent)
        self.setMinimumHeight(90)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.names: tuple[str, ...] = ()
        self.marked: frozenset[int] = frozenset()  # drawn pale: bad channels
        self.unit = unit
        self.duration_s = 0.0
        self.row_uv = 100.0  # height of a row
        self.first, self.rows = 0, 0  # channels that are shown
        self._columns: Columns | None = None
        self._item = TracePicture(self)
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

    def in_words(self) -> str:
        """Which channels and what stretch are seen, and what the keys do."""
        keys = tr(
            "Arrow keys move in time and through the channels, + and − zoom, Ctrl with + or − changes the height"
        )
        shown = self.names[self.first : self.first + self.rows]
        if not shown:
            return self._words.text()
        left, right = self.shown_range()
        said = tr(
            "{n} channels of {all}, {first} to {last}, from {left} to {right} of {duration}, a row is {height}",
            n=len(shown),
            all=len(self.names),
            first=shown[0],
            last=shown[-1],
            left=figure(left, "s"),
            right=figure(right, "s"),
            duration=figure(self.duration_s, "s"),
            height=figure(self.row_uv, self.unit),
        )
        bad = ", ".join(self.names[number] for number in sorted(self.marked) if number < len(self.names))
        return ". ".join(filter(None, (said, tr("bad: {names}", names=bad) if bad else "", keys)))

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
        """No recording is open: the words of `set_empty_words` stand there."""
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
        """Draw anew what has changed behind the view."""
        if "_item" in self.__dict__:
            self._item.forget()
            self.description.changed()

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
        """The stretch on screen, seconds from the beginning."""
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
            self.resized.emit()

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


def _rounded(value: float) -> float:
    """To 1, 2 or 5 times a power of ten."""
    power = 10.0 ** np.floor(np.log10(max(value, 1e-6)))
    return float(power * min((1, 2, 5, 10), key=lambda step: abs(step - value / power)))
