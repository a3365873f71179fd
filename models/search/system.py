"""Image-text search, as a system among the others."""

from __future__ import annotations

from models.contract import Capabilities, Refusal, System
from models.search.config import SearchConfig


def _capabilities() -> Capabilities:
    from models.search import commands, task
    from models.search.searcher import Searcher

    return Capabilities(
        task=task.TASK,
        load=Searcher.load,
        use=commands.use,
        evaluate=commands.evaluate,
        describe=commands.describe,
        crossval=Refusal(
            "Its data has no speakers or subjects; a part of the pictures is held out instead.",
            "Use train, then evaluate: the test part takes no part in training.",
        ),
        importer=Refusal(
            "Weights of other hash models fit none of these networks.",
            "What can be brought in are features: .npz, .safetensors, and MIRFlickr's .pkl.",
        ),
        export=Refusal(
            "No other program reads these hash models.",
            "Its checkpoint folders are plain safetensors and JSON.",
        ),
        import_data=commands.import_features,
        extra={"index": commands.index, "search": commands.search, "upkeep": commands.upkeep_of},
    )


SYSTEM = System("search", "Search", SearchConfig, _capabilities)
