"""How fusion hashing is trained: stage 1 the fusion alone, stage 2 fusion and codes. Labels serve evaluation only."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from models import checkpoint, devices
from models.checkpoint import CheckpointInfo
from models.errors import UserError
from models.fingerprint import Used
from models.loading import checkpoint_folder
from models.progress import Progress
from models.resources import cache_folder
from models.search import codes, data, evaluation, losses
from models.search.config import SearchConfig
from models.search.contents import contents_of_pairs
from models.search.encoder import DualEncoder
from models.search.features import FeatureCache, Features, Pairs, extract, is_features, read_features
from models.search.gallery import gallery
from models.search.network import FusionHashing, NetworkConfig
from models.search.samples import located
from models.training.pictures import Shown
from models.training.task import Clock, Draw, History, Loss, RowsTask

TOP = 50  # of the mean average precision
LEVELS = ("embedding", "code")  # what pairs are compared by, in the order of the network's outputs
HASHING = "hash networks"  # the group of parameters with a rate of its own


@dataclass(frozen=True)
class Batch:
    """image, text: float32 [batch, dim]. sees: bool [batch, 2], whether each half may see the other."""

    image: Tensor
    text: Tensor
    sees: Tensor


class HashTask(RowsTask[SearchConfig]):
    """Trains `network.py` on embeddings of pairs."""

    system = "search"
    metric = "validation/map"

    def prepare(self, progress: Progress) -> dict[str, int | float | str]:
        """Read or extract the embeddings, hold pairs back for validation."""
        features, self.encoder = load_features(self.config, progress)
        self.features = features
        train = features.parts.get("train")
        if train is None or len(train) < 2:
            raise UserError(
                "There is too little to train on.",
                "{name} has fewer than two training pairs.",
                "Choose a larger data set.",
                name=features.name,
            )
        validation = features.parts.get("validation")
        if validation is None:
            order = np.random.default_rng(self.config.seed).permutation(len(train))
            held = round(self.config.data.validation_share * len(train))
            train, validation = train.chosen(np.sort(order[held:])), train.chosen(np.sort(order[:held]))
        self.parts: dict[str, Pairs] = {"train": train, "validation": validation}
        self.texts_of = _texts_of(train)
        return {
            "train pairs": len(train),
            "validation pairs": len(validation),
            "captions": len(train.texts),
            "labels": train.labels.shape[1],
            "skipped": len(features.skipped),
        }

    def size(self, split: str) -> int:
        return len(self.parts[split])

    def network(self) -> torch.nn.Module:
        dim = self.parts["train"].images.shape[1]
        self.network_config = network_config(self.config, dim)
        if (2 if self.network_config.fusion == "joint" else 1) * dim % self.network_config.heads:
            raise UserError(
                "The fusion's {heads} heads do not fit embeddings of {dim} numbers.",
                "",
                "Choose a number of heads that divides them.",
                heads=self.network_config.heads,
                dim=dim,
            )
        built = FusionHashing(self.network_config)
        if self.config.start:
            weights, info = checkpoint.load(checkpoint_folder(self.config.start, "search"), "search")
            fusion = {name: tensor for name, tensor in weights.items() if "_hash." not in name}
            own = {name: tensor for name, tensor in built.state_dict().items() if "_hash." in name}
            if info.network.get("fusion") != self.network_config.fusion:
                raise UserError(
                    "The checkpoint to start from has another fusion.",
                    "{path} has {found}, the settings ask for {wanted}.",
                    "Set the fusion to the same.",
                    path=self.config.start,
                    found=info.network.get("fusion", "none"),
                    wanted=self.network_config.fusion,
                )
            checkpoint.fit(built, {**own, **fusion})
        return built

    def made_of(self) -> list[Path]:
        """Stage 1 as well, whose fusion it takes over."""
        start = self.config.start
        return [*super().made_of(), *([checkpoint_folder(start, "search")] if start else [])]

    def batch(self, split: str, draws: list[Draw]) -> Batch:
        part = self.parts[split]
        items = np.array([draw.item for draw in draws])
        if split == "train":
            random = [np.random.default_rng(draw.seed) for draw in draws]
            texts = np.array(
                [
                    self.texts_of[i][int(r.integers(len(self.texts_of[i])))]
                    for i, r in zip(items, random, strict=True)
                ]
            )
        else:
            texts = part.questions[items]
            random = [np.random.default_rng([self.config.seed, item]) for item in items]
        sees = np.stack([r.random(2) for r in random]) >= self.config.network.absent
        return Batch(
            torch.from_numpy(part.images[items]), torch.from_numpy(part.texts[texts]), torch.from_numpy(sees)
        )

    def optimizer(self, network: torch.nn.Module) -> torch.optim.Optimizer:
        """Adam, betas (0.5, 0.999): the fusion at its own constant rate, the hash networks at theirs."""
        named = list(network.named_parameters())
        fusion = [parameter for name, parameter in named if "_hash." not in name]
        hashing = [parameter for name, parameter in named if "_hash." in name]
        groups: list[dict[str, Any]] = [{"params": fusion}]
        if hashing:
            groups.append({"params": hashing, "name": HASHING})
        return torch.optim.Adam(
            groups, lr=self.config.learning_rate, betas=(0.5, 0.999), weight_decay=self.config.weight_decay
        )

    def learning_rates(self, clock: Clock) -> dict[str, float]:
        return {"": self.config.learning_rate, HASHING: self.hash_rate(clock)}

    def hash_rate(self, clock: Clock) -> float:
        """The hash networks' rate: multiplied at each milestone that has passed."""
        passed = sum(clock.epoch >= milestone for milestone in self.config.milestones)
        return self.config.hash_rate * self.config.milestone_factor**passed

    def reported(self, clock: Clock) -> dict[str, float]:
        return {"hash_rate": self.hash_rate(clock)} if self.network_config.bits else {}

    def rows(self, network: Any, batch: Batch) -> dict[str, Tensor]:
        """The halves of each pair, and where there are hash networks the values of their codes."""
        result: dict[str, Tensor] = {}
        for name, halves in zip(LEVELS, network(batch.image, batch.text, batch.sees), strict=False):
            result |= {f"{name}_image": halves.image, f"{name}_text": halves.text}
        return result

    def loss_of(self, rows: dict[str, Tensor], clock: Clock) -> Loss:
        """Loss of the embeddings, and 0.5 times that of the codes."""
        asked = self.config.objective
        parts = {
            f"{name}_loss": losses.loss(
                asked.kind, rows[f"{name}_image"], rows[f"{name}_text"], asked.temperature, asked.keep_self
            )
            for name in LEVELS
            if f"{name}_image" in rows
        }
        value = parts["embedding_loss"]
        if "code_loss" in parts:
            value = value + asked.code_weight * parts["code_loss"]
        return Loss(value, len(rows["embedding_image"]), {n: item.detach() for n, item in parts.items()})

    def outputs(self, network: Any, batch: Batch) -> dict[str, np.ndarray]:
        alone = network.image_alone(batch.image), network.text_alone(batch.text)
        result = {"image": alone[0], "text": alone[1]}
        if self.network_config.bits:
            paired = network.fuse(batch.image, batch.text)
            result |= {
                "image_codes": network.image_codes(alone[0]),
                "text_codes": network.text_codes(alone[1]),
            }
            result |= {
                "image_paired": network.image_codes(paired.image),
                "text_paired": network.text_codes(paired.text),
            }
        result |= self.rows(network, batch)
        return {name: value.float().cpu().numpy() for name, value in result.items()}

    def metrics(self, split: str, outputs: dict[str, np.ndarray], clock: Clock) -> dict[str, float]:
        """The loss; and MAP@50 both ways every `map_every` epochs: of codes `single` (honest) and `paired` (as published)."""
        loss = {"loss": self._validation_loss(outputs)}
        epoch = round(clock.epoch)
        if epoch % self.config.map_every and epoch < self.config.epochs:
            return loss
        labels = self.parts[split].labels
        result = _both_ways("real", outputs["image"], outputs["text"], labels, packed=False)
        if self.network_config.bits:
            for name, suffix in (("single", "codes"), ("paired", "paired")):
                packed = codes.pack(outputs[f"image_{suffix}"]), codes.pack(outputs[f"text_{suffix}"])
                result |= _both_ways(name, *packed, labels, packed=True)
        headline = "single" if self.network_config.bits else "real"
        return loss | result | {"map": (result[f"{headline}_i2t"] + result[f"{headline}_t2i"]) / 2}

    def _validation_loss(self, outputs: dict[str, np.ndarray]) -> float:
        """The training loss on these pairs, as many at a time as in training."""
        size = self.config.batch_size * self.config.accumulation
        names = [name for name in outputs if name.startswith(LEVELS)]
        clock, total, count = Clock(0, 1, 0, 1), 0.0, 0
        for start in range(0, len(outputs["image"]), size):
            rows = {name: torch.from_numpy(outputs[name][start : start + size]) for name in names}
            loss = self.loss_of(rows, clock)
            total, count = total + float(loss.value) * loss.count, count + loss.count
        return total / count

    def pictures(self, outputs: dict[str, np.ndarray]) -> list[Shown]:
        """What some words of the validation part bring, by code where there are codes; labels say what is right."""
        part = self.parts["validation"]
        if not part.paths:
            return []
        if self.network_config.bits:
            distance = codes.distances(
                codes.pack(outputs["text_codes"]), codes.pack(outputs["image_codes"])
            ).astype(np.float32)
        else:
            distance = -(outputs["text"] @ outputs["image"].T)
        labels = part.labels.astype(np.float32)
        right = (labels @ labels.T > 0) if labels.shape[1] else np.eye(len(part), dtype=bool)
        return [gallery(distance, part.asked, part.paths, right)]

    def contents(self) -> dict[str, Used]:
        parts = {**self.features.parts, **self.parts}
        return {name: contents_of_pairs(part) for name, part in parts.items() if len(part)}

    def checkpoint(self, metrics: dict[str, float]) -> CheckpointInfo:
        bits = self.network_config.bits
        name = self.encoder.title if self.encoder else "features of others"
        return CheckpointInfo(
            system="search",
            title=f"{name}, {bits} bits" if bits else f"{name}, real-valued",
            network=asdict(self.network_config),
            preprocessing={
                "stage": self.config.stage,
                "encoder": {
                    "name": self.config.encoder.name if self.encoder else "",
                    "identity": self.encoder.identity if self.encoder else "",
                    "title": name,
                },
            },
            metrics={name: value for name, value in metrics.items() if np.isfinite(value)},
            card=f"Fusion hashing on embeddings of {name}, learned from {len(self.parts['train'])} pairs of"
            f" {self.features.name}, {self.config.objective.kind} loss.\n",
        )

    def summary(self, history: History, folder: Path) -> list[Path]:
        from models.search.summary import draw

        path = folder / "summary.png"
        right = {
            "validation/single_t2i": "MAP@50, words to picture",
            "validation/single_i2t": "picture to words",
        }
        if not self.network_config.bits:
            right = {name.replace("single", "real"): title for name, title in right.items()}
        draw(history, path, {"train/loss": f"Loss ({self.config.objective.kind})"}, right)
        return [path]


