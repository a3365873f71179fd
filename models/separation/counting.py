"""How many people are in separated tracks: a track counts whose voice is not another's.

A network for two gives two tracks of one voice as well. Then one of them is far softer, or both sound like the same person and
speak by turns. What that says was fitted on 220 recordings of speakers of Common Voice whom the bundled network had not met, alone
and in pairs; docs/models.md says what it comes to on others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.voice_embedding import likeness

FloatArray = NDArray[np.float32]
APART_DB = 40.0  # so much softer a track holds nobody, whatever it sounds like
UNKNOWN = 0.9  # likeness of a voice of which too little is heard
LOUD_DB = 20.0  # under the loud moments: a track is heard
WEIGHTS, BIAS = (-1.339, -1.419, 1.316), 1.531  # of level, likeness and togetherness
TINY = 1e-9


def count_voices(levels: FloatArray, voices: Sequence[FloatArray | None]) -> tuple[int, float]:
    """(how many, how certain, 0.5 to 1). levels: RMS of the tracks, [tracks, frames of 50 ms]; voices: of the tracks.

    None are heard in silence, of which one is certain.
    """
    if not levels.size or float(levels.max()) < TINY:
        return 0, 1.0
    order = np.argsort(-np.square(levels, dtype=np.float64).mean(1))
    counted, certainty = [int(order[0])], 1.0
    for track in map(int, order[1:]):
        share = min(another_share(pair_figures(levels, voices, louder, track)) for louder in counted)
        certainty = min(certainty, max(share, 1 - share))
        if share > 0.5:
            counted.append(track)
    return len(counted), certainty


def pair_figures(
    levels: FloatArray, voices: Sequence[FloatArray | None], louder: int, softer_track: int
) -> tuple[float, float, float]:
    """(how much softer `softer_track` is, dB; likeness of their voices; share of the time in which both are heard)."""
    rms = np.sqrt(np.square(levels[[louder, softer_track]], dtype=np.float64).mean(1))
    softer = 20 * math.log10(max(rms[0], TINY) / max(rms[1], TINY))
    first, second = voices[louder], voices[softer_track]
    alike = UNKNOWN if first is None or second is None else likeness(first, second)
    loud = np.quantile(levels[[louder, softer_track]].max(0), 0.95) * 10 ** (-LOUD_DB / 20)
    audible = levels[[louder, softer_track]] > loud
    together = float(audible.all(0).sum() / max(1, audible.any(0).sum()))
    return min(softer, APART_DB), alike, together


def another_share(measures: tuple[float, float, float]) -> float:
    """How likely it is that the softer track holds another person, 0 to 1."""
    softer, alike, together = measures
    if softer >= APART_DB:
        return 0.0
    terms = (softer / 10, 10 * (alike - 0.8), 2 * together)
    return 1 / (1 + math.exp(-BIAS - sum(w * x for w, x in zip(WEIGHTS, terms, strict=True))))
