"""The form in which a run is set up: preset, name, device, and every field of the system's training config."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app import tabs, theme
from app.i18n import plural, tr
from app.services import Services
from app.settings import Key
from app.widgets.config_form import ConfigForm
from app.widgets.message_bar import MessageBar
from models.errors import UserError
from models.training.config import preset, presets
from models.training.run_folder import new_run_path

LAST = "\0last"  # the combo's key of what was launched last; no preset can be called so
PLAIN = "\0plain"


class Launcher(QDialog):
    """Raises UserError where the system cannot be trained (it is not built yet)."""

    def __init__(
        self,
        services: Services,
        system: str,
        parent: QWidget | None = None,
        kind: type[BaseModel] | None = None,
    ) -> None:
        """`kind`: the config's class; by default the system's own."""
        if kind is None:
            from models.systems import training_config

            kind = training_config(system)
        super().__init__(parent)
        self._services, self._system = services, system
        self._name_typed = False
        title = tabs.entry(system).title()
        self.setWindowTitle(tr("New training run · {system}", system=title))
        self.resize(640, 720)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.LARGE, theme.MEDIUM, theme.LARGE, theme.MEDIUM)
        layout.setSpacing(12)
        self.messages = MessageBar()
        layout.addWidget(self.messages)
        layout.addLayout(self._make_head())
        self.form = ConfigForm(kind)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(self.form)
        self._scroll = scroll
        layout.addWidget(scroll, 1)
        layout.addLayout(self._make_foot())
        self.form.changed.connect(self._tell)
        self._offer_presets()
        self._offer_devices()
        self._use_preset()

    def _make_head(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(theme.SMALL)
        grid.setVerticalSpacing(theme.SMALL)
        grid.setColumnMinimumWidth(0, 100)
        grid.setColumnStretch(1, 1)
        self.preset = QComboBox()
        self.preset.activated.connect(self._use_preset)
        self.name = QLineEdit()
        self.name.textEdited.connect(self._type_name)
        self.device = QComboBox()
        rows = (
            (tr("Preset"), self.preset, tr("Where the settings start from")),
            (tr("Name"), self.name, tr("The name of the run and of its folder")),
            (tr("Device"), self.device, tr("The processor that trains")),
        )
        for line, (words, widget, tooltip) in enumerate(rows):
            label = QLabel(words)
            label.setBuddy(widget)
            widget.setAccessibleName(words)
            widget.setToolTip(tooltip)
            grid.addWidget(label, line, 0)
            grid.addWidget(widget, line, 1)
        return grid

    def _make_foot(self) -> QHBoxLayout:
        row = QHBoxLayout()
        self.advanced = QCheckBox(tr("Show advanced"))
        self.advanced.toggled.connect(self.form.show_advanced)
        self.summary = QLabel()
        self.summary.setProperty("role", "hint")
        cancel = QPushButton(tr("Cancel"))
        cancel.clicked.connect(self.reject)
        self.start = QPushButton(tr("Start training"))
        self.start.setProperty("kind", "primary")
        self.start.setDefault(True)
        self.start.clicked.connect(self._start)
        row.addWidget(self.advanced)
        row.addWidget(self.summary, 1)
        row.addWidget(cancel)
        row.addWidget(self.start)
        return row

    # Choices ----------------------------------------------------------------------------------------------

    def _offer_presets(self) -> None:
        for name in sorted(presets(self._system), key=lambda name: (name != "default", name)):
            self.preset.addItem(name, name)
        if not self.preset.count():
            self.preset.addItem(tr("Usual values"), PLAIN)
        self._last = self._services.settings.plain(Key.LAUNCHER, self._system)
        if self._last:
            self.preset.addItem(tr("As launched last"), LAST)

    def _use_preset(self) -> None:
        key = self.preset.currentData()
        try:
            values: dict[str, Any] = (
                {} if key == PLAIN else self._last if key == LAST else preset(self._system, key)
            )
        except UserError as error:
            self.messages.show_error(error)
            values = {}
        self.form.set_values(values)
        if not self._name_typed:
            words = "" if key in (LAST, PLAIN) else str(key)
            self.name.setText(new_run_path(self._services.settings.runs_folder, self._system, words).name)

    def _offer_devices(self) -> None:
        self.device.addItem(tr("Automatic"), "auto")
        self.device.addItem("CPU", "cpu")
        chosen = self._services.device
        if chosen not in ("auto", "cpu"):
            self.device.addItem(chosen, chosen)
        self.device.setCurrentIndex(max(0, self.device.findData(chosen)))
        if self._services.running_loop():
            self._services.start(self._ask_devices(), self)

    async def _ask_devices(self) -> None:
        for found in await self._services.devices():
            if self.device.findData(found.name) < 0:
                self.device.addItem(f"{found.name} · {found.title}", found.name)

    def show_error(self, error: BaseException) -> None:
        if isinstance(error, UserError):
            self.messages.show_error(error)
        else:
            self._services.errors.report(error)

    def _type_name(self) -> None:
        self._name_typed = bool(self.name.text().strip())
        self._tell()

    # Checking and starting --------------------------------------------------------------------------------

    def run_path(self) -> Path:
        """The folder the run would get."""
        words = re.sub(r'[\\/:*?"<>|\x00-\x1f]+', "-", self.name.text().strip()).strip(". ")
        return self._services.settings.runs_folder / (words or self._system)

    def _tell(self) -> None:
        taken = (self.run_path() / "config.yaml").exists()
        problems = sum(1 for row in self.form.rows.values() if row.problem.text()) + len(
            self.form.other_problems
        )
        if taken:
            words = tr("There is a run of this name already.")
        elif self.form.other_problems:
            words = self.form.other_problems[0]
        elif problems:
            words = plural("{n} setting cannot be used", "{n} settings cannot be used", problems)
        else:
            changes = len(self.form.changes())
            words = (
                plural("{n} setting changed", "{n} settings changed", changes)
                if changes
                else tr("As the preset")
            )
        self.summary.setText(words)
        self.start.setEnabled(self.form.valid and not taken)

    def _start(self) -> None:
        if self.form.model is None:
            return
        config = self.form.model.model_dump(mode="json")
        device = self.device.currentData() or "auto"
        try:
            self._services.training.start(self.run_path(), self._system, config, device)
        except UserError as error:
            self.messages.show_error(error)
            return
        self._services.settings.set_plain(Key.LAUNCHER, config, self._system)
        self.accept()
