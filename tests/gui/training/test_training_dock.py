"""The dock of runs: listed, drawn, compared, deleted, their best checkpoints used."""

import os

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QMessageBox, QPushButton

from app.tabs.base import Tab
from app.training.series import figure_series, smoothed
from app.training.watched import WatchedRun
from app.training.words import duration_words, figure_words, progress_words
from models.resources import runs_folder
from models.training import events
from models.training.record import Series
from models.training.run_folder import RunFolder
from tests.gui.training.helpers import left_run, read_all, spots


def test_resumed_steps_replace_those_that_are_gone_over_again():
    series = Series()
    for x in (1.0, 2.0, 3.0, 2.0, 3.0):
        series.add(x, x * 10)
    assert list(series.x) == [1.0, 2.0, 3.0]


def test_the_dock_lists_draws_and_explains(dock, runs, qtbot):
    left_run("one")
    left_run("two", end="failed", epochs=4)
    left_run("three", end="died", epochs=4)
    read_all(runs, qtbot)
    assert dock.model.rowCount() == 3
    dock.choose(runs_folder() / "one")
    dock.curves.redraw()
    assert dock.curves.figure_box.currentData() == "uar"
    assert dock.details.best.text() == "best: unweighted average recall 0.800 at epoch 15"
    assert [spot["pos"].x() if hasattr(spot["pos"], "x") else spot["pos"][0] for spot in spots(dock)] == [
        15.0
    ]
    dock.choose(runs_folder() / "two")
    assert "ran out of memory" in dock.details.problem.text()
    assert dock.details.resume.isVisible()
    assert not dock.details.stop.isVisible()
    dock.choose(runs_folder() / "three")
    assert "Killed" in dock.details.problem.text()


def test_ticked_runs_are_compared_each_in_its_colour(dock, runs, qtbot):
    left_run("one")
    left_run("two")
    left_run("three")
    read_all(runs, qtbot)
    dock.choose(runs_folder() / "one")
    for name in ("two", "three"):
        row = dock.model.row_of(runs_folder() / name)
        place = dock.list.visualRect(dock.model.index(row)).topLeft() + QPoint(10, 14)
        qtbot.mouseClick(dock.list.viewport(), Qt.MouseButton.LeftButton, pos=place)
    dock.curves.redraw()
    colors = {line.color for line in dock.curves.plot.lines}
    assert len(dock.model.ticked_runs()) == 2
    assert len(colors) >= 2
    names = {line.name for line in dock.curves.plot.lines}
    assert {"two validation", "three validation"} <= names
    qtbot.keyClick(dock.list, Qt.Key.Key_Space)
    assert len(dock.model.ticked_runs()) in (1, 3)


def test_the_figure_the_scale_and_the_smoothing_can_be_chosen(dock, runs, qtbot):
    left_run("one")
    read_all(runs, qtbot)
    dock.choose(runs_folder() / "one")
    curves = dock.curves
    curves.redraw()
    curves.figure_box.setCurrentIndex(curves.figure_box.findData("learning_rate"))
    curves.figure_box.activated.emit(curves.figure_box.currentIndex())
    curves.redraw()
    assert curves.logarithmic.isChecked()
    assert curves.plot.log_y
    line = curves.plot.lines[0]
    assert line.y[0] == pytest.approx(1e-3)
    assert line.item.getData()[1][0] == pytest.approx(-3)
    curves.logarithmic.click()
    curves.redraw()
    assert not curves.plot.log_y
    curves.figure_box.setCurrentIndex(curves.figure_box.findData("loss"))
    curves.figure_box.activated.emit(curves.figure_box.currentIndex())
    curves.smoothing.setValue(90)
    curves.redraw()
    assert {line.name for line in curves.plot.lines} == {"validation", "training"}
    dashed = {line.name: line.dashed for line in curves.plot.lines}
    assert dashed == {"validation": False, "training": True}


def test_curves_redraw_only_while_they_are_seen_and_something_is_new(dock, runs, qtbot):
    run = left_run("one", end="", pid=os.getpid())
    read_all(runs, qtbot)
    dock.choose(run.path)
    qtbot.waitUntil(lambda: not dock.curves.redrawing)
    before = len(dock.curves.plot.lines[0].x)
    writer = events.EventWriter(run.events_file)
    writer.write(events.Epoch(epoch=21, step=210, values={"validation/uar": 0.9}, best=True))
    writer.close()
    qtbot.waitUntil(lambda: len(dock.curves.plot.lines[0].x) == before + 1)
    qtbot.waitUntil(lambda: not dock.curves.redrawing)
    dock.hide()
    dock.curves.news()
    assert not dock.curves.redrawing


def test_long_runs_are_drawn_with_few_points():
    from app.widgets.decimate import minmax

    x, y = minmax(np.arange(1_000_000), np.sin(np.arange(1_000_000) / 1000), 4000)
    assert len(x) <= 4002
    assert np.all(np.diff(x) >= 0)
    assert y.max() == pytest.approx(1.0, abs=1e-6)


