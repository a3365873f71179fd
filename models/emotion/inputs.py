"""From a front end's features to the frames that a network's first layer gets."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from models.emotion.padding import masked_mean, normalise, valid


class Prepared(nn.Module):
    """Mixes the layers of a speech encoder by learned weights, where there are several, and normalises.

    norm: ``none``; ``data``, by the training data's mean and standard deviation; ``level``, the same and without the utterance's
    mean level; ``utterance``, each feature over the utterance's own time. encoder_layers: how many are mixed; 0 is one layer that
    needs no mixing.
    """

    mean: Tensor
    sd: Tensor

    def __init__(self, feature_dim: int, norm: str = "none", encoder_layers: int = 0) -> None:
        super().__init__()
        self.norm = norm
        if norm in ("data", "level"):
            self.register_buffer("mean", torch.zeros(feature_dim))
            self.register_buffer("sd", torch.ones(feature_dim))
        self.layer_weights = nn.Parameter(torch.zeros(encoder_layers)) if encoder_layers else None

    def learn(self, pieces: Iterable[Tensor]) -> None:
        """Take mean and standard deviation of every feature from the training data's frames, [frames, dim] a piece; one piece
        is held at a time (Chan et al., 1979)."""
        count, mean, squares = 0, torch.zeros(()), torch.zeros(())
        for piece in pieces:
            frames = piece.double()
            away, whole = frames.mean(0) - mean, count + len(frames)
            squares = squares + (frames - frames.mean(0)).square().sum(0)
            squares = squares + away.square() * (count * len(frames) / whole)
            count, mean = whole, mean + away * (len(frames) / whole)
        self.mean.copy_(mean)
        self.sd.copy_((squares / (count - 1)).sqrt().clamp(min=1e-3))

    def forward(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """features [batch, frames, (layers,) dim] → ([batch, frames, dim], zero beyond the lengths; mask bool)."""
        if self.layer_weights is not None:
            features = torch.einsum("btld,l->btd", features, self.layer_weights.softmax(0))
        mask = valid(lengths, features.shape[1])
        if self.norm == "utterance":
            features = normalise(features, mask[..., None])
        elif self.norm in ("data", "level"):
            features = (features - self.mean) / self.sd
            if self.norm == "level":
                level = masked_mean(features, mask).mean(-1)
                features = features - level[:, None, None]
        return features * mask[..., None], mask


def stacked(frames: Tensor, lengths: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """`count` frames side by side as one step: [batch, frames, dim] → ([batch, steps, count · dim], lengths in steps)."""
    if count == 1:
        return frames, lengths
    frames = nn.functional.pad(frames, (0, 0, 0, -frames.shape[1] % count))
    return frames.reshape(frames.shape[0], -1, count * frames.shape[2]), (lengths + count - 1) // count
