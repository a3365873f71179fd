"""Gates of many sequences: as a heat map of sequences × roles, and as small histograms, one a role."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QHelpEvent, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app import theme
from app.i18n import tr
from models.reverberation.wiring import ROLE_NAMES

TARGET_WIDTH, HEAD, RIGHT = 26, 92, 26  # the last heading leans over the right edge
BINS = 24


class HeatMap(QWidget):
    """Rows are sequences, columns roles; the target, where there is one, is a strip at the left.

    chosen(n): a sequence was clicked, or reached by the arrow keys. sorted_by(role): a heading was clicked.
    """

    chosen = Signal(int)
    sorted_by = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._values = np.zeros((0, len(ROLE_NAMES)))
        self._order = np.zeros(0, np.int64)
        self._targets: np.ndarray | None = None
        self._image = QImage()
        self._strip = QImage()
        self.selected = -1
        self.sort_column = ""
        self._difference = False
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(tr("Gates of all sequences"))
        theme.notifier.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(640, 460)

    def set_values(self, values: np.ndarray, targets: np.ndarray | None, difference: bool = False) -> None:
        """values: [n, 19] in 0…1, or in −1…1 where they are a `difference`."""
        self._values, self._targets, self._difference = values, targets, difference
        self._arrange()

    def sort(self, column: str) -> None:
        """By a role's gate, by ``target``, or (empty) as they came."""
        self.sort_column = column
        self._arrange()

    def order(self) -> np.ndarray:
        """The sequences from top to bottom."""
        return self._order

    def _arrange(self) -> None:
        key = None
        if self.sort_column == "target" and self._targets is not None:
            key = self._targets
        elif self.sort_column in ROLE_NAMES:
            key = self._values[:, ROLE_NAMES.index(self.sort_column)]
        self._order = np.arange(len(self._values)) if key is None else np.argsort(key, kind="stable")
        colors = _diverging() if self._difference else _viridis()
        shares = (self._values[self._order] + 1) / 2 if self._difference else self._values[self._order]
        self._image = _image(shares, colors)
        self._strip = QImage()
        if self._targets is not None and len(self._targets):
            low, high = float(self._targets.min()), float(self._targets.max())
            self._strip = _image(
                ((self._targets[self._order] - low) / max(high - low, 1e-12))[:, None], _greys()
            )
        self.update()

    def _boxes(self) -> tuple[QRectF, QRectF]:
        """(heat map, strip of targets)."""
        left = TARGET_WIDTH + 4 if self._targets is not None else 0
        height = self.height() - HEAD
        return QRectF(left, HEAD, self.width() - left - RIGHT, height), QRectF(0, HEAD, TARGET_WIDTH, height)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("card"))
        if not len(self._values):
            return
        box, strip = self._boxes()
        painter.drawImage(box, self._image)
        if not self._strip.isNull():
            painter.drawImage(strip, self._strip)
        painter.setFont(theme.font(theme.HINT_PX))
        width = box.width() / len(ROLE_NAMES)
        for number, name in enumerate(("target", *ROLE_NAMES)):
            x = strip.center().x() if number == 0 else box.left() + (number - 0.5) * width
            if number == 0 and self._strip.isNull():
                continue
            painter.save()
            painter.translate(x, HEAD - 6)
            painter.rotate(-60)
            painter.setPen(theme.color("accent" if name == self.sort_column else "muted"))
            words = tr("target") if number == 0 else name
            painter.drawText(
                QRectF(0, -8, 120, 16), Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, words
            )
            painter.restore()
        if 0 <= self.selected < len(self._values):
            row = int(np.flatnonzero(self._order == self.selected)[0])
            height = max(2.0, box.height() / len(self._values))
            painter.setPen(QPen(theme.color("text"), 1.5))
            painter.drawRect(
                QRectF(0, box.top() + row * box.height() / len(self._values), self.width() - 1, height)
            )

    def mousePressEvent(self, event: QMouseEvent) -> None:
        box, _ = self._boxes()
        if not len(self._values):
            return
        at = event.position()
        if at.y() < HEAD:
            column = int((at.x() - box.left()) / max(1.0, box.width() / len(ROLE_NAMES)))
            inside = at.x() >= box.left() and 0 <= column < len(ROLE_NAMES)
            self.sorted_by.emit(ROLE_NAMES[column] if inside else "target")
            return
        self._choose_row(int((at.y() - box.top()) / box.height() * len(self._values)))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: 25, Qt.Key.Key_PageUp: -25}
        if event.key() in steps and len(self._values):
            found = np.flatnonzero(self._order == self.selected)
            self._choose_row((int(found[0]) if len(found) else -1) + steps[Qt.Key(event.key())])
        else:
            super().keyPressEvent(event)

    def _choose_row(self, row: int) -> None:
        self.selected = int(self._order[min(max(row, 0), len(self._order) - 1)])
        self.chosen.emit(self.selected)
        self.update()


