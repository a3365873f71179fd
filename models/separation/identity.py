"""Who is who through a whole recording: each voice is kept in its lane by what it sounds like.

A network says who is who within a window, and the overlap of windows from one to the next; after a silence neither does,
and now and then a network exchanges two voices half-way. So the tracks are cut at quiet places about every two seconds, each
piece's voice is heard by the voice encoder, and one order of the tracks is found for every piece: that in which all the
lanes' pieces are most alike, where another order than the piece before costs something.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from models.voices import speaker_embeddings

FloatArray = NDArray[np.float32]
WideArray = NDArray[np.float64]
SHORTEST_S, LONGEST_S = 1.5, 2.5  # of a piece
QUIET_S = 0.02  # over which the level of a place to cut at is taken
AT_ONCE = 16  # pieces whose voices are heard together
CHANGE = 0.1  # of likeness, that another order than before must bring
FAINT_DB = 15.0  # under the loud pieces: softer ones say little of a voice
ROUNDS = 20
FADE_S = 0.01
MOST_SPEAKERS = 5  # whose orders can all be tried


@dataclass(frozen=True)
class Piece:
    """From sample `start` to `end`. voices: float32 [speakers, 256], zeros where a track says nothing; levels: RMS."""

    start: int
    end: int
    voices: FloatArray
    levels: WideArray


@dataclass(frozen=True)
class Ordered:
    """From sample `start` to `end`, lane n is track `order[n]`."""

    start: int
    end: int
    order: tuple[int, ...]

    @property
    def exchanged(self) -> bool:
        """Whether tracks lie in other lanes than the network gave them."""
        return list(self.order) != sorted(self.order)


@dataclass(frozen=True)
class Identity:
    """orders: of all the recording, in time. voices: of the lanes, float32 [speakers, 256], zeros where nobody was heard."""

    orders: tuple[Ordered, ...]
    voices: FloatArray


class VoiceTrail:
    """Hears tracks go by, in mono, and then says who was who."""

    def __init__(self, speakers: int, sample_rate: int) -> None:
        self._rate, self._speakers = sample_rate, speakers
        self._waiting = np.zeros((speakers, 0), np.float32)
        self._uncounted: list[tuple[int, int, FloatArray]] = []
        self._place = 0
        self.pieces: list[Piece] = []

    def hear(self, tracks: FloatArray) -> None:
        """The next [speakers, samples]."""
        self._waiting = np.concatenate([self._waiting, tracks], axis=1)
        longest = round(LONGEST_S * self._rate)
        while self._waiting.shape[1] >= longest:
            self._cut(quiet_place(self._waiting[:, :longest], self._rate))

    def identity(self) -> Identity:
        """What was heard up to the end."""
        if self._waiting.shape[1]:
            self._cut(self._waiting.shape[1])
        self._listen()
        return identified(self.pieces)

    def voices(self) -> list[FloatArray]:
        """Of the tracks as they came, once all were heard; zeros where nobody was."""
        total = np.zeros((self._speakers, 256))
        if self.pieces:
            total = np.einsum(
                "ps,psd->sd", _weights(self.pieces), np.stack([item.voices for item in self.pieces])
            )
        sizes = np.linalg.norm(total, axis=1, keepdims=True)
        return list((total / np.maximum(sizes, 1e-9)).astype(np.float32))

    def _cut(self, samples: int) -> None:
        piece, self._waiting = self._waiting[:, :samples], self._waiting[:, samples:]
        self._uncounted.append((self._place, self._place + samples, piece))
        self._place += samples
        if len(self._uncounted) >= AT_ONCE:
            self._listen()

    def _listen(self) -> None:
        sounds = [track for _, _, piece in self._uncounted for track in piece]
        computed = iter(speaker_embeddings(sounds, self._rate))
        for start, end, piece in self._uncounted:
            track_voices = [next(computed) for _ in range(self._speakers)]
            voices = np.stack(
                [np.zeros(256, np.float32) if voice is None else voice for voice in track_voices]
            )
            levels = np.sqrt(np.mean(np.square(piece, dtype=np.float64), axis=1))
            self.pieces.append(Piece(start, end, voices, levels))
        self._uncounted = []


def quiet_place(tracks: FloatArray, rate: int) -> int:
    """Where to cut [speakers, samples]: the quietest moment after the shortest piece."""
    first, size = round(SHORTEST_S * rate), max(1, round(QUIET_S * rate))
    late = tracks[:, first:]
    count = late.shape[1] // size
    if not count:
        return tracks.shape[1]
    power = np.square(late[:, : count * size], dtype=np.float64).sum(0).reshape(count, size).sum(1)
    return first + int(power.argmin()) * size + size // 2


def identified(pieces: Sequence[Piece]) -> Identity:
    """The orders in which the lanes are most alike, found by turns: lanes' voices from orders, orders from voices."""
    if not pieces:
        return Identity((), np.zeros((0, 256), np.float32))
    speakers = len(pieces[0].voices)
    orders = list(permutations(range(speakers))) if speakers <= MOST_SPEAKERS else [tuple(range(speakers))]
    voices = np.stack([piece.voices for piece in pieces]).astype(np.float64)
    weights = _weights(pieces)
    best, chosen, lanes = -np.inf, [0] * len(pieces), np.zeros((speakers, 256))
    for first in _beginnings(voices, weights):
        score, path, known = _by_turns(voices, weights, orders, first)
        if score > best:
            best, chosen, lanes = score, path, known
    usual = _usual(pieces, orders, chosen)
    lanes_of_pieces = [tuple(orders[index][lane] for lane in usual) for index in chosen]
    made = tuple(
        Ordered(piece.start, piece.end, order) for piece, order in zip(pieces, lanes_of_pieces, strict=True)
    )
    return Identity(_joined(made), lanes[list(usual)].astype(np.float32))


