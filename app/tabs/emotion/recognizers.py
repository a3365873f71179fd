"""The chosen model in each of the workers that recognise with it: what is live does not wait for files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from app.held import HeldModel
from app.services import Services
from app.widgets.model_choice import ModelChoice

if TYPE_CHECKING:
    from models.emotion.recognizer import Recognizer
    from models.progress import Progress


class Recognizers(QObject):
    """One held model for each worker, all of the tab's one choice."""

    def __init__(self, services: Services, models: ModelChoice, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._services, self._models = services, models
        self._held: dict[str, HeldModel[Recognizer]] = {}

    async def get(self, worker: str, progress: Progress) -> Recognizer:
        """The chosen model, loaded in the worker of that name and kept there. Raises UserError, Cancelled."""
        if worker not in self._held:
            self._held[worker] = HeldModel(self._services, "emotion", worker, parent=self)
        return await self._held[worker].get(self._models.choice, progress)
