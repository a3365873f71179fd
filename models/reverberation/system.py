"""ReverberationNet, as a system among the others."""

from __future__ import annotations

from models.contract import Capabilities, Refusal, System
from models.reverberation.config import ReverberationConfig
from models.reverberation.options import ObservationOptions


def _capabilities() -> Capabilities:
    from models.reverberation import commands
    from models.reverberation.observer import Observer
    from models.reverberation.published import imported
    from models.reverberation.task import ReverberationTask

    return Capabilities(
        task=ReverberationTask,
        load=Observer.load,
        use=commands.use,
        evaluate=commands.evaluate,
        describe=commands.describe,
        crossval=Refusal(
            "Its data names no speakers or subjects in general.",
            "Train with a validation share, and with several seeds.",
        ),
        importer=imported,
        export=commands.export,
    )


SYSTEM = System(
    "reverberation",
    "ReverberationNet",
    ReverberationConfig,
    _capabilities,
    use_options=ObservationOptions,
)
