"""Which talker was listened to: each track's r over time, and how often windows of each length choose right."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QWidget

from app import theme
from app.i18n import digits, plural, tr
from app.tabs.eeg.outcome import LEAST_PX, SHOWN_S, EegPage
from app.tabs.eeg.session import EegSession
from app.tabs.paged import PagedTab
from app.widgets.plot import Plot
from app.widgets.plot_items import Line

if TYPE_CHECKING:
    from app.tabs.eeg.work import TalkerChoice
    from models.eeg.attended import WindowChoice


class ListenedPage(EegPage):
    """The candidates against each other, by window; what is missing for that, where it cannot be told."""

    def __init__(self, tab: PagedTab, session: EegSession) -> None:
        super().__init__(tab, session)
        column = self.view
        head = QHBoxLayout()
        head.addWidget(self.headline, 1)
        label = QLabel(tr("Window"))
        self.window_s = QComboBox()
        self.window_s.setAccessibleName(tr("Window"))
        self.window_s.setToolTip(tr("How long the windows are that choose"))
        label.setBuddy(self.window_s)
        self.window_s.currentIndexChanged.connect(lambda _index: self._show_window())
        self._choice = QWidget()  # nothing is to be chosen before there are windows
        kept = self._choice.sizePolicy()
        kept.setRetainSizeWhenHidden(True)
        self._choice.setSizePolicy(kept)
        choice = QHBoxLayout(self._choice)
        choice.setContentsMargins(0, 0, 0, 0)
        choice.addWidget(label)
        choice.addWidget(self.window_s)
        head.addWidget(self._choice)
        column.addLayout(head)
        column.addWidget(self.facts)
        row = QHBoxLayout()
        row.setSpacing(theme.SMALL)
        self.accuracy = Plot(tr("Accuracy by window length"), tr("window"), "s", tr("right"), "%", zoom=False)
        self.accuracy.set_home((-0.5, 3.5), (0.0, 104.0))
        self._share = self.accuracy.line(tr("right"), "accent", width=1.6)
        self._bars = pg.ErrorBarItem(x=np.zeros(1), y=np.zeros(1), beam=0.12)
        self._dots = pg.ScatterPlotItem(size=9)
        self._guess = pg.InfiniteLine(angle=0)
        for item in (self._guess, self._bars, self._dots):
            self.accuracy.addItem(item, ignoreBounds=True)
        self.over_time = Plot(tr("r of each track over time"), tr("time"), "s", tr("r"), "")
        self._tracks: list[Line] = []
        row.addWidget(self.accuracy, 2)
        row.addWidget(self.over_time, 5)
        column.addLayout(row, 1)
        for plot in (self.accuracy, self.over_time):
            plot.setMinimumHeight(LEAST_PX)
            plot.on_retheme.append(self._colour)
        self._colour()
        session.part_changed.connect(self._show_part)
        for signal in (session.tracks_changed, session.comparing_changed, session.compared):
            signal.connect(self._show)
        self._show_part()

    def _show_part(self) -> None:
        recording = self.session.recording
        shown_s = SHOWN_S if recording is None else recording.duration_s
        self.over_time.set_home((0.0, shown_s), (-0.5, 0.5))
        self._show()

    def _show(self) -> None:
        for line in self._tracks:
            line.remove()
        self._tracks = []
        talker = self.session.talker
        if talker is None or len(talker.names) != len(self.session.listed):
            self._say_what_is_missing()
            self.window_s.clear()
            self._choice.hide()
            self._show_shares([])
        else:
            self._show_talker(talker)

    def _say_what_is_missing(self) -> None:
        if len(self.session.listed) < 2:
            self.headline.setText(tr("Two tracks or more are needed"))
            facts = tr(
                "Add the talkers' tracks under What was heard, or send them from the Separation tab. With a single stimulus, "
                "a copy of it, shifted by half its length, can stand in for a second talker."
            )
        elif self.session.comparing:
            self.headline.setText(tr("Comparing the tracks …"))
            facts = ""
        elif self.session.recording is None:
            self.headline.setText(tr("A recording is needed"))
            facts = tr("Open the recording in which these tracks were heard.")
        elif self.session.result is None:
            self.headline.setText(tr("Not decoded yet"))
            facts = tr("Decode the recording, and its envelope is compared with each track.")
        else:
            self.headline.setText(tr("The tracks could not be compared"))
            facts = ""
        self.facts.setText(facts)

    def _show_talker(self, choice: TalkerChoice) -> None:
        self._tracks = [
            self.over_time.line(name, _color(number), width=1.6) for number, name in enumerate(choice.names)
        ]
        best = choice.attention.chosen
        others = np.delete(choice.attention.whole_r, best).max()
        words = tr(
            "{name} was listened to: r {r} against {other}",
            name=choice.names[best],
            r=_r(choice.attention.whole_r[best]),
            other=_r(others),
        )
        self.headline.setText(words)
        chosen = self.window_s.currentData()
        self._choice.show()
        self.window_s.blockSignals(True)
        self.window_s.clear()
        for window in choice.attention.windows:
            self.window_s.addItem(tr("{seconds:g} s", seconds=window.window_s), window.window_s)
        self.window_s.setCurrentIndex(max(0, self.window_s.findData(chosen if chosen else 10.0)))
        self.window_s.blockSignals(False)
        self._show_shares(list(choice.pooled))
        self._show_window()

    def _show_shares(self, windows: list[WindowChoice]) -> None:
        """Share of right choices with its band; where the answer is not known, share of windows that agree with the whole."""
        choice = self.session.talker
        known = choice is not None and choice.truth is not None
        if known:
            shares = np.array([window.accuracy for window in windows])
            low, high = (
                np.array([window.low for window in windows]),
                np.array([window.high for window in windows]),
            )
        else:
            best = choice.attention.chosen if choice is not None else 0
            shares = np.array([(window.chosen == best).mean() for window in windows])
            low = high = shares
        places = np.arange(len(windows), dtype=float)
        self._share.set(places, 100 * shares)
        self._dots.setData(places, 100 * shares)
        self._bars.setVisible(known and len(windows) > 0)
        if len(windows):
            self._bars.setData(
                x=places, y=100 * shares, top=100 * (high - shares), bottom=100 * (shares - low)
            )
            self._guess.setValue(100 / len(choice.names) if choice is not None else 50)
        self._guess.setVisible(len(windows) > 0)
        axis = self.accuracy.getPlotItem().getAxis("bottom")
        axis.setTicks(
            [[(float(place), f"{window.window_s:g}") for place, window in zip(places, windows, strict=True)]]
        )
        side = self.accuracy.getPlotItem().getAxis("left")
        side.setLabel(tr("right (%)") if known or choice is None else tr("agreeing (%)"))
        self.accuracy.set_home((-0.5, max(0.5, len(windows) - 0.5)), (0.0, 104.0))

    def _show_window(self) -> None:
        choice = self.session.talker
        if choice is None:
            return
        result = next(
            (window for window in choice.attention.windows if window.window_s == self.window_s.currentData()),
            None,
        )
        if result is None:
            self.facts.setText(tr("The recording is too short for windows of 5 s."))
            return
        times = result.starts_s + result.window_s / 2 + choice.start_s
        for number, line in enumerate(self._tracks):
            line.set(times, result.r[:, number])
        top = max(0.5, 1.1 * float(np.abs(result.r).max()))
        self.over_time.set_home_y((-min(top, 0.5), top))
        pooled = next((item for item in choice.pooled if item.window_s == result.window_s), result)
        count = plural("{n} window", "{n} windows", len(pooled.chosen))
        if choice.truth is None:
            agree = 100 * float((pooled.chosen == choice.attention.chosen).mean())
            text = tr(
                "{share} % of {count} of {window:g} s agree; it is not known who was listened to",
                share=f"{agree:.0f}",
                count=count,
                window=result.window_s,
            )
        else:
            text = tr(
                "right in {share} % of {count} of {window:g} s, 95 % band {low} to {high} %",
                share=f"{100 * pooled.accuracy:.0f}",
                count=count,
                window=result.window_s,
                low=f"{100 * pooled.low:.0f}",
                high=f"{100 * pooled.high:.0f}",
            )
            if choice.trials > 1:
                text += " · " + plural("{n} trial together", "{n} trials together", choice.trials)
        legend = "".join(
            f'&nbsp;&nbsp;<span style="color:{_color(number)}">▬</span> {escape(name)}'
            for number, name in enumerate(choice.names)
        )
        self.facts.setText(text + legend)

    def _colour(self) -> None:
        now = theme.current()
        self._dots.setBrush(theme.color("accent"))
        self._dots.setPen(pg.mkPen(now.card))
        self._bars.setData(pen=pg.mkPen(now.accent, width=1.4))
        self._guess.setPen(pg.mkPen(now.muted, style=pg.QtCore.Qt.PenStyle.DashLine))


def _color(number: int) -> str:
    return theme.category(number)


def _r(value: float) -> str:
    return digits(value, ".3f")
