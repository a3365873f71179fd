"""Whose voice is listened to: a stranger's, or one that was kept; keep, forget, delete."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QHBoxLayout, QInputDialog, QPushButton, QVBoxLayout, QWidget

from app import theme
from app.i18n import tr
from app.widgets.combo import ElidedCombo
from app.widgets.labels import Elided
from models import voice_profiles
from models.emotion.person import Person
from models.errors import UserError
from models.voice_profiles import VoiceProfile


class VoiceBox(QWidget):
    """chosen(): another voice than before, `profile` says which. forgotten(): begin anew with a stranger.
    keep_asked(name): keep who speaks under that name. failed(UserError): a voice cannot be deleted."""

    chosen = Signal()
    forgotten = Signal()
    keep_asked = Signal(str)
    failed = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._person: Person | None = None
        self._features_identity = ""
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.TINY)
        self.box = ElidedCombo(
            tr("Voice"),
            tr(
                "Each word is heard against how the person sounds as a whole. Kept voices stay on this machine; those kept in Separation are here, too."
            ),
        )
        self.box.currentIndexChanged.connect(lambda _index: self._choose())
        self.known = Elided()
        self.known.setProperty("role", "hint")
        row = QHBoxLayout()
        row.setSpacing(theme.SMALL)
        self.forget = _button(tr("Forget"), tr("Forget this voice and begin anew, for somebody else"))
        self.keep = _button(
            tr("Keep…"),
            tr(
                "Keep how this voice sounds under a name, on this machine only, also for Separation; no sound is kept"
            ),
        )
        self.delete = _button(
            tr("Delete"), tr("Delete the kept voice, here and in Separation: nothing of it is left")
        )
        self.forget.clicked.connect(self._forget)
        self.keep.clicked.connect(self._ask_name)
        self.delete.clicked.connect(self._delete)
        for button in (self.forget, self.keep, self.delete):
            row.addWidget(button)
        row.addStretch(1)
        column.addWidget(self.box)
        column.addWidget(self.known)
        column.addLayout(row)
        self.list_voices()
        self.show_person(None, "")

    @property
    def profile(self) -> VoiceProfile | None:
        """The kept voice that is chosen; None for a stranger."""
        chosen = self.box.currentData()
        return chosen if isinstance(chosen, VoiceProfile) else None

    def list_voices(self, chosen: str = "") -> None:
        """The voices that are kept now; the one of that name is chosen."""
        with QSignalBlocker(self.box):
            self.box.clear()
            self.box.addItem(tr("A voice it does not know"), None)
            for number, profile in enumerate(voice_profiles.profiles(), 1):
                self.box.addItem(profile.name, profile)
                if profile.name == chosen:
                    self.box.setCurrentIndex(number)
        self._show_known()

    def show_person(self, person: Person | None, features_identity: str) -> None:
        """How well the person is known by now; nothing where the model hears everybody alike."""
        self._person, self._features_identity = person, features_identity
        self._show_known()

    def _show_known(self) -> None:
        seconds = self._person.speech_s if self._person is not None else 0.0
        profile, words = self.profile, ""
        if seconds:
            words = tr("knows this voice: {seconds} s", seconds=f"{seconds:.0f}")
        elif profile is not None and self._features_identity not in ("", *profile.features):
            words = tr("new to this model: speak, then keep it")
        self.known.setText(words)
        self._enable()

    def _choose(self) -> None:
        self._show_known()
        self.chosen.emit()

    def _ask_name(self) -> None:
        before = self.profile.name if self.profile is not None else ""
        name, agreed = QInputDialog.getText(self, tr("Keep this voice"), tr("Name of the voice"), text=before)
        if agreed:
            self.keep_asked.emit(name)

    def _forget(self) -> None:
        with QSignalBlocker(self.box):
            self.box.setCurrentIndex(0)
        self.show_person(None, self._features_identity)
        self.forgotten.emit()

    def _delete(self) -> None:
        profile = self.profile
        if profile is None:
            return
        try:
            voice_profiles.delete(profile)
        except UserError as error:
            self.failed.emit(error)
            return
        self.list_voices()
        self._forget()

    def _enable(self) -> None:
        there = self._person is not None and self._person.speech_s > 0
        self.forget.setVisible(there)
        self.keep.setVisible(there)
        self.delete.setVisible(self.profile is not None)


def _button(words: str, tooltip: str) -> QPushButton:
    button = QPushButton(words)
    button.setProperty("kind", "small")
    button.setToolTip(tooltip)
    return button
