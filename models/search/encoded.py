"""What an encoder and a hash model make of pictures or texts. No torch: an index can be opened without."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Encoded:
    """embeddings: float32 [n, dim] of length 1 each. codes: uint8 [n, bits / 8]. values: float32 [n, bits], whose
    signs the codes are, of length 1 each."""

    embeddings: np.ndarray
    codes: np.ndarray
    values: np.ndarray

    def __len__(self) -> int:
        return len(self.codes)


def joined(parts: list[Encoded]) -> Encoded:
    """Several, one after the other."""
    return Encoded(
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("embeddings", "codes", "values")
        )
    )
