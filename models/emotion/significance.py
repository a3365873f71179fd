"""Whether one emotion model is better than another: paired tests on the same utterances. NumPy alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from models.emotion.speakers import Evaluation
from models.errors import UserError
from models.training.significance import mcnemar, permutation_test

__all__ = ["Comparison", "compare", "mcnemar", "permutation_test"]


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


def _matched(first: Evaluation, second: Evaluation) -> tuple[np.ndarray, np.ndarray]:
    """The orders that bring the same utterances of both to the same places."""
    orders = []
    for item in (first, second):
        named = len(set(item.ids)) == item.n
        orders.append(
            np.array(sorted(range(item.n), key=item.ids.__getitem__) if named else range(item.n), dtype=int)
        )
    ours, theirs = (
        [(item.ids[i], item.labels[item.truth[i]], item.speakers[i]) for i in order]
        for item, order in zip((first, second), orders, strict=True)
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
