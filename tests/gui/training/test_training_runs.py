"""Runs: started as detached children, watched, stopped, resumed, told when they die."""

import os
import signal
import sys

import psutil
import pytest
from PySide6.QtWidgets import QMessageBox, QPushButton

from app.training import runs as runs_module
from app.training.child import child_environment
from app.training.run_head import why_it_ended
from models.errors import UserError
from models.resources import runs_folder
from models.training.run_folder import RunState


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
    again = runs_module.Runs(services.settings, services)
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
