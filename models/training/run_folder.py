"""A run is a folder, and nothing else holds state of a run.

config.yaml        what was asked for                events.jsonl   what happened
environment.json   versions and machine              log.txt        what the process printed
best/  last/       checkpoints; last/training.pt is what resuming needs
tensorboard/       for those who want it             stop           this file asks the run to stop
about.json         notes, tags, queue                .lock          held by the process that trains it

Such a folder may be half written, damaged or somebody else's: nothing in it is believed before it is looked at, and a
run that cannot be read is `RunState.DAMAGED`.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import time
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import psutil
import yaml

from models import documents, file_names, files, locks
from models.checkpoint import cannot_write
from models.errors import UserError
from models.training import events
from models.writing import write_whole


class RunState(StrEnum):
    """Where a run stands, judged by its events and by whether its process lives."""

    QUEUED = "queued"  # waits for its turn; no process was started
    WAITING = "waiting"  # the process has not reported yet
    RUNNING = "running"
    STOPPED = "stopped"  # asked to; can be resumed
    DONE = "done"
    FAILED = "failed"  # by an error it could name
    DIED = "died"  # its process is gone without a word; can be resumed
    DAMAGED = "damaged"  # its config cannot be read; `RunFolder.damage` says why


CHECKPOINTS = ("best", "last")
LATEST = 1e12  # seconds since 1970
LARGEST_ABOUT = 2**20  # bytes of what people keep about a run
LEFT_BEHIND = (".saving-*", ".last-*", ".best-*", ".config.yaml*", ".about.json*")  # by a kill within a write
SILENT_S = 600.0  # after which a run on another host, of whose lock nothing is seen, counts as dead
STARTING_S = 120.0  # a run that has said nothing for so long and has no process did not come to life


@dataclass(frozen=True)
class RunFolder:
    """A training run as its folder: where each of its files lies, and what they say."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def config_file(self) -> Path:
        return self.path / "config.yaml"

    @property
    def events_file(self) -> Path:
        return self.path / "events.jsonl"

    @property
    def about_file(self) -> Path:
        return self.path / "about.json"

    @property
    def log_file(self) -> Path:
        return self.path / "log.txt"

    @property
    def stop_file(self) -> Path:
        return self.path / "stop"

    @property
    def lock_file(self) -> Path:
        return self.path / ".lock"

    @property
    def best(self) -> Path:
        return self.path / "best"

    @property
    def last(self) -> Path:
        return self.path / "last"

    @classmethod
    def create(cls, path: Path, system: str, config: dict[str, Any]) -> RunFolder:
        """A new folder with its config. `config` is the plain dump of a system's training config.

        Raises UserError if it exists already or cannot be written.
        """
        run = cls(Path(path))
        if run.events_file.exists():
            raise UserError(
                "The run folder {path} already holds a run.",
                "A new run would write over it.",
                "Choose another folder, or resume the run that is there.",
                path=path,
            )
        try:
            run.path.mkdir(parents=True, exist_ok=True)
            run._write_config({"system": system, **config})
        except OSError as error:
            raise UserError(
                "The run folder {path} cannot be written.",
                "{reason}.",
                "Choose a folder you may write to, on a disk with room.",
                path=path,
                reason=error.strerror or str(error),
            ) from error
        return run

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """The run at `path`; one of its checkpoints stands for it. Raises UserError if there is none."""
        run = cls(Path(path))
        above = cls(run.path.parent)
        if run.name in CHECKPOINTS and not run.config_file.is_file() and above.config_file.is_file():
            return above
        if not run.path.exists():
            raise UserError("{path} was not found.", "", "Check the path for typing errors.", path=path)
        if not run.config_file.is_file():
            raise UserError(
                "{path} is not a run folder.",
                "It has no config.yaml.",
                "Choose a folder that a training run has written.",
                path=path,
            )
        return run

    def config(self) -> dict[str, Any]:
        """The plain config, with ``system`` among its keys."""
        try:
            values = documents.read_yaml(self.config_file)
        except UserError as error:
            raise UserError(
                "The config of the run {name} cannot be read.",
                "{reason}",
                "Mend {path}, or start a new run.",
                name=file_names.shown(self.name),
                path=self.config_file,
                reason=UserError(error.what, error.why, **error.values),
            ) from error
        return values if isinstance(values, dict) else {}

    def damage(self) -> str:
        """Why the run cannot be read, in words; empty where it can."""
        try:
            values = self.config()
        except UserError as error:
            return str(error)
        return "" if isinstance(values.get("system"), str) else "Its config.yaml names no system."

    def change_config(self, **values: Any) -> None:
        """Write other values into the config, as when memory asks for a smaller batch."""
        self._write_config({**self.config(), **values})

    def _write_config(self, values: dict[str, Any]) -> None:
        write_whole(self.config_file, yaml.safe_dump(values, sort_keys=False, allow_unicode=True))

    def about(self) -> dict[str, Any]:
        """What people and the queue keep about the run: ``notes``, ``tags``, ``group``, ``variant``, ``queued``,
        ``device``. What is of another kind than these should be is left out."""
        try:
            values = documents.parsed_json(files.read_bytes(self.about_file, LARGEST_ABOUT), self.about_file)
        except UserError:
            return {}
        return _well_formed(values) if isinstance(values, dict) else {}

    def keep_about(self, **values: Any) -> None:
        """Change what is kept about the run; None takes a value away."""
        kept = {name: value for name, value in {**self.about(), **values}.items() if value is not None}
        write_json(self.about_file, kept)

    def lock(self) -> locks.Lock:
        """Take the run for this process. Raises UserError where another trains it, or it cannot be written."""
        try:
            return locks.take(self.lock_file)
        except locks.Held as held:
            raise UserError(
                "The run {name} is being trained already.",
                "Process {pid} on {host} holds it.",
                "Stop it first, or wait for its end.",
                name=file_names.shown(self.name),
                pid=held.holder.pid,
                host=held.holder.host or "another machine",
            ) from held
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def sweep(self) -> None:
        """Remove what a kill within a write has left; by the process that holds the run."""
        for pattern in LEFT_BEHIND:
            for path in self.path.glob(pattern):
                if path.name.endswith("-old"):  # which `checkpoint.recover` may need
                    continue
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)

    def disk_bytes(self) -> int:
        """What the folder takes on the disk."""
        total = 0
        for folder, _, names in os.walk(self.path):
            for name in names:
                with contextlib.suppress(OSError):
                    total += os.lstat(os.path.join(folder, name)).st_size
        return total

    def request_stop(self) -> None:
        """Ask the run to save and end. It looks after every step."""
        self.stop_file.write_text("stop\n", "utf-8")

    def log_tail(self, lines: int = 20) -> str:
        """The last lines of what the run has printed; empty where there is no log."""
        try:
            with open(self.log_file, "rb") as file:
                file.seek(0, 2)
                file.seek(max(0, file.tell() - 20_000))
                return "\n".join(file.read().decode("utf-8", "replace").splitlines()[-lines:])
        except OSError:
            return ""

    def delete(self) -> None:
        """Remove the folder with all that is in it. Raises OSError."""
        shutil.rmtree(self.path)


