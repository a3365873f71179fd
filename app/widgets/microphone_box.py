"""Which microphone, how loud it is, and what is the matter with it: the same wherever sound is taken in."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from app import theme
from app.audio.microphone import Microphone
from app.audio.portaudio import InputDevice
from app.i18n import tr
from app.services import Services
from app.widgets.combo import ElidedCombo
from models.errors import UserError
from models.progress import Cancelled

QUIETEST_DB = -60.0  # where the level's bar begins


class MicrophoneBox(QWidget):
    """The list of microphones, and a line with a button of its owner's, the level and a few words.

    state_changed(state, text): as the microphone's. said(heading, text): a hint about it; both empty: none any more.
    missing(UserError): there is none, or it cannot be opened. listed(int): how many there are.
    """

    state_changed = Signal(str, str)
    said = Signal(str, str)
    missing = Signal(object)
    listed = Signal(int)

    def __init__(self, services: Services, button: QPushButton, tooltip: str) -> None:
        """button: what begins and ends, at the left of the level. tooltip: of the list."""
        super().__init__()
        self._services = services
        self._listing = False
        self.wanted = ""  # the device that was chosen at an earlier start
        self.microphone = Microphone(self)
        self.microphone.state_changed.connect(self._says)
        self.microphone.failed.connect(self.missing)
        self.microphone.silent.connect(self._is_silent)
        self._make(button, tooltip)

    @property
    def chosen(self) -> str:
        """The name of the chosen microphone; empty where none is known."""
        return str(self.device.currentData() or "")

    def start(self) -> None:
        """Listen to the chosen microphone; another one cannot be chosen meanwhile."""
        self.device.setEnabled(False)
        self.microphone.start(self.chosen or None)

    def stop(self) -> None:
        """Close the microphone; another one can be chosen again."""
        self.microphone.stop()
        self.device.setEnabled(True)
        self.level.setValue(0)

    def show_level(self, dbfs: float | None = None) -> None:
        """To be called as often as the level should move. dbfs: of what is heard in the microphone's place."""
        level = self.microphone.level_dbfs() if dbfs is None else dbfs
        share = (level - QUIETEST_DB) / -QUIETEST_DB if np.isfinite(level) else 0.0
        self.level.setValue(round(100 * min(1.0, max(0.0, share))))

    def list_devices(self) -> None:
        """The microphones that there are now, asked for off the GUI thread."""
        if self._listing or not self._services.running_loop():
            return
        self._listing = True
        self._services.worker("sound").submit(
            Microphone.devices, newest_wins="devices", done=self._show_devices, failed=self._not_listed
        )

    def _show_devices(self, devices: list[InputDevice]) -> None:
        self._listing = False
        if not self.device.isEnabled():  # it is listened to
            return
        wanted = self.chosen or self.wanted
        self.device.clear()
        for item in devices:
            self.device.addItem(
                tr("{name} (default)", name=item.name) if item.default else item.name, item.name
            )
        place = self.device.findData(wanted)
        default = next((number for number, item in enumerate(devices) if item.default), 0)
        self.device.setCurrentIndex(place if place >= 0 else default)
        self.listed.emit(len(devices))
        if devices:
            self.said.emit("", "")
        else:
            self.missing.emit(UserError("No microphone was found.", "", "Plug one in, or try the sample."))

    def _not_listed(self, error: BaseException) -> None:
        self._listing = False
        if isinstance(error, UserError):
            self.missing.emit(error)
        elif not isinstance(error, Cancelled):
            self._services.errors.report(error)

    def _says(self, state: str, text: str) -> None:
        if state == "lost":
            self.said.emit(text or tr("The microphone is gone."), tr("It goes on when a microphone is back."))
        elif state in ("listening", "stopped"):
            self.said.emit("", "")
        self.state_changed.emit(state, text)

    def _is_silent(self, text: str) -> None:
        self.said.emit(tr("The microphone gives nothing but silence.") if text else "", text)

    def _make(self, button: QPushButton, tooltip: str) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SMALL)
        self.device = ElidedCombo(tr("Microphone"), tooltip)
        self.device.setPlaceholderText(tr("no microphone yet"))
        row = QHBoxLayout()
        row.setSpacing(theme.SMALL)
        button.setProperty("kind", "small")
        self.level = QProgressBar()
        self.level.setRange(0, 100)
        self.level.setTextVisible(False)
        self.level.setMinimumWidth(40)
        self.level.setAccessibleName(tr("Level"))
        self.level.setToolTip(tr("Level of the microphone, −60 to 0 dB"))
        self.words = QLabel()
        self.words.setProperty("role", "hint")
        row.addWidget(button)
        row.addWidget(self.level, 1)
        row.addWidget(self.words)
        column.addWidget(self.device)
        column.addLayout(row)
