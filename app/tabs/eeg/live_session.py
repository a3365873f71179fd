"""A live session: streams that are there, those that are read, and what came of it. No widgets: whoever shows it listens."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, Qt, Signal

from app.i18n import tr
from app.tabs.eeg.live_voice import LiveVoice
from app.tabs.session import Session
from models.eeg.live import lsl
from models.eeg.live.events import Arrived, AttentionChanged, Changed
from models.errors import UserError
from models.progress import Cancelled

if TYPE_CHECKING:
    from app.tabs.host import Host
    from models.eeg.decoder import Decoder
    from models.eeg.live import player
    from models.eeg.live.events import Attention, Event, WindowState
    from models.eeg.live.run import LiveRun
    from models.eeg.live.steering import Steering

KEPT_S = 300.0  # of what was listened to, to be looked back at
WORKER = "eeg live"


class LiveSession(Session["Decoder"]):
    """Coroutines raise UserError for what a person can mend.

    searched(): `streams` are others. began(), ended(): of a run. arrived(Arrived): more of the streams. attention_changed():
    there is a new `attention`. changed(): a stream was lost or is back, see `lost`. played(): the player began or ended. refused(error):
    something failed that the session survives.
    """

    searched = Signal()
    began = Signal()
    ended = Signal()
    arrived = Signal(object)
    attention_changed = Signal()
    changed = Signal()
    played = Signal()
    refused = Signal(object)
    _happened = Signal(object)

    def __init__(self, host: Host, parent: QObject | None = None) -> None:
        super().__init__(host, "eeg", WORKER, parent)
        self.streams: list[lsl.Stream] = []
        self.run: LiveRun | None = None
        self.player: player.Player | None = None
        self.names: tuple[str, ...] = ()  # of the EEG's channels
        self.rate = self.delay_s = 0.0
        self.tracks: tuple[str, ...] = ()
        self.lacking: tuple[str, ...] = ()
        self.attention: Attention | None = None
        self.followed: int | None = None
        self.history: deque[tuple[float, WindowState]] = deque()
        self.lost: set[str] = set()
        self.window_s, self.bypass, self.wants_voice = 10.0, False, False
        self.most_db = 12.0
        self._voice: LiveVoice | None = None
        self._happened.connect(self._take, Qt.ConnectionType.QueuedConnection)

    @property
    def running(self) -> bool:
        return self.run is not None

    # Streams ----------------------------------------------------------------------------------------------

    async def search(self) -> None:
        """Which streams there are now."""
        try:
            with self.services.task(tr("Looking for streams")) as task:
                streams = await self.held.worker.run(lsl.find, newest_wins="find")
                task.update(1, 1, "")
        except Cancelled:
            return
        self.streams = streams
        self.searched.emit()

    async def stream_sample(self) -> None:
        """Begin to stream the sample in place of an amplifier and microphones; found as any other."""
        from models.eeg.live import player

        sample = await self.held.worker.run(player.sample)
        talkers = tuple(tr("talker {number}", number=number + 1) for number in range(len(sample.tracks)))
        await self.stream(replace(sample, tracks=talkers))

    async def stream(self, played: player.Played) -> None:
        """Begin to stream a recording, in place of what was streamed before."""
        from models.eeg.live.player import Player

        self.end_player()
        self.player = Player(played)
        self.player.start()
        self.played.emit()
        for _ in range(5):  # until the network tells of it
            await self.search()
            if {stream.name for stream in self.streams} >= set(self.player.names):
                break

    def end_player(self) -> None:
        """Its streams end."""
        if self.player is not None:
            self.player.stop()
            self.player = None
            self.played.emit()

    def swap(self) -> None:
        """The player's listener turns to the other talker."""
        if self.player is not None:
            self.player.swap()
            if self.run is not None:
                self.run.mark("swapped")

    # A run ------------------------------------------------------------------------------------------------

    async def begin(self, eeg: lsl.Stream, sound: lsl.Stream, record: Path | None) -> bool:
        """Read these two; False where that was stopped before it began. Raises UserError."""
        try:
            with self.services.task(tr("Opening the streams")) as task:
                decoder = await self.load(task)
                run, inlet, talkers = await self.held.worker.run(
                    _made, decoder, eeg, sound, self._happened.emit
                )
        except Cancelled:
            return False
        self.names, self.rate, self.tracks = inlet.names, inlet.rate, talkers.names
        self.lacking, self.delay_s = tuple(run.listening.lacking), run.listening.delay_s
        self.attention, self.followed = None, None
        self.history.clear()
        self.lost.clear()
        self.run = run
        self.apply()
        if record is not None:
            run.record(record)
        self.began.emit()
        run.start()
        if self.wants_voice:
            await self.play(True)
        return True

    def apply(self) -> None:
        """The settings of steering, into the run."""
        if self.run is not None:
            steering: Steering = self.run.steering
            steering.bypass = self.bypass
            steering.settings = type(steering.settings)(most_db=self.most_db)
            self.run.window_s = self.window_s

    async def play(self, on: bool) -> None:
        """Whether the talkers are heard."""
        self.wants_voice = on
        voice, self._voice = self._voice, None
        if voice is not None:
            await self.held.worker.run(voice.close)
        if on and self.run is not None and self._sounds():
            made = await self.held.worker.run(LiveVoice, len(self.tracks), self._inlet_rate())
            if self.run is None:
                await self.held.worker.run(made.close)
            else:
                self._voice = made

    def end(self) -> None:
        """The run is over; what it told stays."""
        run, self.run = self.run, None
        voice, self._voice = self._voice, None
        if run is not None:
            run.end()
        if voice is not None:
            voice.close()
        if run is not None:
            self.ended.emit()

    # Inside -----------------------------------------------------------------------------------------------

    def _sounds(self) -> bool:
        return self._inlet_rate() >= 4000

    def _inlet_rate(self) -> float:
        return 0.0 if self.run is None else self.run.sound_rate

    def _take(self, event: object) -> None:
        """In the GUI thread."""
        if self.run is None:
            return
        if isinstance(event, Arrived):
            if self._voice is not None:
                self._voice.feed(event.sound, event.gains)
            self.arrived.emit(event)
        elif isinstance(event, AttentionChanged):
            self.attention, self.followed = event.attention, event.followed
            self._remember(event.attention)
            self.attention_changed.emit()
        elif isinstance(event, Changed):
            (self.lost.add if event.lost else self.lost.discard)(event.name)
            self.changed.emit()
        elif isinstance(event, UserError):
            self.refused.emit(event)

    def _remember(self, attention: Attention) -> None:
        state = attention.window(self.window_s)
        if state is None:
            return
        if self.history and attention.time_s < self.history[-1][0]:  # begun anew after a gap
            self.history.clear()
        self.history.append((attention.time_s, state))
        while self.history and self.history[0][0] < attention.time_s - KEPT_S:
            self.history.popleft()

    def r_over_time(self) -> tuple[np.ndarray, np.ndarray]:
        """(times [n] in s, r [n, tracks]) of the windows so far."""
        times = np.array([at for at, _ in self.history])
        r = np.array([state.r for _, state in self.history]).reshape(len(times), len(self.tracks) or 1)
        return times, r


def _made(
    decoder: Decoder, eeg: lsl.Stream, sound: lsl.Stream, tell: Callable[[Event], None]
) -> tuple[LiveRun, lsl.Inlet, lsl.Inlet]:
    """In the worker: opening takes a moment."""
    from models.eeg.live.run import LiveRun

    first, second = lsl.Inlet(eeg), lsl.Inlet(sound)
    try:
        return LiveRun(decoder, first, second, tell), first, second
    except UserError:
        first.close()
        second.close()
        raise
