"""What a training run tells: one JSON line an event, in the run folder's ``events.jsonl``.

The window reads these and nothing else. Lines only ever grow at the end; a line that was cut off by a kill is
skipped. A reader meets only events of the version it knows: unknown kinds are ignored, so that an older
window can show a newer run.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from models.errors import UserError

VERSION = 1
MOST_STEPS = 2**53  # up to which floats count every step
Count = Annotated[int, Field(ge=-MOST_STEPS, le=MOST_STEPS)]


class _Event(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, ser_json_inf_nan="constants")
    v: int = VERSION
    t: float = Field(default_factory=time.time, description="seconds since 1970")


class Started(_Event):
    """A process took the run up, for the first time or again."""

    kind: Literal["started"] = "started"
    pid: Count
    process_started: float  # psutil's create_time: with the pid it names one process for ever
    host: str = ""
    system: str
    device: str
    total_epochs: Count
    total_steps: Count
    first_step: Count = 0
    parameters: Count = 0
    processes: int = 1  # that compute together
    nodes: int = 1  # machines they are on
    trains: dict[str, int | float | str] = Field(default_factory=dict)  # counts of the data, for people


class Scalars(_Event):
    """Figures of one optimizer step, such as ``train/loss``, ``learning_rate``, ``alpha``."""

    kind: Literal["scalars"] = "scalars"
    step: Count
    epoch: float
    values: dict[str, float]


class Pace(_Event):
    """How fast a run goes, about once a second."""

    kind: Literal["pace"] = "pace"
    step: Count
    epoch: float
    steps_per_s: float
    gpu_percent: float | None = None  # of its time at work; None where that is not known
    gpu_memory_gb: float = 0.0


class Epoch(_Event):
    """Figures of one whole epoch, such as ``train/loss``, ``validation/recall``."""

    kind: Literal["epoch"] = "epoch"
    epoch: Count  # 1 is the first
    step: Count
    values: dict[str, float]
    best: bool = False
    fold: str = ""  # of a cross-validation, whose epochs are folds that were judged: which one
    remaining_s: float | None = None


class Saved(_Event):
    """A checkpoint was written: ``last`` or ``best``."""

    kind: Literal["saved"] = "saved"
    name: str
    step: Count
    epoch: Count


class Picture(_Event):
    """A figure file was written into the run folder."""

    kind: Literal["picture"] = "picture"
    path: str
    title: str = ""
    epoch: Count = 0


class Layers(_Event):
    """The layers that `Flow` tells of, in the order in which data goes through them."""

    kind: Literal["layers"] = "layers"
    names: list[str]
    output: int  # the place of the layer that the others' gradients are compared with
    gains: list[int] = Field(
        default_factory=list
    )  # places of layers without weights, such as norms: they move little


class Flow(_Event):
    """How a step's gradient reached each layer; the lists are in the order of the last `Layers`."""

    kind: Literal["flow"] = "flow"
    step: Count
    epoch: float
    gradient: list[float]  # L2 norm, before clipping
    moved: list[float]  # distance of the weights from where they began, relative to their size
    dead: list[float]  # share of units that got no gradient in the last three looks


class Unstable(_Event):
    """A number was no longer finite: where it was first so, and where the batch that did it is kept."""

    kind: Literal["unstable"] = "unstable"
    step: Count
    epoch: float
    stage: Literal["weights", "batch", "forward", "loss", "gradient"]
    layer: str = ""
    kept: str = ""  # below the run folder


class Message(_Event):
    """Something that a person should know of the run; `text` is a template, so that it can be translated."""

    kind: Literal["message"] = "message"
    level: Literal["info", "warning"] = "info"
    text: str  # a template for `values`
    values: dict[str, int | float | str] = Field(default_factory=dict)


class Finished(_Event):
    """The run ended of itself or because it was asked to."""

    kind: Literal["finished"] = "finished"
    reason: Literal["completed", "early stop", "stopped"]
    epoch: Count
    step: Count
    best_epoch: Count = 0
    best_value: float | None = None
    metric: str = ""


class Failed(_Event):
    """The run ended by an error; sentences as in `UserError`, `details` a traceback for errors of ours.

    templates: the three sentences before `values` are filled in, for a window in another language; runs of earlier versions
    have none.
    """

    kind: Literal["failed"] = "failed"
    what: str
    why: str = ""
    remedy: str = ""
    details: str = ""
    cause: Literal["", "memory", "unstable"] = ""
    templates: list[str] = []
    values: dict[str, str | int | float] = {}

    @classmethod
    def by(cls, error: UserError, details: str = "", cause: Literal["", "memory", "unstable"] = "") -> Failed:
        """Of an error, in English and as templates."""
        what, why, remedy = error.sentences()
        values = {
            key: item if isinstance(item, int | float) else str(item) for key, item in error.values.items()
        }
        texts = {"templates": [error.what, error.why, error.remedy], "values": values}
        plain = cls(what=what, why=why, remedy=remedy, details=details, cause=cause)
        return plain.model_copy(update=texts)

    @property
    def error(self) -> UserError:
        """The error, to be said in any language, or raised again."""
        if len(self.templates) == 3:
            return UserError(*self.templates, **self.values)
        return UserError(self.what, self.why, self.remedy)


Event = (
    Started
    | Scalars
    | Pace
    | Epoch
    | Saved
    | Picture
    | Layers
    | Flow
    | Unstable
    | Message
    | Finished
    | Failed
)
_adapter: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="kind")])


MANY = (b'"kind":"scalars"', b'"kind":"flow"')  # the kinds there are thousands of, as they are written
KIND_WITHIN = 64  # bytes from the beginning of a line, in which its kind stands
GLANCE_BYTES = 16_384
LONGEST_LINE = 64_000_000  # bytes; a longer one is passed over


