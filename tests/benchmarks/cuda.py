"""``make bench-cuda``: the networks on a graphics card. Medians of CUDA events after a warm-up, peers on the same card.

Renews its card's rows in ``tests/benchmarks/results_cuda.json`` and writes all cards' into ``docs/speed-cuda.md``.
Arguments choose rows by a part of their names; ``--out FOLDER`` writes both files there instead.
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import json
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

import models.torchaudio_cpu  # noqa: F401
from models import devices
from models.kernels.graphs import GraphedStep

Row = dict[str, object]
HERE = Path(__file__).parent
CARD = torch.device("cuda:0")


def milliseconds(work: Callable[[], object], rounds: int = 15, warm_up: int = 4) -> float:
    """The median time between two events around `work`, with whatever Python takes to start it."""
    for _ in range(warm_up):
        work()
    times = []
    for _ in range(rounds):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        work()
        end.record()
        end.synchronize()
        times.append(begin.elapsed_time(end))
    return float(np.median(times))


@contextmanager
def peak() -> Iterator[list[float]]:
    """Within, the most memory that tensors take beyond what they take before, in GB, as the list's one element."""
    gc.collect()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    before, result = torch.cuda.memory_allocated(), [0.0]
    yield result
    result[0] = (torch.cuda.max_memory_allocated() - before) / 1e9


def step_of(
    network: torch.nn.Module, loss: Callable[[], torch.Tensor], half: torch.dtype | None
) -> Callable[[], None]:
    optimizer = torch.optim.Adam(network.parameters(), 1e-4, fused=True)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cuda", half or torch.bfloat16, enabled=half is not None):
            value = loss()
        value.backward()
        optimizer.step()

    return step


def graph_of(
    network: torch.nn.Module,
    loss: Callable[..., torch.Tensor],
    batch: tuple[torch.Tensor, ...],
    half: torch.dtype | None,
) -> Callable[[], object]:
    """The same step as one graph."""

    def losses(*batch: torch.Tensor) -> dict[str, torch.Tensor]:
        # Without autocast's cache: what it keeps would be freed with the graph's memory.
        with torch.autocast("cuda", half or torch.bfloat16, enabled=half is not None, cache_enabled=False):
            return {"loss": loss(*batch)}

    step = GraphedStep(network, torch.optim.Adam(network.parameters(), 1e-4, fused=True), losses, batch)
    return lambda: step(*batch)


def _separators() -> tuple[torch.nn.Module, torch.nn.Module, torch.Tensor]:
    from torchaudio.models import conv_tasnet_base

    from models.separation import network

    torch.manual_seed(0)
    theirs = conv_tasnet_base()
    ours = network.build(network.NetworkConfig(hidden=512))
    ours.load_state_dict(theirs.state_dict())
    return theirs.to(CARD), ours.to(CARD), torch.randn(4, 2, 64_000, device=CARD)


def separation_step() -> Row:
    from models.separation.losses import permutation_free

    theirs, ours, sources = _separators()
    mixture = sources.sum(1)

    def loss(tracks: torch.Tensor) -> torch.Tensor:
        return -permutation_free(tracks.float(), sources)[0].mean()

    with peak() as memory:
        eager = milliseconds(step_of(ours, lambda: loss(ours(mixture)), torch.bfloat16))
    exact = milliseconds(step_of(ours, lambda: loss(ours(mixture)), None), 7)
    own = milliseconds(graph_of(ours, lambda mixed: loss(ours(mixed)), (mixture,), torch.bfloat16))
    peer = milliseconds(step_of(theirs, lambda: loss(theirs(mixture[:, None])), torch.bfloat16), 3, 1)
    return row("Conv-TasNet, training step, 4 × 4 s at 16 kHz", "torchaudio, bf16", peer, own,
               f"bf16, one graph; operation by operation {eager:.1f} ms, {memory[0]:.1f} GB; float32 {exact:.1f} ms", "≤ 27 ms")  # fmt: skip


def separation_forward() -> Row:
    theirs, ours, sources = _separators()
    mixture = sources.sum(1)
    with torch.inference_mode():
        result, wanted = ours(mixture[:1, :8000]), theirs(mixture[:1, None, :8000])
        apart = float((result - wanted).norm() / wanted.norm())
        exact = milliseconds(lambda: ours(mixture))
        with torch.autocast("cuda", torch.bfloat16):
            own = milliseconds(lambda: ours(mixture))
        peer = milliseconds(lambda: theirs(mixture[:, None]), 3, 1)
    return row("the same, forward", "torchaudio, float32", peer, own,
               f"bf16; float32 {exact:.1f} ms, {apart:.0e} from torchaudio", "≤ 12 ms")  # fmt: skip


