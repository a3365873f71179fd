"""What a decoder is trained to: r turned round, with some absolute error; r at several lengths; squared error; or telling
what was heard from other speech."""

from __future__ import annotations

import torch
from torch import Tensor

# An output that moves less, in standard deviations of the envelope, is judged as if it moved so much: r of a flat one
# has no bounded gradient.
FLAT_SD = 0.03
SCALES = (1, 2, 4)  # of the multi-scale loss: the window whole, in halves, in quarters


def pearson(a: Tensor, b: Tensor) -> Tensor:
    """Pearson's r along the last axis, float32; 0 where one is constant."""
    return _correlation(a, b, 1e-5)


def _correlation(a: Tensor, b: Tensor, least: float) -> Tensor:
    """Covariance over both standard deviations, each of which counts as `least` where it is smaller."""
    a, b = a.float(), b.float()
    a, b = a - a.mean(-1, keepdim=True), b - b.mean(-1, keepdim=True)
    smallest = least**2 * a.shape[-1]
    powers = (values.square().sum(-1).clamp_min(smallest).sqrt() for values in (a, b))
    return (a * b).sum(-1) / next(powers) / next(powers)


def each(decoded: Tensor, envelope: Tensor, kind: str, l1: float) -> Tensor:
    """The loss of each window by itself, [batch], of decoded and true envelopes [batch, time]; `kind` as in `LossSettings`.

    Of any number of windows it is their mean.
    """
    if kind == "mse":
        return (decoded.float() - envelope).square().mean(-1)
    if kind == "multi-scale pearson":
        return -torch.stack([_in_pieces(decoded, envelope, scale) for scale in SCALES]).mean(0)
    value = -_correlation(decoded, envelope, FLAT_SD)
    return value + l1 * (decoded.float() - envelope).abs().mean(-1) if kind == "pearson + l1" else value


def match_mismatch(
    decoded: Tensor, envelope: Tensor, others: Tensor, temperature: float
) -> tuple[Tensor, Tensor]:
    """(loss, whether the right one was found) of each window by itself, both float32 [batch].

    decoded, envelope: [batch, time]; others: [batch, n, time], speech that does not belong to it. The loss is the
    cross-entropy of choosing by r with each, over `temperature` (InfoNCE: van den Oord, Li, Vinyals 2018).
    """
    heard = torch.cat([envelope[:, None], others], dim=1)
    r = _correlation(decoded[:, None], heard, FLAT_SD)
    loss = -torch.log_softmax(r / temperature, dim=1)[:, 0]
    return loss, (r[:, :1] > r[:, 1:]).all(dim=1).float()


def _in_pieces(decoded: Tensor, envelope: Tensor, count: int) -> Tensor:
    """r over each of `count` pieces of a window, their mean, [batch]."""
    size = decoded.shape[-1] // count
    shape = (decoded.shape[0], count, size)
    return _correlation(
        decoded[..., : count * size].reshape(shape), envelope[..., : count * size].reshape(shape), FLAT_SD
    ).mean(-1)
