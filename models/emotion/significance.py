"""Whether one emotion model is better than another: paired tests on the same utterances. NumPy alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from models.emotion.speakers import Evaluation
from models.errors import UserError

EXACT_SPEAKERS = 16  # up to so many, every exchange of signs is counted: 65,536 of them
DRAWS = 10_000


@dataclass(frozen=True)
class Comparison:
    """Two models on the same `n` utterances of `speakers` people.

    only_first, only_second: utterances that one alone had right. mcnemar_p: exact and two-sided, over utterances.
    difference: second minus first of `metric`, mean over the speakers. permutation_p: two-sided, that signs of the
    speakers' differences fell so by chance; `exact` if all exchanges of signs were counted, else drawn. Speakers,
    not utterances, are what a result should hold for: with fewer than six, no difference reaches p < 0.05.
    """

    n: int
    only_first: int
    only_second: int
    mcnemar_p: float
    metric: str
    speakers: int
    difference: float
    permutation_p: float
    exact: bool


def compare(
    first: Evaluation,
    second: Evaluation,
    metric: Literal["accuracy", "weighted_f1", "uar"] = "uar",
    seed: int = 0,
) -> Comparison:
    """The paired tests between two evaluations. Raises UserError if they are not of the same utterances."""
    ours, theirs = _matched(first, second)
    right_first = (first.predicted == first.truth)[ours]
    right_second = (second.predicted == second.truth)[theirs]
    only_first, only_second = (
        int((right_first & ~right_second).sum()),
        int((right_second & ~right_first).sum()),
    )
    differences = np.array(
        [
            getattr(b, metric) - getattr(a, metric)
            for a, b in zip(first.by_speaker, second.by_speaker, strict=True)
        ]
    )
    p, exact = permutation_test(differences, seed)
    return Comparison(
        n=first.n,
        only_first=only_first,
        only_second=only_second,
        mcnemar_p=mcnemar(only_first, only_second),
        metric=metric,
        speakers=len(differences),
        difference=float(differences.mean()) if len(differences) else 0.0,
        permutation_p=p,
        exact=exact,
    )


def mcnemar(only_first: int, only_second: int) -> float:
    """Two-sided exact p that two models which disagree on so many utterances are equally good; 1 if on none."""
    total, fewer = only_first + only_second, min(only_first, only_second)
    below, one = 0, 1  # one: ways to choose `count` of `total`, exact in integers however many
    for count in range(fewer + 1):
        below += one
        one = one * (total - count) // (count + 1)
    return min(1.0, 2 * below / 2**total)


def permutation_test(differences: np.ndarray, seed: int = 0) -> tuple[float, bool]:
    """(two-sided p of the mean of paired differences [pairs], whether it is exact).

    Every exchange of signs is counted for up to 16 pairs; for more, 10,000 are drawn by `seed`, the observed one
    among them. 1 without pairs.
    """
    differences = np.asarray(differences, dtype=np.float64)
    pairs = len(differences)
    if not pairs:
        return 1.0, True
    exact = pairs <= EXACT_SPEAKERS
    if exact:
        signs = 1.0 - 2.0 * (np.arange(2**pairs)[:, None] >> np.arange(pairs) & 1)
    else:
        signs = np.random.default_rng(seed).choice((1.0, -1.0), (DRAWS, pairs))
        signs[0] = 1.0
    sums = np.abs(signs @ differences)
    least = abs(differences.sum()) - 1e-9 * max(
        1.0, float(np.abs(differences).sum())
    )  # equal but for rounding
    return float((sums >= least).mean()), exact


def _matched(first: Evaluation, second: Evaluation) -> tuple[np.ndarray, np.ndarray]:
    """The orders that bring the same utterances of both to the same places."""
    orders = []
    for one in (first, second):
        named = len(set(one.ids)) == one.n
        orders.append(
            np.array(sorted(range(one.n), key=one.ids.__getitem__) if named else range(one.n), dtype=int)
        )
    ours, theirs = (
        [(one.ids[i], one.labels[one.truth[i]], one.speakers[i]) for i in order]
        for one, order in zip((first, second), orders, strict=True)
    )
    if ours != theirs:
        raise UserError(
            "The two evaluations cannot be compared.",
            "They are not of the same utterances: {first} and {second}, of which {both} are the same.",
            "Evaluate both models on the same data set.",
            first=first.n,
            second=second.n,
            both=len(set(ours) & set(theirs)),
        )
    return orders[0], orders[1]
