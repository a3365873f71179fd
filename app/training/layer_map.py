"""Layers down, steps across: gradient, movement or dead units of each layer as colour."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, QSize
from PySide6.QtGui import QImage, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QWidget

from app import theme
from app.i18n import tr
from app.widgets.plot import Plot, figure
from models.training.record import Flow

LABELS_PX = 150
ROW_PX = 13  # least height of a row that gets its name written
# What is shown → its limits; the first two are drawn on a logarithmic scale.
LIMITS = {"ratio": (1e-3, 10.0), "moved": (1e-3, 1.0), "dead": (0.0, 1.0)}


class LayerMap(Plot):
    """The heat map of one `Flow`. The first layer is at the top; the read-out names the one under the mouse."""

    def __init__(self) -> None:
        super().__init__(
            tr("Layers and steps"), tr("step"), "", " ", "", grid=False, zoom=True, background="page"
        )
        self._flow = Flow()
        self._what = "ratio"
        self._values = np.zeros((0, 0))
        self._row: int | None = None
        self.image = pg.ImageItem(autoDownsample=False)
        self.image.setColorMap(pg.colormap.get("viridis"))
        self.addItem(self.image)
        self.getViewBox().invertY(True)
        axis = self.getPlotItem().getAxis("left")
        axis.setWidth(LABELS_PX)
        axis.setStyle(tickLength=0, hideOverlappingLabels=False)

    def show_flow(self, flow: Flow, what: str) -> None:
        """what: ``ratio`` (gradient over the output layer's), ``moved`` or ``dead``."""
        self._flow, self._what = flow, what
        self._values = flow.table(what)
        self.description.changed()
        shown = scaled(self._values, what)
        self.image.setImage((255 * shown).astype(np.uint8), autoLevels=False, levels=(0, 255))
        steps = np.array(flow.steps or [0], dtype=float)
        width = max(1.0, float(steps[-1] - steps[0])) * len(steps) / max(1, len(steps) - 1)
        self.image.setRect(QRectF(float(steps[0]), 0, width, max(1, len(flow.layers))))
        self.set_home((float(steps[0]), float(steps[0]) + width), (0.0, float(max(1, len(flow.layers)))))
        self._name_rows()

    def in_words(self) -> str:
        """How many layers and steps there are, and where the figure is highest."""
        if not self._values.size:
            return ""
        at, row = np.unravel_index(int(np.nanargmax(np.nan_to_num(self._values))), self._values.shape)
        size = tr(
            "{layers} layers, {steps} steps", layers=len(self._flow.layers), steps=len(self._flow.steps)
        )
        return size + "; " + tr("highest: {words}", words=self._cell_words(int(at), int(row)))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if "_flow" in self.__dict__:
            self._name_rows()

    def _name_rows(self) -> None:
        """As many names as have room; the rest are read under the mouse."""
        layers = self._flow.layers
        room = max(1, int(self.getViewBox().height()) // ROW_PX)
        every = max(1, -(-len(layers) // room))
        ticks = [(i + 0.5, short_name(layers[i])) for i in range(0, len(layers), every)]
        self.getPlotItem().getAxis("left").setTicks([ticks])

    def _mouse_at(self, place: QPointF) -> None:
        box = self.getViewBox()
        row = int(np.floor(box.mapSceneToView(place).y()))
        self._row = row if 0 <= row < len(self._flow.layers) else None
        super()._mouse_at(place)

    def read_at(self, x: float) -> str:
        """``encoder.3 · step 400 · 0.82 % of the output layer``."""
        if self._row is None or not self._flow.steps:
            return ""
        return self._cell_words(
            max(0, int(np.searchsorted(self._flow.steps, x, side="right")) - 1), self._row
        )

    def _cell_words(self, at: int, row: int) -> str:
        value = float(self._values[at, row])
        words = {
            "ratio": tr("{share} % of the output layer's gradient", share=figure(100 * value)),
            "moved": tr("moved by {share} % of its size", share=figure(100 * value)),
            "dead": tr("{share} % dead units", share=figure(100 * value)),
        }[self._what]
        return f"{self._flow.layers[row] or tr('network')} · {tr('step')} {self._flow.steps[at]} · {words}"


class ColorScale(QWidget):
    """The colours of the map with their figures at both ends."""

    def __init__(self) -> None:
        super().__init__()
        self._what = "ratio"
        self.setFixedSize(200, 16)
        self.setAccessibleName(tr("Colour scale"))
        theme.notifier.changed.connect(self.update)

    def show_what(self, what: str) -> None:
        """Label the scale for another quantity."""
        self._what = what
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(200, 16)

    def paintEvent(self, event: QPaintEvent) -> None:
        low, high = (f"{100 * limit:g} %" for limit in LIMITS[self._what])
        painter = QPainter(self)
        painter.setFont(theme.font(theme.HINT_PX))
        painter.setPen(theme.color("muted"))
        metrics = painter.fontMetrics()
        left, right = metrics.horizontalAdvance(low) + 5, metrics.horizontalAdvance(high) + 5
        base = (self.height() + metrics.ascent() - metrics.descent()) // 2
        painter.drawText(0, base, low)
        painter.drawText(self.width() - right + 5, base, high)
        table = pg.colormap.get("viridis").getLookupTable(nPts=64, alpha=True)
        strip = QImage(
            np.ascontiguousarray(table[None], dtype=np.uint8).data, 64, 1, QImage.Format.Format_RGBA8888
        )
        painter.drawImage(QRectF(left, 4, self.width() - left - right, 8), strip.copy())
        painter.end()


def scaled(values: np.ndarray, what: str) -> np.ndarray:
    """0 … 1 within the limits; logarithmic but for shares of dead units. What is not finite counts as the top."""
    low, high = LIMITS[what]
    clean = np.nan_to_num(values, nan=high, posinf=high)
    if what != "dead":
        clean = np.log10(np.maximum(clean, low))
        low, high = float(np.log10(low)), float(np.log10(high))
    shares: np.ndarray = np.clip((clean - low) / (high - low), 0.0, 1.0)
    return shares


def short_name(name: str) -> str:
    """The end of a long name, which tells more than its beginning."""
    name = name or tr("network")
    return name if len(name) <= 22 else "…" + name[-21:]
