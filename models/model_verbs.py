"""``python -m models models VERB``: models of others from a terminal. Each returns what ``--json`` prints."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from models.errors import UserError
from models.hub import catalogue, shelf, sources, speeds
from models.terminal import shown_progress, table

Printed = dict[str, object]
MB = 1e6


def show_list(options: argparse.Namespace) -> Printed:
    """Models that are here, and those of the list that are not."""
    here = {model.name: model for model in shelf.installed()}
    listed = [item for item in catalogue.entries() if options.system in (None, item.system)]
    known = {item.name: item for item in catalogue.entries()}
    names = [item.name for item in listed] + [
        name for name in here if name not in known and options.system is None
    ]
    rows = [("model", "system", "here", "MB", "licence", "languages", "speed here")]
    result: list[Printed] = []
    for name in names:
        item, model = known.get(name), here.get(name)
        size = model.size / MB if model is not None else float(item.size_mb if item else 0)
        licence = (model.licence if model else "") or (item.licence if item else "") or "not said"
        closed = bool(item and item.non_commercial) or catalogue.forbids_trade(licence)
        speed = speeds.words_of(name)
        rows.append(
            (
                name,
                item.system if item else "",
                "yes" if model else "",
                f"{size:.0f}",
                licence + (", not for commercial use" if closed else ""),
                " ".join(item.languages) if item else "",
                speed,
            )
        )
        result.append(
            {
                "name": name,
                "system": item.system if item else "",
                "folder": str(model.folder) if model else None,
                "megabytes": round(size, 1),
                "licence": licence,
                "non_commercial": closed,
                "terms": item.terms if item else "",
                "languages": item.languages if item else [],
                "revision": (model.revision if model else "") or (item.revision if item else ""),
                "tried": item.tried if item else "",
                "speed": speed,
            }
        )
    print(table(rows))
    print(f"\nKept in {sources.stored().models}")
    return {"models": result, "folder": str(sources.stored().models)}


def fetch(options: argparse.Namespace) -> Printed:
    """Download a model; its terms are told before."""
    from models.hub import fetching

    if options.lines:
        shelved = fetching.fetch_in_lines(
            options.name,
            options.revision,
            options.agree,
            lambda values: print(json.dumps(values), flush=True),
        )
        return {"exit_code": 0 if shelved is not None else 2}
    item = catalogue.entry(options.name)
    if item is not None:
        print(
            f"{item.title}, about {item.size_mb} MB. Licence: {item.licence or 'not said'}. {item.terms}",
            file=sys.stderr,
        )
        print(f"Tried: {item.tried}", file=sys.stderr)
    model = fetching.fetch(options.name, options.revision, shown_progress(options.quiet), options.agree)
    print(f"{model.name} is in {model.folder}")
    return _about(model)


def bring_in(options: argparse.Namespace) -> Printed:
    """Copy a model from this machine."""
    model = shelf.bring_in(Path(options.path), options.name, shown_progress(options.quiet))
    print(f"{model.name} is in {model.folder}")
    return _about(model)


def verify(options: argparse.Namespace) -> Printed:
    """Hold files to their checksums; exit code 2 where one is not as it arrived."""
    models = [_kept(name) for name in options.names] or [m for m in shelf.installed() if not m.foreign]
    result: dict[str, object] = {}
    damaged = 0
    for model in models:
        problems = shelf.problems(model, shown_progress(options.quiet))
        words = "; ".join(f"{file}: {WRONG[what]}" for file, what in problems)
        if not model.files:
            words = "it came without checksums: nothing can be held to them"
        print(f"{model.name}: {words or 'as it arrived'}")
        result[model.name] = [list(problem) for problem in problems]
        damaged += bool(problems)
    return {"problems": result, "exit_code": 2 if damaged else 0}


WRONG = {"missing": "is missing", "size": "has another size", "contents": "has other contents"}


def remove(options: argparse.Namespace) -> Printed:
    """Delete models."""
    freed = {name: shelf.remove(name) for name in options.names}
    for name, size in freed.items():
        print(f"{name} was deleted: {size / MB:.0f} MB")
    return {"freed_bytes": freed}


def measure(options: argparse.Namespace) -> Printed:
    """How quick a model is here."""
    from models.measuring import measured

    item = catalogue.entry(options.name)
    system = options.system or (item.system if item else "")
    if not system:
        raise UserError(
            "It is not known what {name} is for.",
            "",
            "Add --system and the system's name.",
            name=options.name,
        )
    speed = measured(system, options.name, options.device)
    print(f"{options.name}: {speed.words}")
    return asdict(speed)


def where(options: argparse.Namespace) -> Printed:
    """Show the sources, changed as the flags say."""
    names = ("provider", "endpoint", "folder", "proxy", "offline")
    asked = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    chosen = sources.change(**asked) if asked else sources.stored()
    result: Printed = {**asdict(chosen), "address": chosen.address, "folder": str(chosen.models)}
    result["offline"] = sources.offline()
    for name, value in result.items():
        print(f"{name:10} {value}")
    return result


def _kept(name: str) -> shelf.Shelved:
    model = shelf.find(name)
    if model is None:
        raise UserError(
            "There is no model {name} here.",
            "",
            "`python -m models models list` names those that are.",
            name=name,
        )
    return model


def _about(model: shelf.Shelved) -> Printed:
    opened = shelf.opened_by(model.name, model.folder)
    return {
        "name": model.name,
        "folder": str(model.folder),
        "opened": str(opened) if opened else None,
        "revision": model.revision,
        "licence": model.licence,
        "source": model.source,
        "files": [asdict(file) for file in model.files],
    }
