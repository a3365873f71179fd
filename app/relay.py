"""A recording all the way: taken apart, each speaker's emotions, who was listened to, and speech frames to the mesh.

The tabs do what they do when a person sends something on; this only asks them in turn, and says in a bar under the tabs
how far it has come. Every step can be stopped; what was done until then stays where it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QObject, Signal, SignalInstance

from app.i18n import plural, tr
from app.tabs.sent import Conversation, Track
from app.widgets.relay_bar import RelayBar, Step
from app.window import Window
from models.errors import UserError
from models.progress import Cancelled

if TYPE_CHECKING:
    from app.tabs.base import Tab
    from app.tabs.eeg.tab import EegTab
    from app.tabs.eeg.work import TalkerChoice
    from app.tabs.emotion.tab import EmotionTab
    from app.tabs.reverberation.tab import ReverberationTab
    from app.tabs.separation.session import SeparationSession
    from app.tabs.separation.tab import SeparationTab

TABS = ("separation", "separation", "eeg", "reverberation")  # where each step is looked at
WINDOW_S = 10.0  # of the choices whose share is said


class Relay(QObject):
    """ended(): all steps are done, or one was stopped."""

    ended = Signal()
    _moved = Signal()  # a person skipped a step

    def __init__(self, window: Window, bar: RelayBar) -> None:
        super().__init__(window)
        self._window, self._services, self._bar = window, window.services, bar
        self.steps: list[Step] = []
        self._job: asyncio.Task[None] | None = None
        self._skipped = False
        bar.chosen.connect(self._look_at)
        bar.stop_asked.connect(self.stop)
        bar.skip_asked.connect(self._skip)
        bar.open_asked.connect(self._open)

    @property
    def running(self) -> bool:
        """Whether a recording is on its way."""
        return self._job is not None and not self._job.done()

    def begin(self, path: Path | None) -> None:
        """path: of a recording; None for the sample, which comes with an EEG of its own."""
        if self.running:
            self._say(tr("Stop this recording first, or wait until it has come to its end."))
            return
        self.steps = [Step(tr("Lanes")), Step(tr("Emotions")), Step(tr("Attention")), Step(tr("Mesh"))]
        self._job = self._services.start(self._go(path))

    def stop(self) -> None:
        """What is under way is given up; asked once more, the bar goes."""
        if not self.running:
            self._bar.hide()
            return
        assert self._job is not None
        self._job.cancel()
        for page in self._window.pages():
            page.stop()

    # The way ----------------------------------------------------------------------------------------------

    async def _go(self, path: Path | None) -> None:
        try:
            talk = await self._separated(path)
            self._window.header.tabs.setFocus()
            await self._heard(talk)
            attended = await self._attended(talk, sample=path is None)
            await self._meshed(attended or talk.tracks[0])
            self._say(tr("All steps are done: press one to look at it."))
        except (Cancelled, asyncio.CancelledError):
            self._end(tr("Stopped. What was done until then stays."))
        except UserError as error:
            self._end(tr("It did not come to its end; the tab says why."))
            if self._window.current is not None:
                self._window.current.show_error(error)
        finally:
            self.ended.emit()

    async def _separated(self, path: Path | None) -> Conversation:
        """Lanes that fill while it is taken apart; tracks that are there already are taken as they are."""
        self._run(0)
        tab = cast("SeparationTab", await self._at_rest("separation"))
        tab.choice.choose("recording")
        session = tab.session
        if path is None:
            await session.open_sample()
        elif not _is_separated(session, path) and await session.open(path):
            await session.separate()
        talk = session.conversation
        if talk is None:
            raise Cancelled
        self._done(0, plural("{n} track", "{n} tracks", len(talk.tracks)))
        return talk

    async def _heard(self, talk: Conversation) -> None:
        """Each speaker's emotions, which come under their lane."""
        self._run(1)
        emotion = cast("EmotionTab", await self._at_rest("emotion"))
        emotion.receive(talk)
        await asyncio.sleep(0)  # recognising has begun
        separation = cast("SeparationTab", self._window.show_tab("separation"))
        paths, ribbons = {track.path for track in talk.tracks}, separation.session.ribbons
        await until(
            lambda: paths <= set(separation.session.ribbons) or emotion.files.unheard(talk),
            separation.session.heard,
            self._services.tasks_changed,
        )
        if emotion.files.unheard(talk):
            raise Cancelled
        ribbons = separation.session.ribbons
        self._done(1, plural("{n} time line", "{n} time lines", len(paths & set(ribbons))))

    async def _attended(self, talk: Conversation, sample: bool) -> Track | None:
        """Who was listened to, where there is an EEG; None where that is not known."""
        self._run(2)
        tab = cast("EegTab", await self._at_rest("eeg"))
        tab.choice.choose("listened")
        session = tab.session
        if sample:
            await session.open_sample()
            await session.against_shifted()
            self._done(
                2,
                attention_words(session.talker),
                tr("The EEG sample has one talker; a shifted copy stands in for the other."),
            )
            return None
        await session.listen_to([track.path for track in talk.tracks], instead=True)
        if session.opened is None:
            self.steps[2].state, self._skipped = "asking", False
            self._say(tr("Open the EEG that was recorded while this was heard, or skip the step."))
            await until(
                lambda: self._skipped or session.opened is not None, session.part_changed, self._moved
            )
            if self._skipped:
                self.steps[2].state = "skipped"
                return None
            self._run(2)
            await session.listen_to([track.path for track in talk.tracks], instead=True)
        if session.result is None:
            await session.decode()
        if session.talker is None:
            raise Cancelled
        self._done(2, attention_words(session.talker))
        return talk.tracks[session.talker.attention.chosen]

    async def _meshed(self, track: Track) -> None:
        """Frames of the one who was listened to, or of the first."""
        self._run(3)
        emotion = cast("EmotionTab", self._window.page("emotion"))
        await emotion.files.send_frames_of(track.path)
        tab = cast("ReverberationTab", self._window.show_tab("reverberation"))
        tab.choice.choose("mesh")
        session = tab.session
        await until(
            lambda: session.observing or session.observation is not None,
            session.observing_changed,
            session.shown,
        )
        await until(
            lambda: not session.observing or session.observation is not None,
            session.observing_changed,
            session.shown,
        )
        if session.observation is None or session.sequences is None:
            raise Cancelled
        self._done(
            3,
            plural("{n} window of {name}", "{n} windows of {name}", len(session.sequences), name=track.name),
        )

    async def _at_rest(self, system: str) -> Tab:
        """A tab in front, once it has taken up what it remembered."""
        tab = self._window.show_tab(system)
        await asyncio.sleep(0)  # what it began is under way
        await until(lambda: not tab.is_busy, self._services.tasks_changed)
        return tab

    # Telling ----------------------------------------------------------------------------------------------

    def _run(self, number: int) -> None:
        self.steps[number].state = "running"
        self._say()

    def _done(self, number: int, result: str, note: str = "") -> None:
        self.steps[number].state, self.steps[number].result = "done", result
        self._say(note)

    def _end(self, note: str) -> None:
        for step in self.steps:
            if step.state in ("running", "asking"):
                step.state = "stopped"
        self._say(note)

    def _say(self, note: str = "") -> None:
        self._bar.show_steps(self.steps, note)

    def _look_at(self, number: int) -> None:
        self._window.show_tab(TABS[number])

    def _skip(self) -> None:
        self._skipped = True
        self._moved.emit()

    def _open(self) -> None:
        self._window.show_tab("eeg").choose_files()


