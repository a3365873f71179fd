"""What was decoded: the envelope over the true one, and r over time with what chance comes to."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QLabel

from app import theme
from app.i18n import digits, tr
from app.tabs.eeg.session import EegSession
from app.tabs.paged import Page, PagedTab
from app.widgets.labels import Hint
from app.widgets.plot import Plot
from app.widgets.traces import LABELS_PX
from models.eeg.correlation import standardised

SHOWN_S = 10.0  # at first, and after a double-click
LEAST_SD, R_RANGE = 3.0, (-0.4, 0.5)  # of the axes; no envelope is cut off at its ends
FAINT = 0.16  # of a filled band
BEHIND = -20  # z of what lies behind curves, before the grid
FEW_TICKS = (0.0, 0.4)  # of r, in a low plot
LEAST_PX = 54  # of a plot
TITLED_PX = 104  # a plot that is lower has no room for the title of its axis


class EegPage(Page):
    """What both pages have in common: the tab's button decodes the recording that is open."""

    def __init__(self, tab: PagedTab, session: EegSession) -> None:
        super().__init__(tab)
        self.session = session
        self.view.setSpacing(theme.TINY)
        self.headline = QLabel()
        self.headline.setProperty("role", "section")
        self.headline.setTextFormat(Qt.TextFormat.PlainText)
        self.headline.setWordWrap(True)
        self.facts = Hint()

    def words(self) -> str:
        return tr("Decode") if self.session.result is None else tr("Decode again")

    def ready(self) -> bool:
        return self.session.opened is not None

    def act(self) -> None:
        self.tab.start(self.session.decode())

    def try_sample(self) -> None:
        self.tab.start(self.session.open_sample())


