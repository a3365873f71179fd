"""Metrics of retrieval: mean average precision, precision and recall, for codes and for real-valued embeddings.

Two items are relevant to each other if they share a label. Average precision is taken over the relevant items
*found in the top k* (the convention of the hashing literature: sum of precisions at the hits / number of hits in the
top k; 0 if there is none), not over all relevant items.

Ties: Hamming distances take few values, so nearly every ranking is cut through a tie, and the order of the data base
would leak into the metrics. Items are therefore ordered by (distance, a permutation with a fixed seed); beside it stand
the best and the worst that any order within the ties could give.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from models.progress import Progress
from models.search import codes

TIE_SEED = 20_240_501  # of the permutation that breaks ties: any, but always the same
ROWS_AT_ONCE = 300_000  # keys held at a time: they stay in the processor's cache


@dataclass(frozen=True)
class RetrievalMetrics:
    """Of one direction. `worst_map` ≤ `mean_average_precision` ≤ `best_map` are the bounds by tie-breaking.

    precision, recall: float64 [len(ranks)], at the ranks given. chance: the share of relevant items.
    """

    mean_average_precision: float
    best_map: float
    worst_map: float
    chance: float
    ranks: tuple[int, ...]
    precision: tuple[float, ...]
    recall: tuple[float, ...]
    queries: int
    items: int

    def as_dict(self) -> dict[str, Any]:
        """The same as plain values, for JSON."""
        return asdict(self)


def pack_labels(labels: np.ndarray) -> np.ndarray:
    """bool [n, classes] as uint64 [n, ceil(classes / 64)]."""
    labels = np.asarray(labels, dtype=bool)
    missing = -labels.shape[1] % 64
    padded = np.pad(labels, ((0, 0), (0, missing if labels.shape[1] else 64)))
    return np.ascontiguousarray(np.packbits(padded, axis=1)).view(np.uint64)


def relevant(queries: np.ndarray, database: np.ndarray) -> np.ndarray:
    """bool [queries, database] of packed labels: whether they share one."""
    shared = (queries[:, 0, None] & database[None, :, 0]) != 0
    for word in range(1, queries.shape[1]):
        shared |= (queries[:, word, None] & database[None, :, word]) != 0
    return shared


def tie_order(count: int) -> np.ndarray:
    """The permutation by which ties among `count` items are broken: item numbers, first to last."""
    return np.random.default_rng(TIE_SEED).permutation(count)


def map_of_codes(
    queries: np.ndarray,
    database: np.ndarray,
    query_labels: np.ndarray,
    labels: np.ndarray,
    k: int | None = 50,
) -> float:
    """MAP@k of packed codes (uint8 [n, bytes]) and labels (bool [n, classes]); k None: of whole rankings."""
    order = tie_order(len(database))
    shuffled, truths = codes.words(database[order]), pack_labels(labels)[order]
    asked, wanted = codes.words(queries), pack_labels(query_labels)
    k = len(database) if k is None else min(k, len(database))
    places = np.arange(len(database), dtype=np.uint32)
    bits = max(1, int(len(database) - 1).bit_length())
    total = 0.0
    for rows in _blocks(len(queries), len(database)):
        keys = _keys_of_codes(asked[rows], shuffled, bits) | places
        first = _nearest(keys, k, bits)
        hits = _shared_rows(wanted[rows], truths, first)
        total += float(average_precisions(hits).sum())
    return total / max(1, len(queries))


def metrics_of_codes(
    queries: np.ndarray,
    database: np.ndarray,
    query_labels: np.ndarray,
    labels: np.ndarray,
    k: int | None = 50,
    ranks: Sequence[int] = (1, 5, 10, 50),
    progress: Progress | None = None,
) -> RetrievalMetrics:
    """All metrics of packed codes, uint8 [n, bytes], with labels bool [n, classes]."""

    def keys(rows: slice) -> np.ndarray:
        return codes.distances(queries[rows], database).astype(np.uint32)

    return _metrics(keys, len(queries), len(database), query_labels, labels, k, ranks, progress)


def metrics_of_embeddings(
    queries: np.ndarray,
    database: np.ndarray,
    query_labels: np.ndarray,
    labels: np.ndarray,
    k: int | None = 50,
    ranks: Sequence[int] = (1, 5, 10, 50),
    progress: Progress | None = None,
) -> RetrievalMetrics:
    """The same by cosine of real-valued embeddings, float [n, dim]: the ceiling beside the codes."""
    ours, theirs = _unit(queries), _unit(database)

    def keys(rows: slice) -> np.ndarray:
        return _descending(ours[rows] @ theirs.T)

    return _metrics(keys, len(queries), len(database), query_labels, labels, k, ranks, progress)


def average_precisions(hits: np.ndarray) -> np.ndarray:
    """float64 [n] of relevance in rank order, bool [n, k]: over the relevant items found."""
    result = np.cumsum(hits, axis=1)
    precision = result / np.arange(1, hits.shape[1] + 1)
    return (precision * hits).sum(1) / np.maximum(1, result[:, -1])


def _tie_bound(distance: np.ndarray, shared: np.ndarray, k: int, best: bool) -> np.ndarray:
    """The highest (or lowest) average precision float64 [n] in the top k that any order within ties could give.

    In a tie that lies wholly within the top k, relevant items come first (or last). Of the tie that is cut, it is also
    free how many relevant items j come in: a hit too late lowers the mean over what was found, so that neither all nor
    none is always the extreme. All j are tried; hits stand at the tie's first places (or the last of the top k).
    """
    first = _ranking(distance.astype(np.uint64) * 2 + (~shared if best else shared), k)
    last = np.take_along_axis(distance, first[:, -1:], axis=1)
    before = (distance < last).sum(1, keepdims=True)  # items in front of the tie that is cut
    tied = distance == last
    relevant_tied = (tied & shared).sum(1, keepdims=True)
    other_tied = tied.sum(1, keepdims=True) - relevant_tied
    places = np.arange(1, k + 1)
    hits = np.take_along_axis(shared, first, axis=1) & (places <= before)
    fixed = (np.cumsum(hits, axis=1) / places * hits).sum(1, keepdims=True)
    result = hits.sum(1, keepdims=True)
    taken = np.arange(k + 1)  # j
    zero = np.zeros((len(distance), 1))
    if best:
        added = np.concatenate([zero, np.cumsum((result + places) / (before + places), axis=1)], axis=1)
    else:  # the i-th of j hits stands at k − j + i; with t = j − i its precision is (found + j − t) / (k − t)
        steps = np.arange(k)
        shares = np.concatenate([[0], np.cumsum(1 / (k - steps))])
        losses = np.concatenate([[0], np.cumsum(steps / (k - steps))])
        added = (result + taken) * shares - losses
    values = (fixed + added) / np.maximum(1, result + taken)
    room = k - before
    possible = (taken >= room - other_tied) & (taken <= np.minimum(relevant_tied, room))
    chosen = np.where(possible, values, -np.inf if best else np.inf)
    return chosen.max(1) if best else chosen.min(1)


def own_ranks(distances: np.ndarray, own: np.ndarray) -> np.ndarray:
    """The rank (0 is the first) of each query's own item, ties broken by the fixed permutation.

    distances: [queries, items], less is nearer. own: int [queries], the item that is meant.
    """
    place = np.empty(distances.shape[1], np.int64)
    place[tie_order(distances.shape[1])] = np.arange(distances.shape[1])
    mine = distances[np.arange(len(own)), own][:, None]
    before = (distances < mine) | ((distances == mine) & (place[None] < place[own][:, None]))
    return before.sum(1)


def own_rank_bounds(distances: np.ndarray, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(best, worst) ranks that tie-breaking could give each query's own item."""
    mine = distances[np.arange(len(own)), own][:, None]
    return (distances < mine).sum(1), (distances <= mine).sum(1) - 1


