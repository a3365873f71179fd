"""One sequence through the mesh, step by step: a slider over its steps, play, and what would be predicted at each.

Gates are means over all steps that were heard; so at a step stands what the mesh makes of the sequence up to it.
"""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QWidget

from app import theme
from app.i18n import digits, tr
from app.tabs.reverberation.session import MeshSession
from app.tabs.reverberation.work import Growth
from app.widgets.step_player import StepPlayer
from models.progress import Cancelled

STEP_MS = 120


class InMotion(QWidget):
    """Seen where one sequence is selected. moved(): `shown` is another step's, or none's any more."""

    moved = Signal()

    def __init__(self, session: MeshSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._growth: Growth | None = None
        self.player = StepPlayer(
            tr("Play the gates through the steps of this sequence"),
            tr("Step"),
            tr("Up to which step the sequence is heard"),
            STEP_MS,
        )
        self.player.wanted.connect(lambda: session.services.start(self._begin(), self))
        self.player.moved.connect(self._tell)
        self.words = QLabel()
        self.words.setProperty("role", "hint")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.SMALL)
        row.addWidget(self.player, 1)
        row.addWidget(self.words)
        for signal in (session.shown, session.selected, session.silenced_changed):
            signal.connect(self.forget)
        self.forget()

    @property
    def shown(self) -> Growth | None:
        """What stands beside the slider; None where the whole sequence is shown."""
        return self._growth

    @property
    def at(self) -> int:
        """The place of the shown step in `shown`."""
        return self.player.at

    def forget(self) -> None:
        """The sequence, the model or what is silenced is another: nothing is known of its steps."""
        known = self._growth is not None
        self._growth = None
        self.player.clear()
        self.words.setText(tr("step by step"))
        self.words.setMinimumWidth(0)
        self.setVisible(self._number() is not None)
        if known:
            self.moved.emit()

    def stop(self) -> None:
        """Stay at the step that is shown."""
        self.player.stop()

    # Inside -----------------------------------------------------------------------------------------------

    def _number(self) -> int | None:
        """Of the sequence whose steps can be played."""
        session = self._session
        observed = session.played is None and session.observation is not None
        if not observed or len(session.selection) != 1 or session.sequences is None:
            return None
        number = session.selection[0]
        return number if number < len(session.sequences) and len(session.sequences.x[number]) > 1 else None

    def show_error(self, _error: BaseException) -> None:
        """For `services.start`: where it cannot be computed, the observation says why."""
        self.forget()

    async def _begin(self) -> None:
        number = self._number()
        try:
            growth = await self._session.growth(number) if number is not None else None
        except Cancelled:
            growth = None
        if growth is None or number != self._number():
            self.player.stop()
            return
        self._growth = growth
        metrics = self.words.fontMetrics()  # the slider is not to breathe with the figures
        widest = max(metrics.horizontalAdvance(self._words(growth, at)) for at in range(len(growth.steps)))
        self.words.setMinimumWidth(widest)
        self.player.set_steps(len(growth.steps), 0)
        self._tell()

    def _tell(self) -> None:
        if self._growth is not None:
            self.words.setText(self._words(self._growth, self.at))
            self.moved.emit()

    @staticmethod
    def _words(growth: Growth, at: int) -> str:
        words = [
            tr("step {n} of {all}", n=growth.steps[at], all=growth.steps[-1]),
            tr("prediction {value}", value=digits(growth.observation.output[at], ".3f")),
        ]
        if growth.observation.target is not None:
            words.append(tr("target {value}", value=digits(growth.observation.target[at], ".3f")))
        return " · ".join(words)
