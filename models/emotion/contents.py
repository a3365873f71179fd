"""What an emotion data set's items are, by content: stretches of files, and who speaks in them."""

from __future__ import annotations

from collections.abc import Sequence

from models.emotion.corpora import Utterance
from models.fingerprint import FileHashes, Used, of_span


def contents(utterances: Sequence[Utterance]) -> Used:
    """One hash an utterance, in their order; groups are the speakers."""
    of = FileHashes()
    return Used(
        [of_span(of(utterance.path), utterance.start_s, utterance.end_s) for utterance in utterances],
        [utterance.speaker for utterance in utterances],
    )