class EnvelopePage(EegPage):
    """The decoded envelope, over the true one where it is known what was heard, and r over time."""

    def __init__(self, tab: PagedTab, session: EegSession) -> None:
        super().__init__(tab, session)
        column = self.view
        self._said = ("", False)
        column.addWidget(self.headline)
        column.addWidget(self.facts)
        self.envelope = Plot(tr("Decoded envelope"), "", "", tr("envelope"), tr("sd"), grid=False)
        self.true = self.envelope.line(tr("true"), "muted", width=1.2)
        self.decoded = self.envelope.line(tr("decoded"), "accent", width=1.6)
        self.over_time = Plot(tr("r over time"), tr("time"), "s", tr("r"), "", grid=False)
        self.over_time.getPlotItem().getAxis("left").setStyle(maxTickLevel=0, maxTextLevel=0)
        self.chance = pg.LinearRegionItem(orientation="horizontal", movable=False, pen=pg.mkPen(None))
        self.chance.setZValue(BEHIND)
        self.over_time.addItem(self.chance, ignoreBounds=True)
        self.r = self.over_time.line(tr("r"), "accent", width=1.6)
        self._fill = pg.FillBetweenItem(self.r.item, pg.PlotCurveItem([0, 0], [0, 0]))
        self._base = self._fill.curves[1]
        self.over_time.addItem(self._fill, ignoreBounds=True)
        self.envelope.share_x(self.over_time)
        for plot in (self.envelope, self.over_time):
            plot.setMinimumHeight(LEAST_PX)
            plot.getPlotItem().getAxis("left").setWidth(LABELS_PX)
        column.addWidget(self.envelope, 5)
        column.addWidget(self.over_time, 4)
        self.over_time.on_retheme.append(self._colour)
        self._colour()
        session.part_changed.connect(self._show_part)
        session.decoded.connect(self._show_decoded)
        session.compared.connect(self._show_heard)
        self._show_part()

    def _show_part(self) -> None:
        """Nothing is decoded yet."""
        recording = self.session.recording
        shown_s = SHOWN_S if recording is None else min(SHOWN_S, recording.duration_s)
        self.envelope.set_home((0.0, shown_s), (-LEAST_SD, LEAST_SD))
        self.over_time.set_home((0.0, shown_s), R_RANGE)
        self.headline.setText(tr("Nothing decoded yet"))
        self._say(
            tr("The decoded envelope appears here, over the true one where it is known what was heard.")
        )
        for line in (self.true, self.decoded):
            line.clear()
        self._show_r(np.zeros(0), np.zeros(0), float("nan"))

    def _show_decoded(self) -> None:
        """Nothing to compare it with yet."""
        result = self.session.result
        assert result is not None
        decoded = result.decoding.envelope
        self.decoded.set(np.arange(len(decoded)) / result.decoding.sample_rate, standardised(decoded))
        self.true.clear()
        self._fit_envelopes()
        self._show_r(np.zeros(0), np.zeros(0), float("nan"))
        self.headline.setText(tr("Decoded"))
        self._say(tr("Choose what was heard, and it is compared with it."))

    def _show_heard(self) -> None:
        comparison, result = self.session.track_comparison, self.session.result
        if comparison is None or result is None:
            if result is not None:
                self._show_decoded()
            return
        outcome, rate = comparison.comparison, result.decoding.sample_rate
        self.true.set(comparison.start_s + np.arange(len(outcome.true)) / rate, outcome.true)
        self._fit_envelopes()
        self._show_r(outcome.times_s + comparison.start_s, outcome.r_over_time, outcome.window_chance)
        self.headline.setText(tr("r {r} with {name}", r=_r(outcome.r), name=comparison.name))
        notes = []
        if np.isfinite(outcome.interval[0]):
            notes.append(
                tr(
                    "windows of {window:g} s: {low} to {high} (95 %)",
                    window=outcome.window_s,
                    low=_r(outcome.interval[0]),
                    high=_r(outcome.interval[1]),
                )
            )
        if np.isfinite(outcome.null_95):
            chance = tr(
                "envelopes with scrambled phases pass {null} once in twenty, p\u00a0{p}",
                null=_r(outcome.null_95),
                p=_p(outcome.p),
            )
            notes.append(chance)
        self._say(" · ".join(notes), legend=True)

    def _fit_envelopes(self) -> None:
        """The axis takes the highest peak of the whole recording: scrolling in it changes no scale."""
        peaks = np.concatenate([self.decoded.y, self.true.y, [-LEAST_SD, LEAST_SD]])
        margin = 0.04 * float(np.ptp(peaks))
        self.envelope.set_home_y((float(peaks.min()) - margin, float(peaks.max()) + margin))

    def _say(self, words: str, legend: bool = False) -> None:
        """The line above the plots; with the colours of the two envelopes before it."""
        self._said = (words, legend)
        now = theme.current()
        marks = "".join(
            f'<span style="color:{color}">▬</span> {name} &nbsp;'
            for color, name in ((now.accent, tr("decoded")), (now.muted, tr("true")))
        )
        self.facts.setText(f"{marks}{words}" if legend else words)

    def _show_r(self, times: np.ndarray, r: np.ndarray, chance: float) -> None:
        self.r.set(times, r)
        self._base.setData(times, np.zeros(len(times)))
        self.chance.setVisible(bool(np.isfinite(chance)))
        if np.isfinite(chance):
            self.chance.setRegion((-chance, chance))
        top = max(0.5, float(np.abs(r).max()) * 1.15 if len(r) else 0.0)
        self.over_time.set_home_y((-min(top, 0.4), top))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Titles stand at the axes where there is room for them; units are in the readout in any case."""
        super().resizeEvent(event)
        for plot in (self.envelope, self.over_time):
            plot.getPlotItem().getAxis("left").showLabel(plot.height() >= TITLED_PX)
        roomy = self.over_time.height() >= TITLED_PX
        self.over_time.getPlotItem().getAxis("bottom").showLabel(roomy)
        few = None if roomy else [[(value, f"{value:g}") for value in FEW_TICKS]]
        self.over_time.getPlotItem().getAxis("left").setTicks(few)

    def _colour(self) -> None:
        band, fill = theme.color("muted"), theme.color("accent")
        for ink in (band, fill):
            ink.setAlphaF(FAINT)
        self.chance.setBrush(band)
        self._fill.setBrush(fill)
        self._say(*self._said)


def _r(value: float) -> str:
    return digits(value, ".3f")


def _p(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 else "< 0.001"
