"""Ticked runs beside one another: settings that differ, last and best figures, and whether a difference may be chance."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QScrollArea,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.i18n import digits, tr, tr_error
from app.training.watched import WatchedRun
from app.training.words import figure_words, metric_words, state_words, title_of
from app.widgets.config_editors import value_words
from app.widgets.tables import for_reading
from models.errors import UserError
from models.training.config import changed
from models.training.items import Items
from models.training.significance import compare_items

TESTS_PX = 84
FIRST_PX = 210
UNCOMPARED = ("notes", "system")


@dataclass(frozen=True)
class Table:
    """`columns`: runs or groups. `rows`: (what, a cell a column); `figures_from`: the first row of figures."""

    columns: list[str]
    rows: list[tuple[str, list[str]]]
    figures_from: int


def tabulate(runs: list[WatchedRun], grouped: bool = False) -> Table:
    """Settings that differ among the runs, then their figures; with `grouped`, a column a group: mean ± sd."""
    columns = _columns(runs, grouped)
    rows: list[tuple[str, list[str]]] = []
    for name in differing(runs):
        cells = []
        for some in columns.values():
            values = list(dict.fromkeys(_words(_at(run.config, name)) for run in some))
            cells.append(", ".join(values[:4]) + (" …" if len(values) > 4 else ""))
        rows.append((name, cells))
    figures_from = len(rows)
    rows.append(
        (tr("state"), [", ".join(dict.fromkeys(map(state_words, some))) for some in columns.values()])
    )
    metrics = list(dict.fromkeys(run.metric for run in runs if run.metric))
    for metric in metrics:
        best = [[run.best_value for run in some if run.metric == metric] for some in columns.values()]
        rows.append((tr("best {figure}", figure=metric_words(metric)), [_spread(values) for values in best]))
    named = list(dict.fromkeys(name for run in runs for name in run.epochs if "/" in name))
    named.sort(key=lambda name: name.startswith("train/"))
    for name in named:
        last = [[float(run.epochs[name].y[-1]) for run in some if name in run.epochs] for some in columns.values()]  # fmt: skip
        split = tr("training") if name.startswith("train/") else tr("validation")
        rows.append((f"{tr('last')} {metric_words(name)}, {split}", [_spread(values) for values in last]))
    epochs = [[float(run.story.last_epoch.epoch) for run in some if run.story.last_epoch] for some in columns.values()]  # fmt: skip
    rows.append((tr("epochs"), [f"{np.mean(values):.0f}" if values else "" for values in epochs]))
    return Table(list(columns), rows, figures_from)


def differing(runs: list[WatchedRun]) -> list[str]:
    """Dotted names of the settings in which the runs are not all alike."""
    names: dict[str, None] = {}
    for run in runs[1:]:
        names.update(dict.fromkeys(changed(run.config, runs[0].config)))
    return [name for name in names if name not in UNCOMPARED]


def significance_words(runs: list[WatchedRun]) -> list[str]:
    """What the others' paired tests against the first run say; empty where it keeps no items."""
    kept = [(run, Items.load(run.path)) for run in runs]
    (base, first), *others = kept
    if first is None:
        return []
    sentences = []
    for run, items in others:
        if items is None:
            continue
        try:
            test = compare_items(first, items)
        except UserError as error:
            sentences.append(f"{title_of(run)}: {' '.join(tr_error(error)[:2])}")
            continue
        difference = digits(test.difference, "+.3f")
        words = tr(
            "{name}: {difference}, permutation p = {p}",
            name=title_of(run), difference=difference, p=f"{test.permutation_p:.3f}",
        )  # fmt: skip
        if test.mcnemar_p is not None:
            words += tr(", McNemar p = {p}", p=f"{test.mcnemar_p:.3f}")
        sentences.append(words)
    if not sentences:
        return []
    groups = len(set(first.groups))
    head = tr(
        "Against {base}, paired over {groups} groups of the same {n} items:",
        base=title_of(base), groups=groups, n=len(first.names),
    )  # fmt: skip
    few = [tr("With fewer than six groups no difference can be significant.")] if groups < 6 else []
    return [head, *sentences, *few]


