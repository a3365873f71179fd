"""The command line: ``python -m models VERB …``. Says what it does and leaves the doing to the systems.

Exit codes: 0 done, 1 an error of ours, 2 an error of the person's, 130 cancelled.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from models import memory, systems
from models.errors import UserError
from models.progress import Cancelled, Progress, Step
from models.resources import runs_folder
from models.training import config as configs
from models.training.run_folder import RunFolder, new_run_path


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(encoding="utf-8", errors="replace", line_buffering=True)  # type: ignore[union-attr]
    try:
        result = options.run(options)
    except UserError as error:
        _say_error(error, options)
        return 2
    except (Cancelled, KeyboardInterrupt):
        print("Cancelled.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # whoever read the output has seen enough, as `head` does
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
        return 0
    except Exception:
        traceback.print_exc()
        print("This is an error of the program; please report it with the lines above.", file=sys.stderr)
        return 1
    if getattr(options, "json", False):
        print(json.dumps(result, ensure_ascii=False))
    return int(result.get("exit_code", 0)) if isinstance(result, dict) else 0


# What each verb does


def _train(options: argparse.Namespace) -> dict[str, Any]:
    kind = systems.training_config(options.system)
    if options.config:
        values = configs.read_yaml(Path(options.config))
    else:
        values = configs.preset(options.system, options.preset)
    config = configs.validated(kind, configs.override(values, options.set))
    path = (
        Path(options.run_folder)
        if options.run_folder
        else new_run_path(runs_folder(), options.system, "" if options.config else options.preset)
    )
    if int(os.environ.get("RANK", "0")):  # under torchrun the leading process makes the folder
        return _run_training(RunFolder(path), options, config)
    run = RunFolder.create(path, options.system, config.model_dump(mode="json"))
    return _run_training(run, options, config)


def _resume(options: argparse.Namespace) -> dict[str, Any]:
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


def _check(options: argparse.Namespace) -> dict[str, Any]:
    from dataclasses import asdict

    values = configs.read_yaml(Path(options.config)) if options.config else configs.preset(options.system, options.preset)  # fmt: skip
    config = configs.validated(systems.training_config(options.system), configs.override(values, options.set))
    found = systems.task(options.system, config).check(_progress(options))
    for name, counts in found.parts.items():
        print(f"{name:12} " + ", ".join(f"{value} {what}" for what, value in counts.items()))
    for what, why in found.skipped:
        print(f"Skipped: {what}: {why}")
    return asdict(found)


def _diagnose(options: argparse.Namespace) -> dict[str, Any]:
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


def _evaluate(options: argparse.Namespace) -> dict[str, Any]:
    commands = systems.system(options.system).part("commands")
    checkpoint = systems.checkpoint_path(options.system, options.checkpoint)
    return commands.evaluate(
        checkpoint, options.data, out=options.out, device=_device(options), progress=_progress(options)
    )


def _crossval(options: argparse.Namespace) -> dict[str, Any]:
    kind = systems.training_config(options.system)
    values = (
        configs.read_yaml(Path(options.config))
        if options.config
        else configs.preset(options.system, options.preset)
    )
    config = configs.validated(kind, configs.override(values, options.set))
    path = (
        Path(options.run_folder)
        if options.run_folder
        else new_run_path(runs_folder(), options.system, f"crossval-{options.by}")
    )
    commands = systems.system(options.system).part("commands")
    return commands.crossval(
        config,
        options.data,
        by=options.by,
        folder=path,
        device=_device(options),
        jobs=options.jobs,
        progress=_progress(options),
    )


def _use(options: argparse.Namespace) -> dict[str, Any]:
    commands = systems.system(options.system).part("commands")
    checkpoint = systems.checkpoint_path(options.system, options.checkpoint)
    return commands.use(
        checkpoint, options.inputs, options.out, device=_device(options), progress=_progress(options)
    )


def _index(options: argparse.Namespace) -> dict[str, Any]:
    commands = systems.system("search").part("commands")
    return commands.index(
        options.folder, options.out, options.checkpoint, device=_device(options), progress=_progress(options)
    )


def _search(options: argparse.Namespace) -> dict[str, Any]:
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


def _import(options: argparse.Namespace) -> dict[str, Any]:
    commands = systems.system(options.system).part("commands")
    return commands.import_file(Path(options.file), Path(options.out))


def _export(options: argparse.Namespace) -> dict[str, Any]:
    commands = systems.system(options.system).part("commands")
    if not hasattr(commands, "export_file"):
        raise UserError(
            "{title} has no other format to be written in.", "", "Its checkpoint folders are plain safetensors and JSON.",
            title=systems.system(options.system).title,
        )  # fmt: skip
    return commands.export_file(
        systems.checkpoint_path(options.system, options.checkpoint), Path(options.out)
    )


def _fetch(options: argparse.Namespace) -> dict[str, Any]:
    from models.pretrained import fetch

    fetch(options.name, Path(options.out), lambda values: print(json.dumps(values), flush=True))
    return {"folder": options.out}


def _list(options: argparse.Namespace) -> dict[str, Any]:
    result = {}
    for system in systems.SYSTEMS.values():
        names = list(configs.presets(system.name))
        result[system.name] = {"presets": names}
        print(f"{system.name:14} presets: {', '.join(names)}")
    return result


def _describe(options: argparse.Namespace) -> dict[str, Any]:
    commands = systems.system(options.system).part("commands")
    checkpoint = systems.checkpoint_path(options.system, options.checkpoint) if options.checkpoint else None
    if options.out:
        return commands.describe(checkpoint, options.out)
    return commands.describe(checkpoint)


# How they are written


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m models", description="Polyphony's systems from the terminal."
    )
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    names = list(systems.SYSTEMS)

    def verb(
        name: str, run: Callable[[argparse.Namespace], Any], help: str, device: bool = True
    ) -> argparse.ArgumentParser:
        sub = verbs.add_parser(name, help=help, description=help)
        sub.set_defaults(run=run)
        sub.add_argument(
            "--json", action="store_true", help="print the result as one JSON object on the last line"
        )
        if device:
            sub.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")
            sub.add_argument(
                "--threads", type=int, default=0, help="CPU cores to compute with (0: let torch choose)"
            )
            sub.add_argument("--quiet", action="store_true", help="print no progress")
        return sub

    def system(sub: argparse.ArgumentParser) -> None:
        sub.add_argument("system", metavar="SYSTEM", help=", ".join(names))

    def settings(sub: argparse.ArgumentParser) -> None:
        source = sub.add_mutually_exclusive_group()
        source.add_argument("--preset", default="default", help="settings that ship; `list` names them")
        source.add_argument("--config", help="a YAML file with settings")
        sub.add_argument(
            "--set",
            nargs="+",
            action="extend",
            default=[],
            metavar="KEY=VALUE",
            help="change one setting, such as augment.noise=0.2",
        )
        sub.add_argument(
            "--run",
            "--run-folder",  # torchrun takes a bare --run for a beginning of its own --run-path
            dest="run_folder",
            metavar="FOLDER",
            help="where the run is written (default: a new folder in your runs)",
        )

    sub = verb("train", _train, "train a model; the run is a folder")
    system(sub)
    settings(sub)
    sub = verb("resume", _resume, "go on with a run that was stopped or died")
    sub.add_argument("folder", metavar="RUN")
    sub = verb(
        "check", _check, "what a config's data comes to: counts, durations, what is skipped", device=False
    )
    system(sub)
    settings(sub)
    sub.add_argument("--quiet", action="store_true", help="print no progress")
    sub = verb("diagnose", _diagnose, "what is wrong with a run, in words, and what to try", device=False)
    sub.add_argument("folder", metavar="RUN")
    sub = verb("evaluate", _evaluate, "figures of a checkpoint on labelled data")
    system(sub)
    sub.add_argument("--checkpoint", default="bundled", help="a checkpoint folder, or `bundled`")
    sub.add_argument("--data", required=True, help="folder or CSV")
    sub.add_argument("--out", help="write the figures as CSV and JSON into this folder")
    sub = verb("crossval", _crossval, "train a fold a group; no group is ever on both sides")
    system(sub)
    settings(sub)
    sub.add_argument("--data", help="folder or CSV (default: the config's)")
    sub.add_argument(
        "--by",
        default="speaker",
        choices=["speaker", "session", "subject", "k"],
        help="what a fold leaves out",
    )
    sub.add_argument("--jobs", type=int, default=1, help="folds trained at once")
    sub = verb("use", _use, "apply a model to files")
    system(sub)
    sub.add_argument("--checkpoint", default="bundled", help="a checkpoint folder, or `bundled`")
    sub.add_argument("inputs", nargs="+", metavar="INPUT")
    sub.add_argument("--out", required=True, help="the result: a file or a folder, as the system has it")
    sub = verb("index", _index, "index a folder of pictures, or bring its index up to date")
    sub.add_argument("folder", metavar="FOLDER")
    sub.add_argument("--out", required=True, metavar="INDEX", help="the index: a folder")
    sub.add_argument(
        "--checkpoint", default="bundled", help="a checkpoint, a Hugging Face encoder, or `bundled`"
    )
    sub = verb("search", _search, "find pictures with words, a picture, or both")
    sub.add_argument("index", metavar="INDEX", help="the folder that `index` has written, or `bundled`")
    sub.add_argument("words", nargs="?", default="", metavar="WORDS")
    sub.add_argument("--image", metavar="FILE", help="a picture to search by")
    sub.add_argument("--top", type=int, default=10, metavar="K", help="how many results")
    sub.add_argument(
        "--checkpoint", default="bundled", help="a checkpoint, a Hugging Face encoder, or `bundled`"
    )
    sub = verb("import", _import, "bring in a checkpoint of another program", device=False)
    system(sub)
    sub.add_argument("file", metavar="FILE")
    sub.add_argument("--out", required=True, metavar="FOLDER")
    sub = verb("export", _export, "write a checkpoint in another program's format", device=False)
    system(sub)
    sub.add_argument("--checkpoint", default="bundled", help="a checkpoint folder, or `bundled`")
    sub.add_argument("--out", required=True, metavar="FILE")
    sub = verb("describe", _describe, "layers and parameters of a network", device=False)
    system(sub)
    sub.add_argument("--checkpoint", help="a checkpoint folder, or `bundled`")
    sub.add_argument("--out", metavar="FOLDER", help="also draw it there (SVG, PNG)")
    verb("list", _list, "systems and presets", device=False)
    sub = verb("fetch", _fetch, "download a model of the Hugging Face hub", device=False)
    sub.add_argument("name")
    sub.add_argument("--out", required=True, metavar="FOLDER")
    return parser


def _device(options: argparse.Namespace) -> str:
    from models import devices

    devices.use_threads(options.threads)
    device = devices.resolve(options.device)
    if device.note:
        print(device.note.format(**(device.values or {})), file=sys.stderr)
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


def _say_error(error: UserError, options: argparse.Namespace) -> None:
    print(error, file=sys.stderr)
    if getattr(options, "json", False):
        what, why, remedy = error.sentences()
        print(json.dumps({"error": {"what": what, "why": why, "remedy": remedy}}, ensure_ascii=False))
