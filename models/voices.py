"""Speaker embeddings of sounds, by which voices are told apart: vectors of length 1 in which likeness is a cosine.

The speech of a sound is cut into windows of about 1.6 s, as the voice encoder was trained on, and the embedding is the mean of theirs.
Pauses are left out first, and the level is brought to that of the encoder's training, since the encoder works on power, not on its
logarithm.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import torch

from models import audio
from models.voice_embedding import UNITS, FloatArray
from models.voice_encoder import FRAME_S, SAMPLE_RATE, shared_encoder

WINDOW_S = 1.6
LEVEL_DB = -30.0
LEAST_S = 0.6  # of speech: from less a voice cannot be told
GATE_S = 0.03  # length of the blocks that are judged to be speech or pause
AUDIBLE_DB = 26.0  # below the 95th percentile of the level; a softer block is a pause
SILENCE = 1e-5  # RMS
BLOCK_S, ENOUGH_S = 20.0, 180.0  # of a long sound: encoded at once, and of speech in all


def speaker_embedding(sound: FloatArray, sample_rate: int) -> FloatArray | None:
    """The embedding of the voice in a sound [samples], float32 [256] of length 1; None for less than 0.6 s of speech."""
    return speaker_embeddings([sound], sample_rate)[0]


@torch.inference_mode()
def speaker_embeddings(sounds: Sequence[FloatArray], sample_rate: int) -> list[FloatArray | None]:
    """`speaker_embedding` of several sounds, computed in one batch."""
    encoder = shared_encoder()
    windows: list[torch.Tensor] = []  # mel bands [frames, bands]
    owners: list[int] = []  # the number of the sound that each window is of
    for number, sound in enumerate(sounds):
        speech = without_pauses(audio.resample(np.asarray(sound, np.float32), sample_rate, SAMPLE_RATE))
        if len(speech) < LEAST_S * SAMPLE_RATE:
            continue
        gain = 10 ** (LEVEL_DB / 20) / np.sqrt(np.mean(np.square(speech, dtype=np.float64)))
        bands = encoder.bands(speech * np.float32(gain))
        count = max(1, round(len(bands) * FRAME_S / WINDOW_S))
        windows += torch.tensor_split(bands, count)
        owners += [number] * count
    result: list[FloatArray | None] = [None] * len(sounds)
    if not windows:
        return result
    states = encoder.lstm(torch.nn.utils.rnn.pad_sequence(windows, batch_first=True))[0]
    last = states[torch.arange(len(windows)), torch.tensor([len(window) - 1 for window in windows])]
    embeddings = torch.nn.functional.normalize(torch.relu(encoder.linear(last)), dim=1).cpu().numpy()
    for number in set(owners):
        total = embeddings[np.array(owners) == number].sum(0)
        result[number] = (total / np.linalg.norm(total)).astype(np.float32)
    return result


def without_pauses(sound: FloatArray) -> FloatArray:
    """The blocks of a 16 kHz sound [samples] that are speech, by their level, joined."""
    size = round(GATE_S * SAMPLE_RATE)
    count = len(sound) // size
    if not count:
        return sound[:0]
    blocks = sound[: count * size].reshape(count, size)
    levels = np.sqrt(np.mean(np.square(blocks, dtype=np.float64), axis=1))
    loud = float(np.quantile(levels, 0.95))
    if loud < SILENCE:
        return sound[:0]
    audible = levels > loud * 10 ** (-AUDIBLE_DB / 20)
    speech = np.convolve(audible, np.ones(7))[3:-3] > 0.5  # a tenth of a second on either side: consonants
    return np.ascontiguousarray(blocks[speech].reshape(-1))


class RunningEmbedding:
    """The speaker embedding of a sound that comes block by block, from at most its first three minutes of speech.

    known, speech_s: the embedding so far, float32 [256] of length 1, and from how many seconds of speech it was computed.
    """

    def __init__(self, sample_rate: int, known: FloatArray | None = None, speech_s: float = 0.0) -> None:
        self._rate = sample_rate
        self._pending: list[FloatArray] = []  # sound that is not encoded yet
        self._sum = np.zeros(UNITS) if known is None else speech_s * np.asarray(known, np.float64)
        self.speech_s = speech_s if known is not None else 0.0

    def add(self, sound: FloatArray) -> None:
        """The next [samples]."""
        if self.speech_s < ENOUGH_S:
            self._pending.append(sound)
            if sum(map(len, self._pending)) >= BLOCK_S * self._rate:
                self._encode()

    def embedding(self) -> FloatArray | None:
        """Of all sound so far, float32 [256] of length 1; None where it holds too little speech."""
        self._encode()
        norm = float(np.linalg.norm(self._sum))
        return (self._sum / norm).astype(np.float32) if norm > 0 else None

    def _encode(self) -> None:
        if not self._pending:
            return
        sound, self._pending = np.concatenate(self._pending), []
        speech = without_pauses(audio.resample(sound, self._rate, SAMPLE_RATE))
        embedding = speaker_embedding(speech, SAMPLE_RATE)
        if embedding is not None:
            seconds = len(speech) / SAMPLE_RATE
            self._sum += seconds * embedding
            self.speech_s += seconds


def embedding_of_file(path: str | os.PathLike[str]) -> tuple[FloatArray | None, float]:
    """(the embedding of the voice in a sound file, seconds of speech that it was computed from).

    Raises UserError where the file cannot be read.
    """
    running = RunningEmbedding(SAMPLE_RATE)
    for block in audio.blocks(path, SAMPLE_RATE, BLOCK_S):
        running.add(block)
        if running.speech_s >= ENOUGH_S:
            break
    return running.embedding(), running.speech_s
