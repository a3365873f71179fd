"""What sequences are, by content: the numbers of each by themselves, without its target."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from models.fingerprint import Used, of_array
from models.reverberation.sequences import Sequences


def contents(sequences: Sequences, chosen: Iterable[int] | None = None) -> Used:
    """One hash a sequence, of all or of the chosen ones in their order; groups as they are named."""
    numbers = range(len(sequences)) if chosen is None else [int(number) for number in chosen]
    return Used(
        [of_array(sequences.x[number].astype(np.float32)) for number in numbers],
        [sequences.groups[number] for number in numbers] if sequences.groups else [],
    )
