"""How well a trained model finds, on data with labels: codes against the real-valued ceiling, honest against published.

`single`: a text is encoded from the text alone and a picture from the picture alone, as every search must. `paired`: each
is fused with its own other half, as the published figures are; nobody can ask such a query. `single` is the headline.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.progress import Progress
from models.search import codes, evaluation
from models.search.encoded import Encoded
from models.search.evaluation import RetrievalMetrics
from models.search.features import Pairs
from models.search.hashing import Hasher, TrainedHasher

TOP = 50
RANKS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
WAYS = ("text → image", "image → text")
ROWS = 256  # queries that are compared with everything at a time
Measure = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class OwnRank:
    """How often the very picture (or text) that belongs to a query is among the nearest ten: recall@10.

    worst, best: by tie-breaking. chance: of drawing ten at random.
    """

    recall_at_10: float
    worst: float
    best: float
    chance: float


@dataclass(frozen=True)
class Judged:
    """One way of asking: `method` is ``single``, ``paired``, ``real`` (embeddings, single) or ``encoder`` (untouched).

    metrics: by labels, None where the data has none. own: by the own other half, None where queries are not among
    the answers.
    """

    method: str
    way: str
    bits: int
    metrics: RetrievalMetrics | None
    own: OwnRank | None

    def as_dict(self) -> dict[str, Any]:
        """The same as plain values, for JSON: ``map`` are the metrics by labels, ``own`` those by the own other half."""
        return {
            "method": self.method,
            "way": self.way,
            "bits": self.bits,
            "map": self.metrics.as_dict() if self.metrics else None,
            "own": vars(self.own) if self.own else None,
        }


def evaluate(
    hasher: Hasher,
    query: Pairs,
    retrieval: Pairs | None = None,
    k: int | None = TOP,
    progress: Progress | None = None,
) -> list[Judged]:
    """Judge both ways of asking. retrieval: what is searched; None: the queries' own other halves.

    Every item counts. Each picture is asked for by one text (`Pairs.questions`).
    """
    progress, same = progress or Progress(), retrieval is None
    answers = query if retrieval is None else retrieval
    texts = {"query": query.texts[query.questions], "answers": answers.texts[answers.questions]}
    images = {"query": query.images, "answers": answers.images}
    single = {
        "text → image": (hasher.texts(texts["query"]), hasher.images(images["answers"])),
        "image → text": (hasher.images(images["query"]), hasher.texts(texts["answers"])),
    }
    paired: dict[str, tuple[Encoded, Encoded]] = {}
    if isinstance(hasher, TrainedHasher):
        asked = hasher.pairs(images["query"], texts["query"])
        outcome = asked if same else hasher.pairs(images["answers"], texts["answers"])
        paired = {"text → image": (asked[1], outcome[0]), "image → text": (asked[0], outcome[1])}
    raw = {
        "text → image": (texts["query"], images["answers"]),
        "image → text": (images["query"], texts["answers"]),
    }
    result = []
    for number, way in enumerate(WAYS):
        progress.update(number, len(WAYS), "Ranking the answers")
        jobs = [("single", *single[way])] + ([("paired", *paired[way])] if paired else [])
        for method, ours, theirs in jobs:
            metrics = _by_labels(evaluation.metrics_of_codes, ours.codes, theirs.codes, query, answers, k)
            own = _own(codes.distances, ours.codes, theirs.codes) if same else None
            result.append(Judged(method, way, hasher.bits, metrics, own))
        vectors = single[way][0].embeddings, single[way][1].embeddings
        for method, (ours_real, theirs_real) in (("real", vectors), ("encoder", raw[way])):
            metrics = _by_labels(evaluation.metrics_of_embeddings, ours_real, theirs_real, query, answers, k)
            own = _own(_unlikeness, ours_real, theirs_real) if same else None
            result.append(Judged(method, way, 0, metrics, own))
    return result


def _by_labels(
    judge: Any, ours: np.ndarray, theirs: np.ndarray, query: Pairs, answers: Pairs, k: int | None
) -> RetrievalMetrics | None:
    if not query.labels.shape[1]:
        return None
    return judge(ours, theirs, query.labels, answers.labels, k, RANKS)


def _own(measure: Measure, ours: np.ndarray, theirs: np.ndarray) -> OwnRank:
    """recall@10 of each query's own item, some queries at a time."""
    within = np.zeros(3)
    for start in range(0, len(ours), ROWS):
        distances = measure(ours[start : start + ROWS], theirs)
        own = np.arange(start, start + len(distances))
        best, worst = evaluation.own_rank_bounds(distances, own)
        ranks = evaluation.own_ranks(distances, own), worst, best
        within += [int((rank < 10).sum()) for rank in ranks]
    shares = within / max(1, len(ours))
    return OwnRank(float(shares[0]), float(shares[1]), float(shares[2]), min(1.0, 10 / max(1, len(theirs))))


def _unlikeness(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    return -(_unit(ours) @ _unit(theirs).T)


def _unit(values: np.ndarray) -> np.ndarray:
    return values / np.maximum(1e-12, np.linalg.norm(values, axis=1, keepdims=True))
