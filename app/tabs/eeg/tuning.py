"""Fine-tuning to the subject that is shown: one button, then r before and after on time that was held back."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from app import theme
from app.i18n import digits, tr, tr_error
from app.tabs.eeg import work
from app.tabs.eeg.session import EegSession
from app.tabs.host import Host
from app.widgets.dots import DotRow, Dots
from app.widgets.labels import Caption, Hint
from models.eeg.scores import interval_95
from models.eeg.tuning import LEAST_S, SUBJECT, Gain, config_for, write_data
from models.errors import UserError
from models.loading import checkpoint_folder
from models.progress import Cancelled
from models.training.run_folder import RunState
from models.training.runs import new_run_path


class FineTuning(QObject):
    """A run of training on the subject that is shown, and both decoders judged when it is done.

    words: what there is to say of it now. possible: whether it can be started. run: the one that is under way, or was
    the last one; gain: what that brought, once it has been judged.
    changed(): any of these is another. judged(): there is a gain.
    """

    changed = Signal()
    judged = Signal()

    def __init__(self, host: Host, session: EegSession, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._host, self._session, self._services = host, session, session.services
        self.run: Path | None = None
        self.gain: Gain | None = None
        self.possible = False
        self.words = tr("Decode a recording whose stimulus is known.")
        self._of = ("", "")  # data set and subject of the run
        for signal in (session.part_changed, session.decoded, session.compared):
            signal.connect(self._offer)

    @property
    def under_way(self) -> bool:
        return self.run is not None and self.gain is None

    def start(self) -> None:
        """Begin the training run; the dock follows it."""
        self._host.start(self._start())

    def _offer(self) -> None:
        """To whom it could be tuned now, or why not."""
        part, opened = self._session.part, self._session.opened
        if part is None or opened is None or self.under_way:
            return
        self.run = self.gain = None
        own = [item for item in opened.parts if item.subject == part.subject]
        decoder = self._session.held.model
        problem = refusal(
            sum(item.recording.duration_s for item in own),
            self._session.track_comparison is not None,
            decoder is not None and len(decoder.members) > 1,
        )
        who = tr("subject {name}", name=part.subject) if part.subject else tr("this recording")
        learns = tr("Learns from three fifths of {who}, and is judged on the last fifth.", who=who)
        self._say(problem or learns, possible=not problem)

    async def _start(self) -> None:
        part = self._session.part
        data = await self._data()
        if part is None or data is None:
            return
        self._of = data
        config = config_for(str(checkpoint_folder(self._session.model, "eeg")), *data)
        name = f"fine-tune-{part.subject}" if part.subject else "fine-tune"
        path = new_run_path(self._services.settings.runs_folder, "eeg", name)
        watched = self._services.training.start(path, "eeg", config, self._services.device)
        self.run, self.gain = watched.path, None
        self._services.training.updated.connect(self._updated)
        self._say(tr("Training has begun; the dock below follows it."))

    async def _data(self) -> tuple[str, str] | None:
        """(data set, subject) to learn from: the file itself, or what is written of a recording of one's own."""
        session = self._session
        result, opened, part, comparison = (
            session.result,
            session.opened,
            session.part,
            session.track_comparison,
        )
        if result is None or opened is None or part is None or comparison is None:
            return None
        if len(opened.parts) > 1 and part.subject and opened.first.envelope is not None:
            return str(opened.path), part.subject
        rate = result.decoding.sample_rate
        first = round(session.start_s * rate)
        track = next(item for item in session.tracks if item.name == comparison.name)
        place = self._services.settings.runs_folder / "recordings" / f"{opened.path.stem}.npz"
        await session.held.worker.run(
            write_data,
            place,
            result.decoding.eeg[max(0, first) :],
            track.at(rate)[max(0, -first) :],
            rate,
            result.decoding.channel_names,
            result.decoding.history,
        )
        return str(place), SUBJECT

    def _updated(self, path: object) -> None:
        """The run has told more, or has ended."""
        if path != self.run:
            return
        watched = self._services.training.find(Path(str(path)))
        if watched is None or watched.state is RunState.QUEUED:
            return
        if watched.alive:
            epochs = len(next(iter(watched.epochs.values()), ()))
            if epochs:
                total = watched.config.get("epochs", 0)
                self._say(tr("Training: epoch {n} of {total}", n=epochs, total=total))
            return
        self._services.training.updated.disconnect(self._updated)
        if watched.state is RunState.DONE:
            self._say(tr("Judging both decoders on the time that was held back …"))
            self._host.start(self._judge(watched.path))
            return
        failed = watched.record.failed
        self.run = None
        ended = tr("The run ended early; the dock below says how.")
        self._say(tr_error(failed.error)[0] if failed is not None else ended, possible=True)

    async def _judge(self, run: Path) -> None:
        try:
            with self._services.task(tr("Judging both decoders")) as task:
                before = await self._session.load(task)
                gain: Gain = await self._session.held.worker.run(
                    work.tuned, before, run, *self._of, self._services.device, progress=task
                )
        except (Cancelled, UserError) as error:
            self.run = None
            self._say(tr("The run is done, but could not be judged."))
            if isinstance(error, UserError):
                raise
            return
        self.gain = gain
        self._say(
            tr(
                "r {change} on {seconds:g} s held back from both; grey is what chance reaches once in twenty.",
                change=digits(gain.after - gain.before, "+.3f"),
                seconds=round(gain.seconds),
            ),
            possible=True,
        )
        self.judged.emit()

    def _say(self, words: str, possible: bool = False) -> None:
        self.words, self.possible = words, possible
        self.changed.emit()


