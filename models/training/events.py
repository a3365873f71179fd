"""What a training run tells: one JSON line an event, in the run folder's ``events.jsonl``.

The window reads these and nothing else. Lines only ever grow at the end; a line that was cut off by a kill is
skipped. A reader meets only events of the version it knows: unknown kinds are ignored, so that an older
window can show a newer run.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

VERSION = 1


class _Event(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, ser_json_inf_nan="constants")
    v: int = VERSION
    t: float = Field(default_factory=time.time, description="seconds since 1970")


class Started(_Event):
    """A process took the run up, for the first time or again."""

    kind: Literal["started"] = "started"
    pid: int
    process_started: float  # psutil's create_time: with the pid it names one process for ever
    host: str = ""
    system: str
    device: str
    total_epochs: int
    total_steps: int
    first_step: int = 0
    parameters: int = 0
    trains: dict[str, int | float | str] = Field(default_factory=dict)  # counts of the data, for people


class Scalars(_Event):
    """Figures of one optimizer step, such as ``train/loss``, ``learning_rate``, ``alpha``."""

    kind: Literal["scalars"] = "scalars"
    step: int
    epoch: float
    values: dict[str, float]


class Epoch(_Event):
    """Figures of one whole epoch, such as ``train/loss``, ``validation/recall``."""

    kind: Literal["epoch"] = "epoch"
    epoch: int  # 1 is the first
    step: int
    values: dict[str, float]
    best: bool = False
    remaining_s: float | None = None


class Saved(_Event):
    """A checkpoint was written: ``last`` or ``best``."""

    kind: Literal["saved"] = "saved"
    name: str
    step: int
    epoch: int


class Picture(_Event):
    """A figure file was written into the run folder."""

    kind: Literal["picture"] = "picture"
    path: str
    title: str = ""
    epoch: int = 0


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
    step: int
    epoch: float
    gradient: list[float]  # L2 norm, before clipping
    moved: list[float]  # distance of the weights from where they began, relative to their size
    dead: list[float]  # share of units that got no gradient in the last three looks


class Unstable(_Event):
    """A number was no longer finite: where it was first so, and where the batch that did it is kept."""

    kind: Literal["unstable"] = "unstable"
    step: int
    epoch: float
    stage: Literal["weights", "batch", "forward", "loss", "gradient"]
    layer: str = ""
    kept: str = ""  # below the run folder


class Message(_Event):
    kind: Literal["message"] = "message"
    level: Literal["info", "warning"] = "info"
    text: str  # a template for `values`
    values: dict[str, int | float | str] = Field(default_factory=dict)


class Finished(_Event):
    """The run ended of itself or because it was asked to."""

    kind: Literal["finished"] = "finished"
    reason: Literal["completed", "early stop", "stopped"]
    epoch: int
    step: int
    best_epoch: int = 0
    best_value: float | None = None
    metric: str = ""


class Failed(_Event):
    """The run ended by an error; sentences as in `UserError`, `details` a traceback for errors of ours."""

    kind: Literal["failed"] = "failed"
    what: str
    why: str = ""
    remedy: str = ""
    details: str = ""
    cause: Literal["", "memory", "unstable"] = ""


Event = Started | Scalars | Epoch | Saved | Picture | Layers | Flow | Unstable | Message | Finished | Failed
_adapter: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="kind")])


class EventWriter:
    """Appends events to a file, each whole line handed to the system at once."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = open(path, "ab", buffering=0)  # noqa: SIM115
        if path.stat().st_size and not _ends_with_newline(path):
            self._file.write(b"\n")  # the last writer was killed within a line

    def write(self, event: Event) -> None:
        self._file.write(event.model_dump_json().encode() + b"\n")

    def close(self) -> None:
        self._file.close()


class EventReader:
    """Reads what was appended since the last call. Cheap enough to be called from a timer."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offset = 0

    def read_new(self, most_bytes: int = 8_000_000) -> list[Event]:
        """The events since the last call; fewer than there are if they fill more than `most_bytes`."""
        try:
            size = os.path.getsize(self.path)
            if size < self._offset:  # the file was replaced: begin again
                self._offset = 0
            if size == self._offset:
                return []
            with open(self.path, "rb") as file:
                file.seek(self._offset)
                block = file.read(most_bytes)
        except OSError:
            return []
        end = block.rfind(b"\n") + 1
        self._offset += end
        events = []
        for line in block[:end].splitlines():
            event = parse(line)
            if event is not None:
                events.append(event)
        return events


def parse(line: bytes | str) -> Event | None:
    """The event of one line, or None where it is broken or of a kind not known here."""
    try:
        return _adapter.validate_python(json.loads(line))
    except (ValueError, ValidationError):
        return None


def _ends_with_newline(path: Path) -> bool:
    with open(path, "rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
