"""Judging a mesh on sequences with targets, beside a ridge on their means."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from models.errors import UserError
from models.overlap import TrainingOverlap
from models.progress import Progress
from models.reverberation import baselines, data
from models.reverberation.contents import contents
from models.reverberation.observer import Observer
from models.reverberation.task import regression


def evaluate_with(
    observer: Observer, path: str | Path, progress: Progress | None = None
) -> tuple[TrainingOverlap, dict[str, dict[str, float]]]:
    """(what the model had met of it, metrics by method). Of the data that a model was trained on, its held-out part alone is judged,
    with a ridge on time means that was fitted to the rest. Raises UserError where there are no targets."""
    sequences = data.open_sequences(path)
    if sequences.y is None:
        raise UserError(
            "{name} has no targets.",
            "Metrics need one number a sequence.",
            "Add them as y, or as a column target.",
            name=sequences.title,
        )
    train, held = observer.held_out(sequences)
    part = sequences.part(held)
    assert part.y is not None
    result = {"mesh": regression(observer.observe(part, progress).output, part.y)}
    if len(train):
        result["ridge on time means"] = regression(baselines.ridge(sequences.part(train), part), part.y)
    validated = TrainingOverlap.of(observer.info, contents(sequences, held))
    return replace(validated, left_out=len(sequences) - len(held)), result
