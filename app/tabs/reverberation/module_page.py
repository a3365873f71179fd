"""One module at the right: what it computes, its gate over the sequences, its KL, and its activity over time."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QLabel, QVBoxLayout, QWidget

from app.i18n import tr
from app.widgets.labels import Hint
from app.widgets.mesh import MODULES
from app.widgets.plot import Plot
from models.reverberation.wiring import PROCESSOR_NAMES, ROLE_NAMES, Wiring

BINS = 40


class ModulePage(QWidget):
    """`show_module` fills it. mute_asked(role): its box was ticked or unticked."""

    mute_asked = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        self.name = ""
        self.title = QLabel()
        self.title.setProperty("role", "section")
        self.body = Hint()
        self.facts = Hint()
        self.muted = QCheckBox(tr("Muted"))
        self.muted.setToolTip(tr("Hold the role's messages, feedback and output at zero"))
        self.muted.clicked.connect(lambda: self.mute_asked.emit(self.name))
        for widget in (self.title, self.body, self.facts, self.muted):
            column.addWidget(widget)
        self.spread = Plot(tr("gate over the sequences"), tr("gate"), "", tr("sequences"), "", readout=False)
        self.first = self.spread.line(tr("pass 1"), "accent", width=2.0)
        self.second = self.spread.line(tr("pass 2"), "text", width=1.0)
        self.activity = Plot(tr("activity over time"), tr("step"), "", tr("activity"), "", readout=False)
        self.active_first = self.activity.line(tr("pass 1"), "accent", width=2.0)
        self.active_second = self.activity.line(tr("pass 2"), "text", width=1.0)
        for plot in (self.spread, self.activity):
            caption = Hint(plot.name)
            column.addWidget(caption)
            plot.setMinimumHeight(120)
            plot.setMaximumHeight(170)
            column.addWidget(plot)
        column.addWidget(Hint(tr("blue: pass 1 · dark: pass 2")))
        column.addStretch(1)

    def show_module(self, name: str, wiring: Wiring, parameters: int, muted: bool) -> None:
        module = MODULES[name]
        self.name = name
        self.title.setText(f"{module.name.replace('_', ' ')} · {module.chinese}")
        self.body.setText(module.body)
        lines = [tr("{count} parameters", count=f"{parameters:,}")]
        if name in ROLE_NAMES:
            heard = [p.replace("_", " ") for p in PROCESSOR_NAMES if name in wiring.reads[p]]
            lines.append(tr("belongs to {processor}", processor=wiring.own[name].replace("_", " ")))
            lines.append(tr("is read by {processors}", processors=", ".join(heard) or "–"))
        elif name in PROCESSOR_NAMES:
            lines.append(tr("reads {roles}", roles=", ".join(wiring.reads[name])))
        self.facts.setText(" · ".join(lines))
        self.muted.setVisible(name in ROLE_NAMES)
        self.muted.setChecked(muted)
        self.show_figures(None, None)
        self.show_activity(None)

    def show_figures(self, gates: np.ndarray | None, kl: np.ndarray | None) -> None:
        """gates: [2, n] of the role, or None. kl: mean KL a pass, or of a processor."""
        self.spread.setVisible(gates is not None)
        if kl is not None and len(kl):
            words = " · ".join(f"{one:.3g}" for one in kl)
            self.facts.setText(f"{self.facts.text().split(' · KL')[0]} · KL {words}")
        if gates is None:
            return
        edges = np.linspace(0, 1, BINS + 1)
        middles = (edges[1:] + edges[:-1]) / 2
        for line, values in zip((self.first, self.second), gates, strict=True):
            line.set(middles, np.histogram(values, edges)[0].astype(float))
        self.spread.set_home(x=(0, 1))

    def show_activity(self, activity: np.ndarray | None) -> None:
        """[2, time], or None where no single sequence is chosen."""
        self.activity.setVisible(activity is not None)
        if activity is None:
            return
        steps = np.arange(1, activity.shape[1] + 1)
        for line, values in zip((self.active_first, self.active_second), activity, strict=True):
            line.set(steps, values)
        self.activity.reset()
