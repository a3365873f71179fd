"""The form made from a config model, and launching a run from it."""

from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel, Field, model_validator
from PySide6.QtCore import Qt

from app.settings import Key
from app.training import launcher as launcher_module
from app.training.launcher import Launcher
from app.widgets.config_form import ConfigForm
from models.devices import DeviceInfo
from models.systems import SYSTEMS, training_config
from models.training.config import TrainingConfig, setting


class Network(BaseModel):
    kind: Literal["small", "large"] = setting("small", "Network", "Which one.")
    hidden: int = setting(128, "Hidden size", "Units a layer.", ge=16, le=512)


class Config(TrainingConfig):
    data: Path = setting(Path("data"), "Data", "A folder.", path="folder", group="Data")
    labels: list[str] = setting(["a", "b"], "Labels", "In order.", group="Data")
    window_s: float | None = setting(
        3.0, "Window", "Length; nothing takes the whole.", unit="s", group="Data", gt=0
    )
    balanced: bool = setting(False, "Balanced", "Each class as often.", group="Data")
    network: Network = Field(default_factory=Network, title="Network")

    @model_validator(mode="after")
    def _enough(self):
        if self.accumulation > self.batch_size:
            raise ValueError("accumulation is larger than the batch")
        return self


@pytest.fixture
def form(qtbot):
    made = ConfigForm(Config)
    qtbot.addWidget(made)
    made.show()
    return made


def write(form, *place, text):
    editor = form.rows[place].editor
    editor.line.setFocus()
    editor.line.selectAll()
    editor.line.clear()
    editor.line.insert(text)


def test_every_field_has_an_editor_with_its_title_unit_and_limits(form):
    assert ("network", "hidden") in form.rows
    assert len(form.rows) == len(TrainingConfig.model_fields) + 6
    row = form.rows[("window_s",)]
    assert row.editor.focus.accessibleName() == "Window (s)"
    assert "above 0" in row.editor.focus.toolTip()
    assert "16 to 512" in form.rows[("network", "hidden")].editor.focus.toolTip()
    assert form.rows[("epochs",)].label.buddy() is form.rows[("epochs",)].editor.focus


def test_values_go_in_and_come_out_as_they_are(form):
    values = {
        "epochs": 7,
        "labels": ["x", "y", "z"],
        "window_s": None,
        "balanced": True,
        "network": {"kind": "large"},
    }
    form.set_values(values)
    assert form.valid
    assert form.model.model_dump(mode="json") == Config(**values).model_dump(mode="json")
    assert form.changes() == []


@pytest.mark.parametrize(
    ("place", "text", "message"),
    [
        (("epochs",), "0", "At least 1."),
        (("epochs",), "many", "A whole number is needed."),
        (("epochs",), "2.5", "A whole number is needed."),
        (("learning_rate",), "0", "More than 0."),
        (("learning_rate",), "fast", "A number is needed."),
        (("network", "hidden"), "1000", "At most 512."),
    ],
)
def test_the_message_stands_at_its_field_as_one_types(form, place, text, message):
    write(form, *place, text=text)
    row = form.rows[place]
    assert row.problem.text() == message
    assert row.problem.isVisible()
    assert row.editor.focus.property("problem") == "true"
    assert not form.valid
    assert [other for other in form.rows.values() if other.problem.text()] == [row]
    qt_default = form._base
    row.reset.click()
    assert form.valid
    assert qt_default == form._base


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_number_of_every_system_is_checked_at_its_field(system, qtbot):
    """What is no number, and what lies beyond each limit, is said at the field, and the run cannot start."""
    made = ConfigForm(training_config(system))
    qtbot.addWidget(made)
    checked = 0
    for place, row in made.rows.items():
        number, limits = _number_of(made.kind, place)
        if not number:
            continue
        wrong: list[object] = ["many", *limits]
        before = row.editor.get()
        for value in wrong:
            row.editor.set(value)
            row.editor.focus.textChanged.emit(str(value))
            assert row.problem.text(), (place, value)
            assert not made.valid
            checked += 1
        row.editor.set(before)
        row.editor.focus.textChanged.emit(str(before))
        assert not row.problem.text(), place
    assert made.valid
    assert checked > 40


