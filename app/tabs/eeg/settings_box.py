"""How is compared and what is left out: the settings in the left column, and as whom is decoded."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QLineEdit, QWidget

from app.i18n import tr
from app.tabs.eeg.cleaning_rows import CleaningRows
from app.tabs.eeg.session import WINDOW_S, EegSession
from app.widgets.section import Fold
from models.checkpoint import CheckpointInfo
from models.eeg.ensembles import named_subjects


class SettingsBox(QWidget):
    """Fills a fold. unknown_named(names): channels were typed that the recording does not have; none where all are known."""

    unknown_named = Signal(list)

    def __init__(self, session: EegSession, fold: Fold) -> None:
        super().__init__(fold)
        self.hide()  # its controls stand in the fold
        self._session, self._fold = session, fold
        self.window_s = _spin(1, 120, WINDOW_S, 0)
        fold.add_row(tr("Window"), self.window_s, "s", tr("r is computed in windows of this length"))
        self.start_s = _spin(-3600, 36000, 0, 2)
        began = tr("When in the recording the stimulus begins; negative where it began before")
        fold.add_row(tr("Stimulus begins at"), self.start_s, "s", began)
        self.stretch = QCheckBox(tr("Stretch the stimulus"))
        self.stretch.setToolTip(tr("To the length of the EEG, which undoes a drift of clocks"))
        fold.add(self.stretch)
        self.bad = QLineEdit()
        self.bad.setPlaceholderText(tr("none"))
        self.bad.setMaximumWidth(128)
        named = tr("Their names, with commas between; a click on a channel's name in the traces does it, too")
        fold.add_row(tr("Bad channels"), self.bad, "", named)
        self.cleaning = CleaningRows(session, fold)
        self.window_s.valueChanged.connect(lambda _value: self._tell())
        self.start_s.valueChanged.connect(lambda _value: self._tell())
        self.stretch.toggled.connect(lambda _on: self._tell())
        self.bad.editingFinished.connect(self.type_bad)
        session.bad_changed.connect(lambda: self.bad.setText(", ".join(sorted(session.marked_bad))))
        self._tell()

    def type_bad(self) -> None:
        """The line of bad channels was edited."""
        recording = self._session.recording
        if recording is None:
            return
        names = {name.strip() for name in self.bad.text().replace(";", ",").split(",") if name.strip()}
        known = {name.lower(): name for name in recording.channel_names}
        self.unknown_named.emit(sorted(name for name in names if name.lower() not in known))
        self._session.set_bad(frozenset(known[name.lower()] for name in names if name.lower() in known))

    def state(self) -> dict[str, Any]:
        """The settings as plain values, for the next start."""
        return {"window_s": self.window_s.value()}

    def restore(self, state: object) -> None:
        """Of an earlier start; what makes no sense is passed over."""
        window = state.get("window_s") if isinstance(state, dict) else None
        if isinstance(window, int | float):
            self.window_s.setValue(float(window))

    def _tell(self) -> None:
        self._fold.set_summary(tr("windows of {seconds:g} s", seconds=self.window_s.value()))
        self._session.set_comparison(self.start_s.value(), self.stretch.isChecked(), self.window_s.value())


class SubjectChoice(QComboBox):
    """Whose EEG the decoder takes it for; there is nothing to choose where it knows nobody by name."""

    def __init__(self, session: EegSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Decode as"))
        self.setToolTip(tr("Whose EEG the decoder takes it for: someone it learned from, or anyone else"))
        self.activated.connect(lambda _index: session.set_subject(str(self.currentData() or "")))
        self.show_subjects(None)

    def show_subjects(self, info: CheckpointInfo | None) -> None:
        """info: of the chosen decoder; a linear one knows nobody by name."""
        names = named_subjects(info) if info is not None else []
        self.clear()
        self.addItem(tr("as an unknown subject"), "")
        for name in names:
            self.addItem(tr("as subject {name}", name=name), name)
        self.setVisible(bool(names))


def _spin(low: float, high: float, value: float, decimals: int) -> QDoubleSpinBox:
    box = QDoubleSpinBox()
    box.setDecimals(decimals)
    box.setRange(low, high)
    box.setValue(value)
    box.setKeyboardTracking(False)
    box.setMaximumWidth(104)
    return box
