"""The mean of what self-attention gives, without computing what it gives to each token.

Where only the mean over all queries of softmax(q kᵀ) v is wanted, the weights can be averaged before they meet the
values, and meet the inputs before the values' layer: neither an output a query nor a value a token is computed. A bias
of the keys moves all scores of a query alike, and so nothing. Nothing but the scores' powers of two is ever written
down, and their rows are brought to a sum of 1 where they are summed up. Long sequences go through in blocks of queries,
so that memory stays bounded.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from models.kernels.choice import without_autocast
from models.kernels.products import pays, product

MOST_SCORES = 500_000  # held at a time: they stay in the processor's cache
LEAST, MOST = 2.0**-60, 2.0**60  # sums of powers that leave room to multiply, here and in the gradient


class _MeanAttention(torch.autograd.Function):
    """x [batch, tokens, d], weight [3d, d], bias [3d], counts and weights [batch, tokens] → [batch, d].

    Within, a pair is one head of one item, heads first; features are rows and tokens columns, because products with
    few rows are fast and those with few columns are not.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, heads: int, counts: Tensor, weights: Tensor
    ) -> Tensor:
        batch, tokens, d = x.shape
        size = d // heads
        asking, flat = weight[: 2 * d], x.reshape(-1, d)
        ctx.fast = pays(asking, flat)
        both = product(asking, flat, fast=ctx.fast).view(2, heads, size, batch, tokens).transpose(2, 3)
        qk = x.new_empty(2, heads * batch, size, tokens)
        torch.add(both[0], bias[:d].view(heads, 1, size, 1), out=qk[0].view_as(both[0]))
        qk[1].view_as(both[1]).copy_(both[1])
        counts, weights = torch.stack([counts, weights]).repeat(1, heads, 1).unbind(0)
        if (
            not counts.all()
        ):  # no power of what is padding may be large: it meets sums that know nothing of it
            qk.masked_fill_((counts == 0)[:, None], 0.0)
        highest = None
        mean, sums = _mean_shares(qk, counts, weights, highest)
        lowest, largest = torch.stack(torch.aminmax(sums)).tolist()
        if not LEAST < lowest <= largest < MOST:
            highest = _highest(qk, counts)
            mean, sums = _mean_shares(qk, counts, weights, highest)
        mean = mean.view(heads, batch, tokens).transpose(0, 1)
        taken = torch.bmm(mean, x).transpose(0, 1)  # of the inputs, by each head: [heads, batch, d]
        ctx.highest = highest
        ctx.save_for_backward(x, weight, qk, counts, weights, sums, mean, taken)
        result = torch.bmm(taken, weight[2 * d :].view(heads, size, d).transpose(1, 2))
        return result.transpose(0, 1).reshape(batch, d) + bias[2 * d :]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        with without_autocast(gradients[0]):
            return (*_MeanAttention._backward(ctx, gradients[0]), None, None, None)

    @staticmethod
    def _backward(ctx: Any, given: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x, weight, qk, counts, weights, sums, mean, taken = ctx.saved_tensors
        (batch, heads, tokens), d = mean.shape, x.shape[2]
        of_weight, of_bias = torch.empty_like(weight), weight.new_zeros(3 * d)
        (asking, valued), (of_asking, of_valued) = (item.split([2 * d, d]) for item in (weight, of_weight))
        gradient = given.reshape(batch, heads, -1).transpose(0, 1)
        torch.bmm(gradient.transpose(1, 2), taken, out=of_valued.view(heads, -1, d))
        of_taken = torch.bmm(gradient, valued.view(heads, -1, d)).transpose(0, 1)
        of_mean = torch.bmm(of_taken, x.transpose(1, 2)).transpose(0, 1).reshape(-1, 1, tokens)
        of_both = _of_scores(qk, counts, weights, sums, of_mean, ctx.highest)
        of_both = of_both.view(2, heads, batch, -1, tokens).transpose(2, 3).reshape(2 * d, -1)
        of_asking.copy_(product(of_both, x.reshape(-1, d).t(), fast=ctx.fast))
        torch.sum(of_both[:d], 1, out=of_bias[:d])
        torch.sum(given, 0, out=of_bias[2 * d :])
        of_x = product(of_both.t(), asking.t(), fast=ctx.fast).view_as(x)
        return of_x.baddbmm_(mean.transpose(1, 2), of_taken), of_weight, of_bias


def _mean_shares(
    qk: Tensor, counts: Tensor, weights: Tensor, highest: Tensor | None
) -> tuple[Tensor, Tensor]:
    """(what all queries together take of each key, sum of each query's powers), both [pairs, tokens]."""
    mean, sums = torch.zeros_like(counts)[:, None], torch.empty_like(counts)
    for pairs, blocks in _parts(qk):
        for queries, scratch, _ in blocks:
            powers = _powers(qk, highest, pairs, queries, scratch)
            total = torch.bmm(counts[pairs, None], powers.transpose(1, 2))
            sums[pairs, queries] = total[:, 0]
            mean[pairs].baddbmm_(weights[pairs, None, queries] / total, powers)
    return mean[:, 0].mul_(counts), sums


def _of_scores(
    qk: Tensor, counts: Tensor, weights: Tensor, sums: Tensor, of_mean: Tensor, highest: Tensor | None
) -> Tensor:
    """What a gradient of the mean shares, [pairs, 1, tokens], does to queries and keys, [2, pairs, size, tokens].

    Of the scores S = q k / √size, with shares P and weights w: dS = w P (g - P g).
    """
    result = torch.empty_like(qk)
    share = (weights / sums).mul_(1 / math.sqrt(qk.shape[2]))[:, None]
    queried, keys = qk[0] * share, qk[1] * counts[:, None]
    wanted = of_mean * counts[:, None]
    for pairs, blocks in _parts(qk):
        back = None
        for queries, scratch, second in blocks:
            powers = _powers(qk, highest, pairs, queries, scratch)
            expected = torch.bmm(powers, wanted[pairs].transpose(1, 2)).div_(sums[pairs, queries, None])
            of_scores = torch.sub(of_mean[pairs], expected, out=second).mul_(powers)
            asked = torch.bmm(keys[pairs], of_scores.transpose(1, 2))
            torch.mul(asked, share[pairs, :, queries], out=result[0, pairs, :, queries])
            asking = queried[pairs, :, queries]
            back = torch.bmm(asking, of_scores) if back is None else back.baddbmm_(asking, of_scores)
        assert back is not None
        torch.mul(back, counts[pairs, None], out=result[1, pairs])
    return result


def _highest(qk: Tensor, counts: Tensor) -> Tensor:
    """Each query's highest score, [pairs, tokens]: taken away where scores are too far apart for powers of them."""
    highest = torch.empty_like(counts)
    for pairs, blocks in _parts(qk):
        for queries, scratch, _ in blocks:
            scores = _scores(qk, pairs, queries, scratch)
            highest[pairs, queries] = scores.masked_fill_(counts[pairs, None] == 0, -torch.inf).amax(-1)
    return highest


def _parts(qk: Tensor) -> Iterator[tuple[slice, Iterator[tuple[slice, Tensor, Tensor]]]]:
    """(some pairs, (some queries of theirs, two buffers for their scores) …), few enough at a time; the buffers are always
    the same memory, which stays in the processor's cache."""
    _, pairs, _, tokens = qk.shape
    together = min(pairs, max(1, MOST_SCORES // (tokens * tokens)))
    block = max(1, min(tokens, MOST_SCORES // (together * tokens)))
    buffers = qk.new_empty(2, together * block * tokens)

    def blocks(count: int) -> Iterator[tuple[slice, Tensor, Tensor]]:
        for query in range(0, tokens, block):
            shape = (count, min(block, tokens - query), tokens)
            first, second = buffers[:, : math.prod(shape)].view(2, *shape)
            yield slice(query, query + block), first, second

    for pair in range(0, pairs, together):
        yield slice(pair, pair + together), blocks(min(together, pairs - pair))


def _powers(qk: Tensor, highest: Tensor | None, pairs: slice, queries: slice, scratch: Tensor) -> Tensor:
    """What each query takes of each key, up to a factor a row: [pairs, queries, tokens]."""
    scores = _scores(qk, pairs, queries, scratch)
    if highest is not None:
        scores.sub_(highest[pairs, queries, None]).clamp_(max=0)  # only padding is above the highest
    return scores.exp2_()


def _scores(qk: Tensor, pairs: slice, queries: slice, scratch: Tensor) -> Tensor:
    """q kᵀ / √size in units of powers of 2, [pairs, queries, tokens]."""
    scale = math.log2(math.e) / math.sqrt(qk.shape[2])
    return scratch.baddbmm_(qk[0, pairs, :, queries].transpose(1, 2), qk[1, pairs], beta=0, alpha=scale)


def mean_attention(
    x: Tensor, weight: Tensor, bias: Tensor, heads: int, counts: Tensor | None = None
) -> Tensor:
    """The mean over the tokens of what self-attention gives them, before its output layer: x [batch, tokens, d] →
    [batch, d].

    weight: [3d, d] and bias: [3d] of the queries above those of the keys and of the values, each head by head.
    counts: [batch or 1, tokens], how often each token occurs, as key and as query; 0 is padding. None: each once.
    """
    batch, tokens, _ = x.shape
    if not batch:
        return x.sum(1)
    wide = torch.promote_types(x.dtype, torch.float32)
    counts = torch.ones(1, tokens, device=x.device) if counts is None else counts
    counts = counts.to(wide).expand(batch, tokens)
    weights = counts / counts.sum(1, keepdim=True)
    with without_autocast(x):
        result: Tensor = _MeanAttention.apply(
            x.to(wide), weight.to(wide), bias.to(wide), heads, counts, weights
        )
    return result.to(x.dtype)
