"""Whether one run is better than another: paired tests on the same items. NumPy alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.errors import UserError
from models.training.items import Items

EXACT_PAIRS = 16  # up to so many, every exchange of signs is counted: 65,536 of them
DRAWS = 10_000


@dataclass(frozen=True)
class PairedTest:
    """Two runs on the same `n` items of `groups` groups (speakers, subjects).

    difference: second minus first, mean over the groups. permutation_p: two-sided, that signs of the groups'
    differences fell so by chance; `exact` if all exchanges were counted, else drawn. only_first, only_second: items
    that one alone had right, and mcnemar_p, exact and two-sided, over items: where every score is 0 or 1, else None.
    """

    measure: str
    n: int
    groups: int
    difference: float
    permutation_p: float
    exact: bool
    only_first: int | None = None
    only_second: int | None = None
    mcnemar_p: float | None = None


def compare_items(first: Items, second: Items, seed: int = 0) -> PairedTest:
    """The paired tests between two runs. Raises UserError if they were not judged on the same items."""
    ours, theirs = (
        dict(zip(zip(item.names, item.groups, strict=True), item.scores.tolist(), strict=True))
        for item in (first, second)
    )
    if ours.keys() != theirs.keys() or first.measure != second.measure:
        raise UserError(
            "The two runs cannot be compared by a test.",
            "They were not judged on the same items: {first} and {second}, of which {both} are the same.",
            "Give both the same data and the same validation part.",
            first=len(ours),
            second=len(theirs),
            both=len(ours.keys() & theirs.keys()),
        )
    keys = list(ours)
    a, b = np.array([ours[key] for key in keys]), np.array([theirs[key] for key in keys])
    groups = np.array([group for _, group in keys])
    names = np.unique(groups)
    differences = np.array([(b - a)[groups == name].mean() for name in names])
    p, exact = permutation_test(differences, seed)
    binary = bool(np.isin(np.concatenate([a, b]), (0.0, 1.0)).all()) and len(keys) > 0
    only_first, only_second = int(((a == 1) & (b == 0)).sum()), int(((a == 0) & (b == 1)).sum())
    return PairedTest(
        measure=first.measure,
        n=len(keys),
        groups=len(names),
        difference=float(differences.mean()) if len(names) else 0.0,
        permutation_p=p,
        exact=exact,
        only_first=only_first if binary else None,
        only_second=only_second if binary else None,
        mcnemar_p=mcnemar(only_first, only_second) if binary else None,
    )


def mcnemar(only_first: int, only_second: int) -> float:
    """Two-sided exact p that two models which disagree on so many utterances are equally good; 1 if on none."""
    total, fewer = only_first + only_second, min(only_first, only_second)
    below, ways_to_choose = 0, 1  # of `count` among `total`, exact in integers however many
    for count in range(fewer + 1):
        below += ways_to_choose
        ways_to_choose = ways_to_choose * (total - count) // (count + 1)
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
    exact = pairs <= EXACT_PAIRS
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
