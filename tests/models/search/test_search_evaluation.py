"""The figures of retrieval against their plain definitions, with the rule for ties and its bounds."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.search import codes, evaluation


def plain_map(distances, relevant, k):
    """The definition, query by query: order by (distance, place in the fixed permutation)."""
    place = np.empty(distances.shape[1], int)
    place[evaluation.tie_order(distances.shape[1])] = np.arange(distances.shape[1])
    total = 0.0
    for row, truth in zip(distances, relevant, strict=True):
        ranking = sorted(range(len(row)), key=lambda item: (row[item], place[item]))[:k]
        result, precisions = 0, []
        for rank, item in enumerate(ranking, start=1):
            if truth[item]:
                result += 1
                precisions.append(result / rank)
        total += sum(precisions) / result if result else 0.0
    return total / len(distances)


def all_orders(row, truth, k):
    """The average precision of every order that a tie-breaking could give to one query."""
    result = set()
    for order in itertools.permutations(range(len(row))):
        if all(row[a] <= row[b] for a, b in itertools.pairwise(order)):
            hits = np.array([[truth[item] for item in order[:k]]])
            result.add(float(evaluation.average_precisions(hits)[0]))
    return result


def random_data(seed, queries=17, items=90, bits=16, classes=5):
    random = np.random.default_rng(seed)
    return (
        codes.pack(random.normal(size=(queries, bits))),
        codes.pack(random.normal(size=(items, bits))),
        random.random((queries, classes)) < 0.25,
        random.random((items, classes)) < 0.25,
    )


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([1, 5, 50, None]), st.sampled_from([8, 16, 64, 128]))
def test_map_is_its_plain_definition(seed, k, bits):
    query, base, query_labels, labels = random_data(seed, bits=bits)
    distances = codes.distances(query, base)
    relevant = (query_labels[:, None] & labels[None]).any(-1)
    expected = plain_map(distances, relevant, k or 90)
    assert evaluation.map_of_codes(query, base, query_labels, labels, k) == pytest.approx(expected, abs=1e-12)
    metrics = evaluation.metrics_of_codes(query, base, query_labels, labels, k)
    assert metrics.mean_average_precision == pytest.approx(expected, abs=1e-12)
    assert metrics.worst_map <= metrics.mean_average_precision + 1e-12
    assert metrics.mean_average_precision <= metrics.best_map + 1e-12


@pytest.mark.parametrize("k", [1, 3, 4, 7])
def test_bounds_are_those_of_all_orders_within_ties(k):
    random = np.random.default_rng(k)
    for _ in range(12):
        base = random.choice(np.array([0, 1, 3], np.uint8), (7, 1))  # distances 0, 1 and 2
        labels = random.random((7, 1)) < random.random()
        query, wanted = np.zeros((1, 1), np.uint8), np.ones((1, 1), bool)
        orders = all_orders(codes.distances(query, base)[0], labels[:, 0], k)
        metrics = evaluation.metrics_of_codes(query, base, wanted, labels, k, ranks=())
        assert metrics.best_map == pytest.approx(max(orders), abs=1e-12)
        assert metrics.worst_map == pytest.approx(min(orders), abs=1e-12)
        assert min(abs(metrics.mean_average_precision - item) for item in orders) < 1e-12


def test_more_than_64_labels_and_several_blocks(monkeypatch):
    query, base, query_labels, labels = random_data(1, classes=150)
    query_labels, labels = query_labels & (np.arange(150) > 100), labels & (np.arange(150) > 100)
    whole = evaluation.map_of_codes(query, base, query_labels, labels, 20)
    relevant = (query_labels[:, None] & labels[None]).any(-1)
    assert whole == pytest.approx(plain_map(codes.distances(query, base), relevant, 20))
    monkeypatch.setattr(evaluation, "ROWS_AT_ONCE", 200)
    assert evaluation.map_of_codes(query, base, query_labels, labels, 20) == pytest.approx(whole, abs=1e-12)


def test_order_of_the_data_base_does_not_leak():
    """All distances tie: the fixed permutation decides, and the bounds say how little that means."""
    base, labels = np.zeros((100, 8), np.uint8), np.arange(100)[:, None] < 50
    query, wanted = np.zeros((1, 8), np.uint8), np.ones((1, 1), bool)
    metrics = evaluation.metrics_of_codes(query, base, wanted, labels, 50)
    assert metrics.best_map == 1
    assert metrics.worst_map == 0
    assert 0.3 < metrics.mean_average_precision < 0.8
    turned = evaluation.metrics_of_codes(query, base, wanted, labels[::-1], 50)
    assert 0.3 < turned.mean_average_precision < 0.8


def test_embeddings():
    random = np.random.default_rng(0)
    query, base = random.normal(size=(20, 6)), random.normal(size=(70, 6))
    _, _, query_labels, labels = random_data(2, 20, 70)
    unit = [values / np.linalg.norm(values, axis=1, keepdims=True) for values in (query, base)]
    distances = -(unit[0].astype(np.float32) @ unit[1].astype(np.float32).T)
    relevant = (query_labels[:, None] & labels[None]).any(-1)
    metrics = evaluation.metrics_of_embeddings(query, base, query_labels, labels, 50)
    assert metrics.mean_average_precision == pytest.approx(plain_map(distances, relevant, 50), abs=1e-9)


def test_precision_recall_and_chance():
    query, base = np.zeros((1, 1), np.uint8), np.array([[0], [1], [3], [7]], np.uint8)
    metrics = evaluation.metrics_of_codes(
        query, base, np.ones((1, 1), bool), np.array([[1], [0], [1], [0]], bool), None, ranks=(1, 2, 3, 4)
    )
    assert metrics.precision == pytest.approx((1, 1 / 2, 2 / 3, 1 / 2))
    assert metrics.recall == pytest.approx((1 / 2, 1 / 2, 1, 1))
    assert metrics.chance == 0.5
    assert metrics.mean_average_precision == pytest.approx((1 + 2 / 3) / 2)


def test_a_query_without_relevant_items_counts_as_zero():
    query, base, _, labels = random_data(0)
    assert evaluation.map_of_codes(query, base, np.zeros((17, 5), bool), labels) == 0


def test_own_ranks_and_their_bounds():
    distances = np.array([[2, 2, 2, 1], [0, 1, 2, 3]])
    own = np.array([0, 0])
    best, worst = evaluation.own_rank_bounds(distances, own)
    assert best.tolist() == [1, 0]
    assert worst.tolist() == [3, 0]
    ranks = evaluation.own_ranks(distances, own)
    assert 1 <= ranks[0] <= 3
    assert ranks[1] == 0
