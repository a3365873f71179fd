"""What each verb of the command line does. Takes the parsed options, returns what ``--json`` prints."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from models import systems
from models.errors import UserError
from models.kernels import memory
from models.progress import Progress, Step
from models.resources import runs_folder
from models.training import config as configs
from models.training.run_folder import RunFolder, new_run_path


def train(options: argparse.Namespace) -> dict[str, Any]:
    """A new run of a preset or a config; under torchrun the leading process makes its folder."""
    config = _config(options)
    path = _run_path(options, "" if options.config else options.preset)
    if int(os.environ.get("RANK", "0")):
        return _run_training(RunFolder(path), options, config)
    run = RunFolder.create(path, options.system, config.model_dump(mode="json"))
    return _run_training(run, options, config)


def resume(options: argparse.Namespace) -> dict[str, Any]:
    return _run_training(RunFolder.open(Path(options.folder)), options)


def _run_training(
    run: RunFolder, options: argparse.Namespace, config: configs.TrainingConfig | None = None
) -> dict[str, Any]:
    from models.training.run_folder import RunState, RunStory

    story = RunStory(run)
    story.read()
    leads = not int(os.environ.get("RANK", "0"))
    if leads and story.started is not None and story.state is RunState.RUNNING:
        raise UserError(
            "The run {name} is running already.", "", "Stop it first, or wait for its end.", name=run.name
        )
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

    from models.training import events
    from models.training.trainer import Trainer

    end = Trainer(systems.task(name, config), run, device, _progress(options)).train()
    print(file=sys.stderr)
    if isinstance(end, events.Failed):
        error = UserError(end.what, end.why, end.remedy)
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
    return {"run": str(run.path), "reason": end.reason, "epoch": end.epoch, "best_epoch": end.best_epoch,
            "metric": end.metric, "best": end.best_value, "checkpoint": str(run.best)}  # fmt: skip


def check_data(options: argparse.Namespace) -> dict[str, Any]:
    from dataclasses import asdict

    found = systems.task(options.system, _config(options)).check(_progress(options))
    for name, counts in found.parts.items():
        print(f"{name:12} " + ", ".join(f"{value} {what}" for what, value in counts.items()))
    for what, why in found.skipped:
        print(f"Skipped: {what}: {why}")
    return asdict(found)


def diagnose(options: argparse.Namespace) -> dict[str, Any]:
    from models.training.findings import findings
    from models.training.record import Record

    run = RunFolder.open(Path(options.folder))
    values = run.config()
    config = configs.validated(systems.training_config(str(values.get("system", ""))), values)
    record = Record.read(run)
    found = findings(record, config)
    result: dict[str, Any] = {"run": str(run.path), "findings": []}
    for one in found or []:
        print(f"{ {'error': '✕', 'warning': '!', 'good': '✓'}[one.level] } {one}")
        for remedy in one.remedies:
            print(f"    {remedy.words}: --set " + " ".join(f"{key}={value}" for key, value in remedy.changes.items()))  # fmt: skip
        remedies = [{"words": remedy.words, "changes": remedy.changes} for remedy in one.remedies]
        result["findings"].append({"kind": one.kind, "level": one.level, "words": str(one), "remedies": remedies})  # fmt: skip
    flow = record.flow
    if flow.steps:
        print(f"\n{'layer':40} {'gradient':>10} {'of output':>10} {'moved':>8} {'dead':>6}   at step {flow.steps[-1]}")  # fmt: skip
        rows = [flow.table(name)[-1] for name in ("gradient", "ratio", "moved", "dead")]
        for name, gradient, ratio, moved, dead in zip(flow.layers, *rows, strict=True):
            print(f"{name or 'network':40} {gradient:10.3g} {100 * ratio:8.2f} % {moved:8.4f} {100 * dead:4.0f} %")  # fmt: skip
        result["layers"] = {
            name: {"gradient": g, "ratio": r, "moved": m, "dead": d}
            for name, g, r, m, d in zip(flow.layers, *(row.tolist() for row in rows), strict=True)
        }
    elif not found:
        print("The run has told nothing yet.")
    return result


def evaluate(options: argparse.Namespace) -> dict[str, Any]:
    commands = systems.system(options.system).part("commands")
    checkpoint = systems.checkpoint_path(options.system, options.checkpoint)
    return commands.evaluate(
        checkpoint, options.data, out=options.out, device=_device(options), progress=_progress(options)
    )


def crossval(options: argparse.Namespace) -> dict[str, Any]:
    commands = systems.system(options.system).part("commands")
    return commands.crossval(
        _config(options),
        options.data,
        by=options.by,
        folder=_run_path(options, f"crossval-{options.by}"),
        device=_device(options),
        jobs=options.jobs,
        progress=_progress(options),
    )


def use(options: argparse.Namespace) -> dict[str, Any]:
    commands = systems.system(options.system).part("commands")
    checkpoint = systems.checkpoint_path(options.system, options.checkpoint)
    return commands.use(
        checkpoint, options.inputs, options.out, device=_device(options), progress=_progress(options)
    )


def index(options: argparse.Namespace) -> dict[str, Any]:
    commands = systems.system("search").part("commands")
    return commands.index(
        options.folder, options.out, options.checkpoint, device=_device(options), progress=_progress(options)
    )


def search(options: argparse.Namespace) -> dict[str, Any]:
    commands = systems.system("search").part("commands")
    return commands.search(
        options.index,
        options.words,
        image=options.image,
        top=options.top,
        choice=options.checkpoint,
        device=_device(options),
        progress=_progress(options),
    )


def import_checkpoint(options: argparse.Namespace) -> dict[str, Any]:
    commands = systems.system(options.system).part("commands")
    return commands.import_file(Path(options.file), Path(options.out))


def export_checkpoint(options: argparse.Namespace) -> dict[str, Any]:
    commands = systems.system(options.system).part("commands")
    if not hasattr(commands, "export_file"):
        raise UserError(
            "{title} has no other format to be written in.", "", "Its checkpoint folders are plain safetensors and JSON.",
            title=systems.system(options.system).title,
        )  # fmt: skip
    return commands.export_file(
        systems.checkpoint_path(options.system, options.checkpoint), Path(options.out)
    )


def fetch(options: argparse.Namespace) -> dict[str, Any]:
    from models.pretrained import fetch as download

    download(options.name, Path(options.out), lambda values: print(json.dumps(values), flush=True))
    return {"folder": options.out}


def list_systems(options: argparse.Namespace) -> dict[str, Any]:
    result = {}
    for system in systems.SYSTEMS.values():
        names = list(configs.presets(system.name))
        result[system.name] = {"presets": names}
        print(f"{system.name:14} presets: {', '.join(names)}")
    return result


def describe(options: argparse.Namespace) -> dict[str, Any]:
    commands = systems.system(options.system).part("commands")
    checkpoint = systems.checkpoint_path(options.system, options.checkpoint) if options.checkpoint else None
    if options.out:
        return commands.describe(checkpoint, options.out)
    return commands.describe(checkpoint)


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


def _progress(options: argparse.Namespace) -> Progress:
    if options.quiet:
        return Progress()
    rewrites = sys.stderr.isatty()
    shown = {"percent": -1, "message": ""}

    def report(step: Step) -> None:
        percent = int(100 * step.fraction)
        if (percent, step.message) == (shown["percent"], shown["message"]):
            return
        text = step.message.format(**step.values) if step.values else step.message
        if rewrites:
            print(f"\r{percent:3d} %  {text[:100]:100}", end="", file=sys.stderr, flush=True)
        elif percent % 10 == 0 and percent != shown["percent"]:
            print(f"{percent:3d} %  {text}", file=sys.stderr)
        shown.update(percent=percent, message=step.message)

    return Progress(report)
