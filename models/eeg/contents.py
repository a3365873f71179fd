"""What recordings of EEG are, by content: each second of them, as it was read and before it is filtered."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from models.eeg.dataset import Dataset
from models.eeg.splits import Stretch
from models.fingerprint import Used, of_array


def contents(dataset: Dataset, stretches: Iterable[Stretch] | None = None, part: str = "") -> Used:
    """One hash for each whole second of a data set, or of the stretches of one of its parts; groups are the subjects.

    Seconds are counted from the beginning of a recording, so that they are the same however it is split. One in which
    nothing moves tells no recording from another, and is left out.
    """
    rate, items = dataset.sample_rate, dataset.items
    if stretches is None:
        spans = [(number, 0, len(item.envelope)) for number, item in enumerate(items)]
    else:  # a subject may have heard a stimulus more than once: then the stretch is of each time
        spans = [
            (number, stretch.start, min(stretch.start + len(stretch), len(item.envelope)))
            for stretch in stretches
            for number, item in enumerate(items)
            if (item.subject, item.stimulus) == (stretch.subject, stretch.stimulus)
            and item.split in ("", part)
        ]
        spans = list(dict.fromkeys(spans))
    seconds = (
        np.asarray(items[number].eeg[second * rate : (second + 1) * rate])
        for number, first, last in spans
        for second in range(-(-first // rate), last // rate)
    )
    return Used(
        [of_array(piece) for piece in seconds if np.ptp(piece)],
        list(dict.fromkeys(items[number].subject for number, _, _ in spans)),
    )