@dataclass
class Steps:
    """Many `Scalars` at once, for speed: name → lists of (epoch, value, step, time)."""

    series: dict[str, tuple[list[float], list[float], list[int], list[float]]] = field(default_factory=dict)
    last_step: int = 0

    def add(self, line: dict[str, object]) -> None:
        """Raises KeyError, TypeError, ValueError, AttributeError or OverflowError for a line that is no `Scalars`."""
        step, epoch, t = _whole(line["step"]), _number(line["epoch"]), _number(line["t"])
        values = {str(name): _number(value) for name, value in line["values"].items()}  # type: ignore[attr-defined]
        for name, value in values.items():
            entry = self.series.get(name)
            if entry is None:
                entry = self.series[name] = ([], [], [], [])
            entry[0].append(epoch)
            entry[1].append(value)
            entry[2].append(step)
            entry[3].append(t)
        self.last_step = step


class EventWriter:
    """Appends events to a file, each whole line handed to the system at once."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = open(path, "ab", buffering=0)  # noqa: SIM115
        if path.stat().st_size and not _ends_with_newline(path):
            self._file.write(b"\n")  # the last writer was killed within a line

    def write(self, event: Event) -> None:
        """Append an event as a line. Raises OSError."""
        self._file.write(event.model_dump_json().encode() + b"\n")

    def close(self) -> None:
        """Close the file; what was written stays."""
        self._file.close()


class EventReader:
    """Reads what was appended since the last call. Cheap enough to be called from a timer."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offset = 0
        self._seen = 0  # bytes that were looked at, half a line at the end among them

    def read_new(self, most_bytes: int = 8_000_000) -> list[Event]:
        """The events since the last call; fewer than there are if they fill more than `most_bytes`."""
        return [event for line in self._lines(most_bytes) if (event := parse(line)) is not None]

    def read_many(self, most_bytes: int = 8_000_000, steps: bool = True) -> list[Event | Steps]:
        """As `read_new`, ten times as fast: scalars come as `Steps`, or not at all where `steps` is False."""
        result: list[Event | Steps] = []
        scalars: list[bytes] = []
        for line in self._lines(most_bytes):
            head = line[:KIND_WITHIN]
            if MANY[0] in head:
                if steps:
                    scalars.append(line)
                continue
            if not steps and MANY[1] in head:
                continue
            if scalars:
                result.append(_together(scalars))
                scalars = []
            event = parse(line)
            if event is not None:
                result.append(event)
        if scalars:
            result.append(_together(scalars))
        return result

    @property
    def behind(self) -> int:
        """Bytes that were not read yet."""
        try:
            size = os.path.getsize(self.path)
            return size if size < self._seen else size - self._seen
        except OSError:
            return 0

    def _lines(self, most_bytes: int) -> list[bytes]:
        try:
            size = os.path.getsize(self.path)
            if size < self._seen:  # the file was replaced: begin again
                self._offset = self._seen = 0
            if size == self._seen:
                return []
            with open(self.path, "rb") as file:
                file.seek(self._offset)
                block = file.read(most_bytes)
                while b"\n" not in block and len(block) < LONGEST_LINE and (more := file.read(most_bytes)):
                    block += more
        except OSError:
            return []
        end = block.rfind(b"\n") + 1
        if not end and len(block) >= LONGEST_LINE:  # what follows of it is a broken line of its own
            end = len(block)
        self._seen = self._offset + len(block)
        self._offset += end
        if self._seen < size:  # there is more: go on behind the last whole line
            self._seen = self._offset
        return block[:end].splitlines()


def glance(path: Path) -> list[Event]:
    """What stands at the beginning and at the end of a long story, without scalars: who began it and how it ended."""
    try:
        with open(path, "rb") as file:
            head = file.read(GLANCE_BYTES)
            file.seek(0, os.SEEK_END)
            size = file.tell()
            file.seek(max(len(head), size - GLANCE_BYTES))
            tail = file.read(GLANCE_BYTES)
    except OSError:
        return []
    lines = head.splitlines() + tail.splitlines()
    return [event for line in lines if not _of_many(line) and (event := parse(line)) is not None]


def _of_many(line: bytes) -> bool:
    head = line[:KIND_WITHIN]
    return MANY[0] in head or MANY[1] in head


def _together(lines: list[bytes]) -> Steps:
    steps = Steps()
    for line in _loaded(lines):
        try:
            steps.add(line)
        except (KeyError, AttributeError, TypeError, ValueError, OverflowError):
            continue
    return steps


def _loaded(lines: list[bytes]) -> Iterator[dict[str, object]]:
    try:
        yield from json.loads(b"[" + b",".join(lines) + b"]")
    except (ValueError, RecursionError):  # one of them was cut off by a kill
        for line in lines:
            try:
                yield json.loads(line)
            except (ValueError, RecursionError):
                continue


def parse(line: bytes | str) -> Event | None:
    """The event of one line, or None where it is broken, of a kind not known here, or points out of its run."""
    try:
        event = _adapter.validate_python(json.loads(line))
    except (ValueError, ValidationError, RecursionError, OverflowError):
        return None
    return None if isinstance(event, Picture) and not _stays_inside(event.path) else event


def _stays_inside(path: str) -> bool:
    """Whether a path of the run folder remains below it."""
    parts = PurePosixPath(path.replace("\\", "/")).parts
    return (
        bool(parts)
        and ".." not in parts
        and not Path(path).is_absolute()
        and ":" not in parts[0]
        and parts[0] != "/"
    )


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("a number is needed")
    return float(value)


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > MOST_STEPS:
        raise TypeError("a whole number of steps is needed")
    return value


def _ends_with_newline(path: Path) -> bool:
    with open(path, "rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