class TuningBox(QWidget):
    """The button, and what became of it. use_wanted(checkpoint): the tuned decoder is to be used."""

    use_wanted = Signal(object)

    def __init__(self, tuning: FineTuning, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tuning = tuning
        column = QVBoxLayout(self)
        column.setContentsMargins(0, theme.SMALL, 0, 0)
        column.setSpacing(theme.SMALL)
        column.addWidget(Caption(tr("Fine-tuning")))
        self.words = Hint()
        self.button = QPushButton(tr("Fine-tune to this subject"))
        self.button.setToolTip(
            tr("Train the chosen decoder on a part of this subject's recording; the rest judges it")
        )
        self.button.clicked.connect(tuning.start)
        self.dots = Dots(tr("r before and after"))
        self.use = QPushButton(tr("Use the tuned decoder"))
        self.use.clicked.connect(self._use)
        for widget in (self.words, self.button, self.dots, self.use):
            column.addWidget(widget)
        tuning.changed.connect(self._show)
        self._show()

    def _use(self) -> None:
        if self._tuning.run is not None:
            self.use_wanted.emit(self._tuning.run / "best")

    def _show(self) -> None:
        gain = self._tuning.gain
        self.words.setText(self._tuning.words)
        self.button.setEnabled(self._tuning.possible)
        self.use.setVisible(gain is not None)
        self.dots.setVisible(gain is not None)
        if gain is not None:
            before = interval_95(gain.before, gain.before_error)
            after = interval_95(gain.after, gain.after_error)
            chance = (0.0, gain.null_95)
            self.dots.show_rows(
                [
                    DotRow(tr("before"), gain.before, *before, *chance, hollow=True),
                    DotRow(tr("after"), gain.after, *after, *chance),
                ]
            )


def refusal(duration_s: float, has_stimulus: bool, several: bool = False) -> str:
    """Why a recording cannot be tuned to; empty where it can. several: whether the decoder is the mean of several."""
    if not has_stimulus:
        return tr("Decode a recording whose stimulus is known.")
    if several:
        return tr(
            "A mean of several decoders is not tuned itself: choose one of its members as the model, such as the Conformer."
        )
    if duration_s < LEAST_S:
        return tr("The recording is too short to learn from: {least:g} s are needed.", least=LEAST_S)
    return ""
