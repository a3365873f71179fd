"""The list of runs: a tick to compare, name, state, a spark line, the best figure. Virtual: rows are painted."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QPointF,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from app import theme
from app.i18n import tr
from app.training.runs import Runs
from app.training.watched import WatchedRun
from app.training.words import figure_words, metric_words, progress_words, state_names, state_words, title_of
from app.widgets.decimate import minmax
from app.widgets.plain import tip
from models.training.run_folder import RunState

ROW = 28
TICK = 20
SPARK = 32
BAD = (RunState.FAILED, RunState.DIED, RunState.DAMAGED)
Index = QModelIndex | QPersistentModelIndex


class RunModel(QAbstractListModel):
    """The runs of one system (all systems if it is empty), newest first. Ticked runs have a colour."""

    ticked = Signal()

    def __init__(self, runs: Runs) -> None:
        super().__init__(runs)
        self._runs = runs
        self._system = ""
        self._rows: list[WatchedRun] = []
        self.colors: dict[Path, str] = {}
        runs.changed.connect(self.reload)
        runs.updated.connect(self._updated)

    def show_system(self, system: str) -> None:
        """List the runs of one system; of all where the name is empty."""
        self._system = system
        self.reload()

    def reload(self) -> None:
        """List anew what runs there are; ticks stay with their runs."""
        rows = self._runs.of(self._system) if self._system else list(self._runs.runs)
        if [run.path for run in rows] == [run.path for run in self._rows]:
            return
        self.beginResetModel()
        self._rows = rows
        self.endResetModel()
        paths = {run.path for run in self._runs.runs}
        self.colors = {path: color for path, color in self.colors.items() if path in paths}

    def run(self, index: Index) -> WatchedRun | None:
        """The run of a row; None where the index is of none."""
        return self._rows[index.row()] if index.isValid() and index.row() < len(self._rows) else None

    def row_of(self, path: Path) -> int:
        """The row of the run in that folder; -1 where it is not listed."""
        return next((row for row, run in enumerate(self._rows) if run.path == path), -1)

    def ticked_runs(self) -> list[WatchedRun]:
        """The listed runs whose curves are drawn."""
        return [run for run in self._rows if run.path in self.colors]

    def tick(self, path: Path, on: bool) -> None:
        """Compare the run, or no longer. Its colour is the first that is free."""
        if on == (path in self.colors):
            return
        if on:
            free = [color for color in theme.CATEGORIES if color not in self.colors.values()]
            self.colors[path] = (free or list(theme.CATEGORIES))[0]
        else:
            del self.colors[path]
        self._updated(path)
        self.ticked.emit()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._rows)

    def flags(self, index: Index) -> Qt.ItemFlag:
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsUserCheckable

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        run = self.run(index)
        if run is None:
            return None
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            figure = figure_words(run.best_value)
            return " · ".join(part for part in (title_of(run), state_words(run), figure) if part)
        if role == Qt.ItemDataRole.CheckStateRole:
            return Qt.CheckState.Checked if run.path in self.colors else Qt.CheckState.Unchecked
        if role == Qt.ItemDataRole.ToolTipRole:
            best = figure_words(run.best_value)
            figure = f"{metric_words(run.metric)} {best}" if best else ""
            lines = [title_of(run), f"{state_words(run)} · {progress_words(run)}".strip(" ·"), figure]
            return tip(
                "\n".join(line for line in [*lines, str(run.config.get("notes", "")), run.damage] if line)
            )
        return None

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        run = self.run(index)
        if run is None or role != Qt.ItemDataRole.CheckStateRole:
            return False
        self.tick(run.path, Qt.CheckState(value) == Qt.CheckState.Checked)
        return True

    def _updated(self, path: Path) -> None:
        row = self.row_of(path)
        if row >= 0:
            self.dataChanged.emit(self.index(row), self.index(row))
        elif self._system and (run := self._runs.find(path)) is not None and run.system == self._system:
            self.reload()


def _state_width() -> int:
    """What the longest word for a state takes, with the sign of a bad end and a gap."""
    metrics = QFontMetrics(theme.font(theme.HINT_PX))
    names = state_names()
    words = [("✕ " if state in BAD else "") + name for state, name in names.items()]
    return max(metrics.horizontalAdvance(word) for word in words) + 8


class RunDelegate(QStyledItemDelegate):
    """Paints a row; a click on the tick toggles it."""

    @cached_property
    def _state_width(self) -> int:
        """Measured once: rows are painted while one scrolls."""
        return _state_width()

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(200, ROW)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        model = index.model()
        assert isinstance(model, RunModel)
        run = model.run(index)
        if run is None:
            return
        now = theme.current()
        box = QRectF(option.rect)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if option.state & QStyle.StateFlag.State_Selected:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color(now.tint))
            painter.drawRoundedRect(box.adjusted(0, 1, 0, -1), 4, 4)
        _paint_tick(painter, box, model.colors.get(run.path))
        figure = figure_words(run.best_value)
        metrics = QFontMetrics(theme.font(theme.TEXT_PX))
        right = metrics.horizontalAdvance("00.000") + 2
        left, state_width = box.left() + TICK + 4, self._state_width
        name = QRectF(left, box.top(), box.right() - left - right - SPARK - state_width - 6, box.height())
        painter.setFont(theme.font(theme.TEXT_PX))
        painter.setPen(theme.color("text"))
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(
            name, middle, metrics.elidedText(title_of(run), Qt.TextElideMode.ElideMiddle, int(name.width()))
        )
        place = QRectF(box.right() - right - 4, box.top(), right, box.height())
        painter.drawText(place, middle | Qt.AlignmentFlag.AlignRight, figure)
        _paint_spark(painter, run, QRectF(place.left() - SPARK, box.top() + 6, SPARK - 6, box.height() - 12))
        bad = bool(run.damage) or run.state in BAD
        painter.setFont(theme.font(theme.HINT_PX))
        painter.setPen(theme.color("error" if bad else "muted"))
        place = QRectF(name.right() + 4, box.top(), state_width - 4, box.height())
        painter.drawText(place, middle, ("✕ " if bad else "") + state_words(run))
        painter.restore()

    def editorEvent(self, event: QEvent, model: Any, option: QStyleOptionViewItem, index: Index) -> bool:
        if event.type() == QEvent.Type.MouseButtonRelease and isinstance(event, QMouseEvent):
            box = option.rect
            if event.position().x() < box.left() + TICK and isinstance(model, RunModel):
                run = model.run(index)
                if run is not None:
                    model.tick(run.path, run.path not in model.colors)
                    return True
        return False


class RunList(QListView):
    """The list. `chosen` gives the selected run's path or None; Space ticks, Return opens, Delete asks to delete."""

    chosen = Signal(object)
    opened = Signal(object)  # the path of the run, by a double click or Return
    delete_wanted = Signal()

    def __init__(self, model: RunModel, beside: RunList | None = None) -> None:
        """beside: another list of the same model, with which this one has its choice in common."""
        super().__init__()
        self._model = model
        self.setModel(model)
        if beside is not None:
            own = self.selectionModel()
            self.setSelectionModel(beside.selectionModel())
            own.deleteLater()
        self.setItemDelegate(RunDelegate(self))
        self.setUniformItemSizes(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName(tr("Training runs"))
        self.setMouseTracking(True)
        self._wanted: Path | None = None
        model.modelAboutToBeReset.connect(self._keep_choice)
        model.modelReset.connect(self._restore_choice)
        self.selectionModel().currentChanged.connect(self._tell)

    @property
    def current(self) -> WatchedRun | None:
        return self._model.run(self.currentIndex())

    def choose(self, path: Path) -> None:
        """Select the run in that folder, where it is listed."""
        row = self._model.row_of(path)
        if row >= 0:
            self.setCurrentIndex(self._model.index(row))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        run = self.current
        if event.key() == Qt.Key.Key_Space and run is not None:
            self._model.tick(run.path, run.path not in self._model.colors)
        elif event.key() == Qt.Key.Key_Delete and run is not None:
            self.delete_wanted.emit()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and run is not None:
            self.opened.emit(run.path)
        else:
            super().keyPressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        super().mouseDoubleClickEvent(event)
        run = self._model.run(self.indexAt(event.position().toPoint()))
        if run is not None and event.position().x() >= TICK:
            self.opened.emit(run.path)

    def _keep_choice(self) -> None:
        self._wanted = self.current.path if self.current is not None else None

    def _restore_choice(self) -> None:
        row = self._model.row_of(self._wanted) if self._wanted is not None else -1
        if self._model.rowCount():
            self.setCurrentIndex(self._model.index(max(0, row)))
        self._tell()

    def _tell(self, *_indices: object) -> None:
        run = self.current
        self.chosen.emit(run.path if run is not None else None)


def _paint_tick(painter: QPainter, box: QRectF, color: str | None) -> None:
    square = QRectF(box.left() + 5, box.center().y() - 6, 12, 12)
    painter.setPen(QPen(theme.color(color or theme.current().edge), 1))
    painter.setBrush(theme.color(color) if color else Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(square, 3, 3)
    if color:
        painter.setPen(QPen(Qt.GlobalColor.white, 1.6))
        left, top = square.left(), square.top()
        painter.drawPolyline(
            QPolygonF(
                [QPointF(left + 3, top + 6.2), QPointF(left + 5.2, top + 8.6), QPointF(left + 9.2, top + 3.8)]
            )
        )


def _paint_spark(painter: QPainter, run: WatchedRun, box: QRectF) -> None:
    series = run.epochs.get(run.metric)
    if series is None or len(series.y) < 2:
        return
    x, y = minmax(np.arange(len(series.y)), np.nan_to_num(series.y, posinf=0.0, neginf=0.0), 80)
    low, high = float(y.min()), float(y.max())
    span = (high - low) or 1.0
    points = [
        QPointF(
            box.left() + box.width() * float(a) / (len(series.y) - 1),
            box.bottom() - box.height() * (float(b) - low) / span,
        )
        for a, b in zip(x, y, strict=True)
    ]
    painter.setPen(QPen(theme.color("muted"), 1))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPolyline(QPolygonF(points))
