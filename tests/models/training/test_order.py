"""Batches made ahead are the batches; the processes that make them stay from plan to plan."""

import os

import pytest
import torch

from models.training import order
from models.training.task import Draw, Task

PLANS = [[[Draw(0, 1), Draw(1, 2)], [Draw(2, 3)]], [[Draw(3, 4)], [Draw(0, 5)], [Draw(1, 6)]]]


class Telling:
    """A task whose batches say what they were made of, and by which process."""

    class config:
        seed = 0

    look_back = Task.look_back  # nothing it does changes with its history

    def batch(self, split, draws):
        return split, draws, os.getpid()


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 2])
def test_plans_are_loaded_in_their_order_by_processes_that_stay(workers):
    loader, makers = order.Loader(Telling(), "train", workers), []
    for plan in PLANS:
        result = list(loader.of(plan))
        assert [(split, draws) for split, draws, _ in result] == [("train", draws) for draws in plan]
        makers.append({process for *_, process in result})
    if workers:
        assert os.getpid() not in makers[0] | makers[1]
        assert len(makers[0] | makers[1]) == 2
    else:
        assert makers == [{os.getpid()}] * 2


@pytest.mark.slow
def test_nothing_of_a_plan_that_was_left_comes_later():
    loader = order.Loader(Telling(), "train", 1)
    ready = iter(loader.of(PLANS[1]))
    assert next(ready)[1] == PLANS[1][0]
    assert [draws for _, draws, _ in loader.of(PLANS[0])] == PLANS[0]


def test_a_card_is_fed_by_processes_and_a_cpu_feeds_itself(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 16)
    card, cpu = torch.device("cuda:0"), torch.device("cpu")
    assert [order.workers_for(wish, card) for wish in (-1, 0, 3)] == [8, 0, 3]
    assert [order.workers_for(wish, cpu) for wish in (-1, 0, 3)] == [0, 0, 3]
