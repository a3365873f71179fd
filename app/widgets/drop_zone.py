"""Where things are dropped; it is a button, too."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QMimeData, QObject, Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent, QResizeEvent
from PySide6.QtWidgets import QLabel, QToolButton, QVBoxLayout, QWidget

from app import theme
from app.paths import is_workspace


def dropped_paths(data: QMimeData) -> list[Path]:
    """The local files and folders of what is dragged."""
    return [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]


LEAST_PX = 62  # high


class Drops(QObject):
    """workspace(Path): one was dropped, wherever that was."""

    workspace = Signal(object)


drops = Drops()


def take_drop(data: QMimeData) -> list[Path]:
    """As `dropped_paths`, for whoever takes them; see `without_workspace`."""
    return without_workspace(dropped_paths(data))


def without_workspace(paths: list[Path]) -> list[Path]:
    """The same paths; none where a workspace is among them: the window opens it."""
    workspace = next((path for path in paths if is_workspace(path)), None)
    if workspace is None:
        return paths
    drops.workspace.emit(workspace)
    return []


class DropZone(QToolButton):
    """Says what to drop and which kinds; `dropped` gives the paths, `clicked` asks for a file dialog."""

    dropped = Signal(list)

    def __init__(self, text: str, kinds: str = "", parent: QWidget | None = None) -> None:
        """`text`: ``Drop recordings``; `kinds`: ``.wav .flac .mp3``."""
        super().__init__(parent)
        self.setProperty("kind", "drop")
        self.setAcceptDrops(True)
        self.setMinimumHeight(LEAST_PX)
        self.setSizePolicy(self.sizePolicy().horizontalPolicy().Expanding, self.sizePolicy().verticalPolicy())
        self.setAccessibleName(text)
        self.setAccessibleDescription(kinds)
        self.setToolTip(text)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.SMALL, theme.SMALL, theme.SMALL, theme.SMALL)
        layout.setSpacing(2)
        self._text, self._kinds = QLabel(text), QLabel(kinds)
        self._kinds.setProperty("role", "hint")
        for label in (self._text, self._kinds):
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignVCenter)
            label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)  # it may name a file
            layout.addWidget(label)
        self._kinds.setVisible(bool(kinds))

    def set_text(self, text: str, kinds: str = "") -> None:
        """What it asks for, and under that which kinds of files it takes."""
        self._text.setText(text)
        self._kinds.setText(kinds)
        self._kinds.setVisible(bool(kinds))
        self.setAccessibleName(text)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """As high as the words, which are a line more where the name of a file is long."""
        self.setMinimumHeight(max(LEAST_PX, self.heightForWidth(self.width())))

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if dropped_paths(event.mimeData()):
            event.acceptProposedAction()
            self._mark(True)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self._mark(False)

    def dropEvent(self, event: QDropEvent) -> None:
        self._mark(False)
        event.acceptProposedAction()
        paths = take_drop(event.mimeData())
        if paths:
            self.dropped.emit(paths)

    def _mark(self, over: bool) -> None:
        self.setProperty("over", "true" if over else "false")
        self.style().unpolish(self)
        self.style().polish(self)
