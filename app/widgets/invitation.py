"""What stands in a list while nothing is in it: what to do."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QAbstractItemView, QLabel

from app import theme


class Invitation(QLabel):
    """Over the middle of a list without rows; it lets the mouse through and is gone when there are some."""

    def __init__(self, over: QAbstractItemView, words: str) -> None:
        super().__init__(words, over.viewport())
        self._over = over
        self.setProperty("role", "hint")
        self.setWordWrap(True)
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setContentsMargins(theme.LARGE, 0, theme.LARGE, 0)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        over.viewport().installEventFilter(self)
        model = over.model()
        for changed in (model.rowsInserted, model.rowsRemoved, model.modelReset, model.layoutChanged):
            changed.connect(self._follow)
        self._follow()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self.setGeometry(self._over.viewport().rect())
        return False

    def _follow(self, *_change: object) -> None:
        self.setVisible(self._over.model().rowCount() == 0)
