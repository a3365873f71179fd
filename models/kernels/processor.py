"""What the processor at hand is good at: measured at first use, and remembered for each processor.

PyTorch brings two libraries for products of matrices, and neither is the faster one everywhere: on one core of an AMD
EPYC oneDNN does 200 GFLOP/s in single precision and MKL 90, on an Intel Xeon with AMX 160 and 180. So they are measured
against each other, and the answer is kept in the cache: a run that is resumed rounds as it did before.
"""

from __future__ import annotations

import json
import os
import platform
import threading
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from models import resources

HAS_ONEDNN = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")
CLEARLY = 1.1  # times as fast: below, the plain way is taken, so that noise does not decide
ROUNDS = 9
_lock = threading.Lock()
_ratios: dict[str, float] = {}  # by processor: how many times as fast oneDNN is; 0 where there is none


@cache
def name() -> str:
    """The processor, the instructions that PyTorch and oneDNN may use of it, and the version of PyTorch."""
    model = platform.processor() or platform.machine()
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text("utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    limit = os.environ.get("ONEDNN_MAX_CPU_ISA", "")
    return " · ".join(
        filter(None, [model, torch.backends.cpu.get_cpu_capability(), limit, torch.__version__])
    )


def onednn_is_faster() -> bool:
    """Whether oneDNN multiplies single precision clearly faster than the library that PyTorch takes for it, here.

    Measures for some 20 ms where nobody has yet; later calls, and later processes, recall the answer.
    """
    if name() not in _ratios:
        with _lock:
            _recall_or_measure()
    return _ratios[name()] >= CLEARLY


def onednn(a: Tensor, b: Tensor, bias: Tensor | None = None) -> Tensor:
    """a [..., k], b [n, k] and bias [n] → a bᵀ + bias by oneDNN, [..., n]; without a gradient."""
    bias = None if bias is None else bias.contiguous()  # its strides would be passed over
    result: Tensor = torch.ops.mkldnn._linear_pointwise.default(a, b, bias, "none", [], "")
    return result


def file() -> Path:
    """Where the measured ratios are remembered."""
    return resources.cache_folder() / "processor.json"


def _recall_or_measure() -> None:
    remembered = _remembered()
    if name() in remembered:
        _ratios[name()] = remembered[name()]
    elif name() not in _ratios:  # another thread may have been here
        _ratios[name()] = _measured() if HAS_ONEDNN else 0.0
        _remember(remembered | _ratios)


@torch.no_grad()
def _measured() -> float:
    """How many times as fast oneDNN is, in the best of a few rounds taken in turn: what else runs only makes slower."""
    a = torch.arange(640 * 256, dtype=torch.float32).reshape(640, 256).remainder_(7)
    b = torch.arange(1024 * 256, dtype=torch.float32).reshape(1024, 256).remainder_(5)
    best = {F.linear: float("inf"), onednn: float("inf")}
    for _ in range(ROUNDS):
        for multiply in best:
            began = time.perf_counter()
            multiply(a, b)
            best[multiply] = min(best[multiply], time.perf_counter() - began)
    return best[F.linear] / best[onednn]


def _remembered() -> dict[str, float]:
    """The ratios of earlier processes; none where the file is missing or no longer what was written."""
    try:
        held = json.loads(file().read_text("utf-8"))
        return {str(key): float(ratio) for key, ratio in held["onednn_over_plain"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def _remember(ratios: dict[str, float]) -> None:
    """Kept where it can be; a disk that is full or locked costs the next process its 20 ms, no more."""
    aside = file().with_name(f".processor-{os.getpid()}.json")
    try:
        aside.parent.mkdir(parents=True, exist_ok=True)
        aside.write_text(json.dumps({"onednn_over_plain": ratios}, indent=1), "utf-8")
        aside.replace(file())
    except OSError:
        with suppress(OSError):
            aside.unlink()
