"""Separating while the sound comes: from the microphone, or from a file that is played as if it came from one."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal

from app.audio.outline import GrowingOutline, Outline
from app.audio.recorder import SoundRecorder, folder
from app.audio.ring import Ring
from app.i18n import tr
from app.tabs.separation.session import SeparationSession
from app.tabs.separation.work import READER
from models import audio
from models.errors import UserError
from models.progress import Cancelled
from models.separation.results import Separated

if TYPE_CHECKING:
    from models.separation.live import LiveSeparator
    from models.separation.separator import Separator

RATE = 16_000
TICK_MS = 50
LONGEST_S = 3600.0  # outlines are laid out for an hour; what is longer is drawn coarser
DRAWN_EVERY_S = 0.3


@dataclass(frozen=True)
class LiveState:
    """outlines: of the mixture and of each track, so far. heard_s: how much sound came. latency_s: how far behind the
    model's tracks are. busy: computing time as a share of the sound's length, lately."""

    outlines: list[Outline]
    heard_s: float
    latency_s: float
    busy: float


class _LiveJob:
    """What the worker's thread holds: the separator's state, the files, the outlines."""

    def __init__(self, separator: Separator) -> None:
        from models.separation.live import live_separator

        self._live: LiveSeparator = live_separator(separator, RATE)
        self._model_rate = separator.sample_rate
        stem = folder() / time.strftime("live-%Y%m%d-%H%M%S")
        names = ["", *(f"_speaker{number + 1}" for number in range(separator.speakers))]
        self._files = [SoundRecorder(stem.with_name(stem.name + name), RATE) for name in names]
        frames = round(LONGEST_S * RATE)
        self._outlines = [GrowingOutline(file.files[0], RATE, frames, 1) for file in self._files]
        self._energy = np.zeros(separator.speakers)
        self._heard = 0
        self._busy, self._drawn = 0.0, 0.0

    def push(self, samples: np.ndarray) -> LiveState | None:
        """Go on by float32 [samples]; what there is to see, a few times a second."""
        began = time.monotonic()
        self._take(samples, self._live.push(samples))
        now = time.monotonic()
        share = (now - began) / max(1e-9, len(samples) / RATE)
        self._busy += 0.1 * (share - self._busy)
        if now - self._drawn < DRAWN_EVERY_S:
            return None
        self._drawn = now
        outlines = [outline.so_far() for outline in self._outlines]
        return LiveState(outlines, self._heard / RATE, self._live.latency_s, self._busy)

    def finish(self) -> Separated | None:
        """Write the rest and give the files their names; None where nothing was heard."""
        if not self._heard:
            self.discard()
            return None
        began = time.monotonic()
        self._take(np.zeros(0, np.float32), self._live.finish())
        mixture, *tracks = [file.close()[0] for file in self._files]
        levels = 10 * np.log10(np.maximum(self._energy / self._heard, 1e-12))
        size = (RATE, 1, self._heard)
        seconds = self._busy * self._heard / RATE + time.monotonic() - began
        return Separated(mixture, tuple(tracks), *size, self._model_rate, tuple(levels.tolist()), (), seconds)

    def discard(self) -> None:
        """Leave no files behind."""
        for file in self._files:
            file.discard()

    def _take(self, samples: np.ndarray, tracks: np.ndarray) -> None:
        self._heard += len(samples)
        self._energy += np.square(tracks, dtype=np.float64).sum(1)
        sounds: Sequence[np.ndarray] = [samples, *tracks]
        for file, outline, sound in zip(self._files, self._outlines, sounds, strict=True):
            if len(sound):
                file.add_sound(sound)
                outline.add(sound)


class LiveSession(QObject):
    """began(): the model is loaded and sound is taken. grown(LiveState): there is more. ended(Separated): all is written.
    stopped(): it is over, whether anything came of it or not. failed(UserError)."""

    began = Signal()
    grown = Signal(object)
    ended = Signal(object)
    stopped = Signal()
    failed = Signal(object)

    def __init__(self, session: SeparationSession) -> None:
        """session: whose model is used."""
        super().__init__(session)
        self._session = session
        self._job: _LiveJob | None = None
        self._ring: Ring | None = None
        self._sound: np.ndarray | None = None
        self._taken = 0
        self._began = 0.0
        self._pushing = self._ending = False
        self.pace = 1.0  # of a file against the clock
        self.heard_s = 0.0
        self.running = False
        self._ticker = QTimer(self)
        self._ticker.setInterval(TICK_MS)
        self._ticker.timeout.connect(self._tick)

    async def listen(self, ring: Ring) -> None:
        """Separate what comes into a ring of `RATE`. Raises UserError where the model cannot be loaded."""
        await self._begin(ring, None)

    async def play(self, path: Path) -> None:
        """Separate a file as it would come, second by second. Raises UserError where it cannot be read."""
        with self._session.services.task(tr("Reading the recording")):
            try:
                sound = await self._session.services.worker(READER).run(audio.read, path, RATE)
            except Cancelled:
                return
        await self._begin(None, sound)

    async def _begin(self, ring: Ring | None, sound: np.ndarray | None) -> None:
        if self.running:
            return
        self.running = True
        try:
            with self._session.busy(tr("Loading the model")) as task:
                separator = await self._session.load(task)
                self._job = await self._session.held.worker.run(_LiveJob, separator)
        except BaseException as error:
            self._over()
            if isinstance(error, Cancelled):
                return
            raise
        self._ring, self._sound, self._taken, self.heard_s = ring, sound, 0, 0.0
        if ring is not None:
            self._taken = ring.latest(1).end_index
        self._began, self._ending = time.monotonic(), False
        self._ticker.start()
        self.began.emit()

    def stop(self) -> None:
        """Take no more sound, and finish what was taken."""
        self._ending = True

    def _tick(self) -> None:
        if self._pushing or self._job is None:
            return
        samples = self._new()
        worker = self._session.held.worker
        if len(samples):
            self._pushing = True
            worker.submit(self._job.push, samples, done=self._pushed, failed=self._broke)
        elif self._ending:
            self._pushing = True
            self._ticker.stop()
            worker.submit(self._job.finish, done=self._finished, failed=self._broke)

    def _new(self) -> np.ndarray:
        """What came since the last time; of a file, what would have."""
        if self._sound is not None:
            due = round((time.monotonic() - self._began) * self.pace * RATE)
            samples = self._sound[self._taken : due] if not self._ending else self._sound[:0]
            self._ending = self._ending or due >= len(self._sound)
        elif self._ring is not None and not self._ending:
            samples = self._ring.since(self._taken).samples
        else:
            samples = np.zeros(0, np.float32)
        self._taken += len(samples)
        self.heard_s = self.heard_s + len(samples) / RATE
        return samples

    def _pushed(self, state: LiveState | None) -> None:
        self._pushing = False
        if state is not None:
            self.grown.emit(state)

    def _finished(self, separated: Separated | None) -> None:
        self._over()
        if separated is not None:
            self.ended.emit(separated)

    def _broke(self, error: BaseException) -> None:
        job, self._job = self._job, None
        if job is not None:
            self._session.held.worker.submit(job.discard)
        self._over()
        if isinstance(error, UserError):
            self.failed.emit(error)
        elif not isinstance(error, Cancelled):
            self._session.services.errors.report(error)

    def _over(self) -> None:
        self._ticker.stop()
        self._job, self._sound, self._ring = None, None, None
        self._pushing = self._ending = self.running = False
        self.stopped.emit()
