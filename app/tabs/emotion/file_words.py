"""A recognised file in words, and its windows as a time line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from app.i18n import tr
from app.tabs.emotion.live_view import certainty
from app.tabs.emotion.words import emotion_words
from models.emotion.doubt import UNSURE

if TYPE_CHECKING:
    from models.emotion.file_prediction import FilePrediction


def said(prediction: FilePrediction) -> str:
    """``sad 61 %``, ``unsure · sad? 41 %``, or that nobody speaks; and how noisy it is, where that is too much."""
    if not prediction.spoken:
        return tr("no speech")
    how = certainty(prediction.label, prediction.likeliest, prediction.mean_probabilities)
    separator = " · " if prediction.label == UNSURE else " "
    text = f"{emotion_words(prediction.label)}{separator}{how}"
    if not prediction.noisy:
        return text
    return f"{text} · {tr('SNR {db} dB', db=f'{max(prediction.snr_db, -20.0):.0f}')}"


def hops(prediction: FilePrediction) -> tuple[np.ndarray, np.ndarray]:
    """Starts and ends that do not overlap: a window speaks for its middle."""
    if len(prediction.starts_s) == 1:
        return prediction.starts_s, prediction.ends_s
    middles = (prediction.starts_s + prediction.ends_s) / 2
    edges = np.concatenate([[0.0], (middles[1:] + middles[:-1]) / 2, [prediction.duration_s]])
    return edges[:-1], edges[1:]
