"""What can be asked of a search, and what it answers. Neither torch nor Pillow: the window uses these, too."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from models.settings import Options, setting

if TYPE_CHECKING:
    from PIL import Image

Picture: TypeAlias = "str | os.PathLike[str] | Image.Image | np.ndarray"


@dataclass(frozen=True)
class Query:
    """What is asked for; its parts are added up. more, less: ids of pictures of the index (or, searching captions, too)."""

    text: str = ""
    picture: Picture | None = None
    more: tuple[int, ...] = ()
    less: tuple[int, ...] = ()
    text_weight: float = 1.0
    picture_weight: float = 1.0

    @property
    def empty(self) -> bool:
        return not self.text.strip() and self.picture is None and not self.more


@dataclass(frozen=True)
class Hit:
    """One answer.

    id: of the picture. distance: differing bits, of `Results.bits`. score: likeness from −1 to 1, the cosine of the
    embeddings where the index keeps them, else 1 − 2 · distance / bits. code: bool [bits]. caption: the one that was
    found, when captions are searched, else the first. folded: near-duplicates that stand behind it, answers like it.
    """

    id: int
    path: Path
    caption: str
    captions: tuple[str, ...]
    attribution: str
    distance: int
    score: float
    code: np.ndarray
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
    that the encoder does not know. encode_s, search_s: seconds."""

    hits: tuple[Hit, ...]
    code: np.ndarray
    bits: int
    searched: int
    unknown: tuple[str, ...] = ()
    encode_s: float = 0.0
    search_s: float = 0.0


class SearchOptions(Options):
    """How answers are chosen."""

    top: int = setting(50, "Results", "At most so many.", ge=1, le=1_000_000)
    least_score: float = setting(
        -1.0, "Least likeness", "Only answers at least so alike; −1 lets all pass.", ge=-1, le=1
    )
    rerank: int = setting(
        300, "Re-ordered", "So many of the nearest codes are ordered by their embeddings.", ge=0, le=1_000_000
    )
    fold: bool = setting(False, "Fold", "Near-duplicates are put behind the best of them.")
    side: Literal["pictures", "captions"] = setting("pictures", "Side", "What is searched.")


USUAL = SearchOptions()
