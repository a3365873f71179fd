"""The model and the indexes behind the tab: one of the former, any number of the latter, each used in its own thread."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QObject, Signal

from app.held import HeldModel
from app.i18n import tr
from app.services import Services, ShownProgress
from app.tabs.search import film_strip, work
from app.tabs.search.film_strip import FilmStrip
from app.tabs.search.places import Place, is_index
from app.tabs.search.work import About, Indexed, Pausable, PictureMemory
from app.workers import Dropped
from models.errors import UserError
from models.progress import Progress

if TYPE_CHECKING:
    from models.search.explaining import HeatMap
    from models.search.index import Index
    from models.search.index_table import IndexedItem
    from models.search.queries import Query, Results, SearchOptions
    from models.search.searcher import Searcher
    from models.search.upkeep import Finding

WORKER = "search"  # loads and asks
READER = "search items"  # looks things up in indexes, so that the grid fills while a model loads
BUILDER = "search indexing"
FILMS = "search films"


class Refused(UserError):
    """The index was made with another model than the chosen one."""


class NotHere(UserError):
    """The model has to be downloaded first, which is asked."""


class Engine(QObject):
    """Everything is called in the GUI thread and awaited. grown(path): an index that is being made has more pictures."""

    grown = Signal(str)

    def __init__(self, services: Services, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.services = services
        self.choice = "bundled"
        self._lock = asyncio.Lock()
        self._held: HeldModel[Searcher] = HeldModel(services, "search", WORKER, parent=self)
        self._refused: tuple[tuple[str, str], UserError] | None = None
        self._downloads: set[str] = set()  # that the person agreed to
        self._indexes: dict[str, Index] = {}
        self._memory = PictureMemory()
        self._explaining = Progress()  # of the newest heat map
        self._stripping = Progress()  # of the newest film strip
        self.building: Pausable | None = None

    # The model --------------------------------------------------------------------------------------------

    @property
    def ready(self) -> bool:
        """Whether the chosen model is loaded."""
        return self._held.holds(self.choice)

    def try_again(self) -> None:
        """Load a model anew that could not be loaded."""
        self._refused = None

    async def searcher(self) -> Searcher:
        """The chosen model, loaded if it is not. Raises UserError; the same again until `try_again` or another choice."""
        async with self._lock:
            wanted = (self.choice, self.services.device)
            if self._held.holds(self.choice):
                return await self._held.get(self.choice, Progress())
            if self._refused is not None and self._refused[0] == wanted:
                raise self._refused[1]
            try:
                await self._look_for(wanted[0])
                with self.services.task(tr("Loading the model")) as task:
                    made = await self._held.get(wanted[0], task)
            except UserError as error:
                self._refused = (wanted, error)
                raise
            self._refused = None
            return made

    def download(self, name: str) -> None:
        """The person agrees to a model of the hub being downloaded when it is loaded."""
        self._downloads.add(name)
        self.try_again()

    async def _look_for(self, choice: str) -> None:
        """Raises NotHere for a model of the hub that is not on this machine, and whose download nobody agreed to."""
        if choice in self._downloads or not await self.services.worker(READER).run(
            work.must_download, choice
        ):
            return
        raise NotHere(
            "The model {name} is not on this machine.",
            "It can be downloaded from the Hugging Face hub; most are some hundred megabytes.",
            "Download it, choose another, or copy its folder here and choose that.",
            name=choice,
        )

    # Indexes ----------------------------------------------------------------------------------------------

    async def index(self, place: Place) -> Index:
        """The opened index. Raises UserError if there is none or it is damaged."""
        if place.path not in self._indexes:
            self._indexes[place.path] = await self.services.worker(READER).run(work.opened, place.folder)
        return self._indexes[place.path]

    async def about(self, place: Place) -> About:
        """How many pictures, captions, folders and problems an index has, as it is on the disk now. Raises UserError."""
        index = await self.index(place)
        return await self.services.worker(READER).run(work.about, index)

    async def check(self, place: Place) -> None:
        """Raises Refused if another model made the index, or UserError where one of them cannot be loaded."""
        index = await self.index(place)
        identity = (await self.searcher()).identity
        try:
            index.check(identity)
        except UserError as error:
            raise Refused(error.what, error.why, error.remedy, **error.values) from error

    async def items(self, place: Place, ids: np.ndarray) -> list[IndexedItem]:
        """What the index holds of the pictures with these ids, int64 [n]; those that are gone are left out. Raises UserError."""
        index = await self.index(place)
        return await self.services.worker(READER).run(work.items, index, ids)

    async def code(self, place: Place, number: int) -> np.ndarray | None:
        """bool [bits] of a picture; None if it is gone. Only the newest that is asked for is answered."""
        index = await self.index(place)
        result = await self.services.worker(READER).run(work.codes_of, index, [number], newest_wins="code")
        return result[0] if len(result) else None

    async def roots(self, place: Place) -> list[work.RootState]:
        """The folders of an index."""
        return await self.services.worker(READER).run(work.root_states, await self.index(place))

    async def move_root(self, place: Place, old: Path, new: Path) -> None:
        """A folder of an index lies elsewhere now. Raises UserError."""
        await self.services.worker(BUILDER).run(work.moved_root, await self.index(place), old, new)

    async def drop_root(self, place: Place, folder: Path) -> int:
        """Take a folder out of an index; how many pictures it had. Raises UserError."""
        return await self.services.worker(BUILDER).run(work.dropped_root, await self.index(place), folder)

    async def repair(self, place: Place) -> list[Finding]:
        """What was wrong with an index, which is closed for it; see `work.repaired`. Raises UserError."""
        self.forget(place.path)
        return await self.services.worker(BUILDER).run(work.repaired, place.folder)

    def forget(self, path: str) -> None:
        """Close an index."""
        index = self._indexes.pop(path, None)
        if index is not None:
            self.services.worker(READER).submit(index.close)

    # Work -------------------------------------------------------------------------------------------------

    async def search(self, place: Place, query: Query, options: SearchOptions) -> Results:
        """The answers. Raises Refused as `check`, UserError, or Dropped (a Cancelled) when something newer is asked."""
        await self.check(place)
        searcher, index = await self.searcher(), await self.index(place)
        self.explain_no_more()
        return await self.services.worker(WORKER).run(
            work.search,
            searcher,
            index,
            query,
            options,
            self._memory,
            newest_wins="search",
            drop_running=True,
        )

    async def heat_map(self, place: Place, query: Query, path: Path) -> HeatMap:
        """Where in a picture the answer lies. It waits for a search, and gives way to one: raises Dropped (a Cancelled) then,
        or when another is asked for, or none any more; else UserError."""
        self.explain_no_more()
        progress = self._explaining = Progress()
        searcher, index = await self.searcher(), await self.index(place)
        worker = self.services.worker(WORKER)
        job = (work.heat_map, searcher, index, query, path, self._memory)
        result = await worker.run(*job, progress=progress, newest_wins="heat map", drop_running=True)
        if progress.cancelled:  # after it had looked for the last time
            raise Dropped
        return result

    def explain_no_more(self) -> None:
        """Nobody wants to see any more where the answer lies."""
        self._explaining.cancel()

    async def film_strip(self, path: Path) -> FilmStrip:
        """Frames of a film. Raises Dropped (a Cancelled) when another is asked for, or none any more."""
        self.strip_no_more()
        progress = self._stripping = Progress()
        worker = self.services.worker(FILMS)
        result = await worker.run(
            film_strip.read, path, progress=progress, newest_wins="strip", drop_running=True
        )
        if progress.cancelled:
            raise Dropped
        return result

    def strip_no_more(self) -> None:
        """Nobody looks at the film any more."""
        self._stripping.cancel()

    async def make(self, place: Place, settings: dict[str, Any]) -> None:
        """An empty index at a place, if there is none. Raises Refused as `check`, UserError where it cannot be written."""
        searcher = await self.searcher()
        if place.path not in self._indexes and not is_index(place.folder):
            made = await self.services.worker(BUILDER).run(
                work.made_or_opened, place.folder, searcher, settings
            )
            self._indexes[place.path] = made
        await self.check(place)

    async def build(
        self, place: Place, folders: list[Path], settings: dict[str, Any], task: ShownProgress
    ) -> Indexed:
        """Bring the index at a place up to date with folders. Raises Cancelled; what was done until then stays."""
        searcher, index = await self.searcher(), await self.index(place)
        builder = self.services.worker(BUILDER)

        def on_growth(_count: int) -> None:  # in the builder's thread; the signal crosses over
            self.grown.emit(place.path)

        self.building = Pausable(task)
        try:
            return await builder.run(
                work.index_folders, searcher, index, folders, settings, on_growth, progress=self.building
            )
        finally:
            self.building = None

    async def shut_down(self, timeout_s: float = 0.8) -> None:
        """Close what is open, once nothing is written any more."""
        builder = self.services.worker(BUILDER)
        builder.cancel_all()
        waited = 0.0
        while builder.busy and waited < timeout_s:
            await asyncio.sleep(0.02)
            waited += 0.02
        if builder.busy:
            return  # the index stands a kill at any moment
        self.services.worker(READER).cancel_all()
        self.services.worker(WORKER).cancel_all()
        self.strip_no_more()
        for path in list(self._indexes):
            self.forget(path)
