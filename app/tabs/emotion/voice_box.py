"""Whose voice is listened to: a stranger's, or one that was kept; keep, forget, delete."""

from __future__ import annotations

from copy import copy

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QHBoxLayout, QInputDialog, QPushButton, QVBoxLayout, QWidget

from app import theme
from app.i18n import tr
from app.widgets.combo import ElidedCombo
from app.widgets.labels import Elided
from models.emotion import profiles
from models.emotion.person import Person
from models.emotion.profiles import Profile
from models.errors import UserError


class VoiceBox(QWidget):
    """chosen(): another voice than before, `profile` says which. forgotten(): begin anew with a stranger.
    failed(UserError): a voice cannot be kept or deleted."""

    chosen = Signal()
    forgotten = Signal()
    failed = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._person: Person | None = None
        self._hears_by = ""
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.TINY)
        self.box = ElidedCombo(
            tr("Voice"),
            tr(
                "Each word is heard against how the person sounds as a whole. Kept voices stay on this machine."
            ),
        )
        self.box.currentIndexChanged.connect(lambda _index: self._choose())
        self.known = Elided()
        self.known.setProperty("role", "hint")
        row = QHBoxLayout()
        row.setSpacing(theme.SMALL)
        self.forget = _button(tr("Forget"), tr("Forget this voice and begin anew, for somebody else"))
        self.keep = _button(
            tr("Keep…"), tr("Keep how this voice sounds under a name, on this machine only; no sound is kept")
        )
        self.delete = _button(tr("Delete"), tr("Delete the kept voice: nothing of it is left"))
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
    def profile(self) -> Profile | None:
        """The kept voice that is chosen; None for a stranger."""
        found = self.box.currentData()
        return found if isinstance(found, Profile) else None

    def list_voices(self, chosen: str = "") -> None:
        """The voices that are kept now; the one of that name is chosen."""
        with QSignalBlocker(self.box):
            self.box.clear()
            self.box.addItem(tr("A voice it does not know"), None)
            for number, profile in enumerate(profiles.kept(), 1):
                self.box.addItem(profile.name, profile)
                if profile.name == chosen:
                    self.box.setCurrentIndex(number)
        self._enable()

    def show_person(self, person: Person | None, hears_by: str) -> None:
        """How well the person is known by now; nothing where the model hears everybody alike."""
        self._person, self._hears_by = person, hears_by
        seconds = person.speech_s if person is not None else 0.0
        self.known.setText(tr("knows this voice: {seconds} s", seconds=f"{seconds:.0f}") if seconds else "")
        self._enable()

    def keep_as(self, name: str) -> None:
        """Keep the person who is known by now under that name; it is the chosen one then."""
        if self._person is None:
            return
        try:
            profile = profiles.keep(name, copy(self._person), self._hears_by)
        except UserError as error:
            self.failed.emit(error)
            return
        self.list_voices(profile.name)

    def _choose(self) -> None:
        self._enable()
        self.chosen.emit()

    def _ask_name(self) -> None:
        before = self.profile.name if self.profile is not None else ""
        name, agreed = QInputDialog.getText(self, tr("Keep this voice"), tr("Name of the voice"), text=before)
        if agreed:
            self.keep_as(name)

    def _forget(self) -> None:
        with QSignalBlocker(self.box):
            self.box.setCurrentIndex(0)
        self.show_person(None, self._hears_by)
        self.forgotten.emit()

    def _delete(self) -> None:
        profile = self.profile
        if profile is None:
            return
        try:
            profiles.delete(profile)
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
