"""Search: the field, the answers, the picture that is chosen; which index, and its indexing."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from PySide6.QtCore import QSize
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFileDialog

from app.i18n import plural, tr
from app.tabs.paged import Page, PagedTab
from app.tabs.search import fetching, remembered
from app.tabs.search.actions import Actions
from app.tabs.search.alike_box import AlikeBox
from app.tabs.search.details import Details
from app.tabs.search.engine import Engine
from app.tabs.search.filter_box import FilterBox
from app.tabs.search.grid import PAGE, GridItem
from app.tabs.search.index_control import IndexControl
from app.tabs.search.indexing import Indexing
from app.tabs.search.kinds import picture_filter
from app.tabs.search.notes import note
from app.tabs.search.options import Options
from app.tabs.search.places import BUNDLED, is_index
from app.tabs.search.query_bar import QueryBar, image_of
from app.tabs.search.results import Results
from app.tabs.search.saved import SavedSearch
from app.tabs.search.session import SearchSession
from app.tabs.search.thumbnails import read
from models.errors import UserError
from models.progress import Cancelled
from models.search.queries import Query

EXAMPLES = ("smiling cat", "red heart", "fruit", "sad face")  # what the bundled model knows, in its language
CHIP = QSize(32, 32)


class SearchPage(Page):
    """Joins field, grid, details and index with the session, which asks the engine."""

    def __init__(self, tab: PagedTab, engine: Engine) -> None:
        super().__init__(tab)
        self.session = SearchSession(engine, tab.start, self)
        self.alike, self.settings, self.filters = AlikeBox(), Options(), FilterBox()
        self.query, self.results, self.details = QueryBar(), Results(), Details()
        self.view.addWidget(self.query)
        self.view.addWidget(self.results, 1)
        self.indexing = Indexing(tab, self.session, self.settings.index_settings)
        self.index = IndexControl(tab, self.session, self.indexing)
        self.result_actions = Actions(tab, self.session, self.query, self.results)
        self.controls.addWidget(self.index.box)
        self._connect()
        self._connect_session()
        self.index.show()
        self.show_welcome()

    def _connect(self) -> None:
        self.query.changed.connect(self.refresh)
        self._without_picture = False  # the next answers are to what is left of a question
        self._undoing = self.query.undoing(self.tab.undo_stack)
        self.query.submitted.connect(lambda: self.tab.start(self._submit()))
        self.query.down.connect(self.results.enter)
        self.query.dropped.connect(self.tab.accept_paths)
        self.query.picture_asked.connect(self._ask_for_picture)
        self.query.example_chosen.connect(self._try_example)
        self.results.chosen.connect(self._show_details)
        self.results.wanted.connect(self.result_actions.do)
        self.results.image_ready.connect(self._show_image)
        preview = self.results.preview
        preview.heat_asked.connect(
            lambda shown: self.tab.start(fetching.heat(self.session, preview, self._question()[0], shown))
        )
        preview.strip_asked.connect(
            lambda shown: self.tab.start(fetching.strip(self.session, preview, shown))
        )
        self.results.left.connect(self._back_to_field)
        self.results.empty_button.clicked.connect(self.try_sample)
        self.results.pictures.page_wanted.connect(lambda number: self.tab.start(self._fetch(number)))
        self.details.wanted.connect(self.result_actions.do)
        self.result_actions.captions_asked.connect(self._find_captions)
        self.alike.threshold_changed.connect(self._show_found)
        self.alike.fold_changed.connect(self.refresh)
        self.settings.changed.connect(self.refresh)
        self.filters.changed.connect(self.refresh)
        self.query.saved.save_asked.connect(self._save)
        self.query.saved.chosen.connect(self._show_saved)
        self.query.saved.changed.connect(self.tab.remember)
        self.settings.size_changed.connect(self.results.set_size)
        self.results.set_size(self.settings.tile_size)

    def _connect_session(self) -> None:
        session = self.session
        for call in (self.query.drop_ids, self._undoing.begin):
            session.left.connect(call)
        session.opened.connect(self._offer_filters)
        session.opened.connect(self.refresh)
        session.not_opened.connect(self.show_welcome)
        session.closed.connect(self.show_welcome)
        session.grown.connect(self._show_growth)
        session.answered.connect(self._show_answers)
        session.failed.connect(self._show_failure)
        session.ask_again.connect(self.refresh)
        self.indexing.ended.connect(self._show_indexed)
        self.indexing.refused.connect(self.index.show_problem)
        self.index.sample_asked.connect(self.try_sample)
        self.index.agreed.connect(self._go_on_with_model)

    # What the tab asks ------------------------------------------------------------------------------------

    def words(self) -> str:
        return tr("Index a folder…")

    def act(self) -> None:
        name = QFileDialog.getExistingDirectory(self, tr("Index a folder"))
        if name:
            self.accept_paths([Path(name)])

    def try_sample(self) -> None:
        """The emoji that ship, with a question."""
        self.session.choose(self.session.places.find(BUNDLED))
        if self.tab.models.choice != BUNDLED:
            self.tab.models.choose(BUNDLED)
        self._try_example(EXAMPLES[0])

    def accept_paths(self, paths: list[Path]) -> None:
        """An index is opened, a folder indexed, a picture searched by."""
        folders = [path for path in paths if path.is_dir()]
        indexes = [path for path in folders if is_index(path)]
        if indexes:
            self.session.choose(self.session.places.find(str(indexes[0])))
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
        self.session.engine.try_again()
        self.tab.clear_messages()
        self.session.forget_answers()
        if self.session.about is not None:
            self._go_on_with_model()

    def export_actions(self) -> list[QAction]:
        for action in self.result_actions.exports:
            action.setEnabled(self.results.pictures.rowCount() > 0)
        return self.result_actions.exports

    def state(self) -> dict[str, Any]:
        return remembered.state_of(self)

    def restore(self, state: dict[str, Any]) -> None:
        remembered.restore(self, state)

    async def shut_down(self) -> None:
        self.session.stop_timers()
        self.indexing.watching.stop()
        self.query.stop_waiting()
        self.results.close_threads()
        await self.session.engine.shut_down()

    # Asking -----------------------------------------------------------------------------------------------

    def _ready_to_ask(self) -> None:
        """Whoever asks without having chosen an index asks the bundled one."""
        if self.session.about is None:
            self.session.choose(self.session.place)

    def _go_on_with_model(self) -> None:
        """Another model, or the same once it may be downloaded."""
        self.refresh()
        self.tab.start(self.session.warm())

    def _offer_filters(self) -> None:
        about = self.session.about
        if about is not None:
            self.filters.show_choices(about.labels, about.folders)

    def _save(self) -> None:
        self.query.saved.keep(SavedSearch(self.query.written, self.filters.filters))

    def _show_saved(self, saved: SavedSearch) -> None:
        self.query.clear()
        self.query.field.setText(saved.text)
        self.query.take_terms()
        self.filters.set_filters(saved.filters)
        self.refresh()

    def refresh(self) -> None:
        """What is asked for, or where, has changed."""
        self.query.saved.may_save = bool(self.query.written)
        if self.session.about is None:
            if not self.query.empty:
                self._ready_to_ask()
        elif self.query.empty:
            self.session.forget_answers()
            self.show_everything()
        else:
            if self.session.answers is None and not self.session.engine.ready:
                self._show_waiting()
            self.session.ask(*self._question())

    def _question(self) -> tuple[Query, Any]:
        """What is asked for, and how it is searched."""
        part = self.settings.words_share
        text, terms = self.query.asked
        query = Query(
            text=text,
            terms=terms,
            weights=self.query.weights,
            picture=self.query.picture,
            more=self.query.ids("more"),
            less=self.query.ids("less"),
            text_weight=2 * part,
            picture_weight=2 * (1 - part),
        )
        return query, self.settings.search_options(self.alike.fold.isChecked(), self.filters.filters)

    async def _submit(self) -> None:
        """Return: search at once, and go to the answers."""
        self.session.engine.try_again()
        if self.session.about is None and not self.query.empty:
            self._ready_to_ask()
        elif await self.session.ask(*self._question()) and self.results.pictures.rowCount():
            self.results.enter()

    def _show_answers(self, other: bool) -> None:
        answers = self.session.answers
        assert answers is not None
        took = answers.encode_s + answers.search_s
        self.query.latency.setText(tr("{ms} ms", ms=f"{1000 * took:.0f}"))
        # Answers to what is left of a question leave it to be read why its picture was taken out.
        if not self._without_picture:
            self.tab.clear_messages("error")
        self._without_picture = False
        self._show_found(other)
        self.results.preview.ask_for_heat()  # which gave way to the search

    def _show_failure(self, error: UserError) -> None:
        """A picture that cannot be searched by is taken out again; the last answers stay."""
        self.index.show_problem(error)
        self.results.preview.ask_for_heat()
        if isinstance(self.query.picture, Path) and read(self.query.picture, CHIP).problem is not None:
            self.query.set_picture(None)
            self._without_picture = not self.query.empty
        elif self.session.answers is None and self.session.about is not None:
            self.show_everything()

    def _find_captions(self, shown: GridItem) -> None:
        self.settings.choose_side("captions")
        self.set_picture(shown.path, shown.words)

    # Showing ----------------------------------------------------------------------------------------------

    def _show_waiting(self) -> None:
        """The first question waits for the model: nothing that was not asked for stands under it."""
        self.query.count.setText("")
        self.results.show_empty(
            tr("Searching …"), tr("The model is loaded first, which takes some seconds."), False
        )

    def _show_growth(self) -> None:
        if self.query.empty:
            self.show_everything()
        elif self.session.answers is None:
            self.refresh()

    def _show_indexed(self) -> None:
        self.results.forget_pictures()
        self.refresh()

    def show_welcome(self, *_: object) -> None:
        """Nothing is open yet: what to do, and the sample."""
        self.results.show_empty(
            tr("Find pictures with words"),
            tr(
                "Index a folder of your own, or drop one here. Words, pictures, and “more like this” then find what is in it."
            ),
            True,
        )
        self.query.count.setText("")
        self._show_note()

    def show_everything(self) -> None:
        """Every picture of the index: nothing is asked for."""
        if self.session.about is None:
            return
        current, count = self.results.current, len(self.session.about.ids)
        self.results.pictures.show_all(self.session.about.ids)
        self.query.latency.setText("")
        self.query.count.setText(plural("{n} picture", "{n} pictures", count, n=f"{count:,}"))
        self.alike.show_count(0, 0)
        self._show_note()
        if count:
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

    def _show_found(self, other: bool = False) -> None:
        """The answers that are alike enough. other: to another question, whose first answer is chosen; else the chosen
        picture stays chosen as long as it is among them, and none is chosen instead."""
        answers, result = self.session.answers, self.session.hits
        if answers is None:
            self.alike.show_count(0, 0)
            return
        current = self.results.current
        kept = [item for item in result if self.alike.passes(item)]
        self.results.show_hits(kept, other)
        if other:
            self.results.preview.forget_heat()
        self.alike.show_count(len(kept), len(result))
        self.query.count.setText(tr("{n} of {all}", n=f"{len(kept):,}", all=f"{answers.searched:,}"))
        self._show_note(answers.unknown, answers.fits)
        if kept:
            self.results.show_grid()
            self.results.keep_current(current.id if current is not None and not other else None, other)
        elif result:
            words = tr("Move the slider to the left to see what is nearest.")
            title = tr("Nothing is that alike") if answers.fits else tr("Nothing here fits")
            self.results.show_empty(title, words, False)
        else:
            self.results.show_empty(
                tr("Nothing was found"), tr("There is nothing in this index to compare with."), False
            )

    def _show_note(self, unknown: tuple[str, ...] = (), fits: bool = True) -> None:
        sample = self.session.place.path == BUNDLED and not self.query.parts
        self.query.note.setText(note(unknown, fits, EXAMPLES if sample else ()))
        self.query.note.setToolTip(note(unknown, fits, ()))

    async def _fetch(self, number: int) -> None:
        """A page of the grid."""
        ids = self.results.pictures.page_ids(number)
        try:
            items = await self.session.engine.items(self.session.place, ids)
        except Cancelled:
            return
        self.results.pictures.fill(number, ids, items)
        self.results.gallery.look_again()
        row = self.results.gallery.currentIndex().row()
        if row // PAGE == number and self.details.shown is None:
            self._show_details(self.results.current)

    def _show_details(self, shown: GridItem | None) -> None:
        if shown is None:
            return
        bits = self.session.about.bits if self.session.about is not None else 0
        self.details.show_picture(shown, bits, self.results.large_picture(shown))
        asked = self.session.answers.code if self.session.answers is not None else None
        self.details.show_codes(asked, shown.code)
        self.tab.show_page_details(self.details, tr("Picture"))
        if shown.code is None:
            self.tab.start(fetching.code(self.session, self.details, shown))

    def _show_image(self) -> None:
        shown = self.details.shown
        if shown is not None:
            self.details.show_image(self.results.large_picture(shown))

    async def _read_chip(self, path: Path) -> None:
        picture = await asyncio.get_running_loop().run_in_executor(None, read, path, CHIP)
        if picture.image is not None:
            self.query.set_image(path, picture.image)

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
        kinds = f"{picture_filter()};;{tr('All files (*)')}"
        name, _ = QFileDialog.getOpenFileName(self, tr("Search by a picture"), "", kinds)
        if name:
            self.set_picture(Path(name))