def eeg_step() -> Row:
    from models.eeg import network
    from tests.benchmarks.eeg import TorchaudioDecoder

    torch.manual_seed(0)
    eeg, envelope = torch.randn(64, 640, 64, device=CARD), torch.randn(64, 640, device=CARD)
    ours, theirs = network.build(network.NetworkConfig()).to(CARD), TorchaudioDecoder(0.1).to(CARD)

    def loss(decoder: torch.nn.Module) -> torch.Tensor:
        return (decoder(eeg).float() - envelope).square().mean()

    with peak() as memory:
        eager = milliseconds(step_of(ours, lambda: loss(ours), torch.bfloat16))
    exact = milliseconds(step_of(ours, lambda: loss(ours), None), 5, 2)

    def of_batch(eeg: torch.Tensor, envelope: torch.Tensor) -> torch.Tensor:
        return (ours(eeg).float() - envelope).square().mean()

    own = milliseconds(graph_of(ours, of_batch, (eeg, envelope), torch.bfloat16))
    peer = milliseconds(step_of(theirs, lambda: loss(theirs), torch.bfloat16), 5, 2)
    return row("EEG Conformer v2, training step, 64 × 10 s", "torchaudio's Conformer, bf16", peer, own,
               f"bf16, one graph; operation by operation {eager:.1f} ms, {memory[0]:.1f} GB; float32 {exact:.0f} ms", "≤ 20 ms")  # fmt: skip