def attention_words(talker: TalkerChoice | None) -> str:
    """Who was listened to, and how often windows say so, with the interval where the answer is known."""
    if talker is None:
        return tr("cannot be told")
    name = talker.names[talker.attention.chosen]
    windows = [item for item in talker.pooled if item.window_s == WINDOW_S] or list(talker.pooled)
    if not windows:
        return name
    window = windows[0]
    if talker.truth is None:
        share = 100 * float((window.chosen == talker.attention.chosen).mean())
        return tr("{name}, in {share} % of windows", name=name, share=f"{share:.0f}")
    return tr(
        "{name}, {share} % ({low} to {high})",
        name=name,
        share=f"{100 * window.accuracy:.0f}",
        low=f"{100 * window.low:.0f}",
        high=f"{100 * window.high:.0f}",
    )


def _is_separated(session: SeparationSession, path: Path) -> bool:
    opened = session.outline is not None and session.outline.path == path
    return opened and session.separated is not None


async def until(condition: Callable[[], bool], *signals: SignalInstance) -> None:
    """Until it is true, looked at whenever one of the signals fires."""
    if condition():
        return
    come = asyncio.get_running_loop().create_future()

    def look(*_given: object) -> None:
        if not come.done() and condition():
            come.set_result(None)

    for signal in signals:
        signal.connect(look)
    try:
        await come
    finally:
        for signal in signals:
            signal.disconnect(look)
