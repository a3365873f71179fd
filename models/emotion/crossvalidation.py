"""Cross-validation of emotion models: a fold a speaker, a session, or a group of speakers."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from models.devices import use_threads
from models.emotion import data, speakers, splits
from models.emotion.concordance import concordance
from models.emotion.config import EmotionConfig
from models.emotion.dimensions import DIMENSIONS
from models.emotion.samples import located
from models.emotion.tables import ItemRow
from models.emotion.tasks import TASK
from models.progress import Progress
from models.tables import write_json, write_records
from models.training.cross_validation import Folding, cross_validation
from models.training.folds import Fold, folds_of, kept_result, on_data, train_fold, write_summary
from models.worker_processes import end_with_parent

ITEMS = "test-items.json"  # of a fold that is done: one row an utterance of its test group


def crossval(
    config: EmotionConfig,
    path: str | Path | None = None,
    by: str = "speaker",
    folder: Path = Path("crossval"),
    device: str = "auto",
    jobs: int = 1,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Train a fold a speaker (or session, or group of speakers) and judge each on those it never met.

    Within a fold, another group validates (early stopping, choice of weights) and the test group takes no part in
    anything. Each fold is a run folder under `folder`, whose ``crossval.json`` and ``items.csv`` sum them up and whose
    events tell of each fold that is done. Those are not trained again, so a killed cross-validation goes on.
    """
    config = on_data(config, path)
    with cross_validation(folder, "emotion", config, Folding(by, device, jobs)) as told:
        progress = told.watched(progress or Progress())
        dataset = data.open_dataset(
            located(config.data.path), labels=config.data.labels or None, merge=config.data.merged()
        )
        labels, rows = list(dataset.labels), list[ItemRow]()
        folds = folds_of(config, folder, _held_out(dataset, config, by))
        told.begin(len(folds))
        progress.update(0, len(folds), "Training {n} folds, {jobs} at once", n=len(folds), jobs=jobs)
        results = _judged([(fold, device) for fold in folds], jobs)
        for number, (fold, fold_rows) in enumerate(zip(folds, results, strict=True)):
            rows += [{"fold": fold.name, **row} for row in fold_rows]
            progress.update(number + 1, len(folds), "Fold {name} is done", name=fold.name)
            told.judged(fold.name, {"uar": _evaluation(fold_rows, labels).uar})
        result = write_summary(folder, summed_up(rows, labels), config, by)
        write_records(folder / "items.csv", rows)
    print(
        f"unweighted average recall, mean over {len(result['folds'])} folds: {result['uar_mean']:.3f} ± {result['uar_sd']:.3f}, worst {result['uar_worst']:.3f}"
    )
    for name, uar in result["folds"].items():
        print(f"  {name}: {uar:.3f}")
    return result


def _held_out(dataset: data.Dataset, config: EmotionConfig, by: str) -> dict[str, dict[str, list[str]]]:
    """By the fold's name who is tested in it, and who validates where that is asked for."""
    by_group, seed = {"subject": "speaker"}.get(by, by), config.data.seed_of(config.seed)
    held_out: dict[str, dict[str, list[str]]] = {}
    for part in splits.split(dataset, by=by_group, k=config.data.folds, seed=seed):
        held_out[part.name] = {"test_speakers": sorted({u.speaker for u in part.test})}
        if config.data.hold_back:
            held_out[part.name]["validation_speakers"] = sorted({u.speaker for u in part.validation})
    return held_out


def summed_up(rows: list[ItemRow], labels: list[str]) -> dict[str, Any]:
    """Mean, spread and worst of the folds' unweighted average recalls, and the metrics of all items together."""
    folds = {}
    for name in dict.fromkeys(str(row["fold"]) for row in rows):
        folds[name] = _evaluation([row for row in rows if row["fold"] == name], labels).uar
    together = _evaluation(rows, labels)
    values = np.array(list(folds.values()))
    degrees = {name: _concordances(rows, name) for name in DIMENSIONS if f"true_{name}" in rows[0]}
    return {
        "uar_mean": float(values.mean()),
        "uar_sd": float(values.std(ddof=1)) if len(values) > 1 else 0.0,
        "uar_worst": float(values.min()),
        "folds": folds,
        "all_items": together.as_dict(),
        **({"ccc": degrees} if degrees else {}),
    }


def _concordances(rows: list[ItemRow], name: str) -> dict[str, float | None]:
    """Agreement with listeners in a dimension: of all items together (""), and of each fold; None where it is not defined."""
    folds = {"": rows} | {
        str(fold): [row for row in rows if row["fold"] == fold] for fold in {row["fold"] for row in rows}
    }
    result = {}
    for fold, items in sorted(folds.items()):
        truth = np.array([float(row[f"true_{name}"] or "nan") for row in items])
        value = concordance(truth, np.array([float(row[name]) for row in items]))
        result[fold] = value if np.isfinite(value) else None
    return result


def _evaluation(rows: list[ItemRow], labels: list[str]) -> speakers.Evaluation:
    return speakers.evaluate(
        truth=[str(row["emotion"]) for row in rows],
        probabilities=np.array([[float(row[f"p_{label}"]) for label in labels] for row in rows]),
        labels=labels,
        speakers=[str(row["speaker"]) for row in rows],
    )


def _judged(work: Sequence[tuple[Fold[EmotionConfig], str]], jobs: int) -> Iterator[list[ItemRow]]:
    """The rows of every fold, in their order; so many folds are trained at once."""
    if jobs <= 1:
        yield from map(_judged_fold, work)
        return
    with ProcessPoolExecutor(
        jobs, mp_context=get_context("spawn"), initializer=_begin_worker, initargs=(jobs,)
    ) as pool:
        yield from pool.map(_judged_fold, work)


def _begin_worker(jobs: int) -> None:
    """Its share of the cores; and a fold that nobody waits for any more is not trained to its end."""
    end_with_parent()
    use_threads(max(1, (os.cpu_count() or 1) // jobs))


def _judged_fold(work: tuple[Fold[EmotionConfig], str]) -> list[ItemRow]:
    """Train a fold and judge it on its test group; the rows are kept in its run folder."""
    fold, device = work
    kept: list[ItemRow] | None = kept_result(fold.place, fold.config, ITEMS)
    if kept is not None:
        return kept
    run = train_fold(fold.place, "emotion", fold.config, TASK, device)
    task = TASK(fold.config)
    task.prepare(Progress(), test=True)
    rows = task.judge_test(run.best, device)
    write_json(run.path / ITEMS, rows)
    return rows
