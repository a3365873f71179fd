"""What the mesh has to be better than: a ridge on time means, and a GRU with as many parameters."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from torch import Tensor, nn

from models.reverberation.bodies import time_mean
from models.reverberation.network import NetworkConfig, Output, ReverberationNet
from models.reverberation.sequences import Sequences

ALPHAS = np.logspace(-4, 4, 25)


class GRUBaseline(nn.Module):
    """Two GRU layers, the mean over time, a linear layer; as many hidden units as the parameters allow."""

    input_mean: Tensor
    input_scale: Tensor
    target_mean: Tensor
    target_scale: Tensor

    def __init__(self, width: int, parameters: int) -> None:
        super().__init__()
        hidden = _hidden_units(width, parameters)
        self.gru = nn.GRU(width, hidden, num_layers=2, batch_first=True)
        self.out = nn.Linear(hidden, 1)
        for name, value in (
            ("input_mean", torch.zeros(width)),
            ("input_scale", torch.ones(width)),
            ("target_mean", torch.zeros(())),
            ("target_scale", torch.ones(())),
        ):
            self.register_buffer(name, value)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Output:
        """x: [batch, time, width]. It has neither gates nor latents: those of the output are empty."""
        mask = None if lengths is None else torch.arange(x.shape[1], device=x.device) < lengths[:, None]
        states = self.gru((x - self.input_mean) / self.input_scale)[0]
        value = self.out(time_mean(states, mask))[:, 0]
        none = value.new_zeros(0, len(value))
        kl = value.new_zeros(2, 0, len(value))
        nothing = value.new_zeros(0, *states.shape[:2], 1)
        return Output(value * self.target_scale + self.target_mean, none, kl, none, (nothing, nothing))


def _hidden_units(width: int, parameters: int) -> int:
    """The most units whose network has no more than so many parameters: 9h² + (3w + 13)h + 1."""
    b = 3 * width + 13
    return max(1, int((-b + np.sqrt(b * b + 36 * (parameters - 1))) / 18))


@cache
def _counted(width: int, d: int, processors: str) -> int:
    network = ReverberationNet(NetworkConfig(width=width, d=d, processors=processors))
    return sum(parameter.numel() for parameter in network.parameters())


def parameters_of(config: NetworkConfig) -> int:
    """Parameters of the mesh with the documented wiring."""
    with torch.random.fork_rng():  # counting draws weights, which must not change the run's
        return _counted(config.width, config.d, config.processors)


def ridge(train: Sequences, test: Sequences, folds: int = 5) -> np.ndarray:
    """Predictions [n] for `test` of a ridge regression on the features' time means; its penalty by cross-validation."""
    assert train.y is not None
    x, unseen = (np.stack([item.mean(0) for item in part.x]).astype(np.float64) for part in (train, test))
    y = train.y.astype(np.float64)
    groups = np.array(train.groups) if train.groups else np.arange(len(y)) % folds
    names = np.unique(groups)
    fold_of = np.searchsorted(names, groups) % folds
    errors = np.zeros(len(ALPHAS))
    for fold in range(folds):
        held = fold_of == fold
        if held.any() and not held.all():
            predicted = _solved(x[~held], y[~held], x[held])
            errors += ((predicted - y[held]) ** 2).sum(axis=1)
    return _solved(x, y, unseen)[int(errors.argmin())].astype(np.float32)


def _solved(x: np.ndarray, y: np.ndarray, unseen: np.ndarray) -> np.ndarray:
    """[alphas, n]: predictions with every penalty, by one decomposition."""
    mean, scale, level = x.mean(0), np.maximum(x.std(0), 1e-9), y.mean()
    u, s, vt = np.linalg.svd((x - mean) / scale, full_matrices=False)
    shrunk = (s / (s**2 + ALPHAS[:, None] * len(y))) * (u.T @ (y - level))
    result: np.ndarray = (shrunk @ vt) @ ((unseen - mean) / scale).T + level
    return result
