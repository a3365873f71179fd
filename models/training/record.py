"""All that a run has told, as arrays: what curves, comparisons and the diagnosis are made from. No torch here."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from models.training import events
from models.training.run_folder import RunFolder

Values = np.ndarray


class _Column:
    """Numbers that grow at the end without being copied each time."""

    def __init__(self) -> None:
        self._room = np.empty(16)
        self._n = 0

    def append(self, value: float) -> None:
        if self._n == len(self._room):
            self._room = np.concatenate([self._room, np.empty(len(self._room))])
        self._room[self._n] = value
        self._n += 1

    def extend(self, values: Values) -> None:
        n = self._n + len(values)
        if n > len(self._room):
            room = np.empty(max(n, 2 * len(self._room)))
            room[: self._n] = self.values
            self._room = room
        self._room[self._n : n] = values
        self._n = n

    def cut(self, n: int) -> None:
        self._n = n

    @property
    def values(self) -> Values:
        return self._room[: self._n]


class Series:
    """One figure over the run. `x` epochs, `y` its values, `step` optimizer steps, `t` seconds since 1970; all [n]."""

    def __init__(self) -> None:
        self._x, self._y, self._step, self._t = _Column(), _Column(), _Column(), _Column()

    def add(self, x: float, y: float, step: float = 0.0, t: float = 0.0) -> None:
        """Append a point; those at or after the same `x`, of before a run was resumed, go."""
        held = self._x.values
        if len(held) and x <= held[-1]:  # a resumed run goes over the steps since its last checkpoint again
            n = int(np.searchsorted(held, x))
            for column in (self._x, self._y, self._step, self._t):
                column.cut(n)
        self._x.append(x)
        self._y.append(y)
        self._step.append(step)
        self._t.append(t)

    def extend(self, x: list[float], y: list[float], step: list[int], t: list[float]) -> None:
        """Many at once."""
        places = np.array(x, dtype=float)
        if len(places) > 1 and not (np.diff(places) > 0).all():
            for item in zip(x, y, step, t, strict=True):
                self.add(*item)
            return
        held = self._x.values
        if len(held) and len(places) and places[0] <= held[-1]:
            n = int(np.searchsorted(held, places[0]))
            for column in self._columns:
                column.cut(n)
        for column, values in zip(self._columns, (places, y, step, t), strict=True):
            column.extend(np.asarray(values, dtype=float))

    @property
    def _columns(self) -> tuple[_Column, _Column, _Column, _Column]:
        return self._x, self._y, self._step, self._t

    @property
    def x(self) -> Values:
        return self._x.values

    @property
    def y(self) -> Values:
        return self._y.values

    @property
    def step(self) -> Values:
        return self._step.values

    @property
    def t(self) -> Values:
        return self._t.values

    def __len__(self) -> int:
        return len(self._x.values)


@dataclass
class Flow:
    """The looks at the layers so far. gradient, moved, dead: float [looks, layers] once asked for by `table`."""

    layers: tuple[str, ...] = ()
    output: int = 0
    gains: tuple[int, ...] = ()
    steps: list[int] = field(default_factory=list)
    epochs: list[float] = field(default_factory=list)
    gradient: list[list[float]] = field(default_factory=list)
    moved: list[list[float]] = field(default_factory=list)
    dead: list[list[float]] = field(default_factory=list)

    def announce(self, event: events.Layers) -> None:
        """The layers of which the following events tell; others than before make earlier ones void."""
        names = tuple(event.names)
        if names != self.layers:  # the network is another one: what was seen before is of no use
            for rows in (self.steps, self.epochs, self.gradient, self.moved, self.dead):
                rows.clear()
        self.layers, self.output, self.gains = names, event.output, tuple(event.gains)

    def add(self, event: events.Flow) -> None:
        """Append the layers' metrics of a step; those at or after the same step go."""
        if not len(event.gradient) == len(event.moved) == len(event.dead) == len(self.layers):
            return
        while self.steps and event.step <= self.steps[-1]:
            for rows in (self.steps, self.epochs, self.gradient, self.moved, self.dead):
                rows.pop()
        self.steps.append(event.step)
        self.epochs.append(event.epoch)
        self.gradient.append(event.gradient)
        self.moved.append(event.moved)
        self.dead.append(event.dead)

    def table(self, name: str) -> Values:
        """``gradient``, ``ratio`` (to the output layer's gradient), ``moved`` or ``dead`` as [looks, layers]."""
        rows = np.array(self.gradient if name == "ratio" else getattr(self, name), dtype=float)
        rows = rows.reshape(len(self.steps), len(self.layers))
        if name == "ratio" and rows.size:
            rows = rows / np.maximum(rows[:, self.output : self.output + 1], 1e-30)
        return rows


@dataclass
class Record:
    """What one run has told. `steps` and `epochs` hold a series a figure, by optimizer step and by epoch."""

    steps: dict[str, Series] = field(default_factory=dict)
    epochs: dict[str, Series] = field(default_factory=dict)
    flow: Flow = field(default_factory=Flow)
    messages: list[events.Message] = field(default_factory=list)
    pictures: list[events.Picture] = field(default_factory=list)
    started: events.Started | None = None
    unstable: events.Unstable | None = None
    failed: events.Failed | None = None
    best_epoch: int = 0
    folds: dict[int, str] = field(
        default_factory=dict
    )  # of a cross-validation: epoch → the fold judged in it

    def add(self, event: events.Event | events.Steps) -> None:
        """Take an event in; those that are no metrics change nothing."""
        if isinstance(event, events.Steps):
            for name, (x, y, step, t) in event.series.items():
                self._of(self.steps, name).extend(x, y, step, t)
        elif isinstance(event, events.Scalars):
            for name, value in event.values.items():
                self._of(self.steps, name).add(event.epoch, value, event.step, event.t)
        elif isinstance(event, events.Epoch):
            for name, value in event.values.items():
                self._of(self.epochs, name).add(event.epoch, value, event.step, event.t)
            if event.fold:
                self.folds[event.epoch] = event.fold
            if event.best:
                self.best_epoch = event.epoch
        elif isinstance(event, events.Layers):
            self.flow.announce(event)
        elif isinstance(event, events.Flow):
            self.flow.add(event)
        elif isinstance(event, events.Message):
            self.messages.append(event)
        elif isinstance(event, events.Picture):
            self.pictures.append(event)
        elif isinstance(event, events.Unstable):
            self.unstable = event
        elif isinstance(event, events.Failed):
            self.failed = event
        elif isinstance(event, events.Started):
            self.started, self.failed, self.unstable = event, None, None

    @staticmethod
    def _of(series: dict[str, Series], name: str) -> Series:
        result = series.get(name)
        if result is None:
            result = series[name] = Series()
        return result

    @classmethod
    def read(cls, run: RunFolder) -> Record:
        """Everything the run has told so far."""
        record, reader = cls(), events.EventReader(run.events_file)
        while new := reader.read_many():
            for event in new:
                record.add(event)
        return record
