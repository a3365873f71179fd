"""Everything that can be set about an emotion model and its training. No torch: the window reads this."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from models.emotion.augment_config import AugmentConfig
from models.emotion.degrees_config import DegreesConfig
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
from models.training.record import Record


class FrontEndConfig(Settings):
    """From sound to features; what it says goes into the checkpoint."""

    kind: Literal["logmel", "voice", "hubert"] = setting(
        "logmel",
        "Front end",
        "Log-mel bands and the voice encoder that ships (voice) need no download; a speech encoder (HuBERT) hears more.",
        group="Features",
    )
    sample_rate: int = setting(
        16_000,
        "Sample rate",
        "Sound is brought to this rate.",
        unit="Hz",
        group="Features",
        advanced=True,
        ge=8_000,
        le=48_000,
    )
    bands: int = setting(
        80, "Mel bands", "Of the log-mel front end.", group="Features", advanced=True, ge=20, le=256
    )
    window_ms: float = setting(
        25.0,
        "Frame",
        "Length of an analysis frame.",
        unit="ms",
        group="Features",
        advanced=True,
        ge=5,
        le=100,
    )
    hop_ms: float = setting(
        10.0, "Frame hop", "Distance between frames.", unit="ms", group="Features", advanced=True, ge=2, le=50
    )
    model: str = setting(
        "facebook/hubert-base-ls960",
        "Speech encoder",
        "A folder or a name of the Hugging Face hub: HuBERT, WavLM or wav2vec 2.0.",
        group="Features",
        path="folder",
    )
    layer: Literal["last", "weighted"] = setting(
        "last",
        "Encoder layers",
        "The last layer alone, or a learned weighted sum of all.",
        group="Features",
        advanced=True,
    )


class DataConfig(Settings):
    """Which utterances are learned from, and how they are parted."""

    path: str = setting(
        "",
        "Data set",
        "A corpus folder (IEMOCAP, EMO-DB, RAVDESS, CREMA-D), a folder a class, or a CSV with path, emotion, speaker.",
        group="Data",
        path="folder",
    )
    labels: list[str] = setting(
        [],
        "Emotions",
        "Which to tell apart; empty takes angry, happy, neutral, sad where the data has them all.",
        group="Data",
    )
    excited_is_happy: bool = setting(
        True, "Excited counts as happy", "As is usual with IEMOCAP.", group="Data", advanced=True
    )
    validation_speakers: list[str] = setting(
        [],
        "Validation speakers",
        "Speakers held back to judge the training by; empty draws a fifth of them by the seed.",
        group="Data",
    )
    test_speakers: list[str] = setting(
        [],
        "Test speakers",
        "Speakers that take no part at all, for figures on voices never heard.",
        group="Data",
    )
    split_seed: int = setting(
        -1,
        "Seed of the split",
        "Draws who validates and the groups of a cross-validation; -1 is the run's seed, which then draws the weights, too.",
        group="Data",
        advanced=True,
        ge=-1,
        le=2**31 - 1,
    )
    folds: int = setting(
        5, "Folds", "Groups of speakers of a cross-validation by k.", group="Data", advanced=True, ge=2, le=20
    )
    hold_back: bool = setting(
        True,
        "Validate",
        "Hold speakers back to judge the training by. Without, all of them are learned from, and the last weights are kept.",
        group="Data",
    )
    balance: Literal["none", "weights", "sampling"] = setting(
        "sampling",
        "Balance",
        "Against unequal classes: weight the loss, or draw rare ones more often.",
        group="Data",
    )
    window_s: float = setting(
        3.0, "Window", "Longer utterances are cut to this length.", unit="s", group="Data", ge=2, le=5
    )

    def seed_of(self, run: int) -> int:
        """The seed that parts the speakers, in a run with that seed."""
        return run if self.split_seed < 0 else self.split_seed

    def merged(self) -> dict[str, str]:
        """Emotions that count as others."""
        return {"excited": "happy"} if self.excited_is_happy else {}


class NetworkSettings(Settings):
    """The network; see `network.py` for what each part does."""

    kind: Literal["enhanced", "gru", "linear"] = setting(
        "enhanced",
        "Network",
        "The enhanced network, the GRU baseline, or linear classes of the features' mean and spread.",
        group="Network",
    )
    hidden: int = setting(
        256,
        "Hidden units",
        "Of a GRU direction (the enhanced network uses twice as many).",
        group="Network",
        ge=8,
        le=512,
    )
    layers: int = setting(3, "GRU layers", "Stacked bidirectional layers.", group="Network", ge=1, le=4)
    heads: int = setting(
        8, "Attention heads", "Of the self-attention.", group="Network", advanced=True, ge=1, le=16
    )
    dropout: float = setting(
        0.3, "Dropout", "Share of units silenced in training.", group="Network", ge=0, le=0.8
    )
    attention_dropout: float = setting(
        0.1,
        "Attention dropout",
        "Share of attention weights silenced in training.",
        group="Network",
        advanced=True,
        ge=0,
        le=0.8,
    )
    fusion: Literal["full", "published"] = setting(
        "full",
        "Fusion",
        "`full` hands enhanced features and maximum to the head; `published` throws them away, as first published.",
        group="Network",
        advanced=True,
    )
    speaker_norm: bool = setting(
        True, "Speaker normalisation", "Removes what is constant over an utterance.", group="Network"
    )
    attention: bool = setting(
        True, "Self-attention", "Off leaves the recurrent layers alone.", group="Network"
    )
    attention_over: Literal["utterance", "published"] = setting(
        "utterance",
        "Baseline's attention",
        "Over all steps of the same utterance; or `published`, over the batch, so that a single utterance sees itself alone and attention does nothing.",
        group="Network",
        advanced=True,
    )
    stack: int = setting(
        1,
        "Frames a step",
        "Frames laid side by side into one step: 3 makes the network three times as fast.",
        group="Network",
        advanced=True,
        ge=1,
        le=8,
    )
    input_norm: Literal["none", "data", "level", "utterance"] = setting(
        "data",
        "Input normalisation",
        "By the training data's mean and spread (data), without an utterance's loudness (level), or by its own mean and spread.",
        group="Network",
        advanced=True,
    )
    statistics: bool = setting(
        False,
        "Statistics",
        "A second head, which sees how the features lie and move as a whole; both are averaged.",
        group="Network",
        advanced=True,
    )
    centred: float = setting(
        0.5,
        "Centred on the person",
        "How often, in training, the linear network sees an utterance against its speaker's own mean instead of everybody's.",
        group="Network",
        advanced=True,
        ge=0,
        le=1,
    )


class AdversaryConfig(Settings):
    """The speaker head behind the gradient reversal: it makes the features forget who speaks."""

    weight: float = setting(
        0.05,
        "Adversary weight",
        "Share of the speaker loss; 0 switches the adversary off.",
        group="Adversary",
        ge=0,
        le=1,
    )
    start_epoch: float = setting(
        5,
        "Adversary starts",
        "Before this epoch the reversal is off.",
        unit="epochs",
        group="Adversary",
        ge=0,
        le=10_000,
    )
    top: float = setting(
        1.0,
        "Top strength",
        "Largest alpha of the reversal, reached at 70 % of the epochs.",
        group="Adversary",
        ge=0,
        le=10,
    )


class EmotionConfig(TrainingConfig):
    """A training run of the emotion system."""

    data: DataConfig = Field(default_factory=DataConfig, title="Data")
    front_end: FrontEndConfig = Field(default_factory=FrontEndConfig, title="Features")
    network: NetworkSettings = Field(default_factory=NetworkSettings, title="Network")
    adversary: AdversaryConfig = Field(default_factory=AdversaryConfig, title="Adversary")
    augment: AugmentConfig = Field(default_factory=AugmentConfig, title="Augmentation")
    degrees: DegreesConfig = Field(default_factory=DegreesConfig, title="Degrees")
    schedule: Literal["warm restarts", "cosine", "constant"] = setting(
        "warm restarts", "Schedule", "How the learning rate runs, after a linear warm-up.", group="Optimizer"
    )
    warmup_steps: int = redefault(SharedSettings, "warmup_steps", 1000)
    label_smoothing: float = setting(
        0.0,
        "Label smoothing",
        "Share of certainty taken from the right class.",
        group="Training",
        advanced=True,
        ge=0,
        le=0.5,
    )

    @model_validator(mode="after")
    def _speakers_apart(self) -> EmotionConfig:
        if not self.data.hold_back and self.keep == "best":
            raise contradiction(
                "without validation speakers there is no best epoch: set keep to last",
                "keep",
                "data.hold_back",
            )
        check_speakers_apart(self.data.validation_speakers, self.data.test_speakers)
        width = self.network.hidden * (2 if self.network.kind == "enhanced" else 1)
        if self.network.kind == "enhanced" and self.network.attention and width % self.network.heads:
            raise contradiction(
                "{heads} heads cannot share {width} features: choose a divisor",
                "network.heads",
                "network.hidden",
                heads=self.network.heads,
                width=width,
            )
        return self

    def remedies(self) -> dict[str, list[Remedy]]:
        """From experience with this system."""
        small = min(self.batch_size, 16)
        return super().remedies() | {
            "memory": [Remedy("Batch 16, accumulation 2", {"batch_size": small, "accumulation": 2})],
            "unstable": [
                Remedy("Learning rate 1e-4, clipping 0.5", {"learning_rate": 1e-4, "clip_norm": 0.5})
            ],
            "exploding": [
                Remedy("Learning rate 1e-4, clipping 0.5", {"learning_rate": 1e-4, "clip_norm": 0.5})
            ],
            "overfitting": [
                Remedy("Dropout 0.5, weight decay 1e-4", {"network.dropout": 0.5, "weight_decay": 1e-4})
            ],
            "adversary": [
                Remedy(
                    "Adversary weight 0.01, from epoch 10",
                    {"adversary.weight": 0.01, "adversary.start_epoch": 10.0},
                )
            ],
        }

    def judge(self, record: Record) -> list[Finding]:
        """An adversary that gets the better of the training: the speaker loss rises far over chance."""
        voices = record.epochs.get("train/speaker_loss")
        if voices is None or len(voices) < 3:
            return []
        first, last = float(voices.y[0]), float(voices.y[-1])
        if last <= 2 * max(first, 0.1):
            return []
        return [
            Finding(
                "The adversary diverges: the speaker loss was {first} at first and is {last} by now.",
                "adversary",
                "error",
                {"first": f"{first:.3g}", "last": f"{last:.3g}"},
            )
        ]

    def loss_scale(self, split: str) -> str:
        """Validation measures plain cross-entropy; the training loss is smoothed and has the adversary's share in it. Both have
        that of degrees."""
        degrees = f", degrees {self.degrees.weight:g}" if self.degrees.weight else ""
        if split == "validation":
            return f"cross-entropy{degrees}"
        weights = ", weighted classes" if self.data.balance == "weights" else ""
        return f"cross-entropy, smoothing {self.label_smoothing:g}, adversary {self.adversary.weight:g}{weights}{degrees}"


CONFIG = EmotionConfig
