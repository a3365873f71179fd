"""What can be done with a separated recording, at the foot of the left column: compare, export, send on."""

from __future__ import annotations

from PySide6.QtWidgets import QGridLayout, QPushButton, QWidget

from app import theme
from app.i18n import tr
from app.services import Services
from app.tabs.separation.session import SeparationSession


class Onward(QWidget):
    """Buttons; those that need tracks, or a recording, can be pressed once there are some."""

    def __init__(self, session: SeparationSession, services: Services) -> None:
        super().__init__()
        self._session, self._services = session, services
        self.relay = QPushButton(tr("All the way"))
        self.relay.setToolTip(
            tr(
                "Separate, hear each speaker's emotions, see who was listened to, and show the mesh its frames"
            )
        )
        self.reference = QPushButton(tr("References…"))
        self.reference.setToolTip(tr("The true tracks of this recording, to compare with"))
        self.export = QPushButton(tr("Export tracks…"))
        self.export.setToolTip(tr("Write the tracks to a folder of your choice"))
        self.emotion = QPushButton(tr("Send to Emotion"))
        self.emotion.setToolTip(tr("One emotion time line for each speaker"))
        self.eeg = QPushButton(tr("Send to EEG"))
        self.eeg.setToolTip(tr("The tracks as candidates for the speaker that was listened to"))
        pairs = QGridLayout(
            self
        )  # two in a row: the column fits a window of 1280 by 800 without being scrolled
        pairs.setContentsMargins(0, 0, 0, 0)
        pairs.setSpacing(theme.TINY)
        pairs.addWidget(self.relay, 0, 0, 1, 2)
        for place, button in enumerate((self.reference, self.export, self.emotion, self.eeg)):
            button.setProperty("kind", "small")
            pairs.addWidget(button, 1 + place // 2, place % 2)
        self.relay.clicked.connect(self._all_the_way)
        self.emotion.clicked.connect(self.send_to_emotion)
        self.eeg.clicked.connect(self.send_to_eeg)
        for signal in (session.opened, session.tracks_changed):
            signal.connect(self.enable)
        self.enable()

    def enable(self) -> None:
        """What has something to work on now can be pressed."""
        for button in (self.export, self.emotion, self.eeg):
            button.setEnabled(bool(self._session.tracks))
        for button in (self.relay, self.reference):
            button.setEnabled(self._session.outline is not None)

    def send_to_emotion(self) -> None:
        """The tracks, as one conversation."""
        sent = self._session.conversation
        if sent is not None:
            self._services.send("emotion", sent)

    def send_to_eeg(self) -> None:
        """The tracks, as candidates for the attended speaker."""
        self._services.send("eeg", [track.path for track in self._session.tracks])

    def _all_the_way(self) -> None:
        if self._session.outline is not None:
            self._services.relay_asked.emit(self._session.outline.path)
