"""Everything that can be set about a separation network and its training. No torch: the window reads this."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, field_validator, model_validator

from models.separation.network_settings import NetworkSettings
from models.training.config import (
    Settings,
    SharedSettings,
    TrainingConfig,
    check_speakers_apart,
    contradiction,
    redefault,
    setting,
)
from models.training.finding import Finding, Remedy
from models.training.findings import ENOUGH_EPOCHS
from models.training.record import Record

THREE, CAUSAL = "bundled-three", "bundled-causal"  # models that ship beside the first one
FLAT_DB = 1.0  # of improvement, below which a loss counts as flat


def streams(network: Mapping[str, object]) -> bool:
    """Whether a network of this description hears sound bit by bit: it looks back only, in its norms as well."""
    return bool(network.get("causal")) and network.get("norm", "gLN") != "gLN"


class DataConfig(Settings):
    """Whose voices are mixed, and how they are parted."""

    path: str = setting(
        "sample",
        "Speech",
        "A folder with a folder a speaker (LibriSpeech, AISHELL-3, VCTK), a CSV with path and speaker, or ready-made mixtures (LibriMix, WSJ0-2mix); `sample` is what ships.",
        group="Data",
        path="folder",
    )
    sample_rate: int = setting(
        16_000,
        "Sample rate",
        "At which the network hears; sound of other rates is converted once and kept.",
        unit="Hz",
        group="Data",
        ge=4_000,
        le=48_000,
    )
    segment_s: float = setting(
        2.0, "Segment", "Length of a training mixture.", unit="s", group="Data", gt=0.05, le=60
    )
    epoch_mixtures: int = setting(
        0,
        "Mixtures an epoch",
        "Mixed anew every time; 0: one for each clip.",
        group="Data",
        ge=0,
        le=10_000_000,
    )
    first_speakers: int = setting(
        0,
        "First speakers",
        "Training begins with so few voices, and others join: few voices are soon told apart, and what that takes serves all. 0: all from the beginning.",
        group="Data",
        ge=0,
        le=100_000,
    )
    grow_epochs: int = setting(
        10,
        "Growing",
        "Epochs until all voices have joined, each time by the same factor.",
        unit="epochs",
        group="Data",
        advanced=True,
        ge=1,
        le=100_000,
    )
    validation_speakers: list[str] = setting(
        [],
        "Validation speakers",
        "They choose the best weights; empty: as many as named below, of both sexes.",
        group="Data",
    )
    test_speakers: list[str] = setting(
        [],
        "Test speakers",
        "They take no part in the run; empty: as many as named below, of both sexes.",
        group="Data",
    )
    validation_count: int = setting(
        10, "Speakers for validation", "Where none are named.", group="Data", advanced=True, ge=2, le=1000
    )
    test_count: int = setting(
        10, "Speakers for test", "Where none are named.", group="Data", advanced=True, ge=0, le=1000
    )
    fixed_mixtures: int = setting(
        200,
        "Fixed mixtures",
        "Mixtures of validation and of test, the same every time.",
        group="Data",
        ge=2,
        le=100_000,
    )
    fixed_s: float = setting(
        4.0,
        "Fixed length",
        "Length of a mixture of validation and of test.",
        unit="s",
        group="Data",
        gt=0.2,
        le=60,
    )
    fixed_seed: int = setting(
        2019,
        "Fixed seed",
        "Sets the parting of speakers and the fixed mixtures.",
        group="Data",
        advanced=True,
        ge=0,
        le=2**31 - 1,
    )

    @field_validator("validation_speakers", "test_speakers", mode="before")
    @classmethod
    def _names(cls, value: object) -> object:
        """Corpora number their speakers, and YAML reads a number."""
        return (
            [str(item) if isinstance(item, int) else item for item in value]
            if isinstance(value, list)
            else value
        )


class MixingConfig(Settings):
    """How two voices become a mixture."""

    loudness_db: float = setting(
        -25.0,
        "Loudness",
        "Level to which every mixture is brought, in dB of full scale.",
        unit="dB",
        group="Mixing",
        ge=-60,
        le=0,
    )
    normalise: bool = setting(
        True, "Normalised input", "Bring every mixture to that level, also in use.", group="Mixing"
    )
    level_db: float = setting(
        3.0,
        "Levels",
        "The voices' levels differ by at most this, either way.",
        unit="dB",
        group="Mixing",
        ge=0,
        le=30,
    )
    crop: bool = setting(
        True, "Random crop", "Cut training segments at random; else from the beginning.", group="Mixing"
    )
    relevel: float = setting(
        0.5,
        "Level again",
        "How often the first voice of a ready-made mixture gets another level.",
        group="Mixing",
        ge=0,
        le=1,
    )
    speed: float = setting(
        0.0,
        "Speed",
        "Voices are played faster or slower by at most this share, so that they sound like others; once all have joined.",
        group="Mixing",
        ge=0,
        le=0.3,
    )
    alone: float = setting(
        0.0,
        "One voice alone",
        "How often all voices but one are silent, so that a track is learned to be silent where nobody else speaks.",
        group="Mixing",
        ge=0,
        le=0.5,
    )
    fewer: float = setting(
        0.0,
        "Fewer voices",
        "How often fewer voices speak than there are tracks, but at least two, so that three tracks also serve a pair. Of voices that are mixed here.",
        group="Mixing",
        ge=0,
        le=0.5,
    )
    noise: str = setting(
        "", "Noise", "A folder of recordings that are laid under.", group="Mixing", path="folder"
    )
    noise_share: float = setting(0.5, "Noise share", "How often noise is added.", group="Mixing", ge=0, le=1)
    noise_low_db: float = setting(
        5.0,
        "Loudest noise",
        "Least level of the speech over the noise.",
        unit="dB",
        group="Mixing",
        ge=-30,
        le=80,
    )
    noise_high_db: float = setting(
        20.0,
        "Faintest noise",
        "Greatest level of the speech over the noise.",
        unit="dB",
        group="Mixing",
        ge=-30,
        le=80,
    )
    rooms: str = setting(
        "",
        "Rooms",
        "A folder of impulse responses; each voice is heard through one.",
        group="Mixing",
        path="folder",
    )
    room_share: float = setting(0.5, "Room share", "How often a room is added.", group="Mixing", ge=0, le=1)


class SeparationConfig(TrainingConfig):
    """A training run of the separation system."""

    epochs: int = redefault(TrainingConfig, "epochs", 100)
    batch_size: int = redefault(
        TrainingConfig, "batch_size", 2, description="Mixtures that are computed at once."
    )
    accumulation: int = redefault(TrainingConfig, "accumulation", 4)
    early_stop: int = redefault(TrainingConfig, "early_stop", 50)
    learning_rate: float = redefault(TrainingConfig, "learning_rate", 1e-3)
    weight_decay: float = redefault(TrainingConfig, "weight_decay", 0.0)
    clip_norm: float = redefault(TrainingConfig, "clip_norm", 5.0)
    loss: Literal["si_sdr", "levelled"] = setting(
        "si_sdr",
        "Loss",
        "Negative SI-SDR, which leaves each track's loudness open, or levelled: less what a track is more than 6 dB louder or softer than its voice, for tracks that may be silent.",
        group="Optimizer",
    )
    schedule: Literal["halving", "cosine", "constant"] = setting(
        "halving",
        "Schedule",
        "Half the learning rate where validation does not improve, half a cosine over the run, or constant.",
        group="Optimizer",
    )
    patience: int = setting(
        3,
        "Patience",
        "Epochs without improvement before the learning rate is halved.",
        unit="epochs",
        group="Optimizer",
        ge=1,
        le=1000,
    )
    warmup_steps: int = redefault(SharedSettings, "warmup_steps", 0)

    data: DataConfig = Field(default_factory=DataConfig, title="Data")
    mixing: MixingConfig = Field(default_factory=MixingConfig, title="Mixing")
    network: NetworkSettings = Field(default_factory=NetworkSettings, title="Network")

    @model_validator(mode="after")
    def _fits_together(self) -> SeparationConfig:
        check_speakers_apart(self.data.validation_speakers, self.data.test_speakers)
        if self.network.causal and self.network.norm == "gLN":
            raise contradiction(
                "a causal network cannot know the mean of what is still to come: set the normalisation to cLN",
                "network.causal",
                "network.norm",
            )
        if self.mixing.fewer and self.network.speakers == 2:
            raise contradiction(
                "with two tracks none can be missing while two speak: set it to 0",
                "mixing.fewer",
                "network.speakers",
            )
        if self.network.kernel % 2 == 0 and not self.network.causal:
            raise contradiction("an even kernel has no middle: choose an odd one", "network.kernel")
        if self.network.filter_length % 2:
            raise contradiction("half a filter is the hop: choose an even length", "network.filter_length")
        if 0 < self.data.first_speakers < self.network.speakers:
            raise contradiction("a mixture needs that many voices", "data.first_speakers", "network.speakers")
        signs = 2 if self.network.encoder_relu else 1
        fit = (
            self.network.filters % (2 * signs) == 0
            and self.network.filters >= signs * self.network.filter_length
        )
        if self.network.first_filters == "sines" and not fit:
            raise contradiction(
                "sines need an even number of filters, at least as many as they are long, and twice that before a ReLU",
                "network.first_filters",
                "network.filters",
            )
        if self.mixing.noise_low_db > self.mixing.noise_high_db:
            raise contradiction(
                "the loudest noise is fainter than the faintest",
                "mixing.noise_low_db",
                "mixing.noise_high_db",
            )
        return self

    def remedies(self) -> dict[str, list[Remedy]]:
        """From experience with this system."""
        half = max(1, self.batch_size // 2)
        flat = [Remedy("A third of the learning rate", {"learning_rate": self.learning_rate / 3})]
        if self.mixing.loudness_db != -25:
            flat.insert(0, Remedy("Mixtures at −25 dB", {"mixing.loudness_db": -25.0}))
        return super().remedies() | {
            "memory": [
                Remedy(
                    "Half the batch, twice the accumulation",
                    {"batch_size": half, "accumulation": 2 * self.accumulation},
                ),
                Remedy("Segments of one second", {"data.segment_s": 1.0}),
                Remedy("Half the hidden channels", {"network.hidden": max(8, self.network.hidden // 2)}),
            ],
            "flat": flat,
            "no gain": flat,
            "low masks": [
                Remedy("Masks by ReLU", {"network.mask_activation": "relu"}),
                Remedy("Twice the epochs", {"epochs": 2 * self.epochs}),
            ],
            "unstable": [Remedy("A third of the learning rate", {"learning_rate": self.learning_rate / 3})],
            "overfitting": [
                Remedy(
                    "Speeds changed by up to a tenth, levels by 5 dB",
                    {"mixing.speed": 0.1, "mixing.level_db": 5.0},
                )
            ],
        }

    def judge(self, record: Record) -> list[Finding]:
        """A loss that stays where it was, and masks that never amplify."""
        result = []
        gained, masks = record.epochs.get("validation/si_sdri"), record.epochs.get("train/largest_mask")
        if gained is not None and len(gained) >= ENOUGH_EPOCHS and float(max(gained.y)) < FLAT_DB:
            result.append(
                Finding(
                    "Nothing is separated: after {epochs} epochs the tracks are no more than {gain} dB better than the mixture.",
                    "no gain",
                    "warning",
                    {"epochs": len(gained), "gain": f"{max(gained.y):.1f}"},
                )
            )
        if masks is not None and len(masks) >= ENOUGH_EPOCHS and float(max(masks.y)) < 1:
            result.append(
                Finding(
                    "The masks stay below 1, so that no voice is ever amplified: the largest was {largest}.",
                    "low masks",
                    "warning",
                    {"largest": f"{max(masks.y):.2f}"},
                )
            )
        return result

    def loss_scale(self, split: str) -> str:
        """One measure is the same for all data; how loud the voices are against each other is not, nor, in training, how often
        some are silent, of which up to 30 dB are counted."""
        measure = "levelled SI-SDR" if self.loss == "levelled" else "SI-SDR"
        result = f"negative {measure}, levels within {self.mixing.level_db:g} dB"
        if split == "train" and (self.mixing.alone or self.mixing.fewer):
            result += f", alone {self.mixing.alone:g}, fewer {self.mixing.fewer:g}"
        return result


CONFIG = SeparationConfig
