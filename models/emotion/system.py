"""Speech emotion, as a system among the others."""

from __future__ import annotations

from models.contract import Capabilities, System
from models.emotion.config import EmotionConfig
from models.emotion.options import EmotionOptions, JudgingOptions


def _capabilities() -> Capabilities:
    from models.emotion import commands, crossvalidation
    from models.emotion.published import imported
    from models.emotion.recognizer import Recognizer
    from models.emotion.tasks import TASK

    return Capabilities(
        task=TASK,
        load=Recognizer.load,
        use=commands.use,
        evaluate=commands.evaluate,
        describe=commands.describe,
        crossval=crossvalidation.crossval,
        importer=imported,
        export=commands.export,
    )


SYSTEM = System(
    "emotion",
    "Emotion",
    EmotionConfig,
    _capabilities,
    use_options=EmotionOptions,
    evaluate_options=JudgingOptions,
    crossval_by=("speaker", "session", "sex", "k"),
)
