"""Files: a table of predictions; the selected file with its sound, where attention looked, and its time line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QItemSelection, QPoint, QSortFilterProxyModel, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QMenu,
    QPushButton,
    QSplitter,
    QTableView,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.audio.player import Player
from app.i18n import plural, tr, tr_error
from app.tabs.emotion.file_table import Row, Table
from app.tabs.emotion.speaker_lines import SpeakerLine, SpeakerLines
from app.tabs.emotion.words import emotion_words
from app.tabs.paged import Page
from app.tabs.sent import Conversation
from app.widgets.drop_zone import DropZone
from app.widgets.labels import Elided
from app.widgets.spectrogram import Spectrogram
from app.widgets.tables import for_reading
from app.widgets.waveform import Waveform
from models.errors import UserError
from models.progress import Cancelled

if TYPE_CHECKING:
    from app.tabs.emotion.tab import EmotionTab
    from models.emotion.recognizer import FilePrediction

WORKER = "emotion files"


class FilesPage(Page):
    """Drop files or folders: they are recognised at once; a row shows what was heard where."""

    tab: EmotionTab

    def __init__(self, tab: EmotionTab) -> None:
        super().__init__(tab)
        self.table = Table()
        self.player = Player(self)
        self.player.failed.connect(tab.show_error)
        self._shown_row: Row | None = None
        self._running = False
        self._stale = False  # the model changed since the predictions were made
        self._levels: dict[Path, np.ndarray] = {}  # of the tracks of a conversation
        self._make_controls()
        self._make_view()
        self._show_row(None)

    # What the tab asks ------------------------------------------------------------------------------------

    def words(self) -> str:
        waiting = sum(row.prediction is None and not row.problem for row in self.table.rows)
        if waiting:
            return plural("Recognise {n} file", "Recognise {n} files", waiting)
        return tr("Recognise again") if self.table.rows else tr("Recognise")

    def ready(self) -> bool:
        return bool(self.table.rows)

    def act(self) -> None:
        if not any(row.prediction is None and not row.problem for row in self.table.rows):
            self.table.forget_predictions(self.table.labels)
        self.tab.start(self._recognise())

    def try_sample(self) -> None:
        from models.emotion.samples import held_out_clips

        self.accept_paths(held_out_clips(self.tab.models.info()))

    def accept_paths(self, paths: list[Path]) -> None:
        from models.audio import find_audio

        self.tab.clear_messages()
        try:
            found = find_audio(paths)
        except UserError as error:
            self.tab.show_error(error)
            return
        if not found:
            self.tab.show_message("warning", tr("There are no sound files in it."), key="paths")
            return
        self.table.add(found)
        self.tab.refresh_action()
        if not self._running:
            self.tab.start(self._recognise())

    def take_conversation(self, sent: Conversation) -> None:
        """The tracks of one recording: a time line for each speaker, under one another."""
        self.tab.clear_messages()
        for row in self.table.add([track.path for track in sent.tracks]):
            row.talk = sent
        for row in self.table.rows:
            if any(track.path == row.path for track in sent.tracks):
                row.talk, row.prediction, row.problem = sent, None, ""  # it may have been separated anew
                self.table.changed(row)
        for track in sent.tracks:
            self._levels.pop(track.path, None)
        self._show_row(None)
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
        self.tab.refresh_action()
        if not self._running:
            self.tab.start(self._recognise())

    def model_changed(self) -> None:
        if self.table.rows:
            self._stale = True
            self.table.forget_predictions(self.table.labels)
            self._show_row(None)
        self.tab.refresh_action()

    def export_actions(self) -> list[QAction]:
        self._export.setEnabled(any(row.prediction for row in self.table.rows))
        return [self._export]

    def hidden(self) -> None:
        self.player.stop()

    async def shut_down(self) -> None:
        self.player.stop()

    # Work -------------------------------------------------------------------------------------------------

    async def _recognise(self) -> None:
        if self._running:
            return
        self._running = True
        worker = self.services.worker(WORKER)
        problems = 0
        try:
            with self.services.task(tr("Recognising files")) as task, self.tab.busy(task):
                recognizer = await self.tab.recognizer(WORKER, task)
                if self.table.labels != recognizer.labels:
                    self.table.forget_predictions(recognizer.labels)
                    self._fit_columns()
                done = 0
                while True:  # files dropped meanwhile are taken along
                    row = next((r for r in self.table.rows if r.prediction is None and not r.problem), None)
                    if row is None:
                        break
                    total = len(self.table.rows)
                    try:
                        part = task.part(done / total, (done + 1) / total)
                        row.prediction = await worker.run(recognizer.recognize, row.path, progress=part)
                    except UserError as error:
                        row.problem = " ".join(filter(None, tr_error(error)))
                        problems += 1
                    done += 1
                    if row in self.table.rows:
                        self.table.changed(row)
                    self._after_row(row)
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

    def _after_row(self, row: Row) -> None:
        shown = self._shown_row
        if shown is row or (shown is not None and row.talk is not None and shown.talk is row.talk):
            self._show_row(shown)
        elif self._shown_row is None and row.prediction is not None:
            self._select(row)
        self.tab.refresh_action()

    def _show_problems(self) -> None:
        lines = [f"{row.name}: {row.problem}" for row in self.table.rows if row.problem]
        self.tab.show_message("warning", "\n".join(lines[:12]), heading=tr("Skipped files"), key="skipped")

    # The selected file ------------------------------------------------------------------------------------

    def _selected(self, chosen: QItemSelection, _left: QItemSelection) -> None:
        indexes = chosen.indexes()
        if indexes:
            self._show_row(self.table.rows[self._sorted.mapToSource(indexes[0]).row()])

    def _select(self, row: Row) -> None:
        index = self._sorted.mapFromSource(self.table.index(self.table.rows.index(row), 0))
        self._list.selectRow(index.row())

    def _show_row(self, row: Row | None) -> None:
        if row is not self._shown_row:
            self.player.stop()
        self._shown_row = row
        self._play.setEnabled(row is not None and row.prediction is not None)
        self._send.setEnabled(row is not None and not row.problem)
        if row is None or row.prediction is None:
            self._name.setText(row.problem if row is not None else tr("Choose a row to see and hear it."))
            for widget in (self._waveform, self._spectrogram, self._timeline):
                widget.show_nothing()
            return
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
        if row is not self._shown_row or row.prediction is None:
            return
        prediction = row.prediction
        self._samples = samples
        self._name.setText(f"{row.name} · {_said(prediction)}")
        self._waveform.set_file(samples, 16_000)
        self._spectrogram.set_file(samples, 16_000)
        self._waveform.set_attention(prediction.attention_times_s, prediction.spoken_attention())
        try:
            lines = await self._lines(row)
        except Cancelled:
            return
        if row is self._shown_row:
            self._timeline.show_lines(lines)

    async def _lines(self, row: Row) -> list[SpeakerLine]:
        """The row's time line; of a track one for every speaker of its conversation, silent where they are silent."""
        from models.emotion.turns import levels_db, speaking, spoken

        if row.talk is None:
            return (
                [SpeakerLine("", "", *_hops(row.prediction), row.prediction.window_labels())]
                if row.prediction
                else []
            )
        worker = self.services.worker("sound")
        for track in row.talk.tracks:
            if track.path not in self._levels:
                self._levels[track.path] = await worker.run(levels_db, track.path)
        heard = speaking([self._levels[track.path] for track in row.talk.tracks])
        found = {one.path: one.prediction for one in self.table.rows if one.talk is row.talk}
        lines = []
        for track, turns in zip(row.talk.tracks, heard, strict=True):
            prediction = found.get(track.path)
            if prediction is None:  # still to be recognised
                continue
            starts, ends = _hops(prediction)
            labels = zip(prediction.window_labels(), spoken(turns, starts, ends), strict=True)
            shown = [label if speaks else None for label, speaks in labels]
            lines.append(SpeakerLine(track.name, track.color, starts, ends, shown))
        return lines

    def _show_menu(self, place: QPoint) -> None:
        menu = self.make_menu()
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(self._list.viewport().mapToGlobal(place))

    def make_menu(self) -> QMenu:
        """What a right-click on the selected file offers."""
        menu = QMenu(self)
        play = menu.addAction(tr("Stop") if self.player.playing else tr("Play"))
        play.triggered.connect(self._toggle_play)
        play.setEnabled(self._play.isEnabled())
        send = menu.addAction(tr("Send frames to ReverberationNet"))
        send.triggered.connect(self.send_frames)
        send.setEnabled(self._send.isEnabled())
        menu.addSeparator()
        menu.addActions(self.export_actions())
        return menu

    def send_frames(self) -> None:
        """The selected file's log-mel frames, as sequences, to the ReverberationNet tab."""
        if self._shown_row is not None:
            self.tab.start(self._send_frames(self._shown_row.path))

    async def _send_frames(self, path: Path) -> None:
        with self.services.task(tr("Computing frames")):
            x, levels = await self.services.worker("sound").run(_frames, path)
        self.services.send("reverberation", {"x": x, "y": levels, "title": path.stem})

    def _toggle_play(self) -> None:
        if self._shown_row is None or self._shown_row.prediction is None:
            return
        if self.player.playing:
            self.player.stop()
        else:
            self.player.play(self._samples, 16_000)
        self._follow()

    def _seek(self, place_s: float) -> None:
        if self._shown_row is not None and self._shown_row.prediction is not None:
            self.player.play(self._samples, 16_000, max(0.0, place_s))
            self._follow()

    def _follow(self) -> None:
        """The play head, from one timer while it plays."""
        playing = self.player.playing
        self._play.setText(tr("Stop") if playing else tr("Play"))
        head = self.player.position_s() if playing else None
        self._waveform.set_playhead(head)
        self._timeline.set_playhead(head)
        if playing and not self._ticker.isActive():
            self._ticker.start()
        elif not playing:
            self._ticker.stop()

    # Making -----------------------------------------------------------------------------------------------

    def _make_controls(self) -> None:
        zone = DropZone(tr("Drop recordings or a folder"), tr("WAV, FLAC, MP3, OGG, AIFF …"))
        zone.dropped.connect(self.tab.accept_paths)
        zone.clicked.connect(self.tab.choose_files)
        self.controls.addWidget(zone)
        self.sample_link("")
        clear = QPushButton(tr("Clear the table"))
        clear.setProperty("kind", "link")
        clear.setToolTip(tr("Remove all files from the table; nothing is deleted"))
        clear.clicked.connect(self._clear)
        self.controls.addWidget(clear)
        self._export = QAction(tr("Predictions as CSV…"), self)
        self._export.triggered.connect(self._save_table)

    def _make_view(self) -> None:
        from PySide6.QtCore import QTimer

        self._ticker = QTimer(self)
        self._ticker.setInterval(33)
        self._ticker.timeout.connect(self._follow)
        self.player.finished.connect(self._follow)
        self._sorted = QSortFilterProxyModel(self)
        self._sorted.setSortRole(Qt.ItemDataRole.UserRole)
        self._sorted.setSourceModel(self.table)
        self._list = QTableView()
        self._list.setModel(self._sorted)
        self._list.setSortingEnabled(True)
        self._list.horizontalHeader().setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        for_reading(self._list, tr("Predictions"), 28)
        self._list.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self._list.selectionModel().selectionChanged.connect(self._selected)
        self._list.doubleClicked.connect(lambda _index: self._toggle_play())
        self._list.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self._list.customContextMenuRequested.connect(self._show_menu)
        below = QWidget()
        column = QVBoxLayout(below)
        column.setContentsMargins(0, theme.SMALL, 0, 0)
        column.setSpacing(theme.SMALL)
        head = QHBoxLayout()
        self._name = Elided()
        self._play = QToolButton()
        self._play.setText(tr("Play"))
        self._play.setToolTip(tr("Play or stop (Space)"))
        self._play.setAccessibleName(tr("Play"))
        self._play.setShortcut("Space")
        self._play.clicked.connect(self._toggle_play)
        self._send = QToolButton()
        self._send.setText(tr("To ReverberationNet"))
        self._send.setToolTip(
            tr("Send this recording's log-mel frames to ReverberationNet, in windows of 0.8 s")
        )
        self._send.setAccessibleName(tr("Send frames to ReverberationNet"))
        self._send.clicked.connect(self.send_frames)
        head.addWidget(self._play)
        head.addWidget(self._name, 1)
        head.addWidget(self._send)
        column.addLayout(head)
        self._waveform, self._spectrogram, self._timeline = (
            Waveform(axis=False),
            Spectrogram(),
            SpeakerLines(),
        )
        self._waveform.share_x(self._spectrogram)
        self._waveform.clicked.connect(self._seek)
        self._timeline.clicked.connect(self._seek)
        column.addWidget(self._waveform, 2)
        column.addWidget(self._spectrogram, 2)
        column.addWidget(self._timeline)
        self._split = split = QSplitter(Qt.Orientation.Vertical)
        split.addWidget(self._list)
        split.addWidget(below)
        split.setStretchFactor(0, 1)
        split.setStretchFactor(1, 2)
        split.setChildrenCollapsible(False)
        split.setSizes([230, 400])
        self.view.addWidget(split)
        self._fit_columns()

    def _fit_columns(self) -> None:
        header = self._list.horizontalHeader()
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column in range(1, self.table.columnCount()):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
            header.resizeSection(column, 130 if column == 2 else 78)

    def _clear(self) -> None:
        self.tab.stop()
        self.table.clear()
        self._show_row(None)
        self.tab.refresh_action()

    def _save_table(self) -> None:
        name, _ = QFileDialog.getSaveFileName(self, tr("Export predictions"), "emotions.csv", "CSV (*.csv)")
        if name:
            self.save_table(Path(name))

    def save_table(self, path: Path) -> None:
        """The table of ``python -m models use emotion``."""
        from models.emotion.tables import write_table

        found = [row.prediction for row in self.table.rows if row.prediction is not None]
        try:
            write_table(path, found, self.table.labels)
        except UserError as error:
            self.tab.show_error(error)


def _frames(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """In the worker's thread: windows of log-mel frames and their levels."""
    from models import audio
    from models.emotion.frames import speech_windows

    return speech_windows(audio.read(path), path.name)


def _said(prediction: FilePrediction) -> str:
    """``sad 61 %``, or that nobody speaks."""
    if not prediction.spoken:
        return tr("no speech")
    return f"{emotion_words(prediction.label)} {100 * prediction.mean_probabilities.max():.0f} %"


def _hops(prediction: FilePrediction) -> tuple[np.ndarray, np.ndarray]:
    """Starts and ends that do not overlap: a window speaks for its middle."""
    if len(prediction.starts_s) == 1:
        return prediction.starts_s, prediction.ends_s
    middles = (prediction.starts_s + prediction.ends_s) / 2
    edges = np.concatenate([[0.0], (middles[1:] + middles[:-1]) / 2, [prediction.duration_s]])
    return edges[:-1], edges[1:]
