"""The search tab itself: which page, which model, and what belongs to all pages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QImage, QKeySequence, QShortcut
from PySide6.QtWidgets import QStackedWidget, QTextBrowser, QWidget

from app.i18n import tr
from app.services import Services
from app.tabs.base import Tab
from app.tabs.search.engine import Engine
from app.tabs.search.evaluate_page import EvaluatePage
from app.tabs.search.page import Page
from app.tabs.search.query_bar import pixels_of
from app.tabs.search.search_page import SearchPage
from app.widgets.model_choice import ModelChoice
from app.widgets.section import Section, Segments


def encoders() -> dict[str, str]:
    """Encoders of the hub that are offered: name → what they are for."""
    return {
        "openai/clip-vit-base-patch32": tr("CLIP, English"),
        "google/siglip2-base-patch16-224": tr("SigLIP 2, about a hundred languages"),
        "facebook/metaclip-2-worldwide-s16": tr("MetaCLIP 2, about three hundred languages"),
        "OFA-Sys/chinese-clip-vit-base-patch16": tr("Chinese-CLIP, Chinese"),
        "BAAI/AltCLIP": tr("AltCLIP, Chinese and English"),
    }


class SearchTab(Tab):
    """Search and Evaluate over one choice of model."""

    system = "search"
    open_title = "Search by a picture"
    open_filter = "Pictures (*.png *.jpg *.jpeg *.gif *.bmp *.webp *.tif *.tiff *.avif)"

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(services, parent)
        self.engine = Engine(services, self)
        self.models = ModelChoice("search", "openai/clip-vit-base-patch32", encoders())
        self.search = SearchPage(self)
        self.evaluate = EvaluatePage(self)
        self.pages: dict[str, Page] = {"search": self.search, "evaluate": self.evaluate}
        self.choice = Segments({"search": tr("Search"), "evaluate": tr("Evaluate")}, tr("View"))
        self._views = QStackedWidget()
        self.source.add(self.choice)
        for page in self.pages.values():
            self.source.add(page.source)
            self._views.addWidget(page)
        self.model.add(self.models)
        self._alike = Section(tr("How alike"))
        self._alike.add(self.search.alike)
        self._column.insertWidget(self._column.indexOf(self.options), self._alike)
        self.search.settings.fill(self.options)
        self.view.addWidget(self._views)
        self._card = QTextBrowser()
        self._card.setOpenExternalLinks(True)
        self._card.setAccessibleName(tr("Model card"))
        self._details = QStackedWidget()
        self._details.addWidget(self._card)
        self._details.addWidget(self.search.details)
        self.details.addWidget(self._details)
        self.models.changed.connect(self._model_chosen)
        self.models.train_asked.connect(lambda: self.services.training.launch(self.system))
        self.models.card_asked.connect(self._show_card)
        self.models.refused.connect(self.show_error)
        self.services.device_changed.connect(lambda _device: self._model_chosen(self.models.choice))
        self.choice.chosen.connect(self._page_chosen)
        find = QShortcut(QKeySequence.StandardKey.Find, self)
        find.activated.connect(self._to_field)
        self._page_chosen("search")

    @property
    def page(self) -> Page:
        return self.pages[self.choice.current]

    # What the window asks ---------------------------------------------------------------------------------

    def act(self) -> None:
        self.page.act()

    def accept_paths(self, paths: list[Path]) -> None:
        self.page.accept_paths(paths)

    def receive(self, payload: object) -> None:
        """Paths of pictures or folders, or one picture: a QImage or uint8 [height, width, 3]."""
        self.choice.choose("search")
        if isinstance(payload, QImage):
            self.search.set_picture(pixels_of(payload))
        elif isinstance(payload, np.ndarray) and payload.dtype == np.uint8 and payload.shape[2:] == (3,):
            self.search.set_picture(payload)
        elif isinstance(payload, list | tuple) and all(isinstance(one, str | Path) for one in payload):
            self.search.accept_paths([Path(one) for one in payload])
        else:
            super().receive(payload)

    def try_sample(self) -> None:
        self.page.try_sample()

    def use_checkpoint(self, path: Path) -> None:
        self.models.choose(str(path))

    def export_actions(self) -> list[QAction]:
        return self.page.export_actions()

    def state(self) -> dict[str, Any]:
        return {
            "page": self.choice.current,
            "model": self.models.choice,
            "models": self.models.kept,
            "options_open": self.options.opened,
            "pages": {name: page.state() for name, page in self.pages.items()},
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.models.restore(str(state.get("model", "")), [str(one) for one in state.get("models", [])])
        self.engine.choice = self.models.choice
        pages = state.get("pages")
        for name, page in self.pages.items():
            page.restore(pages.get(name, {}) if isinstance(pages, dict) else {})
        if state.get("page") in self.pages:
            self.choice.choose(str(state["page"]))
        self.options.set_open(bool(state.get("options_open")))

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

    def show_page_details(self, widget: QWidget, title: str) -> None:
        """Something of a page at the right."""
        self._details.setCurrentWidget(widget)
        self.show_details(True, title)

    # Inside -----------------------------------------------------------------------------------------------

    def _page_chosen(self, name: str) -> None:
        page = self.pages[name]
        current = self._views.currentWidget()
        if isinstance(current, Page) and current is not page:
            current.hidden()
        self._views.setCurrentWidget(page)
        for other in self.pages.values():
            other.source.setVisible(other is page)
        for widget in (self._alike, self.options):
            widget.setVisible(name == "search")
        if name == "evaluate":
            self.evaluate.list_models()
            self.show_details(False)
        self.clear_messages()
        self.refresh_action()
        page.shown()

    def _model_chosen(self, choice: str) -> None:
        self.engine.choice = choice
        for page in self.pages.values():
            page.model_changed()
        if self._details_frame.isVisible() and self._details.currentWidget() is self._card:
            self._show_card()

    def _show_card(self) -> None:
        info = self.models.info()
        if info is None:
            return
        self._card.setMarkdown(info.card or info.title)
        self._card.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.show_page_details(self._card, tr("Model card"))

    def _to_field(self) -> None:
        self.choice.choose("search")
        self.search.query.field.setFocus()
        self.search.query.field.selectAll()
