"""The mean of what attention gives, without computing what it gives to each query.

Where only the mean over all queries of softmax(q kᵀ) v is wanted, the weights can be averaged before they meet the
values: no output a query, one product with v, and in the backward pass a gradient of the scores of rank one a row.
Long sequences go through in blocks of queries, so that memory stays bounded.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

MOST_SCORES = 500_000  # held at a time: they stay in the processor's cache


class _MeanAttention(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, bias: Tensor, weights: Tensor) -> Tensor:
        mean = q.new_zeros(len(q), 1, k.shape[1])
        ones_q, biased_k = _with_bias(q, k, bias)
        for pairs, queries in _blocks(*q.shape[:2]):
            shares = _shares(ones_q, biased_k, pairs, queries)
            mean[pairs] += torch.bmm(weights[pairs, None, queries], shares)
        ctx.save_for_backward(q, k, v, bias, weights, mean)
        return torch.bmm(mean, v)[:, 0]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v, bias, weights, mean = ctx.saved_tensors
        gradient = gradients[0][:, None]
        of_mean = torch.bmm(gradient, v.transpose(1, 2)).transpose(1, 2)  # [pairs, tokens, 1]
        # Of the scores S, with shares P: dS = w P (g - P g). It is never written down: what it does to k and to q
        # are two products with P and with its transpose, of so few columns as the heads are wide.
        right = torch.cat([of_mean * k, k, of_mean], dim=-1)
        size = q.shape[-1]
        ones_q, biased_k = _with_bias(q, k, bias)
        to_q, sums = torch.empty_like(q), q.new_zeros(*q.shape[:2], 2 * size)
        for pairs, queries in _blocks(*q.shape[:2]):
            shares = _shares(ones_q, biased_k, pairs, queries)
            with_g, plain, expected = torch.bmm(shares, right[pairs]).split([size, size, 1], dim=-1)
            weight = weights[pairs, queries, None]
            to_q[pairs, queries] = weight * (with_g - expected * plain)
            weighted = weight * q[pairs, queries]
            sums[pairs].baddbmm_(shares.transpose(1, 2), torch.cat([weighted, expected * weighted], dim=-1))
        to_k = of_mean * sums[..., :size] - sums[..., size:]
        return to_q, to_k, torch.bmm(mean.transpose(1, 2), gradient), None, None


def _blocks(pairs: int, tokens: int) -> Iterator[tuple[slice, slice]]:
    """Parts of (pairs, queries) whose scores are few enough."""
    together = max(1, MOST_SCORES // (tokens * tokens))
    block = max(1, min(tokens, MOST_SCORES // (together * tokens)))
    for pair in range(0, pairs, together):
        for query in range(0, tokens, block):
            yield slice(pair, pair + together), slice(query, query + block)


def _with_bias(q: Tensor, k: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """The bias of the keys as one more feature, which every query has as 1: cheaper than adding it to the scores."""
    return torch.cat([q, torch.ones_like(q[..., :1])], -1), torch.cat([k, bias.expand(len(k), -1, -1)], -1)


def _shares(q: Tensor, k: Tensor, pairs: slice, queries: slice) -> Tensor:
    """What each query takes of each key, [pairs, queries, tokens]; every row sums to 1."""
    return torch.bmm(q[pairs, queries], k[pairs].transpose(1, 2)).softmax(-1)


def mean_attention(q: Tensor, k: Tensor, v: Tensor, counts: Tensor | None = None) -> Tensor:
    """[batch, heads, tokens, size] each → [batch, heads · size]: attention's mean over the queries.

    counts: [batch or 1, tokens], how often each token occurs, as key and as query; 0 is padding. None: each once.
    """
    batch, heads, tokens, size = q.shape
    pairs = batch * heads
    if counts is None:
        bias, weights = q.new_zeros(1, tokens, 1), q.new_full((1, 1), 1 / tokens).expand(pairs, tokens)
    else:
        counts = counts.to(q.dtype).expand(batch, tokens)
        # A score of −1e30 is never chosen, and unlike −∞ it survives the product with 1.
        bias = counts.log().clamp_min(-1e30).repeat_interleave(heads, dim=0)[..., None]
        weights = (counts / counts.sum(1, keepdim=True)).repeat_interleave(heads, dim=0)
    flat = [one.reshape(pairs, tokens, size) for one in (q * size**-0.5, k, v)]
    found: Tensor = _MeanAttention.apply(*flat, bias, weights)
    return found.view(batch, heads * size)
