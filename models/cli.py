"""The command line: ``python -m models VERB …``. How a command is written, and how it ends.

Exit codes: 0 done, 1 an error of ours, 2 an error of the person's, 130 cancelled.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from models import systems
from models import typed as typed_words
from models.errors import UserError
from models.progress import Cancelled
from models.resources import version

if TYPE_CHECKING:
    from models.contract import System
    from models.settings import Settings

    _Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    typed = list(sys.argv[1:] if arguments is None else arguments)
    parser = parser_for(typed)
    options = parser.parse_args(typed)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(encoding="utf-8", errors="replace", line_buffering=True)  # type: ignore[union-attr]
    try:
        typed_words.refuse_empty(typed)
        typed_words.check(options)
        result = _called(options.run)(options)
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


def entry() -> None:
    """The command ``polyphony-models``."""
    sys.exit(main())


def _called(place: str) -> Callable[[argparse.Namespace], Any]:
    """The function of a verb, ``module:function``; its module is imported now and not before, for it may take seconds."""
    module, _, name = place.partition(":")
    function: Callable[[argparse.Namespace], Any] = getattr(importlib.import_module(f"models.{module}"), name)
    return function


def parser_for(typed: Sequence[str]) -> argparse.ArgumentParser:
    """The parser; verbs whose flags depend on the system get those of the one that was typed."""
    name = next((word for word in typed[1:] if word in systems.SYSTEMS), "")
    parser = argparse.ArgumentParser(prog=_called_as(), description="Polyphony's systems from the terminal.")
    parser.add_argument("--version", action="version", version=f"Polyphony {version()}")
    subparsers = parser.add_subparsers(required=True, metavar="VERB")

    def verb(name: str, run: str, help: str, *, computes: bool = True) -> argparse.ArgumentParser:
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
    with_flags = typed[0] if typed else ""
    _verbs_of_models(verb, systems.system(name) if name and with_flags in ("use", "evaluate") else None)
    _verbs_of_pictures(verb, with_flags)
    _verbs_of_mixtures(verb)
    verb("list", "listing:list_systems", "systems and presets", computes=False)
    _verbs_of_the_shelf(subparsers)
    sub = subparsers.add_parser(
        "completion", help="a script that lets your shell complete these words", description=_COMPLETION
    )
    sub.set_defaults(run="listing:completion")
    sub.add_argument("shell", choices=("bash", "zsh", "tcsh"))
    return parser


_COMPLETION = "Print a script for your shell: polyphony-models completion bash > ~/.local/share/bash-completion/completions/polyphony-models"


def _called_as() -> str:
    name = os.path.basename(sys.argv[0]) if sys.argv else ""
    return name if name.startswith("polyphony") else "python -m models"


class _NewVerb(Protocol):
    """Adds a verb: what runs it (``module:function``), its line of help, whether it computes (on a device, with progress)."""

    def __call__(
        self, name: str, run: str, help: str, *, computes: bool = True
    ) -> argparse.ArgumentParser: ...


def _verbs_of_training(verb: _NewVerb) -> None:
    sub = verb("train", "verbs:train", "train a model; the run is a folder")
    _system(sub)
    _settings(sub)
    sub = verb("resume", "verbs:resume", "go on with a run that was stopped or died")
    sub.add_argument("folder", metavar="RUN")
    sub = verb(
        "check",
        "verbs:check_data",
        "what a config's data comes to: counts, durations, what is skipped",
        computes=False,
    )
    _system(sub)
    _settings(sub)
    _quiet(sub)
    sub = verb(
        "diagnose", "verbs:diagnose", "what is wrong with a run, in words, and what to try", computes=False
    )
    sub.add_argument("folder", metavar="RUN")
    sub = verb("crossval", "verbs:crossval", "train a fold a group; no group is ever on both sides")
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
        "verbs:learning_curve",
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
    sub = verb("evaluate", "verbs:evaluate", "figures of a checkpoint on labelled data")
    _system(sub)
    _checkpoint(sub)
    sub.add_argument("--data", required=True, help="folder or CSV")
    sub.add_argument("--out", help="write the metrics as CSV and JSON into this folder")
    if system is not None:
        _flags(sub, system.evaluate_options)
    sub = verb("use", "verbs:use", "apply a model to files")
    _system(sub)
    _checkpoint(sub)
    sub.add_argument("inputs", nargs="+", metavar="INPUT")
    sub.add_argument("--out", required=True, help="the result: a file or a folder, as the system has it")
    if system is not None:
        _flags(sub, system.use_options)
    sub = verb("describe", "verbs:describe", "layers and parameters of a network", computes=False)
    _system(sub)
    sub.add_argument("--checkpoint", help="a checkpoint folder, or `bundled`")
    sub.add_argument("--out", metavar="FOLDER", help="also draw it there (SVG, PNG)")
    sub = verb(
        "import",
        "verbs:import_checkpoint",
        "bring in a checkpoint of another program",
        computes=False,
    )
    _system(sub)
    sub.add_argument("file", metavar="FILE")
    sub.add_argument("--out", required=True, metavar="FOLDER")
    sub = verb(
        "export", "verbs:export_checkpoint", "write a checkpoint in another program's format", computes=False
    )
    _system(sub)
    _checkpoint(sub)
    sub.add_argument("--out", required=True, metavar="FILE")
    sub = verb(
        "ensemble", "verbs:ensemble", "make one model of several, whose outputs are averaged", computes=False
    )
    _system(sub)
    sub.add_argument("choices", nargs="+", metavar="CHECKPOINT", help="a checkpoint folder, or what ships")
    sub.add_argument("--out", required=True, metavar="FOLDER", help="the new checkpoint")


def _flags(sub: argparse.ArgumentParser, kind: type[Settings]) -> None:
    from models.flags import add_flags

    add_flags(sub, kind)


def _verbs_of_pictures(verb: _NewVerb, typed: str) -> None:
    sub = verb("index", "verbs:index", "index a folder of pictures, or bring its index up to date")
    sub.add_argument("folder", metavar="FOLDER")
    sub.add_argument("--out", required=True, metavar="INDEX", help="the index: a folder")
    _encoder(sub)
    if typed == "index":
        from models.search.index_settings import IndexSettings

        _flags(sub, IndexSettings)
    sub = verb("upkeep", "verbs:upkeep", "look after an index of pictures", computes=False)
    sub.add_argument("index", metavar="INDEX", help="the folder that `index` has written")
    sub.add_argument(
        "action",
        choices=["check", "repair", "compact", "roots", "move", "drop"],
        help="look for faults, put them right, give room back; list, move or drop its folders",
    )
    sub.add_argument(
        "folders", nargs="*", metavar="FOLDER", help="of `move` the old and the new, of `drop` those"
    )
    sub = verb("search", "verbs:search", "find pictures with words, a picture, or both")
    sub.add_argument("index", metavar="INDEX", help="the folder that `index` has written, or `bundled`")
    sub.add_argument("words", nargs="?", default="", metavar="WORDS")
    sub.add_argument("--image", metavar="FILE", help="a picture to search by")
    sub.add_argument(
        "--more", type=int, nargs="+", default=[], metavar="ID", help="more like these pictures of the index"
    )
    sub.add_argument("--less", type=int, nargs="+", default=[], metavar="ID", help="less like these")
    _encoder(sub)
    if typed == "search":
        from models.search.queries import SearchOptions

        _flags(sub, SearchOptions)
    sub.set_defaults(option_top=10)


def _verbs_of_mixtures(verb: _NewVerb) -> None:
    sub = verb(
        "mixtures",
        "verbs:mixtures",
        "write fixed mixtures of voices in LibriMix's layout, as a separator is judged on",
        computes=False,
    )
    sub.add_argument("data", metavar="DATA", help="a corpus of voices")
    sub.add_argument("--out", required=True, metavar="FOLDER")
    sub.add_argument("--count", type=int, default=200, help="how many")
    _checkpoint(sub)
    _quiet(sub)


def _verbs_of_the_shelf(subparsers: _Subparsers) -> None:
    """``models VERB``: models of others, as the window's manager has them."""
    help = "models of others: which there are, download, import, check, remove"
    place = subparsers.add_parser("models", help=help, description=help.capitalize() + ".")
    inner = place.add_subparsers(required=True, metavar="VERB")

    def verb(name: str, run: str, help: str) -> argparse.ArgumentParser:
        sub = inner.add_parser(name, help=help, description=help)
        sub.set_defaults(run=f"model_verbs:{run}")
        sub.add_argument(
            "--json", action="store_true", help="print the result as one JSON object on the last line"
        )
        return sub

    sub = verb("list", "show_list", "models that are here, and models that are worth having")
    sub.add_argument("--system", choices=list(systems.SYSTEMS), help="of one system only")
    sub = verb("fetch", "fetch", "download a model; goes on where an earlier try stopped")
    sub.add_argument("name", metavar="NAME", help="a name of the list, or OWNER/MODEL on the hub")
    sub.add_argument(
        "--revision", default="", help="a commit, tag or branch (default: the list's, or the newest)"
    )
    sub.add_argument("--agree", action="store_true", help="you agree to terms that forbid commercial use")
    sub.add_argument("--lines", action="store_true", help="tell progress as JSON lines, for another program")
    _quiet(sub)
    sub = verb("import", "bring_in", "copy a model from a folder or a file of this machine")
    sub.add_argument("path", metavar="PATH")
    sub.add_argument("--name", default="", help="OWNER/MODEL (default: import/ and the name of the file)")
    _quiet(sub)
    sub = verb("verify", "verify", "hold the files of models to their checksums")
    sub.add_argument("names", nargs="*", metavar="NAME", help="default: all that are here")
    _quiet(sub)
    sub = verb("remove", "remove", "delete models")
    sub.add_argument("names", nargs="+", metavar="NAME")
    sub = verb("measure", "measure", "how quick a model is on this machine, on a sample that ships")
    sub.add_argument("name", metavar="NAME", help="a model that is here, or `bundled` with --system")
    sub.add_argument("--system", choices=("emotion", "separation", "search"))
    sub.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")
    sub = verb("where", "where", "from where models are downloaded, where they are kept; flags change it")
    sub.add_argument("--provider", choices=("huggingface", "modelscope"))
    sub.add_argument("--endpoint", metavar="URL", help="a mirror of the hub; empty: its own address")
    sub.add_argument("--folder", help="where models are kept; empty: the usual folder")
    sub.add_argument("--proxy", metavar="URL", help="such as http://localhost:8080; empty: the system's")
    sub.add_argument("--offline", action=argparse.BooleanOptionalAction, help="download nothing")


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
