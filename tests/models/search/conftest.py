"""Tiny encoders and pictures, made here: nothing is downloaded."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import models.torchaudio_cpu  # noqa: F401
from models import checkpoint
from models.checkpoint import CheckpointInfo
from models.search import small_encoder
from models.search.encoder import DualEncoder
from models.search.network import FusionHashing, NetworkConfig

WORDS = ["red", "green", "blue", "yellow", "circle", "square", "cat", "dog", "红色", "猫"]


def tokenizer():
    return small_encoder.tokenizer(small_encoder.train_tokenizer(WORDS * 3, 300), 16)


def save_clip(folder: Path, dim: int = 24, seed: int = 0) -> Path:
    """A random CLIP in the Hugging Face layout."""
    from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel

    torch.manual_seed(seed)
    words = tokenizer()
    common = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    text = {
        **common,
        "vocab_size": len(words),
        "max_position_embeddings": 16,
        "eos_token_id": 3,
        "pad_token_id": 0,
    }
    vision = {**common, "image_size": 32, "patch_size": 16}
    CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=dim)).save_pretrained(folder)
    CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}).save_pretrained(
        folder
    )
    words.save_pretrained(folder)
    return folder


def save_siglip(folder: Path) -> Path:
    from transformers import SiglipConfig, SiglipImageProcessorPil, SiglipModel

    torch.manual_seed(0)
    words = tokenizer()
    common = {"hidden_size": 40, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    text = {**common, "vocab_size": len(words), "max_position_embeddings": 16, "projection_size": 40}
    vision = {**common, "image_size": 32, "patch_size": 16}
    SiglipModel(SiglipConfig(text_config=text, vision_config=vision)).save_pretrained(folder)
    SiglipImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


def save_chinese_clip(folder: Path) -> Path:
    from transformers import ChineseCLIPConfig, ChineseCLIPImageProcessorPil, ChineseCLIPModel

    torch.manual_seed(0)
    words = tokenizer()
    common = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    text = {**common, "vocab_size": len(words), "max_position_embeddings": 16, "pad_token_id": 0}
    vision = {**common, "image_size": 32, "patch_size": 16}
    config = ChineseCLIPConfig(text_config=text, vision_config=vision, projection_dim=20)
    ChineseCLIPModel(config).save_pretrained(folder)
    ChineseCLIPImageProcessorPil(
        size={"height": 32, "width": 32}, crop_size={"height": 32, "width": 32}
    ).save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


def save_hash_model(folder: Path, encoder: Path, bits: int = 32, seed: int = 0) -> Path:
    """A random hash model for an encoder, as a checkpoint."""
    loaded = DualEncoder.load(encoder)
    torch.manual_seed(seed)
    config = NetworkConfig(dim=loaded.dim, bits=bits, feedforward=32, hidden=48)
    info = CheckpointInfo(
        system="search",
        title=f"random, {bits} bits",
        network=vars(config),
        preprocessing={
            "stage": "hash",
            "encoder": {"name": str(encoder), "identity": loaded.identity, "title": loaded.title},
        },
    )
    checkpoint.save(folder, FusionHashing(config).state_dict(), info)
    return folder


def write_pictures(folder: Path, count: int, seed: int = 0, size: int = 16) -> list[Path]:
    """Small PNG files of random colour fields; every thousand in a folder of their own."""
    random = np.random.default_rng(seed)
    paths = []
    for number in range(count):
        place = folder / f"{number // 1000:03d}"
        if number % 1000 == 0:
            place.mkdir(parents=True, exist_ok=True)
        field = random.integers(0, 256, (2, 2, 3), dtype=np.uint8)
        path = place / f"{number:05d}.png"
        Image.fromarray(field).resize((size, size), Image.Resampling.NEAREST).save(path, compress_level=1)
        paths.append(path)
    return paths


@pytest.fixture(scope="session")
def tiny_clip(tmp_path_factory) -> Path:
    return save_clip(tmp_path_factory.mktemp("encoders") / "clip")


@pytest.fixture(scope="session")
def hash_model(tmp_path_factory, tiny_clip) -> Path:
    return save_hash_model(tmp_path_factory.mktemp("hash") / "model", tiny_clip)
