"""Gates or KL of many sequences, or of many epochs: a row each, a column a module."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QHelpEvent, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app import theme
from app.i18n import digits, tr
from app.tabs.reverberation.module_names import module_color, short_name
from app.widgets.described import Description
from app.widgets.palettes import diverging, greys, viridis
from app.widgets.pictures import Picture
from models.reverberation.wiring import Wiring, documented

TARGET = "target"
TARGET_WIDTH, HEAD, RIGHT = 26, 112, 74  # at the right, the scale of colours; the last heading leans over it
SCALE_PX, SCALE_GAP_PX, SCALE_STEPS = 10, 14, 64
TICK_PX = 3  # a module's colour, over its column
PAGE = 25
STEPS = {
    Qt.Key.Key_Down: 1,
    Qt.Key.Key_Up: -1,
    Qt.Key.Key_PageDown: PAGE,
    Qt.Key.Key_PageUp: -PAGE,
}
SEQUENCES, EPOCHS = "sequences", "epochs"


class HeatMap(Picture):
    """The target, where there is one, is a strip at the left. Arrows move, with Shift they select; ← and → go from
    heading to heading, Enter sorts by it; Esc selects nothing, which stands for all.

    chosen(rows): the selected rows, a list of their numbers. sorted_by(column): a heading was clicked, or Enter.
    """

    chosen = Signal(object)
    sorted_by = Signal(str)
    picture_name = "heat map"

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.empty_words = tr("Nothing was observed yet.")
        self._values = np.zeros((0, 1))
        self._columns: tuple[str, ...] = ("",)
        self._rows = SEQUENCES
        self._numbers = np.zeros(0, int)
        self._limits, self._signed, self._ends, self._what = (0.0, 1.0), False, ("0", "1"), ""
        self._wiring = documented()
        self._order = np.zeros(0, np.int64)
        self._targets: np.ndarray | None = None
        self._images: tuple[QImage, QImage] = (QImage(), QImage())
        self._drawn_for = -1  # rows of the screen that the images were made for
        self.selection: list[int] = []
        self._anchor = self._cursor = -1  # places from the top
        self.sort_column = ""
        self.column = ""  # the heading that the keyboard is at
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(tr("Gates of all sequences"))
        self._description = Description(self, self.in_words)
        theme.notifier.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(640, 460)

    def set_values(
        self,
        values: np.ndarray,
        columns: Sequence[str],
        limits: tuple[float, float] = (0.0, 1.0),
        ends: tuple[str, str] = ("0", "1"),
        signed: bool = False,
        targets: np.ndarray | None = None,
        rows: str = SEQUENCES,
        numbers: np.ndarray | None = None,
        what: str = "",
    ) -> None:
        """values: [n, columns]. limits: what the ends of the colours stand for, and `ends`, how that is written;
        signed: the colours diverge from white.
        numbers: what the rows are called, by default 1, 2, 3 … what: what the colours show, with its unit."""
        if rows != self._rows or len(values) != len(self._values):
            self.selection, self._anchor, self._cursor = [], -1, -1
        self._values, self._columns, self._limits, self._signed = values, tuple(columns), limits, signed
        self._targets, self._rows, self._ends, self._what = targets, rows, ends, what
        self._numbers = np.arange(1, len(values) + 1) if numbers is None else numbers
        self._arrange()

    def set_wiring(self, wiring: Wiring) -> None:
        """Modules have the colours of the processors they belong to."""
        self._wiring = wiring
        self.update()

    def say_empty(self, words: str) -> None:
        """What stands there while there is nothing to show."""
        self.empty_words = words
        self._description.changed()
        self.update()

    def sort(self, column: str) -> None:
        """By a module, by ``target``, or (empty) as they came."""
        self.sort_column = column
        self._arrange()

    def order(self) -> np.ndarray:
        """The rows from top to bottom."""
        return self._order

    def select(self, rows: Sequence[int]) -> None:
        """Mark rows without telling."""
        self.selection = list(rows)
        if len(self.selection) == 1:
            self._anchor = self._cursor = self._place(self.selection[0])
        self.update()

    def in_words(self) -> str:
        """How much there is, its extremes, and which column is lowest and highest on average."""
        if not len(self._values):
            return self.empty_words
        means = self._values.mean(axis=0)
        low, high = int(means.argmin()), int(means.argmax())
        return tr(
            "{rows} rows by {columns} columns, from {least} to {most}; on average lowest in {low}, {low_mean}, and highest in {high}, {high_mean}",
            rows=len(self._values),
            columns=len(self._columns),
            least=digits(self._values.min()),
            most=digits(self._values.max()),
            low=self._head(self._columns[low]),
            low_mean=digits(means[low]),
            high=self._head(self._columns[high]),
            high_mean=digits(means[high]),
        )

    def _arrange(self) -> None:
        self._description.changed()
        key = None
        if self.sort_column == TARGET and self._targets is not None:
            key = self._targets
        elif self.sort_column in self._columns and self._rows == SEQUENCES:
            key = self._values[:, self._columns.index(self.sort_column)]
        self._order = np.arange(len(self._values)) if key is None else np.argsort(key, kind="stable")
        self._drawn_for = -1
        self.update()

    # Drawing ----------------------------------------------------------------------------------------------

    def _boxes(self) -> tuple[QRectF, QRectF]:
        """(heat map, strip of targets)."""
        left = TARGET_WIDTH + 4 if self._targets is not None else 0
        height = self.height() - HEAD
        return QRectF(left, HEAD, self.width() - left - RIGHT, height), QRectF(0, HEAD, TARGET_WIDTH, height)

    def _make_images(self) -> None:
        """As many rows as the screen has at most, each the mean of what falls on it."""
        height = max(1, self.height() - HEAD)
        if self._drawn_for == height:
            return
        low, high = self._limits
        colors = diverging() if self._signed else viridis()
        shares = (binned(self._values[self._order], height) - low) / max(high - low, 1e-12)
        strip = QImage()
        if self._targets is not None and len(self._targets):
            first, last = float(self._targets.min()), float(self._targets.max())
            targets = (self._targets[self._order] - first) / max(last - first, 1e-12)
            strip = image(binned(targets[:, None], height), greys())
        self._images, self._drawn_for = (image(shares, colors), strip), height

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        self.paint(painter)
        painter.end()

    def paint(self, painter: QPainter) -> None:
        painter.fillRect(self.rect(), theme.color("card"))
        if not len(self._values):
            painter.setPen(theme.color("muted"))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self.empty_words)
            return
        self._make_images()
        box, strip = self._boxes()
        painter.drawImage(box, self._images[0])
        if not self._images[1].isNull():
            painter.drawImage(strip, self._images[1])
        self._paint_heads(painter, box, strip)
        self._paint_scale(painter, box)
        self._paint_selection(painter, box)
        if self.hasFocus():
            painter.setPen(QPen(theme.color("accent"), 1))
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))

    def _paint_heads(self, painter: QPainter, box: QRectF, strip: QRectF) -> None:
        width = box.width() / len(self._columns)
        flags = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        for number, name in enumerate((TARGET, *self._columns)):
            if number == 0 and self._images[1].isNull():
                continue
            middle = strip.center().x() if number == 0 else box.left() + (number - 0.5) * width
            if number:
                tick = QRectF(middle - width / 2 + 1, HEAD - TICK_PX - 1, width - 2, TICK_PX)
                painter.fillRect(tick, module_color(name, self._wiring))
            here = name == self.column and self.hasFocus()
            painter.save()
            painter.setFont(theme.font(theme.HINT_PX, bold=name == self.sort_column or here))
            painter.translate(middle, HEAD - 9)
            painter.rotate(-60)
            painter.setPen(theme.color("accent" if here or name == self.sort_column else "muted"))
            words = tr("target") if number == 0 else self._head(name)
            words = painter.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, HEAD + 6)
            painter.drawText(QRectF(0, -8, HEAD + 20, 16), flags, words)
            painter.restore()

    def _paint_scale(self, painter: QPainter, box: QRectF) -> None:
        """What the colours stand for, from the low end below to the high one above."""
        colors = diverging() if self._signed else viridis()
        shades = image(np.linspace(1, 0, SCALE_STEPS)[:, None], colors)
        bar = QRectF(box.right() + SCALE_GAP_PX, box.top(), SCALE_PX, box.height())
        painter.drawImage(bar, shades)
        painter.setFont(theme.font(theme.HINT_PX))
        painter.setPen(theme.color("muted"))
        low, high = self._ends
        words = QRectF(bar.right() + 4, bar.top(), self.width() - bar.right() - 4, bar.height())
        flag = Qt.AlignmentFlag
        painter.drawText(words, flag.AlignTop | flag.AlignLeft, high)
        painter.drawText(words, flag.AlignBottom | flag.AlignLeft, low)
        painter.save()
        painter.translate(bar.right() + 4, bar.center().y())
        painter.rotate(-90)
        half = bar.height() / 2
        painter.drawText(QRectF(-half, 0, 2 * half, 16), flag.AlignCenter, self._what)
        painter.restore()

    def _paint_selection(self, painter: QPainter, box: QRectF) -> None:
        height = box.height() / len(self._values)
        marked = np.zeros(len(self._values) + 2, bool)
        marked[[self._place(row) + 1 for row in self.selection if row < len(self._values)]] = True
        edges = np.flatnonzero(np.diff(marked.astype(np.int8)))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for first, last in edges.reshape(-1, 2):
            at = QRectF(1, box.top() + first * height, box.right() - 1, max(2.0, (last - first) * height))
            painter.setPen(QPen(theme.color("card"), 4))
            painter.drawRect(at)
            painter.setPen(QPen(theme.color("text"), 2))
            painter.drawRect(at)

    def _head(self, column: str) -> str:
        role, _, number = column.partition(".")
        return f"{short_name(role)} {number}".strip()

    def figures(self) -> tuple[Sequence[str], Iterable[Sequence[object]]] | None:
        """Every row as it stands, from the top."""
        if not len(self._values):
            return None
        targets = [] if self._targets is None else [TARGET]
        rows = [
            [
                int(self._numbers[row]),
                *([] if self._targets is None else [self._targets[row]]),
                *self._values[row].tolist(),
            ]
            for row in self._order
        ]
        return ["epoch" if self._rows == EPOCHS else "sequence", *targets, *self._columns], rows

    # Hands ------------------------------------------------------------------------------------------------

    def _place(self, row: int) -> int:
        """How far from the top a row stands."""
        result = np.flatnonzero(self._order == row)
        return int(result[0]) if len(result) else -1

    def mousePressEvent(self, event: QMouseEvent) -> None:
        box, _ = self._boxes()
        if not len(self._values) or event.button() != Qt.MouseButton.LeftButton:
            return
        if event.position().y() < HEAD:
            number = int((event.position().x() - box.left()) / max(1.0, box.width() / len(self._columns)))
            inside = event.position().x() >= box.left() and 0 <= number < len(self._columns)
            self.sorted_by.emit(self._columns[number] if inside else TARGET)
            return
        place = self._place_at(event.position().y())
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            row = int(self._order[place])
            kept = [item for item in self.selection if item != row]
            self._tell(kept if len(kept) < len(self.selection) else [*kept, row])
            self._anchor = self._cursor = place
        else:
            self._go(place, extend=bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton and self._anchor >= 0 and event.position().y() >= HEAD:
            self._go(self._place_at(event.position().y()), extend=True)

    def _place_at(self, y: float) -> int:
        box, _ = self._boxes()
        place = int((y - box.top()) / max(box.height(), 1.0) * len(self._values))
        return min(max(place, 0), len(self._values) - 1)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        count = len(self._values)
        key = Qt.Key(event.key())
        steps = {**STEPS, Qt.Key.Key_Home: -count, Qt.Key.Key_End: count}
        heads = ([TARGET] if self._targets is not None else []) + list(self._columns)
        if key in steps and count:
            self._go(self._cursor + steps[key], bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))
        elif key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            step = 1 if key == Qt.Key.Key_Right else -1
            at = heads.index(self.column) + step if self.column in heads else 0
            self.column = heads[at % len(heads)]
            self.update()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.column in heads:
            self.sorted_by.emit(self.column)
        elif key == Qt.Key.Key_Escape and self.selection:
            self._tell([])
        else:
            super().keyPressEvent(event)

    def _go(self, place: int, extend: bool) -> None:
        place = min(max(place, 0), len(self._order) - 1)
        if place == self._cursor and extend:
            return
        self._cursor = place
        if not extend or self._anchor < 0:
            self._anchor = place
        low, high = sorted((self._anchor, place))
        self._tell([int(row) for row in self._order[low : high + 1]])

    def _tell(self, rows: list[int]) -> None:
        self.selection = rows
        self.chosen.emit(rows)
        self.update()

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            words = self._words_at(event.pos().x(), event.pos().y())
            if words:
                QToolTip.showText(event.globalPos(), words, self)
            else:
                QToolTip.hideText()
            return True
        return super().event(event)

    def _words_at(self, x: float, y: float) -> str:
        box, _ = self._boxes()
        if not len(self._values) or not box.contains(x, y):
            return ""
        row = int(self._order[self._place_at(y)])
        column = min(int((x - box.left()) / box.width() * len(self._columns)), len(self._columns) - 1)
        number = int(self._numbers[row])
        head = tr("epoch {n}", n=number) if self._rows == EPOCHS else tr("sequence {n}", n=number)
        value = digits(self._values[row, column])
        lines = [head, f"{self._head(self._columns[column])}: {value}"]
        if self._targets is not None:
            lines.append(f"{tr('target')}: {digits(self._targets[row], '.4g')}")
        return "\n".join(lines)


def binned(values: np.ndarray, most: int) -> np.ndarray:
    """[n, columns] → at most `most` rows, each the mean of its share."""
    if len(values) <= most:
        return values
    starts = np.linspace(0, len(values), most + 1).astype(int)[:-1]
    counts = np.diff(np.append(starts, len(values)))[:, None]
    result: np.ndarray = np.add.reduceat(values, starts, axis=0) / counts
    return result


def image(shares: np.ndarray, colors: np.ndarray) -> QImage:
    """[rows, columns] in 0…1 as a picture with a pixel a value."""
    index = np.clip(np.nan_to_num(shares) * 255, 0, 255).astype(np.uint8)
    pixels = np.ascontiguousarray(colors[index])
    rows, columns = index.shape
    return QImage(pixels.tobytes(), columns, rows, 4 * columns, QImage.Format.Format_RGBA8888).copy()
