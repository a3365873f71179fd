"""Python's garbage is collected in the GUI thread alone.

The collector runs in whichever thread happens to allocate. Were that a worker's, it would destroy Qt objects from
the wrong thread: their timers could then not be stopped, and Qt would call into freed memory.
"""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, QTimer

EVERY_MS = 1000


class GuiCollector(QObject):
    """Takes the collector's place from its making until `stop`."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._thresholds = gc.get_threshold()
        gc.disable()
        self._timer = QTimer(self)
        self._timer.setInterval(EVERY_MS)
        self._timer.timeout.connect(self.collect)
        self._timer.start()

    def collect(self) -> int:
        """Collect the oldest generation that is due; returns it, or -1 where none is."""
        for generation in (2, 1, 0):
            if gc.get_count()[generation] > self._thresholds[generation]:
                gc.collect(generation)
                return generation
        return -1

    def stop(self) -> None:
        """Let Python collect garbage again whenever and wherever it likes."""
        self._timer.stop()
        gc.enable()
