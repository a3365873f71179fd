"""A run as the window sees it: its folder, and all it has told so far."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.errors import UserError
from models.training import events
from models.training.record import Flow, Record, Series
from models.training.run_folder import RunFolder, RunState, RunStory

if TYPE_CHECKING:
    from models.training.config import TrainingConfig

LIFE_EVERY_S = 1.0
ALIVE = (RunState.RUNNING, RunState.WAITING)
BLOCK_BYTES = 400_000  # read at a time, so that a long history does not hold up the window


class WatchedRun:
    """A run folder and all it has told so far.

    What ended it, and its best figure, are known at a glance; its epochs come with `read`, called from a timer; its
    steps, of which there may be hundreds of thousands, only while `wanted` is True.
    """

    def __init__(self, run: RunFolder) -> None:
        self.run = run
        self._config: dict[str, Any] | None = None
        self._config_error: UserError | None = None
        self.version = 0  # rises with everything new: who draws compares it
        self.wanted = False
        self._state = RunState.WAITING
        self._judged = 0.0
        self.resumed_at = 0.0
        self._about: dict[str, Any] | None = None
        self._checked: tuple[TrainingConfig | None] | None = None
        self.story = RunStory(run)
        for event in events.glance(run.events_file):
            self.story.take(event)
        self._begin()
        self.record = self._reading

    def _begin(self) -> None:
        self._reading = Record()  # becomes `record` when all was read
        self._reader = events.EventReader(self.run.events_file)
        self._with_steps = self.wanted
        self._read_story = RunStory(self.run)  # becomes `story` when all was read
        self._read_story.first_seen = self.story.first_seen

    def want(self, wanted: bool) -> None:
        """Whether the steps are to be shown; they are read from the beginning when first wanted."""
        if wanted and not self._with_steps:
            self.wanted = True
            self._begin()
        self.wanted = wanted

    def forget_steps(self) -> None:
        """Give the memory of the steps back."""
        self.record.steps, self.record.flow = {}, Flow()
        self._with_steps = False

    @property
    def behind(self) -> bool:
        """Whether there is more to read."""
        return self._reader.behind > 0

    @property
    def behind_bytes(self) -> int:
        return self._reader.behind

    @property
    def steps(self) -> dict[str, Series]:
        return self.record.steps

    @property
    def epochs(self) -> dict[str, Series]:
        return self.record.epochs

    @property
    def about(self) -> dict[str, Any]:
        """Notes, tags, group and variant; see `RunFolder.about`."""
        if self._about is None:
            self._about = self.run.about()
        return self._about

    @property
    def config(self) -> dict[str, Any]:
        """The plain config, read when first asked for; empty where it cannot be."""
        if self._config is None:
            try:
                self._config = self.run.config()
            except UserError as error:
                self._config, self._config_error = {}, error
        return self._config

    @property
    def config_error(self) -> UserError | None:
        """Why the config cannot be read."""
        return self._config_error if self.config == {} else None

    def checked_config(self) -> TrainingConfig | None:
        """The config as its system's class has it; None where that cannot be made of it."""
        if self._checked is None:
            from models.systems import training_config
            from models.training.config import validated

            try:
                self._checked = (validated(training_config(self.system), self.config),)
            except UserError:
                self._checked = (None,)
        return self._checked[0]

    @property
    def group(self) -> str:
        return str(self.about.get("group", ""))

    def keep_about(self, **values: Any) -> None:
        self.run.keep_about(**values)
        self._about = None
        self._judged = 0.0
        self.version += 1

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

    def read(self, most_bytes: int = BLOCK_BYTES) -> bool:
        """Take in what was appended; True if there was something."""
        if not self._reader.behind:
            return False
        new = self._reader.read_many(most_bytes, steps=self._with_steps)
        for event in new:
            self._reading.add(event)
            self._read_story.take(event)
        if not self._reader.behind or self.story.started is None:
            self.story = self._read_story
        if not self._reader.behind or not self.record.epochs:
            self.record = self._reading
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
