"""A launch of several runs: which settings vary, and through which values. An ablation, or seeds."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.i18n import plural, tr
from models.training.config import override

MOST = 100
SEEDS = "1, 2, 3, 4, 5"


@dataclass(frozen=True)
class Variant:
    """One run of a launch: its changes as ``name=value``, and the end of its name."""

    suffix: str
    assignments: list[str] = field(default_factory=list)


@dataclass
class _Row:
    widget: QWidget
    setting: QComboBox
    values: QLineEdit


class Variants(QWidget):
    """`changed` fires after every edit. Without rows it is one run."""

    changed = Signal()

    def __init__(self, fields: dict[str, str], check: Callable[[dict[str, Any]], str]) -> None:
        """fields: dotted name → title. check: what is wrong with changed values, in words, or nothing."""
        super().__init__()
        self._fields, self._check = fields, check
        self._rows: list[_Row] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(theme.TINY)
        row = QHBoxLayout()
        label = QLabel(tr("Variants"))
        label.setFixedWidth(100)
        self.add = QPushButton(tr("Vary a setting"))
        self.add.setProperty("kind", "link")
        self.add.setToolTip(tr("Several runs, a value each, launched as one group"))
        self.add.clicked.connect(lambda _on=False: self.add_row())
        self.seeds = QPushButton(tr("Several seeds"))
        self.seeds.setProperty("kind", "link")
        self.seeds.setToolTip(tr("The same run with other seeds, for mean and spread"))
        self.seeds.clicked.connect(lambda _on=False: self.add_row("seed", SEEDS))
        self.mode = QComboBox()
        self.mode.setProperty("kind", "small")
        self.mode.setAccessibleName(tr("How the values are combined"))
        self.mode.setToolTip(tr("Each change by itself beside the plain run, or every combination"))
        self.mode.addItem(tr("each alone"), "alone")
        self.mode.addItem(tr("all combinations"), "all")
        self.mode.currentIndexChanged.connect(lambda _index: self.changed.emit())
        row.addWidget(label)
        row.addWidget(self.add)
        row.addWidget(self.seeds)
        row.addStretch(1)
        row.addWidget(self.mode)
        self._column.addLayout(row)
        self.problem = QLabel()
        self.problem.setProperty("role", "problem")
        self.problem.setWordWrap(True)
        self._column.addWidget(self.problem)
        self._tell()

    def add_row(self, name: str = "", values: str = "") -> None:
        """One more setting that varies."""
        widget = QWidget()
        line = QHBoxLayout(widget)
        line.setContentsMargins(100 + theme.SMALL, 0, 0, 0)
        setting = QComboBox()
        setting.setAccessibleName(tr("Setting that varies"))
        for key, title in self._fields.items():
            setting.addItem(f"{title} · {key}", key)
        setting.setCurrentIndex(max(0, setting.findData(name)))
        edit = QLineEdit(values)
        edit.setAccessibleName(tr("Its values"))
        edit.setToolTip(tr("Values with commas between"))
        edit.setPlaceholderText(tr("values, with commas between"))
        remove = QToolButton()
        remove.setText("✕")
        remove.setProperty("kind", "fold")
        remove.setToolTip(tr("Do not vary this setting"))
        remove.setAccessibleName(tr("Do not vary this setting"))
        line.addWidget(setting, 1)
        line.addWidget(edit, 1)
        line.addWidget(remove)
        row = _Row(widget, setting, edit)
        remove.clicked.connect(lambda _on=False: self._remove(row))
        setting.currentIndexChanged.connect(lambda _index: self._tell())
        edit.textEdited.connect(lambda _text: self._tell())
        self._rows.append(row)
        self._column.insertWidget(self._column.count() - 1, widget)
        edit.setFocus()
        self._tell()

    def _remove(self, row: _Row) -> None:
        self._rows.remove(row)
        row.widget.hide()
        row.widget.deleteLater()
        self._tell()

    def _tell(self) -> None:
        self.mode.setVisible(len(self._rows) > 1)
        self.changed.emit()

    def variants(self) -> list[Variant]:
        """The runs that are asked for; one without changes where nothing varies."""
        varied = []
        for row in self._rows:
            name = str(row.setting.currentData())
            values = [part.strip() for part in row.values.text().split(",") if part.strip()]
            if values:
                varied.append([(name, value) for value in dict.fromkeys(values)])
        if not varied:
            return [Variant("")]
        if len(varied) == 1 or self.mode.currentData() == "all":
            chosen = [list(item) for item in itertools.product(*varied)]
        else:
            chosen = [[], *([pair] for item in varied for pair in item)]
        return [
            Variant(
                "-".join(_slug(name, value) for name, value in pairs) or "plain",
                [f"{name}={value}" for name, value in pairs],
            )
            for pairs in chosen
        ]

    def check(self, values: dict[str, Any]) -> bool:
        """Whether every variant of `values` can be used; what is wrong is shown."""
        variants, words = self.variants(), ""
        if len(variants) > MOST:
            words = plural(
                "{n} run is too many for one launch.", "{n} runs are too many for one launch.", len(variants)
            )
        else:
            for variant in variants:
                problem = self._check(override(values, variant.assignments)) if variant.assignments else ""
                if problem:
                    words = f"{', '.join(variant.assignments)}: {problem}"
                    break
        if any(not row.values.text().strip() for row in self._rows):
            words = words or tr("Say which values to try.")
        self.problem.setText(words)
        self.problem.setVisible(bool(words))
        return not words


def _slug(name: str, value: str) -> str:
    """``seed2``, ``attention-false``: short, and fit for the name of a folder."""
    last = name.rpartition(".")[2]
    words = re.sub(r"[^\w.+-]+", "", value)
    return f"{last}{words}" if words.isdigit() else f"{last}-{words}"