def _metrics(
    keys: Any,
    query_count: int,
    item_count: int,
    query_labels: np.ndarray,
    labels: np.ndarray,
    k: int | None,
    ranks: Sequence[int],
    progress: Progress | None,
) -> RetrievalMetrics:
    k = item_count if k is None else min(k, item_count)
    ranks = tuple(rank for rank in ranks if rank <= item_count)
    deepest = max((k, *ranks))
    order = tie_order(item_count)
    truths, wanted = pack_labels(labels)[order], pack_labels(query_labels)
    sums = np.zeros(3)
    precision, recall, share = np.zeros(len(ranks)), np.zeros(len(ranks)), 0.0
    for rows in _blocks(query_count, item_count):
        if progress is not None:
            progress.update(rows.start, query_count, "Ranking the answers")
        distance = keys(rows)[:, order]
        shared = relevant(wanted[rows], truths)
        ordered = np.take_along_axis(shared, _ranking(distance, deepest), axis=1)
        counts = shared.sum(1)
        sums[0] += average_precisions(ordered[:, :k]).sum()
        for number, best in ((1, True), (2, False)):
            sums[number] += _tie_bound(distance, shared, k, best).sum()
        result = np.cumsum(ordered, axis=1)
        for number, rank in enumerate(ranks):
            precision[number] += (result[:, rank - 1] / rank).sum()
            recall[number] += (result[:, rank - 1] / np.maximum(1, counts)).sum()
        share += float((counts / max(1, item_count)).sum())
    count = max(1, query_count)
    return RetrievalMetrics(
        mean_average_precision=float(sums[0] / count),
        best_map=float(sums[1] / count),
        worst_map=float(sums[2] / count),
        chance=share / count,
        ranks=ranks,
        precision=tuple(float(value) for value in precision / count),
        recall=tuple(float(value) for value in recall / count),
        queries=query_count,
        items=item_count,
    )


