"""What a person should know about a result: what was guessed, repaired, left out or used instead.

A remark travels with the result, into ``--json``, exports and the window, and is translated where it is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from models.errors import UserError, fill


@dataclass(frozen=True, init=False)
class Remark:
    """A sentence with its values, as in `UserError`: ``Remark("{name} holds no signal.", name=path.name)``.

    A value may be a remark or an error itself, or a tuple of them. The template is written as a literal where the remark is made: that is how the translation catalogue finds it.
    """

    text: str
    values: dict[str, object]

    def __init__(self, text: str, /, **values: object) -> None:
        object.__setattr__(self, "text", text)
        object.__setattr__(self, "values", values)

    def translated(self, translate: Callable[[str], str] = str) -> str:
        """The sentence, translated and then filled in."""
        return fill(translate(self.text), self.values, translate)

    def __str__(self) -> str:
        return self.translated()

    def __hash__(self) -> int:
        return hash(self.text)


@dataclass(frozen=True)
class Skipped:
    """An input that was left out, and why."""

    path: Path
    reason: Remark
    error: UserError | None = field(default=None, compare=False)

    @classmethod
    def by(cls, path: Path, error: UserError) -> Skipped:
        """Left out because of an error that a person can mend."""
        what, why, remedy = error.what, error.why, error.remedy
        return cls(path, Remark(" ".join(filter(None, (what, why, remedy))), **error.values), error)

    def as_dict(self) -> dict[str, str]:
        """Path and reason in English, as they are written to JSON."""
        return {"path": str(self.path), "reason": str(self.reason)}


def distinct(remarks: Iterable[Remark]) -> tuple[Remark, ...]:
    """Each remark once, in the order in which it was first made."""
    return tuple({str(remark): remark for remark in remarks}.values())


def as_texts(remarks: Iterable[Remark]) -> list[str]:
    """The sentences in English, each once: for ``--json`` and files."""
    return [str(remark) for remark in distinct(remarks)]


def with_remarks(result: dict[str, Any], remarks: Iterable[Remark]) -> dict[str, Any]:
    """The result of a verb with its remarks; they are printed, too."""
    texts = as_texts(remarks)
    for text in texts:
        print(text)
    return {**result, "remarks": texts}
