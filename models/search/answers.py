"""From what a search has compared to its answers: put in order, fused with what words found, cut, folded, and described."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from models.search import codes
from models.search.index import Index
from models.search.queries import Hit

ALIKE_COSINE = 0.985  # of embeddings, from which two pictures are near-duplicates
ALIKE_SHARE = 1 / 32  # of differing bits, up to which they are, where there are no embeddings
RANK_CONSTANT = 60  # of reciprocal rank fusion (Cormack et al., SIGIR 2009)


@dataclass(frozen=True)
class Compared:
    """Items that were compared with a question, the nearest code first. ids int64 [n]; distances int32 [n], of codes; rows
    uint8 [n, bytes], their codes; likeness float [n], −1 to 1; vectors float [n, dim] of length 1, by which the likeness was
    taken: embeddings, or the codes' signs where the index keeps none."""

    ids: np.ndarray
    distances: np.ndarray
    rows: np.ndarray
    likeness: np.ndarray
    vectors: np.ndarray
    real: bool

    def __len__(self) -> int:
        return len(self.ids)


def compared(
    index: Index, side: str, ids: np.ndarray, distances: np.ndarray, bits: int, asked: np.ndarray, real: bool
) -> Compared:
    """asked: float [dim], the question's embedding of length 1. real: by embeddings, where the index keeps them."""
    rows = index.codes(ids, side)
    held = index.embeddings(ids, side) if real else None
    if held is None:
        signs = (2.0 * codes.unpack(rows) - 1) / np.sqrt(bits)
        return Compared(ids, distances, rows, 1 - 2 * distances / bits, signs, False)
    vectors = unit(held)
    return Compared(ids, distances, rows, vectors @ asked, vectors, True)


def by_likeness(candidates: Compared, first: int) -> np.ndarray:
    """The places in order: the first so many by likeness, those behind by their codes."""
    finer = np.where(np.arange(len(candidates)) < first, -candidates.likeness, np.inf)
    return np.lexsort((np.arange(len(candidates)), finer))


def fused(rankings: Sequence[np.ndarray], count: int) -> np.ndarray:
    """The places 0 … count − 1 in the order of several rankings of some of them, by reciprocal rank; the first ranking
    decides where that is equal. Places that none of them holds come last."""
    score, tie = np.zeros(count), np.full(count, np.iinfo(np.int64).max)
    for ranking in rankings:
        score[ranking] += 1 / (RANK_CONSTANT + 1 + np.arange(len(ranking)))
    tie[rankings[0]] = np.arange(len(rankings[0]))
    return np.lexsort((tie, -score))


def folded(candidates: Compared, places: np.ndarray, bits: int) -> list[list[int]]:
    """The places in order, near-duplicates grouped behind the first of them."""
    if candidates.real:
        same = candidates.vectors[places] @ candidates.vectors[places].T >= ALIKE_COSINE
    else:
        rows = candidates.rows[places]
        same = codes.distances(rows, rows) <= max(0, int(bits * ALIKE_SHARE))
    groups: list[list[int]] = []
    taken = np.zeros(len(places), bool)
    for place in range(len(places)):
        if taken[place]:
            continue
        members = np.flatnonzero(same[place] & ~taken)
        members = members[members > place]
        taken[members] = True
        groups.append([int(places[member]) for member in (place, *members)])
    return groups


def described(
    index: Index,
    side: str,
    candidates: Compared,
    groups: Sequence[Sequence[int]],
    percentiles: np.ndarray,
    why: dict[int, tuple[str, ...]],
) -> list[Hit]:
    """The answers with all that is known of them; what another process has removed meanwhile is left out."""
    places = [place for group in groups for place in group]
    numbers = candidates.ids[places] if places else np.zeros(0, np.int64)
    texts: dict[int, str] = {}
    pictures_of = {int(number): int(number) for number in numbers}
    if side == "captions":
        captions = index.captions(numbers)
        texts = {number: text for number, text, _ in captions}
        pictures_of = {number: item for number, _, item in captions}
    items = {item.id: item for item in index.items(list(dict.fromkeys(pictures_of.values())))}
    hits: dict[int, Hit] = {}
    for place in places:
        number = int(candidates.ids[place])
        item = items.get(pictures_of.get(number, -1))
        if item is None:
            continue
        first = item.captions[0] if item.captions else ""
        hits[place] = Hit(
            id=item.id,
            path=item.path,
            caption=texts.get(number, first),
            captions=item.captions,
            attribution=item.attribution,
            distance=int(candidates.distances[place]),
            score=float(candidates.likeness[place]),
            code=codes.unpack(candidates.rows[place]),
            percentile=float(percentiles[place]),
            why=why.get(place, ("likeness",)),
            day=item.day,
            camera=item.facts.camera,
            size=(item.facts.width, item.facts.height),
        )
    result = []
    for group in groups:
        there = [hits[place] for place in group if place in hits]
        if there:
            result.append(replace(there[0], folded=tuple(there[1:])))
    return result


def unit(values: np.ndarray) -> np.ndarray:
    """Rows of length 1."""
    return values / np.maximum(1e-12, np.linalg.norm(values, axis=-1, keepdims=True))