def _weights(pieces: Sequence[Piece]) -> WideArray:
    """[pieces, speakers]: 1 where a track is loud enough to be heard by, else 0."""
    levels = np.stack([piece.levels for piece in pieces])
    known = np.stack([np.linalg.norm(piece.voices, axis=1) > 0 for piece in pieces])
    loud = np.quantile(levels.max(1), 0.9) * 10 ** (-FAINT_DB / 20)
    return (known & (levels > loud)).astype(np.float64)


def _beginnings(voices: WideArray, weights: WideArray) -> Iterator[WideArray]:
    """Voices of the lanes to begin with: as the tracks are, and those of the pieces whose tracks are least alike."""
    yield np.einsum("ps,psd->sd", weights, voices)
    together = np.flatnonzero(weights.min(1) > 0)
    alike = np.array([np.triu(voices[place] @ voices[place].T, 1).sum() for place in together])
    for number in np.argsort(alike)[:4]:
        yield voices[together[number]]


def _by_turns(
    voices: WideArray, weights: WideArray, orders: Sequence[tuple[int, ...]], lanes: WideArray
) -> tuple[float, list[int], WideArray]:
    """(all likeness, which order each piece has, the lanes' voices [speakers, 256])."""
    cost = CHANGE * (1 - np.eye(len(orders)))
    table = np.array(orders)
    path: list[int] = []
    score = -np.inf
    for _ in range(ROUNDS):
        lanes = lanes / np.maximum(np.linalg.norm(lanes, axis=1, keepdims=True), 1e-9)
        alike = np.einsum("psd,ld->psl", voices, lanes) * weights[:, :, None]
        values = alike[:, table, np.arange(table.shape[1])].sum(-1)  # [pieces, orders]
        score, after = _best_path(values, cost)
        if after == path:
            break
        path = after
        own = table[path]  # [pieces, lanes]
        places = np.arange(len(voices))[:, None]
        lanes = (weights[places, own][..., None] * voices[places, own]).sum(0)
    return score, path, lanes / np.maximum(np.linalg.norm(lanes, axis=1, keepdims=True), 1e-9)


def _best_path(values: WideArray, cost: WideArray) -> tuple[float, list[int]]:
    """(its value, the state at each step) of the path with the greatest sum, changes at their cost (Viterbi 1967)."""
    total, back = values[0], []
    for step in values[1:]:
        transitions = total[None] - cost
        back.append(transitions.argmax(1))
        total = transitions.max(1) + step
    path = [int(total.argmax())]
    for came in reversed(back):
        path.append(int(came[path[-1]]))
    return float(total.max()), path[::-1]


def _usual(
    pieces: Sequence[Piece], orders: Sequence[tuple[int, ...]], chosen: Sequence[int]
) -> tuple[int, ...]:
    """How the lanes are to be numbered so that most of the recording stays as the network gave it."""
    lengths = np.zeros(len(orders))
    for piece, index in zip(pieces, chosen, strict=True):
        lengths[index] += piece.end - piece.start
    most = orders[int(lengths.argmax())]
    return tuple(int(lane) for lane in np.argsort(most))


def _joined(orders: Sequence[Ordered]) -> tuple[Ordered, ...]:
    """With neighbours of one order as one."""
    result: list[Ordered] = []
    for item in orders:
        if result and result[-1].order == item.order:
            result[-1] = Ordered(result[-1].start, item.end, item.order)
        else:
            result.append(item)
    return tuple(result)


class Reordered:
    """Puts tracks that come stretch by stretch into their lanes; where the order changes, one fades into the other."""

    def __init__(self, orders: Sequence[Ordered], sample_rate: int) -> None:
        self._orders, self._fade = list(orders), max(1, round(FADE_S * sample_rate))
        self._place = 0

    def push(self, tracks: FloatArray) -> FloatArray:
        """[speakers, samples, …] → the same."""
        result = tracks.copy()
        first, last = self._place, self._place + tracks.shape[1]
        self._place = last
        before: Ordered | None = None
        for item in self._orders:
            start, end = max(first, item.start), min(last, item.end)
            if start < end:
                cut = slice(start - first, end - first)
                result[:, cut] = tracks[list(item.order), cut]
                if before is not None:
                    self._faded(tracks, result, before, item.start, first)
            before = item
        return result

    def _faded(
        self, tracks: FloatArray, result: FloatArray, before: Ordered, change: int, first: int
    ) -> None:
        """The first moments after a change, faded in over the order before."""
        start, end = max(first, change), min(first + tracks.shape[1], change + self._fade)
        if start >= end:
            return
        rise = ((np.arange(start, end) - change + 0.5) / self._fade).astype(np.float32)
        rise = rise.reshape(1, -1, *[1] * (tracks.ndim - 2))
        cut = slice(start - first, end - first)
        result[:, cut] = result[:, cut] * rise + tracks[list(before.order), cut] * (1 - rise)
