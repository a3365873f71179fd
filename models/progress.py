"""How long work tells its caller how far it is, and hears that it should stop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field


class Cancelled(Exception):
    """The caller asked the work to stop. Not an error: nothing is reported."""


@dataclass(frozen=True)
class Step:
    """How far the work is: `done` of `total` (any unit; total 0 means unknown), and a sentence.

    `message` is a template as in `UserError`, filled from `values`.
    """

    done: float
    total: float
    message: str = ""
    values: dict[str, object] = field(default_factory=dict)

    @property
    def fraction(self) -> float:
        return min(1.0, self.done / self.total) if self.total else 0.0


class Progress:
    """Handed down to whatever takes long. Safe to cancel from another thread.

    >>> seen = []
    >>> Progress(seen.append).update(1, 4, "Reading {name}", name="a.wav")
    >>> seen[0].fraction
    0.25
    """

    def __init__(self, report: Callable[[Step], None] | None = None) -> None:
        self._report = report
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        """Ask the work to stop: its next `update` raises Cancelled. May be called from any thread."""
        self._cancelled.set()

    @property
    def cancelled(self) -> bool:
        return self._cancelled.is_set()

    def update(self, done: float, total: float, message: str = "", /, **values: object) -> None:
        """Report, and raise `Cancelled` if the caller asked for it."""
        if self._cancelled.is_set():
            raise Cancelled
        if self._report is not None:
            self._report(Step(done, total, message, values))

    def part(self, first: float, last: float) -> Progress:
        """A progress whose 0 to 1 is `first` to `last` of this one (all as fractions)."""
        return _Part(self, first, last)


class _Part(Progress):
    def __init__(self, whole: Progress, first: float, last: float) -> None:
        super().__init__()
        self._whole, self._first, self._last = whole, first, last

    @property
    def cancelled(self) -> bool:
        return self._whole.cancelled

    def cancel(self) -> None:
        self._whole.cancel()

    def update(self, done: float, total: float, message: str = "", /, **values: object) -> None:
        fraction = done / total if total else 0.0
        self._whole.update(self._first + (self._last - self._first) * fraction, 1.0, message, **values)
