"""How the microphone is listened to. No torch: the window reads this."""

from __future__ import annotations

from models.emotion.doubt import BY_MODEL
from models.settings import Settings, setting


class LiveSettings(Settings):
    """How the microphone is listened to."""

    hop_s: float = setting(
        0.5, "Every", "How often the last seconds are classified.", unit="s", group="Live", ge=0.1, le=5
    )
    smoothing: int = setting(
        2,
        "Smoothing",
        "Windows that are averaged; 1 shows each by itself.",
        unit="windows",
        group="Live",
        ge=1,
        le=20,
    )
    speech_threshold: float = setting(
        0.5,
        "Speech threshold",
        "Probability from which the voice detector is believed.",
        group="Live",
        ge=0.05,
        le=0.95,
    )
    min_speech_s: float = setting(
        0.3,
        "Least speech",
        "Less speech than this in a window is no speech.",
        unit="s",
        group="Live",
        ge=0.05,
        le=3,
    )
    unsure_below: float = setting(
        BY_MODEL,
        "Unsure below",
        "Certainty under which the word is `unsure`; 0 tells every word. The model's own was chosen on held-out speakers: of the words under it at most half were right.",
        group="Live",
        ge=BY_MODEL,
        le=1,
    )
