"""What the tab consists of: the left column, the views and the details, before anything is connected."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QLabel, QSpinBox, QStackedWidget, QWidget

from app import theme
from app.i18n import tr
from app.services import Services
from app.tabs.base import Tab
from app.tabs.reverberation.compare_page import ComparePage
from app.tabs.reverberation.figures import Figures
from app.tabs.reverberation.heat_page import HeatPage, KLPage
from app.tabs.reverberation.mesh_page import MeshPage
from app.tabs.reverberation.module_page import ModulePage
from app.tabs.reverberation.playback import Playback
from app.tabs.reverberation.structure_page import StructurePage
from app.tabs.reverberation.what_if import WhatIf
from app.tabs.reverberation.wiring_page import WiringPage
from app.widgets.drop_zone import DropZone
from app.widgets.heat_map import HeatMap
from app.widgets.labels import Hint
from app.widgets.mesh import MeshView
from app.widgets.model_card import ModelCard
from app.widgets.model_choice import ModelChoice
from app.widgets.section import Segments

WITHOUT_FIGURES = ("compare", "wiring", "structure")  # views that need the room, or have figures of their own


class Panels(Tab):
    """The widgets of the tab by name."""

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(services, parent)
        self._fill_left()
        self._fill_head()
        self._fill_pages()
        self._fill_details()

    @property
    def mesh(self) -> MeshView:
        return self.mesh_page.mesh

    @property
    def heat(self) -> HeatMap:
        return self.heat_page.heat

    def _fill_left(self) -> None:
        self.drop_zone = DropZone(tr("Drop sequences"), ".npz .npy .csv .parquet")
        self.about = Hint()
        self.sample_link = Hint(f'<a href="sample">{tr("Try the sample")}</a>')
        self.number = QSpinBox()
        self.number.setRange(0, 0)
        self.number.setSpecialValueText(tr("mean of all"))
        self.number.setToolTip(tr("Which sequence is shown; several are selected in the heat map"))
        self.number.setAccessibleName(tr("Sequence"))
        theme.pad(self.number)
        label = QLabel(tr("Sequence"))
        label.setBuddy(self.number)
        shown = QWidget()
        row = QHBoxLayout(shown)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(label)
        row.addWidget(self.number, 1)
        for widget in (self.drop_zone, self.about, self.sample_link, shown):
            self.source.add(widget)
        self.models = ModelChoice("reverberation")
        self.model.add(self.models)
        self.options.hide()
        self.playback = Playback(self.services)
        self.add_section(tr("Through training")).add(self.playback)

    def _fill_head(self) -> None:
        self.figures = Figures()
        self.view.addWidget(self.figures)
        words = {
            "mesh": tr("Mesh"), "heat": tr("Heat map"), "kl": tr("KL"), "what if": tr("What if"),
            "compare": tr("Compare"), "wiring": tr("Wiring"), "structure": tr("Structure"),
        }  # fmt: skip
        self.views = Segments(words, tr("View"))
        row = QHBoxLayout()
        row.addWidget(self.views)
        row.addStretch(1)
        self.view.addLayout(row)

    def _fill_pages(self) -> None:
        self.mesh_page, self.heat_page, self.kl_page, self.what_if = (
            MeshPage(),
            HeatPage(),
            KLPage(),
            WhatIf(),
        )
        self.compare, self.wiring_page, self.structure = ComparePage(), WiringPage(), StructurePage()
        self.pages: dict[str, QWidget] = {
            "mesh": self.mesh_page, "heat": self.heat_page, "kl": self.kl_page, "what if": self.what_if,
            "compare": self.compare, "wiring": self.wiring_page, "structure": self.structure,
        }  # fmt: skip
        self.stack = QStackedWidget()
        for page in self.pages.values():
            self.stack.addWidget(page)
        self.view.addWidget(self.stack, 1)
        self.views.chosen.connect(self._view_chosen)

    def _view_chosen(self, name: str) -> None:
        self.stack.setCurrentWidget(self.pages[name])
        self.figures.setVisible(name not in WITHOUT_FIGURES)
        if name == "structure":
            self.structure.look()

    def _fill_details(self) -> None:
        self.page = ModulePage()
        self.card = ModelCard()
        self.details_stack = QStackedWidget()
        self.details_stack.addWidget(self.page)
        self.details_stack.addWidget(self.card)
        self.details.addWidget(self.details_stack)
