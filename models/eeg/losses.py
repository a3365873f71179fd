"""What a decoder is trained to: r turned round, with some absolute error; r at several lengths; squared error."""

from __future__ import annotations

import torch
from torch import Tensor

SCALES = (1, 2, 4)  # of the multi-scale loss: the window whole, in halves, in quarters


def pearson(a: Tensor, b: Tensor) -> Tensor:
    """Pearson's r along the last axis, float32; 0 where one is constant."""
    a, b = a.float(), b.float()
    a, b = a - a.mean(-1, keepdim=True), b - b.mean(-1, keepdim=True)
    return (a * b).sum(-1) / (a.square().sum(-1) * b.square().sum(-1)).clamp_min(1e-8).sqrt()


def loss(decoded: Tensor, envelope: Tensor, kind: str, l1: float) -> Tensor:
    """Scalar, over decoded and true envelopes [batch, time]; `kind` as in `LossSettings`."""
    if kind == "mse":
        return (decoded.float() - envelope).square().mean()
    if kind == "multi-scale pearson":
        return -torch.stack([_in_pieces(decoded, envelope, scale) for scale in SCALES]).mean()
    value = -pearson(decoded, envelope).mean()
    return value + l1 * (decoded.float() - envelope).abs().mean() if kind == "pearson + l1" else value


def _in_pieces(decoded: Tensor, envelope: Tensor, count: int) -> Tensor:
    size = decoded.shape[-1] // count
    shape = (decoded.shape[0], count, size)
    return pearson(
        decoded[..., : count * size].reshape(shape), envelope[..., : count * size].reshape(shape)
    ).mean()
