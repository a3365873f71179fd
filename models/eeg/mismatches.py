"""Stretches of speech that do not belong to a stretch of EEG, drawn for the training that is to tell them apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from models.eeg.splits import Stretch
from models.errors import UserError


class _Span(NamedTuple):
    """`windows` windows of a stretch, the first of which begins at `first`; each next one a sample later."""

    stretch: Stretch
    first: int
    windows: int


class Mismatches:
    """Draws for a window of EEG other windows of speech, as long, none of which overlaps its own in the stimulus.

    They are what the same person heard within the part. Where that has no room for as many side by side, what the person
    heard in training joins, as in a short validation block; and where that has none, what anybody heard.
    """

    def __init__(
        self, part: Sequence[Stretch], training: Sequence[Stretch], length: int, wanted: int
    ) -> None:
        """length: of a window, in samples. wanted: how many are drawn for each."""
        self._near, self._all = (
            tuple(part),
            tuple({id(stretch): stretch for stretch in (*part, *training)}.values()),
        )
        self._length, self._wanted = length, wanted
        self._own: dict[str, tuple[tuple[Stretch, ...], ...]] = {}

    def check(self) -> None:
        """Raises UserError where a window of the part would have no other beside it."""
        if len({stretch.stimulus for stretch in self._all}) > 1:
            return
        for stretch in {(item.start, len(item)): item for item in self._near}.values():
            for start in range(len(stretch) - self._length + 1):
                if not self._spans(self._all, stretch, start):
                    raise UserError(
                        "There is nothing that a window could be told apart from.",
                        "All EEG is of one stretch of speech, and some windows leave no room for another beside them.",
                        "Shorten the window, choose another loss, or more data.",
                    )

    def draw(self, stretch: Stretch, start: int, random: np.random.Generator) -> np.ndarray:
        """Envelopes, float32 [wanted, length], for the window that begins `start` samples into the stretch."""
        spans: list[_Span] = []
        for pool in self._pools(stretch.subject):
            spans = self._spans(pool, stretch, start)
            if sum(span.windows for span in spans) >= self._wanted * self._length:
                break
        ends = np.cumsum([span.windows for span in spans])
        drawn = []
        for pick in random.integers(0, ends[-1], self._wanted):
            number = int(np.searchsorted(ends, pick, side="right"))
            span = spans[number]
            first = span.first + int(pick) - int(ends[number] - span.windows)
            drawn.append(span.stretch.envelope[first : first + self._length])
        return np.stack(drawn)

    def _pools(self, subject: str) -> tuple[tuple[Stretch, ...], ...]:
        """From the nearest to all there is."""
        if subject not in self._own:
            near, known = (
                tuple(item for item in items if item.subject == subject) for items in (self._near, self._all)
            )
            self._own[subject] = (near, known, self._all)
        return self._own[subject]

    def _spans(self, pool: Sequence[Stretch], stretch: Stretch, start: int) -> list[_Span]:
        """Where windows of the pool lie that do not overlap the one that begins at `start`."""
        begin, result = stretch.start + start, []
        for other in pool:
            count = len(other) - self._length + 1
            if other.stimulus != stretch.stimulus:
                spans = [_Span(other, 0, count)]
            else:
                before = min(count, begin - self._length - other.start + 1)
                after = max(0, begin + self._length - other.start)
                spans = [_Span(other, 0, before), _Span(other, after, count - after)]
            result += [span for span in spans if span.windows > 0]
        return result
