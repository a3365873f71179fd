"""The spectrogram: 0–8 kHz over the same time as the waveform. Live, only what is new is computed."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtWidgets import QWidget

from app import theme
from app.i18n import digits, tr
from app.widgets.level_scale import LevelScale
from app.widgets.plot import Plot

WINDOW = 400  # samples at 16 kHz: 25 ms
HOP = 160  # 10 ms
BINS = 128
FLOOR_DB, RANGE_DB = -75.0, 70.0  # dB of full scale that is black, and from there to yellow
MOST_COLUMNS = 3000
MARKS = (1.0, 0.5)  # of the height: where a frequency is written
VISIBLE_COLUMNS = 1200  # of a long file, computed for what is on screen
MOST_AT_ONCE = 600  # columns transformed in one call, to bound memory


class Spectrogram(Plot):
    """Level in dB as colour (viridis), frequency upwards."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(
            tr("Spectrogram"), tr("time"), "s", "", "kHz", grid=False, readout=False, parent=parent
        )
        self.setMinimumHeight(68)
        self.getPlotItem().getAxis("left").setWidth(0)
        self.getPlotItem().hideAxis("left")
        self._image = pg.ImageItem(axisOrder="col-major")
        self._image.setLookupTable(pg.colormap.get("viridis").getLookupTable(nPts=256))
        self.addItem(self._image, ignoreBounds=True)
        self._head = pg.InfiniteLine(angle=90, pen=pg.mkPen(theme.ON_MAP, width=1))
        self._head.hide()
        self.addItem(self._head, ignoreBounds=True)
        self._columns = np.zeros((0, BINS), np.uint8)
        self._drawn_to = 0  # sample up to which live columns are computed
        self._seconds = 0.0
        self._top_khz = 0.0
        # A file too long to hold all its columns, and its rate:
        self._file: tuple[np.ndarray, int] | None = None
        # Frequencies are written into the picture: an axis beside it would push it out of line with the waveform.
        self._marks = [pg.TextItem(color=theme.ON_MAP, fill=(0, 0, 0, 110)) for _ in MARKS]
        for mark in self._marks:
            mark.setParentItem(self.getViewBox())
            mark.setFont(theme.font(theme.HINT_PX))
            mark.hide()
        self._scale = LevelScale(FLOOR_DB, FLOOR_DB + RANGE_DB, self)
        self._scale.hide()
        self.getViewBox().sigResized.connect(self._place_marks)
        self.getViewBox().sigXRangeChanged.connect(self._range_changed)
        self.show_nothing()

    def set_live(self, samples: np.ndarray, end_index: int, rate: int) -> None:
        """Show the newest five seconds: float32 [n], the last of which is the `end_index`-th that was ever heard."""
        seconds = 5.0
        wanted = round(seconds * rate / HOP)
        if self._seconds != seconds or len(self._columns) != wanted or end_index < self._drawn_to:
            self._columns = np.zeros((wanted, BINS), np.uint8)
            self._drawn_to = max(0, end_index - len(samples)) // HOP * HOP
            self._seconds, self._file = seconds, None
            self._image.setImage(self._columns, autoLevels=False, levels=(0, 255))
            self._image.setRect(pg.QtCore.QRectF(-seconds, 0, seconds, rate / 2000))
            self.setXRange(-seconds, 0, padding=0)
            self.setYRange(0, rate / 2000, padding=0)
            self._show_marks(rate / 2000)
        first_heard = end_index - len(samples)
        start = max(self._drawn_to, -(-first_heard // HOP) * HOP)
        count = (end_index - start - WINDOW) // HOP + 1
        if count < 1:
            return
        new = columns_of(samples[start - first_heard :], count)
        self._drawn_to = start + count * HOP
        new = new[-wanted:]
        self._columns = np.concatenate([self._columns[len(new) :], new])
        self._image.setImage(self._columns, autoLevels=False, levels=(0, 255))
        self.description.changed()

    def in_words(self) -> str:
        """How much time and what frequencies are seen, and where the most of the sound is."""
        columns = self._image.image
        if columns is None or not len(columns):
            return ""
        levels = columns.mean(axis=0)
        if not levels.any():
            return tr("silence")
        return tr(
            "{seconds} s, 0 to {top} kHz, strongest at {frequency} kHz",
            seconds=digits(self._image.mapRectToParent(self._image.boundingRect()).width(), ".1f"),
            top=f"{self._top_khz:g}",
            frequency=digits((int(levels.argmax()) + 0.5) / BINS * self._top_khz, ".1f"),
        )

    def set_file(self, samples: np.ndarray, rate: int) -> None:
        """Show a whole sound, float32 [n]; of a long one, evenly spread columns, more of them where it is zoomed."""
        duration_s = max(len(samples) / rate, 1e-3)
        padded = np.pad(samples, (0, max(0, WINDOW - len(samples))))
        frames = 1 + (len(padded) - WINDOW) // HOP
        step = HOP * max(1, -(-frames // MOST_COLUMNS))
        count = 1 + (len(padded) - WINDOW) // step
        self._seconds = 0.0
        self._file = None
        self._image.setImage(columns_of(padded, count, step), autoLevels=False, levels=(0, 255))
        self._image.setRect(pg.QtCore.QRectF(0, 0, duration_s, rate / 2000))
        self.getViewBox().setLimits(xMin=0, xMax=duration_s)
        self.set_home((0.0, duration_s), (0.0, rate / 2000))
        self._file = (samples, rate) if step > HOP else None
        self._show_marks(rate / 2000)
        self.description.changed()

    def _place_marks(self, *_: object) -> None:
        height = self.getViewBox().height()
        box = self.getViewBox().sceneBoundingRect()
        self._scale.place(box.right() - 2, box.top() + 2)
        for mark, share in zip(self._marks, MARKS, strict=True):
            mark.setPos(2, (1 - share) * height - (0 if share == 1 else 9))

    def _show_marks(self, top_khz: float) -> None:
        self._top_khz = top_khz
        for mark, share in zip(self._marks, MARKS, strict=True):
            mark.setText(f"{top_khz * share:g} kHz")
            mark.show()
        self._scale.show()
        self._place_marks()

    def _range_changed(self, *_: object) -> None:
        """Of a long file, columns of what is on screen."""
        if self._file is None:
            return
        samples, rate = self._file
        left, right = self.getViewBox().viewRange()[0]
        first = min(max(0, round(left * rate)), len(samples) - WINDOW)
        last = min(len(samples), round(right * rate) + WINDOW)
        step = HOP * max(1, round((last - first) / HOP / VISIBLE_COLUMNS))
        first = first // step * step  # the same columns while it is moved
        count = max(1, 1 + (last - first - WINDOW) // step)
        self._image.setImage(columns_of(samples[first:], count, step), autoLevels=False, levels=(0, 255))
        self._image.setRect(pg.QtCore.QRectF(first / rate, 0, count * step / rate, rate / 2000))

    def set_playhead(self, place_s: float | None) -> None:
        """Draw the play head at that second; None takes it away."""
        self._head.setVisible(place_s is not None)
        if place_s is not None:
            self._head.setPos(place_s)

    def show_nothing(self) -> None:
        """Nothing to show; the room stays."""
        self._seconds = 0.0
        self._file = None
        self._drawn_to = 0
        self._image.clear()
        self.description.changed()
        self._head.hide()
        for mark in self._marks:
            mark.hide()
        self._scale.hide()
        self.getViewBox().setLimits(xMin=None, xMax=None)
        self.setXRange(-5, 0, padding=0)
        self.setYRange(0, 8, padding=0)


_hann = np.hanning(WINDOW).astype(np.float32)
_gain = 2.0 / float(_hann.sum())


def columns_of(samples: np.ndarray, count: int, hop: int = HOP) -> np.ndarray:
    """`count` columns, uint8 [count, 128], low frequencies first; column i is of samples[i · hop :][:400]."""
    made = np.empty((count, BINS), np.uint8)
    for first in range(0, count, MOST_AT_ONCE):
        number = min(MOST_AT_ONCE, count - first)
        piece = samples[first * hop : (first + number - 1) * hop + WINDOW]
        frames = np.lib.stride_tricks.sliding_window_view(piece, WINDOW)[::hop][:number] * _hann
        magnitude = (
            np.abs(np.fft.rfft(frames, 2 * BINS * 2, axis=1))[:, : 2 * BINS].astype(np.float32) * _gain
        )
        power = np.square(magnitude).reshape(number, BINS, 2).max(axis=2)
        level_db = 10 * np.log10(power + 1e-12)
        made[first : first + number] = np.clip((level_db - FLOOR_DB) * (255 / RANGE_DB), 0, 255)
    return made
