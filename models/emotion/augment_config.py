"""What can be set about augmentation. No torch: the window reads this."""

from __future__ import annotations

from models.settings import Settings, setting


class AugmentConfig(Settings):
    """What is done to features in training, and how often."""

    noise: float = setting(0.3, "Noise", "How often noise is added.", group="Augmentation", ge=0, le=1)
    noise_sd: float = setting(
        0.05,
        "Noise level",
        "In standard deviations of the features.",
        group="Augmentation",
        advanced=True,
        ge=0,
        le=1,
    )
    stretch: float = setting(
        0.2, "Time stretch", "How often time is stretched.", group="Augmentation", ge=0, le=1
    )
    stretch_most: float = setting(
        0.1, "Largest stretch", "As a share of the length.", group="Augmentation", advanced=True, ge=0, le=0.5
    )
    mask: float = setting(
        0.2, "Frame masking", "How often frames are made faint.", group="Augmentation", ge=0, le=1
    )
    mask_share: float = setting(
        0.1, "Masked share", "Of an utterance's frames.", group="Augmentation", advanced=True, ge=0, le=0.9
    )
    mask_factor: float = setting(
        0.1,
        "Masked level",
        "What masked frames are multiplied by.",
        group="Augmentation",
        advanced=True,
        ge=0,
        le=1,
    )
    warp: float = setting(
        0.0,
        "Frequency warping",
        "How often bands are moved as by a vocal tract of another length.",
        group="Augmentation",
        ge=0,
        le=1,
    )
    warp_most: float = setting(
        0.1,
        "Largest warping",
        "As a share of the frequency.",
        group="Augmentation",
        advanced=True,
        ge=0,
        le=0.3,
    )
    band_masks: int = setting(
        0,
        "Band masks",
        "Stretches of bands blanked out in every utterance.",
        group="Augmentation",
        advanced=True,
        ge=0,
        le=10,
    )
    band_mask_most: int = setting(
        16, "Widest band mask", "In bands.", group="Augmentation", advanced=True, ge=0, le=128
    )
    time_masks: int = setting(
        0,
        "Time masks",
        "Stretches of time blanked out in every utterance.",
        group="Augmentation",
        advanced=True,
        ge=0,
        le=10,
    )
    time_mask_most: float = setting(
        0.15,
        "Longest time mask",
        "As a share of the utterance.",
        group="Augmentation",
        advanced=True,
        ge=0,
        le=0.9,
    )
    speeds: list[float] = setting(
        [1.0],
        "Speeds",
        "The sound is also learned from at these speeds; they move pitch and formants, so they act as further voices.",
        group="Augmentation",
    )
    scenes: int = setting(
        0,
        "Scenes",
        "The sound is also learned from as it is heard elsewhere: a speaker is put into so many scenes of noise, rooms, telephones, laptops and codecs.",
        group="Augmentation",
        ge=0,
        le=50,
    )
