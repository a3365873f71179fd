"""Cross-validation of EEG decoders, by subject or by time block, and how r grows with training data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from models.eeg import data, linear, scores
from models.eeg.config import EEGConfig
from models.eeg.correlation import Decoded, pearson
from models.eeg.dataset import Dataset
from models.eeg.decoder import Decoder
from models.eeg.printing import say
from models.eeg.samples import located, met_subjects
from models.eeg.splits import UNSEEN_SUBJECTS, WITHIN_SUBJECT, part
from models.eeg.tables import write_evaluation
from models.eeg.task import EEGTask
from models.errors import UserError
from models.progress import Progress
from models.tables import write_records
from models.training.cross_validation import Folding, FoldReporter, cross_validation
from models.training.folds import folds_of, on_data, train_fold, with_data, write_summary


def crossval(
    config: EEGConfig,
    path: str | Path | None = None,
    by: str = "subject",
    folder: Path = Path("crossval"),
    device: str = "auto",
    jobs: int = 1,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """By ``subject``: each subject is decoded by what the others taught, on time none of them was learned from. By ``k``: each
    subject by itself, every time block once. Linear decoders are solved in one go; a Conformer is trained a fold a run
    folder, and folds that are done are not trained again. Writes ``crossval.json`` and ``subjects.csv`` into `folder`.
    """
    progress, config = progress or Progress(), on_data(config, path)
    if by not in ("subject", "k"):
        raise UserError(
            "EEG cannot be cross-validated by {by}.",
            "Known are subject (unseen subjects) and k (time blocks within a subject).",
            "Choose one of these.",
            by=by,
        )
    folder = Path(folder)
    with cross_validation(folder, "eeg", config, Folding(by, device, jobs)) as told:
        evaluation = _judged(config, by, folder, device, told, told.watched(progress))
        result = write_summary(folder, evaluation.as_dict(), config, by)
    say(evaluation)
    return result


def _judged(
    config: EEGConfig, by: str, folder: Path, device: str, told: FoldReporter, progress: Progress
) -> scores.Evaluation:
    dataset = data.open_dataset(
        located(config.data.path), config.preprocessing, config.data.subjects, progress.part(0, 0.1)
    )
    if by == "subject" and len(dataset.subjects) < 2:
        raise UserError(
            "The data has a single subject, {subject}.",
            "What is learned must be judged on someone else.",
            "Cross-validate by k, within the subject.",
            subject=dataset.subjects[0],
        )
    rest = progress.part(0.1, 1)
    outcome: list[Decoded] = []
    if config.network.kind == "ridge":  # solved in one go, a fold a subject
        told.begin(len(dataset.subjects))
        run = linear.unseen_subjects if by == "subject" else linear.within_subjects
        outcome = run(dataset, config, rest)
        for subject in dataset.subjects:
            told.judged(subject, {"r": _mean_r([item for item in outcome if item.subject == subject])})
    else:
        folds = folds_of(config, folder, _held_out(dataset, config, by))
        told.begin(len(folds))
        for number, fold in enumerate(folds):
            rest.update(number, len(folds), "Fold {name}", name=fold.name)
            tested = fold.config.data.test_subjects if by == "subject" else None
            decoded = _decoded(fold.place, fold.config, device, tested)
            told.judged(fold.name, {"r": _mean_r(decoded)})
            outcome += decoded
    met = dataset.subjects if by == "k" else []
    stimulus = part(dataset, config.data, config.preprocessing, config.seed).stimulus_kind
    kinds = (WITHIN_SUBJECT if by == "k" else UNSEEN_SUBJECTS, stimulus)
    evaluation = scores.evaluate(outcome, dataset.sample_rate, met, kinds=kinds)
    write_evaluation(folder, evaluation)
    return evaluation


def _mean_r(decoded: Sequence[Decoded]) -> float:
    """Pearson's r, the mean over stretches; NaN where there is none."""
    values = [float(pearson(item.decoded, item.envelope)) for item in decoded]
    return float(np.mean(values)) if values else float("nan")


def _held_out(dataset: Dataset, config: EEGConfig, by: str) -> dict[str, dict[str, object]]:
    """By the fold's name the settings of the data that say what is tested in it."""
    if by == "subject":
        return {name: {"test_subjects": [name]} for name in dataset.subjects}
    blocks = range(config.data.blocks)
    return {
        f"{name}-{block}": {
            "subjects": [name],
            "test_block": block,
            "validation_block": (block + 1) % len(blocks),
        }
        for name in dataset.subjects
        for block in blocks
    }


def _decoded(place: Path, config: EEGConfig, device: str, tested: list[str] | None) -> list[Decoded]:
    """Train in the run folder `place`, unless that is done, and decode the test part; `tested`: of these subjects alone."""
    run = train_fold(place, "eeg", config, EEGTask, device)
    task = EEGTask(config)
    task.prepare(Progress())
    decoder = Decoder.load(run.best, device)
    return decoder.decode_stretches(
        [item for item in task.parts.test if tested is None or item.subject in tested]
    )


def _minutes_words(minutes: float) -> str:
    return f"{minutes:g} minutes" if minutes else "all minutes"


def learning_curve(
    config: EEGConfig,
    minutes: Sequence[float],
    folder: Path,
    device: str = "auto",
    progress: Progress | None = None,
) -> dict[str, Any]:
    """How r grows with training data: the recipe trained on so many minutes (0: all), each judged on the same test part.

    One run folder a point under `folder`; points that are done are not trained again. Each of ``points`` has ``minutes`` (asked for),
    ``within`` and ``held_out`` (NaN where there is no such subject).
    """
    progress = progress or Progress()
    rows = []
    for number, amount in enumerate(minutes):
        words = _minutes_words(amount)
        progress.update(number, len(minutes), "{minutes} of training", minutes=words)
        place = Path(folder) / f"minutes-{amount:g}"
        result = _decoded(place, with_data(config, minutes=amount), device, None)
        met = met_subjects(Decoder.load(place / "best", device).info)
        evaluation = scores.evaluate(result, config.preprocessing.sample_rate, met, draws=0)
        rows.append(
            {
                "minutes": float(amount),
                "within": float("nan") if evaluation.within is None else evaluation.within,
                "held_out": float("nan") if evaluation.held_out is None else evaluation.held_out,
            }
        )
    write_records(Path(folder) / "learning-curve.csv", rows)
    for row in rows:
        judged = {"within subject": row["within"], "held-out subjects": row["held_out"]}
        figures = ", ".join(f"{name} {r:.4f}" for name, r in judged.items() if np.isfinite(r))
        print(f"{_minutes_words(row['minutes']):>14}: {figures}")
    return {"points": rows, "folder": str(folder)}
