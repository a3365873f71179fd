"""Cross-validation of EEG decoders, by subject or by time block, and how r grows with training data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from models.eeg import data, linear, scores
from models.eeg.config import EEGConfig
from models.eeg.correlation import Decoded
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
    if config.network.kind == "ridge":
        run = linear.unseen_subjects if by == "subject" else linear.within_subjects
        outcome = run(dataset, config, rest)
    else:
        outcome = list(_trained_folds(dataset, config, by, Path(folder), device, rest))
    met = dataset.subjects if by == "k" else []
    stimulus = part(dataset, config.data, config.preprocessing, config.seed).stimulus_kind
    kinds = (WITHIN_SUBJECT if by == "k" else UNSEEN_SUBJECTS, stimulus)
    evaluation = scores.evaluate(outcome, dataset.sample_rate, met, kinds=kinds)
    write_evaluation(Path(folder), evaluation)
    result = write_summary(Path(folder), evaluation.as_dict(), config, by)
    say(evaluation)
    return result


def _trained_folds(
    dataset: Dataset, config: EEGConfig, by: str, folder: Path, device: str, progress: Progress
) -> Iterator[Decoded]:
    """What the decoder of each fold makes of the part that is held out in it."""
    blocks = range(config.data.blocks)
    held_out: dict[str, dict[str, object]]
    if by == "subject":
        held_out = {name: {"test_subjects": [name]} for name in dataset.subjects}
    else:
        held_out = {
            f"{name}-{block}": {
                "subjects": [name],
                "test_block": block,
                "validation_block": (block + 1) % len(blocks),
            }
            for name in dataset.subjects
            for block in blocks
        }
    folds = folds_of(config, folder, held_out)
    for number, fold in enumerate(folds):
        progress.update(number, len(folds), "Fold {name}", name=fold.name)
        tested = fold.config.data.test_subjects if by == "subject" else None
        yield from _decoded(fold.place, fold.config, device, tested)


def _decoded(place: Path, config: EEGConfig, device: str, tested: list[str] | None) -> list[Decoded]:
    """Train in the run folder `place`, unless that is done, and decode the test part; `tested`: of these subjects alone."""
    run = train_fold(place, "eeg", config, EEGTask, device)
    task = EEGTask(config)
    task.prepare(Progress())
    decoder = Decoder.load(run.best, device)
    return decoder.decode_stretches(
        [item for item in task.parts.test if tested is None or item.subject in tested]
    )


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
        progress.update(number, len(minutes), "{minutes:g} minutes of training", minutes=amount)
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
        print(
            f"{row['minutes']:8g} minutes: within subject {row['within']:.4f}, held-out subjects {row['held_out']:.4f}"
        )
    return {"points": rows, "folder": str(folder)}
