"""In which order a run sees its items: a function of its seed and of the epoch, and of nothing else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from models.training.task import AnyTask, Draw, Task

Step = list[list[Draw]]  # the micro-batches of one optimizer step


def steps_of(task: AnyTask, epoch: int) -> list[Step]:
    """The optimizer steps of an epoch, which counts from 0."""
    config = task.config
    generator = np.random.default_rng([config.seed, epoch])
    items = task.order(generator)
    seeds = generator.integers(1, 2**31 - 1, len(items))
    draws = [Draw(int(item), int(seed)) for item, seed in zip(items, seeds, strict=True)]
    batches = _cut(draws, config.batch_size)
    group = config.accumulation
    return [batches[i : i + group] for i in range(0, len(batches), group)]


def batches_of(task: AnyTask, size: int) -> list[list[Draw]]:
    """The batches of `size` items to be judged, each once, with nothing random about them."""
    return _cut([Draw(item, 0) for item in range(size)], task.config.batch_size)


def loaded(task: AnyTask, split: str, plan: list[list[Draw]]) -> Any:
    """The batches of a plan one after another, made when they are asked for."""
    return Loader(task, split, workers=0).of(plan)


class Loader:
    """Makes the batches of one plan after another; where there are `workers`, ahead, in processes that stay until the
    loader is let go of."""

    def __init__(self, task: AnyTask, split: str, workers: int) -> None:
        self._plan = _Plan()
        self._loader: Any = torch.utils.data.DataLoader(
            _Batches(task, split),
            batch_size=None,
            sampler=self._plan,
            num_workers=workers,
            # A task that changes with its history has to be handed to the processes anew in every epoch.
            persistent_workers=workers > 0 and type(task).look_back is Task.look_back,
            multiprocessing_context=_processes(task) if workers else None,
            # A generator of its own: otherwise making the loader would draw from the global one.
            generator=torch.Generator().manual_seed(task.config.seed),
        )

    def of(self, plan: list[list[Draw]]) -> Any:
        """The batches of a plan, in its order; of what was left over of the last plan, nothing more comes."""
        self._plan.steps = plan
        return self._loader


def _processes(task: AnyTask) -> Any:
    """How loading processes come to be: where the system can, as copies of a server that has read the libraries already.

    Begun from nothing, each takes seconds to import torch, and the next is not begun before it has, for only then it
    takes what it is handed: fourteen of them took 70 s.
    """
    if "forkserver" not in torch.multiprocessing.get_all_start_methods():
        return "spawn"
    context = torch.multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([type(task).__module__])
    return context


def workers_for(wish: int, device: torch.device) -> int:
    """How many processes prepare batches: as the config wishes, or by the machine where it says -1.

    A graphics card is fed by half of the cores, eight at most; beside a CPU that computes they would only be in its way.
    """
    if wish >= 0:
        return wish
    return min(8, (os.cpu_count() or 2) // 2) if device.type == "cuda" else 0


class _Plan(torch.utils.data.Sampler[list[Draw]]):
    """What is to be loaded: a list that is replaced from epoch to epoch."""

    def __init__(self) -> None:
        self.steps: list[list[Draw]] = []

    def __iter__(self) -> Iterator[list[Draw]]:
        return iter(self.steps)


class _Batches(torch.utils.data.Dataset[Any]):
    """A task's split as a data set whose items are whole batches, named by their draws."""

    def __init__(self, task: AnyTask, split: str) -> None:
        self.task, self.split = task, split

    def __getitem__(self, draws: list[Draw]) -> Any:
        return self.task.batch(self.split, draws)


def _cut(draws: list[Draw], size: int) -> list[list[Draw]]:
    return [draws[i : i + size] for i in range(0, len(draws), size)]
