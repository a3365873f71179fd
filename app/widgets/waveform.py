"""The waveform: the last seconds of a microphone, or a whole file with play head and attention."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QWidget

from app import theme
from app.audio.attended import shares
from app.i18n import digits, tr
from app.widgets.decimate import envelope, minmax
from app.widgets.described import level_words
from app.widgets.plot import Plot

COLUMNS = 1200
TINT_Z, BAND_Z = -30, -20  # behind the curve
MOST_BANDS = 400
BLOCK = 256  # samples of a file that the coarse outline holds as one pair


class Waveform(Plot):
    """Amplitude over time, full scale ±1 unless the sound is quieter: then the axis is, too."""

    def __init__(self, parent: QWidget | None = None, axis: bool = True) -> None:
        """`axis`: whether the time axis is drawn; not where a spectrogram below has it."""
        super().__init__(
            tr("Waveform"),
            tr("time") if axis else "",
            "s" if axis else "",
            "",
            "",
            grid=False,
            readout=False,
            parent=parent,
        )
        self.setMinimumHeight(44)
        self.getPlotItem().getAxis("left").setWidth(0)
        self._window_s = 0.0
        self._samples: np.ndarray | None = None
        self._coarse = (np.zeros(0), np.zeros(0))  # lowest and highest of every BLOCK samples
        self._rate = 16_000
        self._scale = 0.1
        self._peak = 0.0  # of what is shown live
        self._attended_s: float | None = None  # where attention is highest
        self._seen: tuple[float, float] | None = None
        self._band = pg.ImageItem(axisOrder="row-major")
        self._band.setZValue(BAND_Z)
        self.addItem(self._band, ignoreBounds=True)
        self._tint = pg.LinearRegionItem(movable=False, pen=pg.mkPen(None))
        self._tint.setZValue(TINT_Z)
        self._tint.hide()
        self.addItem(self._tint, ignoreBounds=True)
        self._curve = pg.PlotDataItem(connect="all", antialias=False, skipFiniteCheck=True)
        self.addItem(self._curve, ignoreBounds=True)
        self._head = pg.InfiniteLine(angle=90)
        self._head.hide()
        self.addItem(self._head, ignoreBounds=True)
        self.on_retheme.append(self._colour)
        self.getViewBox().sigXRangeChanged.connect(self._range_changed)
        self._colour()
        self.show_nothing()

    def set_window_s(self, seconds: float) -> None:
        """Live: tint the newest `seconds`, which are what is classified."""
        self._window_s = seconds
        self._tint.setRegion((-seconds, 0))

    def set_live(
        self, samples: np.ndarray, rate: int, seconds: float = 5.0, end_index: int | None = None
    ) -> None:
        """Show the newest `seconds` of sound, now at the right: float32 [n].

        end_index: how many samples there ever were; with it a column always holds the same samples while it moves, so
        that the outline does not shimmer.
        """
        size = max(1, round(seconds * rate / COLUMNS))
        newest = (end_index or 0) % size  # samples of the column that is not yet full
        whole = (min(len(samples), round(seconds * rate)) - newest) // size
        low, high = envelope(
            samples[len(samples) - newest - whole * size : len(samples) - newest], max(0, whole)
        )
        peak = float(max(-low.min(), high.max())) if len(low) else 0.0
        # The axis grows at once and shrinks slowly, so that it does not breathe with every word.
        self._scale = max(peak * 1.1, 0.97 * self._scale, 0.02)
        y = np.empty(2 * len(low))
        y[0::2], y[1::2] = low, high
        x = (np.repeat(np.arange(len(low)) - len(low), 2) * size - newest) / rate
        self._samples, self._peak = None, peak
        self.description.changed()
        self._curve.setData(x, y)
        if self._seen != (seconds, self._scale):
            self._seen = (seconds, self._scale)
            self.setXRange(-seconds, 0, padding=0)
            self.setYRange(-self._scale, self._scale, padding=0)
            self._tint.setRegion((-self._window_s, 0))
        self._tint.setVisible(bool(self._window_s))

    def set_file(self, samples: np.ndarray, rate: int) -> None:
        """Show a whole sound, float32 [n]; it can be zoomed and moved."""
        self._samples, self._rate = samples, rate
        whole = len(samples) // BLOCK * BLOCK
        blocks = samples[:whole].reshape(-1, BLOCK)
        self._coarse = (blocks.min(axis=1), blocks.max(axis=1)) if whole else (np.zeros(0), np.zeros(0))
        self._seen = None
        self._tint.hide()
        peak = float(max(-samples.min(), samples.max())) if len(samples) else 0.0
        top = max(peak * 1.05, 1e-3)
        self.getViewBox().setLimits(xMin=0, xMax=max(len(samples) / rate, 1e-3))
        self.set_home((0.0, max(len(samples) / rate, 1e-3)), (-top, top))
        self._draw_visible()
        self.description.changed()

    def in_words(self) -> str:
        if self._samples is None:
            if self._seen is None:
                return ""
            return tr(
                "the newest {seconds} s of sound, loudest {level}",
                seconds=f"{self._seen[0]:g}",
                level=level_words(self._peak),
            )
        if not len(self._samples):
            return ""
        low, high = self._coarse if len(self._coarse[0]) else (self._samples, self._samples)
        loud = np.maximum(-low, high)
        place = int(loud.argmax())
        size = BLOCK if len(self._coarse[0]) else 1
        said = tr(
            "{seconds} s of sound, loudest {level} at {at} s",
            seconds=digits(len(self._samples) / self._rate, ".1f"),
            level=level_words(float(loud[place])),
            at=digits(place * size / self._rate, ".1f"),
        )
        if self._attended_s is not None:
            said += "; " + tr("attention is highest at {at} s", at=digits(self._attended_s, ".1f"))
        return said

    def set_attention(self, times_s: np.ndarray, density: np.ndarray) -> None:
        """Where a network looked, as a shaded band; its mean is 1. Empty arrays take it away."""
        self._attended_s = float(times_s[int(np.argmax(density))]) if len(density) else None
        self.description.changed()
        if not len(density):
            self._band.clear()
            return
        size = max(1, -(-len(density) // MOST_BANDS))
        whole = len(density) // size * size or len(density)
        strip = density[:whole].reshape(-1, size).mean(axis=1) if whole >= size else density
        self._band.setImage(
            (200 * shares(strip)).astype(np.uint8)[None, :], autoLevels=False, levels=(0, 255)
        )
        step = float(times_s[1] - times_s[0]) if len(times_s) > 1 else 1.0
        low, high = self.getViewBox().viewRange()[1]
        self._band.setRect(pg.QtCore.QRectF(float(times_s[0]), low, step * size * len(strip), high - low))

    def set_playhead(self, place_s: float | None) -> None:
        """Draw the play head at that second; None takes it away."""
        self._head.setVisible(place_s is not None)
        if place_s is not None:
            self._head.setPos(place_s)

    def show_nothing(self) -> None:
        """Nothing to show; the room stays."""
        self._samples = self._attended_s = None
        self.description.changed()
        self._coarse = (np.zeros(0), np.zeros(0))
        self._seen = None
        self._scale = 0.1
        self._curve.setData([], [])
        self._band.clear()
        self._tint.hide()
        self._head.hide()
        self.getViewBox().setLimits(xMin=None, xMax=None)
        self.setXRange(-5, 0, padding=0)
        self.setYRange(-1, 1, padding=0)

    def _range_changed(self, *_: object) -> None:
        if self._samples is not None:
            self._draw_visible()

    def _draw_visible(self) -> None:
        """Only the stretch on screen, at most as many points as it has columns."""
        if self._samples is None or not len(self._samples):
            return
        left, right = self.getViewBox().viewRange()[0]
        first = max(0, int(left * self._rate) - 1)
        last = min(len(self._samples), int(right * self._rate) + 2)
        if (
            last - first > BLOCK * COLUMNS
        ):  # an hour has more samples than can be looked through while one zooms
            first, last = first // BLOCK, min(last // BLOCK + 1, len(self._coarse[0]))
            low, high = self._coarse[0][first:last], self._coarse[1][first:last]
            size = -(-len(low) // COLUMNS)
            starts = np.arange(0, len(low), size)
            y = np.empty(2 * len(starts))
            y[0::2], y[1::2] = np.minimum.reduceat(low, starts), np.maximum.reduceat(high, starts)
            self._curve.setData(np.repeat((first + starts) * (BLOCK / self._rate), 2), y)
            return
        piece = self._samples[first:last]
        x = np.arange(first, first + len(piece)) / self._rate
        self._curve.setData(*minmax(x, piece, 2 * COLUMNS))

    def _colour(self) -> None:
        now = theme.current()
        self._curve.setPen(pg.mkPen(now.wave, width=1))
        self._head.setPen(pg.mkPen(now.text, width=1))  # not the accent: attention is drawn in that
        tint = QColor(theme.ORANGE)
        tint.setAlpha(34 if now.dark else 26)
        self._tint.setBrush(tint)
        table = np.zeros((256, 4), np.uint8)
        color = QColor(now.accent)
        table[:, :3] = (color.red(), color.green(), color.blue())
        table[:, 3] = np.linspace(0, 110, 256)
        self._band.setLookupTable(table)
