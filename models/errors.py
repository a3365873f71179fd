"""What a person did or met that stops the work, in words that help."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

LONGEST_VALUE = 1000  # characters of a value in a sentence
LONGEST_REASON = 200  # characters of what another library says


@runtime_checkable
class Said(Protocol):
    """What says itself in a person's language: a remark or an error. As a value it is translated with the sentence around it."""

    def translated(self, translate: Callable[[str], str] = str) -> str:
        """In whole, translated and then filled in."""


class UserError(Exception):
    """An error with a remedy: what happened, why, and what to do about it.

    The three sentences are templates (``"{path} is empty."``), filled from `values` when they are shown, so
    that the window can translate the template first. They are written as literals where they are raised:
    that is how the translation catalogue finds them.
    """

    def __init__(self, what: str, why: str = "", remedy: str = "", /, **values: object) -> None:
        super().__init__(what, why, remedy)
        self.what = what
        self.why = why
        self.remedy = remedy
        self.values = values

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (self.what, self.why, self.remedy, self.values)

    def sentences(self, translate: Callable[[str], str] = str) -> tuple[str, str, str]:
        """(what, why, remedy), translated, then filled in."""
        return tuple(  # type: ignore[return-value]
            fill(translate(text), self.values, translate) if text else ""
            for text in (self.what, self.why, self.remedy)
        )

    def translated(self, translate: Callable[[str], str] = str) -> str:
        """The three sentences as one text."""
        return " ".join(sentence for sentence in self.sentences(translate) if sentence)

    def __str__(self) -> str:
        return self.translated()


def fill(template: str, values: dict[str, object], translate: Callable[[str], str] = str) -> str:
    """The template with its ``{names}`` filled in; left as it is where that cannot be done.

    translate: for values that are sentences or words of the program themselves, see `Said`; of a tuple of them each is
    translated, with commas between.
    Texts of files, such as a cell or a list of columns, are cut to `LONGEST_VALUE` characters, and half an emoji in them
    becomes a mark that can be written.
    """
    try:
        return (
            template.format(**{name: _presentable(value, translate) for name, value in values.items()})
            if values
            else template
        )
    except (KeyError, IndexError, ValueError):
        return template


def _presentable(value: object, translate: Callable[[str], str]) -> object:
    if isinstance(value, tuple) and value and all(isinstance(item, Said) for item in value):
        value = ", ".join(item.translated(translate) for item in value)
    elif isinstance(value, Said):
        value = value.translated(translate)
    if not isinstance(value, str):
        return value
    if len(value) > LONGEST_VALUE:
        value = value[: LONGEST_VALUE - 1] + "…"
    try:
        value.encode("utf-8", "surrogateescape")  # bytes of file names are written as they are
    except UnicodeEncodeError:
        value = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return value


def _rebuild(what: str, why: str, remedy: str, values: dict[str, object]) -> UserError:
    return UserError(what, why, remedy, **values)


def given_place(text: str, what: str) -> str:
    """The path a person typed. Raises UserError for nothing: an unset variable of a shell is no current folder."""
    if not str(text).strip():
        raise UserError(
            "{what} is empty.",
            "An empty path means nothing; was a variable not set?",
            "Name a file or a folder.",
            what=what,
        )
    return text


def shortened(text: object, most: int = LONGEST_REASON) -> str:
    """One line of at most `most` characters."""
    line = " ".join(str(text).split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"
