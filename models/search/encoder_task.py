"""How the small encoder is trained: pictures and their words drawn together, whatever else fits a text allowed for."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from models.checkpoint import CheckpointInfo
from models.errors import UserError
from models.fingerprint import Used
from models.progress import Progress
from models.search import data, pictures, small_encoder
from models.search.config import SearchConfig
from models.search.contents import contents_of_files
from models.search.gallery import gallery
from models.search.samples import located
from models.training import schedules
from models.training.pictures import Shown
from models.training.task import Clock, Draw, History, Loss, RowsTask

MOST_SAID = 4  # phrases of a text: a caption and three keywords
NOTHING_MORE, NO_TRUTH, OWN = -1, -2, -3  # fillings of `said` and `truths`; a phrase of no other picture
_SIDES = {"left", "right"}  # pictures whose words say so are not mirrored


@dataclass(frozen=True)
class Batch:
    """pixels float32 [batch, 3, side, side]; tokens, mask int64 [batch, length].

    phrases int64 [batch, 4], the phrases that the text is made of, and truths int64 [batch, most], all that are true of the
    picture, by their numbers and filled up with -1 and -2: a text fits every picture of which all it says is true.
    """

    pixels: Tensor
    tokens: Tensor
    mask: Tensor
    phrases: Tensor
    truths: Tensor


class EncoderTask(RowsTask[SearchConfig]):
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
        captions = data.with_split(captions, asked.validation_share, asked.test_share, self.config.seed)
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
        texts = [text for item in train for text in (*item.captions, *item.keywords)]
        self.words = small_encoder.words_of(texts)
        self.tokenizer_json = small_encoder.train_tokenizer(texts, settings.vocabulary)
        self.tokenizer = small_encoder.tokenizer(self.tokenizer_json, settings.most_tokens)
        self.truths = [_true_of(item) for item in train]
        self.phrases = {
            phrase: number for number, phrase in enumerate(sorted(frozenset().union(*self.truths)))
        }
        self._most_truths = max(map(len, self.truths))
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
            phrases.append([self.phrases.get(entry.casefold(), OWN) for entry in drawn])
        encoded = self.tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
        truths = [
            [self.phrases[truth] for truth in self.truths[i]] if split == "train" else [OWN] for i in items
        ]
        return Batch(
            torch.stack(seen),
            encoded["input_ids"],
            encoded["attention_mask"],
            _filled(phrases, MOST_SAID, NOTHING_MORE),
            _filled(truths, self._most_truths, NO_TRUTH),
        )

    def rows(self, network: Any, batch: Batch) -> dict[str, Tensor]:
        """Embeddings of length 1, what is said and true of each item, and the learned scale of the likenesses."""
        output = network(input_ids=batch.tokens, attention_mask=batch.mask, pixel_values=batch.pixels)
        return {
            "text": output.text_embeds.float(),
            "image": output.image_embeds.float(),
            "phrases": batch.phrases,
            "truths": batch.truths,
            "scale": network.logit_scale.exp(),
        }

    def loss_of(self, rows: dict[str, Tensor], clock: Clock) -> Loss:
        logits = rows["scale"] * rows["text"] @ rows["image"].T
        fits = _fits(rows["phrases"], rows["truths"])
        targets = fits.float()
        by_text = -(logits.log_softmax(1) * targets / targets.sum(1, keepdim=True)).sum(1).mean()
        by_picture = -(logits.log_softmax(0) * targets / targets.sum(0, keepdim=True)).sum(0).mean()
        right = fits.gather(1, logits.argmax(1, keepdim=True)).float().mean()
        return Loss((by_text + by_picture) / 2, len(fits), {"accuracy": right})

    def learning_rate(self, clock: Clock) -> float:
        return schedules.warmup_cosine(
            clock.step, clock.steps, self.config.learning_rate, warmup=self.config.warmup_steps
        )

    def outputs(self, network: Any, batch: Batch) -> dict[str, np.ndarray]:
        rows = self.rows(network, batch)
        scale = rows["scale"].expand(len(rows["text"]))
        kept = {"image": rows["image"], "text": rows["text"], "scale": scale}
        return {name: value.float().cpu().numpy() for name, value in kept.items()}

    def metrics(self, split: str, outputs: dict[str, np.ndarray], clock: Clock) -> dict[str, float]:
        """How often the picture is among the nearest 1 and 10 of its text, among the split's pictures."""
        alike = outputs["text"] @ outputs["image"].T
        rank = (alike > np.diag(alike)[:, None]).sum(1)
        recall = {f"recall_at_{place}": float((rank < place).mean()) for place in (1, 10)}
        return {"loss": self._validation_loss(outputs), **recall}

    def _validation_loss(self, outputs: dict[str, np.ndarray]) -> float:
        """The loss on these pairs, as many at a time as in training; each text is true of its own picture alone."""
        size, total = self.config.batch_size * self.config.accumulation, 0.0
        count = len(outputs["text"])
        for start in range(0, count, size):
            text, image = (
                torch.from_numpy(outputs[name][start : start + size]) for name in ("text", "image")
            )
            logits = float(outputs["scale"][0]) * text @ image.T
            own = torch.arange(len(text))
            both = cross_entropy(logits, own) + cross_entropy(logits.T, own)
            total += float(both) / 2 * len(text)
        return total / count

    def pictures(self, outputs: dict[str, np.ndarray]) -> list[Shown]:
        """What some words of the validation part bring; the picture they were written for is right."""
        asked = [item.question for item in self.pairs["validation"]]
        paths = [item.path for item in self.pairs["validation"]]
        return [
            gallery(-(outputs["text"] @ outputs["image"].T), asked, paths, np.eye(len(asked), dtype=bool))
        ]

    def contents(self) -> dict[str, Used]:
        parts = {**self.pairs, "test": list(self.captions.part("test"))}
        return {name: contents_of_files(item.path for item in part) for name, part in parts.items() if part}

    def checkpoint(self, metrics: dict[str, float]) -> CheckpointInfo:
        return CheckpointInfo(
            system="search",
            title=f"small encoder of {self.captions.name}",
            network=self.clip_config,
            preprocessing={
                "stage": "encoder",
                "view": asdict(self.view),
                "tokenizer": self.tokenizer_json,
                "words": self.words,
                "most_tokens": self.config.encoder.most_tokens,
            },
            metrics={name: value for name, value in metrics.items() if np.isfinite(value)},
            card=f"A small CLIP, trained on {len(self.pairs['train'])} pictures with captions of {self.captions.name}.\n",
        )

    def summary(self, history: History, folder: Path) -> list[Path]:
        """Also writes the encoder as a Hugging Face folder, to be chosen for the stages that follow."""
        from models.search.summary import draw

        small_encoder.export(folder / "best", folder / "encoder")
        path = folder / "summary.png"
        draw(
            history, path, {"train/loss": "Loss"}, {"validation/recall_at_10": "Recall@10, words to picture"}
        )
        return [path]


def _fits(phrases: Tensor, truths: Tensor) -> Tensor:
    """bool [texts, pictures]: whether all that a text says is true of a picture; its own always fits."""
    true = (phrases[:, None, :, None] == truths[None, :, None, :]).any(-1) | (phrases == NOTHING_MORE)[
        :, None
    ]
    return true.all(-1) | torch.eye(len(phrases), dtype=torch.bool, device=phrases.device)


def _filled(rows: list[list[int]], width: int, filling: int) -> Tensor:
    return torch.tensor([row + [filling] * (width - len(row)) for row in rows])


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