def _number_of(kind, place):
    """Whether the field is a number, and a value just beyond each of its limits."""
    *above, last = place
    for name in above:
        kind = kind.model_fields[name].annotation
    field = kind.model_fields[last]
    whole = field.annotation is int
    limits = []
    for rule in field.metadata:
        step = 1 if whole else 1e-3
        limits += [rule.ge - step] if hasattr(rule, "ge") else []
        limits += [rule.gt] if hasattr(rule, "gt") else []
        limits += [rule.le + step] if hasattr(rule, "le") else []
        limits += [rule.lt] if hasattr(rule, "lt") else []
    return field.annotation in (int, float), limits


CONTRADICTIONS = [
    ("emotion", {"network": {"hidden": 30, "heads": 8}}, ("network.heads", "network.hidden")),
    ("emotion", {"data": {"hold_back": False}}, ("keep", "data.hold_back")),
    (
        "eeg",
        {"preprocessing": {"low_hz": 8, "high_hz": 4}},
        ("preprocessing.low_hz", "preprocessing.high_hz"),
    ),
    ("eeg", {"data": {"validation_block": 4}}, ("data.validation_block", "data.test_block")),
    ("eeg", {"data": {"blocks": 3}}, ("data.validation_block", "data.blocks")),
    ("eeg", {"data": {"validation_block": -1}}, ("keep", "data.validation_block")),
    ("eeg", {"network": {"width": 30}}, ("network.width", "network.heads")),
    ("eeg", {"network": {"kernel": 4}}, ("network.kernel",)),
    ("eeg", {"ridge": {"first_lag_s": 0.5}}, ("ridge.first_lag_s", "ridge.last_lag_s")),
    (
        "search",
        {"data": {"validation_share": 0.5, "test_share": 0.5}},
        ("data.validation_share", "data.test_share"),
    ),
    ("search", {"encoder": {"image_width": 190}}, ("encoder.image_width", "encoder.heads")),
    ("search", {"encoder": {"patch_size": 7}}, ("encoder.image_size", "encoder.patch_size")),
    ("search", {"start": "run", "stage": "fusion"}, ("start", "stage")),
    ("reverberation", {"network": {"wiring": "tangled"}}, ("network.wiring",)),
]


@pytest.mark.parametrize(("system", "values", "names"), CONTRADICTIONS)
def test_what_contradicts_is_said_at_each_of_the_fields(system, values, names, qtbot):
    made = ConfigForm(training_config(system))
    qtbot.addWidget(made)
    made.set_values(values)
    said = {".".join(place) for place, row in made.rows.items() if row.problem.text()}
    assert said == set(names)
    assert not made.other_problems
    assert not made.valid


def test_a_rule_over_several_fields_is_told(form):
    write(form, "accumulation", text="64")
    assert form.other_problems == ["Accumulation is larger than the batch"]
    assert not form.valid


def test_changes_are_marked_and_undone(form):
    form.set_values({"epochs": 30})
    write(form, "epochs", text="31")
    row = form.rows[("epochs",)]
    assert form.changes() == [row]
    assert row.reset.isEnabled()
    assert "30" in row.reset.toolTip()
    row.reset.click()
    assert row.editor.get() == 30
    assert form.changes() == []


def test_numbers_may_be_typed_as_people_do(form):
    write(form, "learning_rate", text="1e-4")
    assert form.model.learning_rate == pytest.approx(1e-4)
    write(form, "labels", text="angry, happy ,sad")
    assert form.model.labels == ["angry", "happy", "sad"]
    write(form, "window_s", text="")
    assert form.model.window_s is None


def test_advanced_fields_are_hidden_until_asked_for_or_wrong(form):
    row = form.rows[("precision",)]
    workers = form.rows[("workers",)]
    assert not row.label.isVisible()
    form.show_advanced(True)
    assert row.label.isVisible()
    form.show_advanced(False)
    assert not workers.label.isVisible()
    form.set_values({"workers": 99})
    assert workers.label.isVisible()
    assert workers.problem.text() == "At most 64."


@pytest.fixture
def presets(tmp_path, monkeypatch):
    files = {}
    for name, text in {
        "default": "epochs: 12\n",
        "large": "epochs: 40\nnetwork: {kind: large, hidden: 512}\n",
    }.items():
        files[name] = tmp_path / f"{name}.yaml"
        files[name].write_text(text)
    monkeypatch.setattr(launcher_module, "presets", lambda system: files)
    monkeypatch.setattr("models.presets.presets", lambda system: files)
    monkeypatch.setattr("models.devices.available", list)
    return files


