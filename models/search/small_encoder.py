"""A small image-text encoder of our own: transformers' CLIP in a few million parameters, with a tokenizer learned from
the captions. It is stored as a normal Hugging Face folder, so that it is used as any other encoder.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

import models.torchaudio_cpu  # noqa: F401  transformers imports torchaudio, which fails beside a CPU build of torch
from models import checkpoint
from models.checkpoint import CheckpointInfo
from models.errors import UserError
from models.search.config import EncoderSettings
from models.search.encoder import OUR_BEGIN, WORDS
from models.search.pictures import View

if TYPE_CHECKING:
    from transformers import CLIPModel, PreTrainedTokenizerFast

PAD, BEGIN, END, UNKNOWN = "[PAD]", OUR_BEGIN, "[END]", "[UNK]"  # ids 0, 1, 3 and 2
_IDS = {
    PAD: 0,
    BEGIN: 1,
    UNKNOWN: 2,
    END: 3,
}  # END must not be 2: CLIP takes that for its first, mistaken config


def train_tokenizer(texts: Iterable[str], size: int) -> str:
    """A byte-pair tokenizer (Sennrich et al., ACL 2016) of at most `size` pieces, as its JSON; deterministic."""
    from tokenizers import Tokenizer, decoders, normalizers, pre_tokenizers, processors, trainers
    from tokenizers import models as kinds

    tokenizer = Tokenizer(kinds.BPE(unk_token=UNKNOWN, end_of_word_suffix="</w>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.BPEDecoder(suffix="</w>")
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=sorted(_IDS, key=lambda name: _IDS[name]),
        end_of_word_suffix="</w>",
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BEGIN} $A {END}", special_tokens=[(BEGIN, _IDS[BEGIN]), (END, _IDS[END])]
    )
    return tokenizer.to_str()


def tokenizer(text: str, most_tokens: int) -> PreTrainedTokenizerFast:
    """The tokenizer of `train_tokenizer`'s JSON as transformers has them."""
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(text),
        pad_token=PAD,
        bos_token=BEGIN,
        eos_token=END,
        unk_token=UNKNOWN,
        model_max_length=most_tokens,
    )


def words_of(texts: Iterable[str]) -> list[str]:
    """The words of what was learned from, by which those are known that mean nothing to it."""
    return sorted({word for text in texts for word in re.findall(r"\w+", text.casefold())})


def view(settings: EncoderSettings) -> View:
    """How the small encoder sees a picture: whole, in a square."""
    side = settings.image_size
    return View(height=side, width=side, resample=3)


def clip_config(settings: EncoderSettings, vocabulary: int) -> dict[str, Any]:
    """The plain values of a ``CLIPConfig``."""
    common = {"num_attention_heads": settings.heads, "attention_dropout": 0.1, "projection_dim": settings.dim}
    return {
        "projection_dim": settings.dim,
        "text_config": {
            **common,
            "vocab_size": vocabulary,
            "hidden_size": settings.text_width,
            "intermediate_size": 4 * settings.text_width,
            "num_hidden_layers": settings.text_layers,
            "max_position_embeddings": settings.most_tokens,
            "pad_token_id": _IDS[PAD],
            "bos_token_id": _IDS[BEGIN],
            "eos_token_id": _IDS[END],
        },
        "vision_config": {
            **common,
            "hidden_size": settings.image_width,
            "intermediate_size": 4 * settings.image_width,
            "num_hidden_layers": settings.image_layers,
            "image_size": settings.image_size,
            "patch_size": settings.patch_size,
        },
    }


def build(config: dict[str, Any]) -> CLIPModel:
    """The network of `clip_config`, freshly drawn."""
    from transformers import CLIPConfig, CLIPModel

    return CLIPModel(CLIPConfig(**config))


def export(choice: str | os.PathLike[str], out: Path) -> None:
    """Write a checkpoint of stage `encoder` as a Hugging Face folder in float16, replacing what was at `out`."""
    from transformers import CLIPImageProcessorPil

    weights, info = checkpoint.load(choice, "search")
    if not is_encoder(info):
        raise UserError(
            "{path} is not an image-text encoder.",
            "It was trained in another stage.",
            "Choose a checkpoint of the stage `encoder`.",
            path=choice,
        )
    network = build(info.network)
    checkpoint.fit(network, weights)
    seen = View(**_tuples(info.preprocessing["view"]))
    size = {"height": seen.height, "width": seen.width}
    processor = CLIPImageProcessorPil(
        size=size,
        crop_size=size,
        do_center_crop=False,
        resample=seen.resample,
        image_mean=list(seen.mean),
        image_std=list(seen.std),
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as aside:
        place = Path(aside) / "encoder"
        network.half().save_pretrained(place)
        processor.save_pretrained(place)
        tokenizer(info.preprocessing["tokenizer"], info.preprocessing["most_tokens"]).save_pretrained(place)
        (place / "README.md").write_text(info.card, "utf-8")
        if info.preprocessing.get("words"):
            (place / WORDS).write_text(json.dumps(info.preprocessing["words"], ensure_ascii=False), "utf-8")
        for file in place.iterdir():
            os.chmod(file, 0o644)
        checkpoint.replace_folder(place, out)


def is_encoder(info: CheckpointInfo) -> bool:
    """Whether a checkpoint is of a small encoder of ours, and not of a hash network over one."""
    return info.preprocessing.get("stage") == "encoder"


def move(pictures: torch.Tensor, generator: torch.Generator, strength: float) -> torch.Tensor:
    """One picture [3, side, side] (values −1 to 1, white 1) turned, scaled, shifted and tinted at random."""

    def between(low: float, high: float) -> float:
        return low + (high - low) * float(torch.rand((), generator=generator))

    angle = torch.tensor(strength * between(-0.2, 0.2))
    zoom = 1.0 + strength * between(-0.15, 0.2)  # above 1 shows more than the picture, so it gets smaller
    shift = [strength * between(-0.12, 0.12) for _ in range(2)]
    turn = torch.stack([torch.cos(angle), -torch.sin(angle), torch.sin(angle), torch.cos(angle)]).view(2, 2)
    matrix = torch.cat([zoom * turn, torch.tensor(shift).view(2, 1)], dim=1)[None]
    grid = torch.nn.functional.affine_grid(matrix, [1, *pictures.shape], align_corners=False)
    moved = torch.nn.functional.grid_sample(pictures[None] - 1, grid, align_corners=False)[0] + 1
    gains = torch.tensor([1 + strength * between(-0.15, 0.15) for _ in range(3)]).view(3, 1, 1)
    return ((moved + 1) * gains - 1).clamp(-1, 1)


def _tuples(values: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
