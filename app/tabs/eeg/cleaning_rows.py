"""How a recording is preprocessed: reference, notch, bad channels by rule, eyes and heart; rows of the settings."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QCheckBox

from app.i18n import tr
from app.tabs.eeg.session import EegSession
from app.widgets.combo import ElidedCombo
from app.widgets.section import Fold
from models.eeg.cleaning import Cleaning

WIDE_PX, LETTERS = 168, 13  # of a list
NOTCHES_HZ = (50.0, 60.0)


class CleaningRows(QObject):
    """Fills a fold. What is chosen goes to the session at once; while a saved history is in force, nothing can be chosen."""

    def __init__(self, session: EegSession, fold: Fold) -> None:
        super().__init__(fold)
        self._session = session
        reference, notch = tr("EEG reference"), tr("Notch")
        self.reference = ElidedCombo(reference, tr("What all channels are taken against"))
        self.notch = ElidedCombo(notch, tr("Take out the mains' frequency and its multiples"))
        for box, words in ((self.reference, reference), (self.notch, notch)):
            box.setMaximumWidth(WIDE_PX)
            box.setMinimumContentsLength(LETTERS)
            fold.add_row(words, box, "", box.toolTip())
        self.notch.addItem(tr("as the decoder learned"), None)
        for hz in NOTCHES_HZ:
            self.notch.addItem(tr("{hz:g} Hz", hz=hz), hz)
        self.find_bad = QCheckBox(tr("Find bad channels"))
        self.find_bad.setChecked(True)
        self.find_bad.setToolTip(tr("Those that are flat, or much noisier than the others"))
        self.ica = QCheckBox(tr("Remove eyes and heart"))
        self.ica.setToolTip(tr("Components of an ICA that go with the eyes or the heart are taken out"))
        for check in (self.find_bad, self.ica):
            fold.add(check)
            check.toggled.connect(lambda _on: self._tell())
        self._fill()
        for box in (self.reference, self.notch):
            box.activated.connect(lambda _index: self._tell())
        session.part_changed.connect(self._fill)
        session.history_changed.connect(self._enable)

    def _fill(self) -> None:
        """The references that the recording has; what was chosen stays where it can."""
        recording, before = self._session.recording, self.reference.currentData()
        self.reference.clear()
        for words, value in (
            (tr("as the decoder learned"), None),
            (tr("average"), "average"),
            (tr("mastoids"), "mastoids"),
            (tr("none, as recorded"), "none"),
        ):
            self.reference.addItem(words, value)
        for name in (*recording.channel_names, *recording.aside) if recording is not None else ():
            self.reference.addItem(name, name)
        self.reference.setCurrentIndex(max(0, self.reference.findData(before)))
        self._session.cleaning = self._asked()  # without decoding: another recording has just been opened

    def _asked(self) -> Cleaning:
        return replace(
            self._session.cleaning,
            reference=self.reference.currentData(),
            notch_hz=self.notch.currentData(),
            ica=True if self.ica.isChecked() else None,
            find_bad=self.find_bad.isChecked(),
        )

    def _tell(self) -> None:
        self._session.set_cleaning(self._asked())

    def _enable(self) -> None:
        free = self._session.history_path is None
        for widget in (self.reference, self.notch, self.find_bad, self.ica):
            widget.setEnabled(free)
