"""Training runs as the window sees them: folders that are watched, and child processes that are started.

A child is detached: it lives on when the window closes, and is found again by what it wrote into its folder.
"""

from __future__ import annotations

import logging
import re
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QFile, QObject, QTimer, Signal

from app.settings import Settings
from app.training.board import Board
from app.training.child import spawn
from app.training.watched import WatchedRun
from models.errors import UserError
from models.resources import own_command
from models.training import cross_validation
from models.training.cross_validation import Folding
from models.training.run_folder import RunFolder, RunState
from models.training.runs import list_runs

log = logging.getLogger("polyphony.training")

POLL_MS = 250
LIST_EVERY_S = 2.0
READ_S = 0.012  # of reading a turn; twice as much for the runs that are looked at, which go first
CATCH_UP_MS = 10  # between two turns while there is more to read
SHORT_BYTES = 1_000_000  # a story that is read at once when it is looked at
KEPT_STEPS = 12  # runs whose steps stay in memory once they are looked at no longer


class Runs(QObject):
    """All runs of the runs folder, newest first.

    changed: the list is another. updated(path): a run has new events or another state.
    started(path): a process was set going. launch_wanted(system): the form is asked for.
    use_checkpoint(system, path): the person wants this checkpoint in the system's tab.
    """

    changed = Signal()
    updated = Signal(object)
    started = Signal(object)
    launch_wanted = Signal(str)  # `proposal` holds what the form should begin with
    use_checkpoint = Signal(str, object)

    def __init__(self, settings: Settings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self.runs: list[WatchedRun] = []
        self._children: list[tuple[subprocess.Popen[bytes], Path]] = []
        self._listed = 0.0
        self._closed = False
        self.board = Board(self)
        self.proposal: Proposal | None = None  # of a run to be set up like another
        self._states: dict[Path, RunState] = {}
        self._timer = QTimer(self)
        self._timer.setInterval(POLL_MS)
        self._timer.timeout.connect(self.poll)
        self._timer.start()
        self.rescan()

    @property
    def folder(self) -> Path:
        return self._settings.runs_folder

    def of(self, system: str) -> list[WatchedRun]:
        """The runs of one system, in the order of the list."""
        return [run for run in self.runs if run.system == system]

    def find(self, path: Path) -> WatchedRun | None:
        """The run in that folder; None where it is not known."""
        return next((run for run in self.runs if run.path == path), None)

    def living(self) -> list[WatchedRun]:
        """The runs whose process is alive; a fold is not counted beside the cross-validation that trains it."""
        alive = [run for run in self.runs if run.alive]
        paths = {run.path for run in alive}
        return [run for run in alive if run.whole is None or run.whole not in paths]

    # Watching ---------------------------------------------------------------------------------------------

    def rescan(self) -> None:
        """Look which folders there are, those copied in from elsewhere among them."""
        self._listed = time.monotonic()
        known = {run.path: run for run in self.runs}
        result = [known.get(run.path) or WatchedRun(run) for run in list_runs(self.folder)]
        if [run.path for run in result] != [run.path for run in self.runs]:
            self.runs = result
            self.changed.emit()

    def look_at(self, paths: Iterable[Path]) -> None:
        """These runs are looked at: their steps are read, and those of the others forgotten in time."""
        looked_at = set(paths)
        began = time.monotonic()
        for run in self.runs:
            run.want(run.path in looked_at)
            if run.wanted and run.behind_bytes < SHORT_BYTES and time.monotonic() - began < 2 * READ_S:
                run.read(SHORT_BYTES)
        kept = [run for run in self.runs if run.steps and not run.wanted]
        for run in kept[KEPT_STEPS:]:
            run.forget_steps()
        self._timer.setInterval(CATCH_UP_MS)

    def poll(self) -> None:
        """Called by the timer: read on, judge life, bury children, start what waits. Reads for some 20 ms at most."""
        if time.monotonic() - self._listed > LIST_EVERY_S:
            self.rescan()
        behind = self._read_on([run for run in self.runs if run.wanted], 2 * READ_S)
        if not behind:
            behind = self._read_on([run for run in self.runs if not run.wanted], READ_S)
        self._timer.setInterval(CATCH_UP_MS if behind else POLL_MS)
        self._bury()
        self._start_next()

    def _read_on(self, runs: list[WatchedRun], seconds: float) -> bool:
        """Whether there is more to read than there was time for."""
        began = time.monotonic()
        for run in runs:
            news = run.read()
            state = run.state
            if news or self._states.get(run.path) != state:
                self._states[run.path] = state
                self.updated.emit(run.path)
            if time.monotonic() - began > seconds:
                break
        return any(run.behind for run in runs)

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

    def launch(
        self,
        system: str,
        like: WatchedRun | None = None,
        proposal: tuple[str, dict[str, Any]] | None = None,
    ) -> None:
        """Open the form in which a run of `system` is set up; `like` another run if one is given.

        proposal: name and config to begin with, such as one with a wiring of a person's own.
        """
        self.proposal = None if proposal is None else Proposal(self.free(proposal[0]), proposal[1])
        if like is not None:
            values = {name: value for name, value in like.config.items() if name != "system"}
            by = "" if like.folding is None else like.folding.by
            self.proposal = Proposal(self.free_name(like.name_for_another), values, by)
        self.launch_wanted.emit(system)

    def free(self, name: str) -> str:
        """The name itself, or with a number where there is such a run already."""
        return self.free_name(name) if (self.folder / name).exists() else name

    def free_name(self, name: str) -> str:
        """``name-2``, or with the next number that is free."""
        stem, number = re.sub(r"-\d{1,2}$", "", name), 2
        while (self.folder / f"{stem}-{number}").exists():
            number += 1
        return f"{stem}-{number}"

    def vary(self, watched: WatchedRun, changes: dict[str, Any], words: str) -> WatchedRun:
        """The run once more with some settings changed, in one group with it; waits where its device is busy."""
        from models.systems import training_config
        from models.training.config import override, validated

        values = override(watched.config, [f"{name}={value}" for name, value in changes.items()])
        config = validated(training_config(watched.system), values).model_dump(mode="json")
        group = watched.group or watched.run.name
        if not watched.group:
            watched.keep_about(group=group)
        started = watched.story.started
        device = started.device if started is not None else "auto"
        path = self.folder / self.free_name(watched.name_for_another)
        variant = {"words": words, "changes": changes, "of": watched.run.name}
        made = self.enqueue(path, watched.system, config, device, group=group, variant=variant)
        self._start_next()
        return made

    def start(
        self, path: Path, system: str, config: dict[str, Any], device: str = "auto", by: str = ""
    ) -> WatchedRun:
        """A new run folder and its process; with `by` a cross-validation whose folds leave that out.

        Raises UserError where the folder cannot be made.
        """
        run = _new_folder(path, system, config, device, by)
        self._spawn(run, train_command(run, system, device))
        self.rescan()
        watched = self.find(run.path)
        if watched is None:  # outside the runs folder: watched all the same, until the window closes
            watched = WatchedRun(run)
            self.runs.insert(0, watched)
            self.changed.emit()
        self.started.emit(watched.path)
        return watched

    def enqueue(
        self,
        path: Path,
        system: str,
        config: dict[str, Any],
        device: str = "auto",
        by: str = "",
        **about: Any,
    ) -> WatchedRun:
        """As `start`, but its process is started when its device is free. `about`: its group and variant."""
        run = _new_folder(path, system, config, device, by)
        run.keep_about(queued={"device": device, "since": time.time()}, **about)
        self.rescan()
        watched = self.find(run.path) or WatchedRun(run)
        self.started.emit(run.path)
        return watched

    def waiting(self) -> list[WatchedRun]:
        """The queue, those that wait longest first."""
        queued = [run for run in self.runs if run.state is RunState.QUEUED]
        return sorted(queued, key=lambda run: float(run.about.get("queued", {}).get("since", 0)))

    def busy(self, device: str) -> bool:
        """Whether a run computes on the device, or may: where one of the two was left to choose."""
        for run in self.living():
            started = run.story.started
            theirs = str(run.about.get("device") or (started.device if started is not None else "auto"))
            if "auto" in (device, theirs) or theirs.split(":")[0] == device.split(":")[0]:
                return True
        return False

    def start_waiting(self, watched: WatchedRun) -> None:
        """Start a run of the queue now."""
        device = str(watched.about.get("queued", {}).get("device", "auto"))
        watched.keep_about(queued=None, device=device)
        self._spawn(watched.run, train_command(watched.run, watched.system, device))
        watched.was_resumed()
        self.updated.emit(watched.path)

    def _start_next(self) -> None:
        if self._closed:
            return
        for run in self.waiting():
            if not self.busy(str(run.about.get("queued", {}).get("device", "auto"))):
                try:
                    self.start_waiting(run)
                except Exception as error:  # whatever is the matter with it, the next one has its turn
                    run.mark_damaged(error)
                    self.updated.emit(run.path)
                    continue
                return

    def resume(self, watched: WatchedRun) -> None:
        """Go on with a run that has ended, in a process of its own, from its last checkpoint."""
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
        """Move the folder of a run that is not alive to the trash; where there is none, remove it."""
        if watched.alive:
            raise UserError("{name} still runs.", "", "Stop it first.", name=watched.run.name)
        try:
            if not QFile.moveToTrash(str(watched.path)):
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
        """Stop watching; the children go on, and what waits goes on waiting."""
        self._closed = True
        self.board.close()
        self._timer.stop()

    def _spawn(self, run: RunFolder, command: list[str]) -> None:
        try:
            child = spawn(run, command, self._settings.offline)
        except OSError as error:
            raise UserError(
                "The training process could not be started.",
                "{reason}.",
                "Close other programs, or check the runs folder in Settings.",
                reason=error.strerror or str(error),
            ) from error
        log.info("%s: process %s started", run.name, child.pid)
        self._children.append((child, run.path))


@dataclass(frozen=True)
class Proposal:
    """What the form in which a run is set up begins with. by: what the folds of a cross-validation leave out."""

    name: str
    config: dict[str, Any]
    by: str = ""


def _new_folder(path: Path, system: str, config: dict[str, Any], device: str, by: str) -> RunFolder:
    if not by:
        return RunFolder.create(path, system, config)
    return cross_validation.create(path, system, config, Folding(by, device.partition("*")[0]))


def train_command(run: RunFolder, system: str, device: str) -> list[str]:
    """How a run is started; on the device ``cuda*4`` by four processes that compute together."""
    kind, _, count = device.partition("*")
    folding = cross_validation.folding_of(run)
    if folding is not None:
        asked = ["--config", str(run.config_file), "--by", folding.by, "--run", str(run.path)]
        return [*own_command(), "crossval", system, *asked, "--device", kind]
    arguments = ["train", system, "--config", str(run.config_file), "--run", str(run.path), "--device", kind]
    if count:
        together = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={count}"]
        arguments[arguments.index("--run")] = "--run-folder"  # torchrun has a --run-path of its own
        return [sys.executable, *together, "-m", "models", *arguments]
    return [*own_command(), *arguments]


def resume_command(run: RunFolder) -> list[str]:
    """The command line that goes on with a run."""
    return [*own_command(), "resume", str(run.path)]
