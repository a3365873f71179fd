"""The emotion tab itself: which page, which model, and what belongs to all pages."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QStackedWidget, QTextBrowser, QWidget

from app.i18n import tr
from app.services import Services
from app.tabs.base import Tab
from app.tabs.emotion.evaluate import EvaluatePage
from app.tabs.emotion.files import FilesPage
from app.tabs.emotion.live import LivePage
from app.tabs.emotion.page import Page
from app.tabs.sent import Conversation
from app.widgets.model_choice import ModelChoice
from app.widgets.section import Segments

if TYPE_CHECKING:
    from models.emotion.recognizer import Recognizer
    from models.progress import Progress


class EmotionTab(Tab):
    """Live, Files and Evaluate over one choice of model."""

    system = "emotion"
    open_title = "Open recordings"
    open_filter = "Sound (*.wav *.flac *.mp3 *.ogg *.opus *.aiff *.m4a)"

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(services, parent)
        self.models = ModelChoice("emotion", hub_example="superb/hubert-base-superb-er")
        self.pages: dict[str, Page] = {
            "live": LivePage(self),
            "files": FilesPage(self),
            "evaluate": EvaluatePage(self),
        }
        titles = {"live": tr("Microphone"), "files": tr("Files"), "evaluate": tr("Evaluate")}
        self.choice = Segments(titles, tr("Source"))
        self.source.add(self.choice)
        self._sources, self._views = QStackedWidget(), QStackedWidget()
        for page in self.pages.values():
            self._sources.addWidget(page.source)
            self._views.addWidget(page)
        self.source.add(self._sources)
        self.model.add(self.models)
        self.options.add(self.live.settings)
        self.view.addWidget(self._views)
        self._card = QTextBrowser()
        self._card.setOpenExternalLinks(True)
        self._card.setAccessibleName(tr("Model card"))
        self.details.addWidget(self._card)
        self.models.changed.connect(self._model_chosen)
        self.models.train_asked.connect(lambda: self.services.training.launch(self.system))
        self.models.card_asked.connect(self._show_card)
        self.models.refused.connect(self.show_error)
        self.choice.chosen.connect(self._page_chosen)
        self._page_chosen("live")

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

    @property
    def page(self) -> Page:
        return self.pages[self.choice.current]

    # What the window asks ---------------------------------------------------------------------------------

    def act(self) -> None:
        self.page.act()

    def stop(self) -> None:
        super().stop()
        self.page.stop()

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

    def use_checkpoint(self, path: Path) -> None:
        self.models.choose(str(path))

    def export_actions(self) -> list[QAction]:
        return self.page.export_actions()

    def state(self) -> dict[str, Any]:
        return {
            "page": self.choice.current,
            "model": self.models.choice,
            "models": self.models.kept,
            "options_open": self.options.opened,
            "pages": {name: page.state() for name, page in self.pages.items()},
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.models.restore(str(state.get("model", "")), [str(one) for one in state.get("models", [])])
        pages = state.get("pages", {})
        for name, page in self.pages.items():
            page.restore(pages.get(name, {}) if isinstance(pages, dict) else {})
        if state.get("page") in self.pages:
            self.choice.choose(str(state["page"]))
        self.options.set_open(bool(state.get("options_open")))

    def shown(self) -> None:
        self.page.shown()

    def hidden(self) -> None:
        self.page.hidden()

    async def shut_down(self) -> None:
        for page in self.pages.values():
            await page.shut_down()

    # What the pages ask -----------------------------------------------------------------------------------

    def refresh_action(self) -> None:
        """The page's button says something else now."""
        self.set_action(self.page.words(), enabled=self.page.ready())

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

    # Inside -----------------------------------------------------------------------------------------------

    def _page_chosen(self, name: str) -> None:
        page = self.pages[name]
        current = self._views.currentWidget()
        if isinstance(current, Page) and current is not page:
            current.hidden()
        self._views.setCurrentWidget(page)
        self._sources.setCurrentWidget(page.source)
        for other in self.pages.values():  # a hidden page's controls must not reserve room
            policy = other.source.sizePolicy()
            kind = policy.Policy.Preferred if other is page else policy.Policy.Ignored
            policy.setVerticalPolicy(kind)
            other.source.setSizePolicy(policy)
        self._sources.adjustSize()
        self.options.setVisible(name == "live")
        self.clear_messages()
        self.set_status("")
        self.refresh_action()
        page.shown()

    def _model_chosen(self, _choice: str) -> None:
        for page in self.pages.values():
            page.model_changed()
        if self._details_frame.isVisible():
            self._show_card()

    def _show_card(self) -> None:
        info = self.models.info()
        if info is None:
            return
        self._card.setMarkdown(info.card or info.title)
        self._card.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.show_details(True, tr("Model card"))


def _load(choice: str, device: str, progress: Progress) -> Recognizer:
    """In the worker's thread: torch is imported here for the first time."""
    from models.emotion.recognizer import Recognizer

    return Recognizer.load(choice, device, progress)
