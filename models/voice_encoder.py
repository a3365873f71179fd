"""A speaker encoder with an open licence: three LSTM layers over mel bands, then an embedding of the voice.

Trained by others for speaker verification (generalised end-to-end loss; Wan et al., 2018) on thousands of speakers; the
weights are those of the package Resemblyzer 0.1.4 (Resemble AI, Apache-2.0), which `resources/notices` names. What its
layers hold of a voice serves other tasks too: the emotion system hears through the third one.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from torch import Tensor, nn

import models.torchaudio_cpu  # noqa: F401 - before torchaudio
from models.voice_embedding import UNITS, weights_file

SAMPLE_RATE = 16_000
WINDOW, HOP, BANDS = 400, 160, 40  # samples, samples, mel bands on Slaney's scale
FRAME_S = HOP / SAMPLE_RATE
LAYERS = 3  # of `UNITS` each, as many as the embedding has


class VoiceEncoder(nn.Module):
    """mel: power in 40 bands, no logarithm. lstm, linear: named as in the weights' file.

    Frozen and in evaluation mode; a sound's result depends on nothing but its samples.
    """

    def __init__(self) -> None:
        super().__init__()
        from torchaudio.transforms import MelSpectrogram

        self.mel = MelSpectrogram(
            SAMPLE_RATE,
            n_fft=WINDOW,
            win_length=WINDOW,
            hop_length=HOP,
            n_mels=BANDS,
            power=2.0,
            center=True,
            pad_mode="constant",
            mel_scale="slaney",
            norm="slaney",
        )
        self.lstm = nn.LSTM(BANDS, UNITS, LAYERS, batch_first=True)
        self.linear = nn.Linear(UNITS, UNITS)

    @torch.inference_mode()
    def bands(self, waveform: np.ndarray) -> Tensor:
        """float32 [samples] at 16 kHz → float32 [frames, 40]; a frame every 10 ms, zeros beyond both ends."""
        sound = torch.from_numpy(np.ascontiguousarray(waveform, dtype=np.float32))
        result: Tensor = self.mel(sound.to(self.linear.weight.device))
        return result.T.contiguous()

    @torch.inference_mode()
    def frames(self, waveform: np.ndarray) -> Tensor:
        """The third layer's states, float32 [frames, 256], a frame every 10 ms; each knows what came before it."""
        states: Tensor = self.lstm(self.bands(waveform)[None])[0][0]
        return states

    @torch.inference_mode()
    def embedding(self, waveform: np.ndarray) -> Tensor:
        """Whose voice it is: float32 [256], of length 1; the cosine of two tells how alike the voices are."""
        return self.embedding_of(self.frames(waveform))

    @torch.inference_mode()
    def embedding_of(self, frames: Tensor) -> Tensor:
        """`embedding` where the sound's `frames`, float32 [frames, 256], are there already."""
        return nn.functional.normalize(
            torch.relu(self.linear(frames[-1].to(self.linear.weight.device))), dim=0
        )


@cache
def shared_encoder(device: str = "cpu") -> VoiceEncoder:
    """The encoder with the weights that ship, one for everybody on that device."""
    from safetensors.torch import load_file

    encoder = VoiceEncoder()
    stored = load_file(weights_file())
    missing, unexpected = encoder.load_state_dict({n: w.float() for n, w in stored.items()}, strict=False)
    if unexpected or any(not name.startswith("mel.") for name in missing):
        raise RuntimeError(f"the voice encoder's weights do not fit: {missing} {unexpected}")
    return encoder.eval().requires_grad_(False).to(device)
