"""What can be set about an index of pictures. No torch: the window reads this."""

from __future__ import annotations

from typing import Literal

from models.settings import Settings, setting


class IndexSettings(Settings):
    """How a folder is indexed and searched."""

    kind: Literal["auto", "exact", "multi-index", "inverted"] = setting(
        "auto",
        "Search structure",
        "Exact compares with every code, and is fastest up to about ten million; beyond, multi-index hashing or an inverted file.",
        group="Index",
        advanced=True,
    )
    keep_embeddings: bool = setting(
        True,
        "Keep embeddings",
        "In half precision, so that the best codes can be ordered more finely.",
        group="Index",
    )
    batch_size: int = setting(
        32, "Pictures at once", "Encoded together.", group="Index", advanced=True, ge=1, le=1024
    )
    workers: int = setting(
        0, "Decoding processes", "0 chooses by the machine.", group="Index", advanced=True, ge=0, le=64
    )
