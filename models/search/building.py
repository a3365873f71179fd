"""Indexing a folder, in the background, so that what is indexed can be searched at once.

A folder indexed again encodes only what is new or changed. A build that was cancelled or killed keeps what it has, and
the next one goes on from there: it is the same comparison of the folder with the table.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from models import files
from models.errors import UserError
from models.progress import Progress
from models.resources import resource
from models.search import data, pictures
from models.search.config import IndexSettings
from models.search.encoded import Encoded, joined
from models.search.index import SHIPPED, Index
from models.search.index_table import Identity, NewItem, is_blank
from models.search.pictures import View
from models.search.reading import decoded

COMMIT_S = 0.7  # at least so long apart: each commit waits for the disk


class Encoder(Protocol):
    """What a build needs of a searcher."""

    @property
    def identity(self) -> Identity: ...
    @property
    def view(self) -> View: ...
    def encode_pixels(self, pixels: np.ndarray) -> Encoded: ...
    def encode_texts(self, texts: list[str]) -> Encoded: ...


@dataclass(frozen=True)
class BuildReport:
    """What a build did. problems: (path, why) of files that could not be read this time."""

    added: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0
    problems: tuple[tuple[str, str], ...] = ()
    seconds: float = 0.0


@dataclass
class _Plan:
    """What is to be done for a folder."""

    new: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    gone: list[int] = field(default_factory=list)
    recaption: list[tuple[int, str]] = field(default_factory=list)
    unchanged: int = 0
    stats: dict[str, tuple[int, int]] = field(default_factory=dict)


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
    told: Callable[[int], None] | None = None,
) -> BuildReport:
    """Bring the index up to date with a folder and all below it, captions included where it has some.

    told: called with the number of pictures in the index whenever it has grown. Raises UserError where the folder or
    the index cannot be used, Cancelled if asked to stop; what was done until then stays.
    """
    progress, settings = progress or Progress(), settings or IndexSettings()
    started = time.monotonic()
    place = Path(folder).expanduser().resolve()
    if not place.is_dir():
        raise UserError(
            "{path} is not a folder.", "It may have been moved or deleted.", "Choose it again.", path=folder
        )
    index.check(encoder.identity)
    with index.writing():
        progress.update(0, 1, "Looking through {name}", name=place.name)
        root = index.root(_root_name(place))
        captions, told_problems = _captions(place)
        plan, unreadable = _plan(index, root, place, captions)
        _check_there(index, place, plan)
        if plan.gone:
            index.remove(plan.gone)
        done = _encode(encoder, index, root, place, plan, captions, progress, settings, told)
        _recaption(encoder, index, plan, captions)
        progress.update(1, 1, "Indexed {count} pictures", count=len(index))
    broken = {path for path, _ in done}
    return BuildReport(
        added=sum(str(place / name) not in broken for name in plan.new),
        changed=sum(str(place / name) not in broken for name in plan.changed),
        removed=len(plan.gone),
        unchanged=plan.unchanged,
        problems=tuple(told_problems + unreadable + done),
        seconds=time.monotonic() - started,
    )


def _check_there(index: Index, place: Path, plan: _Plan) -> None:
    """Raises UserError where a folder of which the index holds pictures has none at all: its drive may be away."""
    if plan.gone and not plan.stats:
        raise UserError(
            "{path} holds no pictures now.",
            "The index {index} has {count} of it; the drive may not be connected. Nothing was taken out of the index.",
            "Connect the drive and try again. If the pictures were deleted, delete the index's folder, too.",
            path=place,
            index=index.folder,
            count=len(plan.gone),
        )


def _plan(
    index: Index, root: int, place: Path, captions: dict[str, data.Item]
) -> tuple[_Plan, list[tuple[str, str]]]:
    result, problems = pictures.find(place)
    if problems and not result and Path(problems[0][0]) == place:
        raise UserError(
            "The folder {path} cannot be read.",
            "{reason}.",
            "Check its permissions.",
            path=place,
            reason=problems[0][1],
        )
    known, plan, unseen = index.known(root), _Plan(), list(problems)
    for path in result:
        name = path.relative_to(place).as_posix()
        reason = pictures.unfit(path)
        if reason:
            problems.append((files.shown(path), reason))
            continue
        try:
            status = path.stat()
        except OSError:
            continue  # removed while we looked: it is treated as gone
        plan.stats[name] = (status.st_size, status.st_mtime_ns)
        if name not in known:
            plan.new.append(name)
            continue
        number, size, modified, texts = known[name]
        if (size, modified) != plan.stats[name]:
            plan.changed.append(name)
        else:
            plan.unchanged += 1
            if texts != (captions[name].captions if name in captions else ()):
                plan.recaption.append((number, name))
    # What lies below a folder that cannot be read just now is not gone.
    hidden = [Path(where).relative_to(place).as_posix() + "/" for where, _ in unseen if Path(where) != place]
    plan.gone = [
        entry[0]
        for name, entry in known.items()
        if name not in plan.stats and not any(name.startswith(folder) for folder in hidden)
    ]
    return plan, problems


def _encode(
    encoder: Encoder,
    index: Index,
    root: int,
    place: Path,
    plan: _Plan,
    captions: dict[str, data.Item],
    progress: Progress,
    settings: IndexSettings,
    told: Callable[[int], None] | None,
) -> list[tuple[str, str]]:
    names = plan.new + plan.changed
    problems: list[tuple[str, str]] = []
    waiting: list[NewItem] = []
    codes: list[Encoded] = []
    texts: list[Encoded] = []
    done, last = 0, time.monotonic()

    def commit() -> None:
        nonlocal last
        if waiting:
            index.put(root, waiting, joined(codes) if codes else None, joined(texts) if texts else None)
            waiting.clear()
            codes.clear()
            texts.clear()
            if told is not None:
                told(len(index))
        last = time.monotonic()

    batches = decoded(
        [place / name for name in names], encoder.view, settings.batch_size, settings.workers, progress
    )
    try:
        for batch in batches:
            said: list[str] = []
            for number in batch.numbers:
                name = names[number]
                item = captions.get(name)
                own, credit = (item.captions, item.attribution) if item else ((), "")
                waiting.append(NewItem(name, *plan.stats[name], own, credit))
                said += own
            if batch.numbers:
                codes.append(encoder.encode_pixels(batch.pixels))
            if said:
                texts.append(encoder.encode_texts(said))
            for number, words in batch.problems:
                reason = " ".join(word for word in words if word)
                problems.append((str(place / names[number]), reason))
                waiting.append(NewItem(names[number], *plan.stats[names[number]], problem=reason))
            done += len(batch.numbers) + len(batch.problems)
            if time.monotonic() - last > COMMIT_S:
                commit()
            progress.update(
                done,
                len(names),
                "Indexing {name}: {done} of {total}",
                name=place.name,
                done=done,
                total=len(names),
            )
    finally:
        batches.close()  # type: ignore[attr-defined]  # a generator: ends the worker processes
        commit()
    return problems


def _recaption(encoder: Encoder, index: Index, plan: _Plan, captions: dict[str, data.Item]) -> None:
    if not plan.recaption:
        return
    texts = [captions[name].captions if name in captions else () for _, name in plan.recaption]
    credits = [captions[name].attribution if name in captions else "" for _, name in plan.recaption]
    encoded = encoder.encode_texts([text for own in texts for text in own])
    index.put_captions([number for number, _ in plan.recaption], texts, credits, encoded)


def _captions(place: Path) -> tuple[dict[str, data.Item], list[tuple[str, str]]]:
    """path below the folder → its captions; captions without a picture are told, and are no hindrance."""
    if not data.may_have_captions(place):
        return {}, []
    try:
        result = data.open_captions(place)
    except UserError as error:
        return {}, [(str(place), str(error))]
    held = {}
    for item in result.items:
        path = item.path.resolve()
        if path.is_relative_to(place):
            held[path.relative_to(place).as_posix()] = item
    return held, [(f"{place / what}", why) for what, why in result.skipped]


def _root_name(place: Path) -> str:
    """The folder as the index keeps it: what ships is named so that it is found on every machine."""
    shipped = resource().resolve()
    return SHIPPED + place.relative_to(shipped).as_posix() if place.is_relative_to(shipped) else str(place)
