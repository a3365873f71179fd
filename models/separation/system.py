"""Speech separation, as a system among the others."""

from __future__ import annotations

from models.contract import Capabilities, Refusal, System
from models.separation.config import SeparationConfig
from models.separation.options import UseOptions
from models.separation.results import SeparationOptions


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
