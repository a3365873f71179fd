"""What tabs of several pages have in common: the pages share the source column, one choice of model and the button."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from app import theme
from app.i18n import tr
from app.paths import is_shipped, path_or_name
from app.tabs.base import DETAILS_WIDTH, Tab
from app.widgets.labels import Hint
from app.widgets.model_card import ModelCard
from app.widgets.model_choice import ModelChoice
from app.widgets.page_stack import PageStack
from app.widgets.section import Segments

CARD_PX = 310  # a card's table of five columns


class Page(QWidget):
    """One page: its controls for the source column (`source`), its view (itself), what its button does."""

    def __init__(self, tab: PagedTab) -> None:
        super().__init__()
        self.tab = tab
        self.services = tab.services
        self.source = QWidget()
        self.controls = QVBoxLayout(self.source)
        self.controls.setContentsMargins(0, 0, 0, 0)
        self.controls.setSpacing(theme.SMALL)
        self.controls.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.view = QVBoxLayout(self)
        self.view.setContentsMargins(0, 0, 0, 0)
        self.view.setSpacing(theme.SMALL)

    def sample_link(self, text: str) -> Hint:
        """``No microphone? <a>Try the sample</a>``: the link calls `try_sample`."""
        hint = Hint(f'{text} <a href="sample">{tr("Try the sample")}</a>'.strip())
        hint.linkActivated.connect(lambda _link: self.try_sample())
        self.controls.addWidget(hint)
        return hint

    def words(self) -> str:
        """What the primary button says."""
        raise NotImplementedError(type(self).__name__)

    def ready(self) -> bool:
        """Whether the primary button can be pressed."""
        return True

    def act(self) -> None:
        """The primary button."""

    def stop(self) -> None:
        """Stop, beyond cancelling what is busy."""

    def try_sample(self) -> None:
        """What ships."""

    def accept_paths(self, paths: list[Path]) -> None:
        """Files and folders."""

    def model_changed(self) -> None:
        """Another model was chosen."""

    def export_actions(self) -> list[QAction]:
        """What can be exported of this page; disabled actions show what could be."""
        return []

    def state(self) -> dict[str, Any]:
        """What to remember of this page until the next start, plain values only."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Of an earlier start."""

    def shown(self) -> None:
        """The page came to the front."""

    def hidden(self) -> None:
        """The page went to the back."""

    async def shut_down(self) -> None:
        """The window closes."""


