"""How EEG decoders are trained: windows at random offsets, r as loss and as figure; the linear decoder is solved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from models import checkpoint
from models.checkpoint import CheckpointInfo
from models.eeg import data, linear, losses, network, ridge
from models.eeg.config import EEGConfig
from models.eeg.contents import contents
from models.eeg.dataset import with_channels
from models.eeg.ensembles import check_no_ensemble
from models.eeg.mismatches import Mismatches
from models.eeg.network import UNKNOWN, NetworkConfig
from models.eeg.samples import located, trained_subjects
from models.eeg.signal_config import PreprocessingConfig
from models.eeg.splits import Stretch, part
from models.errors import UserError
from models.fingerprint import PARTS, Used
from models.loading import checkpoint_folder
from models.overlap import TrainingOverlap
from models.progress import Progress
from models.remarks import Remark
from models.training import schedules
from models.training.pictures import Bars, Lines, Shown
from models.training.task import Clock, Draw, History, Loss, Task

SHOWN_S = 20.0  # of validation in the picture of an epoch


@dataclass(frozen=True)
class Batch:
    """eeg float32 [batch, time, channels]; envelope float32 [batch, time]; subject int64 [batch], 0 is unknown.

    others: float32 [batch, n, time], envelopes that do not belong to the EEG; n is 0 where the loss needs none.
    """

    eeg: torch.Tensor
    envelope: torch.Tensor
    subject: torch.Tensor
    others: torch.Tensor


class EEGTask(Task[EEGConfig]):
    """Trains `network.py` on stretches that `splits.py` keeps apart."""

    system = "eeg"
    metric = "validation/r"
    board_names: Mapping[str, str] = {"r": "pearson"}

    def prepare(self, progress: Progress) -> dict[str, int | float | str]:
        """Read the data set and part it; a fine-tuning takes signal settings, channels and subjects from its checkpoint."""
        settings = self.config.data
        self.start = self._start()
        signal = self.config.preprocessing
        if self.start is not None:
            signal = PreprocessingConfig.model_validate(self.start[1].preprocessing["signal"])
        self.signal = signal
        self.dataset = data.open_dataset(
            located(settings.path), signal, settings.subjects, progress.part(0, 0.8)
        )
        if self.start is not None:
            self.dataset = with_channels(self.dataset, self.start[1].preprocessing["channels"])
        self.parts = part(self.dataset, settings, signal, self.config.seed)
        self.rate = self.dataset.sample_rate
        self.subjects = list(self.parts.met)
        self.channel_names = list(self.dataset.channel_names)
        self._known = {name: number + 1 for number, name in enumerate(self.subjects)}
        if self.start is not None:
            self.subjects = trained_subjects(self.start[1])
            # By content: a subject of other data is someone else, whatever the name.
            met = TrainingOverlap.of(self.start[1], contents(self.dataset)).met
            self._known = {name: n + 1 for n, name in enumerate(self.subjects)} if met else {}
        self._train = _Windows(self.parts.train, settings.window_s, self.rate, settings.windows_an_epoch)
        self._validation = _Windows(self.parts.validation, settings.window_s, self.rate)
        self._mismatches = self._drawn_from()
        if self.config.keep == "best" and not len(self._validation):
            raise UserError(
                "There is nothing to validate on.",
                "No stretch is left for the validation part.",
                "Name a validation block, or set Keep to last.",
            )
        minutes = sum(map(len, self.parts.train)) / self.rate / 60
        return {
            "training minutes": round(minutes, 1),
            "training subjects": len(self.parts.met),
            "validation windows": len(self._validation),
            "test stretches": len(self.parts.test),
            "generalisation": self.parts.generalisation,
            "filtered": "whole" if self.parts.filtered_whole else "each stretch by itself",
            "skipped": len(self.dataset.skipped),
        }

    def _drawn_from(self) -> dict[str, Mismatches]:
        """Of each part what does not belong to a window; nothing where the loss does not ask for it."""
        if self.config.loss.kind != "match-mismatch" or self.config.network.kind == "ridge":
            return {}
        train = self.parts.train
        parts = {"train": (train, self._train), "validation": (self.parts.validation, self._validation)}
        result = {
            name: Mismatches(stretches, train, windows.length, self.config.loss.candidates - 1)
            for name, (stretches, windows) in parts.items()
        }
        for mismatches in result.values():
            mismatches.check()
        return result

    def _start(self) -> tuple[dict[str, torch.Tensor], CheckpointInfo] | None:
        choice = self.config.start_from
        if not choice:
            return None
        weights, info = checkpoint.load(checkpoint_folder(choice, "eeg"), "eeg")
        check_no_ensemble(info)
        return weights, info

    def size(self, split: str) -> int:
        return len(self._train if split == "train" else self._validation)

    def network(self) -> torch.nn.Module:
        """A fresh network, the checkpoint's to start from, or the solved linear decoder."""
        if self.start is not None and self.start[1].network["kind"] != "ridge":
            self.network_config = NetworkConfig(**self.start[1].network)
            built = network.build(self.network_config)
            checkpoint.fit(built, self.start[0])
            return built
        self.network_config = network_config(
            self.config, len(self.channel_names), len(self.subjects), self.rate
        )
        if self.start is not None:  # a linear decoder is not tuned but solved again, with the same lags
            self.network_config = NetworkConfig(**self.start[1].network)
        built = network.build(self.network_config)
        if isinstance(built, network.LinearDecoder):
            solved, self.ridge_r = linear.fit(self.parts.train, self.config.ridge, self.rate)
            self.penalty = solved.penalty
            set_ridge(built, solved)
        return built

    def begins_with(self) -> Path | None:
        """A linear decoder is not tuned but solved anew, which `network` does."""
        return None if self.solved or self.start is None else checkpoint_folder(self.config.start_from, "eeg")

    @property
    def solved(self) -> bool:
        """Whether the decoder is the linear one, which no step of an optimizer may move."""
        return self.network_config.kind == "ridge"

    def batch(self, split: str, draws: list[Draw]) -> Batch:
        """Windows; in training at random offsets, and now and then without saying whose they are."""
        windows = self._train if split == "train" else self._validation
        # Who is never named in training has an embedding that no window reaches: then nobody is named in validation either.
        numbers = self._known if self.config.drop_identity < 1 else {}
        eeg, envelope, subject, others = [], [], [], []
        for draw in draws:
            random = np.random.default_rng(draw.seed) if split == "train" else None
            stretch, start = windows.place(draw.item, random)
            piece = slice(start, start + windows.length)
            eeg.append(stretch.eeg[piece])
            envelope.append(stretch.envelope[piece])
            dropped = random is not None and random.random() < self.config.drop_identity
            subject.append(UNKNOWN if dropped else numbers.get(stretch.subject, UNKNOWN))
            if split in self._mismatches:
                drawing = random if random is not None else np.random.default_rng(draw.item)
                others.append(self._mismatches[split].draw(stretch, start, drawing))
        return Batch(
            torch.from_numpy(np.stack(eeg)),
            torch.from_numpy(np.stack(envelope)),
            torch.tensor(subject),
            torch.from_numpy(np.stack(others)) if others else torch.zeros(len(eeg), 0, windows.length),
        )

    def loss(self, network: Any, batch: Batch, clock: Clock) -> Loss:
        with self._half_precision(batch.eeg.device):
            decoded = network(batch.eeg, batch.subject)
        each, matched = self._losses(decoded, batch)
        metrics = {"r": losses.pearson(decoded, batch.envelope).mean().detach()}
        if matched is not None:
            metrics["accuracy"] = matched.mean()
        opened = getattr(network, "opened", None)
        if opened is not None:
            metrics["gate"] = opened
        return Loss(each.mean(), len(batch.eeg), metrics)

    def _losses(self, decoded: torch.Tensor, batch: Batch) -> tuple[torch.Tensor, torch.Tensor | None]:
        """(loss, whether what was heard was told from the others or None where there are none) of each window, [batch]."""
        settings = self.config.loss
        if batch.others.shape[1]:
            return losses.match_mismatch(decoded, batch.envelope, batch.others, settings.temperature)
        kind = "pearson" if settings.kind == "match-mismatch" else settings.kind
        return losses.each(decoded, batch.envelope, kind, settings.l1), None

    def _half_precision(self, device: torch.device) -> Any:
        """On a CPU bfloat16 pays with AMX only; elsewhere the one loop has switched it on already."""
        if device.type == "cpu" and self.config.precision == "bf16" and torch.cpu._is_amx_tile_supported():
            return torch.autocast("cpu", torch.bfloat16)
        return nullcontext()

    def learning_rate(self, clock: Clock) -> float:
        if self.solved:
            return 0.0
        peak = self.config.learning_rate
        if self.config.schedule == "cosine":
            return schedules.warmup_cosine(clock.step, clock.steps, peak, warmup=200)
        return peak

    def optimizer(self, network: torch.nn.Module) -> torch.optim.Optimizer:
        """Adam with betas 0.9 and 0.98; weight decay, if any, is decoupled."""
        decay = 0.0 if self.solved else self.config.weight_decay
        return torch.optim.AdamW(
            network.parameters(), lr=self.config.learning_rate, betas=(0.9, 0.98), weight_decay=decay
        )

    def outputs(self, network: Any, batch: Batch) -> dict[str, np.ndarray]:
        decoded = network(batch.eeg, batch.subject).float()
        each, matched = self._losses(decoded, batch)
        more = {} if matched is None else {"accuracy": matched.cpu().numpy()}
        return more | {
            "loss": each.cpu().numpy(),
            "r": losses.pearson(decoded, batch.envelope).cpu().numpy(),
            "l1": (decoded - batch.envelope).abs().mean(-1).cpu().numpy(),
            "decoded": decoded.cpu().numpy(),
            "envelope": batch.envelope.cpu().numpy(),
        }

    def metrics(self, split: str, outputs: dict[str, np.ndarray], clock: Clock) -> dict[str, float]:
        """r is a mean over windows, then over subjects."""
        whose = [self._validation.place(number, None)[0].subject for number in range(len(outputs["r"]))]
        self.validation_r = {
            name: float(outputs["r"][[item == name for item in whose]].mean())
            for name in dict.fromkeys(whose)
        }
        more = {"accuracy": float(outputs["accuracy"].mean())} if "accuracy" in outputs else {}
        return more | {
            "loss": float(outputs["loss"].mean()),
            "r": float(np.mean(list(self.validation_r.values()))),
            "l1": float(outputs["l1"].mean()),
        }

    def pictures(self, outputs: dict[str, np.ndarray]) -> list[Shown]:
        """A stretch of validation, what was heard and what was read from the EEG, each in its own spread; subjects."""
        same = [number for number, _ in self._validation.starts].count(self._validation.starts[0][0])
        windows = min(same, max(1, round(SHOWN_S * self.rate / outputs["envelope"].shape[1])))
        decoded, true = (_standardised(outputs[key][:windows].reshape(-1)) for key in ("decoded", "envelope"))
        x = (np.arange(len(true)) / self.rate).round(3).tolist()
        shares = Bars(
            "Subjects", "r", list(self.validation_r), {"validation": list(self.validation_r.values())}
        )
        lines = Lines("Envelope", "time (s)", "standard deviations", x, {"decoded": decoded, "heard": true})
        return [lines, shares]

    def remarks(self) -> Sequence[Remark]:
        return (*self.dataset.remarks, *self.parts.remarks)

    def contents(self) -> dict[str, Used]:
        return {name: contents(self.dataset, getattr(self.parts, name), name) for name in PARTS}

    def checkpoint(self, metrics: dict[str, float]) -> CheckpointInfo:
        title = "ridge" if self.solved else f"Conformer {self.network_config.version}"
        tuned = self._tuned_to()
        whose = f"tuned to {', '.join(tuned)}" if tuned else f"{len(self.parts.met)} subjects"
        return CheckpointInfo(
            system="eeg",
            title=f"{title}, {whose}",
            network=asdict(self.network_config),
            preprocessing={
                "signal": self.signal.model_dump(mode="json"),
                "channels": self.channel_names,
                "subjects": self.subjects,
                "window_s": self._train.length / self.rate,
                "by": self.parts.by,
                "tuned_to": self._tuned_to(),
            },
            metrics={name: value for name, value in metrics.items() if np.isfinite(value)},
            card=self._card(),
        )

    def _tuned_to(self) -> list[str]:
        """Whom a fine-tuning learned from, over all that led here; they have no embedding of their own."""
        if self.start is None:
            return []
        return list(dict.fromkeys([*self.start[1].preprocessing.get("tuned_to", []), *self.parts.met]))

    def summary(self, history: History, folder: Path) -> list[Path]:
        from models.eeg.summary import draw

        path = folder / "summary.png"
        draw(history, getattr(self, "validation_r", {}), path)
        return [path]

    def _card(self) -> str:
        minutes = sum(map(len, self.parts.train)) / self.rate / 60
        lines = [
            f"Decodes the speech envelope from EEG at {self.rate} Hz, {self.signal.low_hz:g}–{self.signal.top_hz:g} Hz.",
            "",
            f"Trained on {minutes:.1f} minutes of {len(self.parts.met)} subjects ({', '.join(self.parts.met)}) of {self.dataset.name}; "
            f"held out: {', '.join(self.config.data.test_subjects) or 'no subject'}. Figures on its test part are of: "
            f"{self.parts.generalisation}.",
        ]
        if self.parts.by == "time":
            lines.append("Single stimulus, split by time.")
        if self.solved:
            lines.append(f"Ridge regression, lambda {self.penalty:g}.")
        return "\n".join(lines) + "\n"


