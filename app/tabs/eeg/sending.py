"""What goes on to ReverberationNet: the preprocessed EEG in windows, as sequences."""

from __future__ import annotations

from PySide6.QtWidgets import QPushButton

from app.i18n import tr
from app.tabs.eeg.session import EegSession
from app.tabs.host import Host
from models.eeg.sequences import windows_of
from models.errors import UserError

WINDOW_S = 1.0


class SendWindows(QPushButton):
    """A button; it can be pressed once something was decoded."""

    def __init__(self, host: Host, session: EegSession) -> None:
        super().__init__(tr("Send windows to ReverberationNet"))
        self._host, self._session = host, session
        self.setToolTip(
            tr(
                "The preprocessed EEG, cut into windows of a second, as sequences for the ReverberationNet tab"
            )
        )
        self.clicked.connect(self._send)
        for signal in (session.part_changed, session.decoded):
            signal.connect(self._enable)
        self._enable()

    def _enable(self) -> None:
        self.setEnabled(self._session.result is not None)

    def _send(self) -> None:
        result = self._session.result
        if result is None:
            return
        try:
            outcome = windows_of(result.decoding.eeg, result.decoding.sample_rate, WINDOW_S)
        except UserError as error:
            self._host.show_error(error)
            return
        self._host.services.send("reverberation", outcome)
