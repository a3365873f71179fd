"""How emotion networks are trained: cross-entropy, an adversary that hides the speaker, augmented features."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from models import checkpoint
from models.checkpoint import CheckpointInfo
from models.emotion import augment, data, network, speakers, splits, windows
from models.emotion.concordance import asked_for, degrees_of
from models.emotion.config import EmotionConfig
from models.emotion.contents import contents
from models.emotion.corpora import Utterance
from models.emotion.feature_cache import FeatureCache, KeptFeatures
from models.emotion.features import build_front_end
from models.emotion.losses import class_weights, mean_cross_entropy, weighted_f1
from models.emotion.network_wanted import network_config
from models.emotion.people import People
from models.emotion.samples import located
from models.emotion.tables import ItemRow, degree_columns, item_row
from models.fingerprint import Used
from models.progress import Progress
from models.resources import cache_folder
from models.training import schedules
from models.training.items import Items
from models.training.pictures import Matrix, Shown
from models.training.task import Clock, DataCheck, Draw, History, Loss, Task

FRONT_ENDS = {"logmel": "log-mel", "voice": "voice encoder", "hubert": "HuBERT"}  # for people


@dataclass(frozen=True)
class Batch:
    """features float32 [batch, frames, dim], padded; lengths, emotions, speakers int64 [batch].

    references: float32 [batch, functionals], how the person who speaks lies as a whole; None where the network asks nothing
    of the kind. degrees: float32 [batch, dimensions], NaN where it is not known; None where none are learned.
    """

    features: torch.Tensor
    lengths: torch.Tensor
    emotions: torch.Tensor
    speakers: torch.Tensor
    references: torch.Tensor | None = None
    degrees: torch.Tensor | None = None

    def inputs(self) -> tuple[torch.Tensor, ...]:
        """What a network is called with."""
        known = () if self.references is None else (self.references,)
        return (self.features, self.lengths, *known)


class EmotionTask(Task[EmotionConfig]):
    """Trains `network.py` on utterances whose speakers are parted by `data.py`."""

    system = "emotion"
    metric = "validation/uar"
    people: People | None = None  # of the training, where the network hears a person against themself

    def prepare(self, progress: Progress, test: bool = False) -> dict[str, int | float | str]:
        """Read the corpus, part its speakers, compute what features are not cached. `test`: of the test part alone."""
        settings = self.config.data
        dataset = data.open_dataset(
            located(settings.path), labels=settings.labels or None, merge=settings.merged()
        )
        self.labels, self.dataset = tuple(dataset.labels), dataset
        self.dimensions = asked_for(dataset.utterances, self.config.degrees, dataset.name)
        asked = self.config.degrees
        self.degree_scale = dataset.degree_scale or (asked.lowest, asked.highest)
        self.listeners(dataset.utterances)  # said at once where a degree lies beyond the scale
        self.parts = splits.parts_of_run(dataset, settings, self.config.seed)
        self.speaker_names = sorted({u.speaker for u in self.parts["train"]})
        device = torch.device(
            "cuda" if torch.cuda.is_available() and self.config.front_end.kind == "hubert" else "cpu"
        )
        front_end = build_front_end(self.config.front_end, device, progress.part(0, 0.1))
        self.feature_dim, self.frame_s = front_end.dim, front_end.frame_s
        self.encoder_layers = front_end.layers
        cache = FeatureCache(cache_folder() / "features")
        wanted = ["test"] if test else ["train", "validation"]
        self.features: dict[str, list[list[KeptFeatures]]] = {}
        for number, name in enumerate(wanted):
            part = progress.part(0.1 + 0.9 * number / len(wanted), 0.1 + 0.9 * (number + 1) / len(wanted))
            speeds = tuple(self.config.augment.speeds) or (1.0,) if name == "train" else (1.0,)
            scenes = self.config.augment.scenes if name == "train" else 0
            self.features[name] = cache.of(
                self.parts[name], front_end, part, settings.window_s, speeds, scenes
            )
        counts: dict[str, int | float | str] = {
            f"{name} utterances": len(part) for name, part in self.parts.items() if part
        }
        counts |= {
            f"{name} speakers": len({u.speaker for u in part}) for name, part in self.parts.items() if part
        }
        return counts | {"skipped": len(dataset.skipped)}

    def listeners(self, utterances: Sequence[Utterance]) -> np.ndarray:
        """The degrees that listeners told, float32 [n, dimensions] from 0 to 1, NaN where they are not known."""
        return degrees_of(utterances, self.dimensions, *self.degree_scale)

    def size(self, split: str) -> int:
        return len(self.parts[split])

    def network(self) -> torch.nn.Module:
        sizes = (self.feature_dim, len(self.labels), len(self.speaker_names), self.encoder_layers)
        self.network_config = network_config(self.config, *sizes, len(self.dimensions))
        built = network.build(self.network_config)
        if self.network_config.input_norm in ("data", "level"):
            built.prepared.learn(
                torch.from_numpy(variants[0][:].reshape(-1, self.feature_dim))
                for variants in self.features["train"]
            )
        if isinstance(built, network.LinearClassifier):
            self.people = People.of(built, self.features["train"], [u.speaker for u in self.parts["train"]])
            built.learn(self.people.usual, self.people.spread)
        return built

    def order(self, generator: np.random.Generator) -> np.ndarray:
        """A permutation; with balanced sampling every class is drawn as often as the largest."""
        if self.config.data.balance != "sampling":
            return super().order(generator)
        by_class = [
            np.array([i for i, u in enumerate(self.parts["train"]) if u.emotion == label])
            for label in self.labels
        ]
        by_class = [members for members in by_class if len(members)]
        most = max(map(len, by_class))
        drawn = []
        for members in by_class:
            rounds = [generator.permutation(members) for _ in range(-(-most // len(members)))]
            drawn.append(np.concatenate(rounds)[:most])
        return generator.permutation(np.concatenate(drawn))

    def batch(self, split: str, draws: list[Draw]) -> Batch:
        """Cut to the window, augmented in training, padded to the longest."""
        window = round(self.config.data.window_s / self.frame_s)
        cut, spoken, references = [], [], []
        for draw in draws:
            spoken.append(self.parts[split][draw.item])
            variants = self.features[split][draw.item]
            if split == "train":
                random = np.random.default_rng(draw.seed)
                variant = int(random.integers(len(variants)))
                frames = variants[variant]
                start = int(random.integers(0, max(1, len(frames) - window + 1)))
                piece = torch.from_numpy(frames[start : start + window])
                cut.append(augment.augmented(piece, self.config.augment, random)[:window])
                if self.people is not None:
                    own = random.random() < self.config.network.centred
                    references.append(self.people.reference(spoken[-1].speaker, variant, own))
            else:
                cut.append(torch.from_numpy(variants[0][:window]))
        features = torch.nn.utils.rnn.pad_sequence(cut, batch_first=True)
        lengths = torch.tensor([len(item) for item in cut])
        emotions = torch.tensor([self.labels.index(u.emotion) for u in spoken])
        known = {name: number for number, name in enumerate(self.speaker_names)}
        voices = torch.tensor(
            [known.get(u.speaker, -100) for u in spoken]
        )  # -100: cross-entropy passes it over
        known_people = torch.stack(references) if references else None
        degrees = torch.from_numpy(self.listeners(spoken)) if self.dimensions else None
        return Batch(features, lengths, emotions, voices, known_people, degrees)

    def begin_step(self, network: torch.nn.Module, clock: Clock) -> None:
        reversal = getattr(network, "reversal", None)
        if reversal is not None:
            reversal.alpha = self.alpha(clock)

    def loss(self, network: Any, batch: Batch, clock: Clock) -> Loss:
        """Emotion cross-entropy + weight · speaker cross-entropy through the reversal."""
        self.begin_step(network, clock)
        return self.loss_of(self.rows(network, batch), clock)

    def rows(self, network: torch.nn.Module, batch: Batch) -> dict[str, torch.Tensor]:
        """What the loss needs of every item: the logits of each head, and what is true."""
        output = network(*batch.inputs())
        rows = {f"head {number}": logits for number, logits in enumerate(output.heads)}
        rows["emotions"] = batch.emotions
        if output.speaker_logits is not None:
            rows |= {"speaker logits": output.speaker_logits, "speakers": batch.speakers}
        if output.degrees is not None and batch.degrees is not None:
            rows |= {"degrees": output.degrees, "listeners": batch.degrees}
        return rows

    def loss_of(self, rows: dict[str, torch.Tensor], clock: Clock) -> Loss:
        """The loss of the rows of a batch."""
        heads = tuple(value for name, value in rows.items() if name.startswith("head "))
        emotions, logits = rows["emotions"], network.averaged(heads)
        weights = self._class_weights.to(logits.device) if self.config.data.balance == "weights" else None
        smoothing = self.config.label_smoothing
        value = mean_cross_entropy(heads, emotions, smoothing, weights)
        predicted = logits.argmax(-1)
        metrics = {
            "accuracy": (predicted == emotions).float().mean(),
            "weighted_f1": weighted_f1(emotions, predicted, len(self.labels)),
        }
        mean, weighted = (value, None) if weights is None else (torch.zeros_like(value), value)
        if "speaker logits" in rows:
            speaker_loss = cross_entropy(rows["speaker logits"], rows["speakers"])
            mean = mean + self.config.adversary.weight * speaker_loss
            with torch.no_grad():  # every item counts alike in it, so it may be averaged over parts
                metrics["emotion_loss"] = mean_cross_entropy(heads, emotions, smoothing)
            metrics["speaker_loss"] = speaker_loss.detach()
            right = rows["speaker logits"].argmax(-1) == rows["speakers"]
            metrics["speaker_accuracy"] = right.float().mean()
        return Loss(mean, len(emotions), metrics, weighted=weighted)

    def weight(self, draws: list[Draw]) -> float:
        """Items count by the weights of their classes, where classes are balanced so."""
        if self.config.data.balance != "weights":
            return super().weight(draws)
        labels = [self.labels.index(self.parts["train"][draw.item].emotion) for draw in draws]
        return float(self._class_weights[labels].sum())

    def alpha(self, clock: Clock) -> float:
        """Strength of the gradient reversal."""
        adversary = self.config.adversary
        return schedules.adversary_strength(clock.epoch, clock.epochs, adversary.start_epoch, adversary.top)

    def reported(self, clock: Clock) -> dict[str, float]:
        return {"alpha": self.alpha(clock)} if self.network_config.speakers else {}

    def learning_rate(self, clock: Clock) -> float:
        peak, warmup = self.config.learning_rate, self.config.warmup_steps
        if self.config.schedule == "warm restarts":
            return schedules.warmup_cosine_restarts(clock.step, clock.steps, peak, warmup=warmup)
        if self.config.schedule == "cosine":
            return schedules.warmup_cosine(clock.step, clock.steps, peak, warmup=warmup)
        return peak

    def outputs(self, network: Any, batch: Batch) -> dict[str, np.ndarray]:
        output = network(*batch.inputs())
        loss = cross_entropy(output.logits, batch.emotions, reduction="none")
        result = {
            "probabilities": output.logits.float().softmax(-1).cpu().numpy(),
            "loss": loss.float().cpu().numpy(),
        }
        return (
            result if output.degrees is None else result | {"degrees": output.degrees.float().cpu().numpy()}
        )

    def metrics(self, split: str, outputs: dict[str, np.ndarray], clock: Clock) -> dict[str, float]:
        self.last_evaluation = self._evaluation(split, outputs["probabilities"])
        result = self.last_evaluation
        return {
            "loss": float(outputs["loss"].mean()),
            "uar": result.uar,
            "accuracy": result.accuracy,
            "weighted_f1": result.weighted_f1,
        }

    def contents(self) -> dict[str, Used]:
        return {name: contents(part) for name, part in self.parts.items() if part}

    def checkpoint(self, metrics: dict[str, float]) -> CheckpointInfo:
        return CheckpointInfo(
            system="emotion",
            title=f"{FRONT_ENDS[self.config.front_end.kind]}, {len(self.speaker_names)} speakers",
            network=asdict(self.network_config),
            preprocessing={
                "front_end": self.config.front_end.model_dump(mode="json"),
                "window_s": self.config.data.window_s,
                "excited_is_happy": self.config.data.excited_is_happy,
                **self._degrees_described(),
            },
            labels=list(self.labels),
            metrics={name: value for name, value in metrics.items() if np.isfinite(value)},
            card=self._card(),
        )

    def _degrees_described(self) -> dict[str, object]:
        """What the outputs of the head of degrees are, and the scale of the tables that they were learned from."""
        if not self.dimensions:
            return {}
        return {"dimensions": list(self.dimensions), "degree_scale": list(self.degree_scale)}

    def output_layer(self) -> str:
        """Not the speakers' head, which the gradient reversal makes work against the rest."""
        return "emotion_classifier"

    def check(self, progress: Progress) -> DataCheck:
        """Utterances, speakers and minutes of each part; computes no features."""
        settings = self.config.data
        dataset = data.open_dataset(
            located(settings.path), labels=settings.labels or None, merge=settings.merged(), progress=progress
        )
        parts: dict[str, dict[str, int | float | str]] = {}
        for name, part in splits.parts_of_run(dataset, settings, self.config.seed).items():
            if not part:
                continue
            seconds = sum(u.duration_s for u in part)
            parts[name] = {
                "utterances": len(part),
                "speakers": len({u.speaker for u in part}),
                "minutes": round(seconds / 60, 1),
            }
            counts = Counter(u.emotion for u in part)
            parts[name] |= {label: counts[label] for label in dataset.labels}
        skipped = tuple((Path(item.path).name, str(item.reason)) for item in dataset.skipped)
        return DataCheck(parts, skipped)

    def pictures(self, outputs: dict[str, np.ndarray]) -> list[Shown]:
        return [Matrix("Confusion", list(self.labels), np.asarray(self.last_evaluation.confusion).tolist())]

    def items(self, outputs: dict[str, np.ndarray]) -> Items:
        part = self.parts["validation"]
        predicted = outputs["probabilities"].argmax(axis=-1)
        right = [self.labels[int(index)] == u.emotion for index, u in zip(predicted, part, strict=True)]
        names = [f"{Path(u.path).name} {u.start_s:g}".removesuffix(" 0") for u in part]
        return Items("right", names, [u.speaker for u in part], np.array(right, dtype=float))

    def summary(self, history: History, folder: Path) -> list[Path]:
        from models.emotion.summary import draw

        path = folder / "summary.png"
        draw(history, self.last_evaluation if hasattr(self, "last_evaluation") else None, path)
        return [path]

    def judge_test(self, place: Path, device: str) -> list[ItemRow]:
        """One row an utterance of the test part, by the checkpoint at `place`, every window of it heard."""
        weights, info = checkpoint.load(place, "emotion")
        trained = network.build(network.NetworkConfig(**info.network))
        checkpoint.fit(trained, weights)
        trained.to(device).eval()
        window = round(self.config.data.window_s / self.frame_s)
        rows = []
        for utterance, (frames, *_) in zip(self.parts["test"], self.features["test"], strict=True):
            pieces = [
                torch.from_numpy(frames[start : start + window])
                for start in windows.starts(len(frames), window)
            ]
            lengths = torch.tensor([len(piece) for piece in pieces])
            with torch.inference_mode():
                output = trained(torch.stack(pieces).to(device), lengths.to(device))
            mean = output.logits.float().softmax(-1).mean(0).cpu().numpy()
            told = None if output.degrees is None else output.degrees.float().mean(0).cpu().numpy()
            degrees = degree_columns(self.dimensions, self.listeners([utterance])[0], told)
            rows.append(item_row(utterance, Path(utterance.path).name, self.labels, mean, degrees))
        return rows

    def _evaluation(self, split: str, probabilities: np.ndarray) -> speakers.Evaluation:
        part = self.parts[split]
        return speakers.evaluate(
            truth=[u.emotion for u in part],
            probabilities=probabilities,
            labels=self.labels,
            speakers=[u.speaker for u in part],
            sexes=[u.sex for u in part],
            sessions=[u.session for u in part],
        )

    @cached_property
    def _class_weights(self) -> torch.Tensor:
        return class_weights([u.emotion for u in self.parts["train"]], self.labels)

    def _card(self) -> str:
        lines = [
            f"Speech emotion, {', '.join(self.labels)}. Front end: {FRONT_ENDS[self.config.front_end.kind]}.",
            "",
            f"Trained on {len(self.parts['train'])} utterances of {len(self.speaker_names)} speakers ({', '.join(self.speaker_names)}) of {self.dataset.name};"
            f" validated on speakers {', '.join(sorted({u.speaker for u in self.parts['validation']})) or 'none'};"
            f" held out: {', '.join(self.config.data.test_speakers) or 'none'}.",
        ]
        return "\n".join(lines) + "\n"
