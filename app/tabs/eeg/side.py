"""At the right: the history of preprocessing."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.i18n import plural, tr
from app.tabs.eeg.session import EegSession
from app.widgets.labels import Hint
from models.eeg.cleaning import faulty
from models.errors import UserError

NAMES_CHANNELS = ("pick", "ica")  # steps whose words only say how many channels


class HistoryPage(QWidget):
    """What was done to the EEG, step by step. replay_wanted(path): a saved one is to be run again. save_wanted().
    refused(error): there is no script of it."""

    replay_wanted = Signal(object)
    save_wanted = Signal()
    refused = Signal(object)  # UserError

    def __init__(self, session: EegSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SMALL)
        explanation = tr(
            "What was done to the recording, in this order. It can be saved and run again on the same recording."
        )
        self.words = Hint(explanation)
        self.steps = QListWidget()
        self.steps.setAccessibleName(tr("Steps of the preprocessing"))
        self.steps.setWordWrap(True)
        self.source = QLabel()
        self.source.setProperty("role", "hint")
        self.source.setTextFormat(Qt.TextFormat.PlainText)
        self.source.setWordWrap(True)
        self.source.hide()
        row = QHBoxLayout()
        self.save = QPushButton(tr("Save…"))
        self.save.setProperty("kind", "small")
        self.save.setToolTip(tr("Save the history as JSON"))
        self.save.clicked.connect(self.save_wanted)
        self.save.setEnabled(False)
        load = QPushButton(tr("Run a saved one…"))
        load.setProperty("kind", "small")
        load.setToolTip(tr("Preprocess as a saved history says"))
        load.clicked.connect(self._choose)
        self.copy = QPushButton(tr("Copy as MNE code"))
        self.copy.setProperty("kind", "small")
        self.copy.setToolTip(tr("The same steps as a script of MNE's own calls, into the clipboard"))
        self.copy.clicked.connect(lambda _on=False: self.copy_script())
        self.copy.setEnabled(False)
        row.addWidget(self.save)
        row.addWidget(load)
        row.addStretch(1)
        self.forget = QPushButton(tr("Preprocess anew"))
        self.forget.setProperty("kind", "link")
        self.forget.setToolTip(tr("Leave the saved history and find bad channels again"))
        self.forget.clicked.connect(session.forget_history)
        self.forget.hide()
        column.addWidget(self.words)
        column.addWidget(self.steps, 1)
        column.addWidget(self.source)
        column.addLayout(row)
        column.addWidget(self.copy, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.forget)

        for signal in (session.part_changed, session.decoded):
            signal.connect(self._show)
        session.history_changed.connect(self._show_source)

    def _show(self) -> None:
        result = self._session.result
        self.steps.clear()
        self.save.setEnabled(result is not None)
        self.copy.setEnabled(result is not None)
        self.copy.setText(tr("Copy as MNE code"))
        if result is None:
            return
        history = result.decoding.history
        for number, step in enumerate(history.steps, 1):
            item = QListWidgetItem(f"{number}  {step_words(step)}")
            if step["step"] in NAMES_CHANNELS:
                item.setToolTip(escape(", ".join(step["channels"])))
            self.steps.addItem(item)

    def copy_script(self) -> None:
        """The history as MNE code, into the clipboard."""
        from models.eeg.mne_code import script

        result, recording = self._session.result, self._session.recording
        if result is None or recording is None:
            return
        try:
            QGuiApplication.clipboard().setText(script(recording, result.decoding.history))
        except UserError as error:
            self.refused.emit(error)
            return
        self.copy.setText(tr("Copied"))

    def _show_source(self) -> None:
        """Which saved history is in force."""
        path = self._session.history_path
        self.source.setVisible(path is not None)
        self.forget.setVisible(path is not None)
        self.source.setText(tr("As {name} says.", name=path.name) if path is not None else "")

    def _choose(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, tr("Saved history"), "", "JSON (*.json)")
        if name:
            self.replay_wanted.emit(Path(name))


def step_words(step: dict[str, Any]) -> str:
    """A step of the history for people; one of another version is told as it stands."""
    if step["step"] == "pick":
        return plural("{n} channel picked", "{n} channels picked", len(step["channels"]))
    if step["step"] == "resample" and step["from_hz"] == step["to_hz"]:
        return tr("left at {rate:g} Hz", rate=step["to_hz"])
    if step["step"] == "resample":
        return tr("resampled from {before:g} to {after:g} Hz", before=step["from_hz"], after=step["to_hz"])
    if step["step"] == "interpolate":
        reasons = step.get("reasons", ["not a number"] * len(step["channels"]))
        names = faulty(dict(zip(step["channels"], reasons, strict=True)))
        return tr("bad channels mended from their neighbours: {names}", names=names)
    if step["step"] == "ica":
        eyes, heart = step["found"].count("eye"), step["found"].count("heart")
        return tr("components taken out: {eyes} of the eyes, {heart} of the heart", eyes=eyes, heart=heart)
    if step["step"] == "reference" and step["to"] == "average":
        return tr("re-referenced to the average of all channels")
    if step["step"] == "reference":
        return tr("re-referenced to {names}", names=", ".join(step["channels"]))
    if step["step"] == "notch":
        return tr("notches at {list} Hz", list=", ".join(f"{hz:g}" for hz in step["hz"]))
    if step["step"] == "band-pass":
        return tr(
            "filtered to {low:g}–{high:g} Hz, the whole recording at once",
            low=step["low_hz"],
            high=step["high_hz"],
        )
    return str(step["step"])
