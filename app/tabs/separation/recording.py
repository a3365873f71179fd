"""The page of one recording: opened or recorded, seen, separated, heard, judged, exported."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication, QStackedWidget

from app.i18n import tr
from app.tabs.paged import Page, PagedTab
from app.tabs.recovered import recover_recordings
from app.tabs.separation.empty import empty, stacked
from app.tabs.separation.exports import TrackExports
from app.tabs.separation.lane import Sound
from app.tabs.separation.lanes import Lanes
from app.tabs.separation.record_box import RecordBox
from app.tabs.separation.references import References
from app.tabs.separation.session import SeparationSession
from app.tabs.separation.voices_box import VoicesBox
from app.tabs.separation.words import about_words, speakers_words
from app.undo import Undoing
from app.widgets.drop_zone import DropZone
from app.widgets.labels import Elided, Hint
from app.widgets.section import Fold

if TYPE_CHECKING:
    from app.audio.outline import Outline


class RecordingPage(Page):
    """The lanes of the session's recording, or the microphone while it records another one."""

    def __init__(self, tab: PagedTab, session: SeparationSession) -> None:
        super().__init__(tab)
        self.session = session
        self._recovered = False
        self._samples_seen = 0
        self._make_controls()
        self._make_view()
        self._connect()
        self.session.heard.connect(self._show_ribbons)
        self._undoing = Undoing(
            self.tab.undo_stack, lambda: tr("what is heard"), self._heard, self._hear, kind=_one_gain
        )
        self.lanes.heard_changed.connect(self._undoing.look)
        for other in (self.session.opened, self.session.tracks_changed):  # lanes of something else
            other.connect(self._undoing.begin)
        self._show_about()

    def _connect(self) -> None:
        session = self.session
        session.opened.connect(self._opened)
        session.separating.connect(self._let_go_of_tracks)
        session.grown.connect(self._show_growing)
        session.tracks_changed.connect(self._show_tracks)
        session.finished.connect(self._listen_by_keyboard)
        session.assessed.connect(self._show_turns)
        session.voice_found.connect(lambda target: self.lanes.select(target.track + 1))
        self.lanes.keep_asked.connect(lambda lane: self.voices.keep(lane - 1))
        session.names_changed.connect(lambda: self.lanes.show_names([item.name for item in session.tracks]))
        self.lanes.renamed.connect(lambda lane, name: session.rename(lane - 1, name))
        self.lanes.failed.connect(self.tab.show_error)
        self.microphone.recorded.connect(self._recorded)
        self.microphone.running.connect(self._microphone_runs)
        self.microphone.failed.connect(self.tab.show_error)
        self.microphone.input.said.connect(self._microphone_says)

    # What the tab asks ------------------------------------------------------------------------------------

    def words(self) -> str:
        return tr("Separate again") if self.session.separated is not None else tr("Separate")

    def ready(self) -> bool:
        return self.session.outline is not None and not self.microphone.recording

    def act(self) -> None:
        self.tab.start(self.session.separate())

    def accept_paths(self, paths: list[Path]) -> None:
        if self.microphone.recording:
            self.tab.show_message("hint", tr("Stop recording first, then open another one."), key="paths")
        elif paths:
            self.tab.start(self.session.open(paths[0]))

    def model_changed(self) -> None:
        self.tab.refresh_action()

    def export_actions(self) -> list[QAction]:
        stretch = self.lanes.axis.region is not None and self.session.outline is not None
        return self.exports.actions(bool(self.session.tracks), stretch)

    def try_sample(self, number: int = 0) -> None:
        self.tab.start(self.session.open_sample(number))

    def state(self) -> dict[str, Any]:
        kept: dict[str, Any] = {"mode": self.lanes.mode, "microphone": self.microphone.input.chosen}
        if self.session.outline is not None:
            kept["view"] = list(self.lanes.axis.view)
            kept["heard"] = self._heard()
        return kept | self.session.state()

    def restore(self, state: dict[str, Any]) -> None:
        if state.get("mode") in ("waveform", "spectrogram", "both"):
            self.lanes.set_mode(str(state["mode"]))
        self.microphone.input.wanted = str(state.get("microphone", ""))
        if self.services.running_loop():
            self.tab.start(self._reopen(state))

    async def _reopen(self, state: dict[str, Any]) -> None:
        """What was open at the last start, as far as it is still there, and as it was seen."""
        await self.session.restore(state)
        view, outline = state.get("view"), self.session.outline
        if outline is None or str(outline.path) != str(state.get("path")):
            return
        if isinstance(view, list) and len(view) == 2 and all(isinstance(item, int | float) for item in view):
            self.lanes.axis.show(float(view[0]), float(view[1]))
        heard = state.get("heard")
        self._hear(heard if isinstance(heard, list) else [])
        self._undoing.begin()

    def _heard(self) -> list[dict[str, object]]:
        """How each lane is listened to."""
        return [lane.heard for lane in self.lanes.lanes]

    def _hear(self, heard: Sequence[object]) -> None:
        for lane, how in zip(self.lanes.lanes, heard, strict=False):
            lane.set_heard_as(how)

    def shown(self) -> None:
        self.microphone.list_devices()
        if not self._recovered:
            self._recovered = True
            recover_recordings(self.tab)

    def hidden(self) -> None:
        if self.lanes.player.playing and not self.lanes.player.paused:
            self.lanes.toggle_play()

    async def shut_down(self) -> None:
        self.lanes.shut_down()
        self.microphone.finish()

    # Showing ----------------------------------------------------------------------------------------------

    def _opened(self) -> None:
        self._views.setCurrentWidget(self._lanes_page)
        focused = QApplication.focusWidget()
        if focused is None or not self.tab.isAncestorOf(focused):
            self.lanes.setFocus()  # so that Space plays what was just dropped
        self._show_tracks()
        self._show_about()

    def _show_about(self) -> None:
        outline = self.session.outline
        if outline is None:
            self._name.setText(tr("No recording yet"))
            self._about.setText(" ")  # its line is reserved
            return
        self._name.setText(outline.path.name)
        self._about.setText(about_words(outline, speakers_words(self.session.speakers)))

    def _show_tracks(self) -> None:
        """The mixture, and a lane a track where there are some."""
        outline = self.session.outline
        if outline is not None:
            self.lanes.show_sounds(_mixture(outline), self._sounds(self.session.track_outlines))
            self._show_ribbons()

    def _show_ribbons(self) -> None:
        for lane in self.lanes.lanes:
            lane.ribbon.show_ribbon(self.session.ribbons.get(lane.path))

    def _show_turns(self) -> None:
        """Who speaks when, under the whole recording."""
        assessment, tracks = self.session.assessment, self.session.tracks
        turns = () if assessment is None else assessment.activity.turns
        self.lanes.overview.set_turns(
            [
                (track.color, [(turn.start_s, turn.end_s) for turn in turns if turn.speaker == number])
                for number, track in enumerate(tracks)
            ]
        )

    def _show_growing(self, tracks: Sequence[Outline], _left_s: float) -> None:
        outline = self.session.outline
        if outline is not None:
            self.lanes.show_filling(_mixture(outline), self._sounds(tracks))

    def _sounds(self, tracks: Sequence[Outline]) -> list[Sound]:
        return [Sound(track.path, track, self.session.name(number)) for number, track in enumerate(tracks)]

    def _let_go_of_tracks(self) -> None:
        if self.session.separated is not None:
            self.lanes.stop()  # a file that is being played cannot be replaced on every system

    def _listen_by_keyboard(self) -> None:
        """Space plays what was just separated: on the button, it would separate once more."""
        focused = self.window().focusWidget()
        if focused is None or focused is self.tab.primary:
            self.lanes.setFocus()

    def _recorded(self, path: Path) -> None:
        self.services.add_recent([path])
        self.tab.start(self.session.open(path))

    def _microphone_runs(self, running: bool) -> None:
        if running:
            self.lanes.stop()
            self.tab.clear_messages()
            self._views.setCurrentWidget(self._recording_page)
        else:
            opened = self.session.outline is not None
            self._views.setCurrentWidget(self._lanes_page if opened else self._empty_page)
        self.tab.refresh_action()

    def _microphone_says(self, heading: str, text: str) -> None:
        if heading:
            self.tab.show_message("warning", text, heading=heading, key="microphone")
        else:
            self.tab.clear_messages("microphone")

    def _next_sample(self) -> None:
        """Every press brings another one."""
        self.try_sample(self._samples_seen)
        self._samples_seen += 1

    # Making -----------------------------------------------------------------------------------------------

    def _make_controls(self) -> None:
        zone = DropZone(tr("Drop a recording"), tr("WAV, FLAC, MP3, OGG, M4A, MP4 …"))
        self.tab.takes_from(zone)
        self.controls.addWidget(zone)
        self._name = Elided(mode=Qt.TextElideMode.ElideMiddle)
        self._about = Hint()
        self.controls.addWidget(self._name)
        self.controls.addWidget(self._about)
        link = Hint(f'<a href="sample">{tr("Try the sample")}</a>')
        link.linkActivated.connect(lambda _link: self._next_sample())
        self.controls.addWidget(link)
        self.microphone = RecordBox(self.services)
        self.controls.addWidget(self.microphone)
        voices = Fold(tr("Voices"))
        self.voices = VoicesBox(self.tab, self.session)
        voices.add(self.voices)
        self.controls.addWidget(voices)

    def _make_view(self) -> None:
        self._views = QStackedWidget()
        self.lanes = Lanes(self.services)
        self.references = References(self.tab, self.session)
        self.exports = TrackExports(self.tab, self.session, self.lanes, self.references.table)
        self._lanes_page = stacked(self.lanes, self.references.table)
        self._recording_page = stacked(self.microphone.picture)
        self._empty_page = empty(
            tr("Drop a recording of two speakers here, or record one."),
            tr("Each speaker becomes a track of their own, to be heard, compared and exported."),
        )
        for page in (self._empty_page, self._lanes_page, self._recording_page):
            self._views.addWidget(page)
        self.view.addWidget(self._views)


def _one_gain(before: list[dict[str, object]], after: list[dict[str, object]]) -> str:
    """The lane whose gain alone was moved: the steps of its slider are taken back together."""
    moved = [number for number, (a, b) in enumerate(zip(before, after, strict=False)) if a != b]
    alone = len(moved) == 1 and before[moved[0]] == {**after[moved[0]], "gain": before[moved[0]]["gain"]}
    return f"gain {moved[0]}" if alone else ""


def _mixture(outline: Outline) -> Sound:
    return Sound(outline.path, outline, tr("Mixture"))
