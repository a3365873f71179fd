"""What can be set about a separation network, as the paper names it. No torch: the window reads this."""

from __future__ import annotations

from typing import Literal

from models.training.config import Settings, setting


class NetworkSettings(Settings):
    """Conv-TasNet; the letters are the paper's."""

    speakers: int = setting(2, "Speakers", "Voices in a mixture.", group="Network", ge=2, le=10)
    filters: int = setting(512, "Filters", "Of encoder and decoder (N).", group="Network", ge=8, le=4096)
    filter_length: int = setting(
        16,
        "Filter length",
        "Of encoder and decoder (L); the hop is half of it.",
        unit="samples",
        group="Network",
        ge=2,
        le=512,
    )
    bottleneck: int = setting(
        128, "Bottleneck", "Channels between blocks (B).", group="Network", ge=8, le=2048
    )
    skip: int = setting(128, "Skip", "Channels of the skip paths (Sc).", group="Network", ge=8, le=2048)
    hidden: int = setting(256, "Hidden", "Channels within a block (H).", group="Network", ge=8, le=4096)
    kernel: int = setting(
        3, "Kernel", "Taps of the dilated convolutions (P).", group="Network", advanced=True, ge=3, le=9
    )
    blocks: int = setting(
        8, "Blocks", "Of a repeat, each reaching twice as far (X).", group="Network", ge=1, le=12
    )
    repeats: int = setting(3, "Repeats", "Of the blocks (R).", group="Network", ge=1, le=8)
    norm: Literal["gLN", "cLN"] = setting(
        "gLN",
        "Normalisation",
        "Over the whole mixture (gLN), or over what was heard so far (cLN).",
        group="Network",
    )
    causal: bool = setting(
        False, "Causal", "Look back only, so that sound can be separated as it comes.", group="Network"
    )
    mask_activation: Literal["relu", "sigmoid", "softmax"] = setting(
        "relu",
        "Mask activation",
        "ReLU is unbounded above, so that a voice can also be amplified.",
        group="Network",
    )
    first_filters: Literal["random", "sines"] = setting(
        "random",
        "First filters",
        "What the filters are before training: random, or sines that give the mixture back, which saves the first thousands of steps.",
        group="Network",
        advanced=True,
    )
    encoder_relu: bool = setting(
        False, "Encoder ReLU", "Keep the encoder's output positive.", group="Network", advanced=True
    )
