"""Holds the place of a tab until it is built: the two surfaces, so that nothing jumps."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from app.tabs.base import LEFT_WIDTH


class Skeleton(QWidget):
    """Nothing but the left column's surface and the view's."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("surface", "view")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        left = QFrame()
        left.setProperty("surface", "page")
        left.setProperty("line", "right")
        left.setFixedWidth(LEFT_WIDTH)
        row.addWidget(left)
        row.addStretch(1)