def load_features(config: SearchConfig, progress: Progress) -> tuple[Features, DualEncoder | None]:
    """The embeddings a config asks for, and the encoder that made them (None where they came ready)."""
    path = located(config.data.path)
    if is_features(path) and path.exists():
        return read_features(path), None
    captions = data.with_split(
        data.open_captions(path), config.data.validation_share, config.data.test_share, config.seed
    )
    device = devices.resolve("auto").name
    encoder = DualEncoder.load(config.encoder.name, device, progress.part(0, 0.1))
    cache = FeatureCache(cache_folder() / "search")
    try:
        return extract(captions, encoder, cache, progress.part(0.1, 1)), encoder
    finally:
        cache.close()


def network_config(config: SearchConfig, dim: int) -> NetworkConfig:
    """The network that a training config asks for, on embeddings of that length."""
    asked = config.network
    return NetworkConfig(
        dim=dim,
        bits=asked.bits if config.stage == "hash" else 0,
        fusion=asked.fusion,
        layers=asked.layers,
        heads=asked.heads,
        feedforward=asked.feedforward,
        fusion_dropout=asked.fusion_dropout,
        hidden=asked.hidden,
        dropout=asked.dropout,
        tanh=asked.tanh,
    )


def _both_ways(
    name: str, images: np.ndarray, texts: np.ndarray, labels: np.ndarray, packed: bool
) -> dict[str, float]:
    """MAP@50 picture → text and text → picture; without labels only the own half is relevant."""
    result = {}
    for way, asked, answers in (("i2t", images, texts), ("t2i", texts, images)):
        if not labels.shape[1]:
            distance = codes.distances(asked, answers) if packed else -(asked @ answers.T)
            ranks = evaluation.own_ranks(distance, np.arange(len(asked)))
            value = float(np.where(ranks < TOP, 1 / (1 + ranks), 0).mean())
        elif packed:
            value = evaluation.map_of_codes(asked, answers, labels, labels, TOP)
        else:
            metrics = evaluation.metrics_of_embeddings(asked, answers, labels, labels, TOP, ranks=())
            value = metrics.mean_average_precision
        result[f"{name}_{way}"] = value
    return result


def _texts_of(pairs: Pairs) -> list[np.ndarray]:
    """The texts of each picture."""
    order = np.argsort(pairs.owners, kind="stable")
    ends = np.searchsorted(pairs.owners[order], np.arange(len(pairs)), side="right")
    starts = np.searchsorted(pairs.owners[order], np.arange(len(pairs)), side="left")
    return [order[start:end] for start, end in zip(starts, ends, strict=True)]
