"""Search: the field, the answers, the picture that is chosen; which index, and its indexing."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QSize
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFileDialog

from app.i18n import plural, tr
from app.tabs.paged import Page
from app.tabs.search.actions import Actions
from app.tabs.search.catalogue import Catalogue
from app.tabs.search.details import Details
from app.tabs.search.engine import Engine
from app.tabs.search.index_box import AlikeBox
from app.tabs.search.indexing import Indexing
from app.tabs.search.options import Options
from app.tabs.search.places import BUNDLED, Places, is_index
from app.tabs.search.query_bar import QueryBar, image_of
from app.tabs.search.results import Results
from app.tabs.search.shown import PAGE, Shown
from app.widgets.thumbnails import read
from models.errors import UserError
from models.progress import Cancelled
from models.search.queries import Query
from models.search.queries import Results as Answers

if TYPE_CHECKING:
    from app.tabs.search.tab import SearchTab

EXAMPLES = ("smiling cat", "red heart", "fruit", "sad face")  # what the bundled model knows, in its language
GROWN_MS = 400  # at most so often is an index looked at that is being made
SEARCH_AGAIN_MS = 2000
CHIP = QSize(32, 32)


class SearchPage(Page):
    """Everything that is asked goes to the engine; what comes back for an older question is dropped."""

    tab: SearchTab

    def __init__(self, tab: SearchTab) -> None:
        super().__init__(tab)
        self.engine: Engine = tab.engine
        self.answers: Answers | None = None
        self._found: list[Shown] = []
        self._asked = 0  # the number of the newest question
        self.alike, self.settings = AlikeBox(), Options()
        self.query, self.results, self.details = QueryBar(), Results(), Details()
        self.view.addWidget(self.query)
        self.view.addWidget(self.results, 1)
        self.catalogue, self.indexing, self.deeds = Catalogue(self), Indexing(self), Actions(self)
        self.controls.addWidget(self.catalogue.box)
        self._connect()
        self.catalogue.show()
        self.show_welcome()

    def _connect(self) -> None:
        self.query.changed.connect(self.refresh)
        self.query.submitted.connect(lambda: self.tab.start(self._submit()))
        self.query.down.connect(self._into_results)
        self.query.dropped.connect(self.tab.accept_paths)
        self.query.picture_asked.connect(self._ask_for_picture)
        self.query.example_chosen.connect(self._try_example)
        self.results.chosen.connect(self._show_details)
        self.results.wanted.connect(self.deeds.do)
        self.results.image_ready.connect(self._show_image)
        self.results.left.connect(self._back_to_field)
        self.results.empty_button.clicked.connect(self.try_sample)
        self.results.pictures.page_wanted.connect(lambda number: self.tab.start(self._fetch(number)))
        self.details.wanted.connect(self.deeds.do)
        self.alike.threshold_changed.connect(self._show_found)
        self.alike.fold_changed.connect(self.refresh)
        self.settings.changed.connect(self.refresh)
        self.settings.size_changed.connect(self.results.set_size)
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
        self.catalogue.choose(self.catalogue.places.find(BUNDLED))
        if self.tab.models.choice != BUNDLED:
            self.tab.models.choose(BUNDLED)
        self._try_example(EXAMPLES[0])

    def accept_paths(self, paths: list[Path]) -> None:
        """An index is opened, a folder indexed, a picture searched by."""
        folders = [path for path in paths if path.is_dir()]
        indexes = [path for path in folders if is_index(path)]
        if indexes:
            self.catalogue.choose(self.catalogue.places.find(str(indexes[0])))
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
        if self.catalogue.about is not None:
            self.refresh()
            self.tab.start(self.catalogue.warm())

    def export_actions(self) -> list[QAction]:
        for action in self.deeds.exports:
            action.setEnabled(self.results.pictures.rowCount() > 0)
        return self.deeds.exports

    def state(self) -> dict[str, Any]:
        return {
            "index": self.catalogue.place.path if self.catalogue.about is not None else "",
            "indexes": self.catalogue.places.state(),
            "text": self.query.text,
            "least": self.alike.slider.value(),
            "fold": self.alike.fold.isChecked(),
            "settings": self.settings.state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.catalogue.places = Places.restored(state.get("indexes"))
        least = state.get("least")
        self.alike.slider.setValue(least if isinstance(least, int) else 0)
        self.alike.fold.setChecked(bool(state.get("fold")))
        self.settings.restore(state.get("settings"))
        self.results.set_size(self.settings.tile_size)
        self.query.field.setText(str(state.get("text", "")))
        known = [place.path for place in self.catalogue.places.all()]
        if state.get("index") in known:
            self.catalogue.choose(self.catalogue.places.find(str(state["index"])))
        self.catalogue.show()

    async def shut_down(self) -> None:
        self.catalogue.stop_timers()
        self.query.stop_waiting()
        self.results.close_threads()
        await self.engine.shut_down()

    # Asking -----------------------------------------------------------------------------------------------

    def _ready_to_ask(self) -> None:
        """Whoever asks without having chosen an index asks the bundled one."""
        if self.catalogue.about is None:
            self.catalogue.choose(self.catalogue.place)

    def refresh(self) -> None:
        """What is asked for, or where, has changed."""
        self._asked += 1
        if self.catalogue.about is None:
            if not self.query.empty:
                self._ready_to_ask()
            return
        if self.query.empty:
            self.answers = None
            self.show_everything()
        else:
            if self.answers is None:  # something to look at while the model loads
                self.show_everything()
            self.tab.start(self._ask())

    async def _submit(self) -> None:
        """Return: search at once, and go to the answers."""
        self.engine.try_again()
        if self.catalogue.about is None and not self.query.empty:
            self._ready_to_ask()
            return
        self._asked += 1
        if await self._ask() and self.results.pictures.rowCount():
            self._into_results()

    async def _ask(self) -> bool:
        """Whether there are answers, and nothing newer has been asked."""
        number, place = self._asked, self.catalogue.place
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
        if number != self._asked or place.path != self.catalogue.place.path:
            return False
        self.answers = found
        self._found = [Shown.of_hit(hit) for hit in found.hits]
        self.query.latency.setText(tr("{ms} ms", ms=f"{1000 * (found.encode_s + found.search_s):.0f}"))
        self.tab.clear_messages("error")
        self._show_found()
        return True

    def _show_failure(self, error: UserError) -> None:
        """A picture that cannot be searched by is taken out again; the last answers stay."""
        self.catalogue.show_problem(error)
        if isinstance(self.query.picture, Path) and read(self.query.picture, CHIP).problem is not None:
            self.query.set_picture(None)

    # Showing ----------------------------------------------------------------------------------------------

    def show_welcome(self) -> None:
        """Nothing is open yet: what to do, and the sample."""
        self.results.show_empty(
            tr("Find pictures with words"),
            tr("Index a folder of your own, or drop one here. Words, pictures, and “more like this” then find what is in it."),
            True,
        )  # fmt: skip
        self.query.count.setText("")
        self._show_note()

    def show_everything(self) -> None:
        """Every picture of the index: nothing is asked for."""
        if self.catalogue.about is None:
            return
        current = self.results.current
        self.results.pictures.show_all(self.catalogue.about.ids)
        self.query.latency.setText("")
        self.query.count.setText(
            plural(
                "{n} picture",
                "{n} pictures",
                len(self.catalogue.about.ids),
                n=f"{len(self.catalogue.about.ids):,}",
            )
        )
        self.alike.show_count(0, 0)
        self._show_note()
        if len(self.catalogue.about.ids):
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
                current.id if current is not None and self.catalogue.again.isActive() else None, True
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
        elif self.catalogue.place.path == BUNDLED and not self.query.parts:
            links = " · ".join(f'<a href="{one}">{one}</a>' for one in EXAMPLES)
            self.query.note.setText(tr("Try {examples}", examples=links))
        else:
            self.query.note.setText("")

    async def _fetch(self, number: int) -> None:
        """A page of the grid."""
        ids = self.results.pictures.page_ids(number)
        try:
            items = await self.engine.items(self.catalogue.place, ids)
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
        bits = self.catalogue.about.bits if self.catalogue.about is not None else 0
        self.details.show_picture(shown, bits, self.results.large_picture(shown))
        asked = self.answers.code if self.answers is not None else None
        self.details.show_codes(asked, shown.code)
        self.tab.show_page_details(self.details, tr("Picture"))
        if shown.code is None:
            self.tab.start(self._fetch_code(shown))

    async def _fetch_code(self, shown: Shown) -> None:
        try:
            code = await self.engine.code(self.catalogue.place, shown.id)
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

    def _into_results(self) -> None:
        if self.results.pictures.rowCount():
            self.results.gallery.setFocus()
            if not self.results.gallery.currentIndex().isValid():
                self.results.gallery.setCurrentIndex(self.results.pictures.index(0))

    def _back_to_field(self, text: str) -> None:
        self.query.field.setFocus()
        if text:
            self.query.type_on(text)
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
