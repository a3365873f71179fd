"""Samples × roles, or epochs × roles, as a heat map; and KL of every module as bars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout

from app import theme
from app.i18n import digits, plural, tr
from app.tabs.paged import PagedTab
from app.tabs.reverberation.heat_map import EPOCHS, SEQUENCES, HeatMap
from app.tabs.reverberation.kl_bars import COLLAPSED, NAMES, KLBars
from app.tabs.reverberation.session import MeshSession
from app.tabs.reverberation.view_page import ViewPage
from app.widgets.labels import Hint
from models.reverberation.wiring import ROLE_NAMES

if TYPE_CHECKING:
    from models.reverberation.history import GateHistory
    from models.reverberation.observer import Observation

PASS_1, PASS_2, DIFFERENCE, KL = "1", "2", "difference", "kl"
LEAST_KL = 1e-4  # nats; what is less is drawn as so much


class HeatPage(ViewPage):
    """Which figure, the heat map, and in words what it holds. epoch_chosen(rows): while a run is played."""

    epoch_chosen = Signal(object)

    def __init__(self, tab: PagedTab, session: MeshSession) -> None:
        super().__init__(tab, session)
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
        self.facts = Hint()
        row = QHBoxLayout()
        row.setSpacing(theme.SMALL)
        row.addWidget(self.which)
        row.addWidget(self.facts, 1)
        self.view.addLayout(row)
        self.view.addWidget(self.heat, 1)
        self.heat.sorted_by.connect(self._sort)
        self.heat.chosen.connect(self._chosen)
        session.shown.connect(self._show_all)
        session.selected.connect(self._show_selected)
        session.observing_changed.connect(self._say_empty)
        self._gates = np.zeros((0, 2 * len(ROLE_NAMES)))
        self._kl = np.zeros((0, 2 * len(ROLE_NAMES) + 7))
        self._targets: np.ndarray | None = None
        self._epochs: np.ndarray | None = None

    def state(self) -> dict[str, Any]:
        return {"which": self.which.currentData()}

    def restore(self, state: dict[str, Any]) -> None:
        self.which.setCurrentIndex(max(0, self.which.findData(state.get("which"))))

    def _chosen(self, rows: list[int]) -> None:
        """Sequences, or an epoch."""
        if self.session.played is None:
            self.session.select(rows)
        else:
            self.epoch_chosen.emit(rows)

    def _say_empty(self) -> None:
        """The empty heat map says that it is about to be filled."""
        observing = tr("Observing sequences") + " …"
        self.heat.say_empty(observing if self.session.observing else tr("Nothing was observed yet."))

    def _show_all(self) -> None:
        if self.session.played is not None:
            self._show_history(self.session.played.history)
        else:
            self._show_observation(self.session.observation)
        self._show_selected()

    def _show_selected(self) -> None:
        played = self.session.played is not None
        self.heat.select([self.session.epoch] if played else self.session.selection)

    def _show_observation(self, observation: Observation | None) -> None:
        """A row a sequence."""
        self._epochs = None
        if observation is None:
            self._gates, self._kl, self._targets = self._gates[:0], self._kl[:0], None
        else:
            self._gates, self._kl, self._targets = observation.gates.T, observation.kl.T, observation.target
        self._show()

    def _show_history(self, history: GateHistory) -> None:
        """A row an epoch."""
        if self._epochs is None or len(self._epochs) != len(history) or self._gates is not history.gates:
            self._gates, self._kl, self._targets = history.gates, history.kl, None
            self._epochs = history.epochs
            self._show()

    def _show(self) -> None:
        kind = self.which.currentData()
        count = len(ROLE_NAMES)
        first, second = self._gates[:, :count], self._gates[:, count:]
        columns: tuple[str, ...] = ROLE_NAMES
        limits, ends = ((-1.0, 1.0), ("−1", "+1")) if kind == DIFFERENCE else ((0.0, 1.0), ("0", "1"))
        if kind == KL:
            # The second pass of roles, and the processors, as in the bars.
            values, columns = np.log10(np.maximum(self._kl[:, count:], LEAST_KL)), NAMES
            if values.size:
                limits = (float(values.min()), float(values.max()))
                low, high = (digits(10**end, ".2g") for end in limits)
                ends = (low, high)
        else:
            values = {PASS_1: first, PASS_2: second, DIFFERENCE: second - first}[kind]
        rows = SEQUENCES if self._epochs is None else EPOCHS
        self.heat.set_wiring(self.session.wiring)
        self.heat.set_values(
            values,
            columns,
            limits,
            ends,
            kind == DIFFERENCE,
            self._targets,
            rows,
            self._epochs,
            tr("KL (nats)") if kind == KL else tr("change of the gate") if kind == DIFFERENCE else tr("gate"),
        )
        self._say(len(values))

    def _say(self, count: int) -> None:
        if self._epochs is not None:
            self.facts.setText(tr("epochs downwards"))
        elif count:
            words = tr("click a heading to sort, Shift or drag to select several")
            self.facts.setText(" · ".join(filter(None, (words, self._target_words()))))
        else:
            self.facts.setText("")

    def _target_words(self) -> str:
        """What the greys of the strip at the left stand for."""
        if self._targets is None or not len(self._targets):
            return ""
        low, high = (digits(end, ".3g") for end in (self._targets.min(), self._targets.max()))
        sequences = self.session.sequences
        title = sequences.target_title if sequences is not None else ""
        return tr("{target}: light {low}, dark {high}", target=title or tr("target"), low=low, high=high)

    def _sort(self, column: str) -> None:
        self.heat.sort("" if column == self.heat.sort_column else column)


class KLPage(ViewPage):
    """KL of every module, and which collapsed."""

    def __init__(self, tab: PagedTab, session: MeshSession) -> None:
        super().__init__(tab, session)
        self.bars = KLBars()
        self.facts = Hint()
        self.view.addWidget(self.facts)
        self.view.addWidget(self.bars, 1)
        self.bars.chosen.connect(session.choose)
        session.module_changed.connect(lambda: self.bars.select(session.module))
        for signal in (session.shown, session.selected):
            signal.connect(self._show)
        self._show()

    def _show(self) -> None:
        shown = self.session.snapshot
        self.bars.set_kl(None if shown is None else shown.summary.kl, self.session.wiring)
        if shown is None:
            words = tr("How much each latent tells of its input; below the dashed line, next to nothing.")
            self.facts.setText(words)
            return
        flat = len(self.bars.collapsed())
        text = plural(
            "{n} of {all} latents has collapsed", "{n} of {all} latents have collapsed", flat, all=len(NAMES)
        )
        below = tr("below {limit} nats, hatched", limit=COLLAPSED)
        marks = tr("bar: pass 2 and processors, tick: pass 1")
        self.facts.setText(f"{shown.words} · {text} ({below}) · {marks}")
