"""Whose voice a sound is: what the voice encoder hears in those moments in which somebody speaks.

A sound is cut into windows of about 1.6 s, as the encoder was trained on; its voice is their mean. Quiet moments are left out, and the
level is that of the encoder's training, for it hears power and not its logarithm.
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
LEAST_S = 0.6  # of speech: less says nothing of a voice
GATE_S = 0.03
AUDIBLE_DB = 26.0  # under the loudest twentieth; what is softer is left out
SILENCE = 1e-5  # RMS
STRETCH_S, ENOUGH_S = 20.0, 180.0  # of a long sound: heard at once, and of speech in all


def voice_of(sound: FloatArray, sample_rate: int) -> FloatArray | None:
    """float32 [256] of length 1, of a sound [samples]; None where less than 0.6 s is audible."""
    return voices_of([sound], sample_rate)[0]


@torch.inference_mode()
def voices_of(sounds: Sequence[FloatArray], sample_rate: int) -> list[FloatArray | None]:
    """`voice_of` of several sounds, computed at once."""
    encoder = shared_encoder()
    windows: list[torch.Tensor] = []
    owners: list[int] = []
    for number, sound in enumerate(sounds):
        heard = audible(audio.resample(np.asarray(sound, np.float32), sample_rate, SAMPLE_RATE))
        if len(heard) < LEAST_S * SAMPLE_RATE:
            continue
        gain = 10 ** (LEVEL_DB / 20) / np.sqrt(np.mean(np.square(heard, dtype=np.float64)))
        bands = encoder.bands(heard * np.float32(gain))
        count = max(1, round(len(bands) * FRAME_S / WINDOW_S))
        windows += torch.tensor_split(bands, count)
        owners += [number] * count
    result: list[FloatArray | None] = [None] * len(sounds)
    if not windows:
        return result
    states = encoder.lstm(torch.nn.utils.rnn.pad_sequence(windows, batch_first=True))[0]
    last = states[torch.arange(len(windows)), torch.tensor([len(window) - 1 for window in windows])]
    made = torch.nn.functional.normalize(torch.relu(encoder.linear(last)), dim=1).cpu().numpy()
    for number in set(owners):
        total = made[np.array(owners) == number].sum(0)
        result[number] = (total / np.linalg.norm(total)).astype(np.float32)
    return result


def audible(sound: FloatArray) -> FloatArray:
    """The moments of a 16 kHz sound in which somebody is heard, joined."""
    size = round(GATE_S * SAMPLE_RATE)
    count = len(sound) // size
    if not count:
        return sound[:0]
    blocks = sound[: count * size].reshape(count, size)
    levels = np.sqrt(np.mean(np.square(blocks, dtype=np.float64), axis=1))
    loud = float(np.quantile(levels, 0.95))
    if loud < SILENCE:
        return sound[:0]
    heard = levels > loud * 10 ** (-AUDIBLE_DB / 20)
    around = np.convolve(heard, np.ones(7))[3:-3] > 0.5  # a tenth of a second on either side: consonants
    return np.ascontiguousarray(blocks[around].reshape(-1))


class LongVoice:
    """The voice of a sound that comes bit by bit, from at most its first minutes of speech.

    known, heard_s: the voice as it was known before, float32 [256] of length 1, and from how many seconds of speech.
    """

    def __init__(self, sample_rate: int, known: FloatArray | None = None, heard_s: float = 0.0) -> None:
        self._rate = sample_rate
        self._waiting: list[FloatArray] = []
        self._sum = np.zeros(UNITS) if known is None else heard_s * np.asarray(known, np.float64)
        self.heard_s = heard_s if known is not None else 0.0  # of speech

    def hear(self, sound: FloatArray) -> None:
        """The next [samples]."""
        if self.heard_s < ENOUGH_S:
            self._waiting.append(sound)
            if sum(map(len, self._waiting)) >= STRETCH_S * self._rate:
                self._listen()

    def voice(self) -> FloatArray | None:
        """float32 [256] of length 1; None where too little was said."""
        self._listen()
        size = float(np.linalg.norm(self._sum))
        return (self._sum / size).astype(np.float32) if size > 0 else None

    def _listen(self) -> None:
        if not self._waiting:
            return
        sound, self._waiting = np.concatenate(self._waiting), []
        heard = audible(audio.resample(sound, self._rate, SAMPLE_RATE))
        voice = voice_of(heard, SAMPLE_RATE)
        if voice is not None:
            seconds = len(heard) / SAMPLE_RATE
            self._sum += seconds * voice
            self.heard_s += seconds


def voice_of_file(path: str | os.PathLike[str]) -> tuple[FloatArray | None, float]:
    """(the voice in a sound file, seconds of speech it was heard from). Raises UserError where it cannot be read."""
    heard = LongVoice(SAMPLE_RATE)
    for block in audio.blocks(path, SAMPLE_RATE, STRETCH_S):
        heard.hear(block)
        if heard.heard_s >= ENOUGH_S:
            break
    return heard.voice(), heard.heard_s
