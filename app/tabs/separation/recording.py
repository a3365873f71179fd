"""One recording: opened or recorded, seen, separated, heard, judged, exported."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication, QStackedWidget

from app.i18n import plural, tr, translate
from app.tabs.paged import Page
from app.tabs.recovered import recover_recordings
from app.tabs.sent import Conversation, Track
from app.tabs.separation import work
from app.tabs.separation.empty import empty, stacked
from app.tabs.separation.exports import TrackExports
from app.tabs.separation.filling import Filling
from app.tabs.separation.lanes import SPEAKERS, Lanes, Sound
from app.tabs.separation.record_box import RecordBox
from app.tabs.separation.references import References
from app.tabs.separation.words import about_words, left_words, one_is_faint, speakers_words, speed_words
from app.tabs.separation.work import READER
from app.widgets.drop_zone import DropZone
from app.widgets.labels import Elided, Hint
from models.errors import UserError
from models.progress import Cancelled, Progress
from models.separation.results import Separated

if TYPE_CHECKING:
    from app.audio.outline import Outline
    from app.tabs.separation.tab import SeparationTab


class RecordingPage(Page):
    """The lanes of one recording."""

    tab: SeparationTab

    def __init__(self, tab: SeparationTab) -> None:
        super().__init__(tab)
        self.outline: Outline | None = None
        self.separated: Separated | None = None
        self._separating: Progress | None = None
        self._sample_words = ""
        self._recovered = False
        self._make_controls()
        self._make_view()
        self._show_about()

    # What the tab asks ------------------------------------------------------------------------------------

    def words(self) -> str:
        return tr("Separate again") if self.separated is not None else tr("Separate")

    def ready(self) -> bool:
        return self.outline is not None and not self.microphone.recording

    def act(self) -> None:
        self.tab.start(self._separate())

    def accept_paths(self, paths: list[Path]) -> None:
        if self.microphone.recording:
            self.tab.show_message("hint", tr("Stop recording first, then open another one."), key="paths")
        elif paths:
            self._sample_words = ""
            self.tab.start(self.open(paths[0]))

    def model_changed(self) -> None:
        self.tab.refresh_action()

    def export_actions(self) -> list[QAction]:
        stretch = self.lanes.axis.region is not None
        return self.exports.actions(bool(self.tracks()), self.outline is not None and stretch)

    def state(self) -> dict[str, Any]:
        kept: dict[str, Any] = {
            "mode": self.lanes.mode,
            "microphone": self.microphone.input.chosen,
        }
        if self.outline is not None:
            kept |= {
                "path": str(self.outline.path),
                "sample": self._sample_words,
                "references": [str(path) for path in self.references.paths],
                "view": list(self.lanes.axis.view),
            }
        if self.separated is not None:
            kept |= {
                "tracks": [str(path) for path in self.separated.tracks],
                "names": [lane.title for lane in self.lanes.lanes[1:]],
                "model_rate": self.separated.model_rate,
            }
        return kept

    def restore(self, state: dict[str, Any]) -> None:
        if state.get("mode") in ("waveform", "spectrogram", "both"):
            self.lanes.set_mode(str(state["mode"]))
        self.microphone.input.wanted = str(state.get("microphone", ""))
        path = Path(str(state.get("path", "")))
        if path.is_file() and self.services.running_loop():
            self.tab.start(self._reopen(path, state))

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

    # Opening ----------------------------------------------------------------------------------------------

    async def open(self, path: Path) -> bool:
        """Show a recording; False where that was stopped. Raises UserError where it cannot be read.

        A separation of the recording before is stopped.
        """
        if self._separating is not None:
            self._separating.cancel()
        self.tab.clear_messages()
        with self.services.task(tr("Reading the recording")) as task, self.tab.busy(task):
            try:
                outline = await self.services.worker(READER).run(
                    work.outline_of, path, progress=task, newest_wins="open", drop_running=True
                )
            except Cancelled:
                return False
        self.outline, self.separated = outline, None
        self.references.forget()
        self._views.setCurrentWidget(self._lanes_page)
        focused = QApplication.focusWidget()
        if focused is None or not self.tab.isAncestorOf(focused):
            self.lanes.setFocus()  # so that Space plays what was just dropped
        self.lanes.show_sounds(Sound(path, outline, tr("Mixture")))
        self._show_about()
        if outline.clipped > outline.sample_rate // 1000:
            text = plural(
                "{n} sample of this recording lies at full scale: it was recorded too loud, and tracks may crackle.",
                "{n} samples of this recording lie at full scale: it was recorded too loud, and tracks may crackle.",
                outline.clipped,
            )
            self.tab.show_message("warning", text, key="clipping")
        self.tab.refresh_action()
        return True

    def show_separated(self, path: Path, separated: Separated | None) -> None:
        """A recording, with its tracks where there are some."""
        self.tab.start(self._open_separated(path, separated))

    async def _open_separated(self, path: Path, separated: Separated | None) -> None:
        self._sample_words = ""
        if not await self.open(path) or separated is None or self.outline is None:
            return
        if await self._show_tracks(self.outline, separated):
            self._show_remarks(separated)

    async def _reopen(self, path: Path, state: dict[str, Any]) -> None:
        """What was open at the last start, as far as it is still there."""
        self._sample_words = str(state.get("sample", ""))
        if not await self.open(path) or self.outline is None:
            return
        tracks = [Path(str(item)) for item in state.get("tracks", []) if isinstance(item, str)]
        if tracks and all(track.is_file() for track in tracks):
            shown = self.outline
            rate = int(state.get("model_rate", 0) or shown.sample_rate)
            separated = Separated(
                path, tuple(tracks), shown.sample_rate, shown.channels, shown.frames, rate, (), (), 0.0
            )
            await self._show_tracks(shown, separated)
            names = state.get("names", [])
            for lane, name in zip(
                self.lanes.lanes[1:], names if isinstance(names, list) else [], strict=False
            ):
                lane.name.setText(str(name))
        view = state.get("view")
        if isinstance(view, list) and len(view) == 2 and all(isinstance(item, int | float) for item in view):
            self.lanes.axis.show(float(view[0]), float(view[1]))
        kept = [Path(str(item)) for item in state.get("references", [])]
        self.references.paths = [path for path in kept if path.is_file()]
        await self.references.score()

    def try_sample(self, number: int = 0) -> None:
        self.tab.start(self._open_sample(number))

    async def _open_sample(self, number: int) -> None:
        from models.separation.samples import sample_mixtures

        samples = sample_mixtures()
        sample = samples[number % len(samples)]
        self._sample_words = speakers_words(sample.words)
        if await self.open(sample.mixture):
            self.references.paths = list(sample.references)
            await self._separate()

    def _recorded(self, path: Path) -> None:
        self._sample_words = ""
        self.services.add_recent([path])
        self.tab.start(self.open(path))

    # Separating -------------------------------------------------------------------------------------------

    async def _separate(self) -> None:
        outline = self.outline
        if outline is None:
            return
        self.tab.clear_messages()
        if self.separated is not None:
            self.lanes.stop()  # a file that is being played cannot be replaced on every system
        try:
            with self.services.task(tr("Separating")) as task, self.tab.busy(task):
                self._separating = task
                separated = await self._separated(outline, task)
                if not await self._show_tracks(outline, separated):
                    return
        except (Cancelled, UserError) as error:
            if self.outline is outline:
                await self._show_again(outline)
            if isinstance(error, UserError):
                raise
            if self.outline is outline:
                self.tab.show_message("hint", tr("Stopped. No tracks were written."), key="stopped")
            return
        self.tab.tidy()
        self._show_remarks(separated)
        self.tab.set_status(speed_words(outline, separated))
        self._listen_by_keyboard()
        await self.references.score()

    async def _separated(self, outline: Outline, task: Progress) -> Separated:
        """Separate, and show what there is already."""
        separator = await self.tab.separator(task)
        filling = Filling(outline)
        filling.grown.connect(partial(self._show_filling, outline))
        folder, options = work.folder_of(outline.path), self.tab.settings.options()
        try:
            return await self.tab.worker.run(
                work.separate,
                separator,
                outline.path,
                folder,
                options,
                filling.told,
                progress=task.part(0.0, 0.95),
            )
        finally:
            filling.grown.disconnect()
            self.tab.set_status("")

    def _show_filling(self, outline: Outline, tracks: list[Outline], left_s: float) -> None:
        if self.outline is not outline:
            return
        mixture = Sound(outline.path, outline, tr("Mixture"))
        self.lanes.show_filling(
            mixture,
            [
                Sound(track.path, track, name)
                for track, name in zip(tracks, self._names(len(tracks)), strict=True)
            ],
        )
        if left_s == left_s:  # it can be said
            self.tab.set_status(left_words(left_s))

    async def _show_again(self, outline: Outline) -> None:
        """What there was before a separation that came to nothing."""
        if self.separated is not None:
            await self._show_tracks(outline, self.separated)
        else:
            self.lanes.show_sounds(Sound(outline.path, outline, tr("Mixture")))

    def _listen_by_keyboard(self) -> None:
        """Space plays what was just separated: on the button, it would separate once more."""
        focused = self.window().focusWidget()
        if focused is None or focused is self.tab.primary:
            self.lanes.setFocus()

    def _names(self, count: int) -> list[str]:
        """Of the speakers; names that a person gave stay."""
        names = [lane.title for lane in self.lanes.lanes[1:]]
        return [*names, *(tr("Speaker {n}", n=number + 1) for number in range(len(names), count))][:count]

    async def _show_tracks(self, outline: Outline, separated: Separated) -> bool:
        """Their lanes, under the mixture's; names that a person gave stay. False where another recording was opened
        meanwhile."""
        with self.services.task(tr("Reading the tracks")) as task:
            result = await self.services.worker(READER).run(work.outlines, separated.tracks, progress=task)
        if self.outline is not outline:
            return False
        mixture = Sound(outline.path, outline, tr("Mixture"))
        self.separated = separated
        names = self._names(len(result))
        tracks = [Sound(item.path, item, name) for item, name in zip(result, names, strict=True)]
        self.lanes.show_sounds(mixture, tracks)
        self.tab.refresh_action()
        self._show_about()
        return True

    def _show_remarks(self, separated: Separated) -> None:
        texts = [remark.translated(translate) for remark in separated.remarks]
        if not texts:
            return
        clipped = self.outline is not None and self.outline.clipped > 0
        level: Literal["warning", "hint"] = "warning" if one_is_faint(separated) or clipped else "hint"
        self.tab.show_message(level, "\n".join(texts), heading=tr("About these tracks"), key="remarks")

    def tracks(self) -> list[Track]:
        """The separated tracks with their names and colours."""
        if self.separated is None:
            return []
        return [
            Track(path, lane.title, SPEAKERS[number % len(SPEAKERS)])
            for number, (path, lane) in enumerate(
                zip(self.separated.tracks, self.lanes.lanes[1:], strict=False)
            )
        ]

    def conversation(self) -> Conversation | None:
        if self.outline is None or self.separated is None:
            return None
        return Conversation(self.outline.path.name, tuple(self.tracks()), self.separated.model_rate)

    # Showing ----------------------------------------------------------------------------------------------

    def _show_about(self) -> None:
        if self.outline is None:
            self._name.setText(tr("No recording yet"))
            self._about.setText(" ")  # its line is reserved
            return
        self._name.setText(self.outline.path.name)
        self._about.setText(about_words(self.outline, self._sample_words))

    def _microphone_runs(self, running: bool) -> None:
        if running:
            self.lanes.stop()
            self.tab.clear_messages()
            self._views.setCurrentWidget(self._recording_page)
        else:
            self._views.setCurrentWidget(self._lanes_page if self.outline is not None else self._empty_page)
        self.tab.refresh_action()

    def _microphone_says(self, heading: str, text: str) -> None:
        if heading:
            self.tab.show_message("warning", text, heading=heading, key="microphone")
        else:
            self.tab.clear_messages("microphone")

    # Making -----------------------------------------------------------------------------------------------

    def _make_controls(self) -> None:
        zone = DropZone(tr("Drop a recording"), tr("WAV, FLAC, MP3, OGG, M4A, MP4 …"))
        zone.dropped.connect(self.tab.take_paths)
        zone.clicked.connect(self.tab.choose_files)
        self.controls.addWidget(zone)
        self._name = Elided(mode=Qt.TextElideMode.ElideMiddle)
        self._about = Hint()
        self.controls.addWidget(self._name)
        self.controls.addWidget(self._about)
        link = Hint(f'<a href="sample">{tr("Try the sample")}</a>')
        link.linkActivated.connect(lambda _link: self._next_sample())
        self.controls.addWidget(link)
        self._samples_seen = 0
        self.microphone = RecordBox(self.services)
        self.microphone.recorded.connect(self._recorded)
        self.microphone.running.connect(self._microphone_runs)
        self.microphone.failed.connect(self.tab.show_error)
        self.microphone.input.said.connect(self._microphone_says)
        self.controls.addWidget(self.microphone)

    def _next_sample(self) -> None:
        """Every press brings another one."""
        self.try_sample(self._samples_seen)
        self._samples_seen += 1

    def _make_view(self) -> None:
        self._views = QStackedWidget()
        self.lanes = Lanes(self.services)
        self.lanes.failed.connect(self.tab.show_error)
        self.references = References(self)
        self.lanes.renamed.connect(self.references.rename)
        self.exports = TrackExports(self.tab, self.lanes, self.references.table)
        self._lanes_page, self._recording_page = (
            stacked(self.lanes, self.references.table),
            stacked(self.microphone.picture),
        )
        self._empty_page = empty(
            tr("Drop a recording of two speakers here, or record one."),
            tr("Each speaker becomes a track of their own, to be heard, compared and exported."),
        )
        for page in (self._empty_page, self._lanes_page, self._recording_page):
            self._views.addWidget(page)
        self.view.addWidget(self._views)
