"""Everything that can be set about a search model, its training and an index. No torch: the window reads this."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from models.training.config import Settings, SharedSettings, TrainingConfig, contradiction, redefault, setting
from models.training.finding import Remedy

# Encoders that transformers loads by itself; the multilingual ones let people search in their own language.
ENCODERS = {
    "bundled": "Ours, small: knows emoji only, needs no download",
    "openai/clip-vit-base-patch32": "CLIP, English",
    "google/siglip2-base-patch16-224": "SigLIP 2, about a hundred languages",
    "facebook/metaclip-2-worldwide-s16": "MetaCLIP 2, about three hundred languages",
    "OFA-Sys/chinese-clip-vit-base-patch16": "Chinese-CLIP, Chinese",
    "BAAI/AltCLIP": "AltCLIP, Chinese and English",
}


class DataConfig(Settings):
    """Which pictures and captions are learned from, and how they are parted."""

    path: str = setting(
        "",
        "Data set",
        "A folder of pictures with captions (CSV, JSON lines, COCO captions JSON, a .txt beside each), or a file of "
        "features (.pkl, .npz, .safetensors); `sample` names the emoji that ship.",
        group="Data",
        path="folder",
    )
    validation_share: float = setting(
        0.1,
        "Validation share",
        "Part of the pairs held back to judge the training by, where the data does not say.",
        group="Data",
        ge=0,
        le=0.5,
    )
    test_share: float = setting(
        0.1,
        "Test share",
        "Part of the pairs that takes no part at all, where the data does not say.",
        group="Data",
        advanced=True,
        ge=0,
        le=0.5,
    )

    @model_validator(mode="after")
    def _leaves_some(self) -> DataConfig:
        if self.validation_share + self.test_share >= 1:
            raise contradiction("nothing is left to learn from", "validation_share", "test_share")
        return self


class EncoderSettings(Settings):
    """The image-text encoder: someone else's, or the shape of a small one of our own."""

    name: str = setting(
        "openai/clip-vit-base-patch32",
        "Encoder",
        "A folder or a name of the Hugging Face hub; `bundled` names ours, which knows emoji only.",
        group="Encoder",
        path="folder",
    )
    image_size: int = setting(
        64,
        "Picture size",
        "Side of the square that the small encoder sees.",
        unit="px",
        group="Small encoder",
        advanced=True,
        ge=16,
        le=384,
    )
    patch_size: int = setting(
        8,
        "Patch size",
        "Side of a patch of the picture.",
        unit="px",
        group="Small encoder",
        advanced=True,
        ge=4,
        le=32,
    )
    dim: int = setting(
        128, "Embedding", "Numbers of an embedding.", group="Small encoder", advanced=True, ge=8, le=1024
    )
    image_width: int = setting(
        192,
        "Picture width",
        "Units of the picture transformer.",
        group="Small encoder",
        advanced=True,
        ge=16,
        le=1024,
    )
    image_layers: int = setting(
        5, "Picture layers", "Of the picture transformer.", group="Small encoder", advanced=True, ge=1, le=24
    )
    text_width: int = setting(
        128,
        "Text width",
        "Units of the text transformer.",
        group="Small encoder",
        advanced=True,
        ge=16,
        le=1024,
    )
    text_layers: int = setting(
        3, "Text layers", "Of the text transformer.", group="Small encoder", advanced=True, ge=1, le=24
    )
    heads: int = setting(
        4, "Attention heads", "Of both transformers.", group="Small encoder", advanced=True, ge=1, le=16
    )
    vocabulary: int = setting(
        2000,
        "Vocabulary",
        "Pieces of words that the tokenizer learns.",
        group="Small encoder",
        advanced=True,
        ge=300,
        le=50_000,
    )
    most_tokens: int = setting(
        24,
        "Longest text",
        "Longer captions are cut.",
        unit="tokens",
        group="Small encoder",
        advanced=True,
        ge=8,
        le=256,
    )
    augment: float = setting(
        1.0,
        "Augmentation",
        "How strongly pictures are moved, turned, scaled and tinted in training.",
        group="Small encoder",
        ge=0,
        le=3,
    )
    word_dropout: float = setting(
        0.1,
        "Word dropout",
        "Share of a caption's words left out in training.",
        group="Small encoder",
        advanced=True,
        ge=0,
        le=0.9,
    )

    @model_validator(mode="after")
    def _fits(self) -> EncoderSettings:
        for name in ("image_width", "text_width"):
            if getattr(self, name) % self.heads:
                raise contradiction("the width has to be a multiple of the heads", name, "heads")
        if self.image_size % self.patch_size:
            raise contradiction("the patches have to fill the picture", "image_size", "patch_size")
        return self