def _plain() -> ModuleType:
    place = HERE.parent / "models" / "reverberation" / "plain_mesh.py"
    spec = importlib.util.spec_from_file_location("plain_mesh", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _mesh(batch: int, length: int, reach: str, with_peer: bool = True) -> Row:
    """A training step as one graph, and operation by operation."""
    from models.reverberation import published
    from models.reverberation.network import NetworkConfig, ReverberationNet
    from models.reverberation.wiring import documented

    torch.manual_seed(0)
    ours = ReverberationNet(NetworkConfig()).to(CARD).train()
    x, y = torch.randn(batch, length, 64, device=CARD), torch.rand(batch, device=CARD)

    def loss(x: torch.Tensor, y: torch.Tensor) -> dict[str, torch.Tensor]:
        output = ours(x)
        return {"loss": (output.value - y).square().mean() + 1e-4 * output.kl}

    eager = milliseconds(step_of(ours, lambda: loss(x, y)["loss"], None))
    with peak() as memory:
        graphed = GraphedStep(ours, torch.optim.Adam(ours.parameters(), fused=True), loss, (x, y))
        own = milliseconds(lambda: graphed(x, y))
    peer = 0.0
    if with_peer:
        plain = _plain().Plain(documented()).to(CARD)
        plain.load_state_dict(published.exported(ours))

        def plainly() -> torch.Tensor:
            value, _gates, kl = plain(x)
            return (value - y).square().mean() + 1e-4 * kl

        peer = milliseconds(step_of(plain, plainly, None), 5, 2)
    return row(f"ReverberationNet, training step, {batch} × {length}", "module by module", peer, own,
               f"one graph, {memory[0]:.2f} GB; operation by operation {eager:.1f} ms", reach)  # fmt: skip


def mesh_short() -> Row:
    return _mesh(32, 10, "≤ 6 ms")


def mesh_long() -> Row:
    return _mesh(8, 100, "≤ 15 ms, ≤ 1 GB")


def mesh_wide() -> Row:
    return _mesh(256, 32, "≤ 30 ms", with_peer=False)


def emotion_step() -> Row:
    from models.emotion import network

    torch.manual_seed(0)
    config = network.NetworkConfig(feature_dim=768, speakers=10)
    ours = network.build(config).to(CARD).train()
    x, labels = torch.randn(32, 149, 768, device=CARD), torch.randint(4, (32,), device=CARD)
    ragged = torch.randint(60, 150, (32,), device=CARD)

    def loss(lengths: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.cross_entropy(ours(x, lengths).logits.float(), labels)

    eager = milliseconds(step_of(ours, lambda: loss(ragged), torch.bfloat16))
    exact = milliseconds(step_of(ours, lambda: loss(ragged), None))
    graphed = milliseconds(graph_of(ours, loss, (ragged,), None))
    own = milliseconds(graph_of(ours, loss, (ragged,), torch.bfloat16))
    return row("emotion, enhanced network, training step, 32 × 149 frames of HuBERT, ragged", "", 0.0, own,
               f"bf16, one graph; operation by operation {eager:.1f} ms; float32 {graphed:.1f} and {exact:.1f} ms", "≤ 20 ms")  # fmt: skip


def hubert() -> Row:
    from transformers import HubertConfig, HubertModel

    from models.emotion.config import FrontEndConfig
    from models.emotion.features import SpeechEncoder

    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        HubertModel(HubertConfig()).save_pretrained(folder)
        encoder = SpeechEncoder(FrontEndConfig(kind="hubert", model=folder), CARD)
        plain = HubertModel.from_pretrained(folder).eval().to(CARD)
    sounds = torch.randn(64, 48_000, device=CARD)
    half = sounds.to(encoder.dtype)
    with torch.inference_mode():
        own = milliseconds(lambda: encoder.model(half))
        peer = milliseconds(lambda: plain(sounds), 5, 2)
        result, wanted = encoder.model(half[:8]).last_hidden_state, plain(sounds[:8]).last_hidden_state
        alike = float(torch.nn.functional.cosine_similarity(result.float(), wanted, dim=-1).min())
    return row("HuBERT-base, 64 × 3 s", "transformers, float32", peer, own,
               f"{str(encoder.dtype).removeprefix('torch.')}, least cosine of a frame {alike:.4f}", "≤ 21 ms")  # fmt: skip


def row(work: str, peer_name: str, peer: float, own: float, more: str, reach: str) -> Row:
    told = {
        "work": work,
        "peer": f"{peer_name}, {peer:.1f} ms" if peer else "–",
        "ours": f"{own:.1f} ms ({more})",
    }
    return told | {"ratio": f"{peer / own:.1f}×" if peer else "–", "reach": reach, "ms": round(own, 2)}


ROWS: list[Callable[[], Row]] = [
    separation_step, separation_forward, eeg_step, mesh_short, mesh_long, mesh_wide, emotion_step, hubert,
]  # fmt: skip


def ceilings() -> dict[str, float]:
    """What the card does at most: a copy's TB/s, bytes read and written, and a product of bf16 matrices' TFLOP/s."""
    source = torch.randn(512 * 2**20, device=CARD)
    target = torch.empty_like(source)
    a, b = torch.randn(2, 8192, 8192, device=CARD, dtype=torch.bfloat16)
    copied, multiplied = milliseconds(lambda: target.copy_(source)), milliseconds(lambda: a @ b)
    return {
        "copy_tb_s": round(2 * 4 * source.numel() / copied / 1e9, 2),
        "bf16_tflop_s": round(2 * 8192**3 / multiplied / 1e9),
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.cuda", description=__doc__)
    parser.add_argument("names", nargs="*", help="parts of the names of the rows wanted")
    parser.add_argument("--out", help="folder for the two files")
    asked = parser.parse_args()
    if not torch.cuda.is_available():
        print("There is no CUDA card here: nothing was measured.")
        return 2
    devices.resolve("cuda:0")
    results = HERE / "results_cuda.json"
    known: dict[str, Any] = json.loads(results.read_text("utf-8")) if results.exists() else {}
    name = f"{torch.cuda.get_device_name(0)}, torch {torch.__version__}"
    card = known.setdefault(name, {})
    card.pop("notes", None)  # they are of what was measured before
    card["ceilings"] = ceilings() | {"when": time.strftime("%Y-%m-%d")}
    print(name, card["ceilings"], flush=True)
    failed = 0
    for measure in ROWS:
        if asked.names and not any(part in measure.__name__ for part in asked.names):
            continue
        try:
            card[measure.__name__] = measure()
            print(json.dumps(card[measure.__name__], ensure_ascii=False), flush=True)
        except Exception as error:
            traceback.print_exc()
            print(f"{measure.__name__} failed: {error}", flush=True)
            failed += 1
        devices.give_back()
    text = json.dumps(known, indent=2, ensure_ascii=False) + "\n"
    out = Path(asked.out) if asked.out else None
    (out / results.name if out else results).write_text(text, "utf-8")
    page = out / "speed-cuda.md" if out else HERE.parent.parent / "docs" / "speed-cuda.md"
    page.write_text(markdown(known), "utf-8")
    return int(failed > 0)


def markdown(known: dict[str, Any]) -> str:
    """The rows of every card as a page."""
    lines = [
        "# Speed on graphics cards",
        "",
        "Written by `make bench-cuda`: medians of CUDA events after a warm-up.",
    ]
    for name, rows in known.items():
        most = rows["ceilings"]
        lines += ["", f"## {name}, {most['when']}", ""]
        lines += [
            f"A copy moves {most['copy_tb_s']} TB/s, a product of bf16 matrices does {most['bf16_tflop_s']} TFLOP/s."
        ]
        lines += ["", "| work | peer | ours | ratio | aim |", "|---|---|---|---|---|"]
        lines += [
            f"| {item['work']} | {item['peer']} | {item['ours']} | {item['ratio']} | {item['reach']} |"
            for key, item in rows.items()
            if key not in ("ceilings", "notes")
        ]
        lines += [line for note in rows.get("notes", ()) for line in ("", note)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    raise SystemExit(main())
