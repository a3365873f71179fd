"""Live lanes: the microphone, or a file played as it comes, separated while it is heard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QFileDialog, QPushButton, QStackedWidget

from app.i18n import tr
from app.tabs.paged import Page, PagedTab
from app.tabs.separation.empty import empty, stacked
from app.tabs.separation.lane import Sound
from app.tabs.separation.lanes import Lanes
from app.tabs.separation.live_session import LiveSession, LiveState
from app.tabs.separation.session import SeparationSession
from app.widgets.labels import Elided, Hint
from app.widgets.microphone_box import MicrophoneBox
from app.widgets.time_axis import time_words
from models.errors import UserError
from models.loading import bundled_names, checkpoint_folder
from models.separation.config import CAUSAL, streams
from models.separation.results import Separated
from models.separation.samples import sample_mixtures

SHOWN_S = 30.0
REDRAW_MS = 50
KEEPS_UP = 0.8  # computing time as a share of the sound's, from which tracks fall behind no more


class LivePage(Page):
    """Lanes that grow. What was heard is opened as a recording when it ends."""

    def __init__(self, tab: PagedTab, recording: SeparationSession) -> None:
        super().__init__(tab)
        self._recording = recording  # opens what was heard
        self.session = LiveSession(recording)
        self._listed = False
        self._make_controls()
        self._make_view()
        session = self.session
        session.began.connect(self._began)
        session.grown.connect(self._grown)
        session.stopped.connect(self._stopped)
        session.ended.connect(self._ended)
        session.failed.connect(tab.show_error)

    # What the tab asks ------------------------------------------------------------------------------------

    def words(self) -> str:
        return "■ " + tr("Stop") if self.session.running else tr("Listen")

    def ready(self) -> bool:
        return True

    def act(self) -> None:
        if self.session.running:
            self.session.stop()
        else:
            self.tab.clear_messages()
            self.input.start()
            self.tab.start(self._listen())

    def accept_paths(self, paths: list[Path]) -> None:
        if paths and not self.session.running:
            self.play(paths[0])

    def try_sample(self) -> None:
        """A mixture that ships, second by second."""
        if not self.session.running:
            self.play(sample_mixtures()[0].mixture)

    def play(self, path: Path) -> None:
        """Separate a file as if it came from a microphone."""
        self.tab.clear_messages()
        self.tab.start(self.session.play(path))

    def state(self) -> dict[str, Any]:
        return {"microphone": self.input.chosen}

    def restore(self, state: dict[str, Any]) -> None:
        self.input.wanted = str(state.get("microphone", ""))

    def model_changed(self) -> None:
        """Offer the causal model that ships where the chosen one is not known to be one, but not while one listens: a model
        is opened when that begins."""
        info = self.tab.models.info()
        waits = info is None or not streams(info.network)
        self._quick.setVisible(waits and CAUSAL in bundled_names("separation") and not self.session.running)

    def shown(self) -> None:
        self.model_changed()  # it may have come from an earlier start
        if not self._listed:
            self._listed = True
            self.input.list_devices()

    def hidden(self) -> None:
        self.session.stop()

    async def shut_down(self) -> None:
        self.session.stop()
        self.input.stop()
        self._level.stop()
        self.lanes.shut_down()

    # Listening --------------------------------------------------------------------------------------------

    async def _listen(self) -> None:
        self._level.start()
        try:
            await self.session.listen(self.input.microphone.ring)
        except UserError:
            self._stopped()
            raise

    def _began(self) -> None:
        self.model_changed()
        self.tab.refresh_action()
        self.told.setText(" ")

    def _grown(self, state: LiveState) -> None:
        self._views.setCurrentIndex(1)
        names = [tr("Mixture"), *(tr("Speaker {n}", n=n) for n in range(1, len(state.outlines)))]
        self.lanes.show_live(
            [Sound(outline.path, outline, name) for outline, name in zip(state.outlines, names, strict=True)],
            SHOWN_S,
        )
        self.told.setText(
            tr(
                "{heard} · model {latency} ms behind · computing {busy} of real time",
                heard=time_words(state.heard_s, 0.1),
                latency=f"{1000 * state.latency_s:.0f}",
                busy=f"{100 * state.busy:.0f} %",
            )
        )
        if state.busy > 1:
            text = tr("This computer is too slow for the model: tracks fall behind. Choose a smaller model.")
            self.tab.show_message("warning", text, key="slow")
        elif state.busy < KEEPS_UP:  # it was busy with something else for a moment
            self.tab.clear_messages("slow")

    def _stopped(self) -> None:
        self.model_changed()
        self._level.stop()
        self.input.stop()
        self.tab.refresh_action()

    def _ended(self, separated: Separated) -> None:
        """What was heard is a recording now, to be played, judged and exported."""
        self._views.setCurrentIndex(0)
        self.tab.choice.choose("recording")
        self.tab.services.add_recent([separated.mixture])
        self.tab.start(self._recording.open_separated(separated.mixture, separated))

    def _is_missing(self, error: UserError) -> None:
        if self.session.running and self._level.isActive():
            self.session.stop()
            self.tab.show_error(error)

    def _says(self, heading: str, text: str) -> None:
        if heading:
            self.tab.show_message("warning", text, heading=heading, key="microphone")
        else:
            self.tab.clear_messages("microphone")

    def _use_quick(self) -> None:
        self.tab.use_checkpoint(checkpoint_folder(CAUSAL, "separation"))

    def _ask_for_file(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, tr("Play a file as it comes"), "", self.tab.file_filter())
        if name:
            self.play(Path(name))

    # Making -----------------------------------------------------------------------------------------------

    def _make_controls(self) -> None:
        self._file = QPushButton(tr("Play a file…"))
        self._file.setToolTip(tr("Separate a file second by second, as if it came from a microphone"))
        self._file.clicked.connect(self._ask_for_file)
        self.input = MicrophoneBox(self.services, self._file, tr("The microphone to listen to"))
        self.input.missing.connect(self._is_missing)
        self.input.said.connect(self._says)
        self.controls.addWidget(self.input)
        self.sample_link(tr("No microphone?"))
        about = tr(
            "A causal model is milliseconds behind; any other one about three seconds. Mixture and tracks are recorded."
        )
        self.controls.addWidget(Hint(about))
        self._quick = Hint(f'<a href="quick">{tr("Use the causal model")}</a>')
        self._quick.linkActivated.connect(lambda _link: self._use_quick())
        self.controls.addWidget(self._quick)
        self._level = QTimer(self)
        self._level.setInterval(REDRAW_MS)
        self._level.timeout.connect(self.input.show_level)

    def _make_view(self) -> None:
        self.lanes = Lanes(self.services)
        self.lanes.transport.hide()
        self.told = Elided(mode=Qt.TextElideMode.ElideRight)
        self.told.setProperty("role", "hint")
        self._views = QStackedWidget()
        self._views.addWidget(
            empty(
                tr("Listen, and every speaker gets a lane while they talk."),
                tr("Press Listen for the microphone, or play a file as it comes."),
            )
        )
        self._views.addWidget(stacked(self.lanes, self.told))
        self.view.addWidget(self._views)
