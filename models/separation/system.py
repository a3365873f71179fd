"""Speech separation, as a system among the others."""

from __future__ import annotations

from models.contract import Capabilities, Refusal, System
from models.separation.config import SeparationConfig
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


def _capabilities() -> Capabilities:
    from models.separation import commands
    from models.separation.published import imported
    from models.separation.separator import Separator
    from models.separation.task import SeparationTask

    return Capabilities(
        task=SeparationTask,
        load=Separator.load,
        use=commands.use,
        evaluate=commands.evaluate,
        describe=commands.describe,
        crossval=Refusal(
            "A separator is judged on speakers whom no part of its training has met.",
            "Use train, then evaluate: the test speakers take no part in training.",
        ),
        importer=imported,
        export=commands.export,
        extra={"mixtures": commands.mixtures},
    )


SYSTEM = System(
    "separation",
    "Separation",
    SeparationConfig,
    _capabilities,
    use_options=UseOptions,
    evaluate_options=SeparationOptions,
)
