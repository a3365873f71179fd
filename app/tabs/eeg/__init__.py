"""The EEG tab: recordings to scroll through, the envelope they decode to, and which talker was listened to."""

from app.tabs.eeg.tab import EegTab

__all__ = ["EegTab"]
