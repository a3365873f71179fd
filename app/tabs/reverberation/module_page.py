"""One module at the right: what it computes, its gate over the sequences and over training, its KL, its activity."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QLabel, QVBoxLayout, QWidget

from app import theme
from app.i18n import digits, series, tr
from app.tabs.reverberation.module_names import MODULES, both_names, english_name
from app.tabs.reverberation.session import MeshSession
from app.widgets.labels import Caption, Hint
from app.widgets.plot import Plot
from app.widgets.scrolled import ScrolledColumn
from models.progress import Cancelled
from models.reverberation.wiring import PROCESSOR_NAMES, ROLE_NAMES

BINS = 40
COUNT = len(ROLE_NAMES)


class ModulePage(ScrolledColumn):
    """The module that is chosen. reached(): one was chosen, and there is something to show of it."""

    reached = Signal()

    def __init__(self, session: MeshSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        inside = QWidget()
        inside.setProperty("surface", "page")
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SMALL)
        self.setWidget(inside)
        self.title = QLabel()
        self.title.setProperty("role", "section")
        self.body, self.facts, self.kl = Hint(), Hint(), Hint()
        self.muted = QCheckBox(tr("Muted"))
        self.muted.setToolTip(tr("Hold the role's messages, feedback and output at zero"))
        self.muted.clicked.connect(lambda: session.toggle_mute(self.name))
        self.effect = Hint()
        for widget in (self.title, self.body, self.facts, self.kl, self.muted, self.effect):
            column.addWidget(widget)
        self.spread = _plot(tr("gate over the sequences"), tr("gate"), tr("sequences"))
        self.first = self.spread.line(tr("pass 1"), "accent", width=2.0)
        self.second = self.spread.line(tr("pass 2"), "text", width=1.0)
        self.training = _plot(tr("gate over training"), tr("epoch"), tr("gate"))
        self.trained_first = self.training.line(tr("pass 1"), "accent", width=2.0)
        self.trained_second = self.training.line(tr("pass 2"), "text", width=1.0)
        self.kl_training = _plot(tr("KL over training"), tr("epoch"), tr("nats a sequence"))
        self.trained_kl = self.kl_training.line("", "accent", width=2.0)
        self.activity = _plot(tr("activity over time"), tr("step"), tr("activity"))
        self.active_first = self.activity.line(tr("pass 1"), "accent", width=2.0)
        self.active_second = self.activity.line(tr("pass 2"), "text", width=1.0)
        self._captions: dict[Plot, Caption] = {}
        for plot in (self.spread, self.training, self.kl_training, self.activity):
            self._captions[plot] = Caption(plot.name)
            column.addWidget(self._captions[plot])
            column.addWidget(plot)
            self._reveal(plot, False)
        self.legend = Hint(tr("blue: pass 1 · dark: pass 2"))
        column.addWidget(self.legend)
        column.addStretch(1)
        session.module_changed.connect(self._choose)
        for signal in (session.shown, session.selected, session.silenced_changed, session.ranked):
            signal.connect(self._show)
        session.selected.connect(lambda: session.services.start(self._look(), self))

    def show_error(self, error: BaseException) -> None:
        """For `services.start`: where the activity cannot be computed, the observation says why."""
        self._show_activity(None)

    @property
    def name(self) -> str:
        return self._session.module

    def _choose(self) -> None:
        self._show()
        self.reached.emit()
        self._session.services.start(self._look(), self)

    def _show(self) -> None:
        if not self.name:
            return
        self._show_module()
        self._show_figures()
        self._show_training()

    async def _look(self) -> None:
        """The activity over time of the one sequence that is selected."""
        name = self.name
        try:
            result = await self._session.activity(name)
        except Cancelled:
            return
        if self.name == name:
            self._show_activity(result)

    def _show_module(self) -> None:
        name, session = self.name, self._session
        wiring, parameters = session.wiring, session.parameters.get(self.name, 0)
        self.title.setText(both_names(name))
        self.body.setText(MODULES[name].body)
        lines = [tr("{count} parameters", count=f"{parameters:,}")] if parameters else []
        if name in ROLE_NAMES:
            readers = [english_name(p) for p in PROCESSOR_NAMES if name in wiring.reads[p]]
            lines.append(tr("belongs to {processor}", processor=english_name(wiring.own[name])))
            lines.append(tr("is read by {processors}", processors=series(readers) or "–"))
        elif name in PROCESSOR_NAMES:
            lines.append(tr("reads {roles}", roles=series(wiring.reads[name])))
        self.facts.setText(" · ".join(lines))
        self.muted.setVisible(name in ROLE_NAMES)
        self.muted.setChecked(name in session.muted)
        self.effect.setText(self._effect_words())
        self.effect.setVisible(bool(self.effect.text()))
        self.legend.setVisible(name in ROLE_NAMES)

    def _effect_words(self) -> str:
        result = self._session.effect(self.name)
        if result is None or np.isnan(result[0].added_error):
            return ""
        added = digits(result[0].added_error, "+.3g")
        return tr("Muting it adds {error} to the squared error: rank {n} of 19", error=added, n=result[1])

    def _show_figures(self) -> None:
        """Its KL, and how its gate is spread over the sequences; not while a run is played."""
        session, shown = self._session, self._session.snapshot
        result = None if session.played is not None else session.observation
        gates = None if result is None else result.gates
        role, processor = self.name in ROLE_NAMES, self.name in PROCESSOR_NAMES
        self._reveal(self.spread, role and gates is not None)
        self.kl.setVisible(shown is not None and (role or processor))
        if shown is None or not (role or processor):
            return
        if role:
            place = ROLE_NAMES.index(self.name)
            values = [shown.summary.kl[place], shown.summary.kl[place + COUNT]]
        else:
            values = [shown.summary.kl[2 * COUNT + PROCESSOR_NAMES.index(self.name)]]
        words = " · ".join(digits(value) for value in values)
        self.kl.setText(tr("KL {values} nats a feature and step", values=words))
        if not role or gates is None:
            return
        edges = np.linspace(0, 1, BINS + 1)
        middles = (edges[1:] + edges[:-1]) / 2
        for line, which in ((self.first, place), (self.second, place + COUNT)):
            line.set(middles, np.histogram(gates[which], edges)[0].astype(float))
        self.spread.set_home(x=(0, 1))

    def _show_training(self) -> None:
        """How the module went through the training of the model, where that is known."""
        run = self._session.history
        history = None if run is None else run.history
        role = self.name in ROLE_NAMES
        known = history is not None and len(history) > 1 and (role or self.name in PROCESSOR_NAMES)
        self._reveal(self.training, known and role)
        self._reveal(self.kl_training, known)
        if not known or history is None:
            return
        if role:
            place = ROLE_NAMES.index(self.name)
            self.trained_first.set(history.epochs, history.gates[:, place])
            self.trained_second.set(history.epochs, history.gates[:, place + COUNT])
            self.training.reset()
            column = place + COUNT
        else:
            column = 2 * COUNT + PROCESSOR_NAMES.index(self.name)
        self.trained_kl.set(history.epochs, history.kl[:, column])
        self.kl_training.reset()

    def _show_activity(self, activity: np.ndarray | None) -> None:
        """[2, time], or None where no single sequence is chosen."""
        self._reveal(self.activity, activity is not None)
        if activity is None:
            return
        steps = np.arange(1, activity.shape[1] + 1)
        for line, values in zip((self.active_first, self.active_second), activity, strict=True):
            line.set(steps, values)
        self.activity.reset()

    def _reveal(self, plot: Plot, shown: bool) -> None:
        plot.setVisible(shown)
        self._captions[plot].setVisible(shown)


def _plot(name: str, x_title: str, y_title: str) -> Plot:
    plot = Plot(name, x_title, "", y_title, "", readout=False)
    plot.setMinimumHeight(110)
    plot.setMaximumHeight(150)
    return plot
