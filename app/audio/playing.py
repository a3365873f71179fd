"""What all players have in common: one playback at a time, in a thread of its own."""

from __future__ import annotations

import time
from typing import Protocol

from PySide6.QtCore import QObject, Qt, Signal

from models.errors import UserError


class Playback(Protocol):
    """A thread that plays from start to end; it ends by itself, or soon after `end`."""

    @property
    def paused(self) -> bool: ...

    def pause(self, paused: bool) -> None:
        """Hold the sound, or let it go on from where it was held."""

    def position_s(self) -> float:
        """What is heard now, seconds from the beginning."""

    def end(self) -> None:
        """Ask it to end; it does so soon, and without being waited for."""

    def is_alive(self) -> bool:
        """Whether the thread still runs."""

    def join(self, timeout: float | None = None) -> None:
        """Wait until the thread has ended, at most `timeout` seconds."""


class Playing(QObject):
    """Every call returns at once; files and devices are opened and closed in the playback's thread.

    finished: the sound came to its end by itself. failed(UserError): there is nothing to play on, or no such sound.
    """

    finished = Signal()
    failed = Signal(object)
    _ended = Signal(object, object)  # from a playback's thread: itself, and the error or None

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._playback: Playback | None = None
        self._ending: list[Playback] = []
        self._ended.connect(self._over, Qt.ConnectionType.QueuedConnection)

    @property
    def playing(self) -> bool:
        """Whether there is a sound under way, also when it is paused."""
        return self._playback is not None

    @property
    def paused(self) -> bool:
        return self._playback is not None and self._playback.paused

    def position_s(self) -> float:
        """What is heard now, seconds from the beginning of the sound; 0 when nothing plays."""
        return self._playback.position_s() if self._playback is not None else 0.0

    def pause(self) -> None:
        """Hold the sound where it is; `resume` goes on from there."""
        if self._playback is not None:
            self._playback.pause(True)

    def resume(self) -> None:
        """Go on from where the sound was held."""
        if self._playback is not None:
            self._playback.pause(False)

    def stop(self) -> None:
        """Silence, at once; no signal."""
        playback, self._playback = self._playback, None
        if playback is not None:
            playback.end()
            self._ending = [item for item in self._ending if item.is_alive()] + [playback]

    def wait_closed(self, timeout_s: float = 3.0) -> bool:
        """Wait until what was stopped has let go of device and files; whether it has."""
        deadline = time.monotonic() + timeout_s
        for playback in self._ending:
            playback.join(max(0.0, deadline - time.monotonic()))
        self._ending = [item for item in self._ending if item.is_alive()]
        return not self._ending

    def _over(self, playback: Playback, error: UserError | None) -> None:
        if playback is not self._playback:
            return
        self.stop()
        if error is None:
            self.finished.emit()
        else:
            self.failed.emit(error)
