"""Indexing a folder, in the background, so that what is indexed can be searched at once.

A folder indexed again encodes only what is new or changed by content: a file that was moved, renamed, copied or touched is
known again. A build that was cancelled or killed keeps what it has, and the next one goes on from there: it is the same
comparison of the folder with the table.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from models.errors import UserError
from models.progress import Progress
from models.search import planning, roots, upkeep
from models.search.encoded import Encoded, joined
from models.search.index import Index
from models.search.index_settings import IndexSettings
from models.search.index_table import Identity, NewItem, is_blank
from models.search.listed import texts_below
from models.search.pictures import View
from models.search.planning import Plan
from models.search.reading import Decoded, decoded

COMMIT_S = 0.7  # at least so long apart: each commit waits for the disk


class Encoder(Protocol):
    """What a build needs of a searcher."""

    @property
    def identity(self) -> Identity: ...
    @property
    def view(self) -> View: ...
    def encode_pixels(self, pixels: np.ndarray) -> Encoded:
        """Codes and embeddings of pictures as `view` makes them, uint8 [n, height, width, 3]."""
        ...

    def encode_texts(self, texts: list[str]) -> Encoded:
        """Codes and embeddings of n texts."""
        ...


@dataclass(frozen=True)
class BuildReport:
    """What a build did. moved: files that were known by their content, and only lie elsewhere. problems: (path, why) of
    files that could not be read this time. root: the folder that was brought up to date, which may enclose the one asked for.
    """

    added: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0
    moved: int = 0
    problems: tuple[tuple[str, str], ...] = ()
    seconds: float = 0.0
    root: str = ""


def open_index(
    folder: str | os.PathLike[str], identity: Identity, settings: IndexSettings | None = None
) -> Index:
    """The index at `folder`, made if there is none. Raises UserError if another model made it."""
    settings = settings or IndexSettings()
    if not is_blank(Path(folder)):
        return Index.open(folder, identity)
    return Index.create(folder, identity, settings.keep_embeddings, settings.kind)


def index_folder(
    encoder: Encoder,
    index: Index,
    folder: str | os.PathLike[str],
    progress: Progress | None = None,
    settings: IndexSettings | None = None,
    on_growth: Callable[[int], None] | None = None,
) -> BuildReport:
    """Bring the index up to date with a folder and all below it, captions included where it has some.

    A folder inside one that was indexed is brought up to date with that. on_growth: called with the number of pictures in the
    index whenever it has grown. Raises UserError where the folder or the index cannot be used, Cancelled if asked to stop;
    what was done until then stays.
    """
    progress, settings = progress or Progress(), settings or IndexSettings()
    started = time.monotonic()
    asked = Path(folder).expanduser().resolve()
    if not asked.is_dir():
        raise UserError(
            "{path} is not a folder.", "It may have been moved or deleted.", "Choose it again.", path=folder
        )
    index.check(encoder.identity)
    with index.writing():
        upkeep.remove_stray_files(index)
        progress.update(0, 1, "Looking through {name}", name=asked.name)
        root, place = roots.entered(index, asked)
        texts, told_problems = texts_below(place)
        plan, unreadable = planning.planned(index, root, place, texts)
        _check_there(index, place, plan)
        planning.adopt_known(index, root, place, plan, progress)
        index.remove(plan.gone)
        work = _Work(encoder, index, root, place, plan, progress, settings, on_growth)
        broken = dict(work.encode([name for name in plan.new + plan.changed if name not in plan.copies]))
        planning.adopt_copies(index, root, plan)
        copied = [name for name in plan.copies if name not in plan.new + plan.changed]
        if copied:
            work.count(len(copied))
        broken |= dict(work.encode([name for name in plan.copies if name not in copied]))
        work.tell_again()
        roots.forget_empty(index)
        upkeep.compact_if_worth(index)
        progress.update(1, 1, "Indexed {count} pictures", count=len(index))
    return BuildReport(
        added=sum(str(place / name) not in broken for name in plan.new) + len(copied),
        changed=sum(str(place / name) not in broken for name in plan.changed),
        removed=len(plan.gone),
        unchanged=plan.unchanged,
        moved=plan.moved,
        problems=(*told_problems, *unreadable, *broken.items()),
        seconds=time.monotonic() - started,
        root=str(place),
    )


def _check_there(index: Index, place: Path, plan: Plan) -> None:
    """Raises UserError where a folder of which the index holds pictures has none at all: its drive may be away."""
    if plan.gone and not plan.stats:
        raise UserError(
            "{path} holds no pictures now.",
            "The index {index} has {count} of it; the drive may not be connected. Nothing was taken out of the index.",
            "Connect the drive and try again. If the pictures were deleted, take the folder out of the index.",
            path=place,
            index=index.folder,
            count=len(plan.gone),
        )


class _Work:
    """The encoding of a plan: what is encoded waits, and is committed together."""

    def __init__(
        self,
        encoder: Encoder,
        index: Index,
        root: int,
        place: Path,
        plan: Plan,
        progress: Progress,
        settings: IndexSettings,
        on_growth: Callable[[int], None] | None,
    ) -> None:
        self._encoder, self._index, self._root, self._place = encoder, index, root, place
        self._plan, self._progress, self._settings, self._on_growth = plan, progress, settings, on_growth
        self._waiting: list[NewItem] = []
        self._codes: list[Encoded] = []
        self._texts: list[Encoded] = []
        self._done, self._total = 0, len(plan.new) + len(plan.changed)

    def encode(self, names: list[str]) -> list[tuple[str, str]]:
        """Encode and enter files; returns (path, why) of those that cannot be read."""
        problems: list[tuple[str, str]] = []
        last = time.monotonic()
        paths = [self._place / name for name in names]
        batches = decoded(
            paths, self._encoder.view, self._settings.batch_size, self._settings.workers, self._progress
        )
        try:
            for batch in batches:
                problems += self._take(names, batch)
                if time.monotonic() - last > COMMIT_S:
                    self._commit()
                    last = time.monotonic()
                self.count(len(batch.numbers) + len(batch.problems))
        finally:
            batches.close()  # type: ignore[attr-defined]  # a generator: ends the worker processes
            self._commit()
        return problems

    def count(self, files: int) -> None:
        """So many more files of the plan are done, however they came in. Raises Cancelled."""
        self._done += files
        self._progress.update(
            self._done,
            self._total,
            "Indexing {name}: {done} of {total}",
            name=self._place.name,
            done=self._done,
            total=self._total,
        )

    def _take(self, names: list[str], batch: Decoded) -> list[tuple[str, str]]:
        """Encode a batch; what is waiting then is whole: an item, its code, the codes of its captions."""
        items = [
            self._plan.item(names[n], known_facts)
            for n, known_facts in zip(batch.numbers, batch.facts, strict=True)
        ]
        if items:
            self._codes.append(self._encoder.encode_pixels(batch.pixels))
        captions = [text for item in items for text in item.captions]
        if captions:
            self._texts.append(self._encoder.encode_texts(captions))
        self._waiting += items
        problems = []
        for number, sentences in batch.problems:
            reason = " ".join(sentence for sentence in sentences if sentence)
            problems.append((str(self._place / names[number]), reason))
            self._waiting.append(self._plan.item(names[number], problem=reason))
        return problems

    def _commit(self) -> None:
        if not self._waiting:
            return
        pictures = joined(self._codes) if self._codes else None
        texts = joined(self._texts) if self._texts else None
        self._index.put(self._root, self._waiting, pictures, texts)
        self._waiting, self._codes, self._texts = [], [], []
        if self._on_growth is not None:
            self._on_growth(len(self._index))

    def tell_again(self) -> None:
        """Bring captions, other words and facts up to date of pictures that stay as they are."""
        plan, index = self._plan, self._index
        if plan.recaption:
            items = [(number, plan.item(name)) for number, name in plan.recaption]
            captions = [text for _, item in items for text in item.captions]
            index.put_captions(items, self._encoder.encode_texts(captions))
        if plan.relist:
            index.describe([(number, plan.item(name)) for number, name in plan.relist])
        if plan.unread:
            index.describe(list(planning.unread_items(plan, self._place, self._progress)))
