"""What one tab hands to another, where paths alone do not say enough."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Track:
    """One speaker of a conversation: a sound file, a name, the colour of their lane (``#RRGGBB``)."""

    path: Path
    name: str
    color: str


@dataclass(frozen=True)
class Conversation:
    """Tracks of one recording: equally long, and in step. model_rate: of the network that separated them, Hz; what lies
    above half of it is not in them."""

    title: str
    tracks: tuple[Track, ...]
    model_rate: int
