"""Judging the network on a split: every item once, by all processes together, nothing random about it."""

from __future__ import annotations

import numpy as np
import torch

from models.training import order
from models.training.learner import Learner


@torch.no_grad()
def outputs(learner: Learner, split: str, size: int) -> dict[str, np.ndarray]:
    """The task's outputs for each item of a split, in item order; by the averaged weights if weights are averaged."""
    task, world = learner.task, learner.world
    plan = order.batches_of(task, size)
    parts: list[dict[str, np.ndarray]] = []
    network = learner.network  # every process its own batches: nothing to wait for
    network.eval()
    try:
        with learner.average.in_place_of(network):
            for batch in order.loaded(task, split, plan[world.rank :: world.size]):
                with learner.accelerator.autocast():
                    parts.append(task.outputs(network, task.to(batch, learner.device)))
    finally:
        network.train()
    by_rank = world.gathered(parts)
    parts = [by_rank[i % world.size][i // world.size] for i in range(len(plan))]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
