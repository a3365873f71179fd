"""What ``python -m models VERB emotion`` does. The window calls the same functions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from models import audio, checkpoint
from models.emotion import data, speakers, windows
from models.emotion.config import EmotionConfig
from models.emotion.recognizer import FilePrediction, Recognizer
from models.emotion.samples import located
from models.emotion.tables import write_evaluation, write_table
from models.errors import UserError
from models.files import shown
from models.progress import Progress
from models.remarks import told
from models.tables import write_json, write_records
from models.training import config as configs
from models.training import events
from models.training.run_folder import RunFolder


def use(
    choice: str | Path,
    inputs: Sequence[str | Path],
    out: str | Path,
    device: str = "auto",
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Recognise files and folders and write the table: ``path, start_s, end_s, label`` and a probability a class.

    A file that cannot be read is left out of the table and told under ``skipped``; if none can, that is an error.
    """
    progress = progress or Progress()
    paths = audio.find_audio(inputs)
    if not paths:
        raise UserError(
            "There are no sound files in {place}.",
            "Looked for {suffixes}.",
            "Choose files, or a folder that holds some.",
            place=", ".join(map(str, inputs)),
            suffixes=", ".join(sorted(audio.AUDIO_SUFFIXES)),
        )
    recognizer = Recognizer.load(choice, device, progress)
    predictions: list[FilePrediction] = []
    skipped: list[dict[str, str]] = []
    for number, path in enumerate(paths):
        part = progress.part(number / len(paths), (number + 1) / len(paths))
        try:
            predictions.append(recognizer.recognize(path, part))
        except UserError as error:
            skipped.append({"path": str(path), "reason": str(error)})
            print(f"Skipped: {error}")
    if not predictions:
        raise UserError(
            "None of the {count} files could be read.",
            "{reason}",
            "Choose other files.",
            count=len(paths),
            reason=skipped[0]["reason"],
        )
    write_table(Path(out), predictions, recognizer.labels)
    print(f"{len(predictions)} files, {len(skipped)} skipped: {out}")
    return {
        "out": str(out), "files": len(predictions), "skipped": skipped, "labels": list(recognizer.labels),
        "recognised": {shown(one.path): one.label for one in predictions},
    }  # fmt: skip


def evaluate(
    choice: str | Path,
    path: str | Path,
    out: str | Path | None = None,
    device: str = "auto",
    progress: Progress | None = None,
) -> dict[str, Any]:
    """The figures of a checkpoint on labelled data; with `out`, also as ``figures.json``, ``speakers.csv``, ``items.csv``."""
    progress = progress or Progress()
    recognizer = Recognizer.load(choice, device)
    evaluation, items = evaluate_with(recognizer, path, progress)
    if out is not None:
        write_evaluation(Path(out), evaluation, items)
    print(
        f"unweighted average recall {evaluation.uar:.3f}, accuracy {evaluation.accuracy:.3f}, {len(items)} utterances"
    )
    for figures in evaluation.by_speaker:
        print(
            f"  speaker {figures.speaker}: recall {figures.uar:.3f}, accuracy {figures.accuracy:.3f}, n = {figures.n}"
        )
    return evaluation.as_dict()


