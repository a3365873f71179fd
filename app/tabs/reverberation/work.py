"""What the tab has computed in its workers' threads; torch is imported there and not before."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.progress import Progress
    from models.reverberation.observer import Effect, Observation, Observer
    from models.reverberation.sequences import Sequences

WORKER = "reverberation"
OTHER_WORKER = "reverberation compared"  # holds the model that the first is compared with
RANKER = "reverberation ranked"  # mutes every role in turn, and lets what is muted by hand go first

Edge = tuple[str, str]
MOST_PREFIXES = 200  # of a sequence that is heard step by step; of a longer one, as many steps, evenly


@dataclass(frozen=True)
class Ranking:
    """The roles by what muting each adds, and of how many sequences; held_out: those the model did not train on."""

    effects: list[Effect]
    sequences: int
    held_out: bool


@dataclass(frozen=True)
class Growth:
    """One sequence as it is heard. steps: up to which step, from 1; the last is the whole sequence. observation: what the
    mesh makes of each of these parts, the target being that of the whole sequence."""

    steps: list[int]
    observation: Observation


@dataclass(frozen=True)
class Structure:
    """tree: plain text. counts: parameters a module. drawings: SVG texts by name."""

    tree: str
    counts: dict[str, int]
    drawings: dict[str, bytes]


def observed(
    observer: Observer,
    sequences: Sequences,
    muted: frozenset[str],
    cut: frozenset[Edge],
    progress: Progress,
) -> Observation:
    """`Observer.observe` as a worker calls it; muted: roles, cut: connections that carry nothing."""
    return observer.observe(sequences, progress, muted=sorted(muted), cut=sorted(cut))


def grown(
    observer: Observer,
    sequences: Sequences,
    number: int,
    muted: frozenset[str],
    cut: frozenset[Edge],
    progress: Progress,
) -> Growth:
    """One sequence, cut off after each of its steps."""
    import numpy as np

    from models.reverberation.sequences import Sequences

    whole = sequences.x[number]
    steps = np.unique(np.linspace(1, len(whole), min(len(whole), MOST_PREFIXES)).round().astype(int))
    target = None if sequences.y is None else np.full(len(steps), sequences.y[number], np.float32)
    prefixes = Sequences(tuple(whole[:step] for step in steps), target)
    return Growth(steps.tolist(), observed(observer, prefixes, muted, cut, progress))


def ranked(observer: Observer, sequences: Sequences, progress: Progress) -> Ranking:
    """On held-out sequences, where these are the data that the model was trained on."""
    from models.reverberation.observer import MOST_RANKED

    train, held = observer.held_out(sequences)
    effects = observer.ranking(sequences.part(held), progress)
    return Ranking(effects, min(len(held), MOST_RANKED), bool(len(train)))


def structure(observer: Observer) -> Structure:
    """Tree, parameter table and drawings of a model."""
    import tempfile

    from models.reverberation import drawing

    counts = observer.parameters()
    with tempfile.TemporaryDirectory() as folder:
        files = drawing.draw(observer.network.wiring, counts, Path(folder), ("svg",))
        drawings = {file.stem: file.read_bytes() for file in files}
    return Structure(drawing.tree(observer.network, counts), counts, drawings)


def describe(observer: Observer, folder: Path) -> None:
    """Write drawings, tree and parameter table of a model. Raises UserError."""
    from models.reverberation import drawing

    drawing.describe(observer.network, observer.parameters(), folder)