@pytest.fixture
def dialog(services, presets, qtbot):
    made = Launcher(services, "emotion", kind=Config)
    qtbot.addWidget(made)
    made.show()
    qtbot.waitUntil(lambda: not services.worker("machine").busy)
    return made


def test_presets_fill_the_form(dialog):
    assert dialog.form.model.epochs == 12
    assert dialog.summary.text() == "As the preset"
    dialog.preset.setCurrentIndex(1)
    dialog.preset.activated.emit(1)
    assert (dialog.form.model.epochs, dialog.form.model.network.hidden) == (40, 512)
    write(dialog.form, "epochs", text="41")
    assert dialog.summary.text() == "1 setting changed"


def test_that_folds_take_one_graphics_card_is_said_before_the_start(dialog, services, monkeypatch, qtbot):
    assert not dialog.one_card.isVisible()
    cards = [DeviceInfo(f"cuda:{number}", "a card") for number in range(2)]
    monkeypatch.setattr("models.devices.available", lambda: cards)
    services._devices = []
    services.start(dialog._ask_devices(), dialog, until=dialog)
    qtbot.waitUntil(lambda: dialog.device.findData("cuda*2") >= 0)
    dialog.device.setCurrentIndex(dialog.device.findData("cuda*2"))
    assert not dialog.one_card.isVisible(), "a run is trained by both"
    dialog.by.setCurrentIndex(1)
    assert dialog.one_card.isVisible()
    assert "one graphics card" in dialog.one_card.text()
    dialog.device.setCurrentIndex(dialog.device.findData("cuda:1"))
    assert not dialog.one_card.isVisible()


def test_what_cannot_be_used_cannot_be_started(dialog, services):
    write(dialog.form, "epochs", text="0")
    assert not dialog.start.isEnabled()
    assert dialog.summary.text() == "1 setting cannot be used"
    write(dialog.form, "epochs", text="1")
    assert dialog.start.isEnabled()
    (services.settings.runs_folder / "taken").mkdir(parents=True)
    (services.settings.runs_folder / "taken" / "config.yaml").write_text("system: emotion\n")
    dialog.name.setText("taken")
    dialog.name.textEdited.emit("taken")
    assert not dialog.start.isEnabled()
    assert "already" in dialog.summary.text()


def test_a_name_cannot_leave_the_runs_folder(dialog, services):
    for text in ("../../etc/x", "a/b", "..", "c:\\x"):
        dialog.name.setText(text)
        assert dialog.run_path().parent == services.settings.runs_folder


def test_starting_hands_over_the_config_and_remembers_it(dialog, services, qtbot, monkeypatch):
    started = []
    monkeypatch.setattr(services.training, "start", lambda *arguments: started.append(arguments))
    write(dialog.form, "epochs", text="3")
    dialog.name.setText("mine")
    dialog.name.textEdited.emit("mine")
    qtbot.mouseClick(dialog.start, Qt.MouseButton.LeftButton)
    path, system, config, device, by = started[0]
    assert (path.name, system, device, by) == ("mine", "emotion", "auto", "")
    assert config["epochs"] == 3
    assert config["data"] == "data"
    assert not dialog.isVisible()
    assert services.settings.plain(Key.LAUNCHER, "emotion")["epochs"] == 3
    again = Launcher(services, "emotion", kind=Config)
    qtbot.addWidget(again)
    last = again.preset.count() - 1
    again.preset.setCurrentIndex(last)
    again.preset.activated.emit(last)
    assert again.form.model.epochs == 3
    qtbot.waitUntil(lambda: not services.worker("machine").busy)


def test_a_folder_that_cannot_be_written_is_told_in_the_dialog(dialog, services, qtbot):
    services.settings.runs_folder.parent.mkdir(parents=True, exist_ok=True)
    services.settings.runs_folder.write_text("a file is in the way")
    qtbot.mouseClick(dialog.start, Qt.MouseButton.LeftButton)
    assert dialog.isVisible()
    assert "cannot be written" in dialog.messages.messages[0].heading
