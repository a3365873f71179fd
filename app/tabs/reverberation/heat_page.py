"""Samples × roles, or epochs × roles, as a heat map; and KL of every module as bars."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from app import theme
from app.i18n import plural, tr
from app.widgets.heat_map import EPOCHS, SEQUENCES, HeatMap
from app.widgets.kl_bars import COLLAPSED, NAMES, KLBars
from app.widgets.labels import Hint
from models.reverberation.wiring import ROLE_NAMES

if TYPE_CHECKING:
    from app.tabs.reverberation.shown import Shown
    from models.reverberation.history import GateHistory
    from models.reverberation.observer import Observation

PASS_1, PASS_2, DIFFERENCE, KL = "1", "2", "difference", "kl"


class HeatPage(QWidget):
    """Which figure, the heat map, and in words what it holds."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.heat = HeatMap()
        self.which = QComboBox()
        for words, value in (
            (tr("pass 1"), PASS_1),
            (tr("pass 2"), PASS_2),
            (tr("difference"), DIFFERENCE),
            (tr("KL, logarithmic"), KL),
        ):
            self.which.addItem(words, value)
        self.which.setAccessibleName(tr("What the heat map shows"))
        self.which.setToolTip(tr("Gates of pass 1, of pass 2, their difference, or KL of every module"))
        self.which.currentIndexChanged.connect(lambda _index: self._show())
        self.words = Hint()
        row = QHBoxLayout()
        row.setSpacing(theme.SMALL)
        row.addWidget(self.which)
        row.addWidget(self.words, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SMALL)
        column.addLayout(row)
        column.addWidget(self.heat, 1)
        self.heat.sorted_by.connect(self._sort)
        self._gates = np.zeros((0, 2 * len(ROLE_NAMES)))
        self._kl = np.zeros((0, 2 * len(ROLE_NAMES) + 7))
        self._targets: np.ndarray | None = None
        self._epochs: np.ndarray | None = None

    def show_observation(self, found: Observation | None) -> None:
        """A row a sequence."""
        self._epochs = None
        if found is None:
            self._gates, self._kl, self._targets = self._gates[:0], self._kl[:0], None
        else:
            self._gates, self._kl, self._targets = found.gates.T, found.kl.T, found.target
        self._show()

    def show_history(self, history: GateHistory, at: int) -> None:
        """A row an epoch, the shown one marked."""
        if self._epochs is None or len(self._epochs) != len(history) or self._gates is not history.gates:
            self._gates, self._kl, self._targets = history.gates, history.kl, None
            self._epochs = history.epochs
            self._show()
        self.heat.select([at])

    def _show(self) -> None:
        kind = self.which.currentData()
        count = len(ROLE_NAMES)
        first, second = self._gates[:, :count], self._gates[:, count:]
        columns: tuple[str, ...] = ROLE_NAMES
        limits = (-1.0, 1.0) if kind == DIFFERENCE else (0.0, 1.0)
        if kind == KL:
            # The second pass of roles, and the processors, as in the bars.
            values, columns = np.log10(np.maximum(self._kl[:, count:], 1e-4)), NAMES
            limits = (float(values.min()), float(values.max())) if values.size else limits
        else:
            values = {PASS_1: first, PASS_2: second, DIFFERENCE: second - first}[kind]
        rows = SEQUENCES if self._epochs is None else EPOCHS
        self.heat.set_values(values, columns, limits, kind == DIFFERENCE, self._targets, rows, self._epochs)
        self._say(len(values))

    def _say(self, count: int) -> None:
        scale = {
            DIFFERENCE: tr("blue: less in pass 2 · orange: more"),
            KL: tr("dark: little · yellow: much"),
        }.get(self.which.currentData(), tr("dark: closed · yellow: open"))
        if self._epochs is not None:
            self.words.setText(f"{tr('epochs downwards')} · {scale}")
        elif count:
            self.words.setText(f"{tr('click a heading to sort, Shift or drag to select several')} · {scale}")
        else:
            self.words.setText("")

    def _sort(self, column: str) -> None:
        self.heat.sort("" if column == self.heat.sort_column else column)


class KLPage(QWidget):
    """KL of every module, and which collapsed."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.bars = KLBars()
        self.words = Hint()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SMALL)
        column.addWidget(self.words)
        column.addWidget(self.bars, 1)

    def show_shown(self, shown: Shown | None) -> None:
        if shown is None:
            self.bars.set_kl(None, self.bars._wiring)
            self.words.setText(
                tr("How much each latent tells of its input; below the dashed line, next to nothing.")
            )
            return
        self.bars.set_kl(shown.kl, shown.wiring)
        flat = self.bars.collapsed()
        said = plural(
            "{n} of {all} latents has collapsed",
            "{n} of {all} latents have collapsed",
            len(flat),
            all=len(NAMES),
        )
        self.words.setText(
            f"{shown.words} · {said} ({tr('below {limit} nats, hatched', limit=COLLAPSED)})"
            f" · {tr('bar: pass 2 and processors, tick: pass 1')}"
        )
