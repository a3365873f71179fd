"""The three stages of the search system as tasks of the one training loop."""

from __future__ import annotations

from models.search.config import SearchConfig
from models.training.task import Task


def TASK(config: SearchConfig) -> Task[SearchConfig]:
    """The task of a config's stage."""
    if config.stage == "encoder":
        from models.search.encoder_task import EncoderTask

        return EncoderTask(config)
    from models.search.hash_task import HashTask

    return HashTask(config)
