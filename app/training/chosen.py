"""Which runs are looked at: those of one system, the one that is selected, those that are ticked. Dock and view share it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from app import theme
from app.training.curves import Shown
from app.training.run_list import RunList, RunModel
from app.training.runs import Runs
from app.training.watched import WatchedRun


class ChosenRuns(QObject):
    """list_changed: other runs are listed. choice_changed: another run is selected, or others are ticked.

    Both fire once for all the changes of a turn of the event loop, so that ticking a hundred runs costs what ticking
    one does.
    """

    list_changed = Signal()
    choice_changed = Signal()

    def __init__(self, runs: Runs, parent: QObject) -> None:
        super().__init__(parent)
        self._runs = runs
        self.model = RunModel(runs)
        self.system = ""
        self._list: RunList | None = None
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self._tell)
        self.model.ticked.connect(self._soon.start)
        runs.changed.connect(self._reload)
        runs.updated.connect(self._updated)

    def follow(self, runs: RunList) -> None:
        """The list whose selection is the choice."""
        self._list = runs
        runs.chosen.connect(lambda _path: self._tell())
        self._reload()

    @property
    def run(self) -> WatchedRun | None:
        """The one that is selected."""
        return self._list.current if self._list is not None else None

    def shown(self) -> list[Shown]:
        """The ticked runs and the selected one, each with its colour."""
        run, colors = self.run, self.model.colors
        shown = [Shown(item, colors[item.path]) for item in self.model.ticked_runs()]
        if run is not None and run.path not in colors:
            free = [color for color in theme.CATEGORIES if color not in colors.values()]
            shown.append(Shown(run, (free or [theme.GREY])[0]))
        return shown

    def show_system(self, system: str) -> None:
        """List the runs of this system; of all where it is empty."""
        self.system = system
        self.model.show_system(system)
        self._reload()

    def choose(self, path: Path) -> None:
        """Select a run of the list."""
        if self._list is not None:
            self._list.choose(path)

    def _reload(self) -> None:
        self.model.reload()
        listed = self._list
        if listed is not None and self.model.rowCount() and not listed.currentIndex().isValid():
            listed.setCurrentIndex(self.model.index(0))
        self.list_changed.emit()

    def _updated(self, path: Path) -> None:
        if self.model.rowCount() == 0 and self.model.row_of(path) < 0:
            self._reload()

    def _tell(self) -> None:
        self._soon.stop()
        self._runs.look_at(item.run.path for item in self.shown())
        self.choice_changed.emit()
