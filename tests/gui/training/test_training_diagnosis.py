"""One run: what is the matter with it, its layers, pictures and notes."""

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton

from app.training.layer_map import scaled, short_name
from models.resources import runs_folder
from models.training import events, pictures
from models.training.run_folder import RunFolder
from tests.gui.training.helpers import config, read_all, write_run


def test_the_diagnosis_says_it_in_words_and_maps_the_layers(view, dock, runs, qtbot):
    write_run("sick", small=True)
    write_run("well")
    read_all(runs, qtbot)
    view.views.setCurrentWidget(view.diagnosis)
    dock.choose(runs_folder() / "well")
    assert [item.kind for item in view.diagnosis.findings] == ["well"]
    dock.choose(runs_folder() / "sick")
    assert [item.kind for item in view.diagnosis.findings] == ["small gradients"]
    layers = view.diagnosis.map
    assert layers.isVisible()
    assert layers.image.image.shape == (10, 3)
    assert layers.image.image[0, 0] == 0
    layers._row = 0
    assert layers.read_at(35.0) == "front · step 30 · 0.05000 % of the output layer's gradient"
    view.diagnosis.as_curves.click()
    assert [line.name for line in view.diagnosis._lines] == ["front", "middle", "head"]
    assert view.diagnosis.curves.isVisible()


def test_a_remedy_is_one_click_away(view, dock, runs, qtbot, monkeypatch):
    write_run("sick", small=True)
    read_all(runs, qtbot)
    spawned = []
    monkeypatch.setattr(runs, "_spawn", lambda run, command: spawned.append(run.path.name))
    dock.choose(runs_folder() / "sick")
    view.views.setCurrentWidget(view.diagnosis)
    button = next(b for b in view.diagnosis.words.findChildren(QPushButton) if "Twice" in b.text())
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    made = RunFolder(runs_folder() / "sick-2")
    assert spawned == ["sick-2"]
    assert made.config()["learning_rate"] == pytest.approx(2 * config()["learning_rate"])
    assert made.about()["group"] == RunFolder(runs_folder() / "sick").about()["group"] == "sick"
    assert made.about()["variant"]["of"] == "sick"


def test_pictures_follow_the_epochs(view, dock, runs, qtbot):
    run = write_run("a", tail=False)
    read_all(runs, qtbot)
    dock.choose(run.path)
    view.views.setCurrentWidget(view.pictures)
    shown = view.pictures
    assert shown.words.text() == "epoch 10"
    assert shown.matrix._counts[0, 0] == 100
    shown.epoch.setValue(0)
    assert shown.matrix._counts[0, 0] == 10
    writer = events.EventWriter(run.events_file)
    lines = pictures.Lines(
        "Envelope", "time", "level", [0.0, 1.0], {"true": [0.0, 1.0], "decoded": [0.1, 0.9]}
    )
    writer.write(events.Picture(path=pictures.save(run.path, 11, 1, lines), title="Envelope", epoch=11))
    writer.close()
    qtbot.waitUntil(lambda: shown.title.count() == 2)
    shown.title.setCurrentIndex(1)
    shown.title.activated.emit(1)
    assert shown.plot.isVisible()
    assert [line.name for line in shown._lines] == ["true", "decoded"]


def test_notes_tags_and_group_are_kept_with_the_run(view, dock, runs, qtbot):
    run = write_run("a", settings=config(notes="from the config"))
    write_run("b")
    read_all(runs, qtbot)
    dock.choose(run.path)
    notes = view.texts.notes
    view.views.setCurrentWidget(notes)
    assert notes.text.toPlainText() == "from the config"
    qtbot.keyClicks(notes.tags, "good, paper ")
    qtbot.keyClicks(notes.group, "night")
    notes.text.setPlainText("worked")
    dock.choose(runs_folder() / "b")
    assert run.about() == {"tags": ["good", "paper"], "group": "night", "notes": "worked"}
    assert RunFolder(runs_folder() / "b").about() == {}
    dock.choose(run.path)
    assert notes.tags.text() == "good, paper"
    assert "on the disk" in notes.facts.text()


def test_the_map_is_logarithmic_within_its_limits():
    assert scaled(np.array([1e-9, 1e-3, 0.1, 10, np.nan]), "ratio") == pytest.approx([0, 0, 0.5, 1, 1])
    assert scaled(np.array([0.25]), "dead") == pytest.approx([0.25])
    assert len(short_name("a.very.long.name.of.a.layer.somewhere")) == 22


def test_opening_a_run_shows_everything_about_it(window, services, qtbot):
    write_run("one")
    run = write_run("two")
    read_all(services.training, qtbot)
    window.open_dock(True)
    window.dock.show_system("emotion")
    row = window.dock.model.row_of(run.path)
    place = window.dock.list.visualRect(window.dock.model.index(row)).center()
    qtbot.mouseClick(window.dock.list.viewport(), Qt.MouseButton.LeftButton, pos=place)
    qtbot.mouseDClick(window.dock.list.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert window.shows_training
    assert window.training.head.name.whole() == "two"
    assert window.training.list.current.path == run.path
    window.show_tab("eeg")
    window.dock.show_system("emotion")
    window.dock.list.setFocus()
    qtbot.keyClick(window.dock.list, Qt.Key.Key_Return)
    assert window.shows_training
    assert window.training.views.height() > 400, "a page, not a strip"
    window.show_tab("eeg")
    window.dock.show_system("emotion")
    qtbot.mouseClick(window.dock.details.open, Qt.MouseButton.LeftButton)
    assert window.shows_training


def test_the_view_lists_the_runs_of_any_system(window, services, qtbot):
    write_run("one")
    read_all(services.training, qtbot)
    window.show_training()
    view = window.training
    view.systems.setCurrentIndex(view.systems.findData("search"))
    view.systems.activated.emit(view.systems.currentIndex())
    assert view.list.model().rowCount() == 0
    view.systems.setCurrentIndex(0)
    view.systems.activated.emit(0)
    assert view.list.model().rowCount() == 1
