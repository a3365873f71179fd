"""One recording: what is open, which tracks came of it, how speakers are called, what they are compared with."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from app import theme
from app.audio.outline import Outline, outline_of
from app.i18n import tr
from app.tabs.host import Host
from app.tabs.sent import Conversation, Track
from app.tabs.separation import work
from app.tabs.separation.filling import Filling
from app.tabs.separation.work import READER
from app.tabs.session import Session
from app.widgets.ribbon import Ribbon
from models.errors import UserError
from models.progress import Cancelled, Progress
from models.separation.results import Separated, SeparationOptions, TrackScores

if TYPE_CHECKING:
    from models.separation.assessment import Assessment
    from models.separation.separator import Separator
    from models.voice_profiles import Recognised, VoiceProfile


class SeparationSession(Session["Separator"]):
    """`outline` is the recording that is open, `separated` its tracks and `track_outlines` what is drawn of them;
    `scores` say how near the tracks come to the `references`, in the references' order.

    began(): a recording is being opened, or separated: what was said of an earlier one is over.
    opened(): another recording is open, which has no tracks yet. separating(): its tracks are about to be made; files
    of earlier ones will be replaced. grown(outlines, left_s): so much of each track is there already, and so many
    seconds are left (NaN where it cannot be said). tracks_changed(): there are other tracks, or what `grown` told of
    is void. shown(): tracks were opened that are of this recording. finished(): tracks have just been made.
    stopped(): a separation was stopped, and nothing was written. names_changed(): speakers are called otherwise.
    scored(): there are other scores, or none. heard(): another system has heard something in the tracks. assessed(): there
    is an `assessment` of the tracks. voices_changed(): other `voices` are kept. voice_found(Target): a voice that was looked for
    is most like that of this track.
    """

    began = Signal()
    opened = Signal()
    separating = Signal()
    grown = Signal(object, float)
    tracks_changed = Signal()
    shown = Signal()
    finished = Signal()
    stopped = Signal()
    names_changed = Signal()
    scored = Signal()
    heard = Signal()
    assessed = Signal()
    voices_changed = Signal()
    voice_found = Signal(object)

    def __init__(self, host: Host, parent: QObject | None = None) -> None:
        super().__init__(host, "separation", parent=parent)
        self.options = SeparationOptions()
        self.outline: Outline | None = None
        self.separated: Separated | None = None
        self.track_outlines: list[Outline] = []
        self.speakers = ""  # who speaks in the sample that is open, as `samples` says it
        self.references: list[Path] = []
        self.scores: list[TrackScores] = []
        self.ribbons: dict[Path, Ribbon] = {}  # what was heard in the tracks, by another system
        self.assessment: Assessment | None = None
        self.voices: list[VoiceProfile] = []  # that a person keeps
        self.recognised: list[Recognised | None] = []  # of them, by track
        self._given: dict[int, str] = {}  # names that a person gave, by track
        self._task: Progress | None = None  # of the separation under way
        self._judging: Progress | None = (
            None  # of the tracks that are judged: a separation need not wait for that
        )

    # What is known ----------------------------------------------------------------------------------------

    def name(self, number: int) -> str:
        """What the speaker of a track is called: as a person said, as the kept voice that it is, or by number."""
        known = self.recognised[number] if number < len(self.recognised) else None
        return (
            self._given.get(number)
            or (known.profile.name if known is not None else "")
            or tr("Speaker {n}", n=number + 1)
        )

    @property
    def tracks(self) -> list[Track]:
        """The separated tracks with their names and colours."""
        paths = () if self.separated is None else self.separated.tracks
        return [Track(path, self.name(number), theme.category(number)) for number, path in enumerate(paths)]

    @property
    def conversation(self) -> Conversation | None:
        """All tracks, for another tab; None where there are none."""
        if self.outline is None or self.separated is None:
            return None
        return Conversation(self.outline.path.name, tuple(self.tracks), self.separated.model_rate)

    def take_ribbons(self, ribbons: Sequence[Ribbon]) -> None:
        """What was heard in these tracks; of others there is nothing to show it under."""
        own = {track.path for track in self.tracks}
        fitting = {ribbon.path: ribbon for ribbon in ribbons if ribbon.path in own}
        if fitting:
            self.ribbons |= fitting
            self.heard.emit()

    def use_model(self, choice: str) -> None:
        """Separate with another model from now on; tracks that there are stay."""
        self.model = choice

    # Opening ----------------------------------------------------------------------------------------------

    async def open(self, path: Path, speakers: str = "") -> bool:
        """Read another recording; False where that was stopped. Raises UserError where it cannot be read.

        A separation of the recording before is stopped.
        """
        if self._task is not None:
            self._task.cancel()
        self.began.emit()
        with self.busy(tr("Reading the recording")) as task:
            try:
                outline = await self.services.worker(READER).run(
                    outline_of, path, progress=task, newest_wins="open", drop_running=True
                )
            except Cancelled:
                return False
        self.outline, self.speakers = outline, speakers
        self.separated, self.track_outlines, self._given, self.ribbons = None, [], {}, {}
        self.assessment, self.recognised = None, []
        self.forget_references()
        self.opened.emit()
        return True

    async def open_separated(self, path: Path, separated: Separated | None) -> None:
        """A recording, with its tracks where there are some."""
        if not await self.open(path) or self.outline is None or separated is None:
            return
        if await self._take(self.outline, separated):
            self.shown.emit()
            await self.assess()

    async def open_sample(self, number: int = 0) -> None:
        """One of the mixtures that ship, which is separated and compared with its references at once."""
        from models.separation.samples import sample_mixtures

        samples = sample_mixtures()
        sample = samples[number % len(samples)]
        if await self.open(sample.mixture, sample.words):
            self.references = list(sample.references)
            await self.separate()

    # Separating -------------------------------------------------------------------------------------------

    async def separate(self) -> None:
        """Make the tracks of the recording that is open, and compare them with the references where there are some."""
        outline = self.outline
        if outline is None:
            return
        if self._judging is not None:
            self._judging.cancel()
        self.began.emit()
        self.separating.emit()
        try:
            with self.busy(tr("Separating")) as task:
                self._task = task
                if not await self._take(outline, await self._separated(outline, task)):
                    return
        except (Cancelled, UserError) as error:
            if self.outline is outline:
                self.tracks_changed.emit()
            if isinstance(error, UserError):
                raise
            if self.outline is outline:
                self.stopped.emit()
            return
        self.finished.emit()
        await self.assess()
        await self.score()

    async def _separated(self, outline: Outline, task: Progress) -> Separated:
        """Separate, and tell what there is already."""
        separator: Separator = await self.load(task)
        filling = Filling(outline)
        filling.grown.connect(partial(self._grown, outline))
        given = (separator, outline.path, work.folder_of(outline.path), self.options, filling.add)
        try:
            return await self.held.worker.run(work.separate, *given, progress=task.part(0.0, 0.95))
        finally:
            filling.grown.disconnect()

    def _grown(self, outline: Outline, tracks: list[Outline], left_s: float) -> None:
        if self.outline is outline:
            self.grown.emit(tracks, left_s)

    async def _take(self, outline: Outline, separated: Separated) -> bool:
        """Have these tracks; False where another recording was opened meanwhile."""
        with self.services.task(tr("Reading the tracks")) as task:
            result = await self.services.worker(READER).run(work.outlines, separated.tracks, progress=task)
        if self.outline is not outline:
            return False
        self.separated, self.track_outlines, self.ribbons = separated, result, {}
        self.assessment, self.recognised = None, []
        self.tracks_changed.emit()
        return True

    # Voices -----------------------------------------------------------------------------------------------

    async def assess(self) -> None:
        """Judge the tracks without references, and recognise kept voices in them."""
        separated = self.separated
        if separated is None:
            return
        try:
            with self.busy(tr("Judging the tracks")) as task:
                self._judging = task
                given = (separated.mixture, separated.tracks)
                assessment, recognised = await self.held.worker.run(
                    work.judged, *given, progress=task, newest_wins="judge", drop_running=True
                )
        except Cancelled:
            return
        if self.separated is separated:
            self.assessment, self.recognised = assessment, recognised
            self.names_changed.emit()
            self.assessed.emit()

    async def list_voices(self) -> None:
        """Read what voices are kept."""
        self._have_voices(await self.held.worker.run(work.kept_voices))

    async def keep_voice(self, number: int) -> None:
        """Keep the voice of a track under the name of its speaker. Raises UserError where it has no name, or no voice."""
        assessment, known = self.assessment, self.recognised[number : number + 1]
        voice = None if assessment is None else assessment.lane_voices[number]
        if assessment is None or voice is None:
            raise UserError(
                "There is no voice to keep.",
                "Too little is said in this track.",
                "Choose a track in which somebody speaks for some seconds.",
            )
        name = self._given.get(number, "") or (known[0].profile.name if known and known[0] else "")
        given = (name, voice, assessment.heard_s[number])
        kept = await self.held.worker.run(work.keep_voice, *given)
        self._have_voices(kept)

    async def delete_voice(self, profile: VoiceProfile) -> None:
        """Delete a kept voice. Raises UserError."""
        kept = await self.held.worker.run(work.delete_voice, profile)
        self._have_voices(kept)

    async def find_voice(self, wanted: Path | VoiceProfile) -> None:
        """Tell which track's voice is that of a sample, or of a kept voice. Raises UserError where there are no tracks, or no
        voice in the sample."""
        assessment = self.assessment
        if assessment is None or not any(voice is not None for voice in assessment.lane_voices):
            raise UserError(
                "There are no tracks to look for the voice in.",
                "",
                "Separate a recording first, then choose the sample.",
            )
        given = (wanted, assessment.lane_voices, assessment.heard_s)
        with self.services.task(tr("Listening to the sample")):
            target = await self.held.worker.run(work.find_voice, *given)
        if target is not None and self.assessment is assessment:
            self.voice_found.emit(target)

    def _have_voices(self, voices: list[VoiceProfile]) -> None:
        self.voices = voices
        names = {profile.name for profile in voices}
        known = [
            item if item is not None and item.profile.name in names else None for item in self.recognised
        ]
        if known != self.recognised:  # nobody is called by a voice that was deleted
            self.recognised = known
            self.names_changed.emit()
        self.voices_changed.emit()

    # Names and references ---------------------------------------------------------------------------------

    def rename(self, number: int, name: str) -> None:
        """Call the speaker of a track by a name; nothing stands for their number."""
        before = self.name(number)
        if name.strip() == before:  # shown, not given: a recognised voice lends its name while it is kept
            return
        self._given[number] = name.strip()
        if self.name(number) != before:
            self.names_changed.emit()

    async def add_references(self, paths: Sequence[Path]) -> None:
        """Compare the tracks with these true ones as well, now or as soon as there are tracks."""
        self.references = list(dict.fromkeys([*self.references, *paths]))
        await self.score()

    def forget_references(self) -> None:
        """Compare with nothing any more."""
        self.references, self.scores = [], []
        self.scored.emit()

    async def score(self) -> None:
        """Compare tracks and references. Raises UserError for references that do not fit, which are forgotten then."""
        outline, separated, references = self.outline, self.separated, self.references
        if outline is None or separated is None or not references:
            return
        try:
            with self.busy(tr("Comparing with the references")) as task:
                given = (outline.path, references, separated.tracks)
                scores = await self.held.worker.run(work.scores, *given, progress=task)
        except Cancelled:
            return
        except UserError:
            self.forget_references()
            raise
        if self.separated is separated and self.references == references:
            self.scores = list(scores)
            self.scored.emit()

    # Until the next start ---------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """What `restore` opens again, as plain values and paths."""
        if self.outline is None:
            return {}
        state: dict[str, Any] = {
            "path": self.outline.path,
            "speakers": self.speakers,
            "references": list(self.references),
        }
        if self.separated is not None:
            state |= {
                "tracks": list(self.separated.tracks),
                "names": [self._given.get(number, "") for number in range(len(self.separated.tracks))],
                "model_rate": self.separated.model_rate,
            }
        return state

    async def restore(self, state: dict[str, Any]) -> None:
        """Open what a `state` says, perhaps that of another version, as far as it is still there."""
        path = Path(str(state.get("path", "")))
        if not path.is_file() or not await self.open(path, str(state.get("speakers", ""))):
            return
        outline, tracks = self.outline, _paths(state.get("tracks"))
        if outline is not None and tracks and all(track.is_file() for track in tracks):
            rate = int(state.get("model_rate", 0) or outline.sample_rate)
            size = (outline.sample_rate, outline.channels, outline.frames)
            names = state.get("names")
            self._given = dict(enumerate(map(str, names))) if isinstance(names, list) else {}
            if await self._take(outline, Separated(path, tuple(tracks), *size, rate, (), (), 0.0)):
                await self.assess()
        self.references = [item for item in _paths(state.get("references")) if item.is_file()]
        await self.score()


def _paths(names: object) -> list[Path]:
    """Those that a list names; none where it is no list."""
    return [Path(name) for name in names if isinstance(name, str | Path)] if isinstance(names, list) else []