class GateHistograms(QWidget):
    """Small multiples: how each role's gate is spread over the sequences. Filled: pass 1; outlined: pass 2."""

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._counts: np.ndarray | None = None  # [2, 19, BINS]
        self._means: np.ndarray | None = None
        self.selected = ""
        self.setMinimumHeight(84)
        self.setMaximumHeight(110)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(tr("Distribution of every gate"))
        theme.notifier.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(640, 96)

    def set_gates(self, gates: np.ndarray | None) -> None:
        """[38, n]."""
        if gates is None:
            self._counts = self._means = None
        else:
            edges = np.linspace(0, 1, BINS + 1)
            counts = np.stack([np.histogram(one, edges)[0] for one in gates]).astype(float)
            self._counts = (counts / np.maximum(counts.max(axis=1, keepdims=True), 1)).reshape(
                2, len(ROLE_NAMES), BINS
            )
            self._means = gates.mean(axis=1).reshape(2, -1)
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        number = int(event.position().x() / self.width() * len(ROLE_NAMES))
        self.chosen.emit(ROLE_NAMES[min(max(number, 0), len(ROLE_NAMES) - 1)])

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and self._means is not None:
            number = min(int(event.pos().x() / self.width() * len(ROLE_NAMES)), len(ROLE_NAMES) - 1)
            means = self._means[:, number]
            words = tr("gates {first}, {second}", first=f"{means[0]:.3f}", second=f"{means[1]:.3f}")
            QToolTip.showText(event.globalPos(), f"{ROLE_NAMES[number]}\n{words}", self)
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("card"))
        painter.setFont(theme.font(theme.HINT_PX))
        names = painter.fontMetrics().height() + 2
        width, height = self.width() / len(ROLE_NAMES), self.height() - names - 6
        for number, name in enumerate(ROLE_NAMES):
            left = number * width + 2
            painter.setPen(QPen(theme.color("line")))
            painter.drawLine(round(left), round(4 + height), round(left + width - 4), round(4 + height))
            if self._counts is not None:
                bar = (width - 4) / BINS
                fill, ink = theme.color("accent"), theme.color("text")
                fill.setAlphaF(0.55)
                points = []
                for place in range(BINS):
                    first, second = self._counts[0, number, place], self._counts[1, number, place]
                    top = 4 + height * (1 - first)
                    painter.fillRect(QRectF(left + place * bar, top, bar, height * first), fill)
                    y = 4 + height * (1 - second)
                    points += [(left + place * bar, y), (left + (place + 1) * bar, y)]
                painter.setPen(QPen(ink, 1))
                for (x0, y0), (x1, y1) in pairwise(points):
                    painter.drawLine(round(x0), round(y0), round(x1), round(y1))
            painter.setPen(theme.color("accent" if name == self.selected else "muted"))
            box = QRectF(left - 2, self.height() - names, width, names)
            words = painter.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, round(width) - 2)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, words)


def _image(shares: np.ndarray, colors: np.ndarray) -> QImage:
    """[rows, columns] in 0…1 as a picture with a pixel a value."""
    index = np.clip(np.nan_to_num(shares) * 255, 0, 255).astype(np.uint8)
    pixels = np.ascontiguousarray(colors[index])
    rows, columns = index.shape
    return QImage(pixels.tobytes(), columns, rows, 4 * columns, QImage.Format.Format_RGBA8888).copy()


def _viridis() -> np.ndarray:
    table = pg.colormap.get("viridis").getLookupTable(nPts=256, alpha=True)
    return np.asarray(table, np.uint8)


def _between(colors: list[str]) -> np.ndarray:
    stops = np.array(
        [[QColor(one).red(), QColor(one).green(), QColor(one).blue(), 255] for one in colors], float
    )
    places = np.linspace(0, len(colors) - 1, 256)
    return np.stack(
        [np.interp(places, np.arange(len(colors)), stops[:, i]) for i in range(4)], axis=1
    ).astype(np.uint8)


def _diverging() -> np.ndarray:
    return _between(["#0072B2", "#FFFFFF", "#E69F00"])


def _greys() -> np.ndarray:
    return _between(["#F5F6F8", "#1C2126"])
