"""What pictures with captions are, by content: the files of the pictures, or the embeddings of those that have none."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from models.fingerprint import FileHashes, Used, of_array
from models.search.features import Pairs


def contents_of_files(paths: Iterable[Path]) -> Used:
    """One hash a picture, in their order; there are no groups."""
    of = FileHashes()
    return Used([of(path) for path in paths])


def contents_of_pairs(pairs: Pairs) -> Used:
    """One hash a pair, in their order: of the picture's file where it is known, else of its embedding."""
    if pairs.paths:
        return contents_of_files(pairs.paths)
    return Used([of_array(row.astype(np.float32)) for row in pairs.images])
