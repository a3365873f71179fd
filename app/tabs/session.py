"""What sessions have in common. A session holds what a tab has open and what was computed of it, and knows no widgets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic

from PySide6.QtCore import QObject

from app.held import HeldModel, Model
from app.services import ShownProgress
from app.tabs.host import Host
from models.loading import BUNDLED
from models.progress import Progress


class Session(QObject, Generic[Model]):
    """State over one model that is held in a worker. Made and called in the GUI thread; widgets listen to its signals.

    `model` is the person's choice of model, `held` what is loaded of it. Coroutines raise UserError for what a person
    can mend.
    """

    def __init__(self, host: Host, system: str, worker: str = "", parent: QObject | None = None) -> None:
        """host: the tab, which starts coroutines and shows what goes wrong in them.
        worker: the name of the thread that holds the model, that of the system unless it is said."""
        super().__init__(parent)
        self.services, self._host = host.services, host
        self.held: HeldModel[Model] = HeldModel(host.services, system, worker, parent=self)
        self.model = BUNDLED

    async def load(self, progress: Progress) -> Model:
        """The chosen model, loaded where it is not held yet. Raises UserError, Cancelled."""
        return await self.held.get(self.model, progress)

    @contextmanager
    def busy(self, title: str) -> Iterator[ShownProgress]:
        """Work that the status line shows under its (translated) title and that the tab's Stop button cancels."""
        with self.services.task(title) as task, self._host.busy(task):
            yield task
