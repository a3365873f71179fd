"""A recognised file in words, and its windows as a time line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.i18n import tr
from app.tabs.emotion.degrees import degrees_text
from app.tabs.emotion.live_view import certainty
from app.tabs.emotion.words import emotion_words
from models.emotion.doubt import UNSURE

if TYPE_CHECKING:
    from models.emotion.file_prediction import FilePrediction


def said(prediction: FilePrediction) -> str:
    """``sad 61 %``, ``unsure · sad? 41 %``, the degrees where the model gives them, or that nobody speaks; and how noisy it is, where that is too much."""
    if not prediction.spoken:
        return tr("no speech")
    how = certainty(prediction.label, prediction.likeliest, prediction.mean_probabilities)
    separator = " · " if prediction.label == UNSURE else " "
    text = f"{emotion_words(prediction.label)}{separator}{how}".rstrip() if prediction.labels else ""
    degrees = degrees_text(prediction.dimension_names[:2], prediction.mean_dimensions[:2])
    text = " · ".join(part for part in (text, degrees) if part)
    if not prediction.noisy:
        return text
    return f"{text} · {tr('SNR {db} dB', db=f'{max(prediction.snr_db, -20.0):.0f}')}"
