"""When a word is too uncertain to be told. One rule for the microphone, files, tables and exports. Needs no torch.

A model's certainty is made as right as it says by its temperature; what is less certain than a threshold is `UNSURE`. The
threshold of a model lies in its checkpoint: it is the highest under which the words of held-out speakers were right in at
most half of the cases. A checkpoint that tells none is never unsure, unless a person asks for it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

UNSURE = "unsure"  # in the place of an emotion
NO_SPEECH = "no speech"  # likewise, where nobody speaks
SPEECH = "speech"  # likewise, where somebody does, and the model gives degrees and no classes
BY_MODEL = -1.0  # of a setting: the model's own threshold
TRUSTED_SNR_DB = 10.0  # with less speech over the noise, what is heard is told with a warning


def word(probabilities: np.ndarray, labels: Sequence[str], unsure_below: float) -> str:
    """The likeliest label of float [classes], or `UNSURE` where its probability is below the threshold; `SPEECH` of no classes."""
    if not labels:
        return SPEECH
    best = int(np.argmax(probabilities))
    return UNSURE if float(probabilities[best]) < unsure_below else labels[best]


def threshold(chosen: float, of_model: float) -> float:
    """What a person asks for; the model's, where they leave it to the model (`BY_MODEL`)."""
    return of_model if chosen < 0 else chosen


def fitted_threshold(certainty: np.ndarray, right: np.ndarray, wanted: float = 0.5) -> float:
    """The highest certainty, in hundredths, under which at most `wanted` of the words were right; 0 where there is none.

    certainty: float [n], of words on speakers who took no part in the training; right: bool [n].
    """
    highest = 0.0
    for hundredths in range(100):
        below = certainty < hundredths / 100
        if below.any() and right[below].mean() <= wanted:
            highest = hundredths / 100
    return highest


def snr_db(powers: np.ndarray, spoken: np.ndarray) -> float:
    """Speech over noise in dB, of the mean power of short pieces of a window (float [n]) and which of them are speech.

    The noise is what lies between the words, or the quietest twentieth of all pieces, whichever is less: what the voice
    detector takes for a pause may still be a breath or a room's answer. NaN where nobody speaks or nothing is left of the speech without the noise.
    """
    if not spoken.any():
        return float("nan")
    between = powers[~spoken]
    quiet = float(np.quantile(powers, 0.05))
    floor = min(quiet, float(np.median(between))) if len(between) >= 3 else quiet
    speech = float(powers[spoken].mean()) - floor
    return 10 * math.log10(speech / max(floor, 1e-12)) if speech > 0 else float("-inf")
