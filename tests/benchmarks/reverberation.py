"""Rows of ReverberationNet, against the plain module-by-module form with PyTorch's own attention."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import torch

from models.kernels import memory
from models.reverberation import published
from models.reverberation.network import NetworkConfig, ReverberationNet
from models.reverberation.wiring import documented
from tests.benchmarks.timing import interleaved, ms, row, sized


def _plain() -> ModuleType:
    """The reference of the tests."""
    place = Path(__file__).parent.parent / "models" / "reverberation" / "plain_mesh.py"
    spec = importlib.util.spec_from_file_location("plain_mesh", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _step(batch: int, length: int, rounds: int) -> tuple[float, float, str]:
    """(peer's seconds a training step, ours, how many times faster the forward alone is), the same weights in both; each
    with the optimizer it is trained with, Adam as PyTorch has it by default or in one kernel, and both in a process that
    keeps its memory between steps, as processes that train do."""
    memory.keep_between_steps()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    ours = ReverberationNet(NetworkConfig())
    plain = _plain().Plain(documented())
    plain.load_state_dict(published.exported(ours))
    x, y = torch.randn(batch, length, 64), torch.rand(batch)
    with torch.inference_mode():
        torch.testing.assert_close(ours.eval()(x).value, plain.eval()(x)[0], rtol=0, atol=1e-5)
        without = interleaved(lambda: plain(x), lambda: ours(x), rounds=rounds)
    ours.train()
    plain.train()
    recorded = interleaved(lambda: plain(x), lambda: ours(x), rounds=rounds)
    theirs, own = torch.optim.Adam(plain.parameters()), torch.optim.Adam(ours.parameters(), fused=True)

    def peer() -> None:
        theirs.zero_grad()
        value, _gates, kl = plain(x)
        ((value - y).square().mean() + 1e-4 * kl).backward()
        theirs.step()

    def step() -> None:
        own.zero_grad()
        output = ours(x)
        ((output.value - y).square().mean() + 1e-4 * output.kl).backward()
        own.step()

    forward, alone = recorded[0] / recorded[1], without[0] / without[1]
    return *interleaved(peer, step, rounds=rounds), f"{forward:.1f}×, without gradients {alone:.1f}×"


def short_sequences() -> dict[str, object]:
    """A training step at batch 32, length 10."""
    peer, own, forward = _step(32, 10, rounds=15)
    ours = f"{ms(own)} (forward alone {forward})"
    return row(
        "ReverberationNet step, batch 32, length 10",
        f"module by module, {ms(peer)}",
        ours,
        peer / own,
        "≥ 4×",
    )


def long_sequences() -> dict[str, object]:
    """A training step at batch 8, length 100."""
    peer, own, forward = _step(sized(8, 1), sized(100, 20), rounds=3)
    ours = f"{ms(own)} (forward alone {forward})"
    return row(
        "ReverberationNet, length 100, forward and backward",
        f"module by module, {ms(peer)}",
        ours,
        peer / own,
        "≥ 8×",
    )
