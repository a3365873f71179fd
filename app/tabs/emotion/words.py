"""Emotions in words and colours, the same everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app import theme
from app.i18n import tr

if TYPE_CHECKING:
    pass


def emotion_words(label: str) -> str:
    """An emotion in the person's language; labels of other models as they are."""
    words = {
        "angry": tr("angry"),
        "happy": tr("happy"),
        "neutral": tr("neutral"),
        "sad": tr("sad"),
        "fear": tr("fear"),
        "disgust": tr("disgust"),
        "surprise": tr("surprise"),
        "boredom": tr("boredom"),
        "calm": tr("calm"),
        "excited": tr("excited"),
        "frustrated": tr("frustrated"),
    }
    return words.get(label, label)


def emotion_color(label: str, number: int = 0) -> str:
    """The emotion's colour, the same everywhere; other labels take the categories in turn."""
    others = [color for color in theme.CATEGORIES if color not in theme.EMOTIONS.values()]
    return theme.EMOTIONS.get(label) or others[number % len(others)]