def test_smoothing_keeps_a_constant_and_calms_noise():
    assert smoothed(np.full(10, 3.0), 0.9) == pytest.approx(np.full(10, 3.0))
    noise = np.random.default_rng(1).normal(size=500)
    assert smoothed(noise, 0.9).std() < 0.5 * noise.std()


def test_steps_are_drawn_until_there_are_epochs():
    run = WatchedRun(RunFolder(runs_folder() / "none"))
    run.steps["train/loss"] = Series()
    run.steps["train/loss"].add(0.1, 2.0)
    assert figure_series(run, "loss") == [("train", run.steps["train/loss"])]


def test_deleting_asks_first(dock, runs, qtbot):
    run = left_run("old")
    read_all(runs, qtbot)
    dock.choose(run.path)
    for answer, left in (("Keep", True), ("Delete", False)):
        dock.details.delete.trigger()
        box = dock.actions_of_run.question
        assert isinstance(box, QMessageBox)
        button = next(item for item in box.findChildren(QPushButton) if item.text() == answer)
        button.click()
        assert run.path.exists() is left
    assert dock.model.rowCount() == 0
    assert dock.empty.isVisible()


def test_the_best_checkpoint_goes_to_the_tab(window, services, qtbot):
    run = left_run("best")
    run.best.mkdir()
    services.training.rescan()
    read_all(services.training, qtbot)
    window.open_dock(True)
    window.dock.show_system("emotion")
    window.dock.choose(run.path)
    used = []
    services.training.use_checkpoint.disconnect()
    services.training.use_checkpoint.connect(lambda system, path: used.append((system, path)))
    qtbot.mouseClick(window.dock.details.use, Qt.MouseButton.LeftButton)
    assert used == [("emotion", run.best)]
    page = Tab(services)  # one that loads none
    page.use_checkpoint(run.best)
    assert page.messages.messages[0].heading == "This tab cannot load checkpoints."
    page.deleteLater()


def test_using_a_checkpoint_is_said_in_the_tab(window, services, monkeypatch, own_home):
    page = window.show_tab("emotion")
    monkeypatch.setattr(type(page), "use_checkpoint", lambda self, path: None)
    window.show_tab("eeg")
    services.training.use_checkpoint.emit("emotion", own_home / "runs" / "mine" / "best")
    assert window.current is page
    assert page.messages.messages[0].heading == "The best checkpoint of mine is used."


def test_words_for_people():
    assert duration_words(45) == "45 s"
    assert duration_words(600) == "10 min"
    assert duration_words(7200) == "2.0 h"
    assert figure_words(0.7741) == "0.774"
    assert figure_words(1e-6) == "1.0e−06"
    assert figure_words(-12.5) == "−12.500"
    assert figure_words(None) == ""
    run = WatchedRun(left_run("words", end="", pid=os.getpid()))
    run.read()
    assert progress_words(run) == "epoch 20 of 20 · 2 min left"


def test_a_living_run_tells_where_and_how_fast_it_goes(dock, runs, qtbot):
    run = left_run("on", end="", pid=os.getpid(), epochs=2)
    writer = events.EventWriter(run.events_file)
    writer.write(events.Pace(step=20, epoch=2.0, steps_per_s=12.4, gpu_percent=87.2, gpu_memory_gb=3.25))
    writer.close()
    read_all(runs, qtbot)
    dock.choose(run.path)
    dock.details.refresh()
    assert dock.details.pace.text() == "cpu · 12 steps a second · GPU 87 % · 3.2 GB of its memory"
    assert dock.details.state.text().startswith("running · epoch 2 of 2 · 2 min left")


def test_a_system_without_runs_says_that_others_have_some(dock, runs, qtbot):
    assert dock.empty.text().startswith("No runs yet.")
    assert dock.summary.text() == "none yet"
    left_run("one")
    left_run("two")
    read_all(runs, qtbot)
    dock.show_system("eeg")
    assert dock.empty.isVisible()
    assert dock.empty.text().startswith("No runs of EEG yet.")
    assert "2 runs of other systems" in dock.empty.text()
    assert dock.summary.text() == "none of this system, 2 of others"
    with qtbot.waitSignal(dock.run_opened) as asked:
        dock.empty.linkActivated.emit("all")
    assert asked.args == [None]
    assert dock.model.rowCount() == 2


def test_samples_say_which_line_is_which(dock, runs, qtbot):
    left_run("one")
    read_all(runs, qtbot)
    dock.choose(runs_folder() / "one")
    dock.curves.redraw()
    assert dock.curves.samples.samples == [("validation", False)]
    dock.curves.figure_box.setCurrentIndex(dock.curves.figure_box.findData("loss"))
    dock.curves.figure_box.activated.emit(0)
    dock.curves.redraw()
    assert dock.curves.samples.samples == [("validation", False), ("training", True)]
    qtbot.waitUntil(lambda: dock.curves.samples.width() >= dock.curves.samples.sizeHint().width())
    assert dock.curves.plot.getPlotItem().getAxis("bottom").labelText == "epoch"
