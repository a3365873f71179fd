"""Small pictures of files, read on worker threads into a store of bounded size, what is in view first."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, QSize, Qt, Signal, Slot
from PySide6.QtGui import QImage

from models.errors import UserError

THREADS = 2
MOST_BYTES = 160 * 2**20


@dataclass(frozen=True)
class Thumbnail:
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

    def __init__(
        self, box: QSize, zoom: float = 1.0, most_bytes: int = MOST_BYTES, parent: QObject | None = None
    ) -> None:
        """`box`: pictures are made to fit it, in pixels of the screen, enlarged at most `zoom` times."""
        super().__init__(parent)
        self.box, self.zoom, self.most_bytes = box, zoom, most_bytes
        self._held: OrderedDict[Path, Thumbnail] = OrderedDict()
        self._bytes = 0
        self._waiting: deque[Path] = deque()
        self._read_now: set[Path] = set()
        self._done: list[tuple[Path, QSize, Thumbnail]] = []
        self._told = self._closed = False
        self._condition = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._finished.connect(self._take, Qt.ConnectionType.QueuedConnection)

    def find(self, path: Path) -> Thumbnail | None:
        """What is held of a file; None while it has not been read."""
        result = self._held.get(path)
        if result is not None:
            self._held.move_to_end(path)
        return result

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

    def set_box(self, box: QSize, zoom: float = 1.0) -> None:
        """Another size, such as on another screen."""
        if (box, zoom) != (self.box, self.zoom):
            self.box, self.zoom = box, zoom
            self.forget()

    @property
    def held_bytes(self) -> int:
        return self._bytes

    def close(self, timeout_s: float = 1.0) -> None:
        """End the threads, and wait at most `timeout_s` seconds for each; nothing is read from now on."""
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
                path, box, zoom = self._waiting.popleft(), self.box, self.zoom
                self._read_now.add(path)
            picture = read(path, box, zoom)
            with self._condition:
                self._read_now.discard(path)
                self._done.append((path, box, picture))
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
        for path, box, picture in done:
            if box == self.box and path not in self._held:
                self._held[path] = picture
                self._bytes += picture.size
                arrived.add(path)
        stale = [path for path, box, _picture in done if box != self.box]
        if stale:  # their size was changed while they were read, and asking passed over what was being read
            with self._condition:
                self._waiting.extend(path for path in stale if path not in self._read_now)
                self._condition.notify_all()
        while self._bytes > self.most_bytes and len(self._held) > 1:
            _, old = self._held.popitem(last=False)
            self._bytes -= old.size
        if arrived:
            self.ready.emit(arrived)


def read(path: Path, box: QSize, zoom: float = 1.0) -> Thumbnail:
    """A file as the search sees it (upright, alpha on white, first frame), scaled to fit `box`. Any thread."""
    from PIL.Image import Resampling

    from models.search import pictures

    try:
        picture = pictures.read(path, least=max(box.width(), box.height()))
    except UserError as error:
        return Thumbnail(None, error, gone=not path.exists())
    width, height = picture.size
    scale = min(box.width() / width, box.height() / height, zoom)
    if scale != 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        picture = picture.resize(size, Resampling.BICUBIC, reducing_gap=2.0)
        width, height = size
    data = picture.tobytes()
    # The conversion owns its pixels, and is what is painted fastest; the first image only borrows those of `data`.
    borrowed = QImage(data, width, height, 3 * width, QImage.Format.Format_RGB888)
    return Thumbnail(borrowed.convertToFormat(QImage.Format.Format_RGB32))
