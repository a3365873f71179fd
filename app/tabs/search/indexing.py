"""Indexing folders while the index is searched: begin, pause, stop, go on, update; what was skipped."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QFileDialog, QMessageBox

from app.i18n import plural, series, tr
from app.services import ShownProgress
from app.tabs.paged import PagedTab
from app.tabs.search.places import BUNDLED, Place, is_index, place_for
from app.tabs.search.session import SearchSession
from app.tabs.search.skipped import SkippedWindow
from app.tabs.search.watching import Watching, folders_below
from app.tabs.search.work import Indexed
from models.errors import UserError
from models.progress import Cancelled


class Indexing(QObject):
    """One indexing at a time. A place remembers the folders it has not finished, so that a killed program offers to go
    on.

    stepped(text, share, paused): how far it is; an empty text: it is over. ended(): it is over, and the index is looked
    at anew. refused(UserError): it could not be done.
    """

    stepped = Signal(str, object, bool)
    ended = Signal()
    refused = Signal(object)

    def __init__(self, tab: PagedTab, session: SearchSession, settings: Callable[[], dict[str, Any]]) -> None:
        """settings: of an index that is made now."""
        super().__init__(tab)
        self.tab, self._session, self._settings = tab, session, settings
        self._place: Place | None = None  # that is being indexed
        self._task: ShownProgress | None = None
        self.tab.services.tasks_changed.connect(self._show_step)
        self._skipped: SkippedWindow | None = None
        self.watching = Watching(self)
        self.watching.changed.connect(self._take_over)
        session.opened.connect(lambda: tab.start(self.watch()))
        session.left.connect(self.watching.stop)
        self.ended.connect(lambda: tab.start(self.watch()))

    @property
    def running(self) -> bool:
        return self._place is not None

    def begin(self, folders: list[Path], place: Place | None = None) -> None:
        """Index folders, each into its own index, or all into `place`; done before, only what has changed is encoded."""
        if self.running:
            words = tr(
                "Wait until it is done, or stop it. Adding folders to one index is possible then, too."
            )
            self.tab.show_message(
                "hint", words, heading=tr("Another folder is being indexed."), key="indexing"
            )
            return
        self.tab.start(self._index(folders, place))

    def do(self, what: str) -> None:
        """`update`, `add`, `skipped` or `remove`."""
        session = self._session
        if what == "skipped":
            self._show_skipped()
        elif what == "remove":
            self._ask_and_remove()
        elif session.about is None or not session.about.folders:
            return
        elif what == "update":
            self.begin(list(session.about.folders), session.place)
        elif what == "add":
            name = QFileDialog.getExistingDirectory(self.tab, tr("Add a folder"))
            if name:
                self.begin([Path(name)], session.place)

    async def watch(self) -> None:
        """Watch the folders of the index that is searched, if it may be changed."""
        session, about = self._session, self._session.about
        if about is None or about.read_only or not about.folders:
            self.watching.stop()
            return
        place = session.place
        worker = self.tab.services.worker("search items")
        try:
            folders = await worker.run(folders_below, about.folders, newest_wins="watch")
        except Cancelled:
            return
        if session.place.path == place.path:
            self.watching.watch(folders)
            if self.watching.unwatched:
                name = Path(self.watching.unwatched[0]).name
                text = tr(
                    "Changes in {folder} are not seen by themselves; update the index by hand.", folder=name
                )
                self.tab.show_message("hint", text, key="unwatched")

    def _take_over(self) -> None:
        """Files have changed: bring the index up to date, unless its model is another or it is being indexed."""
        place = self._session.place
        if (
            not self.running
            and self._session.about is not None
            and place.model in ("", self.tab.models.choice)
        ):
            self.do("update")

    def toggle_pause(self) -> None:
        """Hold the running indexing up before its next batch, or let it go on; nothing where none runs."""
        building = self._session.engine.building
        if building is not None:
            building.pause(not building.paused)
            self._show_step()

    def offer_to_go_on(self, place: Place) -> None:
        """An indexing that was stopped or killed can go on."""
        if not place.unfinished or self.running:
            return
        words = tr("What was indexed is kept, and can be searched.")
        folders = [Path(item) for item in place.unfinished]
        self.tab.show_message(
            "hint",
            words,
            [(tr("Go on"), lambda: self.begin(folders, place))],
            heading=tr("The indexing of {name} has not come to its end.", name=place.words),
            key="unfinished",
        )

    # Work -------------------------------------------------------------------------------------------------

    async def _index(self, folders: list[Path], place: Place | None) -> None:
        session, engine = self._session, self._session.engine
        model = self.tab.models.choice
        place = place or place_for(folders[0], model)
        known = session.places.find(place.path)
        if known.title:
            place = replace(known, model=known.model or place.model)
        self._place, before = place, known.unfinished
        self._remember(replace(place, unfinished=tuple(str(folder) for folder in folders)))
        self.tab.clear_messages()
        try:
            with self.tab.services.task(tr("Indexing")) as task, self.tab.busy(task):
                self._task = task
                await engine.make(place, self._settings())
                session.follow(place)
                done = await engine.build(place, folders, self._settings(), task)
        except Cancelled:
            await self._end(place, session.places.find(place.path).unfinished)
            self.offer_to_go_on(session.places.find(place.path))
        except UserError as error:
            await self._end(place, before)
            self.refused.emit(error)
        else:
            await self._end(place, ())
            self._report(done)
        finally:
            self._place = self._task = None

    async def _end(self, place: Place, unfinished: tuple[str, ...]) -> None:
        """Show the index as it is now, if it is still the one that is looked at and was made at all."""
        session = self._session
        self._remember(replace(session.places.find(place.path), unfinished=unfinished))
        if not is_index(place.folder):
            session.places.forget(place.path)
        else:
            await session.look_again(place)
        self._place = None
        self.stepped.emit("", None, False)
        session.changed.emit()
        self.ended.emit()

    def _remember(self, place: Place) -> None:
        """Kept at once: the program may be killed."""
        self._session.places.keep(place)
        self.tab.remember()
        self.tab.services.settings.sync()

    def _report(self, done: Indexed) -> None:
        parts = [
            words
            for count, words in (
                (done.added, tr("{n} added", n=f"{done.added:,}")),
                (done.changed, tr("{n} changed", n=f"{done.changed:,}")),
                (done.removed, tr("{n} removed", n=f"{done.removed:,}")),
                (done.unchanged, tr("{n} as before", n=f"{done.unchanged:,}")),
            )
            if count
        ] or [tr("Nothing to do")]
        words = tr("{what} in {seconds} s.", what=series(parts), seconds=f"{done.seconds:.1f}")
        if done.problems:
            skipped = plural(
                "{n} was left out.", "{n} were left out.", len(done.problems), n=f"{len(done.problems):,}"
            )
            self.tab.show_message(
                "warning",
                f"{words} {skipped}",
                [(tr("Show what was left out"), lambda: self._show_skipped(done.problems))],
                heading=tr("Indexed, but not everything could be read."),
                key="indexed",
            )
        else:
            self.tab.show_message("hint", words, key="indexed")
        if self._session.place.model == BUNDLED and done.added:
            self.tab.show_message(
                "hint",
                tr("To search photographs, choose another encoder under Model and index the folder again."),
                heading=tr("The bundled model knows emoji only."),
                key="emoji only",
            )
        for _folder, error in done.broken:
            self.tab.show_error(error)

    def _show_step(self) -> None:
        task = self._task
        if self._place is None or task is None:
            return
        building = self._session.engine.building
        paused = building is not None and building.paused
        text = tr("Paused: {text}", text=task.text()) if paused else task.text()
        self.stepped.emit(text, task.step.fraction, paused)

    # What was left out ------------------------------------------------------------------------------------

    def _show_skipped(self, problems: tuple[tuple[str, str], ...] = ()) -> None:
        about = self._session.about
        rows = list(problems) or [
            (str(path), why) for path, why in (about.problems if about is not None else ())
        ]
        self._skipped = SkippedWindow(rows, self.tab)
        self._skipped.show()

    def _ask_and_remove(self) -> None:
        place = self._session.place
        if place.path == BUNDLED or self.running:
            return
        box = QMessageBox(
            QMessageBox.Icon.Question,
            tr("Delete the index"),
            tr("Delete the index of {name}?", name=place.words),
            parent=self.tab,
        )
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setInformativeText(
            tr("The pictures themselves stay where they are.")
            if place.ours
            else tr("It was made elsewhere: it is taken out of the list, and its folder stays.")
        )
        delete = box.addButton(
            tr("Delete") if place.ours else tr("Take out"), QMessageBox.ButtonRole.AcceptRole
        )
        box.setDefaultButton(box.addButton(tr("Keep it"), QMessageBox.ButtonRole.RejectRole))
        box.finished.connect(lambda _code: self.remove(place) if box.clickedButton() is delete else None)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.open()

    def remove(self, place: Place) -> None:
        """Delete an index that is ours; one that is not is only forgotten."""
        self._session.forget(place)
        if place.ours:
            self.tab.services.worker("search items").submit(shutil.rmtree, place.folder, True)
        self.tab.remember()
