"""What an embedding of a voice is: where its encoder's weights lie, how they are named, how alike two voices are.

Needs no torch: the window lists and deletes kept voices before it is there.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.resources import resource

FloatArray = NDArray[np.float32]
UNITS = 256  # of an embedding


def weights_file() -> Path:
    """The weights of the voice encoder that ships."""
    return resource("checkpoints", "voice-encoder", "weights.safetensors")


@cache
def weights_identity() -> str:
    """A name for the weights that ship, by their content."""
    return hashlib.sha256(weights_file().read_bytes()).hexdigest()[:16]


def likeness(first: FloatArray, second: FloatArray) -> float:
    """How alike two voices are, embeddings float32 [256] of length 1: their cosine, 0 to 1."""
    return float(first @ second)
