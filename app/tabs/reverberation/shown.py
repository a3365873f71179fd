"""What the views show: sequences that were observed, or an epoch that a training run has told of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from app.i18n import plural, tr
from app.services import Services
from models.errors import UserError
from models.resources import resource
from models.reverberation.config import mesh_of
from models.reverberation.history import GateHistory, history
from models.reverberation.wiring import ROLE_NAMES, Wiring
from models.training.record import Record
from models.training.run_folder import RunFolder

if TYPE_CHECKING:
    from models.reverberation.data import Sequences
    from models.reverberation.observer import Observation, Observer

SHIPPED = "shipped"  # the run whose model is bundled


@dataclass(frozen=True)
class Shown:
    """What all views show now: of one sequence, of several, of all, or of an epoch.

    gates, spread: [38]; spread is None where there is but one. kl: [45] nats a feature and step. error: root mean
    square or None. words: of what it is.
    """

    wiring: Wiring
    gates: np.ndarray
    spread: np.ndarray | None
    kl: np.ndarray
    error: float | None
    words: str


@dataclass(frozen=True)
class Told:
    """A run's history and what is needed to show it: steps and width of the latents that its KL are sums over."""

    history: GateHistory
    wiring: Wiring
    gating: str
    steps: float
    d: int

    def shown(self, at: int) -> Shown:
        """The epoch at that place."""
        one = self.history
        words = tr("epoch {n} of {all}", n=int(one.epochs[at]), all=int(one.epochs[-1]))
        kl = per_feature(one.kl[at], self.steps, self.d)
        return Shown(self.wiring, one.gates[at], None, kl, float(one.error[at]), words)

    def place(self, epoch: int) -> int:
        """Where an epoch stands."""
        return int(np.argmin(np.abs(self.history.epochs - epoch)))


def told(services: Services, choice: str) -> Told | None:
    """Of a run's folder, or of ``shipped``; None where it told of no gates."""
    if choice == SHIPPED:
        run = RunFolder(resource("samples", "reverberation", "run"))
        record = Record.read(run)
        epochs, started, config = record.epochs, record.started, run.config()
    else:
        watched = services.training.find(Path(choice))
        if watched is None:
            return None
        epochs, started, config = watched.epochs, watched.story.started, watched.config
    found = history(epochs)
    network = config.get("network", {})
    if found is None or started is None or not isinstance(network, dict):
        return None
    try:
        wiring = mesh_of(network.get("wiring", "documented"))
    except UserError:  # of another version, or edited by hand
        return None
    return Told(
        found, wiring, str(network.get("gating", "routing")), float(started.trains.get("longest", 1)),
        int(network.get("d", 64)),
    )  # fmt: skip


def shown_of(observer: Observer, sequences: Sequences, found: Observation, chosen: list[int]) -> Shown:
    """The chosen sequences, or all where none is chosen."""
    count = len(found.output)
    part = found.part(chosen) if chosen else found
    rows = chosen or range(count)
    steps = float(np.mean([len(sequences.x[row]) for row in rows]))
    if len(chosen) == 1:
        words = tr("sequence {n}", n=chosen[0] + 1)
    elif chosen:
        words = plural("mean of {n} selected", "mean of {n} selected", len(chosen))
    else:
        words = plural("mean of {n} sequence", "mean of {n} sequences", count)
    errors = part.errors
    return Shown(
        observer.network.wiring,
        part.gates.mean(axis=1),
        part.gates.std(axis=1) if part.gates.shape[1] > 1 else None,
        per_feature(part.kl.mean(axis=1), steps, observer.network.config.d),
        None if errors is None else float(np.sqrt(errors.mean())),
        words,
    )


def per_feature(kl: np.ndarray, steps: float, d: int) -> np.ndarray:
    """[45] sums a sequence as nats a feature and step; a processor's latent has one step only."""
    count = 2 * len(ROLE_NAMES)
    found = np.asarray(kl, float) / d
    found[:count] /= max(steps, 1.0)
    return found


def words_of(sequences: Sequences) -> str:
    """What is open, in one line."""
    shortest = min(len(one) for one in sequences.x)
    if shortest == sequences.longest:
        steps = plural("{n} step", "{n} steps", shortest)
    else:
        steps = tr(
            "{low} to {high} steps, each computed to its own end", low=shortest, high=sequences.longest
        )
    words = [
        sequences.title,
        plural("{n} sequence", "{n} sequences", len(sequences)),
        plural("{n} feature", "{n} features", sequences.width),
        steps,
    ]
    if sequences.y is not None:
        words.append(tr("target: {title}", title=sequences.target_title or tr("target")))
    return " · ".join(filter(None, words))
