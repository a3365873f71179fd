"""The queue of runs, several cards, and TensorBoard."""

import sys
import textwrap

import psutil
import pytest
from PySide6.QtCore import Qt

from app.training import runs as runs_module
from app.training.board import Board
from models.errors import UserError
from models.resources import runs_folder
from models.training.run_folder import RunFolder, RunState
from tests.gui.training.helpers import config, write_run

CHILD = """
import sys, time
from pathlib import Path
import psutil
from models.training import events
from models.training.run_folder import RunFolder

words = sys.argv[1:]
run = RunFolder(Path(words[words.index("--run") + 1]))
me = psutil.Process()
writer = events.EventWriter(run.events_file)
writer.write(events.Started(pid=me.pid, process_started=me.create_time(), system="emotion", device="cpu",
                            total_epochs=3, total_steps=3))
while not run.stop_file.exists():
    time.sleep(0.01)
writer.write(events.Finished(reason="completed", epoch=1, step=1))
"""


@pytest.fixture
def child(tmp_path, monkeypatch):
    script = tmp_path / "child.py"
    script.write_text(textwrap.dedent(CHILD))
    monkeypatch.setattr(runs_module, "own_command", lambda: [sys.executable, str(script)])
    started, spawn = [], runs_module.spawn
    monkeypatch.setattr(runs_module, "spawn", lambda *a, **m: started.append(spawn(*a, **m)) or started[-1])
    yield started
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait(5)


def test_the_queue_runs_one_at_a_time_a_device(runs, child, qtbot):
    first = runs.enqueue(runs_folder() / "one", "emotion", config(), "cpu")
    second = runs.enqueue(runs_folder() / "two", "emotion", config(), "cpu")
    qtbot.waitUntil(lambda: first.state is RunState.RUNNING, timeout=10_000)
    assert second.state is RunState.QUEUED
    assert runs.waiting() == [second]
    assert runs.busy("cpu")
    assert not runs.busy("cuda:0")
    runs.stop(first)
    qtbot.waitUntil(lambda: second.state is RunState.RUNNING, timeout=10_000)
    assert "queued" not in second.about
    runs.stop(second)
    qtbot.waitUntil(lambda: not second.alive and not runs._children, timeout=10_000)
    assert len(child) == 2


def test_a_waiting_run_can_be_started_at_once_or_taken_back(dock, runs, child, qtbot):
    busy = runs.enqueue(runs_folder() / "busy", "emotion", config(), "cpu")
    qtbot.waitUntil(lambda: busy.state is RunState.RUNNING, timeout=10_000)
    waits = runs.enqueue(runs_folder() / "waits", "emotion", config(), "cpu")
    dock.choose(waits.path)
    dock.details.refresh()
    assert not dock.details.resume.isVisible()
    qtbot.mouseClick(dock.details.start, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: waits.state is RunState.RUNNING, timeout=10_000)
    back = runs.enqueue(runs_folder() / "back", "emotion", config(), "cpu")
    runs.delete(back)
    assert not back.path.exists()
    for run in (busy, waits):
        runs.stop(run)
    qtbot.waitUntil(lambda: not runs.living() and not runs._children, timeout=10_000)


def test_several_cards_are_started_as_processes_that_compute_together():
    command = runs_module.train_command(RunFolder(runs_folder() / "x"), "emotion", "cuda*4")
    assert command[1:5] == ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=4"]
    assert command[-2:] == ["--device", "cuda"]


@pytest.mark.slow
def test_tensorboard_answers_and_ends_with_the_window(runs, qtbot, monkeypatch):
    opened = []
    monkeypatch.setattr(
        "app.training.board.QDesktopServices.openUrl", lambda url: opened.append(url.toString())
    )
    run = write_run("a")
    (run.path / "tensorboard").mkdir()
    runs.board.open(run.path)
    process = psutil.Process(runs.board.process.pid)
    qtbot.waitUntil(lambda: bool(opened), timeout=60_000)
    assert opened == [f"http://127.0.0.1:{runs.board.port}"]
    runs.board.close()
    assert not process.is_running()


def test_without_tensorboard_it_is_said(runs, monkeypatch):
    monkeypatch.setattr("app.training.board.find_spec", lambda name: None)
    with pytest.raises(UserError, match="not installed"):
        Board(runs).open(runs_folder())


def test_a_queue_goes_on_past_a_run_that_cannot_be_started(runs, child, qtbot, monkeypatch):
    first = runs.enqueue(runs_folder() / "one", "emotion", config(), "cpu")
    second = runs.enqueue(runs_folder() / "two", "emotion", config(), "cpu")
    keep = RunFolder.keep_about

    def full_disk(self, **values):
        if self.name == "one":
            raise OSError(28, "No space left on device")
        keep(self, **values)

    monkeypatch.setattr(RunFolder, "keep_about", full_disk)
    qtbot.waitUntil(lambda: second.state is RunState.RUNNING, timeout=10_000)
    assert "No space left" in first.damage
    runs.stop(second)
    qtbot.waitUntil(lambda: not second.alive and not runs._children, timeout=10_000)
