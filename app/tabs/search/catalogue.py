"""Which indexes there are, which one is searched, and how it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog

from app.i18n import plural, tr, tr_error
from app.tabs.search.engine import NotHere, Refused
from app.tabs.search.index_box import IndexBox
from app.tabs.search.places import BUNDLED, Place, Places
from app.tabs.search.work import About
from app.widgets.message_bar import Action
from models.errors import UserError

if TYPE_CHECKING:
    from app.tabs.search.search_page import SearchPage

GROWN_MS = 400  # at most so often is an index looked at that is being made
SEARCH_AGAIN_MS = 2000


class Catalogue(QObject):
    """`place` is the index that is searched; `about` says how it stands, None while it is not open."""

    def __init__(self, page: SearchPage) -> None:
        super().__init__(page)
        self.page = page
        self.places = Places()
        self.place = Place(BUNDLED)
        self.about: About | None = None
        self.box = IndexBox()
        self._grown = QTimer(self)
        self._grown.setSingleShot(True)
        self._grown.setInterval(GROWN_MS)
        self.again = QTimer(self)  # when the question is asked again of an index that grows
        self.again.setSingleShot(True)
        self.again.setInterval(SEARCH_AGAIN_MS)
        self.box.chosen.connect(lambda path: self.choose(self.places.find(path)))
        self.box.asked.connect(self._asked)
        page.engine.grown.connect(self._has_grown)
        self._grown.timeout.connect(lambda: page.tab.start(self._look_at_growth()))
        self.again.timeout.connect(page.refresh)

    def stop_timers(self) -> None:
        self._grown.stop()
        self.again.stop()

    def choose(self, place: Place) -> None:
        """Open an index and search it."""
        if place.path != self.place.path:
            self.page.query.drop_ids()
            self.page.answers = None
        self.place, self.about = place, None
        self.places.keep(place)
        self.show()
        self.page.tab.start(self._open())

    async def _open(self) -> None:
        place = self.place
        self.page.tab.clear_messages()
        try:
            about = await self.page.engine.about(place)
        except UserError as error:
            self.show()
            self.page.show_welcome()
            actions: list[Action] = []
            if place.path != BUNDLED:
                actions.append((tr("Forget it"), lambda: self.forget(place)))
            self.page.tab.show_error(error, actions)
            return
        if place.path == self.place.path:
            self.about = about
            self.show()
            self.page.indexing.offer_to_go_on(self.place)
            self.page.refresh()
            await self.warm()

    async def warm(self) -> None:
        """Load the model before it is asked for, and say at once if it cannot read this index."""
        place = self.place
        try:
            await self.page.engine.check(place)
        except UserError as error:
            if place.path == self.place.path:
                self.show_problem(error)

    def show_problem(self, error: UserError) -> None:
        """An error with what could be done about it, if it is that another model made the index."""
        actions: list[Action] = []
        if isinstance(error, NotHere):
            what, why, remedy = tr_error(error)
            self.page.tab.show_message(
                "hint", f"{why} {remedy}",
                [(tr("Download"), self._download), (tr("Use the bundled model"), self._use_bundled)],
                heading=what, key="error",
            )  # fmt: skip
            return
        if not isinstance(error, Refused):
            self.page.tab.show_error(error)
            return
        place, about = self.place, self.about
        if place.model and place.model != self.page.tab.models.choice:
            actions.append(
                (tr("Use the model it was made with"), lambda: self.page.tab.models.choose(place.model))
            )
        if about is not None and about.folders and place.path != BUNDLED:
            folders = list(about.folders)
            actions.append((tr("Index again with this model"), lambda: self.page.indexing.begin(folders)))
        self.page.tab.show_error(error, actions)

    def _download(self) -> None:
        self.page.engine.download(self.page.tab.models.choice)
        self.page.tab.start(self.warm())
        self.page.refresh()

    def _use_bundled(self) -> None:
        self.page.tab.models.choose(BUNDLED)

    def forget(self, place: Place) -> None:
        """Close an index and take it out of the list."""
        self.page.engine.forget(place.path)
        self.places.forget(place.path)
        self.place, self.about = self.places.find(BUNDLED), None
        self.show()
        self.page.show_welcome()

    def show(self) -> None:
        """The list of indexes, and how the chosen one stands."""
        self.box.show_places(self.places.all(), self.place.path)
        self.box.show_about(self.about, self.place)
        if self.about is not None:
            count = plural(
                "{n} picture indexed",
                "{n} pictures indexed",
                len(self.about.ids),
                n=f"{len(self.about.ids):,}",
            )
            self.page.tab.set_status(count)

    def follow(self, place: Place) -> None:
        """An index that is being made is the one that is searched."""
        if place.path != self.place.path or self.about is None:
            if place.path != self.place.path:
                self.page.query.drop_ids()
                self.page.answers = None
            self.place, self.about = self.places.find(place.path), None
            self._has_grown(place.path)
        self.show()

    def _asked(self, what: str) -> None:
        if what == "sample":
            self.page.try_sample()
        elif what == "pause":
            self.page.indexing.toggle_pause()
        elif what == "open":
            name = QFileDialog.getExistingDirectory(self.page, tr("Open an index"))
            if name:
                self.choose(self.places.find(name))
        elif what == "show":
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.place.folder)))
        else:
            self.page.indexing.do(what)

    def _has_grown(self, path: str) -> None:
        if path == self.place.path and not self._grown.isActive():
            self._grown.start()

    async def _look_at_growth(self) -> None:
        place = self.place
        about = await self.page.engine.about(place)
        if place.path != self.place.path:
            return
        self.about = about
        self.show()
        if self.page.query.empty:
            self.page.show_everything()
        elif not self.again.isActive():
            self.again.start()
