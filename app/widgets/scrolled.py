"""A column that may be longer than its place."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QScrollArea, QWidget

from app import theme


class ScrolledColumn(QScrollArea):
    """Scrolls up and down only; what is in it keeps clear of the bar while there is one."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.verticalScrollBar().rangeChanged.connect(self._keep_clear)

    def _keep_clear(self, _least: int, most: int) -> None:
        self.setViewportMargins(0, 0, theme.SMALL if most > 0 else 0, 0)
