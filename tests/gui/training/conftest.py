"""The dock and the view of runs, and a child process that trains nothing."""

import pytest

from app.training.dock import TrainingDock
from app.training.view import TrainingView


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
