"""The choice of an index, and what is said about one: joins the box in the source column with the session."""

from __future__ import annotations

from PySide6.QtCore import QObject, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog

from app.i18n import plural, tr, tr_error
from app.tabs.paged import PagedTab
from app.tabs.search.engine import NotHere, Refused
from app.tabs.search.folders import FoldersWindow
from app.tabs.search.index_box import IndexBox
from app.tabs.search.indexing import Indexing
from app.tabs.search.places import BUNDLED
from app.tabs.search.session import SearchSession
from app.widgets.message_bar import Action
from models.errors import UserError
from models.progress import Cancelled


class IndexControl(QObject):
    """sample_asked(): the person wants to try the sample. agreed(): a model may be downloaded now."""

    sample_asked = Signal()
    agreed = Signal()

    def __init__(self, tab: PagedTab, session: SearchSession, indexing: Indexing) -> None:
        super().__init__(tab)
        self._tab, self._session, self._indexing = tab, session, indexing
        self.box = IndexBox()
        self.box.chosen.connect(lambda path: session.choose(session.places.find(path)))
        self.box.asked.connect(self._asked)
        session.changed.connect(self.show)
        session.opened.connect(lambda: indexing.offer_to_go_on(session.place))
        session.not_opened.connect(self._not_opened)
        indexing.stepped.connect(self.box.show_progress)

    def show(self) -> None:
        """The list of indexes, and how the chosen one stands."""
        session = self._session
        self.box.show_places(session.places.all(), session.place.path)
        self.box.show_about(session.about, session.place)
        if session.about is not None:
            number = len(session.about.ids)
            count = plural("{n} picture indexed", "{n} pictures indexed", number, n=f"{number:,}")
            self._tab.set_status(count)

    def show_problem(self, error: UserError) -> None:
        """An error with what could be done about it, if it is that another model made the index."""
        tab, place, about = self._tab, self._session.place, self._session.about
        if isinstance(error, NotHere):
            what, why, remedy = tr_error(error)
            choices: list[Action] = [
                (tr("Download"), self._download),
                (tr("Use the bundled model"), lambda: tab.models.choose(BUNDLED)),
            ]
            tab.show_message("hint", f"{why} {remedy}", choices, heading=what, key="error")
            return
        actions: list[Action] = []
        if isinstance(error, Refused):
            if place.model and place.model != tab.models.choice:
                actions.append((tr("Use the model it was made with"), lambda: tab.models.choose(place.model)))
            if about is not None and about.folders and place.path != BUNDLED:
                folders = list(about.folders)
                actions.append((tr("Index again with this model"), lambda: self._indexing.begin(folders)))
        tab.show_error(error, actions or None)

    def _not_opened(self, error: UserError) -> None:
        place = self._session.place
        forget: Action = (tr("Forget it"), lambda: self._session.forget(place))
        self._tab.show_error(error, [forget] if place.path != BUNDLED else [])

    async def _repair(self) -> None:
        """Look for what is wrong with the chosen index, put it right, and say so."""
        session, place = self._session, self._session.place
        if self._indexing.running or place.path == BUNDLED:
            return
        try:
            with self._tab.services.task(tr("Checking the index")):
                findings = await session.engine.repair(place)
        except Cancelled:
            return
        except UserError as error:
            self._tab.show_error(error)
            return
        sentences = (tr(finding.what, count=finding.count, reason=finding.reason) for finding in findings)
        words = " ".join(sentences) or tr("Nothing is wrong.")
        heading = tr("The index was checked and put right.") if findings else tr("The index was checked.")
        self._tab.show_message("hint", words, heading=heading, key="repaired")
        session.choose(place)

    def _download(self) -> None:
        self._session.engine.download(self._tab.models.choice)
        self.agreed.emit()

    def _asked(self, what: str) -> None:
        session = self._session
        if what == "sample":
            self.sample_asked.emit()
        elif what == "pause":
            self._indexing.toggle_pause()
        elif what == "open":
            name = QFileDialog.getExistingDirectory(self._tab, tr("Open an index"))
            if name:
                session.choose(session.places.find(name))
        elif what == "folders":
            FoldersWindow(self._tab, session, self._indexing).open()
        elif what == "repair":
            self._tab.start(self._repair())
        elif what == "show":
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(session.place.folder)))
        else:
            self._indexing.do(what)