@dataclass
class RunStory:
    """A run as read from its events so far; `read` brings it up to date and says what is new."""

    run: RunFolder
    started: events.Started | None = None
    finished: events.Finished | None = None
    failed: events.Failed | None = None
    last_epoch: events.Epoch | None = None
    best_epoch: events.Epoch | None = None
    pace: events.Pace | None = None  # the last that was told
    last_step: int = 0
    first_seen: float = field(default_factory=time.time)

    def __post_init__(self) -> None:
        self._reader = events.EventReader(self.run.events_file)

    def read(self) -> list[events.Event]:
        """Take in what was written since the last call; those events."""
        new = self._reader.read_new()
        for event in new:
            self.take(event)
        return new

    def take(self, event: events.Event | events.Steps) -> None:
        """Go on with the next event."""
        if isinstance(event, events.Started):
            self.started, self.finished, self.failed = event, None, None
        elif isinstance(event, events.Steps):
            self.last_step = event.last_step
        elif isinstance(event, events.Scalars):
            self.last_step = event.step
        elif isinstance(event, events.Epoch):
            self.last_epoch, self.last_step = event, event.step
            if event.best:
                self.best_epoch = event
        elif isinstance(event, events.Pace):
            self.pace = event
        elif isinstance(event, events.Finished):
            self.finished = event
        elif isinstance(event, events.Failed):
            self.failed = event

    @property
    def state(self) -> RunState:
        """How the run stands, by its events and by whether its process lives."""
        if self.finished is not None:
            return RunState.STOPPED if self.finished.reason == "stopped" else RunState.DONE
        if self.failed is not None:
            return RunState.FAILED
        if self.started is None and self.run.damage():
            return RunState.DAMAGED
        if self.started is None and self.run.about().get("queued"):
            return RunState.QUEUED
        if self.started is None and locks.holder(self.run.lock_file) is not None:
            return RunState.WAITING  # it reads its data, however long that takes
        if self.started is None:
            age = time.time() - modified(self.run.config_file)
            return RunState.WAITING if age < STARTING_S else RunState.DIED
        return RunState.RUNNING if self._lives(self.started) else RunState.DIED

    def _lives(self, started: events.Started) -> bool:
        """Whether the process that took the run up still trains it, on this machine or on another that shares the disk."""
        if started.host in ("", socket.gethostname()):
            return process_lives(started)
        if locks.holder(self.run.lock_file) is not None:
            return True
        return time.time() - modified(self.run.events_file) < SILENT_S


def process_lives(started: events.Started) -> bool:
    """Whether the very process that wrote `started` still runs (a process id alone may have been reused)."""
    try:
        process = psutil.Process(started.pid)
        same = abs(process.create_time() - started.process_started) < 1.0
        return same and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, OverflowError, ValueError):  # also for a number that no process can have
        return False


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Raises OSError."""
    write_whole(path, json.dumps(values, indent=2, ensure_ascii=False) + "\n")


def _well_formed(about: dict[str, Any]) -> dict[str, Any]:
    """Without the entries that are of another kind than the window keeps there."""
    queued = about.get("queued")
    if queued is not None and not (
        isinstance(queued, dict)
        and isinstance(queued.get("device", "auto"), str)
        and isinstance(queued.get("since", 0.0), int | float)
        and abs(queued.get("since", 0.0)) < LATEST
    ):
        about = {name: value for name, value in about.items() if name != "queued"}
    kinds = {"notes": str, "group": str, "device": str, "tags": list, "variant": dict}
    return {
        name: value
        for name, value in about.items()
        if isinstance(value, kinds.get(name, object))
        and not (
            isinstance(value, list) and name == "tags" and any(not isinstance(tag, str) for tag in value)
        )
    }


def modified(path: Path) -> float:
    """When the file was changed last, seconds since 1970; 0 where it cannot be looked at."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
