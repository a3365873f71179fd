"""What the tab has done in worker threads: loading, opening, searching, indexing. No Qt."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from models.errors import UserError
from models.progress import Cancelled, Progress

if TYPE_CHECKING:
    from models.search.building import BuildReport
    from models.search.explaining import HeatMap
    from models.search.index import Index
    from models.search.index_table import IndexedItem
    from models.search.queries import Query, Results, SearchOptions
    from models.search.searcher import Searcher
    from models.search.upkeep import Finding


@dataclass(frozen=True)
class About:
    """An index as it is now. ids: of its pictures. folders: what was indexed. problems: (path, why) of what could not
    be read. model: who made it, for people. labels: that its pictures have, those of most first."""

    ids: np.ndarray
    captions: int
    folders: tuple[Path, ...]
    problems: tuple[tuple[Path, str], ...]
    model: str
    bits: int
    read_only: bool
    labels: tuple[str, ...] = ()


class Pausable(Progress):
    """Reports to another progress, and holds the work up while it is paused."""

    def __init__(self, whole: Progress) -> None:
        super().__init__()
        self._whole = whole
        self._going = threading.Event()
        self._going.set()

    @property
    def paused(self) -> bool:
        return not self._going.is_set()

    def pause(self, paused: bool) -> None:
        """Hold the work up at its next `update`, or let it go on. From any thread."""
        if paused:
            self._going.clear()
        else:
            self._going.set()

    @property
    def cancelled(self) -> bool:
        return self._whole.cancelled

    def cancel(self) -> None:
        self._whole.cancel()

    def update(self, done: float, total: float, message: str = "", /, **values: object) -> None:
        self._whole.update(done, total, message, **values)
        while not self._going.wait(0.1):
            if self._whole.cancelled:
                raise Cancelled


def must_download(choice: str) -> bool:
    """Whether a choice is a name of the hub whose model is not on this machine."""
    from models import pretrained

    path = Path(choice).expanduser()
    if choice == "bundled" or path.exists() or choice.count("/") != 1 or choice.startswith((".", "~", "/")):
        return False
    return pretrained.find(choice) is None


def opened(folder: Path) -> Index:
    """The index in a folder. Raises UserError where there is none, or where it is damaged."""
    from models.search.index import Index

    return Index.open(folder)


def about(index: Index) -> About:
    """Takes over what another process has written meanwhile, and looks."""
    index.refresh()
    made = index.identity
    return About(
        ids=index.ids(),
        captions=index.caption_count,
        folders=tuple(index.folders()),
        problems=tuple((item.path, item.problem) for item in index.problems()),
        model=made.encoder_title or made.encoder,
        bits=made.bits,
        read_only=index.read_only,
        labels=tuple(index.labels()),
    )


def is_picture_within(path: Path, folder: Path, about: About | None) -> bool:
    """Whether a path that an index names is a picture, by its ending and by what is in it, inside a folder that was
    indexed, or beside an index that ships."""
    from models.search import pictures

    roots = [*(about.folders if about is not None else ()), folder.parent]
    real = path.resolve()
    inside = any(real.is_relative_to(root.resolve()) for root in roots if root.resolve() != Path(real.anchor))
    if not inside or real.suffix.lower() not in pictures.SUFFIXES:
        return False
    try:
        pictures.read(real)
    except UserError:
        return False
    return True


def items(index: Index, ids: np.ndarray) -> list[IndexedItem]:
    """What an index holds of the pictures with these ids, int64 [n]; those that are gone are left out."""
    return index.items(ids)


def codes_of(index: Index, numbers: list[int]) -> np.ndarray:
    """bool [n, bits]"""
    from models.search import codes

    try:
        return codes.unpack(index.codes(numbers))
    except KeyError:  # removed meanwhile
        return np.zeros((0, index.identity.bits), bool)


@dataclass
class PictureMemory:
    """The picture that is searched by, as the encoder sees it: read once, not at every letter that is typed."""

    key: object = None
    pixels: np.ndarray | None = None

    def pixels_of(self, searcher: Searcher, picture: Any) -> np.ndarray:
        """uint8 [height, width, 3]. Raises UserError for a picture that cannot be read."""
        from PIL import Image

        from models.search import pictures

        key = (str(picture) if isinstance(picture, Path) else id(picture), searcher.view)
        if self.key != key or self.pixels is None:
            read = (
                pictures.read(picture) if isinstance(picture, Path) else Image.fromarray(np.asarray(picture))
            )
            self.pixels, self.key = searcher.view.pixels(pictures.upright(read)), key
        return self.pixels


def search(
    searcher: Searcher, index: Index, query: Query, options: SearchOptions, memory: PictureMemory
) -> Results:
    """The answers, the picture of the query taken from `memory`."""
    if query.picture is not None:
        query = replace(query, picture=memory.pixels_of(searcher, query.picture))
    return searcher.search(index, query, options)


def heat_map(
    searcher: Searcher, index: Index, query: Query, path: Path, memory: PictureMemory, progress: Progress
) -> HeatMap:
    """Where in a picture that was found the answer lies."""
    if query.picture is not None:
        query = replace(query, picture=memory.pixels_of(searcher, query.picture))
    return searcher.heat_map(index, query, path, progress)


@dataclass(frozen=True)
class Indexed:
    """What indexing some folders came to. broken: (folder, why) of folders that could not be indexed at all."""

    added: int
    changed: int
    removed: int
    unchanged: int
    problems: tuple[tuple[str, str], ...]
    broken: tuple[tuple[str, UserError], ...]
    seconds: float


def index_folders(
    searcher: Searcher,
    index: Index,
    folders: list[Path],
    settings: dict[str, Any],
    on_growth: Callable[[int], None],
    progress: Progress,
) -> Indexed:
    """Bring the index up to date with folders, one after the other."""
    from models.search.building import index_folder
    from models.search.index_settings import IndexSettings

    reports: list[BuildReport] = []
    broken: list[tuple[str, UserError]] = []
    for number, folder in enumerate(folders):
        part = (
            progress
            if len(folders) == 1
            else progress.part(number / len(folders), (number + 1) / len(folders))
        )
        try:
            reports.append(index_folder(searcher, index, folder, part, IndexSettings(**settings), on_growth))
        except UserError as error:
            if len(folders) == 1:
                raise
            broken.append((str(folder), error))
    return Indexed(
        added=sum(report.added for report in reports),
        changed=sum(report.changed for report in reports),
        removed=sum(report.removed for report in reports),
        unchanged=sum(report.unchanged for report in reports),
        problems=tuple(problem for report in reports for problem in report.problems),
        broken=tuple(broken),
        seconds=sum(report.seconds for report in reports),
    )


@dataclass(frozen=True)
class RootState:
    """A folder of an index. count: its pictures. there: whether it can be reached now."""

    folder: Path
    count: int
    there: bool


def root_states(index: Index) -> list[RootState]:
    """The folders of an index as they are now."""
    return [RootState(folder, count, folder.is_dir()) for folder, count in index.root_counts()]


def moved_root(index: Index, old: Path, new: Path) -> None:
    """A folder of an index lies elsewhere now. Raises UserError."""
    from models.search import roots

    roots.move(index, old, new)


def dropped_root(index: Index, folder: Path) -> int:
    """Take a folder out of an index; how many pictures it had. Raises UserError."""
    from models.search import roots

    return roots.drop(index, folder)


def repaired(folder: Path) -> list[Finding]:
    """What was wrong with the index in a folder, put right as far as it can be."""
    from models.search import upkeep

    findings = upkeep.repair(folder)
    return [*findings, *(finding for finding in upkeep.check(folder) if not finding.repairable)]


def made_or_opened(folder: Path, searcher: Searcher, settings: dict[str, Any]) -> Index:
    """The index at `folder`, made if there is none. Raises UserError if another model made it."""
    from models.search.building import open_index
    from models.search.index_settings import IndexSettings

    return open_index(folder, searcher.identity, IndexSettings(**settings))