def _ranking(keys: np.ndarray, k: int) -> np.ndarray:
    """int64 [n, k]: the columns with the least (key, column), in order. keys: unsigned [n, items]."""
    bits = max(1, int(keys.shape[1] - 1).bit_length())
    joined = (keys.astype(np.uint64) << np.uint64(bits)) | np.arange(keys.shape[1], dtype=np.uint64)
    return _nearest(joined, k, bits)


def _nearest(keys: np.ndarray, k: int, bits: int) -> np.ndarray:
    """The columns of the k least keys in order; the lower `bits` of a key are its column."""
    if k < keys.shape[1]:
        keys.partition(k - 1, axis=1)
        keys = keys[:, :k]
    keys = np.sort(keys, axis=1)
    return (keys & keys.dtype.type((1 << bits) - 1)).astype(np.int64)


def _keys_of_codes(asked: np.ndarray, database: np.ndarray, bits: int) -> np.ndarray:
    """Distances shifted left by `bits`: uint32 where they fit, which halves the work, else uint64."""
    kind = np.uint32 if bits <= 23 else np.uint64
    keys = np.zeros((len(asked), len(database)), kind)
    for word in range(asked.shape[1]):
        keys += np.bitwise_count(asked[:, word, None] ^ database[None, :, word])
    keys <<= kind(bits)
    return keys


def _shared_rows(wanted: np.ndarray, truths: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """bool [n, k]: whether query i shares a label with item columns[i, j]."""
    return (wanted[:, None, :] & truths[columns]).any(axis=2)


def _blocks(queries: int, items: int) -> list[slice]:
    step = max(1, ROWS_AT_ONCE // max(1, items))
    return [slice(start, min(start + step, queries)) for start in range(0, queries, step)]


def _descending(values: np.ndarray) -> np.ndarray:
    """float32 as uint32 in reverse order: the largest value becomes the least number."""
    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    ascending = np.where(bits >> 31, ~bits, bits | np.uint32(0x8000_0000))
    return ~ascending


def _unit(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, dtype=np.float32)
    return values / np.maximum(1e-12, np.linalg.norm(values, axis=1, keepdims=True))
