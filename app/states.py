"""What a tab remembers, as text: plain values, and paths that stay paths.

A tab's `state` names every file that its work rests on as a `Path`, so that a workspace knows what belongs to it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

PATH = "$path"
LASTING = ("models", "indexes")  # lists of what a person has, whatever is open

State = dict[str, Any]


def to_text(state: Mapping[str, object]) -> str:
    """As JSON. What is neither plain nor a path is written as its words."""
    return json.dumps(state, ensure_ascii=False, default=_plain)


def from_text(text: str) -> State:
    """Of `to_text`, or of an older version that wrote paths as words; nothing where it makes no sense."""
    try:
        value = json.loads(text, object_hook=_path)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def paths_in(value: object) -> list[Path]:
    """Every path in a state, each once, in its order."""
    paths: dict[Path, None] = {}
    with_paths(value, lambda path: paths.setdefault(path))
    return list(paths)


def with_paths(value: object, change: Callable[[Path], object]) -> object:
    """The same, with ``change(path)`` in the place of every path."""
    if isinstance(value, Path):
        return change(value)
    if isinstance(value, Mapping):
        return {key: with_paths(item, change) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [with_paths(item, change) for item in value]
    return value


def with_lasting(state: Mapping[str, object], before: Mapping[str, object]) -> State:
    """The same, with what a person had `before` behind what it lists: other work must not cost them that."""
    joined = dict(state)
    for key, value in before.items():
        now = joined.get(key)
        if key in LASTING and isinstance(value, list):
            known = now if isinstance(now, list) else []
            joined[key] = [*known, *(item for item in value if item not in known)]
        elif isinstance(value, Mapping) and isinstance(now, Mapping | None):
            inner = with_lasting(now or {}, value)
            if inner:
                joined[key] = inner
    return joined


def _plain(value: object) -> object:
    return {PATH: str(value)} if isinstance(value, Path) else str(value)


def _path(value: dict[str, object]) -> object:
    path = value.get(PATH)
    return Path(path) if len(value) == 1 and isinstance(path, str) else value
