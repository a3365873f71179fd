"""The two losses of cross-modal hashing. Both work from one matrix of cosine similarities, in log-space.

Their scales differ (`balanced` starts around 400, `contrastive` around 5), so their curves are never compared.
`balanced` is a constant multiple (the batch size B) of one-directional InfoNCE at equal temperature, up to its
negatives' weight B / (B − 1), which matters in tiny batches only. Adam divides gradients by their own size, so
under Adam the weighting changes next to nothing: what differs is that it looks one way, from picture to text.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

KINDS = ("contrastive", "balanced")


def contrastive(image: Tensor, text: Tensor, temperature: float = 0.5, keep_self: bool = False) -> Tensor:
    """NT-Xent (Chen et al., ICML 2020): both halves stacked to 2B, positives at ±B, all but self in the denominator.

    image, text: [B, dim], of any length. keep_self: leaves an item's likeness to itself in, as one description has it.
    Returns a scalar, the mean over all 2B.
    """
    both = normalize(torch.cat([image, text]).float(), dim=-1)
    count = len(image)
    alike = both @ both.T / temperature
    if not keep_self:
        alike = alike.masked_fill(torch.eye(2 * count, dtype=torch.bool, device=alike.device), -math.inf)
    partner = torch.arange(2 * count, device=alike.device).roll(count)
    return cross_entropy(alike, partner)


def balanced(image: Tensor, text: Tensor, temperature: float = 0.5) -> Tensor:
    """The balanced loss, picture → text: −log(e⁺ / (e⁺ + w_neg Σ e⁻)) · w_pos, the mean over B.

    image, text: [B, dim]. S = B² pairs, of which S1 = B are positive and S0 = B(B − 1) negative; w_pos = S / S1 = B
    and w_neg = S / S0 = B / (B − 1). A batch of one has no negatives: its loss is 0.
    """
    count = len(image)
    alike = normalize(image.float(), dim=-1) @ normalize(text.float(), dim=-1).T / temperature
    if count < 2:
        return 0.0 * alike.sum()
    weight = torch.full_like(alike, math.log(count / (count - 1)))
    weight.fill_diagonal_(0.0)
    target = torch.arange(count, device=alike.device)
    return count * cross_entropy(alike + weight, target)


def loss(kind: str, image: Tensor, text: Tensor, temperature: float = 0.5, keep_self: bool = False) -> Tensor:
    """One of `KINDS` by name."""
    if kind == "contrastive":
        return contrastive(image, text, temperature, keep_self)
    if kind == "balanced":
        return balanced(image, text, temperature)
    raise ValueError(f"loss {kind!r} is not one of {', '.join(KINDS)}")
