"""What can be said of a run, and what may help. No torch: the window reads it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from models.errors import fill


@dataclass(frozen=True)
class Remedy:
    """A change of the config that may help: words for people, and dotted names → values."""

    words: str
    changes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Finding:
    """`words` is a template for `values`, translated before it is filled. kind: what `TrainingConfig.remedies` knows."""

    words: str
    kind: str
    level: Literal["error", "warning", "good"] = "warning"
    values: dict[str, Any] = field(default_factory=dict)
    remedies: tuple[Remedy, ...] = ()

    def __str__(self) -> str:
        return fill(self.words, self.values)
