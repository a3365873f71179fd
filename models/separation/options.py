"""How recordings are separated: the options of use."""

from __future__ import annotations

from models.separation.results import SeparationOptions
from models.settings import setting


class UseOptions(SeparationOptions):
    """How recordings are separated, whose voice is wanted, and what they are compared with."""

    references: tuple[str, ...] = setting(
        (), "References", "The true tracks of one recording: the tracks are then scored against them."
    )
    voice: str = setting(
        "",
        "Voice",
        "Some seconds of one person alone as a sound file, or the name of a voice that is kept: that voice and the rest are"
        " written, instead of a track for each speaker.",
    )
    rttm: bool = setting(
        False, "RTTM", "Also write who speaks when beside the tracks, as Rich Transcription Time Marked."
    )
