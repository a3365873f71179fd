"""Where tracks, stretches, pictures and scores of a recording go."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFileDialog

from app.i18n import plural, tr
from app.tabs.base import Tab
from app.tabs.separation import work
from app.tabs.separation.lanes import Lanes
from app.tabs.separation.score_table import ScoreTable
from app.tabs.separation.session import SeparationSession
from app.tabs.separation.work import READER
from app.widgets.time_axis import Span, time_words
from models.checkpoint import cannot_write
from models.datafiles import write_whole
from models.errors import UserError
from models.progress import Cancelled

KINDS = {"wav": "WAV (*.wav)", "flac": "FLAC (*.flac)"}


class TrackExports(QObject):
    """`ask_for_…` opens a dialog, the others write."""

    def __init__(self, tab: Tab, session: SeparationSession, lanes: Lanes, scores: ScoreTable) -> None:
        super().__init__(lanes)
        self._tab, self._session = tab, session
        self._lanes, self._scores = lanes, scores
        lanes.export_asked.connect(self.ask_for_lane)
        lanes.picture_asked.connect(self.ask_for_picture)
        scores.export_asked.connect(self.ask_for_scores)
        self._tracks = QAction(tr("Tracks as WAV or FLAC…"), self)
        self._tracks.triggered.connect(lambda: self.ask_for_tracks())
        self._stretch = QAction(tr("Chosen stretch of all lanes…"), self)
        self._stretch.triggered.connect(lambda: self.ask_for_tracks(stretch=True))
        self._turns = QAction(tr("Who speaks when as RTTM…"), self)
        self._turns.triggered.connect(self.ask_for_turns)
        self._score_action = QAction(tr("Scores against the references as CSV…"), self)
        self._score_action.triggered.connect(self.ask_for_scores)

    def actions(self, tracks: bool, stretch: bool) -> list[QAction]:
        """For the menu; which of them there is something for."""
        self._tracks.setEnabled(tracks)
        self._stretch.setEnabled(stretch)
        self._score_action.setEnabled(self._scores.filled)
        self._turns.setEnabled(self._session.assessment is not None)
        return [self._tracks, self._stretch, self._turns, self._score_action]

    def ask_for_lane(self, number: int) -> None:
        """Where one lane, or its chosen stretch, goes."""
        lane = self._lanes.lanes[number]
        usual = self._session.options.container
        kinds = [KINDS[usual], *(words for kind, words in KINDS.items() if kind != usual)]
        proposal = f"{lane.path.stem}{self._stretch_words()}.{usual}"
        name, kind = QFileDialog.getSaveFileName(
            self._tab, tr("Export {name}", name=lane.title), proposal, ";;".join(kinds)
        )
        if name:
            path = Path(name)
            if path.suffix.lower() not in (".wav", ".flac"):
                path = path.with_name(path.name + (".flac" if "flac" in kind else ".wav"))
            self.write_lanes([lane.path], [path], self._lanes.axis.region)

    def ask_for_tracks(self, stretch: bool = False) -> None:
        """A folder for all tracks; of a chosen stretch, the mixture's too."""
        name = QFileDialog.getExistingDirectory(self._tab, tr("Folder for the tracks"))
        if name and self._lanes.lanes:
            self.write_tracks(Path(name), stretch)

    def write_tracks(self, folder: Path, stretch: bool = False) -> None:
        """``RECORDING_NAME.wav`` a lane."""
        lanes = self._lanes.lanes if stretch else self._lanes.lanes[1:]
        tail = self._stretch_words() if stretch else ""
        stem = self._lanes.lanes[0].path.stem
        names: list[str] = []
        for lane in lanes:
            name = f"{stem}_{work.safe_name(lane.title)}{tail}"
            while name in names:  # two speakers may have been given one name
                name += "_2"
            names.append(name)
        suffix = f".{self._session.options.container}"
        targets = [folder / f"{name}{suffix}" for name in names]
        self.write_lanes([lane.path for lane in lanes], targets, self._lanes.axis.region if stretch else None)

    def write_lanes(self, sources: list[Path], targets: list[Path], stretch: Span | None) -> None:
        """Copy files, or stretches of them, to these places."""
        self._tab.start(self._write(sources, targets, stretch))

    async def _write(self, sources: list[Path], targets: list[Path], stretch: Span | None) -> None:
        services = self._tab.services
        try:
            with services.task(tr("Exporting")) as task, self._tab.busy(task):
                cut = await services.worker(READER).run(
                    work.export_lanes, sources, targets, stretch, progress=task
                )
        except Cancelled:
            self._tab.show_message("hint", tr("Stopped. What was written is whole."), key="exported")
            return
        text = plural(
            "{n} file was written to {folder}.",
            "{n} files were written to {folder}.",
            len(targets),
            folder=targets[0].parent,
        )
        if cut:
            text += " " + plural(
                "{n} sample lay above full scale and was cut; WAV would keep it.",
                "{n} samples lay above full scale and were cut; WAV would keep them.",
                cut,
            )
        self._tab.show_message("warning" if cut else "hint", text, key="exported")

    def ask_for_picture(self, number: int) -> None:
        """Where the picture of a lane goes; 0 is the mixture."""
        lane = self._lanes.lanes[number]
        name, kind = QFileDialog.getSaveFileName(
            self._tab, tr("Export the picture"), f"{lane.title}.svg", "SVG (*.svg);;PNG (*.png)"
        )
        if name:
            path = Path(name)
            if path.suffix.lower() not in (".svg", ".png"):
                path = path.with_name(path.name + (".png" if "png" in kind else ".svg"))
            self.write_picture(number, path)

    def write_picture(self, number: int, path: Path) -> None:
        """A lane as it is in view, as SVG or PNG."""
        try:
            self._lanes.lanes[number].canvas.save_picture(path)
        except OSError as error:
            self._tab.show_error(cannot_write(path, error))

    def ask_for_turns(self) -> None:
        """Where the table of who speaks when goes."""
        proposal = f"{self._lanes.lanes[0].path.stem}.rttm"
        name, _ = QFileDialog.getSaveFileName(
            self._tab, tr("Export who speaks when"), proposal, "Rich Transcription Time Marked (*.rttm)"
        )
        if name:
            self.write_turns(Path(name))

    def write_turns(self, path: Path) -> None:
        """A line a turn, with the speakers' names."""
        from models.separation.activity import write_rttm

        session = self._session
        if session.assessment is None or session.outline is None:
            return
        names = [track.name for track in session.tracks]
        try:
            write_rttm(path, session.assessment.activity.turns, session.outline.path, names)
        except UserError as error:
            self._tab.show_error(error)

    def ask_for_scores(self) -> None:
        """Where the table of scores goes."""
        name, _ = QFileDialog.getSaveFileName(
            self._tab, tr("Export the scores"), "separation.csv", "CSV (*.csv)"
        )
        if name:
            self.write_scores(Path(name))

    def write_scores(self, path: Path) -> None:
        """The table of scores as CSV."""
        try:
            write_whole(path, self._scores.as_csv())
        except UserError as error:
            self._tab.show_error(error)

    def _stretch_words(self) -> str:
        region = self._lanes.axis.region
        if region is None:
            return ""
        return "_" + "-".join(time_words(place, 0.01).replace(":", ".") for place in region)
