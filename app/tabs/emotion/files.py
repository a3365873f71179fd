"""Files: a table of predictions; the chosen file with its sound, where attention looked, and its time line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction, QKeySequence, QShortcut
from PySide6.QtWidgets import QFileDialog, QMenu, QPushButton, QSplitter

from app.i18n import plural, tr, tr_error
from app.tabs.emotion.file_exports import current, frames_of, save
from app.tabs.emotion.file_lines import FileLines
from app.tabs.emotion.file_list import FileList
from app.tabs.emotion.file_people import PeopleChoice
from app.tabs.emotion.file_table import Row, Table
from app.tabs.emotion.file_words import said
from app.tabs.emotion.kept_files import files_of, state_of, take_up
from app.tabs.emotion.live_options import LiveOptions
from app.tabs.emotion.recognizers import Recognizers
from app.tabs.emotion.sound_view import SoundView
from app.tabs.emotion.speaker_lines import ribbons_of
from app.tabs.paged import Page, PagedTab
from app.tabs.sent import Conversation
from app.widgets.drop_zone import DropZone
from models.emotion.doubt import threshold
from models.emotion.groups import grouped, listed
from models.errors import UserError
from models.progress import Cancelled

if TYPE_CHECKING:
    from app.services import ShownProgress
    from models.emotion.recognizer import Recognizer

WORKER = "emotion files"


class FilesPage(Page):
    """Drop files or folders: they are recognised at once; a row shows what was heard where."""

    def __init__(self, tab: PagedTab, recognizers: Recognizers, options: LiveOptions) -> None:
        super().__init__(tab)
        self._recognizers = recognizers
        self._options = options
        self.table = Table()
        self._shown_row: Row | None = None
        self._kept: dict[str, object] = {}  # of an earlier start, until the page is shown
        self._running = False
        self._of_model = 0.0  # the certainty under which the model's own words are unsure
        self._named: dict[Path, str] = {}  # who speaks, where a table said so
        self._lines = FileLines(self.services.worker("sound"))
        self._make_controls()
        self._make_view()
        self._show_row(None)

    # What the tab asks ------------------------------------------------------------------------------------

    def words(self) -> str:
        waiting = sum(row.waiting for row in self.table.rows)
        if waiting:
            return plural("Recognise {n} file", "Recognise {n} files", waiting)
        return tr("Recognise again") if self.table.rows else tr("Recognise")

    def ready(self) -> bool:
        return bool(self.table.rows)

    def act(self) -> None:
        if not any(row.waiting for row in self.table.rows):
            self.table.mark_stale()
        self.tab.start(self._recognise())

    def try_sample(self) -> None:
        from models.emotion.samples import held_out_clips

        self.accept_paths(held_out_clips(self.tab.models.info()))

    def accept_paths(self, paths: list[Path]) -> None:
        from models.audio import find_audio

        self.tab.clear_messages()
        try:
            result = self._listed(paths) or find_audio(paths)
        except UserError as error:
            self.tab.show_error(error)
            return
        if not result:
            self.tab.show_message("warning", tr("There are no sound files in it."), key="paths")
            return
        self.table.add(result)
        self._begin_with(result[0])

    def _listed(self, paths: list[Path]) -> list[Path]:
        """The files of tables that say who speaks; none where no table came."""
        tables = [path for path in paths if path.suffix.lower() in (".csv", ".tsv")]
        for table in tables:
            self._named |= listed(table)
        if tables:
            self.people.choose("column", silently=True)
        return [path for path in self._named if path.is_file()] if tables else []

    def take_conversation(self, sent: Conversation) -> None:
        """The tracks of one recording: a time line for each speaker, under one another."""
        self.tab.clear_messages()
        paths = [track.path for track in sent.tracks]
        self.table.add(paths)
        for row in self.table.rows:
            if row.path in paths:
                row.talk, row.prediction = sent, None  # it may have been separated anew
                row.problem, row.stale = "", False
                self.table.changed(row)
        for path in paths:
            self._lines.forget(path)
        self._split.setSizes([140, 490])  # two time lines need the room
        if sent.model_rate < 16_000:
            text = tr(
                "They come from a model that works at {khz} kHz: nothing above {half} kHz is in them, which the emotion model heard when it was trained. Take its word with care, or train it with band limiting.",
                khz=f"{sent.model_rate / 1000:g}",
                half=f"{sent.model_rate / 2000:g}",
            )
            self.tab.show_message(
                "warning", text, heading=tr("These tracks lack high frequencies."), key="band"
            )
        self._begin_with(paths[0])

    def model_changed(self) -> None:
        self.table.mark_stale()
        self.tab.refresh_action()

    def export_actions(self) -> list[QAction]:
        row = self._shown_row
        self._export.setEnabled(bool(current(self.table)))
        self._export_labels.setEnabled(row is not None and row.prediction is not None and not row.stale)
        return [self._export, self._export_labels]

    def state(self) -> dict[str, object]:
        """The files and conversations in the table."""
        return self._kept or state_of(self.table.rows, self._shown_row)

    def restore(self, state: dict[str, object]) -> None:
        """They come back when the page is first shown."""
        self._kept = state if files_of(state) else {}

    def shown(self) -> None:
        """What was in the table at the last start; many files wait for the button."""
        kept, self._kept = self._kept, {}
        begin = take_up(self.table, kept) if self.services.running_loop() else None
        if begin is not None:
            self._begin_with(*begin)

    def hidden(self) -> None:
        self.sound.stop()

    async def shut_down(self) -> None:
        self.sound.stop()

    def unheard(self, sent: Conversation) -> bool:
        """Whether a track of a conversation has come to nothing: it could not be read, or recognising was stopped."""
        return any(row.problem or row.waiting > self._running for row in self.table.rows if row.talk is sent)

    # Work -------------------------------------------------------------------------------------------------

    def _begin_with(self, path: Path, at_once: bool = True) -> None:
        """What came is chosen and in sight, and recognised."""
        row = next(row for row in self.table.rows if row.path == path)
        self._list.choose(row)
        self._show_row(row)
        self._list.setFocus()  # so that Space plays what was just dropped
        self.tab.refresh_action()
        if at_once and not self._running:
            self.tab.start(self._recognise())

    async def _recognise(self) -> None:
        if self._running:
            return
        self._running = True
        problems = 0
        try:
            with self.services.task(tr("Recognising files")) as task, self.tab.busy(task):
                recognizer = await self._recognizers.get(WORKER, task)
                if not self.table.is_of(recognizer.labels, recognizer.dimensions):  # other columns
                    self.table.forget_predictions(recognizer.labels, recognizer.dimensions)
                    self._list.fit_columns()
                problems = await self._recognise_rows(recognizer, task)
                await self._put_together(recognizer)
        except Cancelled:
            self.tab.show_message("hint", tr("Stopped. What was recognised is kept."), key="stopped")
        finally:
            self._running = False
            self.tab.refresh_action()
        if problems:
            text = plural("{n} file could not be read.", "{n} files could not be read.", problems)
            self.tab.show_message(
                "warning", text, [(tr("Show skipped files"), self._show_problems)], key="skipped"
            )

    async def _recognise_rows(self, recognizer: Recognizer, task: ShownProgress) -> int:
        """Every row that waits, also those that come meanwhile; how many could not be read."""
        worker = self.services.worker(WORKER)
        done = problems = 0
        self._of_model = recognizer.unsure_below
        while row := next((row for row in self.table.rows if row.waiting), None):
            total = max(done + 1, len(self.table.rows))
            try:
                part = task.part(done / total, (done + 1) / total)
                prediction = await worker.run(recognizer.recognize, row.path, progress=part)
                asked = self._options.unsure_below
                row.prediction = replace(prediction, unsure_below=threshold(asked, self._of_model))
                row.stale = False
            except UserError as error:
                row.problem = " ".join(filter(None, tr_error(error)))
                row.prediction, row.stale = None, False
                problems += 1
            done += 1
            if row in self.table.rows:
                self.table.changed(row)
            self._after_row(row)
        return problems

    async def _put_together(self, recognizer: Recognizer) -> None:
        """Hear the files of one person against all that the person says in them; nothing is computed from sound again."""
        rows = [row for row in self.table.rows if row.prediction is not None and not row.stale]
        work = (recognizer, [row.prediction for row in rows], self.people.by, dict(self._named))
        people, predictions = await self.services.worker(WORKER).run(grouped, *work)
        for row, person, prediction in zip(rows, people, predictions, strict=True):
            row.person, row.prediction = person, prediction
        self.table.show_people(self.people.by != "file")
        self._list.fit_columns()
        self.people.show_outcome(rows)
        if self._shown_row in rows:
            self._list.choose(self._shown_row)
            self._show_row(self._shown_row)
        for row in rows:
            self.table.changed(row)

    async def _people_changed(self) -> None:
        if any(row.prediction is not None for row in self.table.rows) and not self._running:
            with self.services.task(tr("Recognising files")) as task, self.tab.busy(task):
                await self._put_together(await self._recognizers.get(WORKER, task))

    def doubt_changed(self) -> None:
        """Another certainty is asked for: the words are told anew, nothing is computed."""
        asked = self._options.unsure_below
        for row in self.table.rows:
            if row.prediction is not None:
                row.prediction = replace(row.prediction, unsure_below=threshold(asked, self._of_model))
                self.table.changed(row)
        self._show_row(self._shown_row)

    def _after_row(self, row: Row) -> None:
        shown = self._shown_row
        if shown is row or (shown is not None and row.talk is not None and shown.talk is row.talk):
            self._show_row(shown)
            if shown is row:  # sorted, it may have gone elsewhere
                self._list.choose(row)
        elif shown is None and row.prediction is not None:
            self._list.choose(row)
        self.tab.refresh_action()

    def _show_problems(self) -> None:
        lines = [f"{row.name}: {row.problem}" for row in self.table.rows if row.problem]
        self.tab.show_message("warning", "\n".join(lines[:12]), heading=tr("Skipped files"), key="skipped")

    # The chosen file --------------------------------------------------------------------------------------

    def _show_row(self, row: Row | None) -> None:
        if row is not self._shown_row:
            self.sound.stop()
        self._shown_row = row
        if row is None:
            self.sound.show_nothing(tr("Choose a row to see and hear it."))
        elif row.prediction is None:
            text = row.problem or f"{row.name} · {tr('waiting')}"
            self.sound.show_nothing(text, can_send=not row.problem)
        else:
            self.tab.start(self._load_sound(row))

    async def _load_sound(self, row: Row) -> None:
        from models import audio

        worker = self.services.worker("sound")
        try:
            samples: np.ndarray = await worker.run(
                audio.read, row.path, newest_wins="sound", drop_running=True
            )
        except Cancelled:
            return
        prediction = row.prediction
        if row is not self._shown_row or prediction is None:
            return
        text = f"{row.name} · {said(prediction)}"
        self.sound.show_sound(text, samples, prediction.attention_times_s, prediction.spoken_attention())
        self.sound.degrees.show(prediction)
        try:
            lines = await self._lines.of(row, self.table.rows)
        except Cancelled:
            return
        if row is self._shown_row:
            self.sound.show_lines(lines)
        if row.talk is not None:
            self.services.answered.emit("separation", ribbons_of(row.talk, lines))

    def _show_menu(self, place: QPoint) -> None:
        menu = self.make_menu()
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(self._list.viewport().mapToGlobal(place))

    def make_menu(self) -> QMenu:
        """What a right-click on the chosen file offers."""
        menu = QMenu(self)
        play = menu.addAction(tr("Stop") if self.sound.player.playing else tr("Play"))
        play.triggered.connect(self.sound.toggle_play)
        play.setEnabled(self.sound.play.isEnabled())
        send = menu.addAction(tr("Send frames to ReverberationNet"))
        send.triggered.connect(self.send_frames)
        send.setEnabled(self.sound.send.isEnabled())
        menu.addSeparator()
        menu.addActions(self.export_actions())
        return menu

    def send_frames(self) -> None:
        """The chosen file's log-mel frames, as sequences, to the ReverberationNet tab."""
        if self._shown_row is not None:
            self.tab.start(self.send_frames_of(self._shown_row.path))

    async def send_frames_of(self, path: Path) -> None:
        """As `send_frames`, of any file."""
        with self.services.task(tr("Computing frames")):
            x, levels = await self.services.worker("sound").run(frames_of, path)
        self.services.send("reverberation", {"x": x, "y": levels, "title": path.stem})

    # Making -----------------------------------------------------------------------------------------------

    def _make_controls(self) -> None:
        zone = DropZone(tr("Drop recordings or a folder"), tr("WAV, FLAC, MP3, OGG, M4A, MP4 …"))
        self.tab.takes_from(zone)
        self.controls.addWidget(zone)
        self.people = PeopleChoice()
        self.people.changed.connect(lambda: self.tab.start(self._people_changed()))
        self.controls.addWidget(self.people)
        self.sample_link("")
        clear = QPushButton(tr("Clear the table"))
        clear.setProperty("kind", "link")
        clear.setToolTip(tr("Remove all files from the table; nothing is deleted"))
        clear.clicked.connect(self._clear)
        self.controls.addWidget(clear)
        self._export = QAction(tr("Predictions as CSV…"), self)
        self._export.triggered.connect(self._save_table)
        self._export_labels = QAction(tr("Labels by sentence (Audacity, RTTM, ELAN)…"), self)
        self._export_labels.triggered.connect(self._save_labels)

    def _make_view(self) -> None:
        self._list = FileList(self.table)
        self._list.chosen.connect(self._show_row)
        self._list.customContextMenuRequested.connect(self._show_menu)
        self.sound = SoundView()
        self.sound.failed.connect(self.tab.show_error)
        self.sound.send_asked.connect(self.send_frames)
        self._list.doubleClicked.connect(lambda _index: self.sound.toggle_play())
        # Not a button's own shortcut: that goes with its words, which change when it plays.
        space = QShortcut(QKeySequence(Qt.Key.Key_Space), self)
        space.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        space.activated.connect(self.sound.toggle_play)
        self._split = split = QSplitter(Qt.Orientation.Vertical)
        split.addWidget(self._list)
        split.addWidget(self.sound)
        split.setStretchFactor(0, 1)
        split.setStretchFactor(1, 2)
        split.setChildrenCollapsible(False)
        split.setSizes([230, 400])
        self.view.addWidget(split)

    def _clear(self) -> None:
        self.tab.stop()
        self.table.clear()
        self._show_row(None)
        self.tab.refresh_action()

    def _save_table(self) -> None:
        name, _ = QFileDialog.getSaveFileName(self, tr("Export predictions"), "emotions.csv", "CSV (*.csv)")
        if name:
            self.save_table(Path(name))

    def _save_labels(self) -> None:
        kinds = "Audacity (*.txt);;RTTM (*.rttm);;ELAN (*.eaf)"
        stem = self._shown_row.path.stem if self._shown_row is not None else "labels"
        name, _ = QFileDialog.getSaveFileName(self, tr("Export labels"), f"{stem}.txt", kinds)
        if name:
            self.save_table(Path(name))

    def save_table(self, path: Path) -> None:
        """The table of ``python -m models use emotion``; another ending than .csv: the chosen recording's labels."""
        try:
            save(path, self.table, self._shown_row)
        except UserError as error:
            self.tab.show_error(error)
