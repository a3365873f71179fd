"""What is done to features in training so that a network does not learn them by heart. Seeded, one utterance at a time."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from models.emotion.augment_config import AugmentConfig

Random = np.random.Generator


def augmented(frames: Tensor, settings: AugmentConfig, random: Random) -> Tensor:
    """One utterance's features [frames, (layers,) dim], changed as the settings and the generator have it.

    The length changes only by time stretching.
    """
    if settings.stretch and random.random() < settings.stretch:
        frames = stretched(frames, 1 + random.uniform(-settings.stretch_most, settings.stretch_most))
    if settings.warp and random.random() < settings.warp:
        frames = warped(frames, 1 + random.uniform(-settings.warp_most, settings.warp_most))
    if settings.noise and random.random() < settings.noise:
        frames = noisy(frames, settings.noise_sd, random)
    if settings.mask and random.random() < settings.mask:
        frames = faint(frames, settings.mask_share, settings.mask_factor, random)
    for _ in range(settings.band_masks):
        frames = without_bands(frames, settings.band_mask_most, random)
    for _ in range(settings.time_masks):
        frames = without_time(frames, settings.time_mask_most, random)
    return frames


def noisy(frames: Tensor, sd: float, random: Random) -> Tensor:
    """Gaussian noise of `sd` times the features' own standard deviation."""
    noise = torch.from_numpy(random.standard_normal(tuple(frames.shape)).astype(np.float32))
    return frames + noise * (sd * frames.std(unbiased=False))


def stretched(frames: Tensor, factor: float) -> Tensor:
    """`factor` times as many frames, by linear interpolation over time."""
    flat = frames.reshape(len(frames), -1)
    size = max(1, round(len(frames) * factor))
    new = torch.nn.functional.interpolate(flat.T[None], size=size, mode="linear", align_corners=False)[0].T
    return new.reshape(size, *frames.shape[1:])


def faint(frames: Tensor, share: float, factor: float, random: Random) -> Tensor:
    """A random `share` of the frames multiplied by `factor`."""
    count = round(share * len(frames))
    frames = frames.clone()
    frames[torch.from_numpy(random.permutation(len(frames))[:count])] *= factor
    return frames


def warped(frames: Tensor, factor: float) -> Tensor:
    """Bands moved along their axis by `factor`, as a vocal tract of another length moves formants (VTLP: Jaitly and
    Hinton, 2013); linear interpolation, the edge band repeated."""
    bands = frames.shape[-1]
    place = (torch.arange(bands) * factor).clamp(0, bands - 1)
    low = place.long()
    share = place - low
    return frames[..., low] * (1 - share) + frames[..., (low + 1).clamp(max=bands - 1)] * share


def without_bands(frames: Tensor, most: int, random: Random) -> Tensor:
    """Up to `most` neighbouring bands set to the utterance's mean (SpecAugment: Park et al., 2019)."""
    bands = frames.shape[-1]
    width = int(random.integers(0, min(most, bands) + 1))
    start = int(random.integers(0, bands - width + 1))
    changed = frames.clone()
    changed[..., start : start + width] = frames.mean()
    return changed


def without_time(frames: Tensor, most: float, random: Random) -> Tensor:
    """Up to a share `most` of neighbouring frames set to the utterance's mean (SpecAugment)."""
    width = int(random.integers(0, int(most * len(frames)) + 1))
    start = int(random.integers(0, len(frames) - width + 1))
    changed = frames.clone()
    changed[start : start + width] = frames.mean()
    return changed
