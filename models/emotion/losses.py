"""What training minimises and counts of a batch, as scalars on its device."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn.functional import cross_entropy


def mean_cross_entropy(
    heads: Sequence[torch.Tensor],
    emotions: torch.Tensor,
    smoothing: float,
    weight: torch.Tensor | None = None,
) -> torch.Tensor:
    """Cross-entropy of each head's logits [batch, classes] with emotions int64 [batch], mean of the heads.

    weight: [classes], how much an item of each class counts.
    """
    losses = [cross_entropy(logits, emotions, weight=weight, label_smoothing=smoothing) for logits in heads]
    return torch.stack(losses).mean()


def concordance_loss(degrees: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """1 − CCC, mean of the dimensions (Atmaja & Akagi, 2021; Lin, 1989). Both [batch, dimensions], truth NaN where it is not known;
    a dimension with less than two known adds nothing. It is of a batch as a whole: no sum over its items."""
    losses = []
    for told, known in zip(degrees.float().unbind(-1), truth.float().unbind(-1), strict=True):
        there = torch.isfinite(known)
        if int(there.sum()) < 2:
            losses.append((told * 0).sum())
            continue
        x, y = told[there], known[there]
        apart = x.var(correction=0) + y.var(correction=0) + (x.mean() - y.mean()).square()
        together = ((x - x.mean()) * (y - y.mean())).mean()
        losses.append(1 - 2 * together / (apart + 1e-8))
    return torch.stack(losses).mean()


def class_weights(emotions: Sequence[str], labels: Sequence[str]) -> torch.Tensor:
    """float32 [classes], of mean 1 over the items with these emotions: rare classes count for more."""
    counts = np.array([sum(emotion == label for emotion in emotions) for label in labels], dtype=float)
    return torch.tensor(counts.sum() / (len(counts) * np.maximum(counts, 1)), dtype=torch.float32)


def weighted_f1(truth: torch.Tensor, predicted: torch.Tensor, classes: int) -> torch.Tensor:
    """Weighted F1 of a batch, both int64 [batch]. An epoch's is the mean of its batches, which is not quite that of all its items;
    a validation's is exact."""
    counts = torch.bincount(truth * classes + predicted, minlength=classes * classes).view(classes, classes)
    both = counts.sum(0) + counts.sum(1)
    f1 = 2 * counts.diagonal() / both.clamp(min=1)
    return (f1 * counts.sum(1)).sum() / len(truth)
