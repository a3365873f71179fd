"""Functionals: numbers that say how an utterance's features lie and move as a whole, whatever its length.

They are what feature sets such as openSMILE's and eGeMAPS (Eyben et al., 2016) are made of. Where few speakers were heard, a
recurrent network learns such numbers slowly; given outright, they carry it.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from models.emotion.padding import masked_mean


class Functionals(nn.Module):
    """Functionals of an utterance's frames, scaled and projected: a second view of it, beside the recurrent one.

    Of every feature the mean and standard deviation over the louder 60 % of the frames, where there is voice. Then, of the cepstra
    (an orthonormal DCT along the features, its first coefficients): mean, standard deviation, 10 % and 90 % quantiles, and the
    root mean square change over 1, 2, 4, 8, 16 and 32 frames.
    """

    basis: Tensor
    COEFFICIENTS = 20
    LAGS = (1, 2, 4, 8, 16, 32)
    QUIET = 0.4

    def __init__(self, dim: int, outputs: int, dropout: float) -> None:
        super().__init__()
        coefficients = min(dim, self.COEFFICIENTS)
        self.register_buffer("basis", cosines(dim, coefficients), persistent=False)
        size = 2 * dim + coefficients * (4 + len(self.LAGS))
        self.scale = nn.BatchNorm1d(size, affine=False)  # in use: by the training data's mean and spread
        self.projection = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(size, outputs), nn.ReLU(), nn.Dropout(dropout)
        )

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """x [batch, frames, dim], mask bool [batch, frames] → [batch, outputs]."""
        values = self.functionals(x, mask)
        spans = getattr(self.scale, "spans", False)  # over several processes: then it judges that itself
        if self.training and len(values) == 1 and not spans:  # a batch of one has no spread to be scaled by
            scaled = nn.functional.batch_norm(values, self.scale.running_mean, self.scale.running_var)
        else:
            scaled = self.scale(values)
        return self.projection(scaled)

    def functionals(self, x: Tensor, mask: Tensor) -> Tensor:
        """The numbers themselves: x [batch, frames, dim], mask bool [batch, frames] → [batch, 2 · dim + 10 · coefficients]."""
        loudness = x.mean(-1).masked_fill(~mask, float("nan"))
        voiced = mask & (loudness >= torch.nanquantile(loudness, self.QUIET, dim=1, keepdim=True))
        c = x @ self.basis  # [batch, frames, coefficients]
        low_high = torch.linspace(0.1, 0.9, 2, device=c.device, dtype=c.dtype)
        low, high = torch.nanquantile(c.masked_fill(~mask[..., None], float("nan")), low_high, dim=1)
        result = [*moments(x, voiced), *moments(c, mask), low, high]
        for lag in self.LAGS:
            both = mask[:, lag:, None]
            change = (c[:, lag:] - c[:, :-lag]).square() * both
            result.append(torch.sqrt(change.sum(1) / both.sum(1).clamp(min=1) + 1e-5))
        return torch.cat(result, dim=-1)


def moments(x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """(mean, standard deviation) over the steps within the mask: x [batch, steps, dim] → [batch, dim] each."""
    mean = masked_mean(x, mask)
    return mean, torch.sqrt(masked_mean((x - mean[:, None]).square(), mask) + 1e-5)


def cosines(dim: int, count: int) -> Tensor:
    """The first `count` columns of the orthonormal DCT-II of `dim` values, float32 [dim, count]."""
    n = torch.arange(dim, dtype=torch.float64)[:, None] + 0.5
    k = torch.arange(count, dtype=torch.float64)[None, :]
    basis = torch.cos(math.pi / dim * n * k) * math.sqrt(2 / dim)
    basis[:, 0] /= math.sqrt(2)
    return basis.float()
