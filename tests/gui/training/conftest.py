"""The dock and the view of runs, and a child process that trains nothing."""

import sys
import textwrap

import pytest

from app.training import runs as runs_module
from app.training.dock import TrainingDock
from app.training.view import TrainingView
from tests.gui.training.helpers import CHILD


@pytest.fixture
def runs(services):
    return services.training


@pytest.fixture
def dock(services, qtbot):
    made = TrainingDock(services)
    qtbot.addWidget(made)
    made.resize(1280, 320)
    made.show_system("emotion")
    made.set_open(True)
    made.show()
    return made


@pytest.fixture
def view(dock, services, qtbot):
    """The training view beside the dock, as in the window."""
    made = TrainingView(services, dock.chosen, dock.list)
    qtbot.addWidget(made)
    made.resize(1280, 760)
    made.show()
    return made


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
