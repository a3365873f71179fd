"""Means over items, and means over time: what a run's metrics and its averaged weights are made with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch


class Sums:
    """Means over items, added up step by step."""

    def __init__(self, state: dict[str, list[float]] | None = None) -> None:
        self._sums: dict[str, list[float]] = {name: list(pair) for name, pair in (state or {}).items()}

    def add(self, metrics: dict[str, float], count: int) -> None:
        """Figures of a step of `count` items."""
        for name, value in metrics.items():
            entry = self._sums.setdefault(name, [0.0, 0])
            entry[0] += value * count
            entry[1] += count

    def means(self) -> dict[str, float]:
        """The mean of each value that was added."""
        return {name: total / count for name, (total, count) in self._sums.items() if count}

    def state(self) -> dict[str, list[float]]:
        """Sums and counts as plain values, from which another `Sums` goes on."""
        return {name: [total, count] for name, (total, count) in self._sums.items()}


class Average:
    """A running average of the weights (Polyak & Juditsky 1992; exponential, warmed up), or nothing if decay is 0."""

    def __init__(self, network: torch.nn.Module, decay: float) -> None:
        self.decay, self.updates = decay, 0
        self._weights = {n: p.detach().clone() for n, p in network.named_parameters()} if decay else {}

    @torch.no_grad()
    def update(self, network: torch.nn.Module) -> None:
        """Take the network's weights into the average, once a step; early steps weigh more."""
        if not self.decay:
            return
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        pairs = [(self._weights[n], p.detach()) for n, p in network.named_parameters()]
        torch._foreach_lerp_([kept for kept, _ in pairs], [now for _, now in pairs], 1 - decay)

    @contextmanager
    def in_place_of(self, network: torch.nn.Module) -> Iterator[None]:
        """Within, the network has the averaged weights."""
        if not self.decay or not self.updates:
            yield
            return
        pairs = [(p, self._weights[n]) for n, p in network.named_parameters()]
        own = [p.data for p, _ in pairs]
        for parameter, averaged in pairs:
            parameter.data = averaged
        try:
            yield
        finally:
            for (parameter, _), weight in zip(pairs, own, strict=True):
                parameter.data = weight

    def state(self) -> dict[str, Any]:
        """The averaged weights and the number of updates, for a checkpoint."""
        return {"updates": self.updates, "weights": self._weights}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a `state`; weights that the network no longer has are left out."""
        self.updates = state["updates"]
        for name, weight in state["weights"].items():
            if name in self._weights:
                self._weights[name].copy_(weight)
