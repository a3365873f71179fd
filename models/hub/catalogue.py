"""The list of models that ships in ``resources/models.yaml``: what each is, its licence, what was tried of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

from models.resources import resource

NOT_FOR_TRADE = ("-nc", "noncommercial", "non-commercial", "research-only")


@dataclass(frozen=True)
class Entry:
    """One model. Every field is explained at the head of ``resources/models.yaml``."""

    name: str
    system: str
    title: str
    licence: str
    terms: str
    tried: str
    size_mb: int
    languages: list[str] = field(default_factory=list)
    non_commercial: bool = False
    revision: str = ""
    sha256: dict[str, str] = field(default_factory=dict)
    file: str = ""
    url: str = ""
    modelscope: str = ""


@cache
def entries() -> tuple[Entry, ...]:
    """The list, in its order."""
    import yaml

    text = resource("models.yaml").read_text("utf-8")
    return tuple(Entry(**values) for values in yaml.safe_load(text)["models"])


def entry(name: str) -> Entry | None:
    """The entry of that name; None for a model that is not in the list."""
    return next((item for item in entries() if item.name == name), None)


def forbids_trade(licence: str) -> bool:
    """Whether a licence, named as the hub names them, does not allow commercial use."""
    plain = licence.lower().replace(" ", "-").replace("_", "-")
    return any(words in plain for words in NOT_FOR_TRADE)
