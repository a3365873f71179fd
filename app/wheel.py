"""The mouse wheel changes only what has the focus: who scrolls past a field must not set it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QAbstractSlider, QAbstractSpinBox, QApplication, QComboBox, QScrollBar, QTabBar

CHANGED_BY_WHEEL = (QComboBox, QAbstractSpinBox, QAbstractSlider, QTabBar)
_WHEEL, _POLISH = QEvent.Type.Wheel, QEvent.Type.Polish


class WheelGuard(QObject):
    """A filter for the whole application, in force as long as `parent` lives.

    A turn over a combo box, spin box, slider or row of tabs without the focus goes on to what scrolls around it.
    """

    def __init__(self, app: QApplication, parent: QObject) -> None:
        super().__init__(parent)
        app.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """True for a turn that is not meant for the widget; Qt then offers an ignored one to its parents."""
        kind = event.type()
        if kind is not _WHEEL and kind is not _POLISH:
            return False
        if not isinstance(watched, CHANGED_BY_WHEEL) or isinstance(watched, QScrollBar):
            return False
        if kind is _POLISH:
            # Qt gives the focus to such a widget before it hands it the turn.
            if watched.focusPolicy() == Qt.FocusPolicy.WheelFocus:
                watched.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            return False
        if watched.hasFocus():
            return False
        event.ignore()
        return True