class Compare(QWidget):
    """The table of the ticked runs, and what the paired tests say."""

    def __init__(self) -> None:
        super().__init__()
        self._runs: list[WatchedRun] = []
        self._grouped = False
        self._table = Table([], [], 0)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.SMALL, 0, theme.SMALL, theme.TINY)
        layout.setSpacing(theme.TINY)
        row = QHBoxLayout()
        self.hint = QLabel(tr("Tick two or more runs to compare them."))
        self.hint.setProperty("role", "hint")
        self.export = QPushButton(tr("Export CSV…"))
        self.export.setProperty("kind", "link")
        self.export.setToolTip(tr("Save this table"))
        self.export.clicked.connect(self._ask_export)
        row.addWidget(self.hint, 1)
        row.addWidget(self.export)
        layout.addLayout(row)
        self.table = QTableWidget()
        for_reading(self.table, tr("Runs compared"), 24)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectItems)  # a run is a column
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.ContiguousSelection)
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        layout.addWidget(self.table, 1)
        self.tests = QLabel()
        self.tests.setWordWrap(True)
        self.tests.setProperty("role", "hint")
        self.tests.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.tests.setContentsMargins(4, 0, 0, 0)
        self.tests_area = QScrollArea()
        self.tests_area.setWidgetResizable(True)
        self.tests_area.setFrameShape(QScrollArea.Shape.NoFrame)
        self.tests_area.setWidget(self.tests)
        self.tests_area.setMaximumHeight(TESTS_PX)
        self.tests_area.setAccessibleName(tr("Paired tests"))
        layout.addWidget(self.tests_area)

    def show_runs(self, runs: list[WatchedRun], colors: dict[Path, str], grouped: bool) -> None:
        """The runs in their order; the first is what the others are tested against."""
        self._runs, self._grouped = runs, grouped
        enough = len(runs) > 1
        self.table.setVisible(enough)
        self.export.setVisible(enough)
        self._table = tabulate(runs, grouped) if enough else Table([], [], 0)
        self.hint.setText(
            tr("What differs, and what came of it")
            if enough
            else tr("Tick two or more runs to compare them.")
        )
        self._fill(colors)
        sentences = significance_words(runs) if enough and not grouped else []
        self.tests.setText("\n".join(sentences))
        self.tests_area.setVisible(bool(sentences))

    def _fill(self, colors: dict[Path, str]) -> None:
        table = self._table
        self.table.clear()
        self.table.setColumnCount(len(table.columns) + 1)
        self.table.setRowCount(len(table.rows))
        alike = _beginning(table.columns)
        self.table.setHorizontalHeaderLabels(["", *(name[alike:] for name in table.columns)])
        by_name = {title_of(run): colors.get(run.path, "") for run in self._runs}
        for column, name in enumerate(table.columns, 1):
            header = self.table.horizontalHeaderItem(column)
            if header is not None:
                header.setToolTip(name)
                if by_name.get(name):
                    header.setIcon(_square(by_name[name]))
        for line, (what, cells) in enumerate(table.rows):
            for column, words in enumerate([what, *cells]):
                item = QTableWidgetItem(words)
                item.setToolTip(words)
                if column == 0:
                    item.setForeground(theme.color("muted"))
                elif line >= table.figures_from and len(set(cells)) > 1 and what.startswith(tr("best {figure}", figure="")):  # fmt: skip
                    item.setFont(theme.font(theme.TEXT_PX, bold=True))
                self.table.setItem(line, column, item)
        self.table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Interactive)
        self.table.setColumnWidth(0, FIRST_PX)

    def _ask_export(self) -> None:
        name, _ = QFileDialog.getSaveFileName(self, tr("Export"), tr("Comparison") + ".csv", "CSV (*.csv)")
        if name:
            self.save_csv(Path(name))

    def save_csv(self, path: Path) -> None:
        """The table as it is shown; its minus signs are hyphens there, as programs read them."""
        try:
            with open(path, "w", newline="", encoding="utf-8") as file:
                writer = csv.writer(file)
                writer.writerow(["", *self._table.columns])
                for what, cells in self._table.rows:
                    writer.writerow([what, *(cell.replace("−", "-") for cell in cells)])
        except OSError as error:
            self.hint.setText(
                tr(
                    "{name} could not be written: {reason}.",
                    name=path.name,
                    reason=error.strerror or str(error),
                )
            )


def _beginning(names: list[str]) -> int:
    """How long the beginning is that all names share, up to a dash or a space: it tells nothing in a row of heads."""
    shared = os.path.commonprefix(names) if len(names) > 1 else ""  # noqa: RUF071 of names, not of paths
    return max(shared.rfind("-"), shared.rfind(" ")) + 1


def _columns(runs: list[WatchedRun], grouped: bool) -> dict[str, list[WatchedRun]]:
    columns: dict[str, list[WatchedRun]] = {}
    for run in runs:
        columns.setdefault((run.group if grouped else "") or title_of(run), []).append(run)
    return columns


def _at(config: dict[str, Any], name: str) -> Any:
    value: Any = config
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _words(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else value_words(value)


def _spread(values: Sequence[float | None]) -> str:
    """``0.812`` or ``0.812 ± 0.013 (n = 5)``."""
    there = [value for value in values if value is not None and np.isfinite(value)]
    if not there:
        return ""
    if len(there) == 1:
        return figure_words(there[0])
    return f"{figure_words(float(np.mean(there)))} ± {figure_words(float(np.std(there, ddof=1)))} (n = {len(there)})"


def _square(color: str) -> Any:
    from PySide6.QtGui import QIcon, QPixmap

    picture = QPixmap(10, 10)
    picture.fill(theme.color(color))
    return QIcon(picture)
