"""Runs: started as detached children, watched, drawn, stopped, resumed, deleted, told when they die."""

import os
import signal
import sys
import textwrap

import numpy as np
import psutil
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QMessageBox, QPushButton

from app.tabs.base import Tab
from app.training import runs as runs_module
from app.training.dock import TrainingDock
from app.training.run_head import why_it_ended
from app.training.runs import child_environment
from app.training.series import figure_series, smoothed
from app.training.watched import WatchedRun
from app.training.words import duration_words, figure_words, progress_words
from models.errors import UserError
from models.resources import runs_folder
from models.training import events
from models.training.record import Series
from models.training.run_folder import RunFolder, RunState

CHILD = """
import os, sys, time
from pathlib import Path
import psutil
from models.training import events
from models.training.run_folder import RunFolder

words = sys.argv[1:]
run = RunFolder(Path(words[words.index("--run") + 1] if "--run" in words else words[-1]))
writer = events.EventWriter(run.events_file)
me = psutil.Process()
writer.write(events.Started(pid=me.pid, process_started=me.create_time(), system="emotion", device="cpu",
                            total_epochs=3, total_steps=3))
print("nice", me.nice(), "threads", os.environ["OMP_NUM_THREADS"], "session", os.getsid(0) == me.pid, flush=True)
print("words", " ".join(words), flush=True)
writer.write(events.Epoch(epoch=1, step=1, values={"validation/uar": 0.5, "train/loss": 1.0}, best=True))
while not run.stop_file.exists():
    time.sleep(0.01)
writer.write(events.Finished(reason="stopped", epoch=1, step=1, best_epoch=1, best_value=0.5, metric="validation/uar"))
"""


@pytest.fixture
def child(tmp_path, monkeypatch):
    """A stand-in for ``python -m models`` that reports an epoch and waits to be stopped."""
    script = tmp_path / "child.py"
    script.write_text(textwrap.dedent(CHILD))
    monkeypatch.setattr(runs_module, "own_command", lambda: [sys.executable, str(script)])
    started = []
    spawn = runs_module.spawn

    def remember(*arguments, **more):
        process = spawn(*arguments, **more)
        started.append(process)
        return process

    monkeypatch.setattr(runs_module, "spawn", remember)
    yield started
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait(5)


@pytest.fixture
def runs(services):
    return services.training


@pytest.fixture
def dock(services, qtbot):
    made = TrainingDock(services)
    qtbot.addWidget(made)
    made.resize(1280, 220)
    made.show_system("emotion")
    made.set_open(True)
    made.show()
    return made


def write_run(name, *, epochs=20, end="completed", pid=None, config=None):
    """A run folder as a training leaves it."""
    run = RunFolder.create(runs_folder() / name, "emotion", config or {"epochs": epochs})
    writer = events.EventWriter(run.events_file)
    process = psutil.Process(pid) if pid else None
    writer.write(
        events.Started(
            pid=pid or 999_999,
            process_started=process.create_time() if process else 0.0,
            system="emotion",
            device="cpu",
            total_epochs=epochs,
            total_steps=epochs * 10,
        )
    )
    for epoch in range(1, epochs + 1):
        for step in range(10):
            writer.write(
                events.Scalars(
                    step=(epoch - 1) * 10 + step + 1,
                    epoch=epoch - 1 + step / 10,
                    values={"train/loss": 1 / epoch, "learning_rate": 1e-3 / epoch},
                )
            )
        value = 0.5 + 0.4 * epoch / epochs if epoch <= 15 else 0.6
        writer.write(
            events.Epoch(
                epoch=epoch,
                step=epoch * 10,
                values={"train/loss": 1 / epoch, "validation/loss": 1.2 / epoch, "validation/uar": value},
                best=epoch <= 15,
                remaining_s=120.0,
            )
        )
    if end in ("completed", "stopped"):
        writer.write(
            events.Finished(
                reason=end, epoch=epochs, step=1, best_epoch=15, best_value=0.8, metric="validation/uar"
            )
        )
    elif end == "failed":
        writer.write(events.Failed(what="The GPU ran out of memory.", remedy="Choose a smaller batch."))
    writer.close()
    run.log_file.write_text("line one\nline two\n" + ("Killed\n" if end == "died" else ""))
    return run


def read_all(runs, qtbot):
    runs.rescan()
    qtbot.waitUntil(lambda: all(run.read() is False for run in runs.runs))
    for run in runs.runs:
        runs.updated.emit(run.path)


def test_a_run_is_a_detached_child_of_lower_priority_that_is_watched_to_its_end(runs, child, qtbot):
    watched = runs.start(runs_folder() / "first", "emotion", {"epochs": 3}, "cpu")
    qtbot.waitUntil(lambda: "validation/uar" in watched.epochs, timeout=10_000)
    assert watched.state is RunState.RUNNING
    qtbot.waitUntil(lambda: "words" in watched.run.log_tail())
    log = watched.run.log_tail()
    assert "session True" in log
    assert f"threads {child_environment()['OMP_NUM_THREADS']}" in log
    assert f"words train emotion --config {watched.run.config_file} --run {watched.path} --device cpu" in log
    assert child[0].args[0] == sys.executable
    assert psutil.Process(child[0].pid).nice() == 10
    runs.stop(watched)
    assert watched.stopping
    qtbot.waitUntil(lambda: watched.state is RunState.STOPPED, timeout=10_000)
    qtbot.waitUntil(lambda: not runs._children)
    assert child[0].returncode == 0
    assert watched.best_value == 0.5


