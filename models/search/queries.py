"""What can be asked of a search, and what it answers. Neither torch nor Pillow: the window uses these, too."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from models.search.filters import Filters
from models.settings import Options, setting

if TYPE_CHECKING:
    from PIL import Image

LESS = 0.5  # how strongly what is turned away from counts against what is asked for
Picture: TypeAlias = "str | os.PathLike[str] | Image.Image | np.ndarray"


@dataclass(frozen=True)
class Query:
    """What is asked for; its parts are added up. more, less: ids of pictures of the index (or, searching captions, too).

    terms: further words with a weight each, which may be below 0: "beach" + "dog" · 0.5 − "people". weights: of pictures in
    `more` and `less`, by id, where they are not 1 and −0.5.
    """

    text: str = ""
    picture: Picture | None = None
    more: tuple[int, ...] = ()
    less: tuple[int, ...] = ()
    text_weight: float = 1.0
    picture_weight: float = 1.0
    terms: tuple[tuple[str, float], ...] = ()
    weights: tuple[tuple[int, float], ...] = ()

    @property
    def empty(self) -> bool:
        """Whether nothing is asked for: to turn away from something alone is no question."""
        positive = any(weight > 0 and text.strip() for text, weight in self.terms)
        return not self.text.strip() and self.picture is None and not self.more and not positive

    @property
    def looked_up(self) -> str:
        """The words that are looked up in what is written: all that is asked for, nothing that is turned away from."""
        weighed = ((self.text, self.text_weight), *self.terms)
        return " ".join(text for text, weight in weighed if weight > 0).strip()


_TERM = re.compile(r'(?:(?<=\s)|^)([+−-])(?:(\d*[.,]?\d+)\s*[×*])?("[^"]+"|[^\s"+−-]\S*)')


def written_terms(text: str) -> tuple[str, tuple[tuple[str, float], ...]]:
    """(the words, the terms) of a question as it is typed: ``cat -heart +0.5*"deep snow"`` asks for cats, away from hearts, and
    half as much for deep snow. A sign counts where a word begins; what is turned away from weighs a half unless it is said."""
    terms = []
    for sign, weight, words in _TERM.findall(text):
        size = float(weight.replace(",", ".")) if weight else (1.0 if sign == "+" else LESS)
        terms.append((words.strip('"'), size if sign == "+" else -size))
    return " ".join(_TERM.sub(" ", text).split()), tuple(terms)


@dataclass(frozen=True)
class Hit:
    """One answer.

    id: of the picture. distance: differing bits, of `Results.bits`. score: likeness from −1 to 1, the cosine of the
    embeddings where the index keeps them, else 1 − 2 · distance / bits. code: bool [bits]. caption: the one that was
    found, when captions are searched, else the first. percentile: of likeness, 0 to 100, see `likeness.py`. why: what found
    it: ``likeness``, and where the words stand (`words.FIELDS`). day: when it was taken, else changed. size: pixels. folded: near-duplicates that stand behind it, answers like it.
    """

    id: int
    path: Path
    caption: str
    captions: tuple[str, ...]
    attribution: str
    distance: int
    score: float
    code: np.ndarray
    percentile: float = 0.0
    why: tuple[str, ...] = ("likeness",)
    day: str = ""
    camera: str = ""
    size: tuple[int, int] = (0, 0)
    folded: tuple[Hit, ...] = ()

    @property
    def duplicates(self) -> tuple[int, ...]:
        """The ids of the near-duplicates behind it."""
        return tuple(hit.id for hit in self.folded)

    @property
    def there(self) -> bool:
        """Whether the file is still where it was indexed."""
        return self.path.is_file()


@dataclass(frozen=True)
class Results:
    """hits: the best first. code: bool [bits] of the query. searched: how many items were compared. unknown: words
    that the encoder does not know. fits: whether anything is what was asked for: its words were found, or it is more alike
    than most of what chance finds. encode_s, search_s: seconds."""

    hits: tuple[Hit, ...]
    code: np.ndarray
    bits: int
    searched: int
    unknown: tuple[str, ...] = ()
    fits: bool = True
    encode_s: float = 0.0
    search_s: float = 0.0


class SearchOptions(Options):
    """How answers are chosen."""

    top: int = setting(50, "Results", "At most so many.", ge=1, le=1_000_000)
    method: Literal["hybrid", "likeness", "words"] = setting(
        "hybrid",
        "Method",
        "By likeness, by words in names, captions, keywords and dates, or both fused by their ranks.",
    )
    least_percentile: float = setting(
        0.0,
        "Least percentile",
        "Only answers more alike than the best of so many random questions in a hundred, or in which the words were found.",
        ge=0,
        le=100,
    )
    least_score: float = setting(
        -1.0, "Least likeness", "Only answers whose cosine is at least this; −1 lets all pass.", ge=-1, le=1
    )
    rerank: int = setting(
        300, "Re-ordered", "So many of the nearest codes are ordered by their embeddings.", ge=0, le=1_000_000
    )
    fold: bool = setting(False, "Fold", "Near-duplicates are put behind the best of them.")
    side: Literal["pictures", "captions"] = setting("pictures", "Side", "What is searched.")
    folder: str = setting("", "Folder", "Only pictures in this folder or below it.", path="folder")
    since: str = setting("", "Since", "Only pictures of this year, month or day (2024-05-01) or later.")
    until: str = setting("", "Until", "Only pictures of this year, month or day or earlier.")
    orientation: Literal["any", "landscape", "portrait", "square"] = setting(
        "any", "Orientation", "Only pictures of this shape."
    )
    label: str = setting("", "Label", "Only pictures with this label.")

    @property
    def filters(self) -> Filters:
        return Filters(self.folder, self.since, self.until, self.orientation, self.label)


USUAL = SearchOptions()