class FusionSettings(Settings):
    """The fusion and the hash networks; see `network.py` for what each part does."""

    fusion: Literal["tokens", "joint", "cross"] = setting(
        "tokens",
        "Fusion",
        "`tokens`: picture and text as two tokens; `joint` (both in one token) and `cross` are as published.",
        group="Network",
    )
    bits: Literal[16, 32, 64, 128] = setting(64, "Bits", "Length of a code.", group="Network")
    layers: int = setting(
        2, "Fusion layers", "Of the transformer.", group="Network", advanced=True, ge=1, le=8
    )
    heads: int = setting(4, "Fusion heads", "Of its attention.", group="Network", advanced=True, ge=1, le=16)
    feedforward: int = setting(
        2048, "Feed-forward", "Units between the layers.", group="Network", advanced=True, ge=16, le=8192
    )
    fusion_dropout: float = setting(
        0.1,
        "Fusion dropout",
        "Share of units silenced in the fusion.",
        group="Network",
        advanced=True,
        ge=0,
        le=0.8,
    )
    hidden: int = setting(
        1024,
        "Hash units",
        "Of the hash network's middle layer.",
        group="Network",
        advanced=True,
        ge=8,
        le=8192,
    )
    dropout: float = setting(
        0.3,
        "Hash dropout",
        "Share of units silenced in the hash network.",
        group="Network",
        advanced=True,
        ge=0,
        le=0.8,
    )
    tanh: bool = setting(
        True,
        "tanh and norm",
        "Squashes codes before their sign; off is as described in words.",
        group="Network",
        advanced=True,
    )
    absent: float = setting(
        0.5,
        "Left alone",
        "How often an item is encoded without its other half in training, as a search must do; 0 is as published.",
        group="Network",
        ge=0,
        le=1,
    )


class LossSettings(Settings):
    """The loss; the scales of the two differ, so their curves cannot be compared."""

    kind: Literal["contrastive", "balanced"] = setting(
        "contrastive",
        "Loss",
        "NT-Xent both ways, or the balanced one (weighted, picture to text).",
        group="Loss",
    )
    temperature: float = setting(
        0.5, "Temperature", "Lower looks harder at the nearest negatives.", group="Loss", ge=0.01, le=10
    )
    keep_self: bool = setting(
        False,
        "Keep self",
        "Leave an item's likeness to itself in the denominator, as one description has it.",
        group="Loss",
        advanced=True,
    )
    code_weight: float = setting(
        0.5, "Weight of codes", "Of the loss on codes, beside that on embeddings.", group="Loss", ge=0, le=10
    )


