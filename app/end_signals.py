"""The system asks the program to end: logging out, ``kill``, Ctrl+C in the terminal."""

from __future__ import annotations

import os
import signal
import socket

from PySide6.QtCore import QObject, QSocketNotifier, Signal


class EndSignals(QObject):
    """SIGTERM, SIGHUP and SIGINT (logging out, Ctrl+C in the terminal) become `asked`, in the GUI thread.

    Python would run a handler only when it is next called; the system's signal wakes a socket that Qt watches.
    """

    asked = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._wake, self._woken = socket.socketpair()
        for end in (self._wake, self._woken):
            end.setblocking(False)
        self._notifier = QSocketNotifier(self._woken.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._read)
        names = ("SIGTERM", "SIGINT") if os.name == "nt" else ("SIGTERM", "SIGHUP", "SIGINT")
        self._before = {
            number: signal.getsignal(number) for number in (getattr(signal, name) for name in names)
        }
        for number in self._before:
            signal.signal(number, lambda _number, _frame: None)
        self._fd_before = signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)

    def _read(self) -> None:
        try:
            received = self._woken.recv(64)
        except BlockingIOError:
            return
        if any(number in self._before for number in received):
            self.asked.emit()

    def close(self) -> None:
        """Give the signals back to whom they belonged."""
        signal.set_wakeup_fd(self._fd_before)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._notifier.setEnabled(False)
        self._wake.close()
        self._woken.close()
