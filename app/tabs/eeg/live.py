"""Live: streams of EEG and of talkers as they arrive, which of them is listened to, and that one played in front."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from html import escape
from pathlib import Path

import numpy as np
from PySide6.QtCore import QTimer
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QCheckBox, QComboBox, QGridLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout

from app import theme
from app.i18n import digits, series, tr
from app.tabs.eeg.live_session import LiveSession
from app.tabs.paged import Page, PagedTab
from app.widgets.combo import ElidedCombo
from app.widgets.labels import Elided, Hint
from app.widgets.plot import Plot
from app.widgets.plot_items import Line
from app.widgets.traces import TraceView
from models.eeg.browse import columns_of
from models.eeg.live.events import WINDOWS_S, Arrived
from models.eeg.live.lsl import Stream
from models.progress import Progress

SHOWN_S, LOOK_BACK_S = 10.0, 60.0
REDRAW_MS = 50
GAINS_DB = (6, 12, 20)
AXIS_S = (0, 2, 4, 6, 8, 10)  # where the axis of the traces is written, as seconds before now
FITTED_S = (3, 10)  # after which the height of rows is fitted to what came: soon, and to a full view


class LivePage(Page):
    """The controls stand above the view, since the tab's column is of a recording."""

    def __init__(self, tab: PagedTab, session: LiveSession) -> None:
        super().__init__(tab)
        self.session = session
        self._ended: asyncio.Event | None = None
        self._ring = np.zeros((0, 0), np.float32)
        self._fitted_at = 0  # s
        self._lines: list[Line] = []
        self._make()
        self._timer = QTimer(self)
        self._timer.setInterval(REDRAW_MS)
        self._timer.timeout.connect(self.traces.refresh)
        for signal, shown in (
            (session.searched, self._show_streams),
            (session.played, self._show_player),
            (session.began, self._begun),
            (session.arrived, self._arrived),
            (session.attention_changed, self._show_attention),
            (session.changed, self._changed),
            (session.refused, tab.show_error),
        ):
            signal.connect(shown)
        self._show_streams()
        self._show_player()

    # What the tab asks ------------------------------------------------------------------------------------

    def words(self) -> str:
        return tr("Start decoding live")

    def ready(self) -> bool:
        return self.eeg.currentData() is not None and self.sound.currentData() is not None

    def act(self) -> None:
        self.tab.start(self._run())

    def stop(self) -> None:
        if self._ended is not None:
            self._ended.set()

    def try_sample(self) -> None:
        self.tab.start(self.session.stream_sample())

    def model_changed(self) -> None:
        self.session.model = self.tab.models.choice

    def state(self) -> dict[str, object]:
        return {
            "window": self.window_s.currentData(),
            "play": self.play.isChecked(),
            "most": self.most.currentData(),
        }

    def restore(self, state: Mapping[str, object]) -> None:
        for box, key in ((self.window_s, "window"), (self.most, "most")):
            number = box.findData(state.get(key))
            if number >= 0:
                box.setCurrentIndex(number)
        self.play.setChecked(bool(state.get("play")))

    async def shut_down(self) -> None:
        self.stop()
        self._timer.stop()
        self.session.end()
        self.session.end_player()

    # A run ------------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        eeg, sound = self.eeg.currentData(), self.sound.currentData()
        if eeg is None or sound is None:
            return
        self._ended = asyncio.Event()
        self.tab.clear_messages()
        path = None
        if self.record.isChecked():
            folder = self.services.settings.runs_folder / "recordings"
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"live {datetime.now():%Y-%m-%d %H-%M-%S}.xdf"
        try:
            with self.tab.busy(Progress()):
                self._enable(False)
                self.session.model = self.tab.models.choice
                if await self.session.begin(eeg, sound, path):
                    await self._ended.wait()
        finally:
            self._timer.stop()
            self.session.end()
            self._enable(True)
            self._ended = None
        if path is not None and path.exists():
            open_it = (tr("Open the recording"), lambda: self._reopen(path))
            self.tab.show_message(
                "hint", tr("Recorded as {name}.", name=path.name), [open_it], key="recorded"
            )

    def _reopen(self, path: Path) -> None:
        self.tab.choice.choose("decoded")
        self.tab.accept_paths([path])

    def _begun(self) -> None:
        session = self.session
        self._ring = np.full((round(SHOWN_S * session.rate), len(session.names)), np.nan, np.float32)
        self._fitted_at = 0
        self.traces.set_source(session.names, SHOWN_S, self._columns, SHOWN_S)
        self._fit_channels()
        for line in self._lines:
            line.remove()
        self._lines = [
            self.over_time.line(name, theme.CATEGORIES[number % len(theme.CATEGORIES)], width=1.8)
            for number, name in enumerate(session.tracks)
        ]
        self.headline.setText(tr("listening …"))
        self.certainty.setText("")
        self.facts.setText(
            tr(
                "What is said lies {delay} s behind the EEG, and half a window behind a change.",
                delay=digits(session.delay_s, ".2f"),
            )
        )
        if session.lacking:
            words = tr("Made up from their neighbours: {names}.", names=series(session.lacking))
            self.tab.show_message("warning", words, key="lacking")
        self._timer.start()

    def _columns(self, left: float, right: float, count: int) -> tuple[np.ndarray, np.ndarray]:
        rate = self.session.rate
        return columns_of(self._ring, 0, left * rate, right * rate, count)

    def _fit_channels(self) -> None:
        """As many channels as there is room for, from the first that is shown."""
        if self.traces.names:
            self.traces.show_rows(self.traces.first, self.traces.legible_rows())

    def _arrived(self, event: Arrived) -> None:
        if len(event.eeg):
            self._ring = np.concatenate([self._ring, event.eeg])[-len(self._ring) :]
        health = event.health
        due = next((s for s in FITTED_S if self._fitted_at < s <= health.samples / self.session.rate), 0)
        if due:
            self._fitted_at = due
            self.traces.fit_rows()
        self.health.setText(
            tr(
                "{rate} of {nominal} Hz · {dropped} samples dropped · clock {offset} ms · {busy} % of a core",
                rate=digits(health.rate, ".0f"),
                nominal=digits(self.session.rate, ".0f"),
                dropped=health.dropped,
                offset=digits(1000 * health.offset_s, ".1f"),
                busy=round(100 * event.busy),
            )
        )

    def _show_attention(self) -> None:
        attention, session = self.session.attention, self.session
        state = attention.window(session.window_s) if attention is not None else None
        if attention is None or state is None:
            return
        times, r = session.r_over_time()
        for number, line in enumerate(self._lines):
            line.set(times, r[:, number])
        end = max(LOOK_BACK_S, attention.time_s)
        self.over_time.set_home((end - LOOK_BACK_S, end), (-0.3, max(0.5, 1.1 * float(np.abs(r).max()))))
        if len(session.tracks) < 2:
            self.headline.setText(tr("r {r}", r=digits(float(state.r[0]), ".3f")))
            return
        self.headline.setText(tr("Listens to {name}", name=session.tracks[state.chosen]))
        each = " · ".join(
            tr(
                "{seconds} s: {name} {share} %",
                seconds=f"{item.window_s:g}",
                name=escape(session.tracks[item.chosen]),
                share=f"{100 * item.certainty:.0f}",
            )
            for item in attention.windows
        )
        marks = "".join(
            f'&nbsp;&nbsp;<span style="color:{theme.CATEGORIES[number % len(theme.CATEGORIES)]}">▬</span> {escape(name)}'
            for number, name in enumerate(session.tracks)
        )
        self.certainty.setText(each + marks)
        if session.followed is not None:
            front = tr("In front: {name}", name=session.tracks[session.followed])
            self.front.setText(tr("bypassed") if session.bypass else front)

    def _changed(self) -> None:
        if self.session.lost:
            names = series(sorted(self.session.lost))
            words = tr("Nothing comes from {names} any more; it is looked for.", names=names)
            self.tab.show_message("warning", words, key="lost")
        else:
            self.tab.clear_messages("lost")

    # Streams ----------------------------------------------------------------------------------------------

    def _show_streams(self) -> None:
        streams = self.session.streams
        for box, fitting, none in (
            (self.eeg, [item for item in streams if item.is_eeg], tr("no EEG stream")),
            (self.sound, [item for item in streams if item.is_sound], tr("no stream of talkers")),
        ):
            before = box.currentText()
            box.clear()
            for item in fitting:
                box.addItem(stream_words(item), item)
            if not fitting:
                box.addItem(none, None)
            box.setCurrentIndex(max(0, box.findText(before)))
        self._refresh()

    def _refresh(self) -> None:
        """The tab's button; not while the tab is being put together."""
        if hasattr(self.tab, "choice") and self.tab.page is self:
            self.tab.refresh_action()

    def _show_player(self) -> None:
        there = self.session.player is not None
        self.sample.setText(tr("Stop the player") if there else tr("Stream the sample"))
        self.swap.setVisible(there)

    def _toggle_player(self) -> None:
        if self.session.player is None:
            self.try_sample()
        else:
            self.session.end_player()

    def _enable(self, on: bool) -> None:
        for widget in (self.eeg, self.sound, self.look, self.record):
            widget.setEnabled(on)

    def _settings_changed(self) -> None:
        self.session.window_s = float(self.window_s.currentData())
        self.session.most_db = float(self.most.currentData())
        self.session.bypass = self.bypass.isChecked()
        self.session.apply()
        self.session.history.clear()

    # Making -----------------------------------------------------------------------------------------------

    def _make(self) -> None:
        self.eeg, self.sound = _box(tr("Stream of EEG")), _box(tr("Stream of the talkers"))
        self.look = _button(tr("Look again"), tr("Which streams there are in the network now"))
        self.look.clicked.connect(lambda: self.tab.start(self.session.search()))
        self.sample = _button(
            "", tr("A recording, streamed as an amplifier would: to try all of it without one")
        )
        self.sample.clicked.connect(self._toggle_player)
        self.swap = _button(tr("Swap the talkers"), tr("As if the listener had turned to the other talker"))
        self.swap.clicked.connect(self.session.swap)
        for box in (self.eeg, self.sound):
            box.currentIndexChanged.connect(lambda _index: self._refresh())
        choices = QGridLayout()
        choices.setHorizontalSpacing(theme.SMALL)
        choices.setVerticalSpacing(theme.TINY)
        for row, (words, box, button) in enumerate(
            ((tr("EEG"), self.eeg, self.look), (tr("Talkers"), self.sound, self.sample))
        ):
            label = QLabel(words)
            label.setBuddy(box)
            choices.addWidget(label, row, 0)
            choices.addWidget(box, row, 1)
            choices.addWidget(button, row, 2)
        choices.setColumnStretch(1, 1)
        self.view.addLayout(choices)
        self.view.addLayout(self._options())
        self.view.addLayout(self._outcome())
        self.traces = TraceView(tr("EEG as it arrives"))
        self.traces.set_empty_words(tr("Choose a stream, or stream the sample"))
        self.traces.resized.connect(self._fit_channels)
        axis = self.traces.getPlotItem().getAxis("bottom")
        axis.setTicks([[(at, tr("{seconds} s", seconds=digits(at - SHOWN_S, ".0f"))) for at in AXIS_S]])
        axis.showLabel(False)
        self.over_time = Plot(tr("r of each talker"), tr("time"), "s", tr("r"), zoom=False, low=tr("{n} s"))
        self.over_time.set_home((0.0, LOOK_BACK_S), (-0.3, 0.5))
        self.view.addWidget(self.traces, 3)
        self.health = Elided("")
        self.health.setProperty("role", "hint")
        self.view.addWidget(self.health)
        self.view.addWidget(self.over_time, 2)

    def _options(self) -> QVBoxLayout:
        """What is decoded and kept; under it, what is heard."""
        self.window_s, self.most = _box(tr("Window")), _box(tr("Turned down by"))
        for seconds in WINDOWS_S:
            self.window_s.addItem(tr("window {seconds:g} s", seconds=seconds), seconds)
        for gain in GAINS_DB:
            self.most.addItem(tr("others −{gain} dB", gain=gain), gain)
        self.window_s.setCurrentIndex(1)
        self.most.setCurrentIndex(1)
        self.record = QCheckBox(tr("Record"))
        self.record.setToolTip(tr("Streams and markers into an XDF file"))
        self.play = QCheckBox(tr("Play"))
        self.play.setToolTip(tr("Hear the talkers; the one that is listened to stays as loud as it is"))
        self.play.toggled.connect(lambda on: self.tab.start(self.session.play(on)))
        self.bypass = QCheckBox(tr("Bypass (B)"))
        self.bypass.setToolTip(tr("All talkers as loud as they are"))
        QShortcut(QKeySequence("B"), self, self.bypass.toggle)
        for box in (self.window_s, self.most):
            box.currentIndexChanged.connect(lambda _index: self._settings_changed())
        self.bypass.toggled.connect(lambda _on: self._settings_changed())
        rows = QVBoxLayout()
        rows.setSpacing(theme.TINY)
        for widgets, last in (
            ((self.window_s, self.record), self.swap),
            ((self.most, self.play, self.bypass), None),
        ):
            row = QHBoxLayout()
            row.setSpacing(theme.SMALL)
            for widget in widgets:
                row.addWidget(widget)
            row.addStretch(1)
            if last is not None:
                row.addWidget(last)
            rows.addLayout(row)
        return rows

    def _outcome(self) -> QVBoxLayout:
        self.headline = QLabel(tr("Nothing is decoded yet"))
        self.headline.setProperty("role", "section")
        self.certainty, self.front = Hint(), QLabel("")
        self.front.setProperty("role", "hint")
        self.facts = Hint(
            tr(
                "Streams of the lab streaming layer (LSL) in this network: an amplifier's EEG, and the talkers' sound."
            )
        )
        head = QHBoxLayout()
        head.addWidget(self.headline, 1)
        head.addWidget(self.front)
        column = QVBoxLayout()
        column.setSpacing(theme.TINY)
        column.addLayout(head)
        column.addWidget(self.certainty)
        column.addWidget(self.facts)
        return column


def stream_words(stream: Stream) -> str:
    """``Polyphony EEG · 64 channels · 64 Hz · host``."""
    return tr(
        "{name} · {count} channels · {rate:g} Hz · {host}",
        name=stream.name,
        count=stream.channels,
        rate=stream.rate,
        host=stream.host,
    )


def _box(name: str) -> QComboBox:
    box = ElidedCombo(name, name)
    box.setMinimumContentsLength(10)
    return box


def _button(words: str, tip: str) -> QPushButton:
    button = QPushButton(words)
    button.setProperty("kind", "small")
    button.setToolTip(tip)
    return button
