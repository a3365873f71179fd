"""Pictures with captions: one data set of whatever lists and notes are found with them."""

from __future__ import annotations

import os
import posixpath
import random
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from models.errors import UserError, shortened
from models.remarks import Remark
from models.search import listings
from models.search.listings import Places, Row, is_there, text_of, whole

PARTS = ("train", "validation", "test")
LOST = "the picture is not there"
_PHRASE_WORDS = 3  # keywords that make up a caption


@dataclass(frozen=True)
class Item:
    """One picture. captions: its sentences or names. keywords: further words that are true of it. part: `PARTS` or ""."""

    path: Path
    captions: tuple[str, ...]
    keywords: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    part: str = ""
    attribution: str = ""

    @property
    def sentences(self) -> tuple[str, ...]:
        """The captions, then the keywords few by few: all that a search might say."""
        named = {caption.casefold() for caption in self.captions}
        words = [word for word in self.keywords if word.casefold() not in named]
        groups = (words[i : i + _PHRASE_WORDS] for i in range(0, len(words), _PHRASE_WORDS))
        return self.captions + tuple(" ".join(group) for group in groups)

    @property
    def question(self) -> str:
        """What is asked for in an evaluation: the picture in other words than its name, where it has some."""
        sentences = self.sentences
        return sentences[min(len(self.captions), len(sentences) - 1)]


@dataclass(frozen=True)
class Captions:
    """A data set. skipped: (what, why) of everything that was left out. unknown_parts: words that name no part of a split."""

    name: str
    items: tuple[Item, ...]
    skipped: tuple[tuple[str, str], ...] = ()
    unknown_parts: tuple[str, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(sorted({label for item in self.items for label in item.labels}))

    def part(self, name: str) -> tuple[Item, ...]:
        """The pictures of one part of the split: ``train``, ``validation``, ``test``, or "" where the data set has no split."""
        return tuple(item for item in self.items if item.part == name)


def open_captions(choice: str | os.PathLike[str]) -> Captions:
    """The pictures with captions at `choice`, a folder or a file. Raises UserError where there are none."""
    path = Path(choice)
    if not path.exists():
        raise UserError(
            "{path} was not found.", "It may have been moved or deleted.", "Choose it again.", path=path
        )
    lists, others = ([(path, "")], []) if path.is_file() else listings.lists_in(path)
    left_out = [(other.name, f"the captions of {lists[0][0].name} were taken") for other in others]
    rows: list[tuple[Row, str]] = []
    try:
        rows = [(row, part) for listing, part in lists for row in listings.rows_of(listing)]
    except UserError:
        if path.is_file() or any(listings.is_named_list(listing.name) for listing, _ in lists):
            raise
        rows = [(row, "") for row in listings.rows_beside(path)]
        if not rows:
            raise
        left_out += [(listing.name, "it is no list of captions") for listing, _ in lists]
    if not lists:
        rows = [(row, "") for row in listings.rows_beside(path)]
    result = _joined(rows, path.parent if path.is_file() else path)
    if not result.items:
        raise UserError(
            "{name} has no picture with a caption.",
            "{reason}",
            "Put the pictures beside a CSV with the columns file and caption, or a .txt beside each picture.",
            name=path.name,
            reason=_why_none(result),
        )
    return Captions(
        path.stem if path.is_file() else path.name,
        result.items,
        (*result.skipped, *left_out),
        result.unknown_parts,
    )


def _why_none(result: Captions) -> Remark:
    if not result.skipped:
        return Remark("Neither a list of captions nor a .txt beside a picture was found.")
    lost = sum(why == LOST for _, why in result.skipped)
    if lost == len(result.skipped):
        return Remark("{lost} captions belong to pictures that are not there.", lost=lost)
    name, reason = result.skipped[0]
    return Remark(
        "{count} pictures are named; of the first, {name}: {reason}.",
        count=len(result.skipped),
        name=name,
        reason=reason,
    )


def note_beside(picture: Path) -> tuple[str, ...]:
    """The lines of the ``.txt`` beside a picture."""
    note = next((note for end in (".txt", ".TXT") if is_there(note := picture.with_suffix(end))), None)
    lines = [whole(line) for line in text_of(note).splitlines()] if note is not None else []
    return tuple(dict.fromkeys(line for line in lines if line))


def with_split(captions: Captions, validation: float, test: float, seed: int) -> Captions:
    """`captions` with a part for every item: as the data says, or drawn by the seed where it says nothing.

    Raises UserError where the data names a part that is not known: it would be trained on, whatever was meant.
    """
    if captions.unknown_parts:
        raise UserError(
            "{name} names a part of the split that is not known.",
            "It is {part}; known are train, validation and test.",
            "Correct it in the list of the captions.",
            name=captions.name,
            part=shortened(captions.unknown_parts[0], 60),
        )
    if any(item.part for item in captions.items):
        items = tuple(item if item.part else replace(item, part="train") for item in captions.items)
        return replace(captions, items=items)
    order = list(range(len(captions.items)))
    random.Random(seed).shuffle(order)
    tests, validations = round(test * len(order)), round(validation * len(order))
    names = dict.fromkeys(order[:tests], "test")
    names |= dict.fromkeys(order[tests : tests + validations], "validation")
    items = tuple(replace(item, part=names.get(i, "train")) for i, item in enumerate(captions.items))
    return replace(captions, items=items)


def _joined(rows: Iterable[tuple[Row, str]], folder: Path) -> Captions:
    """Items in the order of their first row, the rows of a picture together; rows: each with the part that its list is of."""
    rows_of: dict[str, list[tuple[Row, str]]] = {}
    for row, part in rows:
        name = posixpath.normpath(row.file.replace("\\", "/")) if row.file else ""
        rows_of.setdefault(name, []).append((row, row.part or part))
    places, taken = Places(folder), dict[Path, str]()
    items, skipped, unknown = [], [], list[str]()
    for name, held in rows_of.items():
        path = places.find(name)
        captions, keywords, labels = (
            _distinct(texts)
            for texts in zip(*((row.captions, row.keywords, row.labels) for row, _ in held), strict=True)
        )
        why = LOST if path is None else "" if captions else "it has no caption"
        if path is not None and taken.setdefault(path, name) != name:
            why = f"it would be the same picture as {shortened(whole(taken[path]), 100)}"
        if path is None or why:
            skipped.append((shortened(whole(name), 300), why))
            continue
        told = next((part for _, part in reversed(held) if part.strip()), "")
        known = listings.part_of(told)
        unknown += [told] if known is None else []
        attribution = next((row.attribution for row, _ in reversed(held) if row.attribution), "")
        items.append(Item(path, captions, keywords, labels, known or "", attribution))
    return Captions("", tuple(items), tuple(skipped), tuple(dict.fromkeys(unknown)))


def _distinct(rows: Iterable[list[str]]) -> tuple[str, ...]:
    """Each text of the rows once, on one line, in the order of their first."""
    return tuple(dict.fromkeys(text for texts in rows for text in map(whole, texts) if text))
