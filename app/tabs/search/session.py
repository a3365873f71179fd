"""A search as it stands: which index, what was asked of it, what came back. State, no widgets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from app.tabs.search.engine import Engine
from app.tabs.search.grid import GridItem
from app.tabs.search.places import BUNDLED, Place, Places
from app.tabs.search.work import About
from models.errors import UserError
from models.progress import Cancelled
from models.search.queries import Query, Results, SearchOptions

GROWN_MS = 400  # at most so often is an index looked at that is being made
SEARCH_AGAIN_MS = 2000

Start = Callable[[Coroutine[Any, Any, Any]], "asyncio.Task[Any]"]


class SearchSession(QObject):
    """`place` is the index that is searched; `about` says how it stands, None while it is not open. `answers` are those
    to the newest question, None before there are any. Everything is called in the GUI thread.

    left(): another index is searched from now on, in which ids mean something else.
    changed(): which index there is, or how it stands.
    opened(): the chosen index can be asked. not_opened(UserError): it cannot. closed(): none is open. grown(): it has
    more pictures.
    answered(bool): there are answers; whether to another question, not the same one turned a little.
    failed(UserError): there are none.
    ask_again(): the index has grown since the last answers.
    """

    left = Signal()
    changed = Signal()
    opened = Signal()
    not_opened = Signal(object)
    closed = Signal()
    grown = Signal()
    answered = Signal(bool)
    failed = Signal(object)
    ask_again = Signal()

    def __init__(self, engine: Engine, start: Start, parent: QObject | None = None) -> None:
        """start: runs a coroutine, and shows what goes wrong in it."""
        super().__init__(parent)
        self.engine = engine
        self.places = Places()
        self.place = Place(BUNDLED)
        self.about: About | None = None
        self.answers: Results | None = None
        self.hits: list[GridItem] = []
        self._start = start
        self._asked = 0  # the number of the newest question
        self._subject: tuple[str, object] = ("", None)  # words and picture of the last answers
        self._grown = _timer(self, GROWN_MS, lambda: start(self._look_at_growth()))
        self._again = _timer(self, SEARCH_AGAIN_MS, self.ask_again.emit)
        engine.grown.connect(self._has_grown)

    def stop_timers(self) -> None:
        """Nothing is asked again by itself from now on: the tab is closing."""
        self._grown.stop()
        self._again.stop()

    # The index --------------------------------------------------------------------------------------------

    def choose(self, place: Place) -> None:
        """Open an index and search it."""
        self._go_to(place)
        self.places.keep(place)
        self.changed.emit()
        self._start(self._open())

    def follow(self, place: Place) -> None:
        """An index that is being made is the one that is searched."""
        if place.path != self.place.path or self.about is None:
            self._go_to(self.places.find(place.path))
            self._has_grown(place.path)
        self.changed.emit()

    def forget(self, place: Place) -> None:
        """Close an index and take it out of the list."""
        self.engine.forget(place.path)
        self.places.forget(place.path)
        self._go_to(self.places.find(BUNDLED))
        self.changed.emit()
        self.closed.emit()

    async def look_again(self, place: Place) -> None:
        """The index at a place may stand otherwise than before."""
        if self.place.path == place.path:
            self.place = self.places.find(place.path)
            self.about = await self.engine.about(place)

    async def warm(self) -> None:
        """Load the model before it is asked for; tells at once if it cannot read this index."""
        place = self.place
        try:
            await self.engine.check(place)
        except UserError as error:
            if place.path == self.place.path:
                self.failed.emit(error)

    def _go_to(self, place: Place) -> None:
        elsewhere = place.path != self.place.path
        self.place, self.about = place, None
        if elsewhere:
            self.forget_answers()
            self.left.emit()

    async def _open(self) -> None:
        place = self.place
        try:
            about = await self.engine.about(place)
        except UserError as error:
            if place.path == self.place.path:
                self.not_opened.emit(error)
            return
        if place.path == self.place.path:
            self.about = about
            self.changed.emit()
            self.opened.emit()
            await self.warm()

    def _has_grown(self, path: str) -> None:
        if path == self.place.path and not self._grown.isActive():
            self._grown.start()

    async def _look_at_growth(self) -> None:
        place = self.place
        about = await self.engine.about(place)
        if place.path != self.place.path:
            return
        self.about = about
        self.changed.emit()
        self.grown.emit()
        if self.answers is not None and not self._again.isActive():
            self._again.start()

    # The question -----------------------------------------------------------------------------------------

    def forget_answers(self) -> None:
        """Nothing is asked any more; what is still on its way is dropped."""
        self._asked += 1
        self.answers, self.hits = None, []

    def ask(self, query: Query, options: SearchOptions) -> asyncio.Task[bool]:
        """Ask; whether there are answers, and nothing newer was asked meanwhile."""
        self._asked += 1
        return self._start(self._answer(self._asked, self.place, query, options))

    async def _answer(self, number: int, place: Place, query: Query, options: SearchOptions) -> bool:
        try:
            answers = await self.engine.search(place, query, options)
        except Cancelled:
            return False
        except UserError as error:
            if number == self._asked:
                self.failed.emit(error)
            return False
        if number != self._asked:
            return False
        subject = (query.text, query.picture)
        other = self.answers is None or subject[0] != self._subject[0] or subject[1] is not self._subject[1]
        self.answers, self._subject = answers, subject
        self.hits = [GridItem.of_hit(hit) for hit in answers.hits]
        self.answered.emit(other)
        return True


def _timer(parent: QObject, interval_ms: int, call: Callable[[], object]) -> QTimer:
    timer = QTimer(parent)
    timer.setSingleShot(True)
    timer.setInterval(interval_ms)
    timer.timeout.connect(call)
    return timer
