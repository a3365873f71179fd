"""Live: what the microphone hears, and what the model makes of it. The page joins microphone, session and view."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QSignalBlocker, Qt, QTimer
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFileDialog, QPushButton

from app.i18n import tr
from app.tabs.emotion.live_options import LiveOptions
from app.tabs.emotion.live_session import WINDOW_S, LiveSession
from app.tabs.emotion.live_view import SHOWN_S, LiveView
from app.tabs.emotion.recognizers import Recognizers
from app.tabs.emotion.recording import RATE, Recording
from app.tabs.emotion.sample_feed import Clip, SampleFeed, sample_clips
from app.tabs.emotion.voice_box import VoiceBox
from app.tabs.emotion.words import emotion_words
from app.tabs.paged import Page, PagedTab
from app.tabs.recovered import recover_recordings
from app.widgets.labels import Elided
from app.widgets.message_bar import Action
from app.widgets.microphone_box import MicrophoneBox
from models.emotion.doubt import TRUSTED_SNR_DB
from models.emotion.samples import held_out_clips
from models.errors import UserError
from models.progress import Cancelled, Progress

if TYPE_CHECKING:
    from models.emotion.live import LiveResult

WORKER = "emotion live"
REDRAW_MS = 33


class LivePage(Page):
    """Microphone in, emotion out, every half second."""

    def __init__(self, tab: PagedTab, recognizers: Recognizers) -> None:
        super().__init__(tab)
        self._recognizers = recognizers
        self.recording = Recording(tab)
        self.session = LiveSession(self.services.worker(WORKER), self.recording, self)
        self.options = LiveOptions()
        self._ended: asyncio.Event | None = None
        self.feed = SampleFeed()
        self._clips: list[Clip] = []  # that are heard in the microphone's place
        self._agree = self._told = 0  # words that are true, of those that were told of clips
        self._recovered = False
        self._make_controls()
        self.sight = LiveView(WINDOW_S)
        self.view.addWidget(self.sight)
        self._timer = QTimer(self)
        self._timer.setInterval(REDRAW_MS)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._connect()
        self.sight.show_labels(("angry", "happy", "neutral", "sad"))
        self.sight.show_nothing(tr("Press Start listening and speak"))

    def _connect(self) -> None:
        self._timer.timeout.connect(self._tick)
        self.options.changed.connect(self._change_model)
        self.options.record.toggled.connect(self.session.record)
        self.session.judged.connect(self._show_result)
        self.session.failed.connect(self._failed)
        self.session.lagging.connect(self._say_lagging)
        self.sight.painted.connect(self._word_painted)
        self.input.said.connect(self._microphone_hint)
        self.input.missing.connect(self._no_microphone)
        self.input.state_changed.connect(self._microphone_says)

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
        """Clips whose emotion is known, as if the microphone heard them."""
        self.stop()
        self._stop_test()
        self.tab.choice.choose("live")
        self.tab.start(self._listen_to_sample())

    def model_changed(self) -> None:
        self._change_model()

    def export_actions(self) -> list[QAction]:
        self._export.setEnabled(bool(self.session.log.stretches))
        return [self._export]

    def state(self) -> dict[str, Any]:
        return {"microphone": self.input.chosen, "settings": self.options.values().model_dump()}

    def restore(self, state: dict[str, Any]) -> None:
        self.input.wanted = str(state.get("microphone", ""))
        self.options.restore(state.get("settings", {}))

    def shown(self) -> None:
        if not self._recovered:
            self._recovered = True
            recover_recordings(self.tab)
        if not self.session.listening:
            self.input.list_devices()
            self.voice.list_voices(self.voice.profile.name if self.voice.profile is not None else "")

    def hidden(self) -> None:
        self._stop_test()

    async def shut_down(self) -> None:
        self.stop()
        self._timer.stop()
        self.input.stop()
        self.session.end()

    # The session ------------------------------------------------------------------------------------------

    async def _listen_to_sample(self) -> None:
        held_out = held_out_clips(self.tab.models.info())
        clips: list[Clip] = await self.services.worker("sound").run(sample_clips, held_out)
        await self._listen(clips)

    async def _listen(self, clips: list[Clip] | None = None) -> None:
        """To the microphone, or to clips that are given."""
        self._ended = asyncio.Event()
        self._clips = clips or []
        self.tab.clear_messages()
        try:
            with self.tab.busy(Progress()):
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
                recognizer = await self._recognizers.get(WORKER, task)
                await self.session.load(recognizer, self.options.values(), self.voice.profile)
        except Cancelled:
            return False
        self.sight.show_labels(recognizer.labels, recognizer.dimensions)
        return self._ended is not None and not self._ended.is_set()

    def _change_model(self) -> None:
        """The session goes on with the new model, or the new settings."""
        if self.session.listening:
            self.tab.start(self._load())

    def _begin(self) -> None:
        self.session.begin(self.options.record.isChecked())
        self.sight.timeline.show_log(self.session.log)
        self.sight.show_nothing(tr("listening …"))
        self._agree = self._told = 0
        if self._clips:
            self.feed.start(self._clips)
        else:
            self.input.start()
        self._timer.start()
        text = tr(
            "listening · {window} s window every {hop} s",
            window=f"{WINDOW_S:.1f}",
            hop=f"{self.options.hop.value():.1f}",
        )
        self.tab.set_status(text)

    def _end(self) -> None:
        was_listening = self.session.listening
        self._ended = None
        self._timer.stop()
        self.input.stop()
        self.feed.stop()
        self._clips = []
        self.session.end()
        self._show_noise(float("nan"))
        self.tab.set_status("")
        self.services.set_latency("")
        if was_listening:
            self.sight.set_dimmed()

    def _tick(self) -> None:
        """The one timer: draw what was heard, and judge the next window when it is due."""
        self.feed.advance()
        self.input.show_level(self.feed.level_dbfs() if self.feed.hearing else None)
        if self.session.listening:
            source = self.feed if self.feed.hearing else self.input.microphone
            self.sight.pictures.set_live(source.ring.latest(round(SHOWN_S * RATE)), RATE)
            self.session.hop_s = self.options.hop.value()
            self.session.tick(source.ring, source.hearing)
            if self.feed.hearing and self.feed.over:
                self.stop()

    def _show_result(self, result: LiveResult) -> None:
        self.sight.show_result(result, self.session.log)
        self._show_truth(result)
        self.voice.show_person(*self.session.knows())
        self._show_noise(result.snr_db)

    def _show_truth(self, result: LiveResult) -> None:
        """Beside the guess, where clips are heard whose emotion is known."""
        truth = self.feed.truth_of(result.end_time, WINDOW_S) if self.feed.hearing else ""
        if truth and result.label in self.session.labels:
            self._told += 1
            self._agree += result.label == truth
        if not self.feed.hearing:
            self.sight.show_truth("")
        elif truth and not self.session.labels:
            self.sight.show_truth(tr("acted: {word}", word=emotion_words(truth)))
        elif truth:
            word = emotion_words(truth)
            self.sight.show_truth(
                tr("acted: {word} · right in {n} of {all}", word=word, n=self._agree, all=self._told)
            )

    def _show_noise(self, snr_db: float) -> None:
        """Beside the level, while speech stands out of the noise too little for a word to be trusted."""
        noisy = snr_db < TRUSTED_SNR_DB
        low = tr("SNR {db} dB", db=f"{max(snr_db, -20.0):.0f}") if noisy else ""
        if low != self.input.words.text():
            self.input.words.setText(low)
            self.input.words.setToolTip(
                tr(
                    "Speech is less than {least} dB above the noise: do not trust the words. Come closer to the microphone.",
                    least=f"{TRUSTED_SNR_DB:g}",
                )
                if noisy
                else ""
            )

    def _choose_voice(self) -> None:
        """The session goes on with the chosen voice, a stranger's or one that was kept."""
        if self.session.listening:
            self.tab.start(self._load())

    async def _keep_voice(self, name: str) -> None:
        """Keep who speaks; it is the chosen voice then."""
        profile = await self.session.keep(name)
        self.voice.list_voices(profile.name)

    def _failed(self, error: BaseException) -> None:
        self.stop()
        self.tab.show_error(error)

    def _word_painted(self) -> None:
        short = self.session.painted()
        if short:  # not from within a paint event: this changes another label
            QTimer.singleShot(0, self, lambda: self._show_latency(short))

    def _show_latency(self, short: str) -> None:
        if not self.session.listening or not self.session.latencies_s:
            return
        text = tr(
            "latency {now} ms · p95 {p95} ms · skipped {skipped}",
            now=f"{1000 * self.session.latencies_s[-1]:.0f}",
            p95=f"{1000 * self.session.late_s(95):.0f}",
            skipped=self.session.skipped,
        )
        self.sight.latency.setText(text)
        self.services.set_latency(short)

    def _say_lagging(self) -> None:
        words = tr("The model is slower than the hop. Windows are skipped, the newest first.")
        self.tab.show_message("warning", words, [(tr("Listen less often"), self._slower)], key="slow")

    def _slower(self) -> None:
        self.options.hop.setValue(min(5.0, self.options.hop.value() * 2))
        self.session.skipped = 0

    # The microphone ---------------------------------------------------------------------------------------

    def _no_microphone(self, error: UserError) -> None:
        if self._clips and self._ended is not None:  # none is needed now
            return
        self.stop()
        self._stop_test()
        if self.tab.choice.current == "live":
            actions: list[Action] = [
                (tr("Look again"), self.input.list_devices),
                (tr("Try the sample"), self.try_sample),
            ]
            self.tab.messages.show_error(error, actions, key="microphone")

    def _microphone_hint(self, heading: str, text: str) -> None:
        if heading:
            self.tab.show_message("warning", text, heading=heading, key="microphone")
        else:
            self.tab.clear_messages("microphone")

    def _microphone_says(self, state: str, text: str) -> None:
        if state == "lost" and self.session.listening:
            self.sight.show_word(tr("no microphone"))
        name = text or self.input.microphone.device_name
        self.device_note.setText(tr("Listening to {name}", name=name) if state == "listening" else "")

    def _toggle_test(self, on: bool) -> None:
        if not on:
            self._stop_test()
        elif not self.session.listening:
            self.input.start()
            self._timer.start()

    def _stop_test(self) -> None:
        if self.test.isChecked() or (self._timer.isActive() and not self.session.listening):
            self._timer.stop()
            self.input.stop()
        with QSignalBlocker(self.test):
            self.test.setChecked(False)

    # The time line ----------------------------------------------------------------------------------------

    def _save_line(self) -> None:
        name, _ = QFileDialog.getSaveFileName(self, tr("Export the time line"), "session.csv", "CSV (*.csv)")
        if name:
            self.save_line(Path(name))

    def save_line(self, path: Path) -> None:
        """start_s, end_s, label of the session so far."""
        try:
            self.session.log.save(path)
        except UserError as error:
            self.tab.show_error(error)

    def _make_controls(self) -> None:
        self.test = QPushButton(tr("Test"))
        self.test.setCheckable(True)
        self.test.setToolTip(tr("Show the level without recognising anything"))
        self.test.setAccessibleName(tr("Test the microphone"))
        self.test.toggled.connect(self._toggle_test)
        self.input = MicrophoneBox(self.services, self.test, tr("The microphone to listen to"))
        self.controls.addWidget(self.input)
        self.device_note = Elided()
        self.device_note.setProperty("role", "hint")
        self.controls.addWidget(self.device_note)
        self.voice = VoiceBox()
        self.voice.chosen.connect(self._choose_voice)
        self.voice.forgotten.connect(self.session.forget)
        self.voice.keep_asked.connect(lambda name: self.tab.start(self._keep_voice(name)))
        self.voice.failed.connect(self.tab.show_error)
        self.controls.addWidget(self.voice)
        self.sample_link(tr("No microphone?"))
        self._export = QAction(tr("Time line as CSV…"), self)
        self._export.triggered.connect(self._save_line)
