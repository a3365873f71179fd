"""How separation networks are trained: negative SI-SDR, whichever track is whose, on mixtures made as they are needed."""

from __future__ import annotations

import contextlib
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from models.checkpoint import CheckpointInfo
from models.devices import inference_dtype
from models.fingerprint import Used
from models.kernels.graphed_loss import GraphedLoss
from models.kernels.graphs import Losses
from models.progress import Progress
from models.remarks import as_texts
from models.resources import cache_folder
from models.separation import beginning, data, decoded, mixing, network, splits
from models.separation.config import SeparationConfig
from models.separation.contents import contents_of_clips, contents_of_mixtures
from models.separation.corpora import Clip, open_corpus
from models.separation.losses import permutation_free, si_sdr
from models.training import schedules
from models.training.items import Items
from models.training.pictures import Lines, Points, Shown
from models.training.task import Clock, DataCheck, Draw, History, Loss, Task

MOMENTS = 120  # in which the picture of an epoch shows how loud a voice is
SILENCE_DB = -60.0


@dataclass(frozen=True)
class Batch:
    """mixtures float32 [batch, samples]; sources float32 [batch, speakers, samples]."""

    mixtures: torch.Tensor
    sources: torch.Tensor


class SeparationTask(Task[SeparationConfig]):
    """Trains Conv-TasNet on voices that `data.py` parts by speaker, or on ready-made mixtures."""

    system = "separation"
    metric = "validation/si_sdri"
    _graph: GraphedLoss | None = None

    def __getstate__(self) -> dict[str, Any]:
        """For processes that load batches, which have nothing to do with the card."""
        return {name: value for name, value in vars(self).items() if name != "_graph"}

    def prepare(self, progress: Progress) -> dict[str, int | float | str]:
        """Read the voices, part the speakers, draw the fixed mixtures."""
        self.corpus = open_corpus(self.config.data.path)
        self._halvings: list[float] = []
        if self.corpus.mixtures:
            return self._prepare_mixtures(progress)
        settings = self.config.data
        self.speakers = splits.split_speakers(self.corpus, settings)
        clips = {name: self._clips_of(name) for name in ("train", "validation")}
        clips["train"] = splits.joining_order(clips["train"], settings.fixed_seed)
        self.voices = {
            name: decoded.Voices(part, settings.sample_rate, _cache(), progress.part(i / 2, (i + 1) / 2))
            for i, (name, part) in enumerate(clips.items())
        }
        count = self.config.network.speakers
        self.mixer = data.Mixer(self.voices["train"], settings.segment_s, count, self.config.mixing)
        self.recipes = data.draw_recipes(
            self.voices["validation"], settings, self.config.mixing, count, "validation"
        )
        counts: dict[str, int | float | str] = {
            f"{name} speakers": len(part) for name, part in self.speakers.items()
        }
        counts |= {f"{name} clips": len(part) for name, part in self.voices.items()}
        return counts | {"skipped clips": sum(len(part.skipped) for part in self.voices.values())}

    def _prepare_mixtures(self, progress: Progress) -> dict[str, int | float | str]:
        parts = splits.split_mixtures(self.corpus, self.config.data, self.config.network.speakers)
        rate = self.config.data.sample_rate
        self.speakers = {name: splits.voices_of(part) for name, part in parts.items()}
        self.ready = {
            name: data.ReadyMade(parts[name], rate, _cache(), progress.part(i / 2, (i + 1) / 2))
            for i, name in enumerate(("train", "validation"))
        }
        return {f"{name} mixtures": len(part) for name, part in parts.items()}

    def _clips_of(self, part: str) -> list[Clip]:
        names = set(self.speakers[part])
        return [clip for clip in self.corpus.clips if clip.speaker in names]

    def size(self, split: str) -> int:
        if self.corpus.mixtures:
            return len(self.ready[split])
        if split == "validation":
            return len(self.recipes)
        return self.config.data.epoch_mixtures or len(self.voices["train"])

    def network(self) -> torch.nn.Module:
        self.network_config = network_config(self.config)
        built = network.build(self.network_config)
        if self.config.network.first_filters == "sines":
            beginning.begin_with_sines(built)
        start = self.begins_with()
        if start is not None:
            beginning.grow(built, start, self.config.data.sample_rate)
        return built

    def batch(self, split: str, draws: list[Draw]) -> Batch:
        """Mixtures of one length: `segment_s` in training, `fixed_s` in validation."""
        settings = self.config.data
        mixed = []
        for draw in draws:
            if self.corpus.mixtures:
                random = np.random.default_rng(draw.seed) if split == "train" else None
                seconds = settings.segment_s if split == "train" else settings.fixed_s
                mixed.append(self.ready[split].mixed(draw.item, seconds, self.config.mixing, random))
            elif split == "train":
                mixed.append(self.mixer.mixture(draw.item, draw.seed))
            else:
                mixed.append(
                    data.fixed_mixture(
                        self.voices[split],
                        self.recipes[draw.item],
                        settings.fixed_s,
                        mixing.heard_db(self.config.mixing),
                    )
                )
        return Batch(
            torch.from_numpy(np.stack([item.mixture for item in mixed])),
            torch.from_numpy(np.stack([item.sources for item in mixed])),
        )

    def loss(self, network: Any, batch: Batch, clock: Clock) -> Loss:
        """Negative SI-SDR in dB, levelled or not, in the order that suits best."""
        tensors = (batch.mixtures, batch.sources)
        graph = self._graph_of(network, tensors)
        result = self._losses(network, *tensors) if graph is None else graph(*tensors)
        return Loss(result["loss"], len(batch.mixtures), {"largest_mask": result["largest_mask"]})

    def _losses(self, network: Any, mixtures: torch.Tensor, sources: torch.Tensor) -> Losses:
        with self._number_format(mixtures.device):
            tracks = network(mixtures).float()
        scores, _ = permutation_free(tracks, sources, self.config.loss)
        return {"loss": -scores.mean(), "largest_mask": network.largest_mask}

    def _graph_of(self, network: torch.nn.Module, batch: tuple[torch.Tensor, ...]) -> GraphedLoss | None:
        """On a graphics card, the loss of full batches as one graph: thousands of small launches take longer than what
        they launch. None where it is computed operation by operation."""
        settings = self.config
        whole = len(batch[0]) == settings.batch_size  # of one process
        if not (whole and batch[0].is_cuda) or settings.compile or settings.precision == "fp16":
            return None
        if self._graph is None or not self._graph.suits(batch):
            self._graph = None  # its memory first
            kind = torch.bfloat16 if settings.precision == "bf16" else None
            self._graph = GraphedLoss(network, partial(self._losses, network), batch, kind)
        return self._graph

    def _number_format(self, device: torch.device) -> contextlib.AbstractContextManager[Any]:
        """bfloat16 also on a CPU that multiplies it: the forms in `kernels/` gain by it, which torch's own layers do not."""
        multiplies = inference_dtype(device) == torch.bfloat16
        if device.type == "cpu" and self.config.precision == "bf16" and multiplies:
            return torch.autocast("cpu", dtype=torch.bfloat16)
        return contextlib.nullcontext()

    def optimizer(self, network: torch.nn.Module) -> torch.optim.Optimizer:
        """Adam (Kingma & Ba 2015) as published; with weight decay, decoupled as in AdamW."""
        if self.config.weight_decay:
            return super().optimizer(network)
        on_card = next(network.parameters()).is_cuda
        return torch.optim.Adam(network.parameters(), lr=self.config.learning_rate, fused=on_card or None)

    def look_back(self, history: History) -> None:
        self._halvings = [float(value) for value in history.series("validation/loss")]
        if not self.corpus.mixtures:
            settings = self.config.data
            everyone = self.mixer.everyone
            epoch = len(history.epochs)
            self.mixer.limit(
                splits.speakers_joined(epoch, settings.first_speakers, everyone, settings.grow_epochs)
            )

    def learning_rate(self, clock: Clock) -> float:
        peak, warmup = self.config.learning_rate, self.config.warmup_steps
        if self.config.schedule == "cosine":
            return schedules.warmup_cosine(clock.step, clock.steps, peak, warmup=warmup)
        warmup = schedules.warmup_steps(warmup, clock.steps)
        rise = min(1.0, (clock.step + 1) / warmup) if warmup else 1.0
        if self.config.schedule == "constant":
            return peak * rise
        return rise * schedules.halved(self._halvings, peak, patience=self.config.patience)

    def outputs(self, network: Any, batch: Batch) -> dict[str, np.ndarray]:
        with self._number_format(batch.mixtures.device):
            tracks = network(batch.mixtures).float()
        scores, order = permutation_free(tracks, batch.sources)
        before = si_sdr(batch.mixtures.unsqueeze(1), batch.sources)
        own = tracks.gather(1, order.unsqueeze(2).expand_as(tracks))
        trained, _ = permutation_free(tracks, batch.sources, self.config.loss)
        return {
            "loss": -trained.mean(-1).cpu().numpy(),
            "si_sdr": scores.mean(-1).cpu().numpy(),
            "si_sdri": (scores - before).mean(-1).cpu().numpy(),
            "mixture_si_sdr": before.mean(-1).cpu().numpy(),
            "levels": torch.stack([levels_db(batch.sources), levels_db(own)], 1).cpu().numpy(),
        }

    def metrics(self, split: str, outputs: dict[str, np.ndarray], clock: Clock) -> dict[str, float]:
        return {
            "loss": float(outputs["loss"].mean()),
            "si_sdr": float(outputs["si_sdr"].mean()),
            "si_sdri": float(outputs["si_sdri"].mean()),
        }

    def pictures(self, outputs: dict[str, np.ndarray]) -> list[Shown]:
        """How loud the first voice of a mixture is in truth and in its track; all mixtures before and after."""
        true, separated = outputs["levels"][0, :, 0].round(1).tolist()
        part = (np.arange(1, MOMENTS + 1) / MOMENTS).round(3).tolist()
        before, after = (outputs[name].round(2).tolist() for name in ("mixture_si_sdr", "si_sdr"))
        return [
            Lines(
                "Separated example",
                "part of the mixture",
                "level of a voice (dB)",
                part,
                {"true": true, "separated": separated},
            ),
            Points(
                "Before and after", "SI-SDR of the mixture (dB)", "SI-SDR of the tracks (dB)", before, after
            ),
        ]

    def contents(self) -> dict[str, Used]:
        if self.corpus.mixtures:
            parts = splits.split_mixtures(self.corpus, self.config.data, self.config.network.speakers)
            return {name: contents_of_mixtures(part) for name, part in parts.items() if part}
        return {name: contents_of_clips(self._clips_of(name)) for name in self.speakers}

    def checkpoint(self, metrics: dict[str, float]) -> CheckpointInfo:
        rate = self.config.data.sample_rate
        return CheckpointInfo(
            system="separation",
            title=f"{self.config.network.speakers} speakers, {rate / 1000:g} kHz",
            network=asdict(self.network_config),
            preprocessing={"sample_rate": rate, "loudness_db": mixing.heard_db(self.config.mixing)},
            metrics={name: value for name, value in metrics.items() if np.isfinite(value)},
            card=self._card(),
        )

    def recorded_config(self) -> dict[str, Any]:
        """With the speakers that validated and were held back by name, so that nobody tests on them by mistake."""
        values = super().recorded_config()
        values["data"]["validation_speakers"] = list(self.speakers.get("validation", ()))
        values["data"]["test_speakers"] = list(self.speakers.get("test", ()))
        return values

    def check(self, progress: Progress) -> DataCheck:
        """Speakers and clips of each part, or mixtures; decodes nothing."""
        corpus = open_corpus(self.config.data.path)
        if corpus.mixtures:
            split = splits.split_mixtures(corpus, self.config.data, self.config.network.speakers)
            return DataCheck(
                {name: {"mixtures": len(part)} for name, part in split.items() if part},
                remarks=tuple(as_texts(corpus.remarks)),
            )
        parts: dict[str, dict[str, int | float | str]] = {}
        for name, speakers in splits.split_speakers(corpus, self.config.data).items():
            sexes = [corpus.speakers[speaker] for speaker in speakers]
            parts[name] = {
                "speakers": len(speakers),
                "clips": sum(clip.speaker in set(speakers) for clip in corpus.clips),
                "women": sexes.count("f"),
                "men": sexes.count("m"),
            }
        return DataCheck(parts, remarks=tuple(as_texts(corpus.remarks)))

    def output_layer(self) -> str:
        return "mask_generator.output_conv"

    def items(self, outputs: dict[str, np.ndarray]) -> Items:
        if self.corpus.mixtures:
            mixtures = self.ready["validation"].mixtures
            names = [mixture.name for mixture in mixtures]
            groups = ["+".join(sorted(mixture.speakers)) for mixture in mixtures]
        else:
            clips = self.voices["validation"].clips
            names = [recipe.name for recipe in self.recipes]
            groups = ["+".join(sorted(clips[i].speaker for i in recipe.clips)) for recipe in self.recipes]
        return Items("si_sdri", names, groups, outputs["si_sdri"].astype(float))

    def _card(self) -> str:
        asked = self.config.network
        return (
            f"# Conv-TasNet, {asked.speakers} speakers\n\n"
            f"Encoder {asked.filters} × {asked.filter_length}, {asked.repeats} × {asked.blocks} blocks of {asked.hidden}"
            f" channels, {self.config.data.sample_rate} Hz. Learned from {len(self.speakers['train'])} speakers of"
            f" {self.corpus.name}, validated on {len(self.speakers['validation'])} others;"
            f" {len(self.speakers['test'])} more took no part.\n"
        )


def network_config(config: SeparationConfig) -> network.NetworkConfig:
    """The network that a training config asks for."""
    asked = config.network
    return network.NetworkConfig(
        speakers=asked.speakers,
        filters=asked.filters,
        filter_length=asked.filter_length,
        stride=asked.filter_length // 2,
        bottleneck=asked.bottleneck,
        skip=asked.skip,
        hidden=asked.hidden,
        kernel=asked.kernel,
        blocks=asked.blocks,
        repeats=asked.repeats,
        norm=asked.norm,
        causal=asked.causal,
        mask_activation=asked.mask_activation,
        encoder_relu=asked.encoder_relu,
    )


def _cache() -> Path:
    return cache_folder() / "voices"


def levels_db(voices: torch.Tensor) -> torch.Tensor:
    """Level of each voice, [batch, speakers, samples] → [batch, speakers, moments] in dB of full scale."""
    pieces = voices[..., : voices.shape[-1] // MOMENTS * MOMENTS].unflatten(-1, (MOMENTS, -1))
    return (20 * pieces.square().mean(-1).sqrt().clamp_min(1e-6).log10()).clamp_min(SILENCE_DB)


TASK = SeparationTask
