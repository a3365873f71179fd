"""Emotion as someone speaks: a window at a time, gated by a voice detector, smoothed, in bounded memory."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from models.emotion.classifiers import Prediction
from models.emotion.config import LiveSettings
from models.emotion.voice import CHUNK, CHUNK_S, SpeechGate

MARGIN_CHUNKS = 3  # about 0.1 s kept before and after the speech that was found
RECENT_S = 1.0  # without speech within this, it is "no speech"


class Recognizes(Protocol):
    """What is needed of a recognizer."""

    labels: tuple[str, ...]
    window_s: float
    sample_rate: int

    def classify(self, waveform: np.ndarray) -> Prediction: ...


@dataclass(frozen=True)
class LiveResult:
    """What one window came to.

    end_time: when its last sample was captured, on the clock of `time.monotonic`, seconds.
    speech: whether anyone spoke; if not, label and both probabilities are None.
    speech_probability: the voice detector's, the highest of the last second.
    probabilities: float32 [classes], smoothed; raw_probabilities: of this window alone.
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


class LiveRecognizer:
    """Holds what must be remembered between windows: the gate and the last few predictions.

    A window is cut to the speech in it, with a margin of a tenth of a second, before it is classified: the models
    learned from utterances that begin and end with speech, and silence before a word would count as part of it.
    """

    def __init__(self, recognizer: Recognizes, settings: LiveSettings | None = None) -> None:
        self.recognizer = recognizer
        self.settings = settings or LiveSettings()
        self.gate = SpeechGate(self.settings)
        self._recent: deque[np.ndarray] = deque(maxlen=max(1, self.settings.smoothing))

    def step(self, window: np.ndarray, end_time: float) -> LiveResult:
        """Judge a window: float32 [samples] at 16 kHz, the newest last."""
        started = time.perf_counter()
        heard = self.gate.judge(window)
        recent = max(1, round(RECENT_S / CHUNK_S))
        likely = float(heard.voice[-recent:].max(initial=0.0))
        if not heard.speech or not heard.spoken[-recent:].any():
            self._recent.clear()
            took = time.perf_counter() - started
            return LiveResult(end_time, False, likely, heard.speech_s, None, None, None, took)
        places = np.flatnonzero(heard.spoken)
        first = max(0, int(places[0]) - MARGIN_CHUNKS) * CHUNK
        last = (int(places[-1]) + 1 + MARGIN_CHUNKS) * CHUNK
        raw = self.recognizer.classify(window[first:last]).probabilities
        self._recent.append(raw)
        smoothed = np.mean(self._recent, axis=0)
        label = self.recognizer.labels[int(smoothed.argmax())]
        took = time.perf_counter() - started
        return LiveResult(end_time, True, likely, heard.speech_s, label, smoothed, raw, took)