def test_a_stopped_run_is_resumed(runs, child, qtbot):
    watched = runs.start(runs_folder() / "again", "emotion", {"epochs": 3})
    qtbot.waitUntil(lambda: bool(watched.epochs), timeout=10_000)
    runs.stop(watched)
    qtbot.waitUntil(lambda: watched.state is RunState.STOPPED, timeout=10_000)
    runs.resume(watched)
    assert not watched.run.stop_file.exists()
    assert watched.alive
    qtbot.waitUntil(lambda: watched.state is RunState.RUNNING, timeout=10_000)
    assert f"words resume {watched.path}" in watched.run.log_tail()
    assert list(watched.epochs["validation/uar"].x) == [1.0]
    runs.stop(watched)
    qtbot.waitUntil(lambda: watched.state is RunState.STOPPED and not runs._children, timeout=10_000)


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_a_killed_run_is_told_with_its_last_words(runs, child, qtbot):
    watched = runs.start(runs_folder() / "killed", "emotion", {"epochs": 3})
    qtbot.waitUntil(lambda: bool(watched.epochs), timeout=10_000)
    os.kill(child[0].pid, signal.SIGKILL)
    qtbot.waitUntil(lambda: watched.state is RunState.DIED, timeout=10_000)
    words = why_it_ended(watched)
    assert "without a word" in words
    assert "words train emotion" in words
    qtbot.waitUntil(lambda: not runs._children)


def test_a_run_is_found_again_by_another_window(services, child, runs, qtbot):
    watched = runs.start(runs_folder() / "kept", "emotion", {"epochs": 3})
    qtbot.waitUntil(lambda: bool(watched.epochs), timeout=10_000)
    runs.close()
    assert child[0].poll() is None
    again = runs_module.Runs(services)
    qtbot.waitUntil(lambda: bool(again.living()) and bool(again.runs[0].epochs))
    assert again.runs[0].state is RunState.RUNNING
    again.stop(again.runs[0])
    qtbot.waitUntil(lambda: again.runs[0].state is RunState.STOPPED, timeout=10_000)
    again.close()


def test_a_taken_name_and_a_living_run_are_protected(runs, child, qtbot):
    watched = runs.start(runs_folder() / "name", "emotion", {"epochs": 3})
    qtbot.waitUntil(lambda: bool(watched.epochs), timeout=10_000)
    with pytest.raises(UserError, match="already holds a run"):
        runs.start(runs_folder() / "name", "emotion", {"epochs": 3})
    with pytest.raises(UserError, match="still runs"):
        runs.delete(watched)
    runs.stop(watched)
    qtbot.waitUntil(lambda: not watched.alive and not runs._children, timeout=10_000)
    runs.delete(watched)
    assert not watched.path.exists()
    assert runs.runs == []


def test_resumed_steps_replace_those_that_are_gone_over_again():
    series = Series()
    for x in (1.0, 2.0, 3.0, 2.0, 3.0):
        series.add(x, x * 10)
    assert list(series.x) == [1.0, 2.0, 3.0]


def test_the_dock_lists_draws_and_explains(dock, runs, qtbot):
    write_run("one")
    write_run("two", end="failed", epochs=4)
    write_run("three", end="died", epochs=4)
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


def spots(dock):
    return [{"pos": point.pos()} for point in dock.curves.best.points()]


def test_ticked_runs_are_compared_each_in_its_colour(dock, runs, qtbot):
    write_run("one")
    write_run("two")
    write_run("three")
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
    write_run("one")
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
    run = write_run("one", end="", pid=os.getpid())
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
    run = write_run("old")
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
    run = write_run("best")
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


@pytest.mark.parametrize("answer", ["Leave running", "Stop and close", "Cancel"])
def test_closing_while_a_run_goes_on_asks(services, child, qtbot, crashes, answer):
    from app.main_window import MainWindow

    window = MainWindow(services, "eeg")
    with qtbot.waitSignal(window.filled):
        window.show()
    watched = services.training.start(runs_folder() / "on", "emotion", {"epochs": 3})
    qtbot.waitUntil(lambda: bool(watched.epochs), timeout=10_000)
    window.close()
    box = window.findChild(QMessageBox)
    button = next(item for item in box.findChildren(QPushButton) if item.text() == answer)
    if answer == "Cancel":
        button.click()
        assert window.isVisible()
        services.training.stop(watched)
        qtbot.waitUntil(lambda: not watched.alive, timeout=10_000)
        with qtbot.waitSignal(window.closed):
            window.close()
    else:
        with qtbot.waitSignal(window.closed):
            button.click()
        assert watched.run.stop_file.exists() is (answer == "Stop and close")
    window.deleteLater()


def test_words_for_people():
    assert duration_words(45) == "45 s"
    assert duration_words(600) == "10 min"
    assert duration_words(7200) == "2.0 h"
    assert figure_words(0.7741) == "0.774"
    assert figure_words(1e-6) == "1.0e−06"
    assert figure_words(-12.5) == "−12.500"
    assert figure_words(None) == ""
    run = WatchedRun(write_run("words", end="", pid=os.getpid()))
    run.read()
    assert progress_words(run) == "epoch 20 of 20 · 2 min left"


def test_a_living_run_tells_where_and_how_fast_it_goes(dock, runs, qtbot):
    run = write_run("on", end="", pid=os.getpid(), epochs=2)
    writer = events.EventWriter(run.events_file)
    writer.write(events.Pace(step=20, epoch=2.0, steps_per_s=12.4, gpu_percent=87.2, gpu_memory_gb=3.25))
    writer.close()
    read_all(runs, qtbot)
    dock.choose(run.path)
    dock.details.refresh()
    assert dock.details.pace.text() == "cpu · 12 steps a second · GPU 87 % · 3.2 GB of its memory"
    assert dock.details.state.text().startswith("running · epoch 2 of 2 · 2 min left")
