"""What the items of voices or mixtures are, by content: stretches of files, and who speaks in them."""

from __future__ import annotations

from collections.abc import Iterable

from models.fingerprint import FileHashes, Used, of_span
from models.separation.corpora import Clip, ReadyMixture


def contents_of_clips(clips: Iterable[Clip]) -> Used:
    """One hash a clip, in their order; groups are the speakers."""
    of, clips = FileHashes(), list(clips)
    return Used(
        [of_span(of(clip.path), clip.start_s, clip.end_s) for clip in clips], [clip.speaker for clip in clips]
    )


def contents_of_mixtures(mixtures: Iterable[ReadyMixture]) -> Used:
    """One hash a mixture, in their order; groups are the speakers in them."""
    of, mixtures = FileHashes(), list(mixtures)
    return Used(
        [of(mixture.mixture) for mixture in mixtures],
        [name for mixture in mixtures for name in mixture.speakers],
    )
