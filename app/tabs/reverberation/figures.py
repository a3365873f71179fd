"""The figures above the views: how many sequences, their error, what comes out, how open the gates are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app import theme
from app.i18n import digits, tr
from app.widgets.figure_card import FigureCard

if TYPE_CHECKING:
    from app.tabs.reverberation.session import Session
    from app.tabs.reverberation.shown import Shown
    from models.reverberation.observer import Observation


class Figures(QWidget):
    """Four cards: `count`, `error`, `output`, `gate`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.SMALL)
        self.count, self.error = FigureCard(tr("Sequences")), FigureCard(tr("RMS error"))
        self.output, self.gate = FigureCard(tr("Output")), FigureCard(tr("Mean gate"))
        for card in self._cards:
            row.addWidget(card, 1)

    @property
    def _cards(self) -> tuple[FigureCard, ...]:
        return (self.count, self.error, self.output, self.gate)

    def show_nothing(self) -> None:
        for card in self._cards:
            card.set("–")

    def show_epoch(self, shown: Shown, gating: str) -> None:
        """Of a training run, over its validation data."""
        self.count.set("–", shown.words)
        self.error.set(f"{shown.error:.4g}", tr("root mean square"))
        self.output.set("–", tr("of the validation data"))
        self.gate.set(f"{shown.gates.mean():.3f}", gating)

    def show_sequences(self, shown: Shown, session: Session, chosen: list[int], gating: str) -> None:
        """Of the chosen sequences, or of all where none is chosen."""
        if session.observation is None:
            assert session.glance is not None
            part = session.glance
        else:
            part = _part(session.observation, chosen)
        known = tr("with targets") if shown.error is not None else tr("without targets")
        self.count.set(f"{len(part.output):,}", known)
        error, hint = shown.error, tr("root mean square")
        if session.glance is not None:
            error = rms(session.glance)
            hint = tr("of {n} sequences so far", n=len(session.glance.output))
        elif session.silenced and session.whole is not None:
            before = rms(_part(session.whole, chosen))
            if before is not None:
                hint = tr("{before} with everything", before=f"{before:.4g}")
        self.error.set("–" if error is None else f"{error:.4g}", hint)
        spread = tr("± {sd}", sd=f"{part.output.std():.3g}") if len(part.output) > 1 else ""
        self.output.set(digits(part.output.mean(), ".4g"), spread)
        self.gate.set(f"{shown.gates.mean():.3f}", gating)


def rms(found: Observation) -> float | None:
    """Root mean square error; None without targets."""
    return None if found.errors is None else float(np.sqrt(found.errors.mean()))


def _part(found: Observation, chosen: list[int]) -> Observation:
    return found.part(chosen) if chosen else found
