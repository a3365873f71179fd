"""What is open, what was heard, and what came of decoding it. No widgets: whoever shows something of it listens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from app.i18n import tr
from app.tabs.eeg import work
from app.tabs.eeg.annotations import Annotations
from app.tabs.host import Host
from app.tabs.session import Session
from models.eeg.cleaning import Cleaning
from models.eeg.samples import sample_file
from models.errors import UserError
from models.progress import Cancelled

if TYPE_CHECKING:
    import numpy as np

    from models.eeg.decoder import Decoder, Decoding
    from models.eeg.history import History
    from models.eeg.recordings import Recording
    from models.eeg.scores import Evaluation
    from models.progress import Progress

RATE = 64  # of every decoder that ships; a checkpoint may have another
WINDOW_S = 10.0


class EegSession(Session["Decoder"]):
    """Coroutines raise UserError for what a person can mend; one that is stopped, or overtaken, ends quietly.

    began(): a recording is being opened, or decoded anew: what was said of an earlier one is over.
    part_changed(): another recording is shown; nothing of it is decoded yet. tracks_changed(): of what was heard.
    bad_changed(): other channels are marked. history_changed(): a saved history is in force, or none any more.
    decoded(), compared(), evaluated(), permuted(): there is more to show. comparing_changed(): `comparing` is another.
    """

    began = Signal()
    part_changed = Signal()
    tracks_changed = Signal()
    bad_changed = Signal()
    history_changed = Signal()
    decoded = Signal()
    compared = Signal()
    evaluated = Signal()
    permuted = Signal()
    comparing_changed = Signal()

    def __init__(self, host: Host, parent: QObject | None = None) -> None:
        super().__init__(host, "eeg", parent=parent)
        self.subject = ""  # as whom is decoded; nobody: unknown
        self.start_s, self.stretch, self.window_s = 0.0, False, WINDOW_S
        self.opened: work.OpenedFile | None = None
        self.number = 0  # the part of it that is shown
        self.tracks: list[work.Track] = []
        self.shifted = False  # whether a made-up second talker is asked for
        self.truth: int | None = None  # the track that was listened to, where that is known
        self.marked_bad: frozenset[str] = frozenset()
        self.cleaning = Cleaning()  # as the settings say; what is marked is added
        self.annotations = Annotations(self)
        self.saved_history: History | None = None
        self.history_path: Path | None = None
        self.result: work.DecodedRecording | None = None
        self.track_comparison: work.TrackComparison | None = None
        self.talker: work.TalkerChoice | None = None
        self.evaluation: Evaluation | None = None
        self.permutation: np.ndarray | None = None  # how much r falls without each channel
        self._comparisons = 0  # under way

    # What is known ----------------------------------------------------------------------------------------

    @property
    def part(self) -> work.Part | None:
        """The recording, or trial, that is shown."""
        return None if self.opened is None else self.opened.parts[self.number]

    @property
    def recording(self) -> Recording | None:
        return None if self.part is None else self.part.recording

    @property
    def rate(self) -> int:
        """Samples a second of what the decoder reads."""
        return RATE if self.held.model is None else int(self.held.model.sample_rate)

    @property
    def listed(self) -> list[work.Track]:
        """All candidates, a made-up one among them."""
        if not self.shifted or not self.tracks:
            return list(self.tracks)
        own = self.tracks[0]
        return [*self.tracks, work.Track(tr("the same, shifted"), own.envelope, own.rate)]

    @property
    def can_shift(self) -> bool:
        """Whether a made-up second talker would make sense: there is one track, and the recording brought it."""
        return self.recording is not None and len(self.tracks) == 1 and self.tracks[0].path is None

    @property
    def comparing(self) -> bool:
        """Whether a comparison is under way."""
        return self._comparisons > 0

    @property
    def bad(self) -> list[str]:
        """Channels that are bad: as the file says, as was found, as a person says."""
        if self.recording is None:
            return []
        result = self.result.bad if self.result is not None else ()
        return list(dict.fromkeys([*self.recording.marked_bad, *result, *sorted(self.marked_bad)]))

    @property
    def is_sample(self) -> bool:
        return self.opened is not None and self.opened.path == sample_file()

    # Opening ----------------------------------------------------------------------------------------------

    async def open_sample(self) -> None:
        """What ships is decoded at once."""
        await self.open(sample_file())
        if self.is_sample:
            await self.decode()

    async def open(self, path: Path, sounds: Sequence[Path] = ()) -> None:
        """A recording of any format, or a data set; with what was heard in it."""
        self._host.stop()
        self.began.emit()
        try:
            with self.busy(tr("Opening a recording")) as task:
                opened: work.OpenedFile = await self._run(
                    work.open_source, path, progress=task, newest_wins="open", drop_running=True
                )
        except Cancelled:
            return
        self.opened, self.marked_bad = opened, frozenset()
        self._keep_history(None, None)
        self.show_part(0)
        if sounds:
            await self.listen_to(sounds)

    def choose_file(self, path: Path) -> None:
        """Open another recording, such as one of the same folder."""
        self._host.start(self.open(path))

    def show_part(self, number: int) -> None:
        """Another recording of the file; nothing of it is decoded yet."""
        if self.opened is None:
            return
        self._host.stop()  # of another one's decoding
        self.number, self.shifted, self.truth = number, False, None
        self.result = self.track_comparison = self.talker = self.evaluation = self.permutation = None
        recording = self.opened.parts[number].recording
        own = work.own_track(recording, tr("envelope of the file"))
        self.tracks = [own] if own is not None else [track for track in self.tracks if track.path is not None]
        self.annotations.show(recording, self.opened.path, number)
        self.part_changed.emit()
        self.tracks_changed.emit()
        self.bad_changed.emit()

    # What was heard ---------------------------------------------------------------------------------------

    async def listen_to(self, paths: Sequence[Path], instead: bool = False) -> None:
        """Sounds or envelopes that may have been heard. instead: of those that were listed before."""
        if instead:
            self._set_tracks([])
        try:
            with self.busy(tr("Listening to what was heard")) as task:
                result = await self._run(work.read_tracks, list(paths), self.rate, progress=task)
        except Cancelled:
            return
        known = {track.path for track in result}
        self._set_tracks([track for track in self.tracks if track.path not in known] + result)
        await self.compare()

    def remove_track(self, number: int) -> None:
        """Take one of the listed tracks away; the made-up one is the last."""
        made_up = self.shifted and number == len(self.tracks)
        self._set_tracks(self.tracks if made_up else self.tracks[:number] + self.tracks[number + 1 :])
        self._host.start(self.compare())

    def try_shifted(self) -> None:
        """A made-up second talker: the same envelope, shifted by half its length."""
        self._host.start(self.against_shifted())

    async def against_shifted(self) -> None:
        """As `try_shifted`, to wait for."""
        self.shifted, self.truth = True, 0
        self.tracks_changed.emit()
        await self.compare()

    def set_truth(self, number: int | None) -> None:
        """Which of the tracks was listened to; None where that is not known."""
        if number != self.truth:
            self.truth = number
            self.compare_again()

    def set_candidates(self, shifted: bool, truth: int | None) -> None:
        """Whether a made-up second talker is asked for, and which track was listened to, as far as there are such. Nothing
        is compared anew."""
        self.shifted = shifted and self.can_shift
        self.truth = truth if truth is not None and 0 <= truth < len(self.listed) else None
        self.tracks_changed.emit()

    def _set_tracks(self, tracks: list[work.Track]) -> None:
        if self.shifted or (self.truth is not None and self.truth >= len(tracks)):
            self.truth = None
        self.tracks, self.shifted = tracks, False
        self.tracks_changed.emit()

    # Settings ---------------------------------------------------------------------------------------------

    def set_comparison(self, start_s: float, stretch: bool, window_s: float) -> None:
        """When the stimulus began, whether it is stretched to the EEG's clock, how long windows are."""
        self.start_s, self.stretch, self.window_s = start_s, stretch, window_s
        self.compare_again()

    def compare_again(self) -> None:
        """Compare with what was heard once more, where something is decoded."""
        if self.result is not None:
            self._host.start(self.compare())

    def set_model(self, choice: str) -> None:
        """Decode by another decoder from now on."""
        self.model, self.subject = choice, ""
        self.decode_again()

    def set_subject(self, name: str) -> None:
        """Decode as someone the decoder learned from; nobody: as an unknown subject."""
        self.subject = name
        self.decode_again()

    def decode_again(self) -> None:
        """Decode once more, where something was decoded before."""
        if self.result is not None:
            self._host.stop()
            self._host.start(self.decode())

    def set_bad(self, names: frozenset[str]) -> None:
        """The channels that a person says are bad."""
        if names != self.marked_bad:
            self.marked_bad = names
            self.bad_changed.emit()

    def set_cleaning(self, cleaning: Cleaning) -> None:
        """Preprocess so from now on; what is decoded is decoded again, unless a saved history is in force."""
        if cleaning != self.cleaning:
            self.cleaning = cleaning
            if self.saved_history is None:
                self.decode_again()

    def _cleaning(self) -> Cleaning:
        """What is asked for of the recording that is shown."""
        marks = tuple(self.annotations.every)
        return replace(self.cleaning, bad=tuple(sorted(self.marked_bad)), annotations=marks)

    def toggle_bad(self, name: str) -> None:
        """Mark a channel as bad, or no longer."""
        self.set_bad(self.marked_bad ^ {name})

    def replay(self, path: Path) -> None:
        """Preprocess as a saved history says. Raises UserError."""
        from models.eeg.history import History

        self._keep_history(History.load(path), path)
        if self.opened is not None:
            self._host.start(self.decode())

    def forget_history(self) -> None:
        """Preprocess as the settings say again, not as a saved history does."""
        self._keep_history(None, None)
        if self.opened is not None:
            self._host.start(self.decode())

    def _keep_history(self, history: History | None, path: Path | None) -> None:
        self.saved_history, self.history_path = history, path
        self.history_changed.emit()

    # Decoding ---------------------------------------------------------------------------------------------

    async def decode(self) -> None:
        """The recording that is shown; compared with what was heard, and with every subject of its data set."""
        part, opened = self.part, self.opened
        if part is None or opened is None:
            return
        self.began.emit()
        try:
            with self.busy(tr("Decoding")) as task:
                decoder = await self.load(task)
                given = (decoder, part.recording, self.subject, self._cleaning(), self.saved_history)
                result: work.DecodedRecording = await self._run(work.decode, *given, progress=task)
        except Cancelled:
            return
        if self.part is not part:
            return  # another one was opened meanwhile
        self.result, self.permutation = result, None
        self.decoded.emit()
        self.bad_changed.emit()
        await self.compare()
        await self._evaluate(opened)

    async def compare(self) -> None:
        """The decoded envelope against what was heard; with two tracks or more also which of them it was."""
        result, part = self.result, self.part
        if result is None or part is None:
            return
        if not self.tracks:
            self.track_comparison = self.talker = None
            self.compared.emit()
            return
        self._count_comparison(1)
        try:
            with self.services.task(tr("Comparing")) as task:
                comparison, talker = await self._compared(result.decoding, task)
        except Cancelled:
            return
        finally:
            self._count_comparison(-1)
        if self.result is result:
            self.track_comparison, self.talker, self.permutation = comparison, talker, None
            self.compared.emit()

    async def permute(self) -> None:
        """What each channel is worth: r with what was heard, without each in turn."""
        result, comparison = self.result, self.track_comparison
        if result is None or comparison is None or self.permutation is not None:
            return
        try:
            with self.services.task(tr("Leaving out channels")) as task:
                given = (await self.load(task), result.decoding, comparison, self.subject)
                permutation = await self._run(
                    work.permute, *given, progress=task, newest_wins="permute", drop_running=True
                )
        except Cancelled:
            return
        if self.track_comparison is comparison and self.result is result:
            self.permutation = permutation
            self.permuted.emit()

    async def _compared(
        self, decoding: Decoding, task: Progress
    ) -> tuple[work.TrackComparison, work.TalkerChoice | None]:
        tracks, timing = list(self.tracks), (self.start_s, self.stretch)
        truth, window_s, talker = self.truth, self.window_s, None
        decoder = await self.load(task)
        shown = tracks[0]
        if self.shifted:
            talker = await self._against_shifted(decoder, task)
        elif len(tracks) > 1:
            talker = await self._run(
                work.choose, decoder, decoding, tracks, *timing, truth, newest_wins="choose"
            )
            shown = tracks[truth if truth is not None else talker.attention.chosen]
        comparison = await self._run(
            work.compare, decoder, decoding, shown, *timing, window_s, newest_wins="compare"
        )
        return comparison, talker

    async def _against_shifted(self, decoder: Decoder, task: Progress) -> work.TalkerChoice:
        """Over all the trials that the shown subject has."""
        assert self.opened is not None
        assert self.part is not None
        parts = [part for part in self.opened.parts if part.subject == self.part.subject]
        names = (self.listed[0].name if self.listed else tr("heard"), tr("the same, shifted"))
        shown, cleaning = parts.index(self.part), self._cleaning()
        given = (decoder, parts, shown, self.subject, names, cleaning, self.saved_history)
        talker: work.TalkerChoice = await self._run(work.choose_against_shifted, *given, progress=task)
        return talker

    async def _evaluate(self, opened: work.OpenedFile) -> None:
        """Every subject of a data set, on the time that is held back from training."""
        if len(opened.parts) < 2 or self.result is None or opened.first.envelope is None:
            return
        try:
            with self.services.task(tr("Judging subject by subject")) as task:
                decoder = await self.load(task)
                if opened.first.sample_rate != decoder.sample_rate:
                    return
                result = await self._run(work.evaluate, decoder, opened.path, progress=task)
        except Cancelled:
            return
        except UserError as error:  # such as a data set that has no part to judge by: what was decoded stands
            self._host.show_error(error)
            return
        if self.opened is opened and self.result is not None:
            self.evaluation = result
            self.evaluated.emit()

    def _count_comparison(self, step: int) -> None:
        self._comparisons += step
        self.comparing_changed.emit()

    async def _run(self, function: Callable[..., Any], *given: Any, **more: Any) -> Any:
        return await self.held.worker.run(function, *given, **more)
