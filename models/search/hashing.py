"""A trained fusion hashing network at work: embeddings to real-valued embeddings and codes.

Computed in float64: the smallest rounding differs between a batch of one and a batch of many, and in float32 that is
enough to turn a bit now and then. Here a code is the same alone, in a batch, in another order and in another process.
"""

from __future__ import annotations

import hashlib

import numpy as np
import torch

from models import checkpoint
from models.checkpoint import CheckpointInfo
from models.loading import UNBUILDABLE, network_config, not_described
from models.search import codes
from models.search.encoded import Encoded, joined
from models.search.network import FusionHashing, NetworkConfig

ROWS = 4096  # encoded at a time
PROJECTION_BITS = 128


class Hasher:
    """What makes codes of an encoder's embeddings. identity: changes with what it computes."""

    bits: int
    dim: int
    identity: str
    title: str

    def images(self, embeddings: np.ndarray) -> Encoded:
        """float [n, dim] of pictures, seen without their text."""
        raise NotImplementedError

    def texts(self, embeddings: np.ndarray) -> Encoded:
        """float [n, dim] of texts, read without their picture."""
        raise NotImplementedError


class TrainedHasher(Hasher):
    """A checkpoint of stage 1 (codes by projection of its embeddings) or stage 2."""

    def __init__(
        self, weights: dict[str, torch.Tensor], info: CheckpointInfo, device: torch.device | None = None
    ) -> None:
        config = network_config(NetworkConfig, info.network, info.title)
        self.config, self.dim = config, config.dim
        self.title = info.title
        # Half precision on disk is brought back here, before anything is computed.
        try:
            network = FusionHashing(config)
        except UNBUILDABLE as error:
            raise not_described(info.title, error) from error
        checkpoint.fit(network, {name: tensor.float() for name, tensor in weights.items()})
        double = device is None or device.type != "mps"  # Apple's GPUs have no float64
        self._network = network.to(device or "cpu", torch.float64 if double else torch.float32).eval()
        self._network.requires_grad_(False)
        self._projection = None if config.bits else Projection(config.dim)
        self.bits = config.bits or PROJECTION_BITS
        digest = hashlib.sha256(repr(config).encode())
        for name in sorted(weights):
            digest.update(name.encode() + weights[name].contiguous().cpu().numpy().tobytes())
        self.identity = digest.hexdigest()[:16]

    def images(self, embeddings: np.ndarray) -> Encoded:
        return self._encoded(embeddings, "image")

    def texts(self, embeddings: np.ndarray) -> Encoded:
        return self._encoded(embeddings, "text")

    def pairs(self, images: np.ndarray, texts: np.ndarray) -> tuple[Encoded, Encoded]:
        """(pictures, texts), each seen together with its other half, as published: no search can ask so."""
        with torch.inference_mode():
            halves = self._network.fuse(self._tensor(images), self._tensor(texts))
        return self._finished(halves.image, "image"), self._finished(halves.text, "text")

    def _encoded(self, embeddings: np.ndarray, kind: str) -> Encoded:
        parts = []
        for start in range(0, max(1, len(embeddings)), ROWS):
            with torch.inference_mode():
                values = self._tensor(embeddings[start : start + ROWS])
                alone = self._network.image_alone if kind == "image" else self._network.text_alone
                parts.append(self._finished(alone(values), kind))
        return joined(parts)

    def _finished(self, half: torch.Tensor, kind: str) -> Encoded:
        half = torch.nn.functional.normalize(half, dim=-1)
        if self._projection is not None:
            return self._projection.images(half.cpu().numpy())
        with torch.inference_mode():
            hashed = self._network.image_codes(half) if kind == "image" else self._network.text_codes(half)
        values = hashed.cpu().numpy()
        return Encoded(half.float().cpu().numpy(), codes.pack(values), values.astype(np.float32))

    def _tensor(self, embeddings: np.ndarray) -> torch.Tensor:
        parameter = next(self._network.parameters())
        return torch.from_numpy(np.asarray(embeddings)).to(parameter.device, parameter.dtype)


class Projection(Hasher):
    """Signs of random projections (Charikar, STOC 2002), for an encoder without a trained hash network.

    The angle between two embeddings is estimated by the share of differing bits; the directions are always the same.
    """

    def __init__(self, dim: int, bits: int = PROJECTION_BITS) -> None:
        self.dim, self.bits = dim, bits
        self._directions = np.random.default_rng(64).normal(size=(dim, bits))
        self.identity = f"projection-{dim}-{bits}"
        self.title = "random projections"

    def images(self, embeddings: np.ndarray) -> Encoded:
        embeddings = np.asarray(embeddings, dtype=np.float64).reshape(-1, self.dim)
        embeddings = embeddings / np.maximum(1e-12, np.linalg.norm(embeddings, axis=1, keepdims=True))
        values = embeddings @ self._directions
        values /= np.maximum(1e-12, np.linalg.norm(values, axis=1, keepdims=True))
        return Encoded(embeddings.astype(np.float32), codes.pack(values), values.astype(np.float32))

    def texts(self, embeddings: np.ndarray) -> Encoded:
        return self.images(embeddings)
