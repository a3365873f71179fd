"""The emotion tab: live from the microphone, over files, and judged on labelled data."""

from app.tabs.emotion.tab import EmotionTab

__all__ = ["EmotionTab"]
