"""Rows of the separation system."""

from __future__ import annotations

import os
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
import soundfile
import torch

import models.torchaudio_cpu  # noqa: F401
from models.separation import network
from models.separation.losses import permutation_free
from models.separation.network import NetworkConfig
from models.separation.results import SeparationOptions
from models.separation.separator import Separator
from tests.benchmarks.timing import interleaved, ms, row, sized

PAPER = NetworkConfig(hidden=512)


def _pair() -> tuple[torch.nn.Module, torch.nn.Module]:
    from torchaudio.models import conv_tasnet_base

    torch.set_num_threads(max(1, (os.cpu_count() or 2)))
    torch.manual_seed(0)
    theirs = conv_tasnet_base()
    ours = network.build(PAPER)
    ours.load_state_dict(theirs.state_dict())
    return theirs, ours


def forward() -> dict[str, object]:
    """The paper's size on 4 s of 8 kHz: torchaudio's layers, and the same weights time-major; on all cores and on one."""
    theirs, ours = _pair()
    mixture = torch.randn(1, sized(32_000, 8_000))
    with torch.inference_mode():
        result, wanted = ours(mixture), theirs(mixture[:, None])
        apart = float((result - wanted).norm() / wanted.norm())
        assert apart < 1e-5, apart
        peer, own = interleaved(lambda: theirs(mixture[:, None]), lambda: ours(mixture), rounds=11)
        torch.set_num_threads(1)
        peer_alone, alone = interleaved(lambda: theirs(mixture[:, None]), lambda: ours(mixture), rounds=5)
    return row(
        "Conv-TasNet of the paper's size, 4 s, CPU",
        f"torchaudio, {ms(peer)}",
        f"{ms(own)} (on one core {peer_alone / alone:.1f}×, {ms(alone)})",
        peer / own,
        "≥ 1.8×",
    )


def long_forward() -> dict[str, object]:
    """The paper's size on 600 s of 8 kHz: torchaudio takes the whole signal at once, we go through it in windows."""
    theirs, ours = _pair()
    sound = np.random.default_rng(0).normal(0, 0.1, sized(600, 10) * 8_000).astype(np.float32)
    separator = Separator.of(ours.eval(), 8_000)
    once = SeparationOptions(test_time_augmentation=1)
    idle = psutil.Process().memory_info().rss / 1024**3
    separator.separate(sound[: 30 * 8_000], 8_000, once)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "talk.wav"
        soundfile.write(path, sound, 8_000)
        own = separator.separate_file(path, Path(folder) / "out", once).seconds
        own_gb = _peak_gb() - idle
    with torch.inference_mode():
        started = time.perf_counter()
        theirs(torch.from_numpy(sound)[None, None])
        peer, peer_gb = time.perf_counter() - started, _peak_gb() - idle
    return row(
        "Conv-TasNet of the paper's size, 600 s at 8 kHz, CPU",
        f"torchaudio, all at once, {peer:.0f} s, {peer_gb:.1f} GB",
        f"{own:.0f} s from disk to disk, {own_gb:.2f} GB more than idle",
        peer / own,
        "≥ 5×",
    )


def _peak_gb() -> float:
    """Most memory that this process has held, by earlier rows too: memory is told truly where the row runs alone."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


def training_step() -> dict[str, object]:
    """Forward and backward of the bundled recipe's batch: torchaudio's layers at the same size, and ours in bfloat16."""
    from torchaudio.models import ConvTasNet

    torch.set_num_threads(max(1, (os.cpu_count() or 2)))
    torch.manual_seed(0)
    theirs = ConvTasNet(2, 64, 256, 3, 128, 256, 7, 2, "relu")
    ours = network.build(NetworkConfig(filters=256, filter_length=64, stride=32, blocks=7, repeats=2))
    ours.load_state_dict(theirs.state_dict())
    sources = torch.randn(4, 2, 16_000)
    mixture = sources.sum(1)

    def step(half: bool, plain: bool) -> None:
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
            tracks = theirs(mixture[:, None]) if plain else ours(mixture)
        (-permutation_free(tracks.float(), sources)[0].mean()).backward()

    peer, plain = interleaved(lambda: step(False, True), lambda: step(False, False), rounds=5)
    _, own = interleaved(lambda: step(False, True), lambda: step(True, False), rounds=5)
    return row(
        "training step of the bundled Conv-TasNet, batch 4 × 2 s, CPU",
        f"torchaudio's layers, {ms(peer)}",
        f"{ms(own)} in bfloat16 ({plain / own:.1f}× of our float32, {ms(plain)})",
        peer / own,
        "≥ 1.8×",
    )


def ten_minutes() -> dict[str, object]:
    """A recording of ten minutes from disk to disk with the bundled model, against its own length."""
    seconds = sized(600, 10)
    torch.set_num_threads(max(1, (os.cpu_count() or 2)))
    separator = Separator.load("bundled")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "talk.wav"
        sound = np.random.default_rng(0).normal(0, 0.1, seconds * 16_000).astype(np.float32)
        soundfile.write(path, sound, 16_000)
        taken = min(separator.separate_file(path, Path(folder) / "out").seconds for _ in range(2))
    return row(
        "separating ten minutes at 16 kHz, disk to disk", f"real time, {seconds} s", f"{taken:.1f} s", seconds / taken, "≥ 10×"
    )  # fmt: skip
