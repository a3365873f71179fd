"""Conversations of known voices, with long pauses, on which it is measured who is in which lane.

Each speaker says other sentences of theirs, or stretches of their one clip, again and again: in turns that overlap, one of
them alone for half a minute, nobody for a minute. A little noise lies under all of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from models.separation.mixing import amplitude, rms

SEGMENT_S = 2.0  # which lane a voice is in is judged by so long segments
SPOKEN_DB, NOISE_DB = -25.0, -75.0
ACTIVE_DB = -45.0  # a voice that is softer in a segment says nothing there
TALK_S, ALONE_S, PAUSE_S = (15.0, 30.0), (10.0, 30.0), 60.0
GAP_S = (0.1, 1.5)  # between what one person says and goes on to say
PAUSES = 0.6  # how often a minute of silence follows


@dataclass(frozen=True)
class ConversationSound:
    """mixture float32 [samples]; voices float32 [speakers, samples] adding up to it but for the noise."""

    mixture: np.ndarray
    voices: np.ndarray


def conversation(
    utterances: Sequence[Sequence[np.ndarray]], seconds: float, rate: int, seed: int
) -> ConversationSound:
    """utterances: the sentences of each speaker, float32 [samples] at `rate`."""
    random = np.random.default_rng(seed)
    total = round(seconds * rate)
    voices = np.zeros((len(utterances), total), np.float32)
    for place, speaker, turn in _turns(utterances, total, rate, random):
        level = amplitude(SPOKEN_DB + float(random.uniform(-2, 2))) / max(rms(turn), 1e-6)
        end = min(total, place + len(turn))
        voices[speaker, place:end] = level * turn[: end - place]
    noise = amplitude(NOISE_DB) * random.standard_normal(total)
    return ConversationSound((voices.sum(0) + noise).astype(np.float32), voices)


def _turns(
    utterances: Sequence[Sequence[np.ndarray]], total: int, rate: int, random: np.random.Generator
) -> Iterator[tuple[int, int, np.ndarray]]:
    """(first sample, speaker, what is said): everybody at once, one of them alone, often nobody, and again."""

    def talks(speaker: int, place: int, until: int) -> Iterator[tuple[int, int, np.ndarray]]:
        while place < min(until, total):
            turn = utterances[speaker][int(random.integers(len(utterances[speaker])))]
            yield place, speaker, turn
            place += len(turn) + round(float(random.uniform(*GAP_S)) * rate)

    def later(place: int, bounds: tuple[float, float]) -> int:
        return place + round(float(random.uniform(*bounds)) * rate)

    longest = max(len(turn) for turns in utterances for turn in turns)
    place = rate
    while place < total:
        end = later(place, TALK_S)
        for speaker in range(len(utterances)):
            yield from talks(speaker, place, end)
        place, alone = end + longest, int(random.integers(len(utterances)))
        end = later(place, ALONE_S)
        yield from talks(alone, place, end)
        place = end + longest + (round(PAUSE_S * rate) if random.random() < PAUSES else 0)


def lane_errors(tracks: np.ndarray, voices: np.ndarray, rate: int) -> tuple[int, int]:
    """(segments in which the voices are in other lanes than on the whole, segments in which anybody speaks).

    tracks, voices: [speakers, samples].
    """
    from itertools import permutations

    size = round(SEGMENT_S * rate)
    count = voices.shape[1] // size
    cut = (len(voices), count, size)
    levels, spoken = tracks[:, : count * size].reshape(cut), voices[:, : count * size].reshape(cut)
    active = np.sqrt(np.square(spoken, dtype=np.float64).mean(-1)) > amplitude(
        ACTIVE_DB
    )  # [speakers, segments]
    agreement = np.einsum("tns,vns->ntv", levels.astype(np.float64), spoken)
    sizes = np.sqrt(np.square(spoken, dtype=np.float64).sum(-1)).T  # [segments, speakers]
    agreement = np.where(active.T[:, None], agreement / np.maximum(sizes, 1e-9)[:, None], 0.0)
    orders = list(permutations(range(len(voices))))
    totals = np.stack([sum(agreement[:, order[v], v] for v in range(len(voices))) for order in orders])
    best, speaks = totals.argmax(0), active.any(0)
    usual = np.bincount(best[speaks], minlength=len(orders)).argmax()
    return int((best[speaks] != usual).sum()), int(speaks.sum())
