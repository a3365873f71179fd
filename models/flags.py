"""Settings as flags of the command line, and what a person typed as settings."""

from __future__ import annotations

import argparse
from typing import Any, Literal, TypeVar, get_args, get_origin

import yaml

from models.settings import Settings, validated

Kind = TypeVar("Kind", bound=Settings)
PREFIX = "option_"  # of what a flag is called in the parsed namespace


def add_flags(parser: argparse.ArgumentParser, kind: type[Settings]) -> None:
    """One flag a field: ``window_s`` is ``--window-s``. A flag that is not typed leaves the field's default."""
    for name, field in kind.model_fields.items():
        unit = field.json_schema_extra.get("unit") if isinstance(field.json_schema_extra, dict) else ""
        default = f" (default: {field.default})" if field.default not in (None, "", ()) else ""
        words = f"{field.description or field.title}{f' In {unit}.' if unit else ''}{default}"
        more: dict[str, Any] = {"metavar": name.upper()}
        if field.annotation is bool:
            more = {"action": argparse.BooleanOptionalAction}
        elif get_origin(field.annotation) is tuple:
            more = {"nargs": "+", "metavar": name.upper().removesuffix("S")}
        elif choices := _choices(field.annotation):
            more = {"choices": choices}
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            dest=PREFIX + name,
            default=argparse.SUPPRESS,
            help=words.replace("%", "%%"),
            **more,
        )


def options_of(options: argparse.Namespace, kind: type[Kind]) -> Kind:
    """The settings that were typed, the others at their defaults. Raises UserError for what cannot be."""
    typed = {
        name: getattr(options, PREFIX + name) for name in kind.model_fields if hasattr(options, PREFIX + name)
    }
    values = {name: _plain(value, kind.model_fields[name].annotation) for name, value in typed.items()}
    return validated(kind, values)


def _choices(annotation: Any) -> list[str]:
    kinds = [annotation, *get_args(annotation)]
    result = next((kind for kind in kinds if get_origin(kind) is Literal), None)
    return [str(value) for value in get_args(result)] if result is not None else []


def _plain(value: Any, annotation: Any) -> Any:
    """Typed text as the field takes it: numbers as numbers, words as they are."""
    if not isinstance(value, str) or annotation is str:
        return value
    try:
        return yaml.safe_load(value)
    except yaml.YAMLError:
        return value
