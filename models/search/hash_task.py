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
from models.progress import Progress
from models.resources import cache_folder
from models.search import codes, data, evaluation, losses
from models.search.config import SearchConfig
from models.search.encoder import DualEncoder
from models.search.features import FeatureCache, Features, Pairs, extract, is_features, read_features
from models.search.gallery import gallery
from models.search.network import FusionHashing, NetworkConfig
from models.search.samples import located
from models.training.pictures import Shown
from models.training.task import Clock, Draw, History, Loss, Task

TOP = 50  # of the mean average precision


@dataclass(frozen=True)
class Batch:
    """image, text: float32 [batch, dim]. sees: bool [batch, 2], whether each half may see the other."""

    image: Tensor
    text: Tensor
    sees: Tensor


class HashTask(Task[SearchConfig]):
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
        self._epoch = 0
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
            weights, info = checkpoint.load(self.config.start, "search")
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
            sees = np.stack([r.random(2) for r in random]) >= self.config.network.absent
        else:
            texts, sees = part.questions[items], np.ones((len(items), 2), bool)
        return Batch(
            torch.from_numpy(part.images[items]), torch.from_numpy(part.texts[texts]), torch.from_numpy(sees)
        )

    def to(self, batch: Batch, device: torch.device) -> Batch:
        return Batch(*(getattr(batch, name).to(device) for name in ("image", "text", "sees")))

    def optimizer(self, network: torch.nn.Module) -> torch.optim.Optimizer:
        """Adam, betas (0.5, 0.999): the fusion at its own constant rate, the hash networks at theirs."""
        named = list(network.named_parameters())
        fusion = [parameter for name, parameter in named if "_hash." not in name]
        hashing = [parameter for name, parameter in named if "_hash." in name]
        groups: list[dict[str, Any]] = [{"params": fusion, "rate_factor": 1.0}]
        if hashing:
            groups.append(
                {"params": hashing, "rate_factor": self.config.hash_rate / self.config.learning_rate}
            )
        self._optimizer = torch.optim.Adam(
            groups, lr=self.config.learning_rate, betas=(0.5, 0.999), weight_decay=self.config.weight_decay
        )
        return self._optimizer

    def learning_rate(self, clock: Clock) -> float:
        for group in self._optimizer.param_groups[1:]:
            group["rate_factor"] = self.hash_rate(clock) / self.config.learning_rate
        return self.config.learning_rate

    def hash_rate(self, clock: Clock) -> float:
        """The hash networks' rate: multiplied at each milestone that has passed."""
        passed = sum(clock.epoch >= milestone for milestone in self.config.milestones)
        return self.config.hash_rate * self.config.milestone_factor**passed

    def reported(self, clock: Clock) -> dict[str, float]:
        return {"hash_rate": self.hash_rate(clock)} if self.network_config.bits else {}

    def loss(self, network: torch.nn.Module, batch: Batch, clock: Clock) -> Loss:
        """Loss of the embeddings, and 0.5 times that of the codes."""
        self._epoch = int(clock.epoch)
        asked = self.config.objective
        found = [
            losses.loss(asked.kind, pair.image, pair.text, asked.temperature, asked.keep_self)
            for pair in network(batch.image, batch.text, batch.sees)
        ]
        figures = {"embedding_loss": found[0].detach()}
        value = found[0]
        if len(found) > 1:
            value = value + asked.code_weight * found[1]
            figures["code_loss"] = found[1].detach()
        return Loss(value, len(batch.image), figures)

    def outputs(self, network: torch.nn.Module, batch: Batch) -> dict[str, np.ndarray]:
        bare: Any = getattr(network, "module", network)  # within, where it is wrapped for distribution
        alone = bare.image_alone(batch.image), bare.text_alone(batch.text)
        result = {"image": alone[0], "text": alone[1]}
        if self.network_config.bits:
            paired = bare.fuse(batch.image, batch.text)
            result |= {"image_codes": bare.image_codes(alone[0]), "text_codes": bare.text_codes(alone[1])}
            result |= {
                "image_paired": bare.image_codes(paired.image),
                "text_paired": bare.text_codes(paired.text),
            }
        return {name: value.float().cpu().numpy() for name, value in result.items()}

    def figures(self, split: str, outputs: dict[str, np.ndarray]) -> dict[str, float]:
        """MAP@50 both ways every `map_every` epochs: of codes `single` (honest) and `paired` (as published)."""
        last = self._epoch + 1 >= self.config.epochs
        if (self._epoch + 1) % self.config.map_every and not last:
            return {}
        labels = self.parts[split].labels
        found = _both_ways("real", outputs["image"], outputs["text"], labels, packed=False)
        if self.network_config.bits:
            for name, suffix in (("single", "codes"), ("paired", "paired")):
                packed = codes.pack(outputs[f"image_{suffix}"]), codes.pack(outputs[f"text_{suffix}"])
                found |= _both_ways(name, *packed, labels, packed=True)
        headline = "single" if self.network_config.bits else "real"
        return found | {"map": (found[f"{headline}_i2t"] + found[f"{headline}_t2i"]) / 2}

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

    def checkpoint(self, figures: dict[str, float]) -> CheckpointInfo:
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
            metrics={name: value for name, value in figures.items() if np.isfinite(value)},
            card=f"Fusion hashing on embeddings of {name}, learned from {len(self.parts['train'])} pairs of"
            f" {self.features.name}, {self.config.objective.kind} loss.\n",
        )

    def recorded_config(self) -> dict[str, Any]:
        values = super().recorded_config()
        values["data"]["path"] = Path(self.config.data.path).name
        values["start"] = Path(self.config.start).name
        return values

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
    captions = data.parted(
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
    found = {}
    for way, asked, answers in (("i2t", images, texts), ("t2i", texts, images)):
        if not labels.shape[1]:
            distance = codes.distances(asked, answers) if packed else -(asked @ answers.T)
            ranks = evaluation.own_ranks(distance, np.arange(len(asked)))
            value = float(np.where(ranks < TOP, 1 / (1 + ranks), 0).mean())
        elif packed:
            value = evaluation.map_of_codes(asked, answers, labels, labels, TOP)
        else:
            figures = evaluation.figures_of_embeddings(asked, answers, labels, labels, TOP, ranks=())
            value = figures.mean_average_precision
        found[f"{name}_{way}"] = value
    return found


def _texts_of(pairs: Pairs) -> list[np.ndarray]:
    """The texts of each picture."""
    order = np.argsort(pairs.owners, kind="stable")
    ends = np.searchsorted(pairs.owners[order], np.arange(len(pairs)), side="right")
    starts = np.searchsorted(pairs.owners[order], np.arange(len(pairs)), side="left")
    return [order[start:end] for start, end in zip(starts, ends, strict=True)]
