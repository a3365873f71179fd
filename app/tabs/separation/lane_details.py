"""What is finer than a recording's outline: read from the files once the view stands still."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QObject, QTimer, Signal

from app.audio.outline import Stretch, stretch_of
from app.services import Services
from app.tabs.separation.lane import Lane
from models.errors import UserError
from models.progress import Cancelled

SETTLE_MS = 60  # the view stands still for so long before a file is read
WORKER = "lanes"


class LaneDetails(QObject):
    """Gives lanes the samples of what is in view. failed(UserError): a file cannot be read."""

    failed = Signal(object)

    def __init__(self, services: Services, parent: QObject) -> None:
        super().__init__(parent)
        self._services = services
        self._wanted: dict[Lane, tuple[float, float]] = {}
        self._closed = False
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        self._settle.timeout.connect(self._read)

    def want(self, lane: Lane, first_s: float, last_s: float) -> None:
        """The lane's outline is too coarse for this stretch, which is in view."""
        if not self._closed:
            self._wanted[lane] = (first_s, last_s)
            self._settle.start()

    def forget(self) -> None:
        """Other lanes are shown: nothing is wanted for those of before."""
        self._wanted = {}

    def shut_down(self) -> None:
        """Read nothing any more."""
        self._closed = True
        self._settle.stop()
        self._wanted = {}

    def _read(self) -> None:
        wanted, self._wanted = self._wanted, {}
        worker = self._services.worker(WORKER)
        for lane, (first_s, last_s) in wanted.items():
            if lane.gone or not lane.ready or lane.canvas.outline is None:
                continue
            aside = (last_s - first_s) / 2  # so that moving a little needs no reading
            worker.submit(
                stretch_of,
                lane.canvas.outline,
                first_s - aside,
                last_s + aside,
                2 * lane.canvas.width(),
                newest_wins=("detail", lane.number),
                drop_running=True,
                done=partial(self._take, lane),
                failed=self._not_read,
            )

    def _take(self, lane: Lane, stretch: Stretch) -> None:
        if not lane.gone:
            lane.canvas.set_detail(stretch)

    def _not_read(self, error: BaseException) -> None:
        if isinstance(error, UserError):
            self.failed.emit(error)
        elif not isinstance(error, Cancelled):
            self._services.errors.report(error)
