"""What was decoded: the envelope over the true one, and r over time with what chance comes to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from app import theme
from app.i18n import digits, tr
from app.widgets.labels import Hint
from app.widgets.plot import Plot

if TYPE_CHECKING:
    from app.tabs.eeg.work import Heard


class OutcomePage(QWidget):
    """`show_envelope` once it is decoded, `show_heard` where it is known what was heard."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.TINY)
        self._said = ("", False)
        self.headline = QLabel()
        self.headline.setProperty("role", "section")
        self.words = Hint()
        column.addWidget(self.headline)
        column.addWidget(self.words)
        self.envelope = Plot(tr("Decoded envelope"), "", "", tr("envelope"), tr("sd"), grid=False)
        self.true = self.envelope.line(tr("true"), "muted", width=1.2)
        self.decoded = self.envelope.line(tr("decoded"), "accent", width=1.6)
        self.over_time = Plot(tr("r over time"), tr("time"), "s", tr("r"), "", grid=False)
        self.over_time.getPlotItem().getAxis("left").setStyle(maxTickLevel=0, maxTextLevel=0)
        self.chance = pg.LinearRegionItem(orientation="horizontal", movable=False, pen=pg.mkPen(None))
        self.chance.setZValue(-20)
        self.over_time.addItem(self.chance, ignoreBounds=True)
        self.r = self.over_time.line(tr("r"), "accent", width=1.6)
        self._fill = pg.FillBetweenItem(self.r.item, pg.PlotCurveItem([0, 0], [0, 0]))
        self._base = self._fill.curves[1]
        self.over_time.addItem(self._fill, ignoreBounds=True)
        self.envelope.share_x(self.over_time)
        for plot, least in ((self.envelope, 80), (self.over_time, 80)):
            plot.setMinimumHeight(least)
        column.addWidget(self.envelope, 5)
        column.addWidget(self.over_time, 4)
        self.over_time.on_retheme.append(self._colour)
        self._colour()
        self.set_range(10.0)
        self.show_nothing()

    def set_range(self, shown_s: float) -> None:
        """What is shown at first, and after a double-click."""
        for plot in (self.envelope, self.over_time):
            plot.set_home((0.0, shown_s), (-3.0, 3.0) if plot is self.envelope else (-0.4, 0.5))

    def show_nothing(self) -> None:
        self.headline.setText(tr("Nothing decoded yet"))
        self._say(
            tr("The decoded envelope appears here, over the true one where it is known what was heard.")
        )
        for line in (self.true, self.decoded):
            line.clear()
        self._show_r(np.zeros(0), np.zeros(0), float("nan"))
        self.envelope.set_home_y((-3.0, 3.0))

    def show_envelope(self, decoded: np.ndarray, rate: int) -> None:
        """decoded: [time]; nothing to compare it with yet."""
        self.decoded.set(np.arange(len(decoded)) / rate, _standard(decoded))
        self.true.clear()
        self._show_r(np.zeros(0), np.zeros(0), float("nan"))
        self.headline.setText(tr("Decoded"))
        self._say(tr("Choose what was heard, and it is compared with it."))

    def show_heard(self, heard: Heard, rate: int) -> None:
        found = heard.comparison
        self.true.set(heard.start_s + np.arange(len(found.true)) / rate, found.true)
        self._show_r(found.times_s + heard.start_s, found.r_over_time, found.window_chance)
        self.headline.setText(tr("r {r} with {name}", r=_r(found.r), name=heard.name))
        said = []
        if np.isfinite(found.interval[0]):
            said.append(
                tr("windows of {window:g} s: {low} to {high} (95 %)", window=found.window_s, low=_r(found.interval[0]),
                   high=_r(found.interval[1]))
            )  # fmt: skip
        if np.isfinite(found.null_95):
            chance = tr(
                "shifted envelopes pass {null} once in twenty, p {p}", null=_r(found.null_95), p=_p(found.p)
            )
            said.append(chance)
        self._say(" · ".join(said), legend=True)

    def _say(self, words: str, legend: bool = False) -> None:
        """The line above the plots; with the colours of the two envelopes before it."""
        self._said = (words, legend)
        now = theme.current()
        marks = "".join(
            f'<span style="color:{color}">▬</span> {name} &nbsp;'
            for color, name in ((now.accent, tr("decoded")), (now.muted, tr("true")))
        )
        self.words.setText(f"{marks}{words}" if legend else words)

    def _show_r(self, times: np.ndarray, r: np.ndarray, chance: float) -> None:
        self.r.set(times, r)
        self._base.setData(times, np.zeros(len(times)))
        self.chance.setVisible(bool(np.isfinite(chance)))
        if np.isfinite(chance):
            self.chance.setRegion((-chance, chance))
        top = max(0.5, float(np.abs(r).max()) * 1.15 if len(r) else 0.0)
        self.over_time.set_home_y((-min(top, 0.4), top))

    def _colour(self) -> None:
        band = QColor(theme.current().muted)
        band.setAlpha(40)
        self.chance.setBrush(band)
        self._say(*self._said)
        fill = QColor(theme.current().accent)
        fill.setAlpha(40)
        self._fill.setBrush(fill)


def _standard(values: np.ndarray) -> np.ndarray:
    """In standard deviations, as the true envelope is drawn."""
    found: np.ndarray = (values - values.mean()) / (values.std() or 1.0)
    return found


def _r(value: float) -> str:
    return digits(value, ".3f")


def _p(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 else "< 0.001"
