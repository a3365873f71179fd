"""A run's gates through training: which run, a slider over its epochs, and play."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QVBoxLayout, QWidget

from app import theme
from app.i18n import tr
from app.tabs.reverberation.session import MeshSession
from app.tabs.reverberation.snapshots import SHIPPED, RunHistory, has_shipped_run, run_history
from app.widgets.combo import ElidedCombo
from app.widgets.labels import Hint
from app.widgets.step_player import StepPlayer

STEP_MS = 350


class Playback(QWidget):
    """Plays a run in the session, instead of the sequences."""

    def __init__(self, session: MeshSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session, self._services = session, session.services
        self.run: RunHistory | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.TINY)
        self.box = ElidedCombo(
            tr("Run whose training is played"),
            tr("The views show this run's gates, epoch by epoch, instead of the sequences"),
        )
        self.box.activated.connect(lambda _index: self.choose(str(self.box.currentData())))
        column.addWidget(self.box)
        self.player = StepPlayer(
            tr("Play the gates through training"), tr("Epoch"), tr("The epoch that is shown"), STEP_MS
        )
        self.player.moved.connect(self._tell)
        column.addWidget(self.player)
        self.words = Hint()
        column.addWidget(self.words)
        self.refresh()
        self._services.training.changed.connect(self.refresh)
        self._services.training.updated.connect(self._updated)
        session.play_ended.connect(self._ended)
        self._show_controls()

    @property
    def active(self) -> bool:
        """Whether a run is played."""
        return self.run is not None

    @property
    def choice(self) -> str:
        """``""`` for none, ``shipped``, or a run's folder."""
        return str(self.box.currentData() or "")

    @property
    def at(self) -> int:
        """The place of the shown epoch in the history."""
        return self.player.at

    def refresh(self) -> None:
        """Offer the runs that there are now."""
        chosen = self.choice
        self.box.clear()
        self.box.addItem(tr("off: the sequences are shown"), "")
        if has_shipped_run():
            self.box.addItem(tr("the bundled model's training"), SHIPPED)
        for run in self._services.training.of("reverberation"):
            self.box.addItem(run.run.name, str(run.path))
        place = self.box.findData(chosen)
        self.box.setCurrentIndex(max(0, place))
        if place < 0 and chosen:
            self.choose("")

    def choose(self, choice: str) -> None:
        """Show a run's epochs (its folder, or ``shipped``), the last one first; nothing shows the sequences again."""
        self.player.stop()
        self.box.setCurrentIndex(max(0, self.box.findData(choice)))
        self.run = run_history(self._services, self.choice) if self.choice else None
        self._show_controls()
        if self.run is None:
            self.player.clear()
        else:
            self.player.set_steps(len(self.run.history), len(self.run.history) - 1)
        self._tell()

    def show_place(self, rows: list[int]) -> None:
        """A row of the heat map was chosen: an epoch, while a run is played."""
        if self.active and rows:
            self.player.slider.setValue(rows[-1])

    def stop(self) -> None:
        """Stay at the epoch that is shown."""
        self.player.stop()

    # Inside -----------------------------------------------------------------------------------------------

    def _updated(self, path: Path) -> None:
        """The run that is shown has told more; at the last epoch the view goes along."""
        if not self.choice or self.choice == SHIPPED or Path(self.choice) != path:
            return
        before = 0 if self.run is None else len(self.run.history)
        follows = self.at >= before - 1
        self.run = run_history(self._services, self.choice)
        self._show_controls()
        after = 0 if self.run is None else len(self.run.history)
        if after and after != before:
            self.player.set_steps(after, after - 1 if follows else self.at)
            self._tell()

    def _ended(self) -> None:
        if self.choice:
            self.choose("")

    def _show_controls(self) -> None:
        self.player.setVisible(self.active)
        if self.choice and not self.active:
            self.words.setText(tr("This run has told of no gates: it is a baseline, or has no epoch yet."))
        elif not self.active:
            self.words.setText("")
        self.words.setVisible(bool(self.choice))

    def _tell(self) -> None:
        if self.run is not None:
            history = self.run.history
            words = tr(
                "epoch {n} of {all} · RMS error {error}",
                n=int(history.epochs[self.at]),
                all=int(history.epochs[-1]),
                error=f"{history.error[self.at]:.4g}",
            )
            self.words.setText(words)
        self._session.play(self.run, self.at)
