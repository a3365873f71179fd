"""Rows of the EEG system."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable

import numpy as np
import torch

import models.torchaudio_cpu  # noqa: F401
from models.eeg import data, linear, network
from models.eeg.config import EEGConfig
from models.eeg.samples import located
from models.eeg.splits import Stretch, part
from models.training.config import preset, validated
from tests.benchmarks.timing import interleaved, ms, row, sized
from tests.benchmarks.window import run_script

SUBJECTS = 12
PENALTIES = [0.03, 0.3, 1.0, 3.0]


class TorchaudioDecoder(torch.nn.Module):
    """Our front end and head around torchaudio's Conformer of the same size."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        from torchaudio.models import Conformer

        self.front = network.FrontEnd(64, 256, dropout)
        self.excitation = network.SqueezeExcitation(256)
        self.blocks = Conformer(256, 4, 1024, 8, 31, dropout=dropout, use_group_norm=True)
        self.head = torch.nn.Linear(256, 1)

    def forward(self, eeg: torch.Tensor) -> torch.Tensor:
        features, _ = self.excitation(self.front(eeg))
        lengths = torch.full((len(eeg),), eeg.shape[1], device=eeg.device)
        return self.head(self.blocks(features, lengths)[0])[..., 0]


def training_step() -> dict[str, object]:
    """Forward, backward and Adam on 8 windows of 10 s; 8 blocks of width 256, dropout 0.1 on both sides."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    eeg, envelope = torch.randn(sized(8, 1), 640, 64), torch.randn(sized(8, 1), 640)
    ours = network.build(network.NetworkConfig(version="v1", front_dropout=0.1))
    with_amx = torch.cpu._is_amx_tile_supported()

    def step_of(decoder: torch.nn.Module, half: bool) -> Callable[[], None]:
        optimizer = torch.optim.Adam(decoder.parameters(), 1e-4)

        def step() -> None:
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast("cpu", torch.bfloat16, enabled=half):
                decoded = decoder(eeg)
            (decoded.float() - envelope).square().mean().backward()
            optimizer.step()

        return step

    peer, own = interleaved(step_of(TorchaudioDecoder(0.1), False), step_of(ours, with_amx), rounds=5)
    kind = "bf16 (AMX)" if with_amx else "fp32 (no AMX here)"
    reach = "≥ 2.2×" if with_amx else "≥ 1.06×"
    return row(
        "EEG Conformer training step, 8 × 10 s",
        f"torchaudio Conformer, {ms(peer)}",
        f"{ms(own)}, {kind}",
        peer / own,
        reach,
    )


def ridge() -> dict[str, object]:
    """Twelve subjects (the sample's three, four times over): λ by cross-validation on four folds, then all held-back time
    decoded. mTRFpy gets the same stretches, folds and λ; both must decode the same."""
    from mtrf.model import TRF

    torch.set_num_threads(1)
    penalties = PENALTIES[: sized(4, 2)]
    values = preset("eeg", "ridge") | {"ridge": {"penalties": penalties}}
    config = validated(EEGConfig, values)
    people: list[tuple[list[Stretch], list[Stretch]]] = []
    for name in data.open_dataset(located("sample")).subjects:
        dataset = data.open_dataset(located("sample"), subjects=[name])
        settings = config.data.model_copy(update={"validation_block": -1})
        parts = part(dataset, settings, config.preprocessing)
        people.append((list(parts.train), list(parts.test)))

    def ours(train: list[Stretch], test: list[Stretch]) -> list[np.ndarray]:
        solved, _ = linear.fit(train, config.ridge, 64)
        return [solved.decode(stretch.eeg) for stretch in test]

    def theirs(train: list[Stretch], test: list[Stretch]) -> list[np.ndarray]:
        pieces = sorted(linear._pieces(train), key=lambda piece: piece[0])
        eeg = [np.asarray(piece, np.float64) for _, piece, _ in pieces]
        heard = [np.asarray(piece, np.float64)[:, None] for _, _, piece in pieces]
        scale = sum(map(len, heard)) / (len(heard) * 64)
        decoder = TRF(direction=-1)
        decoder.train(
            heard, eeg, 64, 0, 0.25, [penalty * scale for penalty in penalties], k=4, seed=0, verbose=False
        )
        return [decoder.predict(response=[np.asarray(stretch.eeg, np.float64)])[0][:, 0] for stretch in test]

    seconds = {ours: [], theirs: []}
    alike = []
    for number in range(sized(SUBJECTS, 1)):
        result = {}
        for function in (theirs, ours):
            started = time.perf_counter()
            result[function] = function(*people[number % len(people)])
            seconds[function].append(time.perf_counter() - started)
        alike += [np.corrcoef(a, b)[0, 1] for a, b in zip(result[ours], result[theirs], strict=True)]
    peaks = [_peak_mb(function, people[0]) for function in (theirs, ours)]
    peer, own = (SUBJECTS * float(np.median(seconds[function])) for function in (theirs, ours))
    return row(
        "EEG ridge, 12 subjects, λ by cross-validation",
        f"mTRFpy, {peer:.3g} s, {peaks[0]:.0f} MB",
        f"{own:.3g} s, {peaks[1]:.0f} MB; least correlation of the two {min(alike):.4f}",
        peer / own,
        "≥ 5× and bounded memory",
    )


def hour() -> dict[str, object]:
    """A BDF of an hour, 64 channels at 512 Hz, in the tab of the real window at 1280 × 800: opened, scrolled, zoomed."""
    told = run_script("eeg_hour.py", str(sized(3600, 60)))
    slower = min(told["scroll_fps"], told["zoom_fps"])
    ours = (
        f"{told['scroll_fps']:.0f} frames a second scrolling, {told['zoom_fps']:.0f} zooming, 99 % within {told['slowest_ms']:.0f} ms; "
        f"seen after {told['first_s']:.1f} s, whole after {told['whole_s']:.1f} s, {told['megabytes']:.0f} MB"
    )
    return row(
        "EEG, an hour of 64 channels to scroll",
        "30 frames a second",
        ours,
        slower / 30,
        "> 30 frames a second, opened in < 5 s",
    )


def _peak_mb(function: Callable[..., object], person: tuple[list[Stretch], list[Stretch]]) -> float:
    tracemalloc.start()
    function(*person)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6
