"""What a person should know about the data, as sentences that can be translated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from models.errors import fill


@dataclass(frozen=True)
class Remark:
    """A sentence with its values, as in `UserError`."""

    text: str
    values: dict[str, object] = field(default_factory=dict)

    def said(self, translate: Callable[[str], str] = str) -> str:
        return fill(translate(self.text), self.values)

    def __str__(self) -> str:
        return self.said()
