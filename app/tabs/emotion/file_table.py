"""The files of the emotion tab as a table."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor, QIcon, QPixmap

from app import theme
from app.i18n import tr
from app.tabs.emotion.degrees import degree_figure, degree_words
from app.tabs.emotion.words import emotion_color, emotion_words
from app.tabs.sent import Conversation
from app.widgets.plain import tip

if TYPE_CHECKING:
    from models.emotion.file_prediction import FilePrediction

Index = QModelIndex | QPersistentModelIndex
MARK_PX = 16


@dataclass
class Row:
    """One file: waiting, recognised, or refused with its reason. talk: the conversation it is a track of. stale: what was
    recognised is another model's, and shown until it is recognised anew. person: who speaks in it, where files are put
    together by that; empty for nobody in particular."""

    path: Path
    prediction: FilePrediction | None = None
    problem: str = ""
    talk: Conversation | None = None
    stale: bool = False
    person: str = ""

    @property
    def waiting(self) -> bool:
        """Whether it is still to be recognised."""
        return self.stale or (self.prediction is None and not self.problem)

    @property
    def recognised(self) -> FilePrediction | None:
        """The prediction, where somebody speaks: only then there is an emotion and its certainty."""
        return self.prediction if self.prediction is not None and self.prediction.spoken else None

    @property
    def name(self) -> str:
        """The file's name; of a track its speaker and the recording."""
        for track in self.talk.tracks if self.talk is not None else ():
            if track.path == self.path:
                return f"{track.name} · {self.talk.title}" if self.talk is not None else track.name
        return self.path.name


@cache
def _mark(color: str) -> QIcon:
    """A square in a category's colour, the same whether or not its row is chosen: Qt would tint it."""
    picture = QPixmap(MARK_PX, MARK_PX)
    picture.fill(QColor(color))
    icon = QIcon()
    for mode in (QIcon.Mode.Normal, QIcon.Mode.Selected, QIcon.Mode.Active):
        icon.addPixmap(picture, mode)
    return icon


class Table(QAbstractTableModel):
    """The rows as a table: file, duration, emotion, certainty, then a column a class, and a column a dimension."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[Row] = []
        self.labels: tuple[str, ...] = ()
        self.dimensions: tuple[str, ...] = ()
        self.by_person = False  # two more columns: who speaks, and the word without knowing them

    @property
    def person_column(self) -> int:
        """The first column after the figures: who speaks."""
        return 4 + len(self.labels) + len(self.dimensions)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else self.person_column + (2 if self.by_person else 0)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            titles = [tr("File"), tr("Duration"), tr("Emotion"), tr("Certainty")]
            words = [emotion_words(label) for label in self.labels]
            words += [degree_words(name) for name in self.dimensions]
            return [*titles, *words, tr("Person"), tr("Alone")][section]
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.TextAlignmentRole:
            left = section in (0, 2) or section >= self.person_column
            side = Qt.AlignmentFlag.AlignLeft if left else Qt.AlignmentFlag.AlignRight
            return int((side | Qt.AlignmentFlag.AlignVCenter).value)
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row, column = self.rows[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(row, column)
        if role == Qt.ItemDataRole.UserRole:
            return self._sort_key(row, column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return tip(row.problem or str(row.path))
        if role == Qt.ItemDataRole.DecorationRole and column == 2 and row.recognised is not None:
            return _mark(emotion_color(row.recognised.label))
        if role == Qt.ItemDataRole.TextAlignmentRole and column not in (0, 2) and column < self.person_column:
            return int((Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter).value)
        if role == Qt.ItemDataRole.ForegroundRole and row.problem and column == 2:
            return theme.color("error")
        if role == Qt.ItemDataRole.ForegroundRole and row.stale:
            return theme.color("muted")
        return None

    def _text(self, row: Row, column: int) -> str:
        if column == 0:
            return row.name
        if row.prediction is None:
            state = (
                tr("skipped") if row.problem else tr("waiting")
            )  # why is in the tip, and below for the chosen row
            return state if column == 2 else ""
        prediction = row.prediction
        if column == 1:
            return tr("{seconds} s", seconds=f"{prediction.duration_s:.1f}")
        if column == self.person_column:
            return Path(row.person).name
        if row.recognised is None:
            return tr("no speech") if column == 2 else ""
        if column == self.person_column + 1:
            return emotion_words(prediction.label_alone) if row.person else ""
        if column == 2:
            return emotion_words(prediction.label)
        value = self._figure(prediction, column)
        if column >= 4 + len(self.labels):
            return degree_figure(value)
        return f"{100 * value:.0f} %" if np.isfinite(value) else ""

    def _figure(self, prediction: FilePrediction, column: int) -> float:
        """What a column of figures says of a file in which somebody speaks; NaN for the certainty of a model without classes."""
        if column == 3:
            return float(prediction.mean_probabilities.max(initial=0.0)) if self.labels else float("nan")
        figures = np.concatenate([prediction.mean_probabilities, prediction.mean_dimensions])
        return float(figures[column - 4])

    def _sort_key(self, row: Row, column: int) -> Any:
        if column == 0:
            return row.name.casefold()
        if row.prediction is None:
            return "" if column == 2 or column >= self.person_column else -1.0
        if column == 1:
            return row.prediction.duration_s
        if column >= self.person_column:
            return self._text(row, column)
        if row.recognised is None:
            return "" if column == 2 else -1.0
        if column == 2:
            return row.prediction.label
        return self._figure(row.prediction, column)

    def add(self, paths: list[Path]) -> list[Row]:
        """Append the files that are not there yet; returns their rows."""
        listed = {row.path for row in self.rows}
        new = [Row(path) for path in paths if path not in listed]
        if new:
            self.beginInsertRows(QModelIndex(), len(self.rows), len(self.rows) + len(new) - 1)
            self.rows += new
            self.endInsertRows()
        return new

    def changed(self, row: Row) -> None:
        """The row, which is one of the table's, says something else now."""
        number = self.rows.index(row)
        self.dataChanged.emit(self.index(number, 0), self.index(number, self.columnCount() - 1))

    def clear(self) -> None:
        """Without any file; the labels stay."""
        self.beginResetModel()
        self.rows = []
        self.endResetModel()

    def show_people(self, shown: bool) -> None:
        """With or without the columns of who speaks."""
        if shown != self.by_person:
            self.beginResetModel()
            self.by_person = shown
            self.endResetModel()

    def mark_stale(self) -> None:
        """Another model, or once more: every file waits again, and shows until then what it came to."""
        for row in self.rows:
            row.stale, row.problem = row.prediction is not None, ""
            self.changed(row)

    def is_of(self, labels: tuple[str, ...], dimensions: tuple[str, ...]) -> bool:
        """Whether the columns are those of a model with these classes and dimensions."""
        return (self.labels, self.dimensions) == (labels, dimensions)

    def forget_predictions(self, labels: tuple[str, ...], dimensions: tuple[str, ...] = ()) -> None:
        """Another model: every file waits again, under its labels and dimensions."""
        self.beginResetModel()
        self.labels, self.dimensions = labels, dimensions
        for row in self.rows:
            row.prediction, row.problem, row.stale = None, "", False
        self.endResetModel()
