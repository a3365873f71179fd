"""What a mesh did with one sequence, several or all, or over an epoch of training, in figures to be shown. NumPy only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.reverberation.history import GateHistory
from models.reverberation.wiring import ROLE_NAMES

if TYPE_CHECKING:
    from models.reverberation.observer import Observation

PASSES = 2 * len(ROLE_NAMES)


@dataclass(frozen=True)
class Summary:
    """Means over `count` sequences; count is None for an epoch of training, whose sequences are not at hand.

    gates, spread: float [38], pass 1 of the roles in order, then pass 2, and their standard deviations (None for one
    sequence, and for an epoch). kl: float [45], nats a feature and step: of the roles in pass 1, in pass 2, and of the
    processors. rms: root mean square error in the targets' units; None without targets. output, output_spread: mean
    and standard deviation of what was predicted; None for an epoch.
    """

    gates: np.ndarray
    spread: np.ndarray | None
    kl: np.ndarray
    rms: float | None
    count: int | None = None
    output: float | None = None
    output_spread: float | None = None

    @property
    def mean_gate(self) -> float:
        return float(self.gates.mean())


def of_sequences(
    observation: Observation, steps: Sequence[int] | np.ndarray, d: int, chosen: Sequence[int] = ()
) -> Summary:
    """steps: each sequence's length [n]; d: the latents' width; chosen: numbers of sequences, none for all."""
    part = observation.part(chosen) if len(chosen) else observation
    lengths = np.asarray(steps)[list(chosen)] if len(chosen) else np.asarray(steps)
    count = len(part.output)
    several = count > 1
    return Summary(
        gates=part.gates.mean(axis=1),
        spread=part.gates.std(axis=1) if several else None,
        kl=per_feature(part.kl.mean(axis=1), float(lengths.mean()), d),
        rms=part.rms,
        count=count,
        output=float(part.output.mean()),
        output_spread=float(part.output.std()) if several else None,
    )


def of_epoch(history: GateHistory, at: int, steps: float, d: int) -> Summary:
    """The epoch at place `at` of a run. steps: mean length of its sequences; d: the latents' width."""
    kl = per_feature(history.kl[at], steps, d)
    return Summary(history.gates[at], None, kl, float(history.error[at]))


def per_feature(kl: np.ndarray, steps: float, d: int) -> np.ndarray:
    """[45] sums a sequence as nats a feature and step; a processor's latent has one step only."""
    result = np.asarray(kl, float) / d
    result[:PASSES] /= max(steps, 1.0)
    return result


def gate_differences(left: Summary, right: Summary) -> np.ndarray:
    """[38], by how much the gates of `right` are more open."""
    result: np.ndarray = right.gates - left.gates
    return result


def evenly(count: int, most: int) -> list[int]:
    """`most` numbers spread over 0 … count − 1, or all of them where they are not many more."""
    return [int(i) for i in np.linspace(0, count - 1, most)] if count > 4 * most else list(range(count))
