"""The folders of the index that is searched, watched while the window is open: what changes in them is taken over."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from PySide6.QtCore import QFileSystemWatcher, QObject, QTimer, Signal

MOST_FOLDERS = 4_000  # that are watched: systems allow some thousands
SETTLED_MS = 3_000  # after the last change: a camera's card is copied file by file


class Watching(QObject):
    """changed: files below a watched folder have come, gone, or are others. `unwatched` are folders that cannot be watched,
    such as those of some shares, or the many below one that has more than `MOST_FOLDERS`."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._watcher = QFileSystemWatcher(self)
        self._watcher.directoryChanged.connect(self._seen)
        self._settled = QTimer(self)
        self._settled.setSingleShot(True)
        self._settled.setInterval(SETTLED_MS)
        self._settled.timeout.connect(self.changed)
        self.unwatched: list[str] = []

    @property
    def watched(self) -> list[str]:
        """The folders that are watched."""
        return self._watcher.directories()

    def watch(self, folders: Iterable[str]) -> None:
        """These and no others; none is looked at below."""
        wanted = list(dict.fromkeys(folders))
        kept = set(self._watcher.directories())
        gone = sorted(kept - set(wanted))
        if gone:
            self._watcher.removePaths(gone)
        new = [folder for folder in wanted if folder not in kept]
        refused = self._watcher.addPaths(new[: max(0, MOST_FOLDERS - len(kept))]) if new else []
        self.unwatched = [*refused, *new[max(0, MOST_FOLDERS - len(kept)) :]]

    def stop(self) -> None:
        """Watch nothing, and tell of nothing any more."""
        self._settled.stop()
        self.watch(())

    def _seen(self, _folder: str) -> None:
        self._settled.start()


def folders_below(roots: Iterable[Path]) -> list[str]:
    """Folders with all below them that are not hidden, those that are there. Takes a while on large ones: any thread."""
    result: list[str] = []
    for root in roots:
        for where, folders, _ in os.walk(root):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            result.append(where)
            if len(result) > MOST_FOLDERS:
                return result
    return result
