"""Recording from the microphone: Record and Finish; the finished file is handed on."""

from __future__ import annotations

import time

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from app.audio.recorder import SoundRecorder, folder
from app.i18n import tr
from app.services import Services
from app.widgets.microphone_box import MicrophoneBox
from app.widgets.time_axis import time_words
from app.widgets.waveform import Waveform
from models.errors import UserError

RATE = 16_000
REDRAW_MS = 33
SHOWN_S = 10.0
LEAST_S = 0.05


class RecordBox(QWidget):
    """recorded(path): a recording is finished. running(bool). failed(UserError)."""

    recorded = Signal(object)
    running = Signal(bool)
    failed = Signal(object)

    def __init__(self, services: Services) -> None:
        super().__init__()
        self._recorder: SoundRecorder | None = None
        self._listed = False
        self.record = QPushButton(tr("● Record"))
        self.record.setToolTip(tr("Record from the microphone into your Polyphony folder"))
        self.record.setMinimumWidth(84)  # for both of its words: the level beside it stays where it is
        self.record.clicked.connect(self.toggle)
        self.input = MicrophoneBox(services, self.record, tr("The microphone to record from"))
        self.input.device.hide()
        self.input.listed.connect(lambda count: self.input.device.setVisible(count > 1))
        self.input.missing.connect(self._is_missing)
        self.microphone, self.device, self.elapsed = (
            self.input.microphone,
            self.input.device,
            self.input.words,
        )
        self.elapsed.setFixedWidth(48)
        self.picture = Waveform()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.input)
        self._ticker = QTimer(self)
        self._ticker.setInterval(REDRAW_MS)
        self._ticker.timeout.connect(self._tick)

    @property
    def recording(self) -> bool:
        return self._recorder is not None

    def toggle(self) -> None:
        """Begin to record, or finish."""
        if self.recording:
            self.finish()
        else:
            self._begin()

    def finish(self, problem: UserError | None = None) -> None:
        """Stop, and hand the file on; what was recorded before a problem is kept, too."""
        recorder, self._recorder = self._recorder, None
        if recorder is None:
            return
        problem = problem or self._followed(recorder)
        self._ticker.stop()
        self.input.stop()
        self.record.setText(tr("● Record"))
        self.elapsed.setText("")
        self.running.emit(False)
        if recorder.seconds < LEAST_S:
            recorder.discard()
            problem = problem or UserError(
                "Nothing was recorded.", "No sound came from the microphone yet.", "Record again."
            )
        else:
            try:
                self.recorded.emit(recorder.close()[0])
            except UserError as error:
                problem = problem or error
        if problem is not None:
            self.failed.emit(problem)

    def list_devices(self) -> None:
        """The microphones that there are; asked for once."""
        if not self._listed:
            self._listed = True
            self.input.list_devices()

    def _is_missing(self, error: UserError) -> None:
        """That there is none is said when a person wants to record."""
        if self.recording:
            self.finish(error)

    def _begin(self) -> None:
        try:
            stem = folder() / time.strftime("recording-%Y%m%d-%H%M%S")
            self._recorder = SoundRecorder(stem, RATE)
        except UserError as error:
            self.failed.emit(error)
            return
        self.input.start()
        self.record.setText(tr("■ Finish"))
        self.picture.show_nothing()
        self._ticker.start()
        self.running.emit(True)

    def _tick(self) -> None:
        self.input.show_level()
        heard = self.microphone.ring.latest(round(SHOWN_S * RATE))
        self.picture.set_live(heard.samples, RATE, SHOWN_S, heard.end_index)
        if self._recorder is None:
            return
        problem = self._followed(self._recorder)
        self.elapsed.setText(time_words(self._recorder.seconds, 0.1))
        if problem is not None:
            self.finish(problem)

    def _followed(self, recorder: SoundRecorder) -> UserError | None:
        """Write what was heard meanwhile; what went wrong with that, such as a full disk."""
        try:
            recorder.follow(self.microphone.ring)
        except UserError as error:
            return error
        return None
