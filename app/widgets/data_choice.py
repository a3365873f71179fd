"""The data set that a page works on: where to drop another one, and below it which one it is."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app import theme
from app.widgets.drop_zone import DropZone
from app.widgets.labels import Elided

SAMPLE = "sample"


class DataChoice(QWidget):
    """A drop zone over the name of what was chosen. chosen(): another data set was chosen.

    `path` is empty at first; then the path of a file or folder, or `SAMPLE` for what ships with the program.
    """

    chosen = Signal()

    def __init__(self, text: str, kinds: str, sample: str, parent: QWidget | None = None) -> None:
        """text: what to drop; kinds: which kinds of files; sample: what the data that ship are called."""
        super().__init__(parent)
        self.path, self._sample = "", sample
        self.zone = DropZone(text, kinds)
        self._name = Elided(mode=Qt.TextElideMode.ElideMiddle)
        self._name.setProperty("role", "hint")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SMALL)
        column.addWidget(self.zone)
        column.addWidget(self._name)

    def choose(self, path: str) -> None:
        """Take a path, or `SAMPLE`."""
        self.path = path
        self._name.setText(self._sample if path == SAMPLE else path)
        self.chosen.emit()

    def restore(self, path: object) -> None:
        """As `choose`, of an earlier start; what is no longer there is left out."""
        if isinstance(path, str) and (path == SAMPLE or (path and Path(path).exists())):
            self.choose(path)
