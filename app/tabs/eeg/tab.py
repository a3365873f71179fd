"""The EEG tab: open a recording, say what was heard, decode, and see how alike the two are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QPushButton, QWidget

from app.i18n import tr
from app.services import Services
from app.tabs.eeg.browser import Browser
from app.tabs.eeg.exports import EegExports
from app.tabs.eeg.listened import ListenedPage
from app.tabs.eeg.live import LivePage
from app.tabs.eeg.live_session import LiveSession
from app.tabs.eeg.messages import EegMessages
from app.tabs.eeg.outcome import EnvelopePage
from app.tabs.eeg.panels import Panels
from app.tabs.eeg.restoring import restore, state_of
from app.tabs.eeg.sending import SendWindows
from app.tabs.eeg.session import EegSession
from app.tabs.eeg.settings_box import SettingsBox, SubjectChoice
from app.tabs.eeg.source import RecordingBox, TracksBox, is_track
from app.tabs.eeg.view import EegView
from app.tabs.paged import PagedTab
from app.widgets.model_choice import ModelChoice
from models.loading import bundled_names, checkpoint_folder


class EegTab(PagedTab):
    """Puts the parts together: what is open and computed is in `session`, each part shows a piece of it."""

    system = "eeg"
    open_title = "Open a recording"
    open_filter = "EEG (*.bdf *.edf *.vhdr *.fif *.gz *.set *.xdf *.npz *.npy *.mat *.csv)"

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(services, parent)
        self.session = EegSession(self, self)
        self.notices = EegMessages(self, self.session)
        self.recording, self.tracks = RecordingBox(self.session), TracksBox(self.session)
        self.source.add(self.recording)
        self.source.add(self.tracks)
        self.models = ModelChoice(
            "eeg", also=[checkpoint_folder(name, "eeg") for name in bundled_names("eeg")[1:]]
        )
        self.settings = SettingsBox(self.session, self.options)
        self.browser = Browser(self.session)
        self.outcome, self.listened = EnvelopePage(self, self.session), ListenedPage(self, self.session)
        self.live = LivePage(self, LiveSession(self, self))
        self.panels = Panels(self, self.session, self.browser, self.notices)
        self.scalp, self.history = self.panels.scalp, self.panels.history
        self.annotations, self.tuning = self.panels.annotations, self.panels.tuning
        view = EegView(self.browser, self.outcome, self.listened)
        self.view.addWidget(view, 1)
        pages = {
            "decoded": (tr("Envelope"), self.outcome),
            "listened": (tr("Who was listened to"), self.listened),
            "live": (tr("Live"), self.live),
        }
        open_side = QPushButton(tr("Scalp and subjects"))
        open_side.setProperty("kind", "link")
        open_side.setToolTip(tr("Open the panel at the right"))
        open_side.clicked.connect(self.panels.show_scalp)
        self.lay_out(self.models, pages, tr("Result"), view.below, open_side)
        self.add_details(self.scalp, self.history, self.annotations)
        self.subject = SubjectChoice(self.session)
        self.model.add(self.subject)
        self.send = SendWindows(self, self.session)
        self.add_bottom(self.send)
        self.exports = EegExports(self.session, self.scalp.map.save, self.browser.traces.save, self)
        self._connect()

    def _connect(self) -> None:
        session, panels = self.session, self.panels
        self.takes_from(self.recording.zone)
        self.recording.sample_wanted.connect(self.try_sample)
        self.recording.history_wanted.connect(panels.show_history)
        self.recording.annotations_wanted.connect(panels.show_annotations)
        self.tracks.chosen.connect(lambda paths: self.start(session.listen_to(paths)))
        self.models.changed.connect(self._use_model)
        self.settings.unknown_named.connect(self.notices.unknown_channels)
        self.notices.stretch_wanted.connect(lambda: self.settings.stretch.setChecked(True))
        for signal in (self.notices.use_wanted, panels.tuning_box.use_wanted):
            signal.connect(self.use_checkpoint)
        for signal in (self.browser.failed, self.exports.refused):
            signal.connect(self.show_error)
        self.history.save_wanted.connect(lambda: self.exports.ask("history"))
        self.annotations.save_wanted.connect(lambda: self.exports.ask("annotations"))
        for signal in (session.part_changed, session.decoded):
            signal.connect(self.refresh_action)
        panels.connect_all()

    # What the window asks ---------------------------------------------------------------------------------

    def accept_paths(self, paths: list[Path]) -> None:
        """Recordings are opened, sounds and envelopes are what was heard, a JSON is a saved history."""
        sounds = [path for path in paths if is_track(path)]
        histories = [path for path in paths if path.suffix.lower() == ".json"]
        recordings = [path for path in paths if path not in sounds and path not in histories]
        if recordings:
            self.start(self.session.open(recordings[0], sounds))
            if len(recordings) > 1:
                self.notices.one_at_a_time(recordings[0].name)
        elif sounds:
            self.start(self.session.listen_to(sounds))
        if histories:
            self.panels.replay(histories[0])

    def receive(self, payload: object) -> None:
        """Sound files of talkers from another tab: candidates for the one who was listened to."""
        paths = [Path(item) for item in payload] if isinstance(payload, list | tuple) else []
        if not paths:
            super().receive(payload)
            return
        self.choice.choose("listened")
        if self.session.opened is None:
            self.notices.recording_needed()
        self.start(self.session.listen_to(paths, instead=True))

    def export_actions(self) -> list[QAction]:
        return self.exports.offered()

    def state(self) -> dict[str, Any]:
        kept = {"map": self.scalp.what.currentData(), "rows": self.browser.rows.currentData()}
        return super().state() | {"settings": self.settings.state(), "open": state_of(self.session)} | kept

    def restore(self, state: dict[str, Any]) -> None:
        self.settings.restore(state.get("settings"))
        super().restore(state)
        self.scalp.choose(str(state.get("map", "")))
        self.browser.rows.setCurrentIndex(max(0, self.browser.rows.findData(state.get("rows"))))
        opened = state.get("open")
        if isinstance(opened, dict) and opened and self.services.running_loop():
            self.start(restore(self.session, opened))

    def page_chosen(self, name: str) -> None:
        """Live, the traces are those of the stream."""
        self.browser.setVisible(name != "live")

    def model_restored(self) -> None:
        self._use_model(self.models.choice)

    # Inside -----------------------------------------------------------------------------------------------

    def _use_model(self, choice: str) -> None:
        self.subject.show_subjects(self.models.info())
        self.session.set_model(choice)
