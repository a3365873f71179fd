"""Which task trains a config."""

from __future__ import annotations

from models.emotion.config import EmotionConfig
from models.emotion.degrees_task import DegreesTask
from models.emotion.task import EmotionTask


def TASK(config: EmotionConfig) -> EmotionTask:
    """Where degrees are learned beside classes, one whose loss is of a step's items together."""
    return DegreesTask(config) if config.degrees.weight else EmotionTask(config)
