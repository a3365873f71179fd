"""What a person can choose about the whole program. Everything takes effect at once, save the language."""

from __future__ import annotations

import os
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from app import motion, theme
from app.i18n import LANGUAGES, tr
from app.paths import exists
from app.services import Services
from app.settings import Key, set_offline
from app.widgets import focus
from models.resources import runs_folder

LONGEST_NAME = 255  # bytes, on the usual file systems


class SettingsDialog(QDialog):
    """One page; each change is kept when it is made."""

    theme_chosen = Signal(str)

    def focusNextPrevChild(self, next: bool) -> bool:
        return focus.move(self, next)

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self._settings = services.settings
        self.setWindowTitle(tr("Settings"))
        self.setMinimumWidth(520)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.LARGE, theme.LARGE, theme.LARGE, theme.MEDIUM)
        layout.setSpacing(theme.MEDIUM)
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(theme.MEDIUM)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnStretch(1, 1)
        self._lines = 0
        layout.addLayout(self._grid)
        self._add_language()
        self._add_theme()
        self._add_motion()
        self._add_device()
        self._add_threads()
        self._add_runs_folder()
        self._add_offline()
        layout.addStretch(1)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.accept)
        layout.addWidget(buttons)

    def _row(self, words: str, widget: QWidget, hint: str = "", control: QWidget | None = None) -> QLabel:
        label = QLabel(words)
        label.setBuddy(control or widget)
        (control or widget).setAccessibleName(words)
        (control or widget).setToolTip(hint or words)
        note = QLabel(hint)
        note.setProperty("role", "hint")
        note.setWordWrap(True)
        self._grid.addWidget(label, self._lines, 0, Qt.AlignmentFlag.AlignVCenter)
        self._grid.addWidget(widget, self._lines, 1)
        self._grid.addWidget(note, self._lines + 1, 1)
        note.setVisible(bool(hint))
        self._grid.setRowMinimumHeight(self._lines + 1, 22 if hint else 10)
        self._lines += 2
        return note

    # The rows ---------------------------------------------------------------------------------------------

    def _add_language(self) -> None:
        self.language = QComboBox()
        for code, words in LANGUAGES.items():
            self.language.addItem(tr("System language") if code == "system" else words, code)
        self.language.setCurrentIndex(self.language.findData(self._settings.language))
        self._language_note = self._row(tr("Language"), self.language, " ")
        self.language.activated.connect(self._set_language)

    def _set_language(self) -> None:
        self._settings.set(Key.LANGUAGE, self.language.currentData())
        self._language_note.setText(tr("The language changes when Polyphony is started again."))

    def _add_theme(self) -> None:
        self.theme = QComboBox()
        for code, words in (("system", tr("As the system")), ("light", tr("Light")), ("dark", tr("Dark"))):
            self.theme.addItem(words, code)
        self.theme.setCurrentIndex(self.theme.findData(self._settings.theme))
        self._row(tr("Theme"), self.theme)
        self.theme.activated.connect(lambda _index: self.theme_chosen.emit(self.theme.currentData()))

    def _add_motion(self) -> None:
        self.motion = QComboBox()
        if motion.system_prefers_less() is not None:
            self.motion.addItem(tr("As the system"), "system")
        self.motion.addItem(tr("Full"), "full")
        self.motion.addItem(tr("Reduced"), "reduced")
        self.motion.setCurrentIndex(max(0, self.motion.findData(self._settings.motion)))
        hint = tr("Reduced: bars, menus and progress take their new place at once.")
        self._row(tr("Motion"), self.motion, hint)
        self.motion.activated.connect(self._set_motion)

    def _set_motion(self) -> None:
        self._settings.set(Key.MOTION, self.motion.currentData())
        motion.apply(self._settings.motion)

    def _add_device(self) -> None:
        self.device = QComboBox()
        self.device.addItem(tr("Automatic"), "auto")
        self.device.addItem("CPU", "cpu")
        chosen = self._settings.device
        if chosen not in ("auto", "cpu"):
            self.device.addItem(chosen, chosen)
        self.device.setCurrentIndex(max(0, self.device.findData(chosen)))
        self._device_note = self._row(tr("Device"), self.device, tr("Looking what this machine has…"))
        self.device.activated.connect(self._set_device)
        if self._services.running_loop():
            self._services.start(self._ask_devices(), until=self)

    async def _ask_devices(self) -> None:
        result = await self._services.devices()
        for item in result:
            if item.name == "cpu":
                continue
            words = f"{item.name} · {item.title}"
            if item.memory_bytes:
                words += f" · {item.memory_bytes / 2**30:.0f} GB"
            index = self.device.findData(item.name)
            if index >= 0:
                self.device.setItemText(index, words)
            else:
                self.device.addItem(words, item.name)
        if any(item.name != "cpu" for item in result):
            self._device_note.setText(tr("Automatic takes the graphics processor."))
        else:
            self._device_note.setText(tr("No graphics processor was found; the CPU computes."))

    def _set_device(self) -> None:
        name = self.device.currentData()
        self._settings.set(Key.DEVICE, name)
        self._services.device_changed.emit(name)

    def _add_threads(self) -> None:
        self.threads = QSpinBox()
        theme.pad(self.threads)
        self.threads.setRange(0, os.cpu_count() or 1)
        self.threads.setSpecialValueText(tr("Automatic"))
        self.threads.setValue(self._settings.threads)
        self._row(tr("CPU threads"), self.threads, tr("How many cores the window's own models may use."))
        self.threads.valueChanged.connect(lambda value: self._settings.set(Key.THREADS, value))

    def _add_runs_folder(self) -> None:
        box = QWidget()
        row = QHBoxLayout(box)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        self.runs = QLineEdit(self._settings.text(Key.RUNS_FOLDER))
        self.runs.setPlaceholderText(str(runs_folder()))
        button = QPushButton("…")
        button.setProperty("kind", "small")
        button.setAccessibleName(tr("Choose a folder"))
        button.setToolTip(tr("Choose a folder"))
        button.clicked.connect(self._choose_runs)
        row.addWidget(self.runs, 1)
        row.addWidget(button)
        usual = tr("Where training runs are kept.")
        self._runs_note = self._row(tr("Runs folder"), box, usual, self.runs)
        self.runs.editingFinished.connect(self._set_runs)

    def _choose_runs(self) -> None:
        start = str(self._settings.runs_folder)
        name = QFileDialog.getExistingDirectory(self, tr("Choose a folder"), start)
        if name:
            self.runs.setText(name)
            self._set_runs()

    def _set_runs(self) -> None:
        text = self.runs.text().strip()
        if text and not Path(text).expanduser().is_absolute():
            self._runs_note.setText(tr("Give the whole path, from the root of the disk."))
            return
        path = Path(text).expanduser() if text else None
        if path is not None and exists(path) and not path.is_dir():
            self._runs_note.setText(tr("This is a file, not a folder."))
            return
        if path is not None and max(len(os.fsencode(part)) for part in path.parts) > LONGEST_NAME:
            self._runs_note.setText(tr("This name is too long for a folder."))
            return
        self._runs_note.setText(tr("Where training runs are kept."))
        self._settings.set(Key.RUNS_FOLDER, str(path) if path else "")
        self._services.training.rescan()

    def _add_offline(self) -> None:
        self.offline = QCheckBox(tr("Work offline"))
        self.offline.setChecked(self._settings.offline)
        self._row("", self.offline, tr("Nothing is downloaded; models come from this machine."))
        self.offline.setAccessibleName(tr("Work offline"))
        self.offline.toggled.connect(lambda on: set_offline(self._settings, on))
