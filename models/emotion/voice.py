"""Is anyone speaking? Silero's voice activity detector, whose small model comes with its package."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import torch

from models.errors import UserError

RATE = 16_000
CHUNK = 512  # samples that the detector judges at once: 32 ms
CHUNK_S = CHUNK / RATE


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
        self.reset()
        whole = np.pad(waveform.astype(np.float32, copy=False), (0, -len(waveform) % CHUNK))
        chunks = torch.from_numpy(whole).reshape(-1, 1, CHUNK)
        return np.array([float(self._model(chunk, RATE)) for chunk in chunks], dtype=np.float32)

    def segments(
        self, waveform: np.ndarray, threshold: float = 0.5, join_s: float = 0.3
    ) -> list[tuple[float, float]]:
        """(start, end) in seconds of the stretches of speech; pauses shorter than `join_s` belong to them."""
        speaking = self.probabilities(waveform) >= threshold
        edges = np.flatnonzero(np.diff(np.concatenate([[0], speaking.astype(np.int8), [0]])))
        found: list[tuple[float, float]] = []
        for start, end in zip(edges[::2] * CHUNK_S, edges[1::2] * CHUNK_S, strict=True):
            if found and start - found[-1][1] < join_s:
                found[-1] = (found[-1][0], float(end))
            else:
                found.append((float(start), float(end)))
        return found
