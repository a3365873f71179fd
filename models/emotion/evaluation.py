"""Judging an emotion model on labelled speech."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from models import audio
from models.emotion import data, speakers, windows
from models.emotion.concordance import concordances, degrees_of, known
from models.emotion.contents import contents
from models.emotion.recognizer import Recognizer
from models.emotion.samples import located
from models.emotion.significance import Comparison, compare
from models.emotion.tables import ItemRow, degree_columns, item_row
from models.errors import UserError
from models.overlap import TrainingOverlap
from models.progress import Progress


def evaluate_with(
    recognizer: Recognizer, path: str | Path, progress: Progress
) -> tuple[speakers.Evaluation, list[ItemRow]]:
    """(metrics, a row an utterance) of a loaded recognizer on a data set; only labels that it knows count."""
    if not recognizer.labels:
        raise UserError(
            "The model {title} cannot be evaluated on emotions.",
            "It gives {dimensions}, and no classes to hold against the labels.",
            "Choose a model of classes; this one is used in Live and Files.",
            title=recognizer.info.title,
            dimensions=", ".join(recognizer.dimensions),
        )
    merged = data.EXCITED_IS_HAPPY if recognizer.info.preprocessing.get("excited_is_happy", True) else {}
    dataset = data.open_dataset(located(path), labels=list(recognizer.labels), merge=merged)
    rows: list[ItemRow] = []
    probabilities: list[np.ndarray] = []
    told: list[np.ndarray] = []
    kept = dataset.utterances
    listeners = Listeners.of(recognizer, dataset)
    overlap = TrainingOverlap.of(recognizer.info, contents(kept))
    window = round(recognizer.window_s * recognizer.sample_rate)
    for number, utterance in enumerate(kept):
        progress.update(number, len(kept), "Listening to {name}", name=Path(utterance.path).name)
        sound = audio.read_part(utterance.path, utterance.start_s, utterance.end_s)
        pieces = [sound[start : start + window] for start in windows.starts(len(sound), window)]
        heard = [recognizer.classify(piece) for piece in pieces]
        mean = np.mean([item.probabilities for item in heard], axis=0)
        probabilities.append(mean)
        told.append(np.mean([item.dimensions for item in heard], axis=0)[listeners.columns])
        more: dict[str, str | float] = {"learned": bool(overlap.items[number])}
        more |= degree_columns(listeners.names, listeners.truth[number], told[-1])
        rows.append(item_row(utterance, str(utterance.path), recognizer.labels, mean, more))
    evaluation = speakers.evaluate(
        truth=[u.emotion for u in kept],
        probabilities=np.array(probabilities),
        labels=recognizer.labels,
        speakers=[u.speaker for u in kept],
        sexes=[u.sex for u in kept],
        sessions=[u.session for u in kept],
        ids=[str(u.path) for u in kept],
    )
    agreed = concordances(listeners.names, listeners.truth, np.array(told), [u.speaker for u in kept])
    return replace(evaluation, overlap=overlap, skipped=tuple(dataset.skipped), degrees=agreed), rows


@dataclass(frozen=True)
class Listeners:
    """What listeners told of the utterances of a data set, in those dimensions that a model gives.

    truth: float32 [n, names] from 0 to 1, NaN where it is not known. columns: where the names are among the model's dimensions.
    """

    names: tuple[str, ...]
    columns: list[int]
    truth: np.ndarray

    @classmethod
    def of(cls, recognizer: Recognizer, dataset: data.Dataset) -> Listeners:
        """Raises UserError for a degree beyond the data's scale: the corpus's own, else that of the tables the model learned from."""
        there = known(dataset.utterances)
        names = tuple(name for name in recognizer.dimensions if name in there)
        learned = recognizer.info.preprocessing.get("degree_scale", (0.0, 1.0))
        lowest, highest = dataset.degree_scale or (float(learned[0]), float(learned[1]))
        truth = degrees_of(dataset.utterances, names, lowest, highest)
        return cls(names, [recognizer.dimensions.index(name) for name in names], truth)


def compared_with(
    evaluation: speakers.Evaluation, other: str | Path, path: str | Path, device: str, progress: Progress
) -> Comparison:
    """The paired tests between an evaluation on the data at `path` and another model there: the other minus this.

    other: a model, or the ``items.csv`` that an evaluation of one wrote. Raises UserError where the utterances are not the
    same, such as for a model of other emotions.
    """
    if Path(other).suffix.lower() == ".csv":
        return compare(evaluation, speakers.read_items(other))
    other_evaluation, _ = evaluate_with(Recognizer.load(other, device), path, progress)
    return compare(evaluation, other_evaluation)
