"""The order in which Tab goes through a window, where widgets were not made in the order in which they are read."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget


def order(groups: Sequence[QWidget]) -> None:
    """Let Tab go from group to group; inside each, in the order in which its widgets were made."""
    stops = [
        widget
        for group in groups
        for widget in (group, *group.findChildren(QWidget))
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        and widget.focusProxy() is None
        and widget.window() is group.window()  # not the list that a combo box opens
    ]
    for before, after in pairwise(stops):
        QWidget.setTabOrder(before, after)
