"""Small pictures of files, read on worker threads into a store of bounded size, what is in view first."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtGui import QImage

from models.errors import UserError

THREADS = 2
MOST_BYTES = 160 * 2**20


@dataclass(frozen=True)
class Picture:
    """What there is of a file: an image, or why there is none (`gone` where the file is not there)."""

    image: QImage | None
    problem: UserError | None = None
    gone: bool = False

    @property
    def size(self) -> int:
        return self.image.sizeInBytes() if self.image is not None else 1_000


class Thumbnails(QObject):
    """`find` answers at once from what is held; `ask` says what is in view now, and `ready` tells what has come.

    Asking replaces what was asked before: what has been scrolled past is not read any more. `close` ends the threads.
    """

    ready = Signal(object)  # set of paths
    _finished = Signal()

    def __init__(self, side: int, most_bytes: int = MOST_BYTES, parent: QObject | None = None) -> None:
        """`side`: the longer side of a picture is at most so long, in pixels of the screen."""
        super().__init__(parent)
        self.side, self.most_bytes = side, most_bytes
        self._held: OrderedDict[Path, Picture] = OrderedDict()
        self._bytes = 0
        self._waiting: deque[Path] = deque()
        self._read_now: set[Path] = set()
        self._done: list[tuple[Path, int, Picture]] = []
        self._told = self._closed = False
        self._condition = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._finished.connect(self._take, Qt.ConnectionType.QueuedConnection)

    def find(self, path: Path) -> Picture | None:
        """What is held of a file; None while it has not been read."""
        found = self._held.get(path)
        if found is not None:
            self._held.move_to_end(path)
        return found

    def ask(self, paths: Sequence[Path]) -> None:
        """Read these, the first first, and nothing else that was asked before and has not begun."""
        missing = [path for path in paths if path not in self._held]
        with self._condition:
            self._waiting = deque(path for path in missing if path not in self._read_now)
            if self._waiting and not self._closed:
                self._start()
                self._condition.notify_all()

    def forget(self) -> None:
        """Read everything anew when it is asked for: files may have changed."""
        with self._condition:
            self._waiting.clear()
        self._held.clear()
        self._bytes = 0

    def set_side(self, side: int) -> None:
        """Another size, such as on another screen."""
        if side != self.side:
            self.side = side
            self.forget()

    @property
    def held_bytes(self) -> int:
        return self._bytes

    def close(self, timeout_s: float = 1.0) -> None:
        with self._condition:
            self._closed = True
            self._waiting.clear()
            self._condition.notify_all()
        for thread in self._threads:
            thread.join(timeout_s)

    # Inside -----------------------------------------------------------------------------------------------

    def _start(self) -> None:
        while len(self._threads) < THREADS:
            name = f"thumbnails {len(self._threads) + 1}"
            thread = threading.Thread(target=self._work, name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def _work(self) -> None:
        while True:
            with self._condition:
                while not self._waiting and not self._closed:
                    self._condition.wait()
                if self._closed:
                    return
                path, side = self._waiting.popleft(), self.side
                self._read_now.add(path)
            picture = read(path, side)
            with self._condition:
                self._read_now.discard(path)
                self._done.append((path, side, picture))
                tell = not self._told and not self._closed
                self._told = self._told or tell
            if tell:  # one signal under way is enough
                try:
                    self._finished.emit()
                except RuntimeError:  # the window is gone already
                    return

    @Slot()
    def _take(self) -> None:
        with self._condition:
            done, self._done, self._told = self._done, [], False
        arrived = set()
        for path, side, picture in done:
            if side == self.side and path not in self._held:
                self._held[path] = picture
                self._bytes += picture.size
                arrived.add(path)
        while self._bytes > self.most_bytes and len(self._held) > 1:
            _, old = self._held.popitem(last=False)
            self._bytes -= old.size
        if arrived:
            self.ready.emit(arrived)


def read(path: Path, side: int) -> Picture:
    """A file as the search sees it (upright, alpha on white, first frame), at most `side` pixels long. Any thread."""
    from models.search import pictures

    try:
        picture = pictures.read(path, least=side)
    except UserError as error:
        return Picture(None, error, gone=not path.exists())
    if max(picture.size) > side:
        picture.thumbnail((side, side), reducing_gap=2.0)
    width, height = picture.size
    data = picture.tobytes()
    # The copy owns its pixels; the first one only borrows those of `data`.
    return Picture(QImage(data, width, height, 3 * width, QImage.Format.Format_RGB888).copy())
