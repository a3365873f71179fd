"""Live: what the microphone hears, what the model makes of it, and how long that took."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QAction, QPaintEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
)

from app import theme
from app.audio.microphone import Microphone
from app.i18n import tr
from app.tabs.emotion.live_options import LiveOptions
from app.tabs.emotion.recording import RATE, Recording
from app.tabs.emotion.words import emotion_color, emotion_words
from app.tabs.paged import Page
from app.widgets.bars import Bars
from app.widgets.labels import Elided
from app.widgets.message_bar import Action
from app.widgets.spectrogram import Spectrogram
from app.widgets.timeline import Timeline
from app.widgets.waveform import Waveform
from models.emotion.config import LiveSettings
from models.errors import UserError
from models.progress import Cancelled, Progress

if TYPE_CHECKING:
    from app.tabs.emotion.tab import EmotionTab
    from models.emotion.live import LiveRecognizer, LiveResult
    from models.emotion.recognizer import Recognizer

WORKER = "emotion live"
SHOWN_S = 5.0
WINDOW_S = 3.0
REDRAW_MS = 33
LEAST_S = 0.5  # of sound before anything is classified


class Word(QLabel):
    """The big word. Tells when it has really been painted, which is when the person can see it."""

    painted = Signal()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        self.painted.emit()


class LivePage(Page):
    """Microphone in, emotion out, every half second."""

    tab: EmotionTab

    def __init__(self, tab: EmotionTab) -> None:
        super().__init__(tab)
        self.microphone = Microphone(self)
        self.microphone.state_changed.connect(self._microphone_says)
        self.microphone.failed.connect(self._microphone_failed)
        self.microphone.silent.connect(self._microphone_silent)
        self.labels: tuple[str, ...] = ()
        self.latencies_s: deque[float] = deque(maxlen=2_000)
        self.skipped = 0
        self.results = 0
        self.last: LiveResult | None = None
        self._listening = False
        self._testing = False
        self._computing = False
        self._unpainted: float | None = None  # capture time of a result that was not painted yet
        self._due = 0.0
        self._line_end_s = 0.0
        self._began = 0.0
        self._ended: asyncio.Event | None = None
        self._recovered = False
        self.recording = Recording(tab)
        self.options = LiveOptions()
        self.options.changed.connect(self._settings_changed)
        self._make_controls()
        self._make_view()
        self._timer = QTimer(self)
        self._timer.setInterval(REDRAW_MS)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._show_labels(("angry", "happy", "neutral", "sad"))
        self._show_nothing(tr("Press Start listening and speak"))

    # What the tab asks ------------------------------------------------------------------------------------

    def words(self) -> str:
        return tr("Start listening")

    def act(self) -> None:
        self._stop_test()
        self.tab.start(self._listen())

    def stop(self) -> None:
        if self._ended is not None:
            self._ended.set()

    def try_sample(self) -> None:
        self.tab.choice.choose("files")
        self.tab.files.try_sample()

    def model_changed(self) -> None:
        if self._listening:  # the session goes on with the new model
            self.tab.start(self._change_model())

    def export_actions(self) -> list[QAction]:
        self._export.setEnabled(bool(self.timeline.segments()))
        return [self._export]

    def state(self) -> dict[str, Any]:
        return {"microphone": self.device.currentData() or "", "settings": self.options.values().model_dump()}

    def restore(self, state: dict[str, Any]) -> None:
        self._wanted_device = str(state.get("microphone", ""))
        self.options.restore(state.get("settings", {}))

    def shown(self) -> None:
        if not self._recovered:
            self._recovered = True
            self.recording.recover()
        if not self._listening:
            self.refresh_devices()

    def hidden(self) -> None:
        self._stop_test()

    async def shut_down(self) -> None:
        self.stop()
        self._timer.stop()
        self.microphone.stop()
        self.recording.close()

    # The session ------------------------------------------------------------------------------------------

    async def _listen(self) -> None:
        session = Progress()
        self._ended = asyncio.Event()
        self.tab.clear_messages()
        try:
            with self.tab.busy(session):
                if not await self._load():
                    return
                self._begin()
                await self._ended.wait()
        finally:
            self._end()

    async def _load(self) -> bool:
        """The model in its worker; False where Stop was pressed meanwhile."""
        try:
            with self.services.task(tr("Loading the model")) as task:
                recognizer = await self.tab.recognizer(WORKER, task)
                worker = self.services.worker(WORKER)
                self._live: LiveRecognizer = await worker.run(_make_live, recognizer, self.options.values())
        except Cancelled:
            return False
        self._show_labels(recognizer.labels)
        return self._ended is not None and not self._ended.is_set()

    async def _change_model(self) -> None:
        await self._load()

    def _begin(self) -> None:
        self.latencies_s.clear()
        self.skipped = self.results = 0
        self.last, self._unpainted, self._computing = None, None, False
        self.timeline.show_nothing()
        self._line_end_s = 0.0
        self._began = time.monotonic()
        self._due = self._began + LEAST_S
        self._listening = True
        self._show_nothing(tr("listening …"))
        if self.options.record.isChecked():
            self.recording.open(self.labels, self._began)
        self.device.setEnabled(False)
        self.microphone.start(self.device.currentData() or None)
        self._timer.start()
        text = tr(
            "listening · {window} s window every {hop} s",
            window=f"{WINDOW_S:.1f}",
            hop=f"{self.options.hop.value():.1f}",
        )
        self.tab.set_status(text)

    def _end(self) -> None:
        was_listening, self._listening = self._listening, False
        self._ended = None
        self._timer.stop()
        self.microphone.stop()
        self.device.setEnabled(True)
        self.recording.close()
        self.tab.set_status("")
        self.services.set_latency("")
        if was_listening:
            self.bars.set_dimmed(True)
            self.word.setEnabled(False)

    def _tick(self) -> None:
        """The one timer: draw what was heard, and ask for the next window when it is due."""
        now = time.monotonic()
        self.level.setValue(_percent(self.microphone.level_dbfs()))
        if self._testing:
            return
        heard = self.microphone.ring.latest(round(SHOWN_S * RATE))
        self.waveform.set_live(heard.samples, RATE, SHOWN_S, heard.end_index)
        self.spectrogram.set_live(heard.samples, heard.end_index, RATE)
        self.recording.follow(self.microphone.ring)
        if now >= self._due and len(heard.samples) >= LEAST_S * RATE and self.microphone.hearing:
            self._due = max(self._due + self.options.hop.value(), now)
            self._classify(heard.samples[-round(WINDOW_S * RATE) :].copy(), heard.end_time)

    def _classify(self, window: np.ndarray, end_time: float) -> None:
        if self._computing:  # slower than the hop: the window in the queue gives way to this newer one
            self.skipped += 1
        self._computing = True
        self.services.worker(WORKER).submit(
            self._live.step, window, end_time, newest_wins="live", done=self._heard, failed=self._not_heard
        )

    def _heard(self, result: LiveResult) -> None:
        self._computing = False
        if not self._listening:
            return
        self.results += 1
        self.last = result
        self._unpainted = result.end_time
        if result.speech and result.probabilities is not None and result.label is not None:
            self.word.setText(emotion_words(result.label))
            self.certainty.setText(f"{100 * result.probabilities.max():.0f} %")
            self.bars.set_values(result.probabilities)
        else:
            self.word.setText(tr("no speech"))
            self.certainty.setText("")
            self.bars.set_values(None)
        self.word.update()
        self._extend_line(result)

    def _not_heard(self, error: BaseException) -> None:
        if isinstance(error, Cancelled):
            return
        self._computing = False
        self.stop()
        self.tab.show_error(error)

    def _extend_line(self, result: LiveResult) -> None:
        end_s = result.end_time - self._began
        start_s = (
            self._line_end_s
            if end_s - self._line_end_s < 2.5 * self.options.hop.value()
            else max(0.0, end_s - self.options.hop.value())
        )
        if end_s <= start_s:
            return
        self.timeline.add(start_s, end_s, result.label)
        self._line_end_s = end_s
        probabilities = result.probabilities
        if probabilities is None:
            probabilities = np.full(len(self.labels), np.nan)
        self.recording.add(start_s, end_s, result.label or "", probabilities)

    def _word_painted(self) -> None:
        if self._unpainted is None:
            return
        self.latencies_s.append(time.monotonic() - self._unpainted)
        self._unpainted = None
        p95 = np.percentile(self.latencies_s, 95)
        text = tr(
            "latency {now} ms · p95 {p95} ms · skipped {skipped}",
            now=f"{1000 * self.latencies_s[-1]:.0f}",
            p95=f"{1000 * p95:.0f}",
            skipped=self.skipped,
        )
        # Not from within a paint event: this changes another label.
        QTimer.singleShot(0, self, lambda: self._show_latency(text, f"{1000 * p95:.0f} ms"))

    def _show_latency(self, text: str, short: str) -> None:
        if self._listening:
            self.latency.setText(text)
            self.services.set_latency(short)
        if self.skipped > 3 and self.skipped > self.results:
            words = tr("The model is slower than the hop. Windows are skipped, the newest first.")
            self.tab.show_message("warning", words, [(tr("Listen less often"), self._slower)], key="slow")

    def _slower(self) -> None:
        self.options.hop.setValue(min(5.0, self.options.hop.value() * 2))
        self.skipped = 0

    # The microphone ---------------------------------------------------------------------------------------

    def refresh_devices(self) -> None:
        """List the microphones anew, off the GUI thread."""
        self.tab.start(self._list_devices())

    async def _list_devices(self) -> None:
        worker = self.services.worker("sound")
        try:
            found = await worker.run(Microphone.devices, newest_wins="devices")
        except Cancelled:
            return
        except UserError as error:
            self._no_microphone(error)
            return
        if self._listening:
            return
        wanted = self.device.currentData() or self._wanted_device
        self.device.clear()
        for one in found:
            self.device.addItem(tr("{name} (default)", name=one.name) if one.default else one.name, one.name)
        place = self.device.findData(wanted)
        default = next((i for i, one in enumerate(found) if one.default), 0)
        self.device.setCurrentIndex(place if place >= 0 else default)
        self.tab.clear_messages("microphone")
        if not found:
            self._no_microphone(UserError("No microphone was found.", "", "Plug one in, or try the sample."))

    def _no_microphone(self, error: UserError) -> None:
        if self.tab.choice.current == "live":
            actions: list[Action] = [
                (tr("Look again"), self.refresh_devices),
                (tr("Try the sample"), self.try_sample),
            ]
            self.tab.messages.show_error(error, actions, key="microphone")

    def _microphone_says(self, state: str, text: str) -> None:
        if state == "lost":
            self.tab.show_message(
                "warning",
                tr("It goes on when a microphone is back."),
                heading=text or tr("The microphone is gone."),
                key="microphone",
            )
            self.word.setText(tr("no microphone"))
            self.certainty.setText("")
            self.bars.set_values(None)
        elif state == "listening":
            self.tab.clear_messages("microphone")
            self.device_note.setText(tr("Listening to {name}", name=text or self.microphone.device_name))
        elif state == "stopped":
            self.tab.clear_messages("microphone")
            self.device_note.setText("")

    def _microphone_failed(self, error: UserError) -> None:
        self.stop()
        self._stop_test()
        self._no_microphone(error)

    def _microphone_silent(self, text: str) -> None:
        if text:
            heading = tr("The microphone gives nothing but silence.")
            self.tab.show_message("warning", text, heading=heading, key="microphone")
        else:
            self.tab.clear_messages("microphone")

    def _toggle_test(self, on: bool) -> None:
        if on and not self._listening:
            self._testing = True
            self.microphone.start(self.device.currentData() or None)
            self._timer.start()
        else:
            self._stop_test()

    def _stop_test(self) -> None:
        if self._testing:
            self._testing = False
            self._timer.stop()
            self.microphone.stop()
            self.level.setValue(0)
        self.test.setChecked(False)

    def _save_line(self) -> None:
        name, _ = QFileDialog.getSaveFileName(self, tr("Export the time line"), "session.csv", "CSV (*.csv)")
        if name:
            self.save_line(Path(name))

    def save_line(self, path: Path) -> None:
        """start_s, end_s, label of the session so far."""
        from models.tables import write_csv

        rows = [[f"{start:.3f}", f"{end:.3f}", label or ""] for start, end, label in self.timeline.segments()]
        try:
            write_csv(path, [["start_s", "end_s", "label"], *rows])
        except UserError as error:
            self.tab.show_error(error)

    # Making -----------------------------------------------------------------------------------------------

    def _make_controls(self) -> None:
        self._wanted_device = ""
        self.device = QComboBox()
        self.device.setAccessibleName(tr("Microphone"))
        self.device.setToolTip(tr("The microphone to listen to"))
        self.device.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        row = QHBoxLayout()
        self.test = QPushButton(tr("Test"))
        self.test.setCheckable(True)
        self.test.setProperty("kind", "small")
        self.test.setToolTip(tr("Show the level without recognising anything"))
        self.test.setAccessibleName(tr("Test the microphone"))
        self.test.toggled.connect(self._toggle_test)
        self.level = QProgressBar()
        self.level.setRange(0, 100)
        self.level.setTextVisible(False)
        self.level.setAccessibleName(tr("Level"))
        self.level.setToolTip(tr("Level of the microphone, −60 to 0 dB"))
        row.addWidget(self.test)
        row.addWidget(self.level, 1)
        self.controls.addWidget(self.device)
        self.controls.addLayout(row)
        self.device_note = Elided()
        self.device_note.setProperty("role", "hint")
        self.controls.addWidget(self.device_note)
        self.sample_link(tr("No microphone?"))
        self._export = QAction(tr("Time line as CSV…"), self)
        self._export.triggered.connect(self._save_line)

    def _settings_changed(self) -> None:
        if self._listening:
            self.tab.start(self._change_model())

    def _make_view(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(theme.MEDIUM)
        self.word = Word()
        self.word.setProperty("role", "big")
        self.word.painted.connect(self._word_painted)
        self.certainty = QLabel()
        self.certainty.setProperty("role", "figure")
        self.latency = QLabel()
        self.latency.setProperty("role", "hint")
        head.addWidget(self.word)
        head.addWidget(self.certainty)
        head.addStretch(1)
        head.addWidget(self.latency, 0, Qt.AlignmentFlag.AlignBottom)
        self.view.addLayout(head)
        self.bars = Bars(tr("Probabilities"))
        self.view.addWidget(self.bars)
        self.waveform, self.spectrogram, self.timeline = (
            Waveform(axis=False),
            Spectrogram(),
            Timeline(emotion_words, emotion_color),
        )
        self.waveform.set_window_s(WINDOW_S)
        for title, widget, stretch in (
            (tr("waveform, last 5 s"), self.waveform, 2),
            (tr("spectrogram, 0–8 kHz"), self.spectrogram, 3),
            (tr("this session"), self.timeline, 0),
        ):
            caption = QLabel(title)
            caption.setProperty("role", "hint")
            self.view.addSpacing(theme.TINY)
            self.view.addWidget(caption)
            self.view.addWidget(widget, stretch)

    def _show_labels(self, labels: tuple[str, ...]) -> None:
        if labels != self.labels:
            self.labels = labels
            self.bars.set_labels(
                [emotion_words(one) for one in labels],
                [emotion_color(one, i) for i, one in enumerate(labels)],
            )

    def _show_nothing(self, text: str) -> None:
        self.word.setEnabled(True)
        self.word.setText(text)
        self.certainty.setText("")
        self.latency.setText("")
        self.bars.set_dimmed(False)
        self.bars.set_values(None)


def _make_live(recognizer: Recognizer, settings: LiveSettings) -> LiveRecognizer:
    """In the worker's thread: loads the voice detector and warms both up."""
    from models.emotion.live import LiveRecognizer

    live = LiveRecognizer(recognizer, settings)
    noise = np.random.default_rng(0).normal(0, 0.01, round(WINDOW_S * RATE)).astype(np.float32)
    recognizer.classify(noise)
    live.step(noise, 0.0)
    return live


def _percent(level_dbfs: float) -> int:
    """−60…0 dB as 0…100."""
    return int(np.clip((level_dbfs + 60) / 60 * 100, 0, 100)) if np.isfinite(level_dbfs) else 0
