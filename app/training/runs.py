"""Training runs as the window sees them: folders that are watched, and child processes that are started.

A child is detached: it lives on when the window closes, and is found again by what it wrote into its folder.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal

from models.errors import UserError
from models.resources import resource
from models.training import events
from models.training.run_folder import RunFolder, RunState, RunStory, list_runs

if TYPE_CHECKING:
    from app.services import Services

log = logging.getLogger("polyphony.training")

POLL_MS = 250
LIST_EVERY_S = 2.0
LIFE_EVERY_S = 1.0
ALIVE = (RunState.RUNNING, RunState.WAITING)
BLOCK_BYTES = 200_000  # read at a time, so that a long history does not hold up the window


class _PatientReader(events.EventReader):
    def read_new(self, most_bytes: int = BLOCK_BYTES) -> list[events.Event]:
        return super().read_new(most_bytes)


class _PatientStory(RunStory):
    def __post_init__(self) -> None:
        self._reader = _PatientReader(self.run.events_file)


@dataclass
class Series:
    """One figure over the run: `x` in epochs, `y` its values. Grows at the end."""

    x: array[float] = field(default_factory=lambda: array("d"))
    y: array[float] = field(default_factory=lambda: array("d"))

    def add(self, x: float, y: float) -> None:
        while self.x and x <= self.x[-1]:  # a resumed run goes over the steps since its last checkpoint again
            self.x.pop()
            self.y.pop()
        self.x.append(x)
        self.y.append(y)


class WatchedRun:
    """A run folder and all it has told so far."""

    def __init__(self, run: RunFolder) -> None:
        self.run = run
        self.story = _PatientStory(run)
        self.config: dict[str, Any] = {}
        self.config_error: UserError | None = None
        self.steps: dict[str, Series] = {}  # a value an optimizer step
        self.epochs: dict[str, Series] = {}  # a value an epoch
        self.messages: list[events.Message] = []
        self.pictures: list[events.Picture] = []
        self.version = 0  # rises with everything new: who draws compares it
        self._state = RunState.WAITING
        self._judged = 0.0
        self.resumed_at = 0.0
        try:
            self.config = run.config()
        except UserError as error:
            self.config_error = error

    @property
    def path(self) -> Path:
        return self.run.path

    @property
    def system(self) -> str:
        if self.story.started is not None:
            return self.story.started.system
        return str(self.config.get("system", ""))

    @property
    def state(self) -> RunState:
        """Judged anew about once a second, for it asks the system for the process."""
        now = time.monotonic()
        if now - self._judged > LIFE_EVERY_S:
            self._judged = now
            self._state = self._judge()
        return self._state

    @property
    def alive(self) -> bool:
        return self.state in ALIVE

    @property
    def stopping(self) -> bool:
        return self.alive and self.run.stop_file.exists()

    @property
    def metric(self) -> str:
        """The figure the run is judged by: what it said at its end, else a validation figure."""
        if self.story.finished is not None and self.story.finished.metric:
            return self.story.finished.metric
        named = str(self.config.get("metric", ""))
        if named in self.epochs:
            return named
        figures = [name for name in self.epochs if name.startswith("validation/")]
        better = [name for name in figures if not name.endswith("loss")]
        return (better or figures or list(self.epochs) or [""])[0]

    @property
    def best_value(self) -> float | None:
        if self.story.finished is not None and self.story.finished.best_value is not None:
            return self.story.finished.best_value
        best = self.story.best_epoch
        return best.values.get(self.metric) if best is not None else None

    def read(self) -> bool:
        """Take in what was appended; True if there was something."""
        new = self.story.read()
        for event in new:
            if isinstance(event, events.Scalars):
                for name, value in event.values.items():
                    self.steps.setdefault(name, Series()).add(event.epoch, value)
            elif isinstance(event, events.Epoch):
                for name, value in event.values.items():
                    self.epochs.setdefault(name, Series()).add(event.epoch, value)
            elif isinstance(event, events.Message):
                self.messages.append(event)
            elif isinstance(event, events.Picture):
                self.pictures.append(event)
        if new:
            self.version += 1
            self._judged = 0.0
        return bool(new)

    def _judge(self) -> RunState:
        state = self.story.state
        if state not in ALIVE and time.monotonic() - self.resumed_at < 60 and self.resumed_at:
            return RunState.WAITING if self.story.started is None or not self._told_since_resume() else state
        if state != self._state:
            self.version += 1
        return state

    def _told_since_resume(self) -> bool:
        return self.version > self._version_at_resume

    _version_at_resume = 0

    def was_resumed(self) -> None:
        """A process was started for it again; until it speaks, the old end does not count."""
        self.resumed_at = time.monotonic()
        self._version_at_resume = self.version
        self._judged = 0.0


class Runs(QObject):
    """All runs of the runs folder, newest first.

    changed: the list is another. updated(path): a run has new events or another state.
    started(path): a process was set going. launch_wanted(system): the form is asked for.
    use_checkpoint(system, path): the person wants this checkpoint in the system's tab.
    """

    changed = Signal()
    updated = Signal(object)
    started = Signal(object)
    launch_wanted = Signal(str)
    use_checkpoint = Signal(str, object)

    def __init__(self, services: Services) -> None:
        super().__init__(services)
        self._services = services
        self.runs: list[WatchedRun] = []
        self._children: list[tuple[subprocess.Popen[bytes], Path]] = []
        self._listed = 0.0
        self._states: dict[Path, RunState] = {}
        self._timer = QTimer(self)
        self._timer.setInterval(POLL_MS)
        self._timer.timeout.connect(self.poll)
        self._timer.start()
        self.rescan()

    @property
    def folder(self) -> Path:
        return self._services.settings.runs_folder

    def of(self, system: str) -> list[WatchedRun]:
        return [run for run in self.runs if run.system == system]

    def find(self, path: Path) -> WatchedRun | None:
        return next((run for run in self.runs if run.path == path), None)

    def living(self) -> list[WatchedRun]:
        return [run for run in self.runs if run.alive]

    # Watching ---------------------------------------------------------------------------------------------

    def rescan(self) -> None:
        """Look which folders there are."""
        self._listed = time.monotonic()
        known = {run.path: run for run in self.runs}
        found = [known.get(run.path) or WatchedRun(run) for run in list_runs(self.folder)]
        if [run.path for run in found] != [run.path for run in self.runs]:
            self.runs = found
            self.changed.emit()

    def poll(self) -> None:
        """Called by the timer: read on, judge life, bury children. Stops after about 10 ms of reading."""
        if time.monotonic() - self._listed > LIST_EVERY_S:
            self.rescan()
        began = time.monotonic()
        for run in self.runs:
            news = run.read()
            state = run.state
            if news or self._states.get(run.path) != state:
                self._states[run.path] = state
                self.updated.emit(run.path)
            if time.monotonic() - began > 0.01:
                break
        self._bury()

    def _bury(self) -> None:
        """Collect the exit of children, so that none remains as a zombie."""
        for child, path in list(self._children):
            if child.poll() is not None:
                self._children.remove((child, path))
                log.info("%s: the process ended with %s", path.name, child.returncode)
                watched = self.find(path)
                if watched is not None:
                    watched.version += 1
                    watched._judged = 0.0
                    self.updated.emit(path)

    # Starting and ending ----------------------------------------------------------------------------------

    def launch(self, system: str) -> None:
        """Open the form in which a run of `system` is set up."""
        self.launch_wanted.emit(system)

    def start(self, path: Path, system: str, config: dict[str, Any], device: str = "auto") -> WatchedRun:
        """A new run folder and its process. Raises UserError where the folder cannot be made."""
        run = RunFolder.create(path, system, config)
        self._spawn(run, train_command(run, system, device))
        self.rescan()
        watched = self.find(run.path)
        if watched is None:  # outside the runs folder: watched all the same, until the window closes
            watched = WatchedRun(run)
            self.runs.insert(0, watched)
            self.changed.emit()
        self.started.emit(watched.path)
        return watched

    def resume(self, watched: WatchedRun) -> None:
        watched.run.stop_file.unlink(missing_ok=True)
        self._spawn(watched.run, resume_command(watched.run))
        watched.was_resumed()
        self.updated.emit(watched.path)

    def stop(self, watched: WatchedRun) -> None:
        """Ask it to save and end."""
        try:
            watched.run.request_stop()
        except OSError as error:
            raise UserError(
                "The run {name} could not be asked to stop.",
                "{reason}.",
                "Check the permissions of {path}.",
                name=watched.run.name,
                reason=error.strerror or str(error),
                path=watched.path,
            ) from error
        self.updated.emit(watched.path)

    def delete(self, watched: WatchedRun) -> None:
        """Remove the folder of a run that is not alive."""
        if watched.alive:
            raise UserError("{name} still runs.", "", "Stop it first.", name=watched.run.name)
        try:
            watched.run.delete()
        except OSError as error:
            raise UserError(
                "The run {name} could not be deleted.",
                "{reason}.",
                "Close what has its files open, or check the permissions.",
                name=watched.run.name,
                reason=error.strerror or str(error),
            ) from error
        self.rescan()

    def close(self) -> None:
        """Stop watching; the children go on."""
        self._timer.stop()

    def _spawn(self, run: RunFolder, command: list[str]) -> None:
        try:
            child = spawn(run, command, self._services.settings.offline)
        except OSError as error:
            raise UserError(
                "The training process could not be started.",
                "{reason}.",
                "Close other programs, or check the runs folder in Settings.",
                reason=error.strerror or str(error),
            ) from error
        log.info("%s: process %s started", run.name, child.pid)
        self._children.append((child, run.path))


def program() -> list[str]:
    """How ``python -m models`` is called; the frozen program takes the same words."""
    return [sys.executable, "-m", "models"]


def train_command(run: RunFolder, system: str, device: str) -> list[str]:
    arguments = [
        "train",
        system,
        "--config",
        str(run.config_file),
        "--run",
        str(run.path),
        "--device",
        device,
    ]
    return [*program(), *arguments]


def resume_command(run: RunFolder) -> list[str]:
    return [*program(), "resume", str(run.path)]


def child_environment(cores: int | None = None, offline: bool = False) -> dict[str, str]:
    """The window's own, with one core left to the window."""
    threads = str(max(1, (cores or os.cpu_count() or 1) - 1))
    environment = dict(os.environ)
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        environment.setdefault(name, threads)
    environment["PYTHONUNBUFFERED"] = "1"
    environment["PYTHONUTF8"] = "1"
    if offline:
        environment["HF_HUB_OFFLINE"] = "1"
    return environment


def spawn(run: RunFolder, command: Iterable[str], offline: bool = False) -> subprocess.Popen[bytes]:
    """Start a detached process of lower priority, its output appended to the run's ``log.txt``."""
    options: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        options = {
            "creationflags": subprocess.CREATE_NEW_PROCESS_GROUP
            | subprocess.BELOW_NORMAL_PRIORITY_CLASS
            | subprocess.CREATE_NO_WINDOW
        }
    with open(run.log_file, "ab") as output:
        child = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=str(resource().parent),
            env=child_environment(offline=offline),
            close_fds=True,
            **options,
        )
    if sys.platform != "win32":
        _lower_priority(child.pid)
    return child


def _lower_priority(pid: int) -> None:
    import psutil

    try:
        psutil.Process(pid).nice(10)
    except psutil.Error as error:  # it has ended already, or may not be changed: it runs all the same
        log.info("process %s keeps its priority: %s", pid, error)
