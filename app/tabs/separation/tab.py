"""The separation tab itself: which page, which model, the settings, and what goes on to other tabs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QWidget

from app.audio.kinds import sound_filter
from app.i18n import tr
from app.services import Services
from app.tabs.paged import Page, PagedTab
from app.tabs.separation.batch import BatchPage
from app.tabs.separation.kept_box import USUAL_GB, KeptBox
from app.tabs.separation.live_page import LivePage
from app.tabs.separation.messages import SeparationMessages
from app.tabs.separation.onward import Onward
from app.tabs.separation.recording import RecordingPage
from app.tabs.separation.session import SeparationSession
from app.tabs.separation.settings_box import SettingsBox
from app.widgets.model_choice import ModelChoice
from app.widgets.ribbon import Ribbon
from models.loading import bundled_names, checkpoint_folder
from models.separation.config import THREE


class SeparationTab(PagedTab):
    """Puts the parts together: one recording, held in `session`, or a folder of them, over one choice of model."""

    system = "separation"
    open_title = "Open a recording"

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(services, parent)
        self.session = SeparationSession(self, self)
        self.said = SeparationMessages(self, self.session, self._separate_into_three)
        self.settings = SettingsBox(self.options)
        self.models = ModelChoice(
            "separation",
            also=[checkpoint_folder(name, "separation") for name in bundled_names("separation")[1:]],
            file_kinds=tr("Models of torchaudio and Asteroid (*.pt *.pth *.bin *.safetensors)"),
        )
        self.recording = RecordingPage(self, self.session)
        self.batch, self.live = BatchPage(self, self.session), LivePage(self, self.session)
        self.kept = KeptBox(services, self.options, self._folders_in_use)
        self.onward = Onward(self.session, services)
        self.onward.reference.clicked.connect(self.recording.references.ask)
        self.onward.export.clicked.connect(lambda: self.recording.exports.ask_for_tracks())
        self.add_bottom(self.onward)
        pages: dict[str, tuple[str, Page]] = {
            "recording": (tr("Recording"), self.recording),
            "batch": (tr("Folder"), self.batch),
            "live": (tr("Live"), self.live),
        }
        self.lay_out(self.models, pages, tr("Source"))
        self.models.changed.connect(self.session.use_model)
        self.settings.changed.connect(self._use_options)
        self.session.finished.connect(self.kept.tidy)
        for signal in (self.session.opened, self.session.tracks_changed):
            signal.connect(self.refresh_action)
        self._use_options()

    def file_filter(self) -> str:
        return sound_filter()

    # What the window asks ---------------------------------------------------------------------------------

    def accept_paths(self, paths: list[Path]) -> None:
        """One sound is shown; a folder, or several, are a batch."""
        if not paths:
            return
        several = len(paths) > 1 or paths[0].is_dir()
        if self.choice.current == "live" and not several:
            self.page.accept_paths(paths)
            return
        self.choice.choose("batch" if several or self.choice.current == "batch" else "recording")
        self.page.accept_paths(paths)

    def receive(self, payload: object) -> None:
        """Paths of sound files from another tab."""
        if isinstance(payload, list | tuple) and payload:
            self.accept_paths([Path(item) for item in payload])
        else:
            super().receive(payload)

    def take_answer(self, payload: object) -> None:
        """What the emotion tab heard in the tracks stands under them."""
        if isinstance(payload, list):
            self.session.take_ribbons([item for item in payload if isinstance(item, Ribbon)])

    def state(self) -> dict[str, Any]:
        kept = {"keep_gb": self.kept.limit.value()}
        return super().state() | {"settings": self.settings.state() | kept}

    def restore(self, state: dict[str, Any]) -> None:
        settings = state.get("settings")
        self.settings.restore(settings)
        most = settings.get("keep_gb") if isinstance(settings, dict) else None
        self.kept.limit.setValue(most if isinstance(most, int) else USUAL_GB)
        super().restore(state)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """What no control wanted goes to the lanes: Space plays wherever the focus is."""
        if self.page is not self.recording or not self.recording.lanes.take_key(event):
            super().keyPressEvent(event)

    def model_restored(self) -> None:
        self.session.use_model(self.models.choice)

    # Inside -----------------------------------------------------------------------------------------------

    def _use_options(self) -> None:
        self.session.options = self.settings.options()

    def _separate_into_three(self) -> None:
        self.use_checkpoint(checkpoint_folder(THREE, "separation"))
        self.recording.act()

    def _folders_in_use(self) -> list[Path]:
        """Whose tracks are in the lanes, or in the table of the folder."""
        batch = [row.separated for row in self.batch.table.rows]
        shown = [item for item in [self.session.separated, *batch] if item is not None]
        return list({track.parent for item in shown for track in item.tracks})

    def page_chosen(self, name: str) -> None:
        self.onward.setVisible(name == "recording")