def _standardised(values: np.ndarray) -> list[float]:
    return [round(float(value), 3) for value in (values - values.mean()) / (values.std() or 1.0)]


class _Windows:
    """The windows of a part: in training as many as would fit side by side, each at a random offset; else side by side."""

    def __init__(self, stretches: Sequence[Stretch], window_s: float, rate: int, count: int = 0) -> None:
        self.stretches = list(stretches)
        shortest = min(map(len, self.stretches), default=0)
        self.length = min(round(window_s * rate), shortest)
        self.starts = [
            (number, start)
            for number, stretch in enumerate(self.stretches)
            for start in range(0, len(stretch) - self.length + 1, max(1, self.length))
        ]
        self.count = count or len(self.starts)

    def __len__(self) -> int:
        return self.count

    def place(self, item: int, random: np.random.Generator | None) -> tuple[Stretch, int]:
        number, start = self.starts[item % len(self.starts)]
        stretch = self.stretches[number]
        return stretch, start if random is None else int(random.integers(0, len(stretch) - self.length + 1))


def set_ridge(decoder: network.LinearDecoder, solved: ridge.Ridge) -> None:
    """Put a solved decoder into its network."""
    with torch.no_grad():
        decoder.weight.copy_(torch.from_numpy(solved.weights))
        decoder.bias.fill_(solved.bias)


def network_config(config: EEGConfig, channels: int, subjects: int, rate: int) -> NetworkConfig:
    """The decoder that a training config asks for."""
    asked = config.network
    first, last = ridge.lags_of(config.ridge.first_lag_s, config.ridge.last_lag_s, rate)
    shared = {field.name for field in fields(NetworkConfig)} & set(asked.model_dump())
    built = NetworkConfig(**{name: getattr(asked, name) for name in shared})
    return replace(
        built,
        channels=channels,
        subjects=subjects if asked.subject_embedding else 0,
        first_lag=first,
        last_lag=last,
    )


TASK = EEGTask
