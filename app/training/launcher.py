"""The form in which a run is set up: preset, name, device, and every field of the system's training config."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
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

from app import systems, theme
from app.i18n import plural, tr
from app.services import Services
from app.settings import Key
from app.training.data_check import DataCheck, DataWords
from app.training.runs import Proposal
from app.training.variants import Variant, Variants
from app.widgets import focus
from app.widgets.config_editors import problem_words
from app.widgets.config_fields import titles_of
from app.widgets.config_form import ConfigForm
from app.widgets.labels import Hint
from app.widgets.message_bar import MessageBar
from models.errors import UserError
from models.systems import system
from models.training.config import override, preset, presets
from models.training.runs import new_run_path

LAST = "\0last"  # the combo's key of what was launched last; no preset can be called so
PLAIN = "\0plain"
PROPOSED = "\0proposed"


class Launcher(QDialog):
    """A dialog; the run is started, or put into the queue, when it is accepted."""

    def focusNextPrevChild(self, next: bool) -> bool:
        return focus.move(self, next)

    def __init__(
        self,
        services: Services,
        system: str,
        parent: QWidget | None = None,
        kind: type[BaseModel] | None = None,
        proposal: Proposal | None = None,
    ) -> None:
        """kind: the config's class; by default the system's own, whose data is checked before a start.
        proposal: what to begin with, of a run to be done again with changes."""
        self._checks_data = kind is None
        if kind is None:
            from models.systems import training_config

            kind = training_config(system)
        super().__init__(parent)
        self._services, self._system = services, system
        self._name_typed = False
        self._proposal = proposal
        self._found: tuple[dict[str, Any], dict[str, Any]] | None = None  # config and what its data came to
        self._starting = False
        title = systems.entry(system).title()
        self.setWindowTitle(tr("New training run · {system}", system=title))
        self.resize(640, 720)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.LARGE, theme.MEDIUM, theme.LARGE, theme.MEDIUM)
        layout.setSpacing(12)
        self.messages = MessageBar()
        layout.addWidget(self.messages)
        layout.addLayout(self._make_head())
        self.form = ConfigForm(kind)
        self.variants = Variants(titles_of(kind), self._problem_of)
        layout.addWidget(self.variants)
        self.data_words = DataWords()
        layout.addWidget(self.data_words)
        self.data_check = DataCheck(self)
        self.data_check.done.connect(self._data_found)
        self.data_check.failed.connect(self._data_failed)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(self.form)
        self._scroll = scroll
        layout.addWidget(scroll, 1)
        layout.addLayout(self._make_foot())
        self.form.changed.connect(self._tell)
        self.variants.changed.connect(self._tell)
        self.finished.connect(lambda _result: self.data_check.stop())
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
        self.by = QComboBox()
        self._offer_folds()
        self.when = QComboBox()
        self.when.addItem(tr("When the device is free"), "queue")
        self.when.addItem(tr("At once"), "now")
        rows = (
            (tr("Preset"), self.preset, tr("Where the settings start from")),
            (tr("Name"), self.name, tr("The name of the run and of its folder")),
            (tr("Device"), self.device, tr("The processor that trains")),
            (
                tr("Judged on"),
                self.by,
                tr("A cross-validation trains a fold for each, and judges it on what was left out"),
            ),
            (tr("Start"), self.when, tr("One run at a time on a device, or beside those that run")),
        )
        for line, (words, widget, tooltip) in enumerate(rows):
            label = QLabel(words)
            label.setBuddy(widget)
            widget.setAccessibleName(words)
            widget.setToolTip(tooltip)
            grid.addWidget(label, line, 0)
            grid.addWidget(widget, line, 1)
            if widget is self.by and self.by.count() < 2:
                label.hide()
                widget.hide()
        self.one_card = Hint(
            tr("Its folds are trained one after the other on one graphics card; the others stay free.")
        )
        self.one_card.hide()
        grid.addWidget(self.one_card, len(rows), 1)
        return grid

    def _offer_folds(self) -> None:
        words = {
            "speaker": tr("Each speaker in turn (cross-validation)"),
            "session": tr("Each session in turn (cross-validation)"),
            "sex": tr("Each sex in turn (cross-validation)"),
            "subject": tr("Each subject in turn (cross-validation)"),
            "k": tr("Each of several parts in turn (cross-validation)"),
        }
        self.by.addItem(tr("One split of the data"), "")
        for name in system(self._system).crossval_by:
            self.by.addItem(words.get(name, name), name)
        if self._proposal is not None:
            self.by.setCurrentIndex(max(0, self.by.findData(self._proposal.by)))
        self.by.currentIndexChanged.connect(lambda _index: self._tell())

    def _make_foot(self) -> QHBoxLayout:
        row = QHBoxLayout()
        self.advanced = QCheckBox(tr("Show advanced"))
        self.advanced.toggled.connect(self.form.show_advanced)
        self.summary = QLabel()
        self.summary.setProperty("role", "hint")
        self.check = QPushButton(tr("Check the data"))
        self.check.setProperty("kind", "link")
        self.check.setToolTip(tr("Counts, durations and what would be skipped, without training"))
        self.check.clicked.connect(self._check_data)
        self.check.setVisible(self._checks_data)
        cancel = QPushButton(tr("Cancel"))
        cancel.clicked.connect(self.reject)
        self.start = QPushButton(tr("Start training"))
        self.start.setProperty("kind", "primary")
        self.start.setDefault(True)
        self.start.clicked.connect(self._start)
        row.addWidget(self.advanced)
        row.addWidget(self.summary, 1)
        row.addWidget(self.check)
        row.addWidget(cancel)
        row.addWidget(self.start)
        return row

    # Choices ----------------------------------------------------------------------------------------------

    def _offer_presets(self) -> None:
        for name in sorted(presets(self._system), key=lambda name: (name != "default", name)):
            self.preset.addItem(name, name)
        if not self.preset.count():
            self.preset.addItem(tr("Usual values"), PLAIN)
        if self._proposal is not None:
            self.preset.insertItem(0, tr("As {name}", name=self._proposal.name), PROPOSED)
            self.preset.setCurrentIndex(0)
        self._last = self._services.settings.plain(Key.LAUNCHER, self._system)
        if self._last:
            self.preset.addItem(tr("As launched last"), LAST)

    def _use_preset(self) -> None:
        key = self.preset.currentData()
        try:
            values: dict[str, Any] = (
                {}
                if key == PLAIN
                else self._last
                if key == LAST
                else self._proposed()
                if key == PROPOSED
                else preset(self._system, key)
            )
        except UserError as error:
            self.messages.show_error(error)
            values = {}
        self.form.set_values(values)
        if not self._name_typed:
            words = "" if key in (LAST, PLAIN, PROPOSED) else str(key)
            if key == PROPOSED and self._proposal is not None:
                self.name.setText(self._proposal.name)
                return
            self.name.setText(new_run_path(self._services.settings.runs_folder, self._system, words).name)

    def _proposed(self) -> dict[str, Any]:
        return self._proposal.config if self._proposal is not None else {}

    def _offer_devices(self) -> None:
        self.device.addItem(tr("Automatic"), "auto")
        self.device.addItem("CPU", "cpu")
        chosen = self._services.device
        if chosen not in ("auto", "cpu"):
            self.device.addItem(chosen, chosen)
        self.device.setCurrentIndex(max(0, self.device.findData(chosen)))
        if self._services.running_loop():
            self._services.start(self._ask_devices(), self, until=self)

    async def _ask_devices(self) -> None:
        for result in await self._services.devices():
            if self.device.findData(result.name) < 0:
                self.device.addItem(f"{result.name} · {result.title}", result.name)
        cards = sum(self.device.itemData(i).startswith("cuda:") for i in range(self.device.count()))
        if cards > 1:
            self.device.addItem(tr("All {n} graphics cards together", n=cards), f"cuda*{cards}")
        self.device.currentIndexChanged.connect(lambda _index: self._tell())

    def show_error(self, error: BaseException) -> None:
        """Show a UserError in the dialog, and report anything else as an error of the program."""
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

    def _problem_of(self, values: dict[str, Any]) -> str:
        """What is wrong with a variant's values."""
        try:
            self.form.kind.model_validate(values)
        except ValidationError as error:
            return problem_words(error.errors()[0])
        return ""

    def _tell(self) -> None:
        variants = self.variants.variants()
        taken = any((path / "config.yaml").exists() for path, _ in self._paths(variants))
        fit = self.form.model is None or self.variants.check(self.form.model.model_dump(mode="json"))
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
        together = str(self.device.currentData() or "").startswith("cuda*")
        self.one_card.setVisible(together and bool(self.by.currentData()))
        self.start.setEnabled(self.form.valid and fit and not taken and not self._starting)
        self.start.setText(
            plural("Start {n} run", "Start {n} runs", len(variants))
            if len(variants) > 1
            else tr("Start cross-validation")
            if self.by.currentData()
            else tr("Start training")
        )
        self.check.setEnabled(self.form.valid and not self.data_check.running)

    def _paths(self, variants: list[Variant]) -> list[tuple[Path, Variant]]:
        path = self.run_path()
        if len(variants) == 1:
            return [(path, variants[0])]
        return [(path.with_name(f"{path.name}-{variant.suffix}"), variant) for variant in variants]

    # The data, before the start

    def _check_data(self) -> None:
        if self.form.model is None:
            return
        config = self.form.model.model_dump(mode="json")
        self._found = None
        self.data_words.say(tr("Looking through the data …"))
        self.data_check.start(self._system, config)
        self._tell()

    def _data_found(self, counts: dict[str, Any]) -> None:
        self.data_words.show_counts(counts)
        if self.form.model is not None:
            self._found = (self.form.model.model_dump(mode="json"), counts)
        starting, self._starting = self._starting, False
        if starting and not counts["skipped"]:
            self._launch()
        elif starting:
            self.summary.setText(tr("Some of the data would be skipped. Start again to go on."))
            self.start.setEnabled(True)
            return
        self._tell()

    def _data_failed(self, error: UserError) -> None:
        self._starting = False
        self.data_words.say("")
        self.messages.show_error(error)
        self._tell()

    def _start(self) -> None:
        if self.form.model is None:
            return
        config = self.form.model.model_dump(mode="json")
        known = self._found is not None and self._found[0] == config
        if self._checks_data and not known:
            self._starting = True
            self._check_data()
            return
        self._launch()

    def _launch(self) -> None:
        """Start the run, or put it and its variants into the queue."""
        if self.form.model is None:
            return
        config = self.form.model.model_dump(mode="json")
        device = self.device.currentData() or "auto"
        training, by = self._services.training, str(self.by.currentData() or "")
        paths = self._paths(self.variants.variants())
        try:
            if len(paths) > 1:
                for path, item in paths:
                    values = self.form.kind.model_validate(override(config, item.assignments))
                    about = {
                        "group": _group(self.run_path().name, item),
                        "variant": {"words": ", ".join(item.assignments)},
                    }
                    training.enqueue(path, self._system, values.model_dump(mode="json"), device, by, **about)
            elif self.when.currentData() == "queue" and training.busy(device):
                training.enqueue(paths[0][0], self._system, config, device, by)
            else:
                training.start(paths[0][0], self._system, config, device, by)
        except UserError as error:
            self.messages.show_error(error)
            return
        self._services.settings.set_plain(Key.LAUNCHER, config, self._system)
        self.accept()


def _group(launch: str, variant: Variant) -> str:
    """Runs of a launch that differ in nothing but the seed are one group; what else they have is in its name."""
    others = [assignment for assignment in variant.assignments if not assignment.startswith("seed=")]
    return " · ".join([launch, *others])
