"""Emotions in words and colours, the same everywhere."""

from __future__ import annotations

from app import theme
from app.i18n import tr
from models.emotion.doubt import NO_SPEECH, SPEECH, UNSURE


def emotion_words(label: str) -> str:
    """An emotion in the person's language; labels of other models as they are."""
    words = {
        "angry": tr("angry"),
        "happy": tr("happy"),
        "neutral": tr("neutral"),
        "sad": tr("sad"),
        "fearful": tr("fearful"),
        "disgusted": tr("disgusted"),
        "surprised": tr("surprised"),
        "bored": tr("bored"),
        "calm": tr("calm"),
        "excited": tr("excited"),
        "frustrated": tr("frustrated"),
        "other": tr("another emotion"),
        UNSURE: tr("unsure"),
        NO_SPEECH: tr("no speech"),
        SPEECH: tr("speech"),
    }
    return words.get(label, label)


def emotion_color(label: str, number: int = 0) -> str:
    """The emotion's colour, the same everywhere; other labels take the categories in turn. What is unsure has none, nor
    has speech of which a model tells degrees alone."""
    if label in (UNSURE, SPEECH):
        return theme.color("track").name()
    others = [color for color in theme.CATEGORIES if color not in theme.EMOTIONS.values()] or theme.CATEGORIES
    return theme.EMOTIONS.get(label) or others[number % len(others)]
