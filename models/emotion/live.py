"""Emotion as someone speaks: a window at a time, gated by a voice detector, smoothed, in bounded memory."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from models.emotion.classifiers import Prediction
from models.emotion.config import LiveSettings
from models.emotion.voice import CHUNK, CHUNK_S, VoiceDetector

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
    probabilities: float32 [classes], smoothed; raw_probabilities: of this window alone.
    speech_s: seconds of speech in the window. inference_s: how long the computing took.
    """

    end_time: float
    speech: bool
    speech_s: float
    label: str | None
    probabilities: np.ndarray | None
    raw_probabilities: np.ndarray | None
    inference_s: float


class LiveRecognizer:
    """Holds what must be remembered between windows: the detector and the last few predictions.

    A window is cut to the speech in it, with a margin of a tenth of a second, before it is classified: the models
    learned from utterances that begin and end with speech, and silence before a word would count as part of it.
    """

    def __init__(self, recognizer: Recognizes, settings: LiveSettings | None = None) -> None:
        self.recognizer = recognizer
        self.settings = settings or LiveSettings()
        self.detector = VoiceDetector()
        self._recent: deque[np.ndarray] = deque(maxlen=max(1, self.settings.smoothing))

    def step(self, window: np.ndarray, end_time: float) -> LiveResult:
        """Judge a window: float32 [samples] at 16 kHz, the newest last."""
        started = time.perf_counter()
        spoken = self.detector.probabilities(window) >= self.settings.speech_threshold
        speech_s = float(spoken.sum()) * CHUNK_S
        recent = spoken[-max(1, round(RECENT_S / CHUNK_S)) :]
        if speech_s < self.settings.min_speech_s or not recent.any():
            self._recent.clear()
            return LiveResult(end_time, False, speech_s, None, None, None, time.perf_counter() - started)
        places = np.flatnonzero(spoken)
        first = max(0, int(places[0]) - MARGIN_CHUNKS) * CHUNK
        last = (int(places[-1]) + 1 + MARGIN_CHUNKS) * CHUNK
        raw = self.recognizer.classify(window[first:last]).probabilities
        self._recent.append(raw)
        smoothed = np.mean(self._recent, axis=0)
        label = self.recognizer.labels[int(smoothed.argmax())]
        return LiveResult(end_time, True, speech_s, label, smoothed, raw, time.perf_counter() - started)


@dataclass(frozen=True)
class Stretch:
    """A stretch of the session with one label (None: no speech), in seconds since its start."""

    start_s: float
    end_s: float
    label: str | None


class SessionLog:
    """The session's time line. Equal neighbours are one stretch, and the number of stretches is bounded: the oldest
    pairs are joined under the longer one's label, so that a day of running stays small."""

    def __init__(self, most: int = 20_000) -> None:
        self.most = most
        self.stretches: list[Stretch] = []

    def add(self, start_s: float, end_s: float, label: str | None) -> None:
        """Append a stretch that begins where the last one ended, or later."""
        if self.stretches and self.stretches[-1].label == label and start_s - self.stretches[-1].end_s < 1e-3:
            start_s = self.stretches.pop().start_s
        self.stretches.append(Stretch(start_s, end_s, label))
        if len(self.stretches) > self.most:
            self.stretches = _joined(self.stretches, self.most // 2)

    def rows(self) -> list[list[object]]:
        """For a table: start_s, end_s, label (empty for no speech)."""
        return [[round(s.start_s, 3), round(s.end_s, 3), s.label or ""] for s in self.stretches]

    def audacity(self) -> str:
        """As a label track that Audacity imports."""
        return "".join(f"{s.start_s:.6f}\t{s.end_s:.6f}\t{s.label or 'no speech'}\n" for s in self.stretches)

    def save(self, path: Path) -> None:
        from models.datafiles import write_whole

        lines = ["start_s,end_s,label", *(",".join(map(str, row)) for row in self.rows())]
        write_whole(path, ("\n".join(lines) + "\n").encode())


def _joined(stretches: list[Stretch], oldest: int) -> list[Stretch]:
    joined = []
    for a, b in zip(stretches[:oldest:2], stretches[1:oldest:2], strict=False):
        longer = a if a.end_s - a.start_s >= b.end_s - b.start_s else b
        joined.append(Stretch(a.start_s, b.end_s, longer.label))
    return joined + stretches[oldest - oldest % 2 :]
