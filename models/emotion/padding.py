"""Batches of utterances of different lengths: what lies beyond an utterance's own length never counts.

A mask is bool [batch, steps], True within the utterance. So the result for an utterance does not depend on who shares its batch.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from models.kernels import choice
from models.kernels.recurrent import held_through_padding


def valid(lengths: Tensor, steps: int) -> Tensor:
    """The mask bool [batch, steps] of utterances with these lengths, int64 [batch] in steps."""
    return torch.arange(steps, device=lengths.device)[None, :] < lengths[:, None]


def masked_mean(x: Tensor, mask: Tensor) -> Tensor:
    """Mean over the steps within the mask: x [batch, steps, dim] → [batch, dim]."""
    return (x * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)


def masked_max(x: Tensor, mask: Tensor) -> Tensor:
    """Maximum over the steps within the mask: x [batch, steps, dim] → [batch, dim]."""
    return x.masked_fill(~mask[..., None], float("-inf")).amax(1)


def mean_over_queries(weights: Tensor, mask: Tensor) -> Tensor:
    """How much each step is attended to, mean over heads and valid queries: [batch, heads, queries, keys] → [batch, keys]."""
    by_query = weights.mean(1) * mask[..., None]
    return by_query.sum(1) / mask.sum(1, keepdim=True)


def normalise(x: Tensor, mask: Tensor) -> Tensor:
    """Zero mean and unit biased variance of every feature over the steps within the mask (eps 1e-5): x [batch, steps, dim], mask
    bool [batch, steps, 1]; zero beyond the mask."""
    count = mask.sum(1, keepdim=True)
    mean = (x * mask).sum(1, keepdim=True) / count
    centred = (x - mean) * mask
    variance = centred.square().sum(1, keepdim=True) / count
    return centred * torch.rsqrt(variance + 1e-5)


def recurrent(gru: nn.GRU, x: Tensor, lengths: Tensor) -> Tensor:
    """A bidirectional GRU over x [batch, steps, dim] → states [batch, steps, 2 · hidden], zero beyond the lengths.

    The backward direction begins at the end of each utterance, not at its padding.
    """
    if x.shape[0] == 1:
        return gru(x)[0]
    if not choice.for_caches(x):
        return held_through_padding(gru, x, valid(lengths, x.shape[1]))
    if bool((lengths == x.shape[1]).all()):
        return gru(x)[0]
    packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    return pad_packed_sequence(gru(packed)[0], batch_first=True, total_length=x.shape[1])[0]
