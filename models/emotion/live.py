"""Emotion as someone speaks: a window at a time, gated by a voice detector, smoothed, in bounded memory."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from models import voice_profiles
from models.emotion.classifiers import Prediction
from models.emotion.doubt import threshold, word
from models.emotion.live_settings import LiveSettings
from models.emotion.person import Person
from models.emotion.voice import CHUNK, CHUNK_S, RATE, SpeechGate, VoiceActivity
from models.voice_profiles import VoiceMean, VoiceProfile
from models.voices import RunningEmbedding

MARGIN_CHUNKS = 3  # about 0.1 s kept before and after the speech that was found
RECENT_S = 1.0  # without speech within this, it is "no speech"


class Recognizes(Protocol):
    """What is needed of a recognizer."""

    labels: tuple[str, ...]
    window_s: float
    sample_rate: int
    unsure_below: float

    @property
    def knows_people(self) -> bool: ...

    @property
    def features_identity(self) -> str: ...

    def classify(
        self, waveform: np.ndarray, person: Person | None = None, new_s: float | None = None
    ) -> Prediction:
        """A window, float32 [samples] at 16 kHz. person: who speaks, known better afterwards by `new_s` seconds of speech."""
        ...


@dataclass(frozen=True)
class LiveResult:
    """What one window came to.

    end_time: when its last sample was captured, on the clock of `time.monotonic`, seconds.
    speech: whether anyone spoke; if not, label and both probabilities are None. label: UNSURE where the smoothed
    certainty is below the threshold; likeliest: the most probable one all the same.
    speech_probability: the voice detector's, the highest of the last second.
    probabilities: float32 [classes], smoothed; raw_probabilities: of this window alone. dimensions: float32 [dimensions],
    smoothed; None where nobody speaks, empty where the model gives none.
    snr_db: speech over noise in the window; NaN where nobody speaks.
    known_s: seconds of speech by which the person is known; 0 where a model hears everybody alike.
    speech_s: seconds of speech in the window. inference_s: how long the computing took.
    """

    end_time: float
    speech: bool
    speech_probability: float
    speech_s: float
    label: str | None
    probabilities: np.ndarray | None
    raw_probabilities: np.ndarray | None
    inference_s: float
    known_s: float = 0.0
    likeliest: str | None = None
    snr_db: float = float("nan")
    dimensions: np.ndarray | None = None


class LiveRecognizer:
    """Holds what must be remembered between windows: the gate, the last few predictions, and who speaks.

    person: known better with every window; None where the model hears everybody alike. voice: how the same speech sounds to
    every system. `know` begins with somebody who was kept, `forget` with a stranger.

    A window is cut to the speech in it, with a margin of a tenth of a second, before it is classified: the models
    learned from utterances that begin and end with speech, and silence before a word would count as part of it.
    """

    def __init__(self, recognizer: Recognizes, settings: LiveSettings | None = None) -> None:
        self.recognizer = recognizer
        self.settings = settings or LiveSettings()
        self.gate = SpeechGate(self.settings)
        self.person = Person() if recognizer.knows_people else None
        self.voice = RunningEmbedding(RATE)
        self._heard_to = -np.inf  # when what the person is known by ended
        self._recent: deque[Prediction] = deque(maxlen=max(1, self.settings.smoothing))

    def forget(self) -> None:
        """Somebody else speaks from now on."""
        if self.person is not None:
            self.person = Person()
        self.voice = RunningEmbedding(RATE)
        self._recent.clear()

    def know(self, profile: VoiceProfile) -> None:
        """The one whose voice was kept speaks from now on; what the profile does not hold is got to know."""
        self.forget()
        if self.person is not None:
            self.person = Person.known_by(profile.features.get(self.recognizer.features_identity))
        if profile.embedding is not None:
            self.voice = RunningEmbedding(RATE, profile.embedding.values, profile.embedding.speech_s)

    def keep(self, name: str) -> VoiceProfile:
        """Keep who speaks under a name: for this model, and to be recognised by other systems. Raises UserError."""
        mean = self.person.mean() if self.person is not None else None
        embedding = self.voice.embedding() if mean is not None else None
        return voice_profiles.keep(
            name,
            None if embedding is None else VoiceMean(embedding, self.voice.speech_s),
            {} if mean is None else {self.recognizer.features_identity: mean},
        )

    def step(self, window: np.ndarray, end_time: float) -> LiveResult:
        """Judge a window: float32 [samples] at 16 kHz, the newest last."""
        started = time.perf_counter()
        activity = self.gate.judge(window)
        recent = max(1, round(RECENT_S / CHUNK_S))
        likely = float(activity.probabilities[-recent:].max(initial=0.0))
        if not activity.speech or not activity.spoken[-recent:].any():
            self._recent.clear()
            took = time.perf_counter() - started
            return LiveResult(
                end_time, False, likely, activity.speech_s, None, None, None, took, self._known_s
            )
        prediction = self._classify(window, activity, end_time)
        self._recent.append(prediction)
        smoothed = np.mean([item.probabilities for item in self._recent], axis=0)
        unsure_below = threshold(self.settings.unsure_below, self.recognizer.unsure_below)
        return LiveResult(
            end_time=end_time,
            speech=True,
            speech_probability=likely,
            speech_s=activity.speech_s,
            label=word(smoothed, self.recognizer.labels, unsure_below),
            probabilities=smoothed,
            raw_probabilities=prediction.probabilities,
            inference_s=time.perf_counter() - started,
            known_s=self._known_s,
            likeliest=word(smoothed, self.recognizer.labels, 0.0),
            snr_db=activity.snr_db,
            dimensions=np.mean([item.dimensions for item in self._recent], axis=0),
        )

    @property
    def _known_s(self) -> float:
        return self.person.speech_s if self.person is not None else 0.0

    def _classify(self, window: np.ndarray, activity: VoiceActivity, end_time: float) -> Prediction:
        """Against the person, who is known better by the speech that earlier windows did not have."""
        speech = window[activity.part(MARGIN_CHUNKS)]
        if self.person is None:
            return self.recognizer.classify(speech)
        new = activity.spoken.copy()
        if end_time > self._heard_to:
            count = max(1, round(min(end_time - self._heard_to, len(new) * CHUNK_S) / CHUNK_S))
            new[:-count] = False
        self._heard_to = end_time
        self.voice.add(window[np.repeat(new, CHUNK)[: len(window)]])
        return self.recognizer.classify(speech, self.person, float(new.sum()) * CHUNK_S)
