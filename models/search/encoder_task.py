"""How the small encoder is trained: pictures and their words drawn together, whatever else fits a text allowed for."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from models.checkpoint import CheckpointInfo
from models.errors import UserError
from models.progress import Progress
from models.search import data, pictures, small_encoder
from models.search.config import SearchConfig
from models.search.gallery import gallery
from models.search.samples import located
from models.training import schedules
from models.training.pictures import Shown
from models.training.task import Clock, Draw, History, Loss, Task

_SIDES = {"left", "right"}  # pictures whose words say so are not mirrored


@dataclass(frozen=True)
class Batch:
    """pixels float32 [batch, 3, side, side]; tokens, mask int64 [batch, length]; fits bool [batch texts, batch pictures]."""

    pixels: Tensor
    tokens: Tensor
    mask: Tensor
    fits: Tensor


class EncoderTask(Task[SearchConfig]):
    """Trains a small CLIP (Radford et al., ICML 2021) from nothing on pictures with captions.

    A text is drawn anew each time: a caption, or a few keywords. The loss is the cross-entropy over the batch both
    ways, its target spread over all pictures of which the text is true: "cat" is no mistake for another cat.
    """

    system = "search"
    metric = "validation/recall_at_10"

    def prepare(self, progress: Progress) -> dict[str, int | float | str]:
        """Read captions and pictures, learn the tokenizer."""
        asked, settings = self.config.data, self.config.encoder
        captions = data.open_captions(located(asked.path))
        captions = data.parted(captions, asked.validation_share, asked.test_share, self.config.seed)
        self.captions, self.view = captions, small_encoder.view(settings)
        self.pairs: dict[str, list[data.Item]] = {"train": [], "validation": []}
        self.pixels: dict[str, list[np.ndarray]] = {"train": [], "validation": []}
        unreadable = 0
        for number, item in enumerate(captions.items):
            progress.update(number, len(captions.items), "Reading {name}", name=item.path.name)
            if item.part not in self.pairs:
                continue
            try:
                picture = pictures.read(item.path)
            except UserError:
                unreadable += 1
                continue
            self.pairs[item.part].append(item)
            self.pixels[item.part].append(self.view.pixels(picture))
        if len(self.pairs["train"]) < 2:
            raise UserError(
                "There is too little to train on.",
                "Only {count} pictures with captions can be read.",
                "Choose a larger data set.",
                count=len(self.pairs["train"]),
            )
        train = self.pairs["train"]
        self.tokenizer_json = small_encoder.train_tokenizer(
            (text for item in train for text in (*item.captions, *item.keywords)), settings.vocabulary
        )
        self.tokenizer = small_encoder.tokenizer(self.tokenizer_json, settings.most_tokens)
        self.truths = [_true_of(item) for item in train]
        return {
            "train pictures": len(train),
            "validation pictures": len(self.pairs["validation"]),
            "test pictures": len(captions.part("test")),
            "skipped": len(captions.skipped) + unreadable,
        }

    def size(self, split: str) -> int:
        return len(self.pairs[split])

    def network(self) -> torch.nn.Module:
        self.clip_config = small_encoder.clip_config(self.config.encoder, len(self.tokenizer))
        return small_encoder.build(self.clip_config)

    def batch(self, split: str, draws: list[Draw]) -> Batch:
        items, seen, texts, phrases = [], [], [], []
        for draw in draws:
            item = self.pairs[split][draw.item]
            picture = torch.from_numpy(self.pixels[split][draw.item].astype(np.float32)).permute(2, 0, 1)
            picture = picture / 127.5 - 1
            if split == "train":
                random = np.random.default_rng(draw.seed)
                drawn = _draw_text(item, random)
                text = _without_some_words(" ".join(drawn), self.config.encoder.word_dropout, random)
                if random.random() < 0.5 and not _SIDES & self.truths[draw.item]:
                    picture = picture.flip(-1)
                generator = torch.Generator().manual_seed(draw.seed)
                picture = small_encoder.move(picture, generator, self.config.encoder.augment)
            else:
                drawn, text = (item.question,), item.question
            items.append(draw.item)
            seen.append(picture)
            texts.append(text)
            phrases.append(frozenset(one.casefold() for one in drawn))
        encoded = self.tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
        fits = torch.eye(len(draws), dtype=torch.bool)
        if split == "train":
            fits |= torch.tensor([[said <= self.truths[i] for i in items] for said in phrases])
        return Batch(torch.stack(seen), encoded["input_ids"], encoded["attention_mask"], fits)

    def to(self, batch: Batch, device: torch.device) -> Batch:
        return Batch(*(getattr(batch, name).to(device) for name in ("pixels", "tokens", "mask", "fits")))

    def loss(self, network: torch.nn.Module, batch: Batch, clock: Clock) -> Loss:
        output = network(input_ids=batch.tokens, attention_mask=batch.mask, pixel_values=batch.pixels)
        logits, fits = output.logits_per_text.float(), batch.fits.float()
        by_text = -(logits.log_softmax(1) * fits / fits.sum(1, keepdim=True)).sum(1).mean()
        by_picture = -(logits.log_softmax(0) * fits / fits.sum(0, keepdim=True)).sum(0).mean()
        right = batch.fits.gather(1, logits.argmax(1, keepdim=True)).float().mean()
        return Loss((by_text + by_picture) / 2, len(fits), {"accuracy": right})

    def learning_rate(self, clock: Clock) -> float:
        return schedules.warmup_cosine(
            clock.step, clock.steps, self.config.learning_rate, warmup=self.config.warmup_steps
        )

    def outputs(self, network: torch.nn.Module, batch: Batch) -> dict[str, np.ndarray]:
        output = network(input_ids=batch.tokens, attention_mask=batch.mask, pixel_values=batch.pixels)
        return {
            "image": output.image_embeds.float().cpu().numpy(),
            "text": output.text_embeds.float().cpu().numpy(),
        }

    def figures(self, split: str, outputs: dict[str, np.ndarray]) -> dict[str, float]:
        """How often the picture is among the nearest 1 and 10 of its text, among the split's pictures."""
        alike = outputs["text"] @ outputs["image"].T
        rank = (alike > np.diag(alike)[:, None]).sum(1)
        return {"recall_at_1": float((rank < 1).mean()), "recall_at_10": float((rank < 10).mean())}

    def pictures(self, outputs: dict[str, np.ndarray]) -> list[Shown]:
        """What some words of the validation part bring; the picture they were written for is right."""
        asked = [item.question for item in self.pairs["validation"]]
        paths = [item.path for item in self.pairs["validation"]]
        return [
            gallery(-(outputs["text"] @ outputs["image"].T), asked, paths, np.eye(len(asked), dtype=bool))
        ]

    def checkpoint(self, figures: dict[str, float]) -> CheckpointInfo:
        return CheckpointInfo(
            system="search",
            title=f"small encoder of {self.captions.name}",
            network=self.clip_config,
            preprocessing={
                "stage": "encoder",
                "view": asdict(self.view),
                "tokenizer": self.tokenizer_json,
                "most_tokens": self.config.encoder.most_tokens,
            },
            metrics={name: value for name, value in figures.items() if np.isfinite(value)},
            card=f"A small CLIP, trained on {len(self.pairs['train'])} pictures with captions of {self.captions.name}.\n",
        )

    def recorded_config(self) -> dict[str, Any]:
        values = super().recorded_config()
        values["data"]["path"] = Path(self.config.data.path).name
        return values

    def summary(self, history: History, folder: Path) -> list[Path]:
        """Also writes the encoder as a Hugging Face folder, to be chosen for the stages that follow."""
        from models.search.summary import draw

        small_encoder.export(folder / "best", folder / "encoder")
        path = folder / "summary.png"
        draw(
            history, path, {"train/loss": "Loss"}, {"validation/recall_at_10": "Recall@10, words to picture"}
        )
        return [path]


def _true_of(item: data.Item) -> frozenset[str]:
    """Every phrase that is true of a picture: its captions, keywords, and their single words."""
    phrases = [text.casefold() for text in (*item.captions, *item.keywords)]
    return frozenset([*phrases, *(word for phrase in phrases for word in phrase.split())])


def _draw_text(item: data.Item, random: np.random.Generator) -> tuple[str, ...]:
    """A caption, or one to three keywords, or both."""
    caption = item.captions[int(random.integers(len(item.captions)))]
    kind = random.random()
    if not item.keywords or kind < 0.35:
        return (caption,)
    count = int(random.integers(1, 4))
    chosen = random.permutation(len(item.keywords))[:count]
    words = tuple(item.keywords[i] for i in chosen)
    return (caption, *words) if kind < 0.5 else words


def _without_some_words(text: str, share: float, random: np.random.Generator) -> str:
    words = text.split()
    kept = [word for word in words if random.random() >= share]
    return " ".join(kept or words)
