"""Everything that can be set about a ReverberationNet and its training. No torch: the window reads this."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import field_validator

from models.errors import UserError
from models.reverberation.wiring import WIRINGS, Wiring, open_wiring, wiring_of
from models.training.config import Settings, TrainingConfig, redefault, setting


class DataConfig(Settings):
    """Which sequences are learned from, and how they are parted."""

    path: str = setting(
        "sample",
        "Data set",
        "Sequences with targets: .npz, .npy, .csv or .parquet; `sample` is speech that ships.",
        group="Data",
        path="file",
    )
    kind: Literal["file", "noise"] = setting(
        "file",
        "Kind of data",
        "A file, or the published experiment: normal noise with uniform targets.",
        group="Data",
    )
    noise_samples: int = setting(
        1_000, "Noise samples", "Of the published experiment.", group="Data", advanced=True, ge=8, le=100_000
    )
    window: int = setting(
        32,
        "Window",
        "A single long series is cut to so many steps, to predict the next value.",
        unit="steps",
        group="Data",
        ge=2,
        le=4096,
    )
    validation_share: float = setting(
        0.2,
        "Validation share",
        "Of the groups, or of the samples where the data names no groups.",
        group="Data",
        gt=0,
        lt=0.9,
    )
    standardise: bool = setting(
        True,
        "Standardise",
        "Bring features and targets to mean 0 and spread 1 of the training part.",
        group="Data",
    )


class NetworkSettings(Settings):
    """The mesh; see `network.py`."""

    kind: Literal["mesh", "gru"] = setting(
        "mesh", "Network", "The mesh, or a plain GRU with as many parameters as a baseline.", group="Network"
    )
    d: int = setting(64, "Width", "Features inside the mesh.", group="Network", ge=16, le=512, multiple_of=16)
    gating: Literal["routing", "observed"] = setting(
        "routing",
        "Gating",
        "Gates scale what passes, or are only observed, as first published.",
        group="Network",
    )
    processors: Literal["described", "uniform"] = setting(
        "described",
        "Processors",
        "Seven different ones, or the seven alike of an older variant.",
        group="Network",
        advanced=True,
    )
    wiring: str | dict[str, Any] = setting(
        "documented",
        "Wiring",
        "documented, cyclic, or a wiring of your own: its file, or its values.",
        group="Network",
    )

    @field_validator("wiring")
    @classmethod
    def _can_work(cls, value: str | dict[str, Any]) -> str | dict[str, Any]:
        try:
            result = mesh_of(value)
        except UserError as error:
            raise ValueError(str(error)) from error
        if isinstance(value, str) and value not in WIRINGS:
            return result.model_dump()  # a run holds all it needs, also where the file is gone
        return value


class ReverberationConfig(TrainingConfig):
    """A training run of ReverberationNet: Adam 1e-3, batch 32, 50 epochs, as described."""

    learning_rate: float = redefault(TrainingConfig, "learning_rate", 1e-3)
    weight_decay: float = redefault(TrainingConfig, "weight_decay", 0.0)
    clip_norm: float = redefault(TrainingConfig, "clip_norm", 0.0)
    kl_weight: float = setting(
        1e-4,
        "KL weight",
        "Share of the summed KL in the loss. Too large, and the latents collapse.",
        group="Loss",
        ge=0,
        le=1,
    )
    data: DataConfig = DataConfig()
    network: NetworkSettings = NetworkSettings()

    def loss_scale(self, split: str) -> str:
        """The squared error, in spreads of the targets if they are standardised, and the KL summed over a batch."""
        unit = "spreads of the targets" if self.data.standardise else "the targets' units"
        mesh = self.network.kind == "mesh" and self.kl_weight > 0
        kl = f", KL × {self.kl_weight:g} over {self.batch_size * self.accumulation}" if mesh else ""
        return f"squared error in {unit}{kl}"


def mesh_of(choice: str | dict[str, Any]) -> Wiring:
    """The wiring of a name, of a file, or of its values. Raises UserError."""
    if isinstance(choice, str) and choice.endswith(".json"):
        return open_wiring(Path(choice))
    if isinstance(choice, str):
        if choice not in WIRINGS:
            raise UserError(
                "There is no wiring called {name}.",
                "",
                "Wirings are: {known}.",
                name=choice,
                known=", ".join(WIRINGS),
            )
        return WIRINGS[choice]()
    return wiring_of(choice)


CONFIG = ReverberationConfig
