"""Image-text encoders: any dual encoder that transformers loads by itself, from a folder or the hub.

CLIP, SigLIP, SigLIP 2, MetaCLIP 2, Chinese-CLIP, AltCLIP and what else has `get_image_features` and
`get_text_features`. The length of an embedding is read from the model, never assumed.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
import unicodedata
from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

import models.torchaudio_cpu  # noqa: F401  transformers imports torchaudio, which fails beside a CPU build of torch
from models import file_names, pretrained
from models.datafiles import content_hash
from models.devices import in_parts, inference_dtype
from models.documents import read_json
from models.errors import UserError
from models.progress import Progress
from models.search.pictures import View
from models.search.samples import bundled_encoder
from models.transformer_models import check_folder, guarded, load_whole, told_panics

SPARE = (
    "position_ids",
    "pooler.dense.weight",
    "pooler.dense.bias",
)  # counted, or not looked at by any of them
MOST_CHARACTERS = 10_000  # of a text that are looked at: more than the tokens of any encoder
OUR_BEGIN = "[BEGIN]"  # what the texts of an encoder of ours begin with
WORDS = "words.json"  # beside an encoder of ours: the words it was taught
LARGE = 20_000_000  # parameters from which pictures are encoded in half precision, where the processor multiplies it
LONGEST_TEXT = 512  # tokens, for encoders that name no limit


class DualEncoder:
    """Pictures and texts to embeddings of one space.

    dim: length of an embedding. view: how it sees pictures. identity: a hash of config, weights, and preprocessing.
    precision: in which format its matrices are multiplied for pictures.
    """

    def __init__(self, folder: Path, device: torch.device, title: str = "") -> None:
        """Load the model in `folder`. Raises UserError where it is no dual encoder, or is damaged."""
        from transformers import AutoConfig, AutoImageProcessor, AutoModel, AutoTokenizer

        self.folder, self.device, self.title = folder, device, title or folder.name
        unfit = partial(_not_dual, folder)
        local = {"trust_remote_code": False, "local_files_only": True}
        check_folder(folder)
        config = guarded(lambda: AutoConfig.from_pretrained(folder, **local), unfit)
        self._model = load_whole(AutoModel, folder, unfit, SPARE, config=config, dtype=torch.float32)
        if not hasattr(self._model, "get_image_features") or not hasattr(self._model, "get_text_features"):
            raise unfit(f"{type(self._model).__name__} does not embed both pictures and texts")
        processor = guarded(lambda: AutoImageProcessor.from_pretrained(folder, **local, backend="pil"), unfit)
        self._tokenizer = guarded(lambda: AutoTokenizer.from_pretrained(folder, **local), unfit)
        # Ours learned names and keywords, and no sentence.
        self.sentences = self._tokenizer.bos_token != OUR_BEGIN
        self._model.eval().requires_grad_(False).to(device)
        # ViT-B/32 sees 16 pictures in 1.3 s instead of 3.6 s on one core with AMX, at a cosine of 0.9999. Texts, one at a
        # time, stay whole; so does a small encoder, which gains nothing.
        large = sum(parameter.numel() for parameter in self._model.parameters()) >= LARGE
        self.precision = inference_dtype(device) if large else torch.float32
        self.view = View.of(processor)
        text_config = getattr(config, "text_config", config)
        positions = getattr(text_config, "max_position_embeddings", 0) or LONGEST_TEXT
        if "roberta" in str(getattr(text_config, "model_type", "")) or config.model_type == "altclip":
            positions -= 2  # RoBERTa counts its positions from behind the padding token
        limit = getattr(self._tokenizer, "model_max_length", LONGEST_TEXT) or LONGEST_TEXT
        if not isinstance(positions, int) or not isinstance(limit, int | float) or min(positions, limit) < 1:
            raise unfit("its description names no length of texts")
        self._vocabulary = getattr(text_config, "vocab_size", None)
        self._known_words = _known_words(folder)
        self._reading = threading.Lock()  # a tokenizer is for one thread at a time
        self._most_tokens = int(min(positions, limit, LONGEST_TEXT))
        # SigLIP was trained on texts filled up to the full length, and is used so.
        self._fill = "max_length" if str(config.model_type).startswith("siglip") else True
        self._mean = torch.tensor(self.view.mean, device=device).view(3, 1, 1)
        self._std = torch.tensor(self.view.std, device=device).view(3, 1, 1)
        side = self.view.crop or (self.view.height, self.view.width)
        # A description can be impossible in ways that only computing shows.
        self.dim = guarded(lambda: len(self.texts(["a"])[0]), unfit)
        seen = guarded(lambda: self.pixels(np.zeros((1, *side, 3), np.uint8)).shape[1], unfit)
        if seen != self.dim:
            raise unfit(f"its pictures have {seen} numbers and its texts {self.dim}")
        self.identity = _identity(folder, self.view)

    @classmethod
    def load(
        cls,
        name: str | os.PathLike[str],
        device: torch.device | str = "cpu",
        progress: Progress | None = None,
    ) -> DualEncoder:
        """`name`: ``bundled``, a folder, or a name of the Hugging Face hub, which is downloaded if need be."""
        text = os.fspath(name)
        if text == "bundled":
            return cls(bundled_encoder(), torch.device(device), "Polyphony emoji CLIP")
        folder = pretrained.locate(text, progress)
        return cls(
            folder, torch.device(device), text if "/" in text and not Path(text).exists() else folder.name
        )

    def texts(self, texts: Sequence[str]) -> np.ndarray:
        """float32 [n, dim] of length 1 each."""
        if not len(texts):
            return np.zeros((0, self.dim), np.float32)
        unfit = partial(_not_dual, self.folder)
        with self._reading, told_panics(unfit):
            encoded = self._tokenizer(
                list(map(_readable, texts)),
                padding=self._fill,
                truncation=True,
                max_length=self._most_tokens,
                return_tensors="pt",
            )
        known = {"input_ids", "attention_mask", "token_type_ids"}
        if str(self._model.config.model_type).startswith("siglip"):
            known = {"input_ids"}  # its padding is looked at, too
        if isinstance(self._vocabulary, int) and int(encoded["input_ids"].max()) >= self._vocabulary:
            raise unfit("its tokenizer names pieces of words that the network does not know")
        inputs = {name: value.to(self.device) for name, value in encoded.items() if name in known}
        with torch.inference_mode():
            return _embeddings(self._model.get_text_features(**inputs))

    def unknown(self, text: str) -> tuple[str, ...]:
        """The words of a text that mean nothing to the encoder: it has no pieces for them, or never met them."""
        if self._known_words:
            asked = (re.sub(r"\W+", "", word.casefold()) for word in self.spelled(text).split())
            return tuple(word for word in asked if word and not self._meant(word))
        mark = self._tokenizer.unk_token_id
        # CLIP's tokenizer names its end as the unknown, since it knows every byte.
        if mark is None or mark == self._tokenizer.eos_token_id:
            return ()
        words = self.spelled(text[:MOST_CHARACTERS]).split()
        return tuple(word for word in words if mark in self._pieces(word))

    def _meant(self, word: str) -> bool:
        """Whether it met a word, or one that differs by an ending."""
        forms = (word, f"{word}s", *(word.removesuffix(end) for end in ("s", "es", "ing", "ed", "y")))
        return any(form in self._known_words for form in forms)

    def spelled(self, text: str) -> str:
        """`text` as the encoder reads it best: symbols it does not know are written as their names."""
        mark = self._tokenizer.unk_token_id
        if mark is None or mark == self._tokenizer.eos_token_id or text.isascii():
            return text
        return text if mark not in self._pieces(text) else spelled_symbols(text)

    def _pieces(self, text: str) -> list[int]:
        with self._reading, told_panics(partial(_not_dual, self.folder)):
            return self._tokenizer(_readable(text), add_special_tokens=False)["input_ids"]

    def pixels(self, pixels: np.ndarray) -> np.ndarray:
        """float32 [n, dim] of length 1 each, of uint8 [n, height, width, 3] as `view` makes them."""
        if not len(pixels):
            return np.zeros((0, self.dim), np.float32)
        return np.concatenate(list(in_parts(lambda part: self._seen(pixels[part]), len(pixels), len(pixels))))

    @torch.inference_mode()
    def _seen(self, pixels: np.ndarray) -> np.ndarray:
        batch = torch.from_numpy(np.ascontiguousarray(pixels)).to(self.device).permute(0, 3, 1, 2)
        batch = (batch.float() * self.view.scale - self._mean) / self._std
        half = self.precision != torch.float32
        with torch.autocast(self.device.type, self.precision) if half else nullcontext():
            return _embeddings(self._model.get_image_features(pixel_values=batch))


def _readable(text: str) -> str:
    """The beginning of a text, where half an emoji is a sign that is not known."""
    return file_names.utf8(text[:MOST_CHARACTERS]).decode()


def _known_words(folder: Path) -> frozenset[str]:
    """The words that an encoder of ours was taught; none where it does not say."""
    if not (folder / WORDS).is_file():
        return frozenset()
    held = read_json(folder / WORDS)
    return frozenset(str(word) for word in held) if isinstance(held, list) else frozenset()


def spelled_symbols(text: str) -> str:
    """`text` with its emoji and symbols written as their Unicode names: 😀 becomes `grinning face`."""
    parts = []
    for character in text:
        if unicodedata.category(character) == "So":
            parts.append(f" {unicodedata.name(character, '').lower()} ")
        elif character not in "\ufe0f\u200d":  # they only join or colour what stands before them
            parts.append(character)
    return " ".join("".join(parts).split())


def _embeddings(output: Any) -> np.ndarray:
    """The pooled features of an output object (transformers 5) or a plain tensor, of length 1."""
    features = getattr(output, "pooler_output", output)
    return torch.nn.functional.normalize(features.float(), dim=-1).cpu().numpy()


def _identity(folder: Path, view: View) -> str:
    """16 hexadecimal digits that change with the weights, the vocabulary or the preprocessing."""
    digest = hashlib.sha256(repr(view).encode())
    for path in sorted(folder.iterdir()):
        if path.suffix in {".safetensors", ".bin", ".txt", ".model"} or path.name == "tokenizer.json":
            digest.update(f"{path.name} {_content(path)}\n".encode())
    return digest.hexdigest()[:16]


def _content(path: Path) -> str:
    """The hash of a file; of a text file, whatever line endings a checkout gave it."""
    if path.suffix in {".json", ".txt"}:
        return hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()
    return content_hash(path)


def _not_dual(folder: Path, reason: str) -> UserError:
    return UserError(
        "{name} cannot be used as an image-text encoder.",
        "{reason}.",
        "Choose a folder of CLIP, SigLIP, MetaCLIP 2, Chinese-CLIP or AltCLIP with its processor and tokenizer files.",
        name=folder.name,
        reason=reason.rstrip("."),
    )
