"""Fine-tuning to the subject that is shown: one button, then r before and after on time that was held back."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from app import theme
from app.i18n import digits, tr
from app.services import Services
from app.widgets.dots import DotRow, Dots
from app.widgets.labels import Caption, Hint
from models.eeg.tuning import LEAST_S, Gain
from models.training.run_folder import RunState, new_run_path


class Tuning(QWidget):
    """asked(): the person wants it. tuned(run path): the run is done. use_wanted(checkpoint): its decoder is to be used."""

    asked = Signal()
    tuned = Signal(object)
    use_wanted = Signal(object)

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self.run: Path | None = None
        self.gain: Gain | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, theme.SMALL, 0, 0)
        column.setSpacing(theme.SMALL)
        column.addWidget(Caption(tr("Fine-tuning")))
        self.words = Hint()
        self.button = QPushButton(tr("Fine-tune to this subject"))
        self.button.setToolTip(
            tr("Train the chosen decoder on a part of this subject's recording; the rest judges it")
        )
        self.button.clicked.connect(self.asked)
        self.dots = Dots(tr("r before and after"))
        self.use = QPushButton(tr("Use the tuned decoder"))
        self.use.clicked.connect(
            lambda: self.use_wanted.emit(self.run / "best" if self.run is not None else None)
        )
        for widget in (self.words, self.button, self.dots, self.use):
            column.addWidget(widget)
        self.offer("", tr("Decode a recording whose stimulus is known."))

    def offer(self, who: str, problem: str = "") -> None:
        """who: whom it would be tuned to; problem: why it cannot be, in words."""
        if self.run is not None and self.gain is None:
            return  # one is under way
        self.gain = None
        self.run = None
        self.dots.show_rows([])
        self.dots.hide()
        self.use.hide()
        self.button.setEnabled(not problem)
        self.words.setText(
            problem or tr("Learns from three fifths of {who}, and is judged on the last fifth.", who=who)
        )

    def follow(self, path: Path) -> None:
        """A run has been started."""
        self.run, self.gain = path, None
        self.button.setEnabled(False)
        self.use.hide()
        self.words.setText(tr("Training has begun; the dock below follows it."))
        self._services.training.updated.connect(self._updated)

    def _updated(self, path: object) -> None:
        if path != self.run:
            return
        watched = self._services.training.find(Path(str(path)))
        if watched is None or watched.state is RunState.QUEUED:
            return
        epochs = len(next(iter(watched.epochs.values()), ()))
        if watched.alive:
            if epochs:
                total = watched.config.get("epochs", 0)
                self.words.setText(tr("Training: epoch {n} of {total}", n=epochs, total=total))
            return
        self._services.training.updated.disconnect(self._updated)
        if watched.state is RunState.DONE:
            self.words.setText(tr("Judging both decoders on the time that was held back …"))
            self.tuned.emit(self.run)
            return
        failed = watched.record.failed
        self.run = None
        self.button.setEnabled(True)
        self.words.setText(
            failed.what if failed is not None else tr("The run ended early; the dock below says how.")
        )

    def show_gain(self, gain: Gain) -> None:
        self.gain = gain
        rows = []
        for name, r, error, hollow in (
            (tr("before"), gain.before, gain.before_error, True),
            (tr("after"), gain.after, gain.after_error, False),
        ):
            rows.append(DotRow(name, r, r - 1.96 * error, r + 1.96 * error, 0.0, gain.null_95, hollow))
        self.dots.show_rows(rows)
        self.dots.show()
        self.use.show()
        self.button.setEnabled(True)
        change = digits(gain.after - gain.before, "+.3f")
        self.words.setText(
            tr("r {change} on {seconds:g} s held back from both; grey is what chance reaches once in twenty.",
               change=change, seconds=round(gain.seconds))
        )  # fmt: skip

    def show_nothing(self, problem: str) -> None:
        self.run = None
        self.offer("", problem)


def new_run(services: Services, who: str) -> Path:
    return new_run_path(services.settings.runs_folder, "eeg", f"fine-tune-{who}" if who else "fine-tune")


def refusal(duration_s: float, has_stimulus: bool) -> str:
    """Why a recording cannot be tuned to; empty where it can."""
    if not has_stimulus:
        return tr("Decode a recording whose stimulus is known.")
    if duration_s < LEAST_S:
        return tr("The recording is too short to learn from: {least:g} s are needed.", least=LEAST_S)
    return ""
