"""What a training run told of every gate and module, an epoch a row. No torch: the window plays it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from models.reverberation.wiring import PROCESSOR_NAMES, ROLE_NAMES
from models.training.record import Series

GATE, KL = "gate", "kl"  # what the figures of single modules begin with
GATE_NAMES = tuple(f"{GATE}.{role}.{number}" for number in (1, 2) for role in ROLE_NAMES)
KL_NAMES = tuple(
    [f"{KL}.{role}.{number}" for number in (1, 2) for role in ROLE_NAMES]
    + [f"{KL}.{p}" for p in PROCESSOR_NAMES]
)


@dataclass(frozen=True)
class GateHistory:
    """Means over the validation sequences of a run.

    epochs: int [e]. gates: float [e, 38], pass 1 of the roles in order, then pass 2. kl: float [e, 45], of the roles
    in pass 1, in pass 2, and of the processors. error: float [e], root mean square, in the targets' units.
    """

    epochs: np.ndarray
    gates: np.ndarray
    kl: np.ndarray
    error: np.ndarray

    def __len__(self) -> int:
        return len(self.epochs)


def history(curves: Mapping[str, Series]) -> GateHistory | None:
    """From the curves of a run's epochs; None where it told of no gates, as a baseline does not."""
    wanted = [f"validation/{name}" for name in (*GATE_NAMES, *KL_NAMES, "rmse")]
    result = [curves.get(name) for name in wanted]
    count = min(0 if series is None else len(series) for series in result)
    if not count:
        return None
    table = np.stack([series.y[:count] for series in result if series is not None], axis=1)
    first = result[0]
    assert first is not None
    gates, modules = len(GATE_NAMES), len(GATE_NAMES) + len(KL_NAMES)
    return GateHistory(
        first.x[:count].astype(int), table[:, :gates], table[:, gates:modules], table[:, modules]
    )
