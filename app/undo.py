"""What a person changed can be taken back: one stack a tab, and one way to fill it."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Generic, TypeVar

from PySide6.QtGui import QUndoCommand, QUndoStack

Value = TypeVar("Value")


class Undoing(Generic[Value]):
    """One thing that a person changes, such as the gains of all lanes.

    words: what the menu calls the change, translated. read, put: the thing as a value, and back. key: of a value, what two
    that are alike have in common. kind: of two values, what the change is; neighbours of one kind, such as the steps of a
    slider, are taken back together. Call `look` whenever it may have changed, and `begin` where another thing is open.
    """

    def __init__(
        self,
        stack: QUndoStack,
        words: Callable[[], str],
        read: Callable[[], Value],
        put: Callable[[Value], object],
        *,
        key: Callable[[Value], object] = lambda value: value,
        kind: Callable[[Value, Value], str] = lambda _before, _after: "",
    ) -> None:
        self._stack, self._words, self._read, self._put = stack, words, read, put
        self._key, self._kind = key, kind
        self._putting = False
        self._now = read()

    def look(self) -> None:
        """It may have changed."""
        now = self._read()
        if self._putting or self._key(now) == self._key(self._now):
            return
        before, self._now = self._now, now
        self._stack.push(_Change(self._words(), self._set, before, now, self._kind(before, now)))

    def begin(self) -> None:
        """Something else is open: what was changed before cannot be taken back in it."""
        self._stack.clear()
        self._now = self._read()

    def _set(self, value: Value) -> None:
        self._putting = True
        try:
            self._put(value)
        finally:
            self._putting = False
            self._now = self._read()


class _Change(QUndoCommand, Generic[Value]):
    """From one value to another. It has happened already when it is pushed."""

    def __init__(
        self, words: str, put: Callable[[Value], None], before: Value, after: Value, kind: str
    ) -> None:
        super().__init__(words)
        self._put, self._before, self.after = put, before, after
        self._id = zlib.crc32(kind.encode()) & 0x7FFFFFFF if kind else -1
        self._happened = True

    def id(self) -> int:
        return self._id

    def mergeWith(self, other: QUndoCommand) -> bool:
        if not isinstance(other, _Change):
            return False
        self.after = other.after
        return True

    def redo(self) -> None:
        if not self._happened:
            self._put(self.after)
        self._happened = False

    def undo(self) -> None:
        self._put(self._before)
