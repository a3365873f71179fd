"""The search tab itself: which page, which model, and what belongs to all pages."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PySide6.QtGui import QImage, QKeySequence, QShortcut
from PySide6.QtWidgets import QWidget

from app.i18n import tr
from app.services import Services
from app.tabs.paged import Page, PagedTab
from app.tabs.search.engine import Engine
from app.tabs.search.evaluate_page import EvaluatePage
from app.tabs.search.kinds import picture_filter
from app.tabs.search.query_bar import pixels_of
from app.tabs.search.search_page import SearchPage
from app.widgets.model_choice import ModelChoice
from app.widgets.section import Section


def encoders() -> dict[str, str]:
    """Encoders of the hub that are offered: name → what they are for."""
    return {
        "openai/clip-vit-base-patch32": tr("CLIP, English"),
        "google/siglip2-base-patch16-224": tr("SigLIP 2, about a hundred languages"),
        "facebook/metaclip-2-worldwide-s16": tr("MetaCLIP 2, about three hundred languages"),
        "OFA-Sys/chinese-clip-vit-base-patch16": tr("Chinese-CLIP, Chinese"),
        "BAAI/AltCLIP": tr("AltCLIP, Chinese and English"),
    }


class SearchTab(PagedTab):
    """Search and Evaluate over one choice of model."""

    system = "search"
    open_title = "Search by a picture"

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(services, parent)
        self.engine = Engine(services, self)
        self.models = ModelChoice("search", "openai/clip-vit-base-patch32", encoders())
        self.search = SearchPage(self, self.engine)
        self.evaluate = EvaluatePage(self)
        self._alike = Section(tr("How alike"))
        self._alike.add(self.search.alike)
        self._column.insertWidget(self._column.indexOf(self.options), self._alike)
        self._column.insertWidget(self._column.indexOf(self.options), self.search.filters.fold)
        self.search.settings.fill(self.options)
        pages: dict[str, tuple[str, Page]] = {
            "search": (tr("Search"), self.search),
            "evaluate": (tr("Evaluate"), self.evaluate),
        }
        self.lay_out(self.models, pages, tr("View"))
        self.add_details(self.search.details)
        self.services.device_changed.connect(self._device_changed)
        find = QShortcut(QKeySequence.StandardKey.Find, self)
        find.activated.connect(self._to_field)

    def file_filter(self) -> str:
        return picture_filter()

    # What the window asks ---------------------------------------------------------------------------------

    def receive(self, payload: object) -> None:
        """Paths of pictures or folders, or one picture: a QImage or uint8 [height, width, 3]."""
        self.choice.choose("search")
        if isinstance(payload, QImage):
            self.search.set_picture(pixels_of(payload))
        elif isinstance(payload, np.ndarray) and payload.dtype == np.uint8 and payload.shape[2:] == (3,):
            self.search.set_picture(payload)
        elif isinstance(payload, list | tuple) and all(isinstance(item, str | Path) for item in payload):
            self.search.accept_paths([Path(item) for item in payload])
        else:
            super().receive(payload)

    def model_restored(self) -> None:
        self.engine.choice = self.models.choice

    # Inside -----------------------------------------------------------------------------------------------

    def page_chosen(self, name: str) -> None:
        for widget in (self._alike, self.search.filters.fold, self.options):
            widget.setVisible(name == "search")
        if name == "evaluate":
            self.evaluate.list_models()
            self.show_details(False)

    def _device_changed(self, _device: str) -> None:
        self._model_chosen(self.models.choice)

    def _model_chosen(self, choice: str) -> None:
        self.engine.choice = choice
        super()._model_chosen(choice)

    def _to_field(self) -> None:
        self.choice.choose("search")
        self.search.query.field.setFocus()
        self.search.query.field.selectAll()
