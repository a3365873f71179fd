"""A model that a tab holds in a worker: loaded when it is first needed, kept, exchanged when another is chosen.

    held = HeldModel[Separator](services, "separation")
    separator = await held.get(choice, progress)        # at once if it is the one that is held

Where a model computes is the person's setting; a model that was loaded elsewhere is loaded anew, and its memory is
given back before.
"""

from __future__ import annotations

import asyncio
from typing import Any, Generic, Protocol, TypeVar

from PySide6.QtCore import QObject, Signal

from app.i18n import translate
from app.services import Services
from models import devices
from models.devices import Device
from models.progress import Progress


class UsesDevice(Protocol):
    """What every system's class for use has: where it computes, and why it is not elsewhere."""

    @property
    def device(self) -> Device: ...


Model = TypeVar("Model", bound=UsesDevice)
Wanted = tuple[str, str]  # choice of model, choice of device


class HeldModel(QObject, Generic[Model]):
    """The model of one worker. Made and called in the GUI thread.

    changed: another model is held, or none.
    """

    changed = Signal()

    def __init__(
        self, services: Services, system: str, worker: str = "", parent: QObject | None = None
    ) -> None:
        """worker: the name of the thread that holds it, that of the system unless it is said."""
        super().__init__(parent)
        self._services, self._system = services, system
        self.worker = services.worker(worker or system)
        self._held: Wanted | None = None
        self._coming: tuple[Wanted, asyncio.Task[Model]] | None = None
        services.device_changed.connect(self._device_changed)

    @property
    def model(self) -> Model | None:
        """What is held now, whichever it is."""
        return self.worker.model if self._held is not None else None

    def holds(self, choice: str) -> bool:
        """Whether this choice is held, on the device that is chosen."""
        return self.model is not None and self._held == (choice, self._services.device)

    async def get(self, choice: str, progress: Progress) -> Model:
        """The chosen model on the chosen device, loaded if it is not held.

        Whoever asks for the same while it is being loaded gets the same. Raises UserError for whatever is wrong with
        the choice, Cancelled where loading was stopped or another choice came up.
        """
        wanted = (choice, self._services.device)
        if self.holds(choice):
            held: Model = self.worker.model
            return held
        if self._coming is None or self._coming[0] != wanted:
            self._coming = (wanted, asyncio.ensure_future(self._loaded(wanted, progress)))
        return await asyncio.shield(self._coming[1])

    def put_away(self) -> None:
        """Let go of the model and give back its memory."""
        if self._held is None:
            return
        self._held, self.worker.model = None, None
        self.worker.submit(_give_memory_back)
        self.changed.emit()

    def give_up(self) -> None:
        """The tab is let go: nothing is loaded any more, and nothing is held."""
        if self._coming is not None:
            self._coming[1].cancel()
        self.put_away()

    async def _loaded(self, wanted: Wanted, progress: Progress) -> Model:
        try:
            self.put_away()
            model: Model = await self._services.load(
                self.worker.name, _load, self._system, *wanted, progress=progress
            )
            self._held = wanted
            note = model.device.remark
            self._services.report_device(model.device.name, note.translated(translate) if note else "")
            self.changed.emit()
            return model
        finally:
            if self._coming is not None and self._coming[0] == wanted:
                self._coming = None

    def _device_changed(self, device: str) -> None:
        if self._held is not None and self._held[1] != device:
            self.put_away()


def _load(system: str, choice: str, device: str, progress: Progress) -> Any:
    """In the worker's thread: torch is imported here for the first time."""
    from models import systems

    return systems.load(system, choice, device, progress)


def _give_memory_back() -> None:
    """What torch keeps of a graphics card for later is free for other programs, and for other tabs."""
    devices.give_back()
