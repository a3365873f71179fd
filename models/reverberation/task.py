"""How ReverberationNets are trained: squared error and a weighted KL, every gate and KL kept an epoch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from models.checkpoint import CheckpointInfo
from models.errors import UserError
from models.fingerprint import Used
from models.progress import Progress
from models.remarks import Remark
from models.reverberation import baselines, data
from models.reverberation.config import ReverberationConfig, mesh_of
from models.reverberation.contents import contents
from models.reverberation.history import GATE, GATE_NAMES, KL, KL_NAMES
from models.reverberation.network import NetworkConfig, ReverberationNet
from models.reverberation.sequences import batched, noise, split
from models.reverberation.wiring import ROLE_NAMES
from models.training.pictures import Bars, Points, Shown
from models.training.task import Clock, Draw, Loss, Task

MOST_POINTS = 500  # of the cloud in the picture of an epoch


@dataclass(frozen=True)
class Batch:
    """x float32 [batch, time, width]; lengths int64 [batch] or None; y float32 [batch]."""

    x: torch.Tensor
    lengths: torch.Tensor | None
    y: torch.Tensor


class ReverberationTask(Task[ReverberationConfig]):
    """Trains the mesh, or the GRU that is its baseline, to predict one number a sequence."""

    system = "reverberation"
    metric = "validation/mse"
    higher_is_better = False

    def prepare(self, progress: Progress) -> dict[str, int | float | str]:
        settings = self.config.data
        if settings.kind == "noise":
            self.sequences = noise(settings.noise_samples, self.config.seed)
            self.parts = {
                "train": np.arange(len(self.sequences)),
                "validation": np.arange(len(self.sequences)),
            }
        else:
            self.sequences = data.open_sequences(settings.path, settings.window)
            if self.sequences.y is None:
                raise UserError(
                    "{name} has no targets.",
                    "Training needs one number a sequence.",
                    "Add them as y, or as a column target.",
                    name=self.sequences.title,
                )
            train, validation = split(self.sequences, settings.validation_share, self.config.seed)
            self.parts = {"train": train, "validation": validation}
        counts: dict[str, int | float | str] = {
            f"{name} sequences": len(part) for name, part in self.parts.items()
        }
        if self.sequences.groups:
            counts |= {
                f"{name} groups": len({self.sequences.groups[i] for i in part})
                for name, part in self.parts.items()
            }
        return counts | {"steps at most": self.sequences.longest, "features": self.sequences.width}

    def size(self, split: str) -> int:
        return len(self.parts[split])

    def network(self) -> torch.nn.Module:
        asked = self.config.network
        self.network_config = NetworkConfig(
            width=self.sequences.width,
            d=asked.d,
            gating=asked.gating,
            processors=asked.processors,
            wiring=mesh_of(asked.wiring).model_dump(),
        )
        built: ReverberationNet | baselines.GRUBaseline
        if asked.kind == "gru":
            built = baselines.GRUBaseline(self.sequences.width, baselines.parameters_of(self.network_config))
        else:
            built = ReverberationNet(self.network_config)
        if self.config.data.standardise:
            self._standardise(built)
        return built

    def _standardise(self, network: ReverberationNet | baselines.GRUBaseline) -> None:
        assert self.sequences.y is not None
        frames = np.concatenate([self.sequences.x[i] for i in self.parts["train"]])
        targets = self.sequences.y[self.parts["train"]]
        network.input_mean.copy_(torch.from_numpy(frames.mean(0)))
        network.input_scale.copy_(torch.from_numpy(np.maximum(frames.std(0), 1e-6)))
        network.target_mean.fill_(float(targets.mean()))
        network.target_scale.fill_(float(max(targets.std(), 1e-6)))

    def batch(self, split: str, draws: list[Draw]) -> Batch:
        chosen = self.parts[split][[draw.item for draw in draws]]
        x, lengths = batched(self.sequences, chosen)
        assert self.sequences.y is not None
        return Batch(
            torch.from_numpy(x),
            None if lengths is None else torch.from_numpy(lengths),
            torch.from_numpy(self.sequences.y[chosen]),
        )

    def optimizer(self, network: torch.nn.Module) -> torch.optim.Optimizer:
        """Adam, as described; all parameters in one step where there is such a kernel."""
        together = next(network.parameters()).device.type in ("cpu", "cuda")
        return torch.optim.AdamW(
            network.parameters(),
            lr=self.config.learning_rate,
            weight_decay=self.config.weight_decay,
            fused=together,
        )

    def loss(self, network: Any, batch: Batch, clock: Clock) -> Loss:
        """MSE (in spreads of the targets) + kl_weight · KL summed over the batch."""
        output = network(batch.x, batch.lengths)
        scale: torch.Tensor = network.target_scale
        mse = ((output.value - batch.y) / scale).square().mean()
        in_units = (mse * scale.square()).detach()  # as the validation's, so that both lie on one axis
        return Loss(
            mse,
            len(batch.y),
            {"mse": in_units},
            summed=self.config.kl_weight * output.kl,
            totals={"kl": output.kl.detach(), "kl_once": output.kl_once.detach()},
        )

    def outputs(self, network: Any, batch: Batch) -> dict[str, np.ndarray]:
        output = network(batch.x, batch.lengths)
        modules = torch.cat([output.kl_roles.flatten(0, 1), output.kl_processors])
        result = {"value": output.value, "y": batch.y, "gates": output.gates.T, "kl": modules.T}
        result["scale"] = network.target_scale.expand(len(batch.y))
        return {name: item.float().cpu().numpy() for name, item in result.items()}

    def metrics(self, split: str, outputs: dict[str, np.ndarray], clock: Clock) -> dict[str, float]:
        result = regression(outputs["value"], outputs["y"])
        at_once = min(
            self.config.batch_size * self.config.accumulation, self.size("train")
        )  # the KL is a sum over them
        kl = at_once * float(outputs["kl"].sum(1).mean()) if outputs["kl"].shape[1] else 0.0
        loss = result["mse"] / float(outputs["scale"][0]) ** 2 + self.config.kl_weight * kl
        result = {"loss": loss, **result}
        if outputs["gates"].shape[1]:
            result |= dict(zip(GATE_NAMES, outputs["gates"].mean(0).tolist(), strict=True))
            result |= dict(zip(KL_NAMES, outputs["kl"].mean(0).tolist(), strict=True))
        return result

    def pictures(self, outputs: dict[str, np.ndarray]) -> list[Shown]:
        """Predicted against true, and the roles' mean gates in both passes."""
        some = np.linspace(0, len(outputs["y"]) - 1, min(len(outputs["y"]), MOST_POINTS)).astype(int)
        title = self.sequences.target_title or "true"
        x, y = (outputs[name][some].round(4).tolist() for name in ("y", "value"))
        shown: list[Shown] = [Points("Predicted against true", title, "predicted", x, y)]
        if outputs["gates"].shape[1]:
            first, second = outputs["gates"].mean(0).round(4).reshape(2, len(ROLE_NAMES)).tolist()
            shown.append(Bars("Gates", "mean gate", list(ROLE_NAMES), {"pass 1": first, "pass 2": second}))
        return shown

    def remarks(self) -> Sequence[Remark]:
        return self.sequences.remarks

    def contents(self) -> dict[str, Used]:
        return {name: contents(self.sequences, part) for name, part in self.parts.items()}

    def checkpoint(self, metrics: dict[str, float]) -> CheckpointInfo:
        plain = {
            name: value
            for name, value in metrics.items()
            if f"/{GATE}." not in name and f"/{KL}." not in name
        }
        kind = self.config.network.kind
        return CheckpointInfo(
            system="reverberation",
            title=f"{self.config.network.gating} mesh" if kind == "mesh" else "GRU baseline",
            network=asdict(self.network_config) | {"kind": kind},
            preprocessing={
                "width": self.sequences.width,
                "target": self.sequences.target_title,
                "features": list(self.sequences.names),
            },
            metrics={name: value for name, value in plain.items() if np.isfinite(value)},
            card=self._card(),
        )

    def _card(self) -> str:
        held = "the samples it was trained on" if self.config.data.kind == "noise" else "held-out data"
        return (
            f"Predicts {self.sequences.target_title or 'the target'} of {self.sequences.title}; gates: {self.config.network.gating}."
            f" Trained on {self.size('train')} sequences; its figures are of {held} ({self.size('validation')} sequences).\n"
        )


def regression(predicted: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Mean squared error, its root, the share of the variance that is explained, and the correlation."""
    error = float(np.mean((predicted - truth) ** 2))
    spread = float(np.var(truth))
    varied = float(np.std(predicted)) > 1e-12 and spread > 0
    return {
        "mse": error,
        "rmse": float(np.sqrt(error)),
        "r2": 1 - error / spread if spread > 0 else float("nan"),
        "r": float(np.corrcoef(predicted, truth)[0, 1]) if varied else float("nan"),
    }


TASK = ReverberationTask
