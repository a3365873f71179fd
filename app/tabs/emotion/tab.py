"""The emotion tab itself: which page, which model, and what belongs to all pages."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from app.i18n import tr
from app.services import Services
from app.tabs.emotion.evaluate import EvaluatePage
from app.tabs.emotion.files import FilesPage
from app.tabs.emotion.live import LivePage
from app.tabs.paged import Page, PagedTab
from app.tabs.sent import Conversation
from app.widgets.model_choice import ModelChoice

if TYPE_CHECKING:
    from models.emotion.recognizer import Recognizer
    from models.progress import Progress


class EmotionTab(PagedTab):
    """Live, Files and Evaluate over one choice of model."""

    system = "emotion"
    open_title = "Open recordings"
    open_filter = "Sound (*.wav *.flac *.mp3 *.ogg *.opus *.aiff *.m4a)"

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(services, parent)
        self.models = ModelChoice("emotion", hub_example="superb/hubert-base-superb-er")
        live = LivePage(self)
        self.options.add(live.options)
        pages: dict[str, tuple[str, Page]] = {
            "live": (tr("Microphone"), live),
            "files": (tr("Files"), FilesPage(self)),
            "evaluate": (tr("Evaluate"), EvaluatePage(self)),
        }
        self.lay_out(self.models, pages, tr("Source"))

    @property
    def live(self) -> LivePage:
        page = self.pages["live"]
        assert isinstance(page, LivePage)
        return page

    @property
    def files(self) -> FilesPage:
        page = self.pages["files"]
        assert isinstance(page, FilesPage)
        return page

    # What the window asks ---------------------------------------------------------------------------------

    def accept_paths(self, paths: list[Path]) -> None:
        """Sound goes to Files, a CSV or what Evaluate is open for to Evaluate."""
        if self.choice.current == "live":
            self.choice.choose("evaluate" if paths and paths[0].suffix.lower() == ".csv" else "files")
        self.page.accept_paths(paths)

    def receive(self, payload: object) -> None:
        """Paths of sound files from another tab, or the tracks of a conversation."""
        if isinstance(payload, Conversation):
            self.choice.choose("files")
            self.files.take_conversation(payload)
            return
        paths = [Path(one) for one in payload] if isinstance(payload, list | tuple) else []
        self.choice.choose("files")
        self.files.accept_paths(paths)

    # What the pages ask -----------------------------------------------------------------------------------

    async def recognizer(self, worker_name: str, progress: Progress) -> Recognizer:
        """The chosen model, loaded in the worker of that name and kept there."""
        worker = self.services.worker(worker_name)
        wanted = (self.models.choice, self.services.device)
        if getattr(worker, "_holds", None) != wanted or worker.model is None:
            worker._holds = None  # type: ignore[attr-defined]
            loaded: Recognizer = await self.services.load(worker_name, _load, *wanted, progress=progress)
            worker._holds = wanted  # type: ignore[attr-defined]
            self.services.report_device(loaded.device_name, tr(loaded.note) if loaded.note else "")
        held: Recognizer = worker.model
        return held

    def page_chosen(self, name: str) -> None:
        self.options.setVisible(name == "live")


def _load(choice: str, device: str, progress: Progress) -> Recognizer:
    """In the worker's thread: torch is imported here for the first time."""
    from models.emotion.recognizer import Recognizer

    return Recognizer.load(choice, device, progress)
