"""Everything that can be set about an EEG decoder and its training. No torch: the window reads this."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from models.eeg.signal_config import PreprocessingConfig
from models.training.config import Settings, TrainingConfig, contradiction, redefault, setting
from models.training.finding import Remedy


class DataConfig(Settings):
    """Which recordings are learned from, and how they are parted."""

    path: str = setting(
        "",
        "Data set",
        "A folder of the auditory EEG challenge, of SparrKULee or of BIDS, a NPZ with eeg and envelope, or `sample`.",
        group="Data",
        path="folder",
    )
    subjects: list[str] = setting(
        [], "Subjects", "Only these are learned from; empty takes all of them.", group="Data"
    )
    test_subjects: list[str] = setting(
        [],
        "Test subjects",
        "Subjects that take no part at all, for figures on people never met.",
        group="Data",
    )
    blocks: int = setting(
        5,
        "Time blocks",
        "Where there is one stimulus only, its time is cut into so many blocks.",
        group="Data",
        advanced=True,
        ge=3,
        le=50,
    )
    validation_block: int = setting(
        3,
        "Validation block",
        "The block that judges the training; 0 is the first.",
        group="Data",
        advanced=True,
        ge=-1,
        le=49,
    )
    test_block: int = setting(
        4,
        "Test block",
        "The block that takes no part; -1 learns from it, too.",
        group="Data",
        advanced=True,
        ge=-1,
        le=49,
    )
    guard_s: float = setting(
        1.0,
        "Guard",
        "Time left out on both sides of a cut, so that neither side hears the other.",
        unit="s",
        group="Data",
        ge=0,
        le=60,
    )
    window_s: float = setting(
        10.0, "Window", "Length of a training example.", unit="s", group="Data", ge=1, le=60
    )
    windows_an_epoch: int = setting(
        0,
        "Windows an epoch",
        "Windows drawn an epoch; 0 takes as many as fit side by side.",
        group="Data",
        advanced=True,
        ge=0,
        le=1_000_000,
    )
    minutes: float = setting(
        0.0,
        "Minutes of training",
        "Learns from so much only, for a learning curve; 0 takes all.",
        unit="min",
        group="Data",
        advanced=True,
        ge=0,
        le=100_000,
    )

    @model_validator(mode="after")
    def _blocks_apart(self) -> DataConfig:
        for name in ("validation_block", "test_block"):
            if getattr(self, name) >= self.blocks:
                raise contradiction("there are not so many time blocks", name, "blocks")
        if self.validation_block >= 0 and self.validation_block == self.test_block:
            raise contradiction("a block cannot validate and test at once", "validation_block", "test_block")
        return self


class NetworkSettings(Settings):
    """The decoder; see `network.py` for what each part does."""

    kind: Literal["conformer", "ridge"] = setting(
        "conformer", "Decoder", "The Conformer, or the linear decoder that is its measure.", group="Network"
    )
    version: Literal["v1", "v2"] = setting(
        "v2",
        "Version",
        "v1 ends in one linear layer; v2 scales gradients, gates its blocks and ends in an MLP.",
        group="Network",
    )
    width: int = setting(256, "Width", "Features a time step.", group="Network", ge=16, le=1024)
    blocks: int = setting(8, "Blocks", "Conformer blocks.", group="Network", ge=1, le=24)
    heads: int = setting(
        4, "Attention heads", "Of the self-attention.", group="Network", advanced=True, ge=1, le=16
    )
    feed_forward: int = setting(
        1024,
        "Feed-forward",
        "Units of the feed-forward modules.",
        group="Network",
        advanced=True,
        ge=16,
        le=4096,
    )
    kernel: int = setting(
        31,
        "Kernel",
        "Of the depthwise convolution, odd.",
        unit="steps",
        group="Network",
        advanced=True,
        ge=3,
        le=127,
    )
    dropout: float = setting(
        0.1, "Dropout", "Share of units silenced in the blocks in training.", group="Network", ge=0, le=0.8
    )
    front_dropout: float = setting(
        0.3,
        "Front-end dropout",
        "Share of units silenced in the front end in training.",
        group="Network",
        ge=0,
        le=0.8,
    )
    conv_norm: Literal["layer", "group", "batch"] = setting(
        "layer",
        "Convolution norm",
        "Normalisation within the convolution module; batches are small, so not by batch.",
        group="Network",
        advanced=True,
    )
    gradient_scale: float = setting(
        2.0,
        "Gradient scale",
        "v2: what the blocks' gradient is multiplied by.",
        group="Network",
        ge=0.1,
        le=10,
    )
    gated_residual: bool = setting(
        True,
        "Gated residual",
        "v2: a gate weighs the blocks' output against their input; off, they are added.",
        group="Network",
    )
    mlp_head: bool = setting(True, "MLP head", "v2: two layers at the end; off, one.", group="Network")
    subject_embedding: bool = setting(
        True,
        "Subject embedding",
        "Each training subject has its own offset, and so has anyone unknown.",
        group="Network",
    )

    @model_validator(mode="after")
    def _fits(self) -> NetworkSettings:
        if self.width % self.heads or self.width // self.heads % 2:
            raise contradiction("the width has to be a multiple of twice the heads", "width", "heads")
        if self.kernel % 2 == 0:
            raise contradiction("the kernel has to be odd", "kernel")
        return self


class RidgeSettings(Settings):
    """The linear decoder."""

    first_lag_s: float = setting(
        0.0,
        "First lag",
        "EEG from so long after a sound.",
        unit="s",
        group="Ridge",
        advanced=True,
        ge=-1,
        le=1,
    )
    last_lag_s: float = setting(
        0.25, "Last lag", "EEG up to so long after a sound.", unit="s", group="Ridge", ge=0, le=2
    )
    penalties: list[float] = setting(
        [1e-4, 1e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0, 3.0, 10.0, 100.0],
        "Penalties",
        "Lambdas to choose from by cross-validation, in units of the variance of an EEG channel.",
        group="Ridge",
        advanced=True,
        min_length=1,
    )

    @model_validator(mode="after")
    def _lags(self) -> RidgeSettings:
        if self.first_lag_s > self.last_lag_s:
            raise contradiction("the first lag has to come before the last", "first_lag_s", "last_lag_s")
        if min(self.penalties) < 0:
            raise contradiction("penalties are not negative", "penalties")
        return self


class LossSettings(Settings):
    """What a decoder is trained to make small."""

    kind: Literal["pearson + l1", "pearson", "multi-scale pearson", "mse", "match-mismatch"] = setting(
        "pearson + l1",
        "Loss",
        "Pearson's r turned round, with some absolute error; r at several lengths; squared error; or telling the speech that was heard from other speech, by r with each.",
        group="Training",
    )
    l1: float = setting(
        0.2, "Share of L1", "Of the first loss.", group="Training", advanced=True, ge=0, le=10
    )
    candidates: int = setting(
        5,
        "Candidates",
        "Of match–mismatch: the speech that was heard, and others that the same person heard at other times.",
        group="Training",
        advanced=True,
        ge=2,
        le=64,
    )
    temperature: float = setting(
        0.1,
        "Temperature",
        "Of match–mismatch: what r is divided by before the softmax.",
        group="Training",
        advanced=True,
        ge=0.01,
        le=10,
    )


class EEGConfig(TrainingConfig):
    """A training run of the EEG system."""

    epochs: int = redefault(TrainingConfig, "epochs", 1000)
    batch_size: int = redefault(
        TrainingConfig, "batch_size", 64, description="Windows that are computed at once."
    )
    early_stop: int = redefault(TrainingConfig, "early_stop", 50)
    learning_rate: float = redefault(TrainingConfig, "learning_rate", 1e-4)
    weight_decay: float = redefault(
        TrainingConfig,
        "weight_decay",
        0.0,
        description="Pull of the weights towards zero (decoupled); 0 is plain Adam.",
    )
    data: DataConfig = Field(default_factory=DataConfig, title="Data")
    preprocessing: PreprocessingConfig = Field(default_factory=PreprocessingConfig, title="Signal")
    network: NetworkSettings = Field(default_factory=NetworkSettings, title="Network")
    ridge: RidgeSettings = Field(default_factory=RidgeSettings, title="Ridge")
    loss: LossSettings = Field(default_factory=LossSettings, title="Loss")
    schedule: Literal["constant", "cosine"] = setting(
        "constant",
        "Schedule",
        "How the learning rate runs: constant, or warmed up and then falling.",
        group="Optimizer",
    )
    drop_identity: float = setting(
        0.2,
        "Drop identity",
        "How often a training window does not say whose it is; that trains the unknown subject.",
        group="Training",
        ge=0,
        le=1,
    )
    start_from: str = redefault(
        TrainingConfig,
        "start_from",
        "",
        description="A checkpoint to fine-tune, or `bundled-conformer`; its network and signal settings are then used.",
        advanced=False,
    )

    @model_validator(mode="after")
    def _judged_by_something(self) -> EEGConfig:
        if self.keep == "best" and self.data.validation_block < 0:
            raise contradiction(
                "without a validation block there is no best epoch: set keep to last",
                "keep",
                "data.validation_block",
            )
        strangers = set(self.data.test_subjects) & set(self.data.subjects)
        if self.data.subjects and strangers == set(self.data.subjects):
            raise contradiction(
                "every subject is held out: nobody is left to learn from",
                "data.subjects",
                "data.test_subjects",
            )
        return self

    def remedies(self) -> dict[str, list[Remedy]]:
        """From experience with this system."""
        stronger, steadier = (
            {"learning_rate": rate, **({"network.gradient_scale": scale} if self._has_scale else {}), **more}
            for rate, scale, more in ((2e-4, 3.0, {}), (5e-5, 1.5, {"clip_norm": 1.0}))
        )
        return super().remedies() | {
            "small gradients": [Remedy("Learning rate 2e-4, gradient scale 3 where there is one", stronger)],
            "not learning": [Remedy("Learning rate 2e-4, gradient scale 3 where there is one", stronger)],
            "unstable": [
                Remedy("Learning rate 5e-5, clipping 1, gradient scale 1.5 where there is one", steadier)
            ],
            "exploding": [
                Remedy("Learning rate 5e-5, clipping 1, gradient scale 1.5 where there is one", steadier)
            ],
            "overfitting": [
                Remedy(
                    "Ten times the weight decay",
                    {"weight_decay": min(1.0, 10 * max(self.weight_decay, 1e-3))},
                ),
                Remedy("Dropout 0.4", {"network.dropout": 0.4}),
            ],
        }

    @property
    def _has_scale(self) -> bool:
        return self.network.kind == "conformer" and self.network.version == "v2"

    def loss_scale(self, split: str) -> str:
        """One measure on both sides, which differs by the kind of loss and by its share of absolute error."""
        more = {
            "pearson + l1": f", L1 {self.loss.l1:g}",
            "match-mismatch": f", one of {self.loss.candidates}, temperature {self.loss.temperature:g}",
        }.get(self.loss.kind, "")
        return f"{self.loss.kind}{more}, windows of {self.data.window_s:g} s"


CONFIG = EEGConfig
