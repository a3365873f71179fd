"""JSON and YAML that a person or a program of others has written, as plain values: numbers, text, lists, dicts.

A file is refused before it is read where it is too large, and after it where it is nested too deep; aliases of YAML count
as what they repeat. Only `UserError` comes out.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticCustomError

from models.errors import UserError, shortened
from models.file_names import shown
from models.files import damaged, read_bytes
from models.remarks import Remark

LARGEST_JSON = 64 * 2**20  # bytes of a description, a history, a list of settings
LARGEST_YAML = 2**20  # bytes of settings
MOST_YAML = 20_000  # values of settings, those counted again that an alias repeats
DEEPEST = 50  # lists within lists

Model = TypeVar("Model", bound=BaseModel)


def read_json(path: str | os.PathLike[str], most: int = LARGEST_JSON) -> Any:
    """The plain values of a JSON file, nested at most `DEEPEST` deep. Raises UserError."""
    return parsed_json(read_bytes(path, most), path)


def parsed_json(text: str | bytes, path: str | os.PathLike[str]) -> Any:
    """The plain values of JSON text from `path`. Raises UserError."""
    try:
        values = json.loads(text.decode("utf-8-sig") if isinstance(text, bytes) else text)
        if depth(values) > DEEPEST:
            raise RecursionError
    except RecursionError as error:
        raise too_deep(path) from error
    except ValueError as error:  # damaged JSON, and text that is not UTF-8
        raise damaged(path, _json_reason(error)) from error
    return values


def depth(values: Any) -> int:
    """How many lists and dicts stand within one another; looks no deeper than a little over `DEEPEST`."""
    layer, count = [values], 0
    while layer and count <= DEEPEST:
        layer = [
            inner
            for item in layer
            if isinstance(item, dict | list)
            for inner in (item.values() if isinstance(item, dict) else item)
        ]
        count += bool(layer)
    return count


def read_model(path: str | os.PathLike[str], kind: type[Model], most: int = LARGEST_JSON) -> Model:
    """A JSON file as a pydantic model. Raises UserError with the first place that is not as it should be."""
    values = read_json(path, most)
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise damaged(path, reason_of(error)) from error


def reason_of(error: Exception) -> str:
    """What an exception complains of, in one line; of pydantic's complaints the first: where, and what."""
    if not isinstance(error, ValidationError):
        return shortened(error)
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(map(str, first["loc"]))
    return shortened(f"{place}: {first['msg']}" if place else first["msg"])


def said_of(error: Exception) -> Remark | str:
    """As `reason_of`, without a full stop; a contradiction that the program found itself can be said in any language."""
    contradiction = None
    if isinstance(error, PydanticCustomError):
        contradiction = error.context
    elif isinstance(error, ValidationError):
        contradiction = error.errors(include_url=False, include_input=False)[0].get("ctx")
    if contradiction and "template" in contradiction:
        named = {key: value for key, value in contradiction.items() if key not in ("template", "fields")}
        return Remark(str(contradiction["template"]), **named)
    return reason_of(error).rstrip(".")


def read_yaml(path: str | os.PathLike[str]) -> Any:
    """The plain values of a YAML file, as `parsed_yaml`. Raises UserError."""
    return parsed_yaml(read_bytes(path, LARGEST_YAML), path)


def parsed_yaml(text: str | bytes, path: str | os.PathLike[str]) -> Any:
    """The plain values of YAML text from `path`: numbers, text, lists, dicts. Dates stay text. Raises UserError.

    Aliases count as what they repeat: a few lines that stand for billions of values are refused before they are made.
    """
    import yaml

    class Loader(yaml.SafeLoader):
        pass

    resolvers = yaml.SafeLoader.yaml_implicit_resolvers
    Loader.yaml_implicit_resolvers = {
        first: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:timestamp"]
        for first, pairs in resolvers.items()
    }
    try:
        loader = Loader(text.decode("utf-8-sig") if isinstance(text, bytes) else text)
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            count = _yaml_size(node, yaml, {}, set(), 0)
            if count > MOST_YAML:
                raise UserError(
                    "{name} holds too much for settings.",
                    "With its repetitions it has more than {most} values.",
                    "Write the settings without aliases.",
                    name=shown(Path(path).name),
                    most=MOST_YAML,
                )
            return loader.construct_document(node)
        finally:
            loader.dispose()
    except RecursionError as error:
        raise too_deep(path) from error
    except (yaml.YAMLError, ValueError, TypeError, OverflowError, AttributeError, KeyError) as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        reason = (
            f"line {mark.line + 1}: {problem}"
            if mark is not None and problem
            else "it is not text, or damaged"
        )
        raise UserError(
            "{name} cannot be read as YAML.",
            "{reason}.",
            "Mend it, or start from a preset.",
            name=shown(Path(path).name),
            reason=shortened(reason[:1].upper() + reason[1:]),
        ) from error


def _yaml_size(node: Any, yaml: Any, known: dict[int, int], above: set[int], level: int) -> int:
    """Values in a YAML node, those of aliases each time. Raises RecursionError where one contains itself, or too deep."""
    if id(node) in known:
        return known[id(node)]
    if id(node) in above or level > DEEPEST:
        raise RecursionError
    inner: list[Any] = []
    if isinstance(node, yaml.MappingNode):
        inner = [item for pair in node.value for item in pair]
    elif isinstance(node, yaml.SequenceNode):
        inner = node.value
    above.add(id(node))
    count = 1 + sum(_yaml_size(item, yaml, known, above, level + 1) for item in inner)
    above.discard(id(node))
    known[id(node)] = count
    return count


def too_deep(path: str | os.PathLike[str]) -> UserError:
    """The error for values that are nested more than `DEEPEST` deep, or that contain themselves."""
    return UserError(
        "{name} cannot be read.",
        "Its values are nested more than {most} deep.",
        "Write it flatter, or copy it again.",
        name=shown(Path(path).name),
        most=DEEPEST,
    )


def _json_reason(error: ValueError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is not text in UTF-8"
    if isinstance(error, json.JSONDecodeError):
        return f"line {error.lineno}: {error.msg}"
    return "it holds a number that is too long"
