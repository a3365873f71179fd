"""What the grid shows: the answers to a query, or every picture of an index, fetched page by page."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, Qt, Signal

from app.i18n import digits, plural, series, tr
from app.widgets.plain import tip

if TYPE_CHECKING:
    from models.search.index_table import IndexedItem
    from models.search.queries import Hit

Index = QModelIndex | QPersistentModelIndex
ITEM = Qt.ItemDataRole.UserRole
PAGE = 256  # rows that are fetched together
MOST_PAGES = 64  # that are kept


@dataclass(frozen=True)
class GridItem:
    """One picture of the grid. score, distance and code only of answers: code is bool [bits]. folded: its near-duplicates.
    percentile: of likeness. why: see `Hit.why`. about: date, size, camera."""

    id: int
    path: Path
    caption: str = ""
    captions: tuple[str, ...] = ()
    attribution: str = ""
    score: float | None = None
    distance: int | None = None
    code: np.ndarray | None = None
    folded: tuple[GridItem, ...] = ()
    percentile: float | None = None
    why: tuple[str, ...] = ()
    about: str = ""

    @property
    def written(self) -> bool:
        """Whether the words that were asked for stand in what is written of it."""
        return any(reason != "likeness" for reason in self.why)

    @property
    def duplicates(self) -> tuple[int, ...]:
        """The ids of the near-duplicates behind it."""
        return tuple(item.id for item in self.folded)

    @property
    def words(self) -> str:
        """What stands under it: its caption, or its name."""
        return self.caption or self.path.stem

    @classmethod
    def of_hit(cls, hit: Hit) -> GridItem:
        """An answer to a question, with its near-duplicates."""
        return cls(
            hit.id,
            hit.path,
            hit.caption,
            hit.captions,
            hit.attribution,
            hit.score,
            hit.distance,
            hit.code,
            tuple(cls.of_hit(other) for other in hit.folded),
            hit.percentile,
            hit.why,
            about_file(hit.day, hit.camera, *hit.size),
        )

    @classmethod
    def of_item(cls, item: IndexedItem) -> GridItem:
        """A picture of the index that nothing was asked of: it has no score and no distance."""
        first = item.captions[0] if item.captions else ""
        facts = item.facts
        about = about_file(item.day, facts.camera, facts.width, facts.height)
        return cls(item.id, item.path, first, item.captions, item.attribution, about=about)


class Pictures(QAbstractListModel):
    """`show_hits` or `show_all`. page_wanted(number): rows of a page that are looked at and not there; answer with
    `fill`."""

    page_wanted = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.hits: list[GridItem] | None = None  # None: every picture is shown
        self._ids = np.zeros(0, np.int64)
        self._pages: OrderedDict[int, list[GridItem | None]] = OrderedDict()
        self._asked: set[int] = set()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        if parent.isValid():
            return 0
        return len(self._ids) if self.hits is None else len(self.hits)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == ITEM:
            return self.at(index.row())
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            shown = self.at(index.row())
            return spoken(shown) if shown is not None else ""
        if role == Qt.ItemDataRole.ToolTipRole:
            shown = self.at(index.row())
            return tip(tooltip(shown)) if shown is not None else ""
        return None

    def at(self, row: int) -> GridItem | None:
        """The picture of a row; None where it is being fetched."""
        if self.hits is not None:
            return self.hits[row] if 0 <= row < len(self.hits) else None
        number, place = divmod(row, PAGE)
        page = self._pages.get(number)
        if page is None:
            if number not in self._asked and 0 <= row < len(self._ids):
                self._asked.add(number)
                self.page_wanted.emit(number)
            return None
        self._pages.move_to_end(number)
        return page[place] if place < len(page) else None

    @property
    def ids(self) -> np.ndarray:
        """int64 [n], where every picture is shown."""
        return self._ids

    def show_hits(self, hits: Sequence[GridItem]) -> None:
        """Show these answers, in this order, instead of what was shown."""
        self.beginResetModel()
        self.hits = list(hits)
        self.endResetModel()

    def show_all(self, ids: np.ndarray) -> None:
        """Every picture with these ids; what was fetched before is kept where only more have come."""
        grown = (
            self.hits is None
            and len(ids) >= len(self._ids)
            and np.array_equal(ids[: len(self._ids)], self._ids)
        )
        if grown and len(self._ids):
            before = len(self._ids)
            if len(ids) == before:
                return
            self.beginInsertRows(QModelIndex(), before, len(ids) - 1)
            self._forget_page(before // PAGE)
            self._ids = ids
            self.endInsertRows()
            return
        self.beginResetModel()
        self.hits, self._ids = None, ids
        self._pages.clear()
        self._asked.clear()
        self.endResetModel()

    def page_ids(self, number: int) -> np.ndarray:
        """int64 [at most `PAGE`]: the ids of the pictures on a page, where every picture is shown."""
        return self._ids[number * PAGE : (number + 1) * PAGE]

    def fill(self, number: int, ids: np.ndarray, items: Sequence[IndexedItem]) -> None:
        """The rows of a page, as `page_ids` named them; pictures that are gone stay empty."""
        self._asked.discard(number)
        if self.hits is not None or not np.array_equal(ids, self.page_ids(number)):
            return
        result = {item.id: GridItem.of_item(item) for item in items}
        self._pages[number] = [result.get(int(entry)) for entry in ids]
        while len(self._pages) > MOST_PAGES:
            self._pages.popitem(last=False)
        last = number * PAGE + len(ids) - 1
        self.dataChanged.emit(self.index(number * PAGE), self.index(last))

    def row_of(self, number: int) -> int:
        """The row of the picture with this id; −1 if it is not shown."""
        if self.hits is not None:
            return next((row for row, hit in enumerate(self.hits) if hit.id == number), -1)
        result = np.flatnonzero(self._ids == number)
        return int(result[0]) if len(result) else -1

    def _forget_page(self, number: int) -> None:
        self._pages.pop(number, None)
        self._asked.discard(number)


def about_file(day: str, camera: str, width: int, height: int) -> str:
    """When, how large, with what: as far as the file tells."""
    size = f"{width} × {height}" if width and height else ""
    return " · ".join(part for part in (day, size, camera) if part)


def why_words(shown: GridItem) -> str:
    """What found it, in words."""
    names = {
        "likeness": tr("likeness"),
        "name": tr("word in the name"),
        "caption": tr("word in the caption"),
        "keyword": tr("word in the keywords"),
        "date": tr("date"),
    }
    return tr("found by {reasons}", reasons=series(names[reason] for reason in shown.why))


def score_words(score: float) -> str:
    """A cosine of −1 to 1 with two digits behind the point."""
    return digits(score, ".2f")


def spoken(shown: GridItem) -> str:
    """A tile in words."""
    if shown.score is None:
        return shown.words
    return tr("{caption}, similarity {score}", caption=shown.words, score=score_words(shown.score))


def tooltip(shown: GridItem) -> str:
    """Everything that is known of a tile, a line each: caption, what found it, score, duplicates, source, path."""
    lines = [shown.words]
    if shown.why:
        lines.append(why_words(shown))
    if shown.score is not None:
        lines.append(
            tr("similarity {score} · distance {d}", score=score_words(shown.score), d=shown.distance)
        )
    if shown.duplicates:
        lines.append(plural("{n} near-duplicate", "{n} near-duplicates", len(shown.duplicates)))
    if shown.attribution:
        lines.append(shown.attribution)
    lines.append(str(shown.path))
    return "\n".join(lines)
