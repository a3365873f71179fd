"""From a recording to what was heard: opening, decoding, comparing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QWidget

from app.held import HeldModel
from app.i18n import plural, tr
from app.services import Services
from app.tabs.eeg import browser, source, tuning, work
from app.tabs.eeg.view import EegView
from models.eeg.samples import sample_file
from models.errors import UserError
from models.progress import Cancelled

if TYPE_CHECKING:
    from pathlib import Path

    from app.widgets.message_bar import Action
    from models.eeg.decoder import Decoder
    from models.eeg.preprocessing import History
    from models.progress import Progress

WORKER = "eeg"
RATE = 64  # of every decoder that ships; a checkpoint may have another
CHANCE_P = 0.05  # a comparison that chance passes more often is doubted in words


class EegDecoding(EegView):
    """What is opened, what was heard, and what came of decoding it."""

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(services, parent)
        self.opened: work.Opened | None = None
        self.number = 0  # the part of it that is shown
        self.tracks: list[work.Track] = []
        self.shifted = False  # whether a made-up second talker is asked for
        self.look: work.Look | None = None
        self.heard: work.Heard | None = None
        self.choice: work.Choice | None = None
        self.saved_history: History | None = None
        self.marked_bad: set[str] = set()
        self.held: HeldModel[Decoder] = HeldModel(self.services, "eeg", parent=self)
        self.set_action(tr("Decode"), enabled=False)

    # Opening ----------------------------------------------------------------------------------------------

    async def open_sample(self, path: Path) -> None:
        await self.open_recording(path, [])
        if self.opened is not None and self.opened.path == path:
            await self.decode()

    async def open_recording(self, path: Path, sounds: list[Path]) -> None:
        self.stop()
        self.clear_messages()
        try:
            with self.services.task(tr("Opening a recording")) as task, self.busy(task):
                opened: work.Opened = await self.services.worker(WORKER).run(
                    work.open_source, path, progress=task, newest_wins="open", drop_running=True
                )
        except Cancelled:
            return
        self.opened = opened
        self.saved_history = None
        self.marked_bad = set()
        self.history.show_source(None)
        self.part.show_parts(opened.parts)
        self.show_part(0)
        if sounds:
            await self.listen_to(sounds)

    def show_part(self, number: int) -> None:
        """A recording is shown; nothing is decoded yet."""
        if self.opened is None:
            return
        self.stop()  # of another one's decoding
        self.number = number
        recording = self.opened.parts[number].recording
        self.look = self.heard = self.choice = None
        self.shifted = False
        kept = [track for track in self.tracks if track.path is not None]
        own = work.own_track(recording, tr("envelope of the file"))
        self.tracks = [own] if own is not None else kept
        self.zone.set_text(self.opened.path.name, tr("Drop another recording"))
        self._describe()
        shown_s = min(browser.SHOWN_S, recording.duration_s)
        self.outcome.set_range(shown_s)
        self.listened.set_range(recording.duration_s)
        self.browser.show_recording(recording)
        self.browser.show_bad([*recording.marked_bad, *self.marked_bad])
        self.outcome.show_nothing()
        self.listened.show_nothing()
        self.history.show_history(None)
        self.scalp.show_nothing()
        self.scalp.show_places(recording.channel_names, self.opened.places)
        self.show_side("scalp")
        self.show_tracks()
        self.offer_tuning()
        if self.opened.path != sample_file():  # of the sample it is known what it holds
            self._say(recording.remarks)
        self.set_action(tr("Decode"))
        self.send.setEnabled(False)

    def _describe(self) -> None:
        if self.opened is None:
            return
        recording = self.opened.parts[self.number].recording
        words = source.about_words(self.opened, recording, self._held_rate())
        if self.look is not None and self.look.bad:
            words += " · " + plural("{n} bad channel mended", "{n} bad channels mended", len(self.look.bad))
        self.about.setText(f'{words} · <a href="history">{tr("history")}</a>')

    def _held_rate(self) -> int:
        decoder = self.held.model
        return int(decoder.sample_rate) if decoder is not None else RATE

    # What was heard ---------------------------------------------------------------------------------------

    async def listen_to(self, paths: list[Path]) -> None:
        try:
            with self.services.task(tr("Listening to what was heard")) as task, self.busy(task):
                rate = self._held_rate()
                found = await self.services.worker(WORKER).run(work.read_tracks, paths, rate, progress=task)
        except Cancelled:
            return
        self.shifted = False
        known = {track.path for track in found}
        self.tracks = [
            track for track in self.tracks if track.path is None or track.path not in known
        ] + found
        self.show_tracks()
        if len(self.tracks) > 1:
            self.pages.choose("listened")
        await self.compare()

    def remove_track(self, number: int) -> None:
        if self.shifted and number == len(self.tracks):
            self.shifted = False
        elif number < len(self.tracks):
            del self.tracks[number]
            self.shifted = False
        self.show_tracks()
        self.start(self.compare())

    def try_shifted(self) -> None:
        self.shifted = True
        self.show_tracks()
        self.pages.choose("listened")
        self.start(self.compare())

    def show_tracks(self) -> None:
        own = len(self.tracks) == 1 and self.tracks[0].path is None
        shown = list(self.tracks)
        if self.shifted:
            shown.append(work.Track(tr("the same, shifted"), self.tracks[0].envelope, self.tracks[0].rate))
        self.heard_tracks.show_tracks(shown, own and not self.shifted and self.opened is not None)
        if self.shifted:
            self.heard_tracks.know(0)
        self.heard_tracks.truth.setEnabled(not self.shifted)

    # Decoding ---------------------------------------------------------------------------------------------

    async def decode(self) -> None:
        if self.opened is None:
            return
        opened, number = self.opened, self.number
        part = opened.parts[number]
        bad = tuple(sorted(self.marked_bad))
        self.clear_messages()
        try:
            with self.services.task(tr("Decoding")) as task, self.busy(task):
                decoder = await self.loaded(task)
                found: work.Look = await self.services.worker(WORKER).run(
                    work.decode,
                    decoder,
                    part.recording,
                    self._subject(),
                    bad,
                    self.saved_history,
                    progress=task,
                )
        except Cancelled:
            return
        if self.opened is not opened or self.number != number:
            return  # another one was opened meanwhile
        self._show_look(found)
        await self.compare()
        await self._evaluate(opened)

    async def loaded(self, progress: Progress) -> Decoder:
        return await self.held.get(self.models.choice, progress)

    def _subject(self) -> str:
        return str(self.subject.currentData() or "")

    def _show_look(self, look: work.Look) -> None:
        self.look = look
        self._describe()
        self.browser.show_decoding(look)
        self.browser.show_bad([*look.bad, *self.marked_bad])
        self.outcome.show_envelope(look.decoding.envelope, look.decoding.sample_rate)
        self.scalp.show_look(look)
        self.history.show_history(look.decoding.history)
        self.show_side("scalp")
        self.set_action(tr("Decode again"))
        self.send.setEnabled(True)
        seconds = len(look.decoding.envelope) / look.decoding.sample_rate
        self.set_status(
            tr(
                "decoded {length} in {seconds} s",
                length=source.duration_words(seconds),
                seconds=f"{look.seconds:.1f}",
            )
        )
        if self.opened is not None and self.opened.path != sample_file():
            self._say(look.decoding.remarks)
        if not self.tracks:
            words = tr("It is not known what was heard: add the sound or its envelope to compare.")
            self.show_message("hint", words, key="stimulus")

    async def compare(self) -> None:
        """The decoded envelope against what was heard; with two or more tracks also which of them it was."""
        look, opened = self.look, self.opened
        if look is None or opened is None or not self.tracks:
            self.offer_tuning()
            return
        start_s, stretch, window_s = self.start_s.value(), self.stretch.isChecked(), self.window_s.value()
        truth = self.heard_tracks.known
        run = self.services.worker(WORKER).run
        try:
            with self.services.task(tr("Comparing")) as task:
                decoder = await self.loaded(task)
                choice: work.Choice | None = None
                shown = self.tracks[0]
                if self.shifted:
                    choice = await self._against_shifted(decoder, opened, task)
                elif len(self.tracks) > 1:
                    tracks = list(self.tracks)
                    choice = await run(
                        work.choose,
                        decoder,
                        look.decoding,
                        tracks,
                        start_s,
                        stretch,
                        truth,
                        newest_wins="choose",
                    )
                    shown = tracks[truth if truth is not None else choice.attention.chosen]
                heard = await run(
                    work.compare,
                    decoder,
                    look.decoding,
                    shown,
                    start_s,
                    stretch,
                    window_s,
                    newest_wins="compare",
                )
        except Cancelled:
            return
        if self.look is look:
            self.choice = choice
            self._show_heard(heard)

    async def _against_shifted(self, decoder: Decoder, opened: work.Opened, task: Progress) -> work.Choice:
        """Over all the trials that the shown subject has."""
        subject = opened.parts[self.number].subject
        parts = [one for one in opened.parts if one.subject == subject]
        shown = parts.index(opened.parts[self.number])
        run = self.services.worker(WORKER).run
        decodings = await run(
            work.decode_parts, decoder, parts, [self._subject()] * len(parts), progress=task
        )
        names = (tr("heard"), tr("the same, shifted"))
        choice: work.Choice = await run(work.choose_against_shifted, decoder, parts, decodings, shown, names)
        return choice

    def _show_heard(self, heard: work.Heard) -> None:
        assert self.look is not None
        assert self.opened is not None
        self.heard = heard
        self.clear_messages("stimulus")
        self.outcome.show_heard(heard, self.look.decoding.sample_rate)
        if self.choice is not None:
            self.listened.show_choice(self.choice)
        else:
            self.listened.show_nothing()
        if len(self.opened.parts) == 1:
            self.scalp.show_heard(heard, self.opened.parts[0].subject or tr("this one"))
        self.offer_tuning()
        self.clear_messages("stretch")
        self.clear_messages("chance")
        if heard.remark is not None:
            drift = not self.stretch.isChecked() and "drift" in heard.remark.text
            actions: list[Action] | None = (
                [(tr("Stretch the stimulus"), lambda: self.stretch.setChecked(True))] if drift else None
            )
            self.show_message("warning" if drift else "hint", heard.remark.said(tr), actions, key="stretch")
        if heard.comparison.p > CHANCE_P:
            words = tr(
                "{name} cannot be told from shifted copies of it (p {p}). The recording may be too short or too noisy; or what "
                "was heard belongs to another recording or subject, or began at another time.",
                name=heard.name, p=f"{heard.comparison.p:.2f}",
            )  # fmt: skip
            self.show_message("hint", words, key="chance")

    async def _evaluate(self, opened: work.Opened) -> None:
        """Every subject of a data set, on the time that is held back from training."""
        if len(opened.parts) < 2 or self.look is None or opened.first.envelope is None:
            return
        try:
            with self.services.task(tr("Judging subject by subject")) as task:
                decoder = await self.loaded(task)
                if opened.first.sample_rate != decoder.sample_rate:
                    return
                found = await self.services.worker(WORKER).run(
                    work.evaluate, decoder, opened.path, progress=task
                )
        except Cancelled:
            return
        except UserError as error:  # such as a data set that has no part to judge by: what was decoded stands
            self.show_error(error)
            return
        if self.opened is opened:
            self.scalp.show_subjects(found)

    def _say(self, remarks: tuple[Any, ...]) -> None:
        said = list(dict.fromkeys(remark.said(tr) for remark in remarks))
        if said:
            self.show_message("hint", " ".join(said[:6]), key="remarks")

    # Whom it could be tuned to ----------------------------------------------------------------------

    def offer_tuning(self) -> None:
        if self.opened is None:
            return
        part = self.opened.parts[self.number]
        own = [one for one in self.opened.parts if one.subject == part.subject]
        duration = sum(one.recording.duration_s for one in own)
        who = tr("subject {name}", name=part.subject) if part.subject else tr("this recording")
        self.tuning.offer(who, tuning.refusal(duration, self.heard is not None))
