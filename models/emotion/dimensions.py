"""Emotion by degrees: arousal, valence and dominance, from 0 to 1 (Russell & Mehrabian, 1977). Needs no torch.

0.5 is the middle: neither aroused nor calm, neither pleasant nor unpleasant, neither in command nor submissive. A model may give
some of them, beside its classes or instead of them.
"""

from __future__ import annotations

import numpy as np

DIMENSIONS = ("arousal", "valence", "dominance")  # in this order everywhere
_SYNONYMS = {"activation": "arousal", "pleasure": "valence"}
MIDDLE = 0.5


def canonical_dimension(label: str) -> str:
    """The dimension that a label names, one of `DIMENSIONS`; empty where it names none."""
    word = label.strip().lower()
    word = _SYNONYMS.get(word, word)
    return word if word in DIMENSIONS else ""


def spoken_mean(values: np.ndarray, speech: np.ndarray) -> np.ndarray:
    """float [n, k] over the stretches with speech (bool [n]): float32 [k]; over all of them where there is none."""
    mean: np.ndarray = values[speech if speech.any() else slice(None)].mean(axis=0)
    return mean
