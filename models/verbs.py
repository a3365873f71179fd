"""What each verb of the command line does. Takes the parsed options, returns what ``--json`` prints."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from models import checkpoint, given, systems
from models.contract import Result, offered
from models.errors import UserError, given_place
from models.flags import options_of
from models.kernels import memory
from models.remarks import with_remarks
from models.resources import runs_folder
from models.search.index_settings import IndexSettings
from models.search.queries import Query, SearchOptions, written_terms
from models.terminal import shown_progress
from models.training import config as configs
from models.training import cross_validation, events
from models.training.run_folder import RunFolder, RunStory
from models.training.runs import new_run_path


def train(options: argparse.Namespace) -> dict[str, Any]:
    """A new run of a preset or a config; under torchrun the leading process makes its folder."""
    config = _config(options)
    path = _run_path(options, "" if options.config else options.preset)
    if int(os.environ.get("RANK", "0")):
        return _run_training(RunFolder(path), options, config)
    run = RunFolder.create(path, options.system, config.model_dump(mode="json"))
    return _run_training(run, options, config)


def resume(options: argparse.Namespace) -> dict[str, Any]:
    """Go on with a run as it was trained: on its device, by as many processes, as far as this machine has them."""
    run = RunFolder.open(Path(given_place(options.folder, "RUN")))
    if (folding := cross_validation.folding_of(run)) is not None:
        return _resume_folds(run, folding, options)
    story = RunStory(run)
    story.read()
    before = story.started
    if before is not None and options.device == "auto":
        options.device = before.device.partition(":")[0] if before.processes > 1 else before.device
    alone = "WORLD_SIZE" not in os.environ
    if before is not None and before.processes > 1 and alone:
        from models.training.distribution import enough_for

        if before.nodes == 1 and enough_for(before.processes, options.device):
            return _together(run, options, before.processes)
        print(
            f"The run was trained by {before.processes} processes on {before.nodes} machines and goes on with one: the steps"
            " stay the same but for what dropout draws. To have them all, resume it by torchrun.",
            file=sys.stderr,
        )
    return _run_training(run, options)


def _resume_folds(
    run: RunFolder, folding: cross_validation.Folding, options: argparse.Namespace
) -> dict[str, Any]:
    """Go on with a cross-validation: the folds that are done stay as they are."""
    values = run.config()
    system = systems.system(str(values.get("system", "")))
    crossval = offered(system, "cross-validation", system.capabilities.crossval)
    if options.device == "auto":
        options.device = folding.device
    return crossval(
        configs.validated(systems.training_config(system.name), values),
        None,
        by=folding.by,
        folder=run.path,
        device=_device(options),
        jobs=folding.jobs,
        progress=shown_progress(options.quiet),
    )


def _together(run: RunFolder, options: argparse.Namespace, processes: int) -> dict[str, Any]:
    """Resume by several processes of this machine, as torchrun starts them."""
    together = [
        "-m",
        "torch.distributed.run",
        "--standalone",
        f"--nproc-per-node={processes}",
        "-m",
        "models",
    ]
    asked = ["resume", str(run.path), "--device", options.device, "--threads", str(options.threads)]
    signal.signal(signal.SIGTERM, lambda *_: run.request_stop())  # all of them are to save and end
    done = subprocess.run([sys.executable, *together, *asked, *(["--quiet"] if options.quiet else [])])
    story = RunStory(run)
    story.read()
    if story.failed is not None and not story.failed.details:
        raise story.failed.error
    result: dict[str, Any] = {"run": str(run.path), "reason": "failed", "exit_code": done.returncode or 1}
    return result if done.returncode or story.finished is None else _result(run, story.finished)


def _run_training(
    run: RunFolder, options: argparse.Namespace, config: configs.TrainingConfig | None = None
) -> dict[str, Any]:
    leads = not int(os.environ.get("RANK", "0"))
    if config is None:
        values = run.config()
        name = str(values.get("system", ""))
        config = configs.validated(systems.training_config(name), values)
    else:
        name = options.system
    if leads:
        print(f"Run folder: {run.path}")
    memory.keep_between_steps()
    device = _device(options)

    from models.training.trainer import Trainer

    end = Trainer(systems.task(name, config), run, device, shown_progress(options.quiet)).train()
    print(file=sys.stderr)
    if isinstance(end, events.Failed):
        error = end.error
        if end.details:
            print(end.details, file=sys.stderr)
            print(error, file=sys.stderr)
            return {"run": str(run.path), "reason": "failed", "exit_code": 1}
        raise error
    best = (
        ""
        if end.best_value is None
        else f", best {end.metric} {end.best_value:.4f} in epoch {end.best_epoch}"
    )
    if leads:
        print(f"Run {end.reason} after epoch {end.epoch}{best}: {run.path}")
    return _result(run, end)


def _result(run: RunFolder, end: events.Finished) -> dict[str, Any]:
    return {
        "run": str(run.path),
        "reason": end.reason,
        "epoch": end.epoch,
        "best_epoch": end.best_epoch,
        "metric": end.metric,
        "best": end.best_value,
        "checkpoint": str(run.best),
    }


def check_data(options: argparse.Namespace) -> dict[str, Any]:
    """Print how much of the data is in each split, and what was left out and why."""
    from dataclasses import asdict

    result = systems.task(options.system, _config(options)).check(shown_progress(options.quiet))
    for name, counts in result.parts.items():
        print(f"{name:12} " + ", ".join(f"{value} {what}" for what, value in counts.items()))
    for what, why in result.skipped:
        print(f"Skipped: {what}: {why}")
    for remark in result.remarks:
        print(remark)
    return asdict(result)


def diagnose(options: argparse.Namespace) -> dict[str, Any]:
    """Print what is the matter with a run, by its curves and its gradients."""
    from models.training.findings import findings
    from models.training.record import Record

    run = RunFolder.open(Path(given_place(options.folder, "RUN")))
    if cross_validation.is_cross_validation(run):
        raise UserError(
            "{name} is a cross-validation.",
            "Each of its folds is a run with a diagnosis of its own.",
            "Name one of its folds: {folds}.",
            name=run.name,
            folds=", ".join(fold.name for fold in cross_validation.folds_in(run)[:3]) or "none was begun",
        )
    values = run.config()
    config = configs.validated(systems.training_config(str(values.get("system", ""))), values)
    record = Record.read(run)
    outcome = findings(record, config)
    result: dict[str, Any] = {"run": str(run.path), "findings": []}
    for item in outcome or []:
        print(f"{ {'error': '✕', 'warning': '!', 'good': '✓'}[item.level] } {item}")
        for remedy in item.remedies:
            print(
                f"    {remedy.words}: --set "
                + " ".join(f"{key}={value}" for key, value in remedy.changes.items())
            )
        remedies = [{"words": remedy.words, "changes": remedy.changes} for remedy in item.remedies]
        result["findings"].append(
            {"kind": item.kind, "level": item.level, "words": str(item), "remedies": remedies}
        )
    flow = record.flow
    if flow.steps:
        print(
            f"\n{'layer':40} {'gradient':>10} {'of output':>10} {'moved':>8} {'dead':>6}   at step {flow.steps[-1]}"
        )
        rows = [flow.table(name)[-1] for name in ("gradient", "ratio", "moved", "dead")]
        for name, gradient, ratio, moved, dead in zip(flow.layers, *rows, strict=True):
            print(
                f"{name or 'network':40} {gradient:10.3g} {100 * ratio:8.2f} % {moved:8.4f} {100 * dead:4.0f} %"
            )
        result["layers"] = {
            name: {"gradient": g, "ratio": r, "moved": m, "dead": d}
            for name, g, r, m, d in zip(flow.layers, *(row.tolist() for row in rows), strict=True)
        }
    elif not outcome:
        print("The run has told nothing yet.")
    return result


def evaluate(options: argparse.Namespace) -> Result:
    """Judge a checkpoint on data. Raises UserError."""
    system = systems.system(options.system)
    chosen = options_of(options, system.evaluate_options)
    given_place(options.data, "--data")
    return system.capabilities.evaluate(
        options.checkpoint, options.data, options.out, chosen, _device(options), shown_progress(options.quiet)
    )


def crossval(options: argparse.Namespace) -> Result:
    """Train a fold a group and judge each on the group that it never met. Raises UserError."""
    system = systems.system(options.system)
    crossval = offered(system, "cross-validation", system.capabilities.crossval)
    known = system.crossval_by
    by = options.by or known[0]
    if by not in known:
        raise UserError(
            "{title} cannot be cross-validated by {by}.",
            "A fold leaves out one of {known}.",
            "Choose one of these.",
            title=system.title,
            by=by,
            known=", ".join(known),
        )
    return crossval(
        _config(options),
        options.data,
        by=by,
        folder=_run_path(options, f"crossval-{by}"),
        device=_device(options),
        jobs=options.jobs,
        progress=shown_progress(options.quiet),
    )


def learning_curve(options: argparse.Namespace) -> Result:
    """Train on more and more data and judge each on the same test part. Raises UserError."""
    system = systems.system(options.system)
    curve = offered(system, "learning curve", system.capabilities.learning_curve)
    return curve(
        _config(options),
        options.minutes,
        folder=_run_path(options, "learning-curve"),
        device=_device(options),
        progress=shown_progress(options.quiet),
    )


def use(options: argparse.Namespace) -> Result:
    """Run inputs through a checkpoint and write what comes of it. Raises UserError."""
    system = systems.system(options.system)
    chosen = options_of(options, system.use_options)
    inputs = [given_place(place, "INPUT") for place in options.inputs]
    out = given_place(options.out, "--out")
    return system.capabilities.use(
        options.checkpoint, inputs, out, chosen, _device(options), shown_progress(options.quiet)
    )


def index(options: argparse.Namespace) -> Result:
    """Make an index of a folder of pictures, or bring one up to date. Raises UserError."""
    build = systems.system("search").capabilities.extra["index"]
    return build(
        given_place(options.folder, "FOLDER"),
        given_place(options.out, "--out"),
        options.checkpoint,
        options_of(options, IndexSettings),
        device=_device(options),
        progress=shown_progress(options.quiet),
    )


def upkeep(options: argparse.Namespace) -> Result:
    """Look for faults of an index, put them right, give room back; list, move or drop its folders. Raises UserError."""
    look_after = systems.system("search").capabilities.extra["upkeep"]
    folders = [given_place(folder, "FOLDER") for folder in options.folders]
    return look_after(given_place(options.index, "INDEX"), options.action, folders)


def search(options: argparse.Namespace) -> Result:
    """Print the pictures of an index that answer words or a picture best. Raises UserError."""
    ask = systems.system("search").capabilities.extra["search"]
    text, terms = written_terms(options.words)
    more, less = tuple(options.more), tuple(options.less)
    query = Query(text=text, picture=options.image, more=more, less=less, terms=terms)
    return ask(
        given_place(options.index, "INDEX"),
        query,
        options_of(options, SearchOptions),
        options.checkpoint,
        device=_device(options),
        progress=shown_progress(options.quiet),
    )


def mixtures(options: argparse.Namespace) -> Result:
    """Write mixtures of voices as files, with their sources and a table. Raises UserError."""
    write = systems.system("separation").capabilities.extra["mixtures"]
    return write(
        given_place(options.data, "DATA"),
        given_place(options.out, "--out"),
        options.checkpoint,
        options.count,
        progress=shown_progress(options.quiet),
    )


def import_checkpoint(options: argparse.Namespace) -> Result:
    """Make a checkpoint of a foreign file, or a data set of foreign data. Raises UserError."""
    system = systems.system(options.system)
    place, out = Path(given_place(options.file, "FILE")), Path(given_place(options.out, "--out"))
    import_data = system.capabilities.import_data
    if import_data is not None:
        return import_data(place, out)
    importer = offered(system, "import", system.capabilities.importer)
    given.check_checkpoint_folder(out)
    opened = importer(checkpoint.load_foreign(place), place.stem)
    checkpoint.save(out, opened.weights, opened.info)
    print(f"Imported into {out}")
    return with_remarks({"checkpoint": str(out)}, opened.remarks)


def export_checkpoint(options: argparse.Namespace) -> Result:
    """Write a checkpoint in a foreign format. Raises UserError."""
    system = systems.system(options.system)
    export = offered(system, "export", system.capabilities.export)
    return export(options.checkpoint, Path(given_place(options.out, "--out")))


def ensemble(options: argparse.Namespace) -> Result:
    """Make one checkpoint of several, whose outputs are averaged. Raises UserError."""
    system = systems.system(options.system)
    average = offered(system, "ensemble", system.capabilities.ensemble)
    choices = [given_place(choice, "CHECKPOINT") for choice in options.choices]
    return average(choices, Path(given_place(options.out, "--out")))


def describe(options: argparse.Namespace) -> Result:
    """Print a checkpoint's structure and parameters, and draw it where a place is named. Raises UserError."""
    return systems.system(options.system).capabilities.describe(options.checkpoint, options.out)


# What they share


def _config(options: argparse.Namespace) -> configs.TrainingConfig:
    """The settings asked for: a YAML file or a preset, and what ``--set`` changes in it."""
    kind = systems.training_config(options.system)
    if options.config:
        values = configs.read_yaml(Path(options.config))
    else:
        values = configs.preset(options.system, options.preset)
    return configs.validated(kind, configs.override(values, options.set))


def _run_path(options: argparse.Namespace, label: str) -> Path:
    """Where the run is written: as said, or a new folder among the person's runs."""
    if options.run_folder:
        return Path(options.run_folder)
    return new_run_path(runs_folder(), options.system, label)


def _device(options: argparse.Namespace) -> str:
    from models import devices

    devices.use_threads(options.threads)
    device = devices.resolve(options.device)
    if device.remark:
        print(device.remark, file=sys.stderr)
    return device.name
