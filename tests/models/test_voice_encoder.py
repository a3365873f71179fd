"""The voice encoder, held to what the package it comes from gives; and what its embedding tells of voices."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from models import audio
from models.resources import resource
from models.voice_encoder import VoiceEncoder, shared_encoder

GOLDEN = (
    Path(__file__).parent / "golden" / "voice_encoder"
)  # librosa's mel, PyTorch's layers; clips of EMO-DB
IO = np.load(GOLDEN / "io.npz")


def apart(actual: torch.Tensor, expected: np.ndarray) -> float:
    return float(np.abs(actual.numpy() - expected).max() / np.abs(expected).max())


@pytest.mark.parametrize("number", [0, 1])
def test_it_gives_what_the_original_gives(number):
    sound, rate = soundfile.read(GOLDEN / f"{IO[f'clip{number}']}.flac", dtype="float32")
    assert rate == 16_000
    encoder = shared_encoder()
    assert apart(encoder.bands(sound), IO[f"mel{number}"]) < 1e-4
    frames = encoder.frames(sound)
    assert apart(frames.mean(0), IO[f"layer3_mean{number}"]) < 1e-4
    assert apart(frames.std(0, unbiased=False), IO[f"layer3_sd{number}"]) < 1e-4
    assert apart(encoder.embedding(sound), IO[f"embedding{number}"]) < 1e-4


def test_other_weights_fail_the_comparison():
    torch.manual_seed(0)
    sound, _ = soundfile.read(GOLDEN / f"{IO['clip0']}.flac", dtype="float32")
    assert apart(VoiceEncoder().eval().embedding(sound), IO["embedding0"]) > 0.1


@pytest.mark.slow
def test_one_voice_is_more_like_itself_than_like_others():
    clips = sorted(resource("samples", "emotion", "audio").glob("*.flac"))
    vectors = torch.stack([shared_encoder().embedding(audio.read(clip)) for clip in clips])
    speakers = np.array([clip.name[:2] for clip in clips])
    alike = (vectors @ vectors.T).numpy()
    same = speakers[:, None] == speakers[None]
    np.fill_diagonal(same, False)
    others = speakers[:, None] != speakers[None]
    assert alike[same].mean() > alike[others].mean() + 0.1
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(len(clips)))


@pytest.mark.parametrize("samples", [1, 100, 400, 1_601])
def test_sound_of_any_length(samples):
    frames = shared_encoder().frames(np.full(samples, 0.1, np.float32))
    assert frames.shape == (samples // 160 + 1, 256)
    assert torch.isfinite(frames).all()
