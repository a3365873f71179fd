"""EEG decoding, as a system among the others."""

from __future__ import annotations

from models.contract import Capabilities, Refusal, System
from models.eeg.config import EEGConfig
from models.eeg.options import DecodingOptions


def _capabilities() -> Capabilities:
    from models.eeg import commands, crossvalidation
    from models.eeg.decoder import Decoder
    from models.eeg.task import EEGTask

    return Capabilities(
        task=EEGTask,
        load=Decoder.load,
        use=commands.use,
        evaluate=commands.evaluate,
        describe=commands.describe,
        crossval=crossvalidation.crossval,
        importer=Refusal(
            "The decoders that others have published are built differently, so their weights fit none of these networks.",
            "Train one here; the linear decoder takes seconds.",
        ),
        export=Refusal(
            "No other program reads these decoders.", "Its checkpoint folders are plain safetensors and JSON."
        ),
        learning_curve=crossvalidation.learning_curve,
        ensemble=commands.ensemble,
    )


SYSTEM = System(
    "eeg", "EEG", EEGConfig, _capabilities, use_options=DecodingOptions, crossval_by=("subject", "k")
)
