"""What ``python -m models VERB eeg`` does. The window calls the same functions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from models.datafiles import write_whole
from models.eeg import data, linear, scores
from models.eeg.alignment import align
from models.eeg.config import EEGConfig
from models.eeg.decoder import Decoder, Decoding
from models.eeg.evaluation import evaluate_with
from models.eeg.parting import UNSEEN_SUBJECTS, WITHIN_SUBJECT, part
from models.eeg.recordings import Recording, open_recording
from models.eeg.samples import bundled, located, met_subjects
from models.eeg.scores import Decoded, Evaluation
from models.eeg.tables import decoded_bytes, write_evaluation
from models.errors import UserError
from models.progress import Progress
from models.tables import write_json
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
    """Decode recordings into NPZ: ``envelope`` [time] or [n, time], ``fs``, and how the EEG was preprocessed as JSON text.

    One input is written to `out`, several into the folder `out` under their names.
    """
    progress = progress or Progress()
    decoder = Decoder.load(choice, device, progress)
    written = []
    for number, path in enumerate(map(Path, inputs)):
        portion = progress.part(number / len(inputs), (number + 1) / len(inputs))
        opened = open_recording(path)
        parts = [decoder.decode_recording(one, progress=portion) for one in opened.trials or (opened,)]
        place = Path(out) if len(inputs) == 1 else Path(out) / f"{path.stem}.npz"
        envelopes = [one.envelope for one in parts]
        write_whole(place, decoded_bytes(np.stack(envelopes) if opened.trials else envelopes[0], parts[0]))
        row: dict[str, Any] = {
            "input": str(path),
            "out": str(place),
            "seconds": opened.duration_s,
            "trials": len(parts),
        }
        r = _r_where_known(decoder, opened, parts)
        if r is not None:
            row["r"] = r
        written.append(row)
        remarks = dict.fromkeys(str(remark) for one in parts for remark in one.remarks)
        for remark in remarks:
            print(f"{path.name}: {remark}")
        print(f"{path.name}: {place}" + (f", r {r:.3f} with its envelope" if r is not None else ""))
    return {"out": str(out), "files": written, "checkpoint": decoder.info.title}


def _r_where_known(decoder: Decoder, opened: Recording, parts: Sequence[Decoding]) -> float | None:
    known = [one.envelope for one in opened.trials or (opened,)]
    if opened.sample_rate != decoder.sample_rate or any(one is None for one in known):
        return None
    found = []
    for one, true in zip(parts, known, strict=True):
        assert true is not None
        both = align(one.envelope[:, None], true, decoder.sample_rate)
        found.append(float(scores.pearson(both.eeg[:, 0], decoder.target(both.envelope))))
    return float(np.mean(found))


def evaluate(
    choice: str | Path,
    path: str | Path,
    out: str | Path | None = None,
    device: str = "auto",
    progress: Progress | None = None,
) -> dict[str, Any]:
    """The figures of a checkpoint on the test part of a data set, parted as it was for its training.

    With `out`, also as ``figures.json`` and ``subjects.csv``.
    """
    progress = progress or Progress()
    decoder = Decoder.load(choice, device)
    evaluation = evaluate_with(decoder, path, progress)
    if out is not None:
        write_evaluation(Path(out), evaluation)
    say(evaluation)
    return evaluation.as_dict()


def say(evaluation: Evaluation) -> None:
    """Print the figures."""
    print(f"mean r {evaluation.r:.3f}, chance {evaluation.chance:.3f}: {evaluation.generalisation}")
    for name, value in (
        ("within subject", evaluation.within),
        ("held-out subjects", evaluation.held_out),
        ("score", evaluation.score),
    ):
        if value is not None:
            print(f"  {name}: {value:.4f}")
    for one in evaluation.subjects:
        windows = ", ".join(f"{length:g} s {r:.3f}" for length, r in one.windows.items())
        print(
            f"  subject {one.subject}: r {one.r:.3f}, p {one.p:.3f}"
            + (f" (windows of {windows})" if windows else "")
        )


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
    progress = progress or Progress()
    config = config.model_copy(deep=True)
    if path is not None:
        config.data.path = str(path)
    if by not in ("subject", "k"):
        raise UserError(
            "EEG cannot be cross-validated by {by}.", "Known are subject (unseen subjects) and k (time blocks within a subject).",
            "Choose one of these.", by=by,
        )  # fmt: skip
    dataset = data.open_dataset(
        located(config.data.path), config.preprocessing, config.data.subjects, progress.part(0, 0.1)
    )
    if by == "subject" and len(dataset.subjects) < 2:
        raise UserError(
            "The data has a single subject, {subject}.", "What is learned must be judged on someone else.",
            "Cross-validate by k, within the subject.", subject=dataset.subjects[0],
        )  # fmt: skip
    rest = progress.part(0.1, 1)
    if config.network.kind == "ridge":
        run = linear.unseen_subjects if by == "subject" else linear.within_subjects
        found = run(dataset, config, rest)
    else:
        found = list(_trained_folds(dataset, config, by, Path(folder), device, rest))
    met = dataset.subjects if by == "k" else []
    stimulus = part(dataset, config.data, config.preprocessing, config.seed).stimulus_kind
    kinds = (WITHIN_SUBJECT if by == "k" else UNSEEN_SUBJECTS, stimulus)
    evaluation = scores.evaluate(found, dataset.sample_rate, met, kinds=kinds)
    result = evaluation.as_dict() | {
        "by": by,
        "folder": str(folder),
        "recipe": config.model_dump(mode="json"),
    }
    write_evaluation(Path(folder), evaluation)
    write_json(Path(folder) / "crossval.json", result)
    say(evaluation)
    return result


def _trained_folds(
    dataset: data.Dataset, config: EEGConfig, by: str, folder: Path, device: str, progress: Progress
) -> Iterator[Decoded]:
    folds: list[tuple[str, dict[str, Any]]] = []
    for name in dataset.subjects:
        if by == "subject":
            folds.append((name, {"test_subjects": [name]}))
            continue
        for block in range(config.data.blocks):
            following = (block + 1) % config.data.blocks
            folds.append(
                (f"{name}-{block}", {"subjects": [name], "test_block": block, "validation_block": following})
            )
    for number, (name, changes) in enumerate(folds):
        progress.update(number, len(folds), "Fold {name}", name=name)
        values = config.model_dump(mode="json")
        values["data"] |= changes
        yield from _one_fold(folder / f"fold-{name}", values, device, changes.get("test_subjects"))


def _one_fold(place: Path, values: dict[str, Any], device: str, tested: list[str] | None) -> list[Decoded]:
    """Train one fold, unless that is done, and decode its test part."""
    from models.eeg.task import EEGTask
    from models.training.trainer import Trainer

    config = configs.validated(EEGConfig, values)
    run = RunFolder(place)
    if not run.config_file.is_file():
        run = RunFolder.create(place, "eeg", values)
    end = Trainer(EEGTask(config), run, device).train()
    if isinstance(end, events.Failed):
        raise UserError(end.what, end.why, end.remedy) if not end.details else RuntimeError(end.details)
    task = EEGTask(config)
    task.prepare(Progress())
    decoder = Decoder.load(run.best, device)
    return decoder.decode_stretches(
        [one for one in task.parts.test if tested is None or one.subject in tested]
    )


def learning_curve(
    config: EEGConfig,
    minutes: Sequence[float],
    folder: Path,
    device: str = "auto",
    progress: Progress | None = None,
) -> list[dict[str, float]]:
    """How r grows with training data: the recipe trained on so many minutes (0: all), each judged on the same test part.

    One run folder a point under `folder`; points that are done are not trained again. A row has ``minutes`` (asked for),
    ``within`` and ``held_out`` (NaN where there is no such subject).
    """
    progress = progress or Progress()
    rows = []
    for number, amount in enumerate(minutes):
        progress.update(number, len(minutes), "{minutes:g} minutes of training", minutes=amount)
        values = config.model_dump(mode="json")
        values["data"]["minutes"] = amount
        place = Path(folder) / f"minutes-{amount:g}"
        found = _one_fold(place, values, device, None)
        met = met_subjects(Decoder.load(place / "best", device).info)
        evaluation = scores.evaluate(found, config.preprocessing.sample_rate, met, draws=0)
        rows.append(
            {
                "minutes": float(amount),
                "within": float("nan") if evaluation.within is None else evaluation.within,
                "held_out": float("nan") if evaluation.held_out is None else evaluation.held_out,
            }
        )
    return rows


def import_file(path: Path, out: Path) -> dict[str, Any]:
    """No published EEG decoder fits these networks; their weights cannot be brought in."""
    raise UserError(
        "{name} cannot be imported.",
        "The decoders that others have published are built differently, so their weights fit none of these networks.",
        "Train one here; the linear decoder takes seconds.",
        name=Path(path).name,
    )


def describe(choice: str | Path | None) -> dict[str, Any]:
    """Print a decoder's layers with their parameters; of both versions at full size where no checkpoint is named."""
    from models import checkpoint
    from models.eeg import network
    from models.eeg.network import NetworkConfig

    if choice is None:
        chosen = {version: NetworkConfig(version=version) for version in ("v1", "v2")}
    else:
        chosen = {str(choice): NetworkConfig(**checkpoint.read_info(bundled(str(choice)), "eeg").network)}
    totals = {}
    for name, config in chosen.items():
        built = network.build(config)
        print(f"{name}: {config.kind}" + (f" {config.version}" if config.kind == "conformer" else ""))
        for part_name, child in built.named_children():
            print(
                f"  {part_name:22} {type(child).__name__:24} {sum(p.numel() for p in child.parameters()):>12,}"
            )
        totals[name] = sum(p.numel() for p in built.parameters())
        print(f"  {'together':47} {totals[name]:>12,}")
    if choice is not None:
        return {"parameters": next(iter(totals.values()))}
    print(
        "Published are 46.8 M for v1 and 0.3 to 0.6 M more for v2; the layers they list do not add up to that."
    )
    return {"parameters": totals["v2"], "v1": totals["v1"], "v2": totals["v2"]}
