"""The mean of what attention gives, without computing what it gives to each query.

Where only the mean over all queries of softmax(q kᵀ) v is wanted, the weights can be averaged before they meet the
values: no output a query, one product with v, and in the backward pass a gradient of the scores of rank one a row.
Nothing but the scores' powers of two is ever written down, and their rows are brought to a sum of 1 where they are
summed up. Long sequences go through in blocks of queries, so that memory stays bounded.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

MOST_SCORES = 500_000  # held at a time: they stay in the processor's cache
LEAST, MOST = 2.0**-60, 2.0**60  # sums of powers that leave room to multiply, here and in the gradient


class _MeanAttention(torch.autograd.Function):
    """qkv [pairs of item and head, 3, size, tokens], counts and weights [pairs, tokens] → [pairs, size].

    Features are rows here, tokens columns: products with few rows are fast, those with few columns are not.
    """

    @staticmethod
    def forward(ctx: Any, qkv: Tensor, counts: Tensor, weights: Tensor) -> Tensor:
        highest = None
        mean, sums = _mean_shares(qkv, counts, weights, highest)
        lowest, largest = torch.stack(torch.aminmax(sums)).tolist()
        if not LEAST < lowest <= largest < MOST:
            highest = _highest(qkv, counts)
            mean, sums = _mean_shares(qkv, counts, weights, highest)
        ctx.highest = highest
        ctx.save_for_backward(qkv, counts, weights, sums, mean)
        return torch.bmm(qkv[:, 2], mean.transpose(1, 2))[..., 0]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        qkv, counts, weights, sums, mean = ctx.saved_tensors
        found, size = torch.empty_like(qkv), qkv.shape[2]
        for pairs, blocks in _parts(qkv):
            (q, k, v), (of_q, of_k, of_v) = qkv[pairs].unbind(1), found[pairs].unbind(1)
            gradient = gradients[0][pairs, :, None]
            of_mean = torch.bmm(gradient.transpose(1, 2), v)  # [pairs, 1, tokens]
            # Of the scores S, with shares P: dS = w P (g - P g) · ln 2. It is never written down: what it does to k and
            # to q are two products with P and with its transpose, of so few rows as the heads are wide.
            seen = torch.cat([of_mean * k, k, of_mean], dim=1) * counts[pairs, None]
            share = (math.log(2) * weights[pairs] / sums[pairs])[:, None]
            back = None
            for queries, room in blocks:
                powers = _powers(q[..., queries], k, ctx.highest, pairs, queries, room)
                met = torch.bmm(seen, powers.transpose(1, 2))
                expected = met[:, 2 * size :] / sums[pairs, None, queries]
                asking = torch.cat([q[..., queries], expected * q[..., queries]], dim=1) * share[..., queries]
                back = torch.bmm(asking, powers) if back is None else back.baddbmm_(asking, powers)
                plain = met[:, size : 2 * size].mul_(expected)
                torch.mul(met[:, :size].sub_(plain), share[..., queries], out=of_q[..., queries])
            assert back is not None
            torch.mul(back[:, :size].mul_(of_mean).sub_(back[:, size:]), counts[pairs, None], out=of_k)
            torch.bmm(gradient, mean[pairs], out=of_v)
        return found, None, None


def _mean_shares(
    qkv: Tensor, counts: Tensor, weights: Tensor, highest: Tensor | None
) -> tuple[Tensor, Tensor]:
    """(what all queries together take of each key [pairs, 1, tokens], sum of each query's powers [pairs, tokens])."""
    mean, sums = torch.zeros_like(counts)[:, None], torch.empty_like(counts)
    for pairs, blocks in _parts(qkv):
        q, k, _ = qkv[pairs].unbind(1)
        for queries, room in blocks:
            powers = _powers(q[..., queries], k, highest, pairs, queries, room)
            total = torch.bmm(counts[pairs, None], powers.transpose(1, 2))
            sums[pairs, queries] = total[:, 0]
            mean[pairs].baddbmm_(weights[pairs, None, queries] / total, powers)
    return mean.mul_(counts[:, None]), sums


def _highest(qkv: Tensor, counts: Tensor) -> Tensor:
    """Each query's highest score, [pairs, tokens]: taken away where scores are too far apart for powers of them."""
    highest = torch.empty_like(counts)
    for pairs, blocks in _parts(qkv):
        q, k, _ = qkv[pairs].unbind(1)
        for queries, room in blocks:
            scores = torch.bmm(q[..., queries].transpose(1, 2), k, out=room)
            highest[pairs, queries] = scores.masked_fill_(counts[pairs, None] == 0, -torch.inf).amax(-1)
    return highest


def _parts(qkv: Tensor) -> Iterator[tuple[slice, Iterator[tuple[slice, Tensor]]]]:
    """(some pairs, (some queries of theirs, room for their scores) …), few enough at a time; the room is always the same
    memory, which stays in the processor's cache."""
    pairs, _, _, tokens = qkv.shape
    together = min(pairs, max(1, MOST_SCORES // (tokens * tokens)))
    block = max(1, min(tokens, MOST_SCORES // (together * tokens)))
    room = qkv.new_empty(together * block * tokens)

    def blocks(count: int) -> Iterator[tuple[slice, Tensor]]:
        for query in range(0, tokens, block):
            shape = (count, min(block, tokens - query), tokens)
            yield slice(query, query + block), room[: math.prod(shape)].view(shape)

    for pair in range(0, pairs, together):
        yield slice(pair, pair + together), blocks(min(together, pairs - pair))


def _powers(
    q: Tensor, k: Tensor, highest: Tensor | None, pairs: slice, queries: slice, room: Tensor
) -> Tensor:
    """What each query takes of each key, up to a factor a row: [pairs, queries, tokens]."""
    scores = torch.bmm(q.transpose(1, 2), k, out=room)
    if highest is not None:
        scores.sub_(highest[pairs, queries, None]).clamp_(max=0)  # only padding is above the highest
    return scores.exp2_()


def projected(x: Tensor, weight: Tensor, bias: Tensor, heads: int) -> Tensor:
    """Queries, keys and values of x [batch, tokens, d] as `mean_attention` takes them, [batch, heads, 3, size, tokens].

    weight: [3d, d], that of q above those of k and v, each head by head; bias: [3d]. q comes times log2(e) / √size.
    """
    batch, tokens, d = x.shape
    size = d // heads
    scale = weight.new_tensor([math.log2(math.e) / math.sqrt(size), 1.0, 1.0])[:, None, None]
    rows = (weight.view(3, heads, size * d) * scale).transpose(0, 1).reshape(3 * d, d)
    start = (bias.view(3, heads, size) * scale).transpose(0, 1).reshape(3 * d, 1)
    found = torch.baddbmm(start, rows.expand(batch, -1, -1), x.transpose(1, 2))
    return found.view(batch, heads, 3, size, tokens)


def mean_attention(qkv: Tensor, counts: Tensor | None = None) -> Tensor:
    """[batch, heads, 3, size, tokens] → [batch, heads · size]: attention's mean over the queries, where a query's shares
    of the keys are as 2 to the power of q·k.

    counts: [batch or 1, tokens], how often each token occurs, as key and as query; 0 is padding. None: each once.
    """
    batch, heads, _, size, tokens = qkv.shape
    if not batch:
        return qkv[:, :, 2].sum(-1).flatten(1)
    counts = qkv.new_ones(1, tokens) if counts is None else counts
    wide = torch.promote_types(qkv.dtype, torch.float32)
    counts = counts.to(wide).expand(batch, tokens)
    weights = counts / counts.sum(1, keepdim=True)
    each = [
        one[:, None].expand(batch, heads, tokens).reshape(batch * heads, tokens) for one in (counts, weights)
    ]
    with torch.autocast(qkv.device.type, enabled=False):
        found: Tensor = _MeanAttention.apply(qkv.to(wide).flatten(0, 1), *each)
    return found.to(qkv.dtype).view(batch, heads * size)
