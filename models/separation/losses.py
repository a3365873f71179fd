"""Scale-invariant SDR as a loss, with the levels of the voices or without, and the order of the tracks that suits the references best."""

from __future__ import annotations

from functools import cache
from itertools import permutations
from typing import Literal

import torch
from torch import Tensor

from models.kernels import choice

EPS = 1e-8
LEVEL_DB = 6.0  # that a track may be softer or louder than its voice, and nothing is made of it
FAINTEST = 1e-3  # of the whole's power: a track that should be silent need not be fainter
MOST_TRIED = 4  # speakers whose orders are all tried; more are assigned (Kuhn 1955)


def si_sdr(estimate: Tensor, reference: Tensor) -> Tensor:
    """Scale-invariant SDR in dB over the last axis, means taken off (Le Roux et al., ICASSP 2019). Finite on silence."""
    estimate = estimate - estimate.mean(-1, keepdim=True)
    reference = reference - reference.mean(-1, keepdim=True)
    scale = (estimate * reference).sum(-1, keepdim=True) / (reference.square().sum(-1, keepdim=True) + EPS)
    target = scale * reference
    noise = estimate - target
    ratio = (target.square().sum(-1) + EPS) / (noise.square().sum(-1) + EPS)
    return 10 * torch.log10(ratio)


def pairwise_si_sdr(estimates: Tensor, references: Tensor) -> Tensor:
    """[batch, speakers, samples] twice → [batch, reference, estimate], dB.

    SI-SDR says nothing of a silent reference. There it is how far the estimate is under the whole, up to 30 dB.
    """
    return _with_silence(si_sdr(estimates.unsqueeze(1), references.unsqueeze(2)), estimates, references)


def pairwise_levelled(estimates: Tensor, references: Tensor) -> Tensor:
    """As `pairwise_si_sdr`, less the dB by which a track is more than `LEVEL_DB` louder or softer than the voice, with one
    factor for all tracks of an item: that with which they add up to the voices as nearly as can be.

    SI-SDR leaves each track's loudness open. Where voices may be missing that is a way out: a track that is always faint
    costs nothing where its voice is missing, and nothing where it is there. One factor for all leaves open only what a
    network with norms cannot know. The plain ratio of voice and error closes that way as well (Wisdom et al., "What's all the
    FUSS about free universal sound separation data?", ICASSP 2021), but pays a third track for being silent while it is poor.
    """
    total, whole = estimates.sum(1), references.sum(1)
    factor = (total * whole).sum(-1) / (total.square().sum(-1) + EPS)  # [batch]
    estimates = estimates * factor[:, None, None]
    levels, wanted = (10 * torch.log10(sound.square().sum(-1) + EPS) for sound in (estimates, references))
    apart = (levels.unsqueeze(1) - wanted.unsqueeze(2)).abs()  # [batch, reference, estimate]
    scores = si_sdr(estimates.unsqueeze(1), references.unsqueeze(2)) - (apart - LEVEL_DB).clamp_min(0)
    return _with_silence(scores, estimates, references)


def _with_silence(scores: Tensor, estimates: Tensor, references: Tensor) -> Tensor:
    """The scores [batch, reference, estimate], those of silent references made anew of the estimates' power."""
    powers = references.square().sum(-1)
    whole = powers.sum(-1, keepdim=True)
    silent = powers <= 1e-7 * whole
    if choice.for_caches(silent) and not bool(silent.any()):
        return scores
    under = -10 * torch.log10(estimates.square().sum(-1) / (whole + EPS) + FAINTEST)
    return torch.where(silent.unsqueeze(2), under.unsqueeze(1), scores)


MEASURES = {"si_sdr": pairwise_si_sdr, "levelled": pairwise_levelled}


@cache
def _orders(speakers: int, device: torch.device) -> Tensor:
    """All orders of so many speakers, int64 [orders, speakers]; kept, so that a graphics card is not waited for."""
    return torch.tensor(list(permutations(range(speakers))), device=device)


def best_order(scores: Tensor) -> Tensor:
    """For each reference the estimate, such that the sum of the scores is largest.

    scores: [batch, reference, estimate]. Returns int64 [batch, speakers].
    """
    speakers = scores.shape[-1]
    if speakers > MOST_TRIED:
        from scipy.optimize import linear_sum_assignment

        result = [
            linear_sum_assignment(item, maximize=True)[1] for item in scores.detach().cpu().double().numpy()
        ]
        return torch.tensor(result, device=scores.device).reshape(len(scores), speakers)
    orders = _orders(speakers, scores.device)
    rows = torch.arange(speakers, device=scores.device)
    totals = scores.detach()[:, rows, orders].sum(-1)  # [batch, orders]
    return orders[totals.argmax(-1)]


def permutation_free(
    estimates: Tensor, references: Tensor, measure: Literal["si_sdr", "levelled"] = "si_sdr"
) -> tuple[Tensor, Tensor]:
    """(what each reference's own estimate comes to [batch, speakers] in dB, the order [batch, speakers])."""
    scores = MEASURES[measure](estimates, references)
    order = best_order(scores)
    return scores.gather(2, order.unsqueeze(2)).squeeze(2), order