class PagedTab(Tab):
    """Call `lay_out` at the end of `__init__`. `page_chosen` says what else changes with the page."""

    models: ModelChoice
    pages: dict[str, Page]
    choice: Segments

    def lay_out(
        self,
        models: ModelChoice,
        pages: Mapping[str, tuple[str, Page]],
        name: str,
        column: QVBoxLayout | None = None,
        beside: QWidget | None = None,
    ) -> None:
        """Put the parts together. pages: key → what it is called, and itself; the first one is shown.
        name: what the choice of pages is called for screen readers.

        Without a `column` each page brings its own source: the choice stands over it. With one the pages are views of
        one source: the choice stands in the column, over the pages, with `beside` at its right.
        """
        self.models = models
        models.manager_asked.connect(self.services.models_wanted)
        self.pages = {key: page for key, (_words, page) in pages.items()}
        self.choice = Segments({key: words for key, (words, _page) in pages.items()}, name)
        self._views, self._details = PageStack(), QStackedWidget()
        self._one_source = column is not None
        for page in self.pages.values():
            self._views.addWidget(page)
        if column is None:
            self.source.add(self.choice)
            self.view.addWidget(self._views)
            for page in self.pages.values():
                self.source.add(page.source)
        else:
            for page in self.pages.values():
                page.source.setParent(page)
                page.source.hide()
            row = QHBoxLayout()
            row.addWidget(self.choice)
            row.addStretch(1)
            if beside is not None:
                row.addWidget(beside)
            column.addLayout(row)
            column.addWidget(self._views, 1)
        self.model.add(self.models)
        self._card = ModelCard()
        self._details.addWidget(self._card)
        self.details.addWidget(self._details)
        self.models.changed.connect(self._model_chosen)
        self.models.train_asked.connect(lambda: self.services.training.launch(self.system))
        self.models.card_asked.connect(self._show_card)
        self.models.refused.connect(self.show_error)
        self.choice.chosen.connect(self._page_chosen)
        self._page_chosen(next(iter(self.pages)))

    @property
    def page(self) -> Page:
        """The one in front."""
        return self.pages[self.choice.current]

    # What the window asks ---------------------------------------------------------------------------------

    def act(self) -> None:
        self.page.act()

    def stop(self) -> None:
        super().stop()
        self.page.stop()

    def try_sample(self) -> None:
        """Open the sample of the page in front."""
        self.page.try_sample()

    def accept_paths(self, paths: list[Path]) -> None:
        self.page.accept_paths(paths)

    def use_checkpoint(self, path: Path) -> None:
        self.models.choose(str(path))

    def choose_model(self, name: str) -> None:
        self.models.choose(name)

    def export_actions(self) -> list[QAction]:
        return self.page.export_actions()

    def state(self) -> dict[str, Any]:
        return {
            "page": self.choice.current,
            "model": path_or_name(self.models.choice),
            "models": self.models.kept,
            "options_open": self.options.opened,
            "pages": {key: page.state() for key, page in self.pages.items()},
        }

    def restore(self, state: dict[str, Any]) -> None:
        kept = state.get("models")
        kept = [str(item) for item in kept] if isinstance(kept, list) else []
        model = state.get("model", "")
        if isinstance(model, Path) and str(model) not in kept and not is_shipped(model):
            kept.insert(0, str(model))  # of a workspace that was moved
        self.models.restore(str(model), kept)
        self.model_restored()
        pages = state.get("pages")
        for key, page in self.pages.items():
            of_page = pages.get(key) if isinstance(pages, dict) else None
            page.restore(of_page if isinstance(of_page, dict) else {})
        if state.get("page") in self.pages:
            self.choice.choose(str(state["page"]))
        self.options.set_open(bool(state.get("options_open")))

    def model_restored(self) -> None:
        """The model of an earlier start was taken up, the pages' state not yet."""

    def shown(self) -> None:
        self.page.shown()

    def hidden(self) -> None:
        self.page.hidden()

    async def shut_down(self) -> None:
        for page in self.pages.values():
            await page.shut_down()

    # What the pages ask -----------------------------------------------------------------------------------

    def refresh_action(self) -> None:
        """The page's button says something else now."""
        self.set_action(self.page.words(), enabled=self.page.ready())

    def add_details(self, *widgets: QWidget) -> None:
        """What can be shown at the right, beside the model's card."""
        for widget in widgets:
            self._details.addWidget(widget)

    def show_page_details(self, widget: QWidget, title: str, least_px: int = DETAILS_WIDTH) -> None:
        """Something of a page at the right."""
        self._details.setCurrentWidget(widget)
        self.show_details(True, title, least_px)

    # Inside -----------------------------------------------------------------------------------------------

    def page_chosen(self, name: str) -> None:
        """Another page is in front: what else is shown or hidden with it."""

    def _page_chosen(self, name: str) -> None:
        page = self.pages[name]
        current = self._views.currentWidget()
        if isinstance(current, Page) and current is not page:
            current.hidden()
        self._views.setCurrentWidget(page)
        if not self._one_source:  # what was said of another page's source is over
            for other in self.pages.values():
                other.source.setVisible(other is page)
            self.clear_messages()
            self.set_status("")
        self.page_chosen(name)
        self.refresh_action()
        if self.isVisible():
            page.shown()

    def _model_chosen(self, _choice: str) -> None:
        self.clear_messages("error")  # what was the matter with another model
        for page in self.pages.values():
            page.model_changed()
        if self._details_frame.isVisible() and self._details.currentWidget() is self._card:
            self._show_card()

    def _show_card(self) -> None:
        self._card.show_info(self.models.card())
        self.show_page_details(self._card, tr("Model card"), CARD_PX)
