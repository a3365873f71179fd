"""Unsupervised cross-modal hashing with multi-modal fusion: the two embeddings of a pair fused by a transformer, then a
hash network a modality.

    image, text [batch, dim] each → fusion → halves [batch, dim] each → hash networks → [batch, bits] each → sign: codes

A code depends on its own item only, never on who shares its batch. A modality may be absent: a learned token then
stands in its place, so that a text is encoded from the text alone and a picture from the picture alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from models.kernels import choice
from models.kernels.products import Linear

FUSIONS = ("tokens", "joint", "cross")


@dataclass(frozen=True)
class NetworkConfig:
    """All that is needed to build a network; the checkpoint keeps it."""

    dim: int = 512  # of the encoder's embeddings
    bits: int = 64  # 0: stage 1, no hash networks
    fusion: str = "tokens"
    layers: int = 2
    heads: int = 4
    feedforward: int = 2048
    fusion_dropout: float = 0.1
    hidden: int = 1024
    dropout: float = 0.3
    tanh: bool = True


class Halves(NamedTuple):
    """The two halves of a fused batch, each [batch, dim]; one that was not asked for is None."""

    image: Tensor
    text: Tensor


class FusionHashing(nn.Module):
    """`fuse` gives real-valued embeddings, `image_codes` and `text_codes` what is signed to bits.

    fusion ``tokens``: picture and text as two tokens, with modality embeddings. ``joint`` (the public code): both
    concatenated to one token of 2·dim. ``cross`` (the description): a transformer a modality, then attention both ways.
    With one item at a time the last two attend over a single token, which makes their attention a linear map.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        if config.fusion not in FUSIONS:
            raise ValueError(f"fusion {config.fusion!r} is not one of {', '.join(FUSIONS)}")
        width = 2 * config.dim if config.fusion == "joint" else config.dim
        if width % config.heads:
            raise ValueError(f"{config.heads} heads do not divide {width} units")
        self.config = config
        self.fusion = nn.ModuleDict()
        if config.fusion == "cross":
            self.fusion["image"] = _transformer(config, width)
            self.fusion["text"] = _transformer(config, width)
            self.fusion["image_to_text"] = _Cross(config, width)
            self.fusion["text_to_image"] = _Cross(config, width)
        else:
            self.fusion["both"] = _transformer(config, width)
        self.modality = nn.Parameter(torch.zeros(2, config.dim))
        self.absent = nn.Parameter(torch.zeros(2, config.dim))
        nn.init.normal_(self.modality, std=0.02)
        nn.init.normal_(self.absent, std=0.02)
        self.image_hash = HashNetwork(config) if config.bits else None
        self.text_hash = HashNetwork(config) if config.bits else None

    def fuse(self, image: Tensor, text: Tensor, present: Tensor | None = None) -> Halves:
        """image, text: [batch, dim]; present: bool [batch, 2], which of (image, text) may be seen; None: both.

        The values of what is not present do not matter. The joined halves have length 1, as published.
        """
        pair = torch.stack([image, text], dim=1)  # [batch, 2, dim]: two tokens an item; items never meet
        if present is not None:
            pair = torch.where(present[..., None], pair, self.absent)
        kind, dim = self.config.fusion, self.config.dim
        if kind == "tokens":
            fused = self.fusion["both"](pair + self.modality).flatten(1)  # [batch, 2 · dim]
        elif kind == "joint":
            fused = self.fusion["both"](pair.flatten(1)[:, None])[:, 0]  # one token of 2 · dim
        else:
            own = [  # one token of dim a modality
                self.fusion[name](pair[:, i : i + 1] + self.modality[i])
                for i, name in enumerate(("image", "text"))
            ]
            seen = self.fusion["image_to_text"](own[0], own[1]), self.fusion["text_to_image"](own[1], own[0])
            fused = torch.cat([half[:, 0] for half in seen], dim=-1)
        fused = normalize(fused, dim=-1)  # [batch, 2 · dim], of length 1
        return Halves(fused[:, :dim], fused[:, dim:])

    def image_alone(self, image: Tensor) -> Tensor:
        """[batch, dim] of pictures whose text is not known, as a search meets them; of length 1 each."""
        present = (torch.arange(2, device=image.device) == 0).expand(len(image), 2)
        return normalize(self.fuse(image, torch.zeros_like(image), present).image, dim=-1)

    def text_alone(self, text: Tensor) -> Tensor:
        """[batch, dim] of texts whose picture is not known; of length 1 each."""
        present = (torch.arange(2, device=text.device) == 1).expand(len(text), 2)
        return normalize(self.fuse(torch.zeros_like(text), text, present).text, dim=-1)

    def image_codes(self, half: Tensor) -> Tensor:
        """Real values [batch, bits] of image halves; their signs are the bits."""
        if self.image_hash is None:
            raise ValueError("a network of stage 1 has no codes")
        return self.image_hash(half)

    def text_codes(self, half: Tensor) -> Tensor:
        """As `image_codes`, of text halves."""
        if self.text_hash is None:
            raise ValueError("a network of stage 1 has no codes")
        return self.text_hash(half)

    def forward(self, image: Tensor, text: Tensor, sees: Tensor | None = None) -> list[Halves]:
        """Embeddings, and codes where there are hash networks, of a training batch.

        sees: bool [batch, 2]: whether the image half may see its text, and the text half its image. None: both.
        """
        if sees is None or (choice.for_caches(sees) and bool(sees.all())):  # one pass instead of two
            halves = self.fuse(image, text)
        else:
            visible = torch.ones(len(image), dtype=torch.bool, device=image.device)
            halves = Halves(
                self.fuse(image, text, torch.stack([visible, sees[:, 0]], 1)).image,
                self.fuse(image, text, torch.stack([sees[:, 1], visible], 1)).text,
            )
        if self.image_hash is None:
            return [halves]
        return [halves, Halves(self.image_codes(halves.image), self.text_codes(halves.text))]


class HashNetwork(nn.Module):
    """normalise → dim to hidden → ReLU → dropout → bits → tanh → normalise; without `tanh`, neither it nor the first
    normalisation, which one description leaves out."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.tanh = config.tanh
        self.first = Linear(config.dim, config.hidden)
        self.dropout = nn.Dropout(config.dropout)
        self.last = Linear(config.hidden, config.bits)

    def forward(self, half: Tensor) -> Tensor:
        """[batch, dim] → real values [batch, bits], of length 1; a search takes their signs."""
        values = normalize(half, dim=-1) if self.tanh else half
        values = self.last(self.dropout(torch.relu(self.first(values))))
        return normalize(torch.tanh(values) if self.tanh else values, dim=-1)


class _Cross(nn.Module):
    """One modality asks the other: attention, residual, normalisation."""

    def __init__(self, config: NetworkConfig, width: int) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(
            width, config.heads, dropout=config.fusion_dropout, batch_first=True
        )
        self.norm = nn.LayerNorm(width)

    def forward(self, asking: Tensor, asked: Tensor) -> Tensor:
        """[batch, 1, width] each → the first with what it takes of the second: LayerNorm(a + MHA(a, b, b))."""
        return self.norm(asking + self.attention(asking, asked, asked, need_weights=False)[0])


def _transformer(config: NetworkConfig, width: int) -> nn.TransformerEncoder:
    layer = nn.TransformerEncoderLayer(
        width, config.heads, config.feedforward, config.fusion_dropout, batch_first=True
    )
    return nn.TransformerEncoder(layer, config.layers, enable_nested_tensor=False)
