"""Where the window is and how large: as it was left, and never larger than the screen it is on."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QPoint, QRect, QSize
from PySide6.QtWidgets import QMainWindow

USUAL, LEAST = QSize(1280, 800), QSize(960, 600)  # where the screen has room for it


def restore(window: QMainWindow, kept: QByteArray) -> None:
    """The size and place that were `kept` (as Qt packs them), or the usual ones where nothing was."""
    room = window.screen().availableGeometry()
    window.setMinimumSize(LEAST.boundedTo(room.size()))
    window.resize(USUAL.boundedTo(room.size()))
    if not kept.isEmpty():
        window.restoreGeometry(kept)  # Qt keeps it on a screen that is there


def fit_to_screen(window: QMainWindow) -> None:
    """With its frame it must not be larger than the screen, or the status line and Cancel are out of sight.

    To be called when it is shown: its frame is not known before.
    """
    if window.isMaximized() or window.isFullScreen() or not window.isVisible():
        return
    room, frame = window.screen().availableGeometry(), window.frameGeometry()
    around = frame.size() - window.size()
    fitting = window.size().boundedTo(room.size() - around)
    if fitting != window.size():
        window.setMinimumSize(window.minimumSize().boundedTo(fitting))
        window.resize(fitting)
    frame = QRect(frame.topLeft(), fitting + around)
    if not room.contains(frame):
        corner = room.bottomRight() - QPoint(frame.width() - 1, frame.height() - 1)
        left = max(room.left(), min(frame.left(), corner.x()))
        window.move(left, max(room.top(), min(frame.top(), corner.y())))
