"""Small speech encoders and sounds for the tests of features."""

import json

import numpy as np
import soundfile
import torch

import models.torchaudio_cpu  # noqa: F401 - before transformers
from models.emotion.config import FrontEndConfig
from models.emotion.features import SpeechEncoder

SIZES = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "conv_dim": (8, 8, 8),
    "conv_kernel": (10, 3, 2),
    "conv_stride": (5, 2, 2),
    "num_feat_extract_layers": 3,
    "num_conv_pos_embeddings": 8,
    "num_conv_pos_embedding_groups": 2,
    "num_buckets": 20,
    "max_bucket_distance": 40,
}
# As wide as HuBERT-base and with its seven convolutions. In a layer of sixteen features one that is rounded the other way
# is a large part of the whole, so how alike formats are cannot be judged by encoders as small as those above.
WIDE = {
    "hidden_size": 768,
    "num_hidden_layers": 3,
    "num_attention_heads": 12,
    "intermediate_size": 1536,
    "conv_dim": (256,) * 7,
    "conv_kernel": (10, 3, 3, 3, 3, 2, 2),
    "conv_stride": (5, 2, 2, 2, 2, 2, 2),
    "num_feat_extract_layers": 7,
    "num_conv_pos_embeddings": 32,
    "num_conv_pos_embedding_groups": 16,
}
FIELD, STRIDE = 10 + 5 * 2 + 10 * 1, 20  # samples that one frame sees; samples from frame to frame


def encoder_folder(folder, kind="Hubert", preprocessor=None, seed=0, dtype=None, **sizes):
    """A random speech encoder as transformers saves one."""
    import transformers

    torch.manual_seed(seed)
    model = getattr(transformers, f"{kind}Model")(getattr(transformers, f"{kind}Config")(**(SIZES | sizes)))
    model.to(dtype or torch.float32).save_pretrained(folder)
    if preprocessor is not None:
        (folder / "preprocessor_config.json").write_text(json.dumps(preprocessor))
    return folder


def encoder(folder, dtype=torch.float32, **settings):
    config = FrontEndConfig(kind="hubert", model=str(folder), **settings)
    return SpeechEncoder(config, torch.device("cpu"), dtype=dtype)


def speech(samples, seed=0):
    return np.random.default_rng(seed).normal(0.02, 0.1, samples).astype(np.float32)


def sound_file(path, samples=1_600, seed=0):
    soundfile.write(path, speech(samples, seed), 16_000, subtype="FLOAT")
    return path
