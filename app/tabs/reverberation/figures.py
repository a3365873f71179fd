"""The figures above the views: how many sequences, their error, what comes out, how open the gates are."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLayout, QWidget

from app import theme
from app.i18n import digits, tr
from app.tabs.reverberation.session import MeshSession
from app.widgets.figure_card import FigureCard


class Figures(QWidget):
    """Four cards: `count`, `error`, `output`, `gate`; all of them are of the same sequences."""

    def __init__(self, session: MeshSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.SMALL)
        row.setSizeConstraint(QLayout.SizeConstraint.SetNoConstraint)
        self.count, self.error = FigureCard(tr("Sequences")), FigureCard(tr("RMS error"))
        self.output, self.gate = FigureCard(tr("Output")), FigureCard(tr("Mean gate"))
        self._cards = (self.count, self.error, self.output, self.gate)
        for card in self._cards:
            row.addWidget(card, 1)
        for signal in (session.shown, session.selected, session.silenced_changed):
            signal.connect(self._show)
        self._show()

    def minimumSizeHint(self) -> QSize:
        """Of three cards: the last one gives way where there is little room."""
        least = 3 * self.count.minimumWidth() + 2 * theme.SMALL
        return QSize(least, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.gate.setVisible(event.size().width() >= 4 * self.count.minimumWidth() + 3 * theme.SMALL)

    def _show(self) -> None:
        shown = self._session.snapshot
        if shown is None:
            for card in self._cards:
                card.set("–")
            return
        of = shown.summary
        gating = {"routing": tr("routing"), "observed": tr("observed only")}.get(shown.gating, "")
        self.gate.set(f"{of.mean_gate:.3f}", gating)
        if of.count is None or of.output is None:  # an epoch of a training run, over its validation data
            self.count.set("–", shown.words)
            self.output.set("–", tr("of the validation data"))
            self.error.set("–" if of.rms is None else f"{of.rms:.4g}")
            return
        self.count.set(f"{of.count:,}", self._known())
        spread = tr("± {sd}", sd=f"{of.output_spread:.3g}") if of.output_spread is not None else ""
        self.output.set(digits(of.output, ".4g"), spread)
        before = self._session.rms_of_whole
        hint = ""
        if before is not None:
            hint = tr("{before} with everything", before=f"{before:.4g}")
        self.error.set("–" if of.rms is None else f"{of.rms:.4g}", hint)

    def _known(self) -> str:
        sequences = self._session.sequences
        assert sequences is not None
        if self._session.glance is not None:
            return tr("of {all}, the others follow", all=f"{len(sequences):,}")
        return tr("with targets") if sequences.y is not None else tr("without targets")
