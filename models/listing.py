"""The verbs that answer at once: what there is, and the completion script. Neither torch nor numpy is imported for them."""

from __future__ import annotations

import argparse

from models import systems
from models.presets import presets
from models.resources import bundled_names

Listed = dict[str, dict[str, list[str]]]


def list_systems(options: argparse.Namespace) -> Listed:
    """Systems, their presets, and the models that ship."""
    result: Listed = {}
    for name in systems.SYSTEMS:
        names = list(presets(name))
        models = bundled_names(name)
        result[name] = {"presets": names, "models": models}
        print(f"{name:14} presets: {', '.join(names)}; models: {', '.join(models)}")
    return result


def completion(options: argparse.Namespace) -> dict[str, str]:
    """Print a script for the shell, made by shtab."""
    import shtab

    from models.cli import parser_for

    parser = parser_for(())
    parser.prog = "polyphony-models"
    script = shtab.complete(parser, options.shell)
    print(script)
    return {"script": script}
