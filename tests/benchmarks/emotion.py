"""Rows of the emotion system."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import numpy as np
import torch

import models.torchaudio_cpu  # noqa: F401
from models import checkpoint
from models.emotion import padding
from models.emotion.network import GeneralAttention
from models.resources import resource
from tests.benchmarks.timing import interleaved, ms, row, run_program, sized


def attention() -> dict[str, object]:
    """The baseline's attention over 149 steps, forward and backward, against the published way: a loop over time in which
    every step masks the whole memory anew, weighs it, masks and normalises the weights again."""
    torch.set_num_threads(max(1, (os.cpu_count() or 2)))
    layer = GeneralAttention(512)
    states = torch.randn(8, 149, 512, requires_grad=True)
    mask = padding.valid(torch.full((8,), 149), 149)

    def loop() -> torch.Tensor:
        attended = []
        for t in range(states.shape[1]):
            known = mask[:, :, None].expand(-1, -1, states.shape[2]).to(states.dtype)
            memory = (states * known).permute(0, 2, 1)
            scores = torch.bmm(layer.transform(states[:, t])[:, None], memory) * mask[:, None]
            weights = scores.softmax(-1) * mask[:, None]
            weights = weights / weights.sum(-1, keepdim=True)
            attended.append(torch.tanh(torch.bmm(weights, states)[:, 0]))
        return torch.stack(attended, 1)

    def ours() -> torch.Tensor:
        return layer(states, mask)[0]

    with torch.inference_mode():
        torch.testing.assert_close(ours(), loop(), rtol=1e-3, atol=1e-4)
        peer_forward, own_forward = interleaved(loop, ours)
    peer, own = interleaved(lambda: loop().sum().backward(), lambda: ours().sum().backward())
    return row(
        "attention of the emotion baseline, 149 steps, batch 8, forward and backward",
        f"a loop over time, {ms(peer)}",
        f"{ms(own)} (forward alone {peer_forward / own_forward:.0f}×)",
        peer / own,
        "≥ 25×",
    )


def speech_encoder() -> dict[str, object]:
    """HuBERT-base (its size, random weights) on 3 s: transformers as it comes, and our front end, which holds it in
    bfloat16 where the processor multiplies that; how alike their features are is part of the row."""
    from transformers import HubertConfig, HubertModel

    from models.emotion.config import FrontEndConfig
    from models.emotion.features import SpeechEncoder

    torch.set_num_threads(max(1, (os.cpu_count() or 2)))
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        HubertModel(HubertConfig(num_hidden_layers=sized(12, 2))).save_pretrained(folder)
        encoder = SpeechEncoder(FrontEndConfig(kind="hubert", model=folder), torch.device("cpu"))
        plain = HubertModel.from_pretrained(folder).eval()
    sound = np.random.default_rng(0).normal(0, 0.1, 48_000).astype(np.float32)
    waveform = torch.from_numpy(sound)[None]
    waveform = (waveform - waveform.mean()) / waveform.std()

    def peer_call() -> torch.Tensor:
        with torch.inference_mode():
            return plain(waveform).last_hidden_state

    peer, ours = interleaved(peer_call, lambda: encoder.features(sound), rounds=5)
    features = torch.from_numpy(encoder.features(sound))
    alike = float(torch.nn.functional.cosine_similarity(peer_call()[0], features, dim=-1).min())
    return row(
        "HuBERT-base on 3 s, CPU",
        f"transformers, default, {ms(peer)}",
        f"{ms(ours)} ({str(encoder.dtype).removeprefix('torch.')}), least cosine of a frame {alike:.4f}",
        peer / ours,
        "≥ 2× at cosine > 0.999",
    )


def live_path() -> dict[str, object]:
    """From the microphone to the screen with the bundled model: p95 against half a hop of 0.5 s."""
    from models.emotion.samples import held_out_clips
    from tests.desktop.sound_server import SoundServer

    clips = held_out_clips(checkpoint.read_info(resource("checkpoints", "emotion"), "emotion"))[: sized(6, 1)]
    server = SoundServer()
    try:
        server.start()
        with tempfile.TemporaryDirectory() as home:
            script = Path(__file__).parent.parent / "desktop" / "live_journey.py"
            environment = {**server.environment, "POLYPHONY_HOME": home}
            lines = run_program(script, *map(str, clips), environment=environment)
    finally:
        server.stop()
    told = [json.loads(line) for line in lines if line.startswith("{")]
    latencies = np.array(told[-1]["latencies_s"])
    p95 = float(np.percentile(latencies, 95))
    ours = f"median {ms(float(np.median(latencies)))}, p95 {ms(p95)}, {len(latencies)} windows, {told[-1]['skipped']} skipped"
    return row("live path, sound to paint", "half a hop, 250 ms", ours, 0.25 / p95, "p95 ≤ half a hop")
