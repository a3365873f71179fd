"""Search: the field, the answers, the picture that is chosen; which index, and its indexing."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QMimeData, QSize, QTimer, QUrl
from PySide6.QtGui import QAction, QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QFileDialog

from app import theme
from app.i18n import plural, tr
from app.tabs.search import exports
from app.tabs.search.details import Details
from app.tabs.search.engine import Engine, Refused
from app.tabs.search.index_box import AlikeBox, IndexBox
from app.tabs.search.indexing import Indexing
from app.tabs.search.options import Options
from app.tabs.search.page import Page
from app.tabs.search.places import BUNDLED, Place, Places, is_index
from app.tabs.search.query_bar import Part, QueryBar, image_of
from app.tabs.search.results import Results
from app.tabs.search.shown import PAGE, Shown
from app.tabs.search.work import About
from app.widgets.message_bar import Action
from app.widgets.thumbnails import read
from models.errors import UserError
from models.progress import Cancelled

if TYPE_CHECKING:
    from app.tabs.search.tab import SearchTab
    from models.search.queries import Results as Answers

EXAMPLES = ("smiling cat", "red heart", "fruit", "sad face")  # what the bundled model knows, in its language
GROWN_MS = 400  # at most so often is an index looked at that is being made
SEARCH_AGAIN_MS = 2000
CHIP = QSize(32, 32)


class SearchPage(Page):
    """Everything that is asked goes to the engine; what comes back for an older question is dropped."""

    def __init__(self, tab: SearchTab) -> None:
        super().__init__(tab)
        self.engine: Engine = tab.engine
        self.places = Places()
        self.place = Place(BUNDLED)
        self.about: About | None = None
        self.answers: Answers | None = None
        self._found: list[Shown] = []
        self._asked = 0  # the number of the newest question
        self.index_box, self.alike, self.settings = IndexBox(), AlikeBox(), Options()
        self.controls.addWidget(self.index_box)
        self.query, self.results, self.details = QueryBar(), Results(), Details()
        self.view.addWidget(self.query)
        self.view.addWidget(self.results, 1)
        self.indexing = Indexing(self)
        self._grown = QTimer(self)
        self._grown.setSingleShot(True)
        self._grown.setInterval(GROWN_MS)
        self._again = QTimer(self)
        self._again.setSingleShot(True)
        self._again.setInterval(SEARCH_AGAIN_MS)
        self._exports = self._make_exports()
        self._connect()
        self.show_place()
        self._show_welcome()

    def _connect(self) -> None:
        self.index_box.chosen.connect(lambda path: self.choose(self.places.find(path)))
        self.index_box.asked.connect(self._asked_of_index)
        self.query.changed.connect(self.refresh)
        self.query.submitted.connect(lambda: self.tab.start(self._submit()))
        self.query.down.connect(self._into_results)
        self.query.dropped.connect(self.tab.accept_paths)
        self.query.picture_asked.connect(self._ask_for_picture)
        self.query.example_chosen.connect(self._try_example)
        self.results.chosen.connect(self._show_details)
        self.results.wanted.connect(self.do)
        self.results.image_ready.connect(self._show_image)
        self.results.left.connect(self._back_to_field)
        self.results.empty_button.clicked.connect(self.try_sample)
        self.results.pictures.page_wanted.connect(lambda number: self.tab.start(self._fetch(number)))
        self.details.wanted.connect(self.do)
        self.alike.threshold_changed.connect(self._show_found)
        self.alike.fold_changed.connect(self.refresh)
        self.settings.changed.connect(self.refresh)
        self.settings.size_changed.connect(self.results.set_size)
        self.engine.grown.connect(self._has_grown)
        self._grown.timeout.connect(lambda: self.tab.start(self._look_at_growth()))
        self._again.timeout.connect(self.refresh)
        self.results.set_size(self.settings.tile_size)

    # What the tab asks ------------------------------------------------------------------------------------

    def words(self) -> str:
        return tr("Index a folder…")

    def act(self) -> None:
        name = QFileDialog.getExistingDirectory(self, tr("Index a folder"))
        if name:
            self.accept_paths([Path(name)])

    def try_sample(self) -> None:
        """The emoji that ship, with a question."""
        self.choose(self.places.find(BUNDLED))
        if self.tab.models.choice != BUNDLED:
            self.tab.models.choose(BUNDLED)
        self._try_example(EXAMPLES[0])

    def accept_paths(self, paths: list[Path]) -> None:
        """An index is opened, a folder indexed, a picture searched by."""
        folders = [path for path in paths if path.is_dir()]
        indexes = [path for path in folders if is_index(path)]
        if indexes:
            self.choose(self.places.find(str(indexes[0])))
        elif folders:
            self.indexing.begin(folders)
        elif paths:
            self.set_picture(paths[0])

    def set_picture(self, value: Any, words: str = "") -> None:
        """Search by a picture: a path, or uint8 [height, width, 3]."""
        self._ready_to_ask()
        if isinstance(value, Path):
            self.query.set_picture(value, words or value.name)
            self.tab.start(self._read_chip(value))
        else:
            self.query.set_picture(value, words or tr("picture"), image_of(value, CHIP.width()))

    def model_changed(self) -> None:
        self.engine.try_again()
        self.tab.clear_messages()
        self.answers = None
        if self.about is not None:
            self.refresh()
            self.tab.start(self._warm())

    def export_actions(self) -> list[QAction]:
        for action in self._exports:
            action.setEnabled(self.results.pictures.rowCount() > 0)
        return self._exports

    def state(self) -> dict[str, Any]:
        return {
            "index": self.place.path if self.about is not None else "",
            "indexes": self.places.state(),
            "text": self.query.text,
            "least": self.alike.slider.value(),
            "fold": self.alike.fold.isChecked(),
            "settings": self.settings.state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.places = Places.restored(state.get("indexes"))
        least = state.get("least")
        self.alike.slider.setValue(least if isinstance(least, int) else 0)
        self.alike.fold.setChecked(bool(state.get("fold")))
        self.settings.restore(state.get("settings"))
        self.results.set_size(self.settings.tile_size)
        self.query.field.setText(str(state.get("text", "")))
        known = [place.path for place in self.places.all()]
        if state.get("index") in known:
            self.choose(self.places.find(str(state["index"])))
        self.show_place()

    async def shut_down(self) -> None:
        for timer in (self._grown, self._again, self.query._wait):
            timer.stop()
        self.results.close_threads()
        await self.engine.shut_down()

    # The index --------------------------------------------------------------------------------------------

    def choose(self, place: Place) -> None:
        """Open an index and search it."""
        if place.path != self.place.path:
            self.query.drop_ids()
            self.answers = None
        self.place, self.about = place, None
        self.places.keep(place)
        self.show_place()
        self.tab.start(self._open())

    async def _open(self) -> None:
        place = self.place
        self.tab.clear_messages()
        try:
            about = await self.engine.about(place)
        except UserError as error:
            self.show_place()
            self._show_welcome()
            actions: list[Action] = []
            if place.path != BUNDLED:
                actions.append((tr("Forget it"), lambda: self.forget(place)))
            self.tab.show_error(error, actions)
            return
        if place.path == self.place.path:
            self.about = about
            self.show_place()
            self.indexing.offer_to_go_on(self.place)
            self.refresh()
            await self._warm()

    async def _warm(self) -> None:
        """Load the model before it is asked for, and say at once if it cannot read this index."""
        place = self.place
        try:
            await self.engine.check(place)
        except UserError as error:
            if place.path == self.place.path:
                self.show_problem(error)

    def show_problem(self, error: UserError) -> None:
        """An error with what could be done about it, if it is that another model made the index."""
        actions: list[Action] = []
        if not isinstance(error, Refused):
            self.tab.show_error(error)
            return
        place, about = self.place, self.about
        if place.model and place.model != self.tab.models.choice:
            actions.append(
                (tr("Use the model it was made with"), lambda: self.tab.models.choose(place.model))
            )
        if about is not None and about.folders and place.path != BUNDLED:
            folders = list(about.folders)
            actions.append((tr("Index again with this model"), lambda: self.indexing.begin(folders)))
        self.tab.show_error(error, actions)

    def forget(self, place: Place) -> None:
        """Close an index and take it out of the list."""
        self.engine.forget(place.path)
        self.places.forget(place.path)
        self.place, self.about = self.places.find(BUNDLED), None
        self.show_place()
        self._show_welcome()

    def show_place(self) -> None:
        """The list of indexes, and how the chosen one stands."""
        self.index_box.show_places(self.places.all(), self.place.path)
        self.index_box.show_about(self.about, self.place)
        if self.about is not None:
            count = plural(
                "{n} picture indexed",
                "{n} pictures indexed",
                len(self.about.ids),
                n=f"{len(self.about.ids):,}",
            )
            self.tab.set_status(count)

    def follow(self, place: Place) -> None:
        """An index that is being made is the one that is searched."""
        if place.path != self.place.path or self.about is None:
            if place.path != self.place.path:
                self.query.drop_ids()
                self.answers = None
            self.place, self.about = self.places.find(place.path), None
            self._has_grown(place.path)
        self.show_place()

    def _asked_of_index(self, what: str) -> None:
        if what == "sample":
            self.try_sample()
        elif what == "pause":
            self.indexing.toggle_pause()
        elif what == "open":
            name = QFileDialog.getExistingDirectory(self, tr("Open an index"))
            if name:
                self.choose(self.places.find(name))
        elif what == "show":
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.place.folder)))
        else:
            self.indexing.do(what)

    def _has_grown(self, path: str) -> None:
        if path == self.place.path and not self._grown.isActive():
            self._grown.start()

    async def _look_at_growth(self) -> None:
        place = self.place
        about = await self.engine.about(place)
        if place.path != self.place.path:
            return
        self.about = about
        self.show_place()
        if self.query.empty:
            self._show_everything()
        elif not self._again.isActive():
            self._again.start()

    # Asking -----------------------------------------------------------------------------------------------

    def _ready_to_ask(self) -> None:
        """Whoever asks without having chosen an index asks the bundled one."""
        if self.about is None:
            self.choose(self.place)

    def refresh(self) -> None:
        """What is asked for, or where, has changed."""
        self._asked += 1
        if self.about is None:
            if not self.query.empty:
                self._ready_to_ask()
            return
        if self.query.empty:
            self.answers = None
            self._show_everything()
        else:
            if self.answers is None:  # something to look at while the model loads
                self._show_everything()
            self.tab.start(self._ask())

    async def _submit(self) -> None:
        """Return: search at once, and go to the answers."""
        self.engine.try_again()
        if self.about is None and not self.query.empty:
            self._ready_to_ask()
            return
        self._asked += 1
        if await self._ask() and self.results.pictures.rowCount():
            self._into_results()

    async def _ask(self) -> bool:
        """Whether there are answers, and nothing newer has been asked."""
        from models.search.queries import Query

        number, place = self._asked, self.place
        part = self.settings.words_share
        query = Query(
            text=self.query.text, picture=self.query.picture, more=self.query.ids("more"),
            less=self.query.ids("less"), text_weight=2 * part, picture_weight=2 * (1 - part),
        )  # fmt: skip
        try:
            found = await self.engine.search(
                place, query, self.settings.search_options(self.alike.fold.isChecked())
            )
        except Cancelled:
            return False
        except UserError as error:
            if number == self._asked:
                self._show_failure(error)
            return False
        if number != self._asked or place.path != self.place.path:
            return False
        self.answers = found
        self._found = [Shown.of_hit(hit) for hit in found.hits]
        self.query.latency.setText(tr("{ms} ms", ms=f"{1000 * (found.encode_s + found.search_s):.0f}"))
        self.tab.clear_messages("error")
        self._show_found()
        return True

    def _show_failure(self, error: UserError) -> None:
        """A picture that cannot be searched by is taken out again; the last answers stay."""
        self.show_problem(error)
        if isinstance(self.query.picture, Path) and read(self.query.picture, CHIP).problem is not None:
            self.query.set_picture(None)

    # Showing ----------------------------------------------------------------------------------------------

    def _show_welcome(self) -> None:
        self.results.show_empty(
            tr("Find pictures with words"),
            tr("Index a folder of your own, or drop one here. Words, pictures, and “more like this” then find what is in it."),
            True,
        )  # fmt: skip
        self.query.count.setText("")
        self._show_note()

    def _show_everything(self) -> None:
        """Every picture of the index: nothing is asked for."""
        if self.about is None:
            return
        current = self.results.current
        self.results.pictures.show_all(self.about.ids)
        self.query.latency.setText("")
        self.query.count.setText(
            plural("{n} picture", "{n} pictures", len(self.about.ids), n=f"{len(self.about.ids):,}")
        )
        self.alike.show_count(0, 0)
        self._show_note()
        if len(self.about.ids):
            self.results.show_grid()
            self.results.keep_current(current.id if current is not None else None, False)
        elif self.indexing.running:
            self.results.show_empty(
                tr("Indexing begins"), tr("Pictures appear here as they are indexed."), False
            )
        else:
            self.results.show_empty(
                tr("There are no pictures in this index"), tr("Index a folder that holds some."), False
            )

    def _show_found(self) -> None:
        """The answers that are alike enough."""
        if self.answers is None:
            self.alike.show_count(0, 0)
            return
        current = self.results.current
        kept = [one for one in self._found if one.score is None or one.score >= self.alike.least]
        self.results.pictures.show_hits(kept)
        self.alike.show_count(len(kept), len(self._found))
        self.query.count.setText(tr("{n} of {all}", n=f"{len(kept):,}", all=f"{self.answers.searched:,}"))
        self._show_note(self.answers.unknown)
        if kept:
            self.results.show_grid()
            self.results.keep_current(
                current.id if current is not None and self._again.isActive() else None, True
            )
        elif self._found:
            self.results.show_empty(tr("Nothing is that alike"), tr("Move the slider to the left."), False)
        else:
            self.results.show_empty(
                tr("Nothing was found"), tr("There is nothing in this index to compare with."), False
            )

    def _show_note(self, unknown: tuple[str, ...] = ()) -> None:
        if unknown:
            self.query.note.setText(tr("Not known to the model: {words}", words=", ".join(unknown[:6])))
        elif self.place.path == BUNDLED and not self.query.parts:
            links = " · ".join(f'<a href="{one}">{one}</a>' for one in EXAMPLES)
            self.query.note.setText(tr("Try {examples}", examples=links))
        else:
            self.query.note.setText("")

    async def _fetch(self, number: int) -> None:
        """A page of the grid."""
        ids = self.results.pictures.page_ids(number)
        try:
            items = await self.engine.items(self.place, ids)
        except Cancelled:
            return
        self.results.pictures.fill(number, ids, items)
        self.results.gallery.look_again()
        row = self.results.gallery.currentIndex().row()
        if row // PAGE == number and self.details.shown is None:
            self._show_details(self.results.current)

    def _show_details(self, shown: Shown | None) -> None:
        if shown is None:
            return
        bits = self.about.bits if self.about is not None else 0
        self.details.show_picture(shown, bits, self.results.large_picture(shown))
        asked = self.answers.code if self.answers is not None else None
        self.details.show_codes(asked, shown.code)
        self.tab.show_page_details(self.details, tr("Picture"))
        if shown.code is None:
            self.tab.start(self._fetch_code(shown))

    async def _fetch_code(self, shown: Shown) -> None:
        try:
            code = await self.engine.code(self.place, shown.id)
        except Cancelled:
            return
        if self.details.shown is shown:
            self.details.show_codes(None, code)

    def _show_image(self) -> None:
        shown = self.details.shown
        if shown is not None:
            self.details.show_image(self.results.large_picture(shown))

    async def _read_chip(self, path: Path) -> None:
        picture = await asyncio.get_running_loop().run_in_executor(None, read, path, CHIP)
        if picture.image is not None:
            self.query.set_image(path, picture.image)

    # Doing ------------------------------------------------------------------------------------------------

    def do(self, action: str) -> None:
        """With the picture that is chosen; see `Details.wanted`."""
        shown = self.results.current
        if shown is None:
            return
        if action in ("more", "less"):
            image = self.results.thumbnails.find(shown.path)
            self.query.add(Part(action, shown.id, shown.words, image.image if image is not None else None))
        elif action == "path":
            data = QMimeData()
            data.setText(str(shown.path))
            data.setUrls([QUrl.fromLocalFile(str(shown.path))])
            QGuiApplication.clipboard().setMimeData(data)
            self.tab.set_status(tr("Copied {path}", path=shown.path))
        elif action == "folder":
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(shown.path.parent)))
        elif action == "captions":
            self.settings.choose_side("captions")
            self.set_picture(shown.path, shown.words)
        elif not shown.path.is_file():
            self.tab.show_error(_gone(shown.path))
        elif action == "open":
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(shown.path)))
        elif action == "picture":
            picture = self.results.large_picture(shown)
            if picture is not None and picture.image is not None:
                QGuiApplication.clipboard().setImage(picture.image)
                self.tab.set_status(tr("Copied the picture"))

    def _into_results(self) -> None:
        if self.results.pictures.rowCount():
            self.results.gallery.setFocus()
            if not self.results.gallery.currentIndex().isValid():
                self.results.gallery.setCurrentIndex(self.results.pictures.index(0))

    def _back_to_field(self, text: str) -> None:
        self.query.field.setFocus()
        if text:
            self.query.field.setText(text)
            self.query._wait.start()
        else:
            self.query.field.selectAll()

    def _try_example(self, words: str) -> None:
        self.query.clear()
        self.query.set_text(words)

    def _ask_for_picture(self) -> None:
        kinds = tr("Pictures") + " (*.png *.jpg *.jpeg *.gif *.bmp *.webp *.tif *.tiff *.avif)"
        name, _ = QFileDialog.getOpenFileName(
            self, tr("Search by a picture"), "", f"{kinds};;{tr('All files (*)')}"
        )
        if name:
            self.set_picture(Path(name))

    # Export -----------------------------------------------------------------------------------------------

    def _make_exports(self) -> list[QAction]:
        table = QAction(tr("Results as CSV…"), self)
        table.triggered.connect(lambda: self._ask_and_save("results.csv", "CSV (*.csv)", self.save_table))
        sheet = QAction(tr("Contact sheet as PNG…"), self)
        sheet.triggered.connect(
            lambda: self._ask_and_save(
                "results.png", "PNG (*.png)", lambda path: self.tab.start(self.save_sheet(path))
            )
        )
        return [table, sheet]

    def _ask_and_save(self, proposal: str, kinds: str, save: Any) -> None:
        name, _ = QFileDialog.getSaveFileName(self, tr("Export"), proposal, kinds)
        if name:
            save(Path(name))

    def save_table(self, path: Path) -> None:
        """The answers that are shown, a row each."""
        try:
            exports.write_table(path, self.results.listed)
        except UserError as error:
            self.tab.show_error(error)

    async def save_sheet(self, path: Path) -> None:
        """The pictures that are shown, on one sheet."""
        title = self.query.text or self.place.words
        listed = list(self.results.listed)
        try:
            with self.services.task(tr("Drawing the contact sheet")) as task:
                worker = self.services.worker("search export")
                font = theme.font(theme.TEXT_PX)
                count = await worker.run(exports.write_sheet, path, title, listed, font, progress=task)
        except Cancelled:
            return
        if count < len(listed):
            words = tr("The first {n} of {all} pictures are on the sheet.", n=count, all=f"{len(listed):,}")
            self.tab.show_message("hint", words, key="sheet")


def _gone(path: Path) -> UserError:
    return UserError(
        "{name} is not there any more.",
        "It was moved or deleted after it had been indexed.",
        "Update the index to leave it out.",
        name=path.name,
    )
