"""What a page says while there is nothing on it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from app import theme


def empty(title: str, text: str) -> QWidget:
    """A page with a heading and a line under it, a little above the middle."""
    page = QWidget()
    column = QVBoxLayout(page)
    column.setSpacing(theme.SMALL)
    column.addStretch(2)
    for words, role in ((title, "title"), (text, "hint")):
        label = QLabel(words)
        label.setProperty("role", role)
        label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        label.setWordWrap(True)
        column.addWidget(label)
    column.addStretch(3)
    return page