def evaluate_with(
    recognizer: Recognizer, path: str | Path, progress: Progress
) -> tuple[speakers.Evaluation, list[dict[str, Any]]]:
    """(figures, one row an utterance) of a loaded recognizer on a data set; only labels that it knows count."""
    dataset = data.open_dataset(located(path), labels=list(recognizer.labels))
    rows: list[dict[str, Any]] = []
    probabilities: list[np.ndarray] = []
    kept = dataset.utterances
    window = round(recognizer.window_s * recognizer.sample_rate)
    for number, utterance in enumerate(kept):
        progress.update(number, len(kept), "Listening to {name}", name=Path(utterance.path).name)
        sound = audio.read_part(utterance.path, utterance.start_s, utterance.end_s)
        pieces = [sound[start : start + window] for start in windows.starts(len(sound), window)]
        mean = np.mean([recognizer.classify(piece).probabilities for piece in pieces], axis=0)
        probabilities.append(mean)
        rows.append(
            {
                "path": str(utterance.path),
                "emotion": utterance.emotion,
                "speaker": utterance.speaker,
                "sex": utterance.sex,
                "session": utterance.session,
                "predicted": recognizer.labels[int(mean.argmax())],
                **{
                    f"p_{label}": round(float(p), 6) for label, p in zip(recognizer.labels, mean, strict=True)
                },
            }
        )
    evaluation = speakers.evaluate(
        truth=[u.emotion for u in kept],
        probabilities=np.array(probabilities),
        labels=recognizer.labels,
        speakers=[u.speaker for u in kept],
        sexes=[u.sex for u in kept],
        sessions=[u.session for u in kept],
        ids=[str(u.path) for u in kept],
    )
    return evaluation, rows


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
    anything. Each fold is a run folder under `folder`, whose ``crossval.json`` and ``items.csv`` sum them up. Folds
    that are done are not trained again, so a killed cross-validation goes on.
    """
    progress = progress or Progress()
    if path is not None:
        config = config.model_copy(deep=True)
        config.data.path = str(path)
    dataset = data.open_dataset(
        located(config.data.path), labels=config.data.labels or None, merge=config.data.merged()
    )
    folds = data.split(dataset, by={"subject": "speaker"}.get(by, by), seed=config.seed)
    work = []
    for fold in folds:
        data.check_split(fold)
        values = config.model_dump(mode="json")
        values["data"]["test_speakers"] = sorted({u.speaker for u in fold.test})
        if config.data.hold_back:
            values["data"]["validation_speakers"] = sorted({u.speaker for u in fold.validation})
        work.append((values, str(folder / f"fold-{fold.name}"), device))
    rows: list[dict[str, Any]] = []
    results = _folds(work, jobs)
    for number, (fold, fold_rows) in enumerate(zip(folds, results, strict=True)):
        rows += [{"fold": fold.name, **row} for row in fold_rows]
        progress.update(number + 1, len(folds), "Fold {name} is done", name=fold.name)
    result = summed_up(rows, list(dataset.labels))
    result |= {"by": by, "folder": str(folder), "recipe": config.model_dump(mode="json")}
    write_json(folder / "crossval.json", result)
    write_records(folder / "items.csv", rows)
    print(
        f"unweighted average recall, mean over {len(result['folds'])} folds: {result['uar_mean']:.3f} ± {result['uar_sd']:.3f}, worst {result['uar_worst']:.3f}"
    )
    for name, uar in result["folds"].items():
        print(f"  {name}: {uar:.3f}")
    return result


def summed_up(rows: list[dict[str, Any]], labels: list[str]) -> dict[str, Any]:
    """Mean, spread and worst of the folds' unweighted average recalls, and the figures of all items together."""
    folds = {}
    for name in dict.fromkeys(row["fold"] for row in rows):
        folds[name] = _evaluation([row for row in rows if row["fold"] == name], labels).uar
    together = _evaluation(rows, labels)
    values = np.array(list(folds.values()))
    return {
        "uar_mean": float(values.mean()),
        "uar_sd": float(values.std(ddof=1)) if len(values) > 1 else 0.0,
        "uar_worst": float(values.min()),
        "folds": folds,
        "all_items": together.as_dict(),
    }


def _evaluation(rows: list[dict[str, Any]], labels: list[str]) -> speakers.Evaluation:
    return speakers.evaluate(
        truth=[row["emotion"] for row in rows],
        probabilities=np.array([[row[f"p_{label}"] for label in labels] for row in rows]),
        labels=labels,
        speakers=[row["speaker"] for row in rows],
    )


def _folds(work: list[tuple[dict[str, Any], str, str]], jobs: int) -> Any:
    if jobs <= 1:
        return map(_one_fold, work)
    with ProcessPoolExecutor(
        jobs, mp_context=get_context("spawn"), initializer=_share_cores, initargs=(jobs,)
    ) as pool:
        return list(pool.map(_one_fold, work))


def _share_cores(jobs: int) -> None:
    import os

    from models.devices import use_threads

    use_threads(max(1, (os.cpu_count() or 1) // jobs))


def _one_fold(work: tuple[dict[str, Any], str, str]) -> list[dict[str, Any]]:
    """Train one fold and judge it on its test group; the rows are kept in its run folder."""
    from models.emotion.task import EmotionTask
    from models.training.trainer import Trainer

    values, place, device = work
    config = configs.validated(EmotionConfig, values)
    run = RunFolder(Path(place))
    items = run.path / "items.json"
    if items.is_file():
        return json.loads(items.read_text("utf-8"))
    if not run.config_file.is_file():
        run = RunFolder.create(run.path, "emotion", values)
    end = Trainer(EmotionTask(config), run, device).train()
    if isinstance(end, events.Failed):
        raise UserError(end.what, end.why, end.remedy) if not end.details else RuntimeError(end.details)
    task = EmotionTask(config)
    task.prepare(Progress(), test=True)
    rows = task.judge_test(run.best, device)
    write_json(items, rows)
    return rows


def import_file(path: Path, out: Path) -> dict[str, Any]:
    """Bring in a checkpoint of the published code (``.pt``, ``.pth``, ``.safetensors``) by its names."""
    from models.emotion import published

    state = checkpoint.load_foreign(path)
    found = published.imported(state, title=path.stem)
    checkpoint.save(out, found.weights, found.info)
    print(f"Imported into {out}")
    return told({"checkpoint": str(out)}, found.remarks)


def describe(choice: str | Path | None, out: str | Path | None = None) -> dict[str, Any]:
    """Print the network's layers with their parameters; of the default preset where no checkpoint is named."""
    from models.emotion import network
    from models.emotion.task import network_config

    if choice is None:
        config = network_config(EmotionConfig(), feature_dim=80, classes=4, speakers=6)
    else:
        config = network.NetworkConfig(**checkpoint.read_info(choice, "emotion").network)
    built = network.build(config)
    total = sum(parameter.numel() for parameter in built.parameters())
    for name, child in built.named_children():
        print(f"{name:24} {type(child).__name__:24} {sum(p.numel() for p in child.parameters()):>12,}")
    print(f"{'together':49} {total:>12,}")
    return {"parameters": total}
