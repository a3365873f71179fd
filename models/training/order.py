"""In which order a run sees its items: a function of its seed and of the epoch, and of nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from models.training.task import Draw, Task

Step = list[list[Draw]]  # the micro-batches of one optimizer step


def steps_of(task: Task, epoch: int) -> list[Step]:
    """The optimizer steps of an epoch, which counts from 0."""
    config = task.config
    generator = np.random.default_rng([config.seed, epoch])
    items = task.order(generator)
    seeds = generator.integers(1, 2**31 - 1, len(items))
    draws = [Draw(int(item), int(seed)) for item, seed in zip(items, seeds, strict=True)]
    batches = _cut(draws, config.batch_size)
    group = config.accumulation
    return [batches[i : i + group] for i in range(0, len(batches), group)]


def batches_of(task: Task, size: int) -> list[list[Draw]]:
    """The batches of `size` items to be judged, each once, with nothing random about them."""
    return _cut([Draw(item, 0) for item in range(size)], task.config.batch_size)


def loaded(task: Task, split: str, plan: list[list[Draw]]) -> Any:
    """The batches of a plan one after another; in training made ahead by the config's workers."""
    workers = task.config.workers if split == "train" else 0
    return torch.utils.data.DataLoader(
        _Batches(task, split),
        batch_size=None,
        sampler=plan,  # type: ignore[arg-type]
        num_workers=workers,
        multiprocessing_context="spawn" if workers else None,
        # A generator of its own: otherwise making the loader would draw from the global one.
        generator=torch.Generator().manual_seed(task.config.seed),
    )


class _Batches(torch.utils.data.Dataset):
    """A task's split as a data set whose items are whole batches, named by their draws."""

    def __init__(self, task: Task, split: str) -> None:
        self.task, self.split = task, split

    def __getitem__(self, draws: list[Draw]) -> Any:
        return self.task.batch(self.split, draws)


def _cut(draws: list[Draw], size: int) -> list[list[Draw]]:
    return [draws[i : i + size] for i in range(0, len(draws), size)]
