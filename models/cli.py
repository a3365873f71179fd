"""The command line: ``python -m models VERB …``. How a command is written, and how it ends.

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
from typing import Any, Protocol

from models import systems, verbs
from models.contract import System
from models.errors import UserError
from models.flags import add_flags
from models.progress import Cancelled
from models.search.index_settings import IndexSettings
from models.search.queries import SearchOptions


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    typed = list(sys.argv[1:] if arguments is None else arguments)
    parser = _parser(typed)
    options = parser.parse_args(typed)
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


def _parser(typed: Sequence[str]) -> argparse.ArgumentParser:
    """The parser; verbs whose flags depend on the system get those of the one that was typed."""
    name = next((word for word in typed[1:] if word in systems.SYSTEMS), "")
    parser = argparse.ArgumentParser(
        prog="python -m models", description="Polyphony's systems from the terminal."
    )
    subparsers = parser.add_subparsers(required=True, metavar="VERB")

    def verb(
        name: str, run: Callable[[argparse.Namespace], Any], help: str, *, computes: bool = True
    ) -> argparse.ArgumentParser:
        sub = subparsers.add_parser(name, help=help, description=help)
        sub.set_defaults(run=run)
        sub.add_argument(
            "--json", action="store_true", help="print the result as one JSON object on the last line"
        )
        if computes:
            sub.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")
            sub.add_argument(
                "--threads", type=int, default=0, help="CPU cores to compute with (0: let torch choose)"
            )
            _quiet(sub)
        return sub

    _verbs_of_training(verb)
    _verbs_of_models(verb, systems.system(name) if name else None)
    _verbs_of_pictures(verb)
    _verbs_of_mixtures(verb)
    _verbs_of_the_shelf(verb)
    return parser


class _NewVerb(Protocol):
    """Adds a verb: what runs it, its line of help, whether it computes (on a device, with progress)."""

    def __call__(
        self, name: str, run: Callable[[argparse.Namespace], Any], help: str, *, computes: bool = True
    ) -> argparse.ArgumentParser: ...


def _verbs_of_training(verb: _NewVerb) -> None:
    sub = verb("train", verbs.train, "train a model; the run is a folder")
    _system(sub)
    _settings(sub)
    sub = verb("resume", verbs.resume, "go on with a run that was stopped or died")
    sub.add_argument("folder", metavar="RUN")
    sub = verb(
        "check",
        verbs.check_data,
        "what a config's data comes to: counts, durations, what is skipped",
        computes=False,
    )
    _system(sub)
    _settings(sub)
    _quiet(sub)
    sub = verb(
        "diagnose", verbs.diagnose, "what is wrong with a run, in words, and what to try", computes=False
    )
    sub.add_argument("folder", metavar="RUN")
    sub = verb("crossval", verbs.crossval, "train a fold a group; no group is ever on both sides")
    _system(sub)
    _settings(sub)
    sub.add_argument("--data", help="folder or CSV (default: the config's)")
    sub.add_argument(
        "--by",
        metavar="GROUP",
        help="what a fold leaves out: speaker, session, subject, or k (groups by chance); each system has its own",
    )
    sub.add_argument("--jobs", type=int, default=1, help="folds trained at once")
    sub = verb(
        "learning-curve",
        verbs.learning_curve,
        "how the validation metric grows with the minutes of training data",
    )
    _system(sub)
    _settings(sub)
    sub.add_argument(
        "--minutes",
        type=float,
        nargs="+",
        default=[2, 5, 10, 20, 0],
        help="minutes of training; 0 is all of it",
    )


def _verbs_of_models(verb: _NewVerb, system: System | None) -> None:
    sub = verb("evaluate", verbs.evaluate, "figures of a checkpoint on labelled data")
    _system(sub)
    _checkpoint(sub)
    sub.add_argument("--data", required=True, help="folder or CSV")
    sub.add_argument("--out", help="write the metrics as CSV and JSON into this folder")
    if system is not None:
        add_flags(sub, system.evaluate_options)
    sub = verb("use", verbs.use, "apply a model to files")
    _system(sub)
    _checkpoint(sub)
    sub.add_argument("inputs", nargs="+", metavar="INPUT")
    sub.add_argument("--out", required=True, help="the result: a file or a folder, as the system has it")
    if system is not None:
        add_flags(sub, system.use_options)
    sub = verb("describe", verbs.describe, "layers and parameters of a network", computes=False)
    _system(sub)
    sub.add_argument("--checkpoint", help="a checkpoint folder, or `bundled`")
    sub.add_argument("--out", metavar="FOLDER", help="also draw it there (SVG, PNG)")
    sub = verb("import", verbs.import_checkpoint, "bring in a checkpoint of another program", computes=False)
    _system(sub)
    sub.add_argument("file", metavar="FILE")
    sub.add_argument("--out", required=True, metavar="FOLDER")
    sub = verb(
        "export", verbs.export_checkpoint, "write a checkpoint in another program's format", computes=False
    )
    _system(sub)
    _checkpoint(sub)
    sub.add_argument("--out", required=True, metavar="FILE")


def _verbs_of_pictures(verb: _NewVerb) -> None:
    sub = verb("index", verbs.index, "index a folder of pictures, or bring its index up to date")
    sub.add_argument("folder", metavar="FOLDER")
    sub.add_argument("--out", required=True, metavar="INDEX", help="the index: a folder")
    _encoder(sub)
    add_flags(sub, IndexSettings)
    sub = verb("upkeep", verbs.upkeep, "look after an index of pictures", computes=False)
    sub.add_argument("index", metavar="INDEX", help="the folder that `index` has written")
    sub.add_argument(
        "action",
        choices=["check", "repair", "compact", "roots", "move", "drop"],
        help="look for faults, put them right, give room back; list, move or drop its folders",
    )
    sub.add_argument(
        "folders", nargs="*", metavar="FOLDER", help="of `move` the old and the new, of `drop` those"
    )
    sub = verb("search", verbs.search, "find pictures with words, a picture, or both")
    sub.add_argument("index", metavar="INDEX", help="the folder that `index` has written, or `bundled`")
    sub.add_argument("words", nargs="?", default="", metavar="WORDS")
    sub.add_argument("--image", metavar="FILE", help="a picture to search by")
    sub.add_argument(
        "--more", type=int, nargs="+", default=[], metavar="ID", help="more like these pictures of the index"
    )
    sub.add_argument("--less", type=int, nargs="+", default=[], metavar="ID", help="less like these")
    _encoder(sub)
    add_flags(sub, SearchOptions)
    sub.set_defaults(option_top=10)


def _verbs_of_mixtures(verb: _NewVerb) -> None:
    sub = verb(
        "mixtures",
        verbs.mixtures,
        "write fixed mixtures of voices in LibriMix's layout, as a separator is judged on",
        computes=False,
    )
    sub.add_argument("data", metavar="DATA", help="a corpus of voices")
    sub.add_argument("--out", required=True, metavar="FOLDER")
    sub.add_argument("--count", type=int, default=200, help="how many")
    _checkpoint(sub)
    _quiet(sub)


def _verbs_of_the_shelf(verb: _NewVerb) -> None:
    verb("list", verbs.list_systems, "systems and presets", computes=False)
    sub = verb("fetch", verbs.fetch, "download a model of the Hugging Face hub", computes=False)
    sub.add_argument("name")
    sub.add_argument("--out", required=True, metavar="FOLDER")


# Arguments that several verbs take


def _system(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("system", metavar="SYSTEM", help=", ".join(systems.SYSTEMS))


def _settings(sub: argparse.ArgumentParser) -> None:
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


def _checkpoint(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--checkpoint", default="bundled", help="a checkpoint folder, or `bundled`")


def _encoder(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "--checkpoint", default="bundled", help="a checkpoint, a Hugging Face encoder, or `bundled`"
    )


def _quiet(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--quiet", action="store_true", help="print no progress")


def _say_error(error: UserError, options: argparse.Namespace) -> None:
    print(error, file=sys.stderr)
    if getattr(options, "json", False):
        what, why, remedy = error.sentences()
        print(json.dumps({"error": {"what": what, "why": why, "remedy": remedy}}, ensure_ascii=False))
