"""Recording from the microphone: which one, Record and Stop, the level; the finished file is handed on."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from app import theme
from app.audio.microphone import Microphone
from app.audio.recorder import SoundRecorder, recover
from app.i18n import tr
from app.services import Services
from app.widgets.time_axis import time_words
from app.widgets.waveform import Waveform
from models import resources
from models.errors import UserError
from models.progress import Cancelled

RATE = 16_000
REDRAW_MS = 33
SHOWN_S = 10.0
LEAST_S = 0.05


class MicrophoneBox(QWidget):
    """recorded(path): a recording is finished. running(bool). failed(UserError). said(str): a hint, empty: none any more."""

    recorded = Signal(object)
    running = Signal(bool)
    failed = Signal(object)
    said = Signal(str)

    def __init__(self, services: Services) -> None:
        super().__init__()
        self._services = services
        self._recorder: SoundRecorder | None = None
        self._listed = False
        self.wanted = ""  # the device that was chosen at an earlier start
        self.microphone = Microphone(self)
        self.microphone.state_changed.connect(self._says)
        self.microphone.failed.connect(self.finish)
        self.microphone.silent.connect(self._is_silent)
        self.picture = Waveform()
        self._make()
        self._ticker = QTimer(self)
        self._ticker.setInterval(REDRAW_MS)
        self._ticker.timeout.connect(self._tick)

    @property
    def recording(self) -> bool:
        return self._recorder is not None

    def toggle(self) -> None:
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
        self.microphone.stop()
        self.device.setEnabled(True)
        self.record.setText(tr("● Record"))
        self.level.setValue(0)
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
        """The microphones that there are, asked for off the GUI thread; once."""
        if self._listed or not self._services.running_loop():
            return
        self._listed = True
        self._services.worker("sound").submit(
            Microphone.devices, newest_wins="devices", done=self._show_devices, failed=self._no_devices
        )

    def recovered(self) -> list[Path]:
        """What a crash left unfinished, with its names now. Raises UserError."""
        return recover(folder())

    def _show_devices(self, found: list) -> None:
        wanted = self.device.currentData() or self.wanted
        self.device.clear()
        for one in found:
            self.device.addItem(tr("{name} (default)", name=one.name) if one.default else one.name, one.name)
        place = self.device.findData(wanted)
        default = next((number for number, one in enumerate(found) if one.default), 0)
        self.device.setCurrentIndex(place if place >= 0 else default)
        self.device.setVisible(len(found) > 1)

    def _no_devices(self, error: BaseException) -> None:
        """That there is none is said when a person wants to record."""
        if not isinstance(error, UserError | Cancelled):
            self._services.errors.report(error)

    def _begin(self) -> None:
        try:
            stem = folder() / time.strftime("recording-%Y%m%d-%H%M%S")
            self._recorder = SoundRecorder(stem, RATE)
        except UserError as error:
            self.failed.emit(error)
            return
        self.microphone.start(self.device.currentData() or None)
        self.device.setEnabled(False)
        self.record.setText(tr("■ Finish"))
        self.picture.show_nothing()
        self._ticker.start()
        self.running.emit(True)

    def _tick(self) -> None:
        level = self.microphone.level_dbfs()
        self.level.setValue(int(np.clip((level + 60) / 60 * 100, 0, 100)) if np.isfinite(level) else 0)
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

    def _says(self, state: str, text: str) -> None:
        if state == "lost":
            self.said.emit(text or tr("The microphone is gone."))
        elif state in ("listening", "stopped"):
            self.said.emit("")

    def _is_silent(self, text: str) -> None:
        self.said.emit(f"{tr('The microphone gives nothing but silence.')} {text}" if text else "")

    def _make(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SMALL)
        row = QHBoxLayout()
        row.setSpacing(theme.SMALL)
        self.record = QPushButton(tr("● Record"))
        self.record.setProperty("kind", "small")
        self.record.setToolTip(tr("Record from the microphone into your Polyphony folder"))
        self.record.clicked.connect(self.toggle)
        self.level = QProgressBar()
        self.level.setRange(0, 100)
        self.level.setTextVisible(False)
        self.level.setMinimumWidth(40)
        self.record.setMinimumWidth(84)  # for both of its words: the level beside it stays where it is
        self.level.setAccessibleName(tr("Level"))
        self.level.setToolTip(tr("Level of the microphone, −60 to 0 dB"))
        self.elapsed = QLabel()
        self.elapsed.setProperty("role", "hint")
        self.elapsed.setFixedWidth(48)
        row.addWidget(self.record)
        row.addWidget(self.level, 1)
        row.addWidget(self.elapsed)
        column.addLayout(row)
        self.device = QComboBox()
        self.device.setAccessibleName(tr("Microphone"))
        self.device.setToolTip(tr("The microphone to record from"))
        self.device.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.device.hide()
        column.addWidget(self.device)


def folder() -> Path:
    return resources.home() / "recordings"
