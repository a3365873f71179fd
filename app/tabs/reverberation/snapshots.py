"""What the views show of the mesh: sequences that were observed, or an epoch that a training run has told of."""

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
from models.reverberation.summary import Summary, of_epoch, of_sequences
from models.reverberation.wiring import Wiring
from models.training.record import Record
from models.training.run_folder import RunFolder

if TYPE_CHECKING:
    from models.reverberation.observer import Observation, Observer
    from models.reverberation.sequences import Sequences

SHIPPED = "shipped"  # the run whose model is bundled


@dataclass(frozen=True)
class Snapshot:
    """The mesh as it is shown now: its wiring, the figures on it, and in words what they are of.

    gating: ``routing`` or ``observed``.
    """

    wiring: Wiring
    gating: str
    summary: Summary
    words: str


@dataclass(frozen=True)
class RunHistory:
    """What a run told, and what is needed to show it: steps and width of the latents that its KL are sums over."""

    history: GateHistory
    wiring: Wiring
    gating: str
    steps: float
    d: int

    def snapshot(self, at: int) -> Snapshot:
        """The epoch at that place."""
        epochs = self.history.epochs
        words = tr("epoch {n} of {all}", n=int(epochs[at]), all=int(epochs[-1]))
        return Snapshot(self.wiring, self.gating, of_epoch(self.history, at, self.steps, self.d), words)

    def place(self, epoch: int) -> int:
        """Where an epoch stands."""
        return int(np.argmin(np.abs(self.history.epochs - epoch)))


def run_history(services: Services, choice: str) -> RunHistory | None:
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
    result = history(epochs)
    network = config.get("network", {})
    if result is None or started is None or not isinstance(network, dict):
        return None
    try:
        wiring = mesh_of(network.get("wiring", "documented"))
    except UserError:  # of another version, or edited by hand
        return None
    gating, steps = (
        str(network.get("gating", "routing")),
        float(started.trains.get("steps at most", started.trains.get("longest", 1))),
    )
    return RunHistory(result, wiring, gating, steps, int(network.get("d", 64)))


def has_shipped_run() -> bool:
    """Whether the run that made the bundled model ships with the program."""
    return resource("samples", "reverberation", "run").is_dir()


def snapshot_of(
    observer: Observer, sequences: Sequences, observation: Observation, chosen: list[int], words: str = ""
) -> Snapshot:
    """The chosen sequences, or all where none is chosen. words: of what it is, where that is not plain from the choice."""
    steps = [len(item) for item in sequences.x]
    summary = of_sequences(observation, steps, observer.network.config.d, chosen)
    return Snapshot(
        observer.network.wiring, observer.gating, summary, words or _chosen_words(len(sequences), chosen)
    )


def _chosen_words(count: int, chosen: list[int]) -> str:
    if len(chosen) == 1:
        return tr("sequence {n}", n=chosen[0] + 1)
    if chosen:
        return plural("mean of {n} selected", "mean of {n} selected", len(chosen))
    return plural("mean of {n} sequence", "mean of {n} sequences", count)


def words_of(sequences: Sequences) -> str:
    """What is open, in one line."""
    shortest = min(len(item) for item in sequences.x)
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
