"""The views of the ReverberationNet tab, made together, by the names that their buttons have."""

from __future__ import annotations

from app.i18n import tr
from app.tabs.paged import PagedTab
from app.tabs.reverberation.compare_page import ComparePage
from app.tabs.reverberation.heat_page import HeatPage, KLPage
from app.tabs.reverberation.mesh_page import MeshPage
from app.tabs.reverberation.session import MeshSession
from app.tabs.reverberation.structure_page import StructurePage
from app.tabs.reverberation.view_page import ViewPage
from app.tabs.reverberation.what_if import WhatIfPage
from app.tabs.reverberation.wiring_page import WiringPage


class Views:
    """by_name: the title and page of each, in the order of their buttons."""

    def __init__(self, tab: PagedTab, session: MeshSession) -> None:
        self.mesh, self.heat, self.kl = MeshPage(tab, session), HeatPage(tab, session), KLPage(tab, session)
        self.what_if, self.compare = WhatIfPage(tab, session), ComparePage(tab, session)
        self.wiring, self.structure = WiringPage(tab, session), StructurePage(tab, session)
        self.by_name: dict[str, tuple[str, ViewPage]] = {
            "mesh": (tr("Mesh"), self.mesh),
            "heat": (tr("Heat map"), self.heat),
            "kl": (tr("KL"), self.kl),
            "what if": (tr("What if"), self.what_if),
            "compare": (tr("Compare"), self.compare),
            "wiring": (tr("Wiring"), self.wiring),
            "structure": (tr("Structure"), self.structure),
        }
