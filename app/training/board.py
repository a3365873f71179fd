"""TensorBoard on a run's folder: started beside the window when asked for, and ended with it."""

from __future__ import annotations

import socket
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, QUrl
from PySide6.QtGui import QDesktopServices

from models.errors import UserError

WAIT_MS = 250
MOST_WAITS = 80  # twenty seconds


class Board(QObject):
    """One server at a time; its page is opened in the browser as soon as it answers."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.process: subprocess.Popen[bytes] | None = None
        self.port = 0
        self._waits = 0
        self._timer = QTimer(self)
        self._timer.setInterval(WAIT_MS)
        self._timer.timeout.connect(self._look)

    def open(self, run: Path) -> None:
        """Show the run. Raises UserError where TensorBoard is not installed or does not start."""
        if find_spec("tensorboard") is None or getattr(sys, "frozen", False):
            raise UserError(
                "TensorBoard is not installed here.",
                "The files for it are in {folder}.",
                "Install it with pip, and open that folder with it.",
                folder=run / "tensorboard",
            )
        self.close()
        with socket.socket() as result:
            result.bind(("127.0.0.1", 0))
            self.port = int(result.getsockname()[1])
        words = ["-m", "tensorboard.main", "--logdir", str(run / "tensorboard"), "--port", str(self.port)]
        quiet = subprocess.DEVNULL
        try:
            self.process = subprocess.Popen([sys.executable, *words], stdin=quiet, stdout=quiet, stderr=quiet)
        except OSError as error:
            raise UserError(
                "TensorBoard could not be started.", "{reason}.", "", reason=error.strerror or str(error)
            ) from error
        self._waits = 0
        self._timer.start()

    def _look(self) -> None:
        self._waits += 1
        with socket.socket() as door:
            door.settimeout(0.05)
            answers = door.connect_ex(("127.0.0.1", self.port)) == 0
        if answers:
            QDesktopServices.openUrl(QUrl(f"http://127.0.0.1:{self.port}"))
        if answers or self._waits > MOST_WAITS or self.process is None or self.process.poll() is not None:
            self._timer.stop()

    def close(self) -> None:
        """End the server."""
        self._timer.stop()
        if self.process is not None:
            self.process.terminate()
            self.process.wait(5)
            self.process = None
