"""A live session: which window is judged when, what came of it, and how long that took. State, no widgets."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, Signal

from app.audio.ring import Ring
from app.tabs.emotion.recording import RATE, Recording
from app.workers import Worker
from models import voice_profiles
from models.emotion.live_settings import LiveSettings
from models.emotion.person import Person
from models.emotion.session import SessionLog
from models.errors import UserError
from models.progress import Cancelled
from models.voice_profiles import VoiceProfile

if TYPE_CHECKING:
    from models.emotion.live import LiveRecognizer, LiveResult
    from models.emotion.recognizer import Recognizer

WINDOW_S = 3.0
LEAST_S = 0.5  # of sound before anything is classified
TOGETHER = 2.5  # hops; results that are no farther apart follow one another in the time line


class LiveSession(QObject):
    """One session after another of the same page. `log` holds the last one, in seconds since it began.

    judged(LiveResult): a window was judged. failed(error): it could not be. lagging(): more windows are skipped than
    judged.
    """

    judged = Signal(object)
    failed = Signal(object)
    lagging = Signal()

    def __init__(self, worker: Worker, recording: Recording, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._worker, self._recording = worker, recording
        self.labels: tuple[str, ...] = ()
        self.dimensions: tuple[str, ...] = ()
        self.hop_s = LiveSettings().hop_s
        self.log = SessionLog()
        self.listening = False
        self.latencies_s: deque[float] = deque(maxlen=2_000)
        self.results = self.skipped = 0
        self._live: LiveRecognizer | None = None
        self._profile = ""  # the name of the kept voice that speaks
        self._features_identity = ""
        self._computing = False
        self._due = self._began = self._line_end = 0.0  # on the monotonic clock
        self._unpainted: float | None = None  # capture time of a result that was not painted yet

    async def load(
        self, recognizer: Recognizer, settings: LiveSettings, profile: VoiceProfile | None = None
    ) -> None:
        """Judge with this model from now on. profile: who speaks; None is somebody unknown. Where no other voice was
        chosen, who spoke so far is known on, as far as both models compute the same features of them. Raises UserError
        where the profile is gone."""
        name = profile.name if profile is not None else ""
        before = self._live if self.listening and name == self._profile else None
        self._live = await self._worker.run(_make_live, recognizer, settings, profile, before)
        self._profile, self._features_identity = name, recognizer.features_identity
        before_this = (self.labels, self.dimensions)
        self.labels, self.dimensions = recognizer.labels, recognizer.dimensions
        if (
            before_this != (self.labels, self.dimensions) and self._recording.running
        ):  # a table has the columns of one model
            self.record(False)
            self.record(True)

    def begin(self, record: bool) -> None:
        """Listen anew; `record`: write sound and predictions down."""
        self.latencies_s.clear()
        self.results = self.skipped = 0
        self._unpainted, self._computing = None, False
        self.log = SessionLog()
        self._began = self._line_end = time.monotonic()
        self._due = self._began + LEAST_S
        self.listening = True
        self.record(record)

    def end(self) -> None:
        """Listen no more; what was recorded is closed. The log stays until the next session begins."""
        self.listening = False
        self._recording.close()

    def knows(self) -> tuple[Person | None, str]:
        """Who is known by now, and by what kind of features; None where the model hears everybody alike."""
        return (self._live.person if self._live is not None else None), self._features_identity

    def forget(self) -> None:
        """Somebody else speaks from now on."""
        self._profile = ""
        if self._live is not None:
            self._live.forget()

    async def keep(self, name: str) -> VoiceProfile:
        """Keep who is known by now under a name. Raises UserError where nobody is, or the voice cannot be written."""
        if self._live is None:
            raise UserError(
                "Nothing is known of this voice yet.", "Nobody has spoken.", "Speak first, then keep it."
            )
        profile = await self._worker.run(self._live.keep, name)
        self._profile = profile.name
        return profile

    def record(self, on: bool) -> None:
        """Begin or end writing the session down, also in its midst."""
        if on and self.listening and not self._recording.running:
            self._recording.open(self.labels, self.dimensions, time.monotonic())
        elif not on:
            self._recording.close()

    def tick(self, ring: Ring, hearing: bool) -> None:
        """To be called many times a second: write down what came, and judge a window when one is due."""
        self._recording.follow(ring)
        now = time.monotonic()
        if now < self._due or not hearing or self._live is None:
            return
        window = ring.latest(round(WINDOW_S * RATE))
        if len(window.samples) >= LEAST_S * RATE:
            self._due = max(self._due + self.hop_s, now)
            self._judge(self._live, window.samples, window.end_time)

    def painted(self) -> str:
        """The newest result is on the screen; how long that took in words for the status line, empty if it was before."""
        if self._unpainted is None:
            return ""
        self.latencies_s.append(time.monotonic() - self._unpainted)
        self._unpainted = None
        return f"{1000 * self.late_s(95):.0f} ms"

    def late_s(self, percentile: float) -> float:
        """Seconds from a window's last sample to its word on the screen."""
        return float(np.percentile(self.latencies_s, percentile)) if self.latencies_s else 0.0

    def _judge(self, live: LiveRecognizer, window: np.ndarray, end_time: float) -> None:
        if self._computing:  # slower than the hop: the window in the queue gives way to this newer one
            self.skipped += 1
            if self.skipped > 3 and self.skipped > self.results:
                self.lagging.emit()
        self._computing = True
        self._worker.submit(
            live.step, window, end_time, newest_wins="live", done=self._judged, failed=self._not_judged
        )

    def _judged(self, result: LiveResult) -> None:
        self._computing = False
        if self.listening:
            self.results += 1
            self._unpainted = result.end_time
            self._extend(result)
            self.judged.emit(result)

    def _not_judged(self, error: BaseException) -> None:
        if not isinstance(error, Cancelled):
            self._computing = False
            self.failed.emit(error)

    def _extend(self, result: LiveResult) -> None:
        end, hop = result.end_time, self.hop_s
        start = self._line_end if end - self._line_end < TOGETHER * hop else max(self._began, end - hop)
        if end <= start:
            return
        self._line_end = end
        self.log.add(start - self._began, end - self._began, result.label)
        if result.probabilities is None:
            values = np.full(len(self.labels) + len(self.dimensions), np.nan)
        else:
            degrees = result.dimensions if result.dimensions is not None else np.zeros(0)
            values = np.concatenate([result.probabilities, degrees])
        self._recording.add(start, end, result.label or "", values)


def _make_live(
    recognizer: Recognizer,
    settings: LiveSettings,
    profile: VoiceProfile | None,
    before: LiveRecognizer | None,
) -> LiveRecognizer:
    """In the worker's thread: loads the voice detector and warms both up; who spoke `before` is known on."""
    from models.emotion.live import LiveRecognizer

    live = LiveRecognizer(recognizer, settings)
    noise = np.random.default_rng(0).normal(0, 0.01, round(WINDOW_S * RATE)).astype(np.float32)
    recognizer.classify(noise)
    live.step(noise, 0.0)
    if profile is None:
        live.forget()
    else:
        live.know(voice_profiles.reread(profile))
    if before is not None:
        live.voice = before.voice
        if before.person is not None and before.recognizer.features_identity == recognizer.features_identity:
            live.person = before.person
    return live
