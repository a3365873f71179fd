"""A folder of recordings in, a folder of tracks for each out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QModelIndex, Qt, QTimer
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QHeaderView,
    QPushButton,
    QStackedWidget,
    QTableView,
)

from app.i18n import plural, tr, tr_error
from app.tabs.paged import Page, PagedTab
from app.tabs.separation import kept, work
from app.tabs.separation.batch_table import DONE, PROBLEM, RUNNING, WAITING, Row, Table
from app.tabs.separation.empty import empty
from app.tabs.separation.session import SeparationSession
from app.tabs.separation.work import READER
from app.widgets.drop_zone import DropZone
from app.widgets.labels import Elided, Hint
from app.widgets.tables import for_reading
from models import audio
from models.errors import UserError
from models.progress import Cancelled, Progress, Step
from models.separation.samples import sample_mixtures

if TYPE_CHECKING:
    from models.separation.separator import Separator


class BatchPage(Page):
    """The table of a folder; files that fail say why, and the others go on."""

    def __init__(self, tab: PagedTab, session: SeparationSession) -> None:
        super().__init__(tab)
        self.session = session
        self.table = Table()
        self.folder: Path | None = None  # what was opened
        self.target: Path | None = None  # where the tracks go
        self._running = False
        self._make_controls()
        self._make_view()
        self._show_target()

    # What the tab asks ------------------------------------------------------------------------------------

    def words(self) -> str:
        waiting = len(self._waiting())
        if waiting:
            return plural("Separate {n} recording", "Separate {n} recordings", waiting)
        return tr("Separate again") if self.table.rows else tr("Separate")

    def ready(self) -> bool:
        return bool(self.table.rows) and self.target is not None

    def act(self) -> None:
        if not self._waiting():
            for row in self.table.rows:
                row.state, row.problem, row.separated, row.share = WAITING, "", None, 0.0
                self.table.changed(row)
        self.tab.start(self._separate())

    def accept_paths(self, paths: list[Path]) -> None:
        folder = paths[0] if paths[0].is_dir() else paths[0].parent
        self._list(paths, folder, folder.with_name(f"{folder.name} separated"))

    def try_sample(self) -> None:
        """The mixtures that ship; their tracks go where those of single recordings do."""
        mixtures = [sample.mixture for sample in sample_mixtures()]
        self._list(mixtures, mixtures[0].parent, kept.place() / "sample")

    def _list(self, paths: list[Path], folder: Path, target: Path) -> None:
        if self._running:
            self.tab.show_message("hint", tr("Stop first, then open another folder."), key="paths")
            return
        self.folder, self.target = folder, target
        self.tab.start(self._find(paths))

    def model_changed(self) -> None:
        if not self._running:
            for row in self.table.rows:
                row.state, row.problem = WAITING, ""  # the tracks there are can still be opened
                self.table.changed(row)
        self.tab.refresh_action()

    def export_actions(self) -> list[QAction]:
        self._export.setEnabled(bool(self.table.rows))
        return [self._export]

    def state(self) -> dict[str, Any]:
        return {"folder": str(self.folder or ""), "target": str(self.target or "")}

    def restore(self, state: dict[str, Any]) -> None:
        folder, target = Path(str(state.get("folder", ""))), str(state.get("target", ""))
        if str(state.get("folder", "")) and folder.is_dir() and self.services.running_loop():
            self.folder = folder
            self.target = Path(target) if target else folder.with_name(f"{folder.name} separated")
            self.tab.start(self._find([folder]))

    # Work -------------------------------------------------------------------------------------------------

    async def _find(self, paths: list[Path]) -> None:
        """List what there is to separate. Raises UserError for a folder that cannot be read."""
        with self.services.task(tr("Looking for recordings")) as task:
            try:
                result = await self.services.worker(READER).run(
                    _recordings, paths, self.target, progress=task, newest_wins="find", drop_running=True
                )
            except Cancelled:
                return
        root, target = self.folder, self.target
        if root is None or target is None:
            return
        places = _places([path for path, _length in result], root, target)
        rows = [
            Row(path, place, duration_s=length) for (path, length), place in zip(result, places, strict=True)
        ]
        self.table.show_rows(rows)
        self._views.setCurrentIndex(1 if rows else 0)
        self._show_target()
        if not rows:
            self.tab.show_message("warning", tr("There are no sound files in it."), key="paths")
        else:
            self.tab.clear_messages("paths")
        self.tab.refresh_action()

    async def _separate(self) -> None:
        if self._running:
            return
        self._running = True
        self.tab.clear_messages()
        problems = 0
        try:
            with self.services.task(tr("Separating a folder")) as task, self.tab.busy(task):
                separator = await self.session.load(task)
                rows = self._waiting()
                for number, row in enumerate(rows):
                    part = task.part(number / len(rows), (number + 1) / len(rows))
                    problems += not await self._separate_one(separator, row, part)
        except Cancelled:
            self.tab.show_message(
                "hint", tr("Stopped. Every track that was written is whole."), key="stopped"
            )
        finally:
            self._running = False
            for row in self.table.rows:
                if row.state == RUNNING:
                    row.state = WAITING
                    self.table.changed(row)
            self.tab.refresh_action()
        if problems:
            text = plural(
                "{n} recording could not be separated; its row says why.",
                "{n} recordings could not be separated; their rows say why.",
                problems,
            )
            self.tab.show_message("warning", text, key="skipped")

    async def _separate_one(self, separator: Separator, row: Row, part: Progress) -> bool:
        """Whether it went well; what did not is in the row."""
        row.state, row.share = RUNNING, 0.0
        self.table.changed(row)
        followed = _Followed(part)
        self._following = (row, followed)
        self._watch.start()
        try:
            given = (separator, row.path, row.folder, self.session.options)
            row.separated = await self.session.held.worker.run(work.separate, *given, progress=followed)
            row.state = DONE
        except UserError as error:
            row.state, row.problem = PROBLEM, " ".join(filter(None, tr_error(error)))
        finally:
            self._watch.stop()
        self.table.changed(row)
        self.tab.refresh_action()
        return row.state == DONE

    def _look(self) -> None:
        """How far the running one is, a few times a second."""
        row, followed = self._following
        row.share = followed.share
        self.table.changed(row)

    def _waiting(self) -> list[Row]:
        return [row for row in self.table.rows if row.state in (WAITING, RUNNING)]

    # Choosing ---------------------------------------------------------------------------------------------

    def _ask_for_target(self) -> None:
        name = QFileDialog.getExistingDirectory(self, tr("Folder for the tracks"))
        if name:
            self.set_target(Path(name))

    def set_target(self, target: Path) -> None:
        """Where the tracks go; each recording gets a folder in it."""
        self.target = target
        if self.folder is not None:
            places = _places([row.path for row in self.table.rows], self.folder, target)
            for row, place in zip(self.table.rows, places, strict=True):
                row.folder = place
                self.table.changed(row)
        self._show_target()
        self.tab.refresh_action()

    def _show_target(self) -> None:
        self._target.setText(str(self.target) if self.target is not None else "")
        self._choose.setEnabled(self.target is not None)

    def _opened(self, index: QModelIndex) -> None:
        """A double-click shows the recording in its lanes."""
        row = self.table.rows[index.row()]
        self.tab.choice.choose("recording")
        self.tab.start(self.session.open_separated(row.path, row.separated))

    def _save_table(self) -> None:
        name, _ = QFileDialog.getSaveFileName(self, tr("Export the table"), "separated.csv", "CSV (*.csv)")
        if name:
            self.save_table(Path(name))

    def save_table(self, path: Path) -> None:
        """recording, duration_s, state, one column a track, problem."""
        import csv
        import io

        from models.datafiles import write_whole

        most = max(
            (len(row.separated.tracks) for row in self.table.rows if row.separated is not None), default=0
        )
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(
            ["recording", "duration_s", "state", *(f"track_{n + 1}" for n in range(most)), "problem"]
        )
        for row in self.table.rows:
            tracks = [str(track) for track in row.separated.tracks] if row.separated is not None else []
            length = "" if row.duration_s is None else f"{row.duration_s:.3f}"
            writer.writerow(
                [str(row.path), length, row.state, *tracks, *[""] * (most - len(tracks)), row.problem]
            )
        try:
            write_whole(path, out.getvalue())
        except UserError as error:
            self.tab.show_error(error)

    # Making -----------------------------------------------------------------------------------------------

    def _make_controls(self) -> None:
        zone = DropZone(tr("Drop a folder of recordings"), tr("WAV, FLAC, MP3, OGG, M4A, MP4 …"))
        self.tab.takes_from(zone, folders=True)
        self.controls.addWidget(zone)
        self.sample_link("")
        self.controls.addWidget(Hint(tr("Tracks go to a folder for each recording in:")))
        self._target = Elided(mode=Qt.TextElideMode.ElideMiddle)
        self.controls.addWidget(self._target)
        self._choose = QPushButton(tr("Choose another folder…"))
        self._choose.setProperty("kind", "link")
        self._choose.clicked.connect(self._ask_for_target)
        self.controls.addWidget(self._choose)
        self._export = QAction(tr("Table of the folder as CSV…"), self)
        self._export.triggered.connect(self._save_table)
        self._watch = QTimer(self)
        self._watch.setInterval(200)
        self._watch.timeout.connect(self._look)

    def _make_view(self) -> None:
        self.list = QTableView()
        self.list.setModel(self.table)
        for_reading(self.list, tr("Recordings of the folder"), 28)
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.list.setToolTip(tr("Double-click or Enter shows a recording in its lanes"))
        self.list.activated.connect(self._opened)
        header = self.list.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setStretchLastSection(True)
        for column, width in enumerate((190, 72, 130, 130)):
            header.resizeSection(column, width)
        self._views = QStackedWidget()
        self._views.addWidget(
            empty(
                tr("Drop a folder of recordings here."),
                tr("Each recording gets a folder with a track a speaker; one that fails says why."),
            )
        )
        self._views.addWidget(self.list)
        self.view.addWidget(self._views)


class _Followed(Progress):
    """Passes everything on and remembers the share that is done."""

    def __init__(self, whole: Progress) -> None:
        super().__init__()
        self._whole = whole
        self.share = 0.0

    @property
    def cancelled(self) -> bool:
        return self._whole.cancelled

    def cancel(self) -> None:
        self._whole.cancel()

    def update(self, done: float, total: float, message: str = "", /, **values: object) -> None:
        self.share = Step(done, total).fraction
        self._whole.update(done, total, message, **values)


def _recordings(
    paths: list[Path], target: Path | None, progress: Progress
) -> list[tuple[Path, float | None]]:
    """(recording, its length, None where it cannot be read) of all that is not below `target`."""
    result = [path for path in audio.find_audio(paths) if target is None or target not in path.parents]
    lengths: list[tuple[Path, float | None]] = []
    for number, path in enumerate(result):
        progress.update(number, len(result), "Reading {name}", name=path.name)
        try:
            lengths.append((path, audio.info(path).duration_s))
        except UserError:  # said when it is its turn
            lengths.append((path, None))
    return lengths


def _places(paths: list[Path], root: Path, target: Path) -> list[Path]:
    """The folder of each recording's tracks: as it lies below `root`, and no two the same."""
    places: list[Path] = []
    for path in paths:
        inner = path.relative_to(root) if path.is_relative_to(root) else Path(path.name)
        place = target / inner.with_suffix("")
        number = 2
        while place in places:  # such as a.wav beside a.flac
            place = (target / inner).with_name(f"{inner.stem} {number}")
            number += 1
        places.append(place)
    return places
