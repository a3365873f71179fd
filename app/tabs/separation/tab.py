"""The separation tab itself: which page, which model, the settings, and what goes on to other tabs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeyEvent
from PySide6.QtWidgets import QPushButton, QStackedWidget, QTextBrowser, QWidget

from app.i18n import tr
from app.services import Services
from app.tabs.base import Tab
from app.tabs.separation import work
from app.tabs.separation.batch import BatchPage
from app.tabs.separation.page import Page
from app.tabs.separation.recording import RecordingPage
from app.tabs.separation.settings_box import SettingsBox
from app.widgets import focus
from app.widgets.model_choice import ModelChoice
from app.widgets.section import Segments
from app.workers import Worker

if TYPE_CHECKING:
    from models.progress import Progress
    from models.separation.separator import Separator

WORKER = "separation"


class SeparationTab(Tab):
    """One recording, or a folder of them, over one choice of model."""

    system = "separation"
    open_title = "Open a recording"
    open_filter = "Sound (*.wav *.flac *.mp3 *.ogg *.opus *.aiff *.m4a)"

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(services, parent)
        self._held: tuple[str, str] | None = None  # choice and device of the separator in the worker
        self.settings = SettingsBox(self.options)
        self.models = ModelChoice(
            "separation", file_kinds=tr("Models of torchaudio and Asteroid (*.pt *.pth *.bin *.safetensors)")
        )
        self.recording, self.batch = RecordingPage(self), BatchPage(self)
        self.pages: dict[str, Page] = {"recording": self.recording, "batch": self.batch}
        self.choice = Segments({"recording": tr("Recording"), "batch": tr("Folder")}, tr("Source"))
        self.source.add(self.choice)
        self._sources, self._views = QStackedWidget(), QStackedWidget()
        for page in self.pages.values():
            self._sources.addWidget(page.source)
            self._views.addWidget(page)
        self.source.add(self._sources)
        self.model.add(self.models)
        self.view.addWidget(self._views)
        self._card = QTextBrowser()
        self._card.setOpenExternalLinks(True)
        self._card.setAccessibleName(tr("Model card"))
        self.details.addWidget(self._card)
        self._make_bottom()
        self.models.changed.connect(self._model_chosen)
        self.models.train_asked.connect(lambda: self.services.training.launch(self.system))
        self.models.card_asked.connect(self._show_card)
        self.models.refused.connect(self.show_error)
        self.choice.chosen.connect(self._page_chosen)
        self._page_chosen("recording")

    @property
    def page(self) -> Page:
        return self.pages[self.choice.current]

    @property
    def worker(self) -> Worker:
        """The thread that holds the model."""
        return self.services.worker(WORKER)

    # What the window asks ---------------------------------------------------------------------------------

    def act(self) -> None:
        self.page.act()

    def stop(self) -> None:
        super().stop()
        self.page.stop()

    def accept_paths(self, paths: list[Path]) -> None:
        """One sound is shown; a folder, or several, are a batch."""
        if not paths:
            return
        several = len(paths) > 1 or paths[0].is_dir()
        self.choice.choose("batch" if several or self.choice.current == "batch" else "recording")
        self.page.accept_paths(paths)

    def receive(self, payload: object) -> None:
        """Paths of sound files from another tab."""
        if isinstance(payload, list | tuple) and payload:
            self.accept_paths([Path(one) for one in payload])
        else:
            super().receive(payload)

    def use_checkpoint(self, path: Path) -> None:
        self.models.choose(str(path))

    def export_actions(self) -> list[QAction]:
        return self.page.export_actions()

    def state(self) -> dict[str, Any]:
        return {
            "page": self.choice.current,
            "model": self.models.choice,
            "models": self.models.kept,
            "settings": self.settings.state(),
            "settings_open": self.options.opened,
            "pages": {name: page.state() for name, page in self.pages.items()},
        }

    def restore(self, state: dict[str, Any]) -> None:
        kept = state.get("models", [])
        kept = [str(one) for one in kept] if isinstance(kept, list) else []
        self.models.restore(str(state.get("model", "")), kept)
        self.settings.restore(state.get("settings"))
        self.options.set_open(bool(state.get("settings_open")))
        pages = state.get("pages", {})
        for name, page in self.pages.items():
            of_page = pages.get(name, {}) if isinstance(pages, dict) else {}
            page.restore(of_page if isinstance(of_page, dict) else {})
        if state.get("page") in self.pages:
            self.choice.choose(str(state["page"]))

    def shown(self) -> None:
        self.page.shown()

    def hidden(self) -> None:
        self.page.hidden()

    async def shut_down(self) -> None:
        for page in self.pages.values():
            await page.shut_down()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """What no control wanted goes to the lanes: Space plays wherever the focus is."""
        if self.page is not self.recording or not self.recording.lanes.take_key(event):
            super().keyPressEvent(event)

    # What the pages ask -----------------------------------------------------------------------------------

    def take_paths(self, paths: list[Path]) -> None:
        """Dropped on a page."""
        self.services.add_recent(paths)
        self.accept_paths(paths)

    def refresh(self) -> None:
        """What can be done now may be something else."""
        self.set_action(self.page.words(), enabled=self.page.ready())
        tracks = bool(self.recording.tracks()) and self.page is self.recording
        for button in (self._emotion, self._eeg, self._export):
            button.setEnabled(tracks)
        focus.order([self.source, self.model, self.primary, self.options, *self._bottoms, self._views])
        self._reference.setEnabled(self.recording.outline is not None and self.page is self.recording)

    async def separator(self, progress: Progress) -> Separator:
        """The chosen model, loaded in the worker and kept there. Raises UserError, Cancelled."""
        wanted = (self.models.choice, self.services.device)
        if self._held != wanted or self.worker.model is None:
            self._held = None
            loaded: Separator = await self.services.load(WORKER, work.load, *wanted, progress=progress)
            self._held = wanted
            self.services.report_device(str(loaded.device))
        held: Separator = self.worker.model
        return held

    # Inside -----------------------------------------------------------------------------------------------

    def _make_bottom(self) -> None:
        self._reference = QPushButton(tr("Add references…"))
        self._reference.setToolTip(tr("The true tracks of this recording, to compare with"))
        self._reference.clicked.connect(self.recording.ask_for_references)
        self._export = QPushButton(tr("Export tracks…"))
        self._export.setToolTip(tr("Write the tracks to a folder of your choice"))
        self._export.clicked.connect(lambda: self.recording.exports.ask_for_tracks())
        self._emotion = QPushButton(tr("Send to Emotion"))
        self._emotion.setToolTip(tr("One emotion time line for each speaker"))
        self._emotion.clicked.connect(self.send_to_emotion)
        self._eeg = QPushButton(tr("Send to EEG"))
        self._eeg.setToolTip(tr("The tracks as candidates for the speaker that was listened to"))
        self._eeg.clicked.connect(self.send_to_eeg)
        self._bottoms = (self._reference, self._export, self._emotion, self._eeg)
        for button in self._bottoms:
            self.add_bottom(button)

    def send_to_emotion(self) -> None:
        """The tracks, as one conversation."""
        sent = self.recording.conversation()
        if sent is not None:
            self.services.send("emotion", sent)

    def send_to_eeg(self) -> None:
        """The tracks, as candidates for the attended speaker."""
        self.services.send("eeg", [track.path for track in self.recording.tracks()])

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
        self.clear_messages()
        self.set_status("")
        for button in self._bottoms:
            button.setVisible(name == "recording")
        self.refresh()
        if self.isVisible():
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
