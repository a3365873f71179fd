"""Interleaved timing: peer, ours, peer, ours …, so that both meet the same weather; and how large a row's work is."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

QUICK = (
    "POLYPHONY_BENCH_QUICK"  # in the environment: every row once, on the least work that still runs all of it
)
ROOT = Path(__file__).resolve().parent.parent.parent


def quick() -> bool:
    return os.environ.get(QUICK) == "1"


def sized(full: int, least: int) -> int:
    """The size of a row's work: as it is measured, or the least that runs all of it."""
    return least if quick() else full


def interleaved(
    peer: Callable[[], object], ours: Callable[[], object], rounds: int = 7
) -> tuple[float, float]:
    """Median seconds of (peer, ours), after one unmeasured call of each."""
    times: list[list[float]] = [[], []]
    for number in range(1 if quick() else rounds + 1):
        for which, function in enumerate((peer, ours)):
            started = time.perf_counter()
            function()
            if number or quick():
                times[which].append(time.perf_counter() - started)
    return float(np.median(times[0])), float(np.median(times[1]))


def ms(seconds: float) -> str:
    return f"{1000 * seconds:.3g} ms"


def row(work: str, peer: str, ours: str, ratio: float, reach: str) -> dict[str, object]:
    """One line of the table; a ratio above 1 is faster than the peer."""
    return {"work": work, "peer": peer, "ours": ours, "ratio": f"{ratio:.2f}×", "reach": reach}


def run_program(
    script: Path, *arguments: str, environment: dict[str, str] | None = None, timeout: float = 300
) -> list[str]:
    """The lines that a script of the tests prints, in a process of its own that can import all of the project."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    known = {"QT_QPA_PLATFORM": "offscreen", **os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run(
        [sys.executable, str(script), *arguments],
        env=known | (environment or {}),
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["nothing was said"])[-1]
        raise RuntimeError(f"{script.name} ended with {done.returncode}: {last}")
    return done.stdout.strip().splitlines()


def machine() -> str:
    """The processor, what it multiplies bfloat16 with, and how many of its cores there are."""
    import torch

    title = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        title = next(line.partition(": ")[2] for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    has = "AMX" if torch.cpu._is_amx_tile_supported() else ""
    has = has or (
        "AVX-512 BF16" if torch.cpu._is_avx512_bf16_supported() else torch.backends.cpu.get_cpu_capability()
    )
    return f"{title} ({has}), {os.cpu_count()} cores"
