"""A run as the window sees it: its folder, and all it has told so far.

The folder may have been written by anybody, or by half: what cannot be read makes the run `damage`d, with a reason, and
nothing else.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from models.errors import UserError
from models.training import events
from models.training.cross_validation import Folding, folding_of, whole_of
from models.training.record import Flow, Record, Series
from models.training.run_folder import RunFolder, RunState, RunStory

if TYPE_CHECKING:
    from models.training.config import TrainingConfig

log = logging.getLogger("polyphony.training")

LIFE_EVERY_S = 1.0
MOST_WORDS = 300  # characters of a reason
Result = TypeVar("Result")
ALIVE = (RunState.RUNNING, RunState.WAITING)
BLOCK_BYTES = 400_000  # read at a time, so that a long history does not hold up the window


class WatchedRun:
    """A run folder and all it has told so far.

    What ended it, and its best figure, are known at a glance; its epochs come with `read`, called from a timer; its
    steps, of which there may be hundreds of thousands, only while `wanted` is True.
    """

    def __init__(self, run: RunFolder) -> None:
        self.run = run
        self.folding: Folding | None = folding_of(run)  # how it cross-validates; None for a training
        whole = whole_of(run)
        self.whole = None if whole is None else whole.path  # the cross-validation whose fold it is
        self.damage = ""  # why it cannot be read; empty where it can
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
        self._careful(self._glance, None)
        self._begin()
        self.record = self._reading

    def _glance(self) -> None:
        for event in events.glance(self.run.events_file):
            self.story.take(event)

    def _careful(self, call: Callable[[], Result], default: Result) -> Result:
        """What `call` reads; where it cannot, the run is damaged, which is said once, and `default` is taken."""
        if self.damage:
            return default
        try:
            return call()
        except Exception as error:
            self.mark_damaged(error)
            return default

    def mark_damaged(self, error: BaseException) -> None:
        """Nothing is read of it any more; the reason is told where it is shown."""
        reason = str(getattr(error, "strerror", "") or error) or type(error).__name__
        kind = "" if isinstance(error, UserError) else f"{type(error).__name__}: "
        self.damage = f"{kind}{reason}"[:MOST_WORDS]
        self.version += 1
        log.warning("%s is damaged: %s", self.run.path, self.damage)

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
        return self.behind_bytes > 0

    @property
    def behind_bytes(self) -> int:
        return self._careful(lambda: self._reader.behind, 0)

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
            self._about = clean_about(self._careful(self.run.about, {}))
        return self._about

    @property
    def config(self) -> dict[str, Any]:
        """The plain config, read when first asked for; empty where it cannot be."""
        if self._config is None:
            self.take_config(self._careful(self._read_config, {}))
        return self._config or {}

    @property
    def known_config(self) -> dict[str, Any] | None:
        """The config if it was read already."""
        return self._config

    def take_config(self, config: dict[str, Any]) -> None:
        """The config, read elsewhere."""
        self._config = config

    def _read_config(self) -> dict[str, Any]:
        try:
            return self.run.config()
        except UserError as error:
            self._config_error = error
            return {}

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
            except Exception:  # settings of anybody: the run is shown without what they would tell
                self._checked = (None,)
        return self._checked[0]

    @property
    def group(self) -> str:
        """Runs of one group are shown as mean and spread; the folds of a cross-validation are one."""
        return str(self.about.get("group", "") or (self.whole.name if self.whole is not None else ""))

    @property
    def name_for_another(self) -> str:
        """What a run like it is named after, in the folder of all runs."""
        return self.run.name if self.whole is None else f"{self.whole.name}-{self.run.name}"

    def log_tail(self, lines: int = 20) -> str:
        """The last lines of what its process has printed: a fold's is that of the cross-validation."""
        return self.run.log_tail(lines) or (
            "" if self.whole is None else RunFolder(self.whole).log_tail(lines)
        )

    def keep_about(self, **values: Any) -> None:
        """Write what a person says of the run (name, note, tags, group) into its folder."""
        self.run.keep_about(**values)
        self._about = None
        self._judged = 0.0
        self.version += 1

    @property
    def path(self) -> Path:
        return self.run.path

    @property
    def system(self) -> str:
        """The name of the system that is trained; empty where neither events nor config say it."""
        if self.story.started is not None:
            return self.story.started.system
        return str(self.config.get("system", ""))

    @property
    def state(self) -> RunState:
        """Judged anew about once a second, for it asks the system for the process."""
        now = time.monotonic()
        if now - self._judged > LIFE_EVERY_S:
            self._judged = now
            self._state = self._careful(self._judge, RunState.FAILED)
        return RunState.FAILED if self.damage else self._state

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
        return judged_by(self.config, list(self.epochs))

    @property
    def best_value(self) -> float | None:
        """The best value so far of the metric that chooses the weights; None before there is one."""
        if self.story.finished is not None and self.story.finished.best_value is not None:
            return self.story.finished.best_value
        if self.folding is not None:
            return self.mean_of_folds
        best = self.story.best_epoch
        return best.values.get(self.metric) if best is not None else None

    @property
    def mean_of_folds(self) -> float | None:
        """Of the folds of a cross-validation that were judged so far; None before there is one."""
        judged = self.judged_folds
        return sum(judged) / len(judged) if judged else None

    @property
    def judged_folds(self) -> list[float]:
        """What each fold came to on those it had not met, as far as that is read."""
        series = self.epochs.get(self.metric)
        return [] if series is None else [float(value) for value in series.y]

    def read(self, most_bytes: int = BLOCK_BYTES) -> bool:
        """Take in what was appended; True if there was something."""
        return self._careful(lambda: self._read(most_bytes), False)

    def _read(self, most_bytes: int) -> bool:
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


def judged_by(config: dict[str, Any], names: list[str]) -> str:
    """The metric of those named that a run is judged by: what its config names, else of the validation, not a loss."""
    named = str(config.get("metric", ""))
    if named in names:
        return named
    validated = [name for name in names if name.startswith("validation/")]
    better = [name for name in validated if not name.endswith("loss")]
    return (better or validated or names or [""])[0]


def clean_about(values: dict[str, Any]) -> dict[str, Any]:
    """What is kept about a run, each value of the kind it should be; others are as if they were not there."""
    kept: dict[str, Any] = {}
    for name, kind in (("notes", str), ("group", str), ("device", str)):
        if isinstance(values.get(name), kind):
            kept[name] = values[name]
    if isinstance(values.get("tags"), list):
        kept["tags"] = [tag for tag in values["tags"] if isinstance(tag, str)]
    variant, queued = values.get("variant"), values.get("queued")
    if isinstance(variant, dict):
        kept["variant"] = {name: variant[name] for name in ("of", "words", "changes") if name in variant}
    if isinstance(queued, dict):
        since = queued.get("since")
        kept["queued"] = {
            "device": str(queued.get("device", "auto")),
            "since": float(since) if isinstance(since, int | float) and abs(since) < 1e12 else 0.0,
        }
    return kept
