"""The emotion tab itself: which page, which model, and what belongs to all pages."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QWidget

from app.audio.kinds import sound_filter
from app.i18n import tr
from app.services import Services
from app.tabs.emotion.evaluate import EvaluatePage
from app.tabs.emotion.files import FilesPage
from app.tabs.emotion.live import LivePage
from app.tabs.emotion.recognizers import Recognizers
from app.tabs.paged import Page, PagedTab
from app.tabs.sent import Conversation
from app.widgets.model_choice import ModelChoice


class EmotionTab(PagedTab):
    """Live, Files and Evaluate over one choice of model."""

    system = "emotion"
    open_title = "Open recordings"

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(services, parent)
        self.models = ModelChoice("emotion", hub_example="superb/hubert-base-superb-er")
        recognizers = Recognizers(services, self.models, self)
        live = LivePage(self, recognizers)
        files = FilesPage(self, recognizers, live.options)
        self.options.add(live.options)
        pages: dict[str, tuple[str, Page]] = {
            "live": (tr("Microphone"), live),
            "files": (tr("Files"), files),
            "evaluate": (tr("Evaluate"), EvaluatePage(self, recognizers)),
        }
        live.options.doubt_changed.connect(files.doubt_changed)
        self.lay_out(self.models, pages, tr("Source"))

    @property
    def live(self) -> LivePage:
        """The page of the microphone."""
        page = self.pages["live"]
        assert isinstance(page, LivePage)
        return page

    @property
    def files(self) -> FilesPage:
        """The page of files."""
        page = self.pages["files"]
        assert isinstance(page, FilesPage)
        return page

    def file_filter(self) -> str:
        return sound_filter()

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
        paths = [Path(item) for item in payload] if isinstance(payload, list | tuple) else []
        self.choice.choose("files")
        self.files.accept_paths(paths)

    def page_chosen(self, name: str) -> None:
        self.options.setVisible(name != "evaluate")
        self.live.options.show_live(name == "live")
