"""Front ends: from a waveform to the features that a network hears. All are frozen; `feature_cache.py` computes them once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

import models.torchaudio_cpu  # noqa: F401 - before torchaudio and transformers
from models import audio, voice_embedding, voice_encoder
from models.datafiles import ContentHashes
from models.devices import inference_dtype
from models.emotion.config import FrontEndConfig
from models.errors import UserError
from models.kernels.convolution import FrozenGroups
from models.pretrained import locate
from models.progress import Progress
from models.resources import cache_folder
from models.transformer_models import load_whole

SAMPLE_RATE = 16_000  # of the sound that front ends are given; what they need beyond, they make themselves
FLOOR = 1e-6  # added to the power before the logarithm: about the noise of 16-bit sound
BATCH = 32  # utterances of one length that a graphics card is given at once


class FrontEnd(Protocol):
    """dim: features a frame. layers: 0, or how many layers lie side by side. frame_s: from frame to frame.

    batch: how many utterances of one length are best given at once to `together`, which front ends of 1 need not have.
    local: whether a frame depends on nothing beyond its own neighbourhood, so that features of a whole utterance may be
    cut afterwards. identity: names everything that the features depend on.
    """

    @property
    def dim(self) -> int: ...

    @property
    def layers(self) -> int: ...

    @property
    def frame_s(self) -> float: ...

    @property
    def local(self) -> bool: ...

    @property
    def batch(self) -> int: ...

    @property
    def identity(self) -> str: ...

    def features(self, waveform: np.ndarray) -> np.ndarray:
        """float32 [samples] at 16 kHz → float32 [frames, (layers,) dim]; at least one frame."""
        ...


def build_front_end(
    config: FrontEndConfig, device: torch.device | str = "cpu", progress: Progress | None = None
) -> FrontEnd:
    """The front end of a config; a speech encoder is located, and downloaded if it must be."""
    if config.kind == "logmel":
        return LogMel(config)
    if config.kind == "voice":
        return Voice()
    return SpeechEncoder(config, torch.device(device), progress)


class LogMel:
    """Logarithm of mel band powers (torchaudio's), nothing normalised: that is the network's."""

    layers = 0
    batch = 1
    local = True

    def __init__(self, config: FrontEndConfig) -> None:
        from torchaudio.transforms import MelSpectrogram

        rate = config.sample_rate
        window, hop = round(rate * config.window_ms / 1000), round(rate * config.hop_ms / 1000)
        self.dim, self.frame_s, self.rate = config.bands, hop / rate, rate
        self._mel = MelSpectrogram(
            rate,
            n_fft=1 << (window - 1).bit_length(),
            win_length=window,
            hop_length=hop,
            n_mels=config.bands,
            f_min=20.0,
            f_max=rate / 2,
        )
        self.identity = f"logmel {rate} {config.bands} {window} {hop} {FLOOR}"

    @torch.inference_mode()
    def features(self, waveform: np.ndarray) -> np.ndarray:
        """A frame every hop, the first and the last centred on the edges (their outer halves mirrored). Sound shorter
        than half an analysis frame is filled up with zeros at its end."""
        sound = audio.resample(waveform, SAMPLE_RATE, self.rate)
        shortest = self._mel.n_fft // 2 + 1  # what reflecting at the edges needs
        sound = np.pad(sound, (0, max(0, shortest - len(sound))))
        return torch.log(self._mel(torch.from_numpy(sound)) + FLOOR).T.contiguous().numpy()


class Voice:
    """The third layer of the voice encoder that ships, a frame every 10 ms; every sound at the same level.

    The encoder's bands are powers without a logarithm, so that it hears another voice when the level is another one.
    """

    layers = 0
    batch = 1
    local = False  # its layers remember
    dim = voice_embedding.UNITS
    frame_s = voice_encoder.FRAME_S
    LEVEL_DB = -26.0  # of full scale, root mean square
    SILENCE = 1e-6  # root mean square below which nothing is amplified

    def __init__(self) -> None:
        self._encoder = voice_encoder.shared_encoder()

    @cached_property
    def identity(self) -> str:
        return f"voice {voice_embedding.weights_identity()} {self.LEVEL_DB}"

    def features(self, waveform: np.ndarray) -> np.ndarray:
        """float32 [frames, 256]; the encoder begins anew with every sound."""
        level = float(np.sqrt(np.square(waveform, dtype=np.float64).mean()))
        if level > self.SILENCE:
            waveform = waveform * np.float32(10 ** (self.LEVEL_DB / 20) / level)
        frames: np.ndarray = self._encoder.frames(waveform).numpy()
        return frames

    def voice(self, frames: Tensor) -> np.ndarray:
        """Whose voice it is, float32 [256] of length 1, of the frames [frames, 256] of a stretch."""
        result: np.ndarray = self._encoder.embedding_of(frames).numpy()
        return result


class SpeechEncoder:
    """A frozen speech encoder of transformers (HuBERT, WavLM, wav2vec 2.0): last layer, or all for a weighted sum."""

    local = False  # its first group norm, and its attention, span the whole input

    def __init__(
        self,
        config: FrontEndConfig,
        device: torch.device,
        progress: Progress | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        self.folder = locate(config.model, progress)
        self.model = _loaded(self.folder, config.model)
        strides = tuple(self.model.config.conv_stride)
        self.dtype = dtype or inference_dtype(device)
        self.model.eval().requires_grad_(False)
        if device.type == "cuda":
            FrozenGroups.put_into(self.model)
        self.model.to(device, self.dtype)
        self.device, self.weighted = device, config.layer == "weighted"
        self.batch = BATCH if device.type == "cuda" else 1
        self.dim = int(self.model.config.hidden_size)
        self.layers = int(self.model.config.num_hidden_layers) + 1 if self.weighted else 0
        preprocessing = _preprocessing(self.folder)
        self.rate = int(preprocessing.get("sampling_rate", SAMPLE_RATE))
        self.frame_s = float(np.prod(strides)) / self.rate
        self.shortest = _receptive_field(tuple(self.model.config.conv_kernel), strides)
        self.normalise = bool(preprocessing.get("do_normalize", True))  # unsaid, transformers does

    @cached_property
    def identity(self) -> str:
        """By the contents of its files, so that a changed file is another encoder. Hundreds of megabytes are read for
        it, once: only the cache asks for it."""
        layers = "weighted" if self.weighted else "last"
        return f"encoder {_identity(self.folder)} {layers} {self.normalise} {self.dtype}"

    @torch.inference_mode()
    def features(self, waveform: np.ndarray) -> np.ndarray:
        """One utterance at its own length: padding would pass through the group norm. What is shorter than one frame's
        field is filled up with zeros at its end."""
        return self.together([waveform])[0]

    @torch.inference_mode()
    def together(self, waveforms: Sequence[np.ndarray]) -> np.ndarray:
        """`features` of utterances of the same length at once, [utterances, frames, (layers,) dim]."""
        sounds = torch.stack([self._prepared(waveform) for waveform in waveforms])
        output = self.model(self._moved(sounds), output_hidden_states=self.weighted)
        result = torch.stack(output.hidden_states, dim=2) if self.weighted else output.last_hidden_state
        features: np.ndarray = result.float().cpu().numpy()
        return features

    def _prepared(self, waveform: np.ndarray) -> Tensor:
        sound = torch.from_numpy(audio.resample(waveform, SAMPLE_RATE, self.rate))
        if self.normalise:
            sound = (sound - sound.mean()) / torch.sqrt(sound.var(unbiased=False) + 1e-7)
        if len(sound) < self.shortest:
            sound = torch.nn.functional.pad(sound, (0, self.shortest - len(sound)))
        return sound

    def _moved(self, sounds: Tensor) -> Tensor:
        if self.device.type == "cuda":
            sounds = sounds.pin_memory()
        return sounds.to(self.device, self.dtype, non_blocking=True)


def _loaded(folder: Path, name: str) -> Any:
    """transformers' model of a folder, with every weight it needs, and of the kind that hears waveforms."""
    from transformers import AutoModel

    # Pretraining alone needs the embedding of what is hidden. Without a dtype, half precision would stay half.
    spare = ("masked_spec_embed",)
    model = load_whole(
        AutoModel, folder, lambda reason: _no_encoder(name, reason), spare, dtype=torch.float32
    )
    if not hasattr(model.config, "conv_stride") or not hasattr(model.config, "conv_kernel"):
        raise _no_encoder(name, f"a model of the kind {model.config.model_type} does not take waveforms")
    return model


def _no_encoder(name: str, reason: str) -> UserError:
    return UserError(
        "{name} cannot be used as a speech encoder.",
        "transformers does not load it as one: {reason}.",
        "Choose a HuBERT, WavLM or wav2vec 2.0 model.",
        name=name,
        reason=reason.rstrip("."),
    )


def _receptive_field(kernels: tuple[int, ...], strides: tuple[int, ...]) -> int:
    samples = 1
    for kernel, stride in zip(reversed(kernels), reversed(strides), strict=True):
        samples = (samples - 1) * stride + kernel
    return samples


def _preprocessing(folder: Path) -> dict[str, Any]:
    try:
        return json.loads((folder / "preprocessor_config.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}


def _identity(folder: Path) -> str:
    """A name for the contents of a model folder; the hashes of its files are remembered."""
    hashes = ContentHashes(cache_folder() / "model-hashes.json")
    weights = sorted([*folder.glob("*.safetensors"), *folder.glob("pytorch_model*.bin")])
    digest = hashlib.sha256()
    for path in [folder / "config.json", *weights]:
        digest.update(f"{path.name} {hashes.of(path)}\n".encode())
    hashes.save()
    return digest.hexdigest()[:32]