class SearchConfig(TrainingConfig):
    """A training run of the search system."""

    stage: Literal["encoder", "fusion", "hash"] = setting(
        "hash",
        "Stage",
        "`fusion` trains real-valued embeddings (stage 1), `hash` codes (stage 2), `encoder` a small image-text encoder.",
        group="Training",
    )
    start: str = setting(
        "",
        "Start from",
        "The checkpoint of a stage 1 whose fusion is taken over; empty begins anew.",
        group="Training",
        path="folder",
    )
    data: DataConfig = Field(default_factory=DataConfig, title="Data")
    encoder: EncoderSettings = Field(default_factory=EncoderSettings, title="Encoder")
    network: FusionSettings = Field(default_factory=FusionSettings, title="Network")
    objective: LossSettings = Field(default_factory=LossSettings, title="Loss")
    batch_size: int = redefault(
        TrainingConfig,
        "batch_size",
        128,
        description="Pairs that are computed, and compared, at once.",
        ge=2,
    )
    epochs: int = redefault(TrainingConfig, "epochs", 300)
    early_stop: int = redefault(TrainingConfig, "early_stop", 0)
    learning_rate: float = redefault(
        TrainingConfig,
        "learning_rate",
        1e-4,
        description="Of the fusion, constant; for an encoder, the peak of its schedule.",
    )
    hash_rate: float = setting(
        1e-3, "Hash learning rate", "Of the hash networks.", group="Optimizer", gt=0, le=1
    )
    milestones: list[int] = setting(
        [30, 80],
        "Milestones",
        "Epochs at which the hash learning rate changes.",
        unit="epochs",
        group="Optimizer",
        advanced=True,
    )
    milestone_factor: float = setting(
        1.2,
        "Milestone factor",
        "What it is multiplied by: 1.2 (MIRFlickr, NUS-WIDE), 0.6 at 200 (COCO).",
        group="Optimizer",
        advanced=True,
        gt=0,
        le=10,
    )
    warmup_steps: int = redefault(
        SharedSettings,
        "warmup_steps",
        100,
        description="Of an encoder: steps of linear warm-up.",
        advanced=True,
    )
    weight_decay: float = redefault(
        TrainingConfig, "weight_decay", 0.0, description="Pull of the weights towards zero."
    )
    clip_norm: float = redefault(TrainingConfig, "clip_norm", 0.0)
    map_every: int = setting(
        10,
        "Judge every",
        "Epochs between two evaluations on the validation part.",
        unit="epochs",
        group="Training",
        ge=1,
        le=10_000,
    )

    @model_validator(mode="after")
    def _start_fits_stage(self) -> SearchConfig:
        if self.start and self.stage != "hash":
            raise contradiction("only stage `hash` starts from a checkpoint of stage 1", "start", "stage")
        return self

    def remedies(self) -> dict[str, list[Remedy]]:
        """From experience with this system: its rates are two, and what its loss compares with is the batch."""
        hashing = self.stage == "hash"
        slower = {
            "learning_rate": self.learning_rate / 3,
            **({"hash_rate": self.hash_rate / 3} if hashing else {}),
        }
        faster = {
            "learning_rate": min(1.0, 3 * self.learning_rate),
            **({"hash_rate": min(1.0, 3 * self.hash_rate)} if hashing else {}),
        }
        return super().remedies() | {
            "unstable": [
                Remedy("A third of the learning rates, gradients clipped at 1", {**slower, "clip_norm": 1.0})
            ],
            "exploding": [Remedy("Gradients clipped at 1", {"clip_norm": 1.0})],
            "small gradients": [Remedy("Three times the learning rates", faster)],
            "not learning": [Remedy("Three times the learning rates", faster)],
            "flat": [
                Remedy("Three times the learning rates", faster),
                Remedy(
                    "Twice the batch: more to compare with", {"batch_size": min(4096, 2 * self.batch_size)}
                ),
            ],
            "overfitting": self._against_overfitting(),
        }

    def _against_overfitting(self) -> list[Remedy]:
        if self.stage == "encoder":
            return [
                Remedy(
                    "Stronger augmentation, a fifth of the words left out",
                    {
                        "encoder.augment": min(3.0, 1.5 * self.encoder.augment + 0.5),
                        "encoder.word_dropout": 0.2,
                    },
                ),
                Remedy("Weight decay 0.1", {"weight_decay": 0.1}),
            ]
        return [
            Remedy(
                "Dropout 0.5 in the hash networks, 0.3 in the fusion",
                {"network.dropout": 0.5, "network.fusion_dropout": 0.3},
            ),
            Remedy("A half absent more often", {"network.absent": min(1.0, self.network.absent + 0.3)}),
        ]

    def loss_scale(self, split: str) -> str:
        """What the loss compares, with how many, and how sharply: each changes where it begins and how far it can fall."""
        items = f"batches of {self.batch_size * self.accumulation}"
        if self.stage == "encoder":
            return f"cross-entropy both ways, {items}" + ("" if split == "train" else ", own picture alone")
        asked = self.objective
        codes = f", codes × {asked.code_weight:g}" if self.stage == "hash" else ""
        return f"{asked.kind} at {asked.temperature:g}, {items}{codes}"


CONFIG = SearchConfig
