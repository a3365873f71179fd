"""Pages: one that says what to do while there is nothing on it, and one of widgets under one another."""

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


def stacked(first: QWidget, second: QWidget | None = None) -> QWidget:
    """A page of `first`, which takes what room there is, and under it `second`."""
    page = QWidget()
    column = QVBoxLayout(page)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(theme.SMALL)
    column.addWidget(first, 1)
    if second is not None:
        column.addWidget(second)
    return page
