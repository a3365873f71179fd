"""Is anyone speaking? Silero's voice activity detector, whose small model comes with its package, and the one gate
through which every window passes before an emotion is told: live, of files, in the window and in the terminal."""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from models.emotion.doubt import snr_db
from models.emotion.live_settings import LiveSettings
from models.errors import UserError

RATE = 16_000
CHUNK = 512  # samples that the detector judges at once: 32 ms
CHUNK_S = CHUNK / RATE
PAUSE_S, LEAST_SENTENCE_S = 0.5, 0.3  # what ends a sentence, and what is too short to be one


class VoiceDetector:
    """Judges 32 ms at a time and remembers what came before. One detector a stream: it is not to be shared.

    `probabilities` and `segments` judge a stretch by itself; `speech_probability` goes on from chunk to chunk.
    """

    def __init__(self) -> None:
        # The package itself is not imported: doing so would set torch to one thread for the whole process.
        spec = importlib.util.find_spec("silero_vad")
        if spec is None or not spec.submodule_search_locations:
            raise UserError(
                "The voice detector is not installed.",
                "The package silero-vad is missing.",
                "Install it: pip install silero-vad.",
            )
        path = Path(spec.submodule_search_locations[0]) / "data" / "silero_vad.jit"
        self._model = torch.jit.load(str(path), map_location="cpu").eval()
        self._lock = threading.Lock()  # the model itself holds what came before

    def reset(self) -> None:
        """Forget what came before."""
        self._model.reset_states()

    @torch.inference_mode()
    def speech_probability(self, chunk: np.ndarray) -> float:
        """Probability of speech in the next 32 ms of a stream: float32 [512] at 16 kHz. A stream judged this way gets
        what `probabilities` gives for the whole of it."""
        if chunk.shape != (CHUNK,):
            raise ValueError(f"a chunk has {CHUNK} samples, not {chunk.shape}")
        return float(self._model(torch.from_numpy(chunk.astype(np.float32))[None], RATE))

    @torch.inference_mode()
    def probabilities(self, waveform: np.ndarray) -> np.ndarray:
        """Probability of speech of every 32 ms of a stretch judged by itself, float32 [ceil(n / 512)].

        waveform: float32 [n] at 16 kHz; the last chunk is filled up with zeros.
        """
        return self.probabilities_of([waveform])[0]

    @torch.inference_mode()
    def probabilities_of(self, waveforms: Sequence[np.ndarray]) -> list[np.ndarray]:
        """`probabilities` of several stretches, float32 [ceil(n / 512)] each, computed side by side."""
        counts = [-(-len(waveform) // CHUNK) for waveform in waveforms]
        table = np.zeros((len(waveforms), max(counts, default=0) * CHUNK), np.float32)
        for row, waveform in zip(table, waveforms, strict=True):
            row[: len(waveform)] = waveform
        with self._lock:
            self.reset()
            chunks = torch.from_numpy(table).unflatten(1, (-1, CHUNK))
            judged = [self._model(chunk, RATE).reshape(-1).numpy() for chunk in chunks.unbind(1)]
        by_row = np.stack(judged, axis=1) if judged else np.zeros((len(waveforms), 0), np.float32)
        return [row[:count] for row, count in zip(by_row, counts, strict=True)]

    def segments(
        self, waveform: np.ndarray, threshold: float = 0.5, join_s: float = 0.3
    ) -> list[tuple[float, float]]:
        """(start, end) in seconds of the stretches of speech; pauses shorter than `join_s` belong to them."""
        speaking = self.probabilities(waveform) >= threshold
        edges = np.flatnonzero(np.diff(np.concatenate([[0], speaking.astype(np.int8), [0]])))
        result: list[tuple[float, float]] = []
        for start, end in zip(edges[::2] * CHUNK_S, edges[1::2] * CHUNK_S, strict=True):
            if result and start - result[-1][1] < join_s:
                result[-1] = (result[-1][0], float(end))
            else:
                result.append((float(start), float(end)))
        return result


@dataclass(frozen=True)
class VoiceActivity:
    """What the gate makes of a window.

    probabilities: float32 [chunks], of speech in every 32 ms; spoken: bool [chunks], where it is believed.
    speech: whether that is enough for an emotion to be told. snr_db: speech over noise; NaN where nobody speaks.
    """

    probabilities: np.ndarray
    spoken: np.ndarray
    speech: bool
    snr_db: float = float("nan")

    @property
    def speech_s(self) -> float:
        """Seconds of speech."""
        return float(self.spoken.sum()) * CHUNK_S

    def part(self, margin: int) -> slice:
        """The samples from the first speech to the last, with so many chunks around; all where there is none.

        Models learned from utterances that begin and end with speech: silence beside it would count as part of it.
        """
        places = np.flatnonzero(self.spoken)
        if not len(places):
            return slice(0, len(self.spoken) * CHUNK)
        return slice(max(0, int(places[0]) - margin) * CHUNK, (int(places[-1]) + 1 + margin) * CHUNK)


def sentences(
    starts_s: Sequence[float], activities: Sequence[VoiceActivity], duration_s: float
) -> tuple[tuple[float, float], ...]:
    """(start, end) in seconds of what is spoken without a pause of `PAUSE_S`, and for at least `LEAST_SENTENCE_S`: of windows
    that begin at `starts_s` and may overlap."""
    speaking = np.zeros(int(np.ceil(duration_s / CHUNK_S)) + 1, bool)
    for start, activity in zip(starts_s, activities, strict=True):
        first = round(start / CHUNK_S)
        part = speaking[first : first + len(activity.spoken)]
        part |= activity.spoken[: len(part)] & activity.speech
    edges = np.flatnonzero(np.diff(np.concatenate([[0], speaking.astype(np.int8), [0]])))
    result: list[tuple[float, float]] = []
    for start, end in zip(edges[::2] * CHUNK_S, edges[1::2] * CHUNK_S, strict=True):
        if result and start - result[-1][1] < PAUSE_S:
            result[-1] = (result[-1][0], float(end))
        else:
            result.append((float(start), float(end)))
    return tuple((a, min(b, duration_s)) for a, b in result if min(b, duration_s) - a >= LEAST_SENTENCE_S)


class SpeechGate:
    """Tells windows in which somebody speaks from those of silence and noise, of which no emotion is told."""

    def __init__(self, settings: LiveSettings | None = None) -> None:
        self.settings = settings or LiveSettings()
        self.detector = VoiceDetector()

    def judge(self, window: np.ndarray) -> VoiceActivity:
        """A window by itself, float32 [samples] at 16 kHz."""
        return self.judge_all([window])[0]

    def judge_all(self, windows: Sequence[np.ndarray]) -> list[VoiceActivity]:
        """Several windows, each by itself."""
        probabilities = self.detector.probabilities_of(windows)
        return [self._of(window, values) for window, values in zip(windows, probabilities, strict=True)]

    def _of(self, window: np.ndarray, probabilities: np.ndarray) -> VoiceActivity:
        spoken = probabilities >= self.settings.speech_threshold
        whole = len(window) // CHUNK  # the last chunk may be filled up with zeros, which are no pause
        powers = np.square(window[: whole * CHUNK].reshape(whole, CHUNK), dtype=np.float64).mean(axis=1)
        enough = float(spoken.sum()) * CHUNK_S >= self.settings.min_speech_s
        return VoiceActivity(
            probabilities, spoken, enough, snr_db(powers, spoken[:whole]) if whole else float("nan")
        )
