"""What every view of the mesh has in common."""

from __future__ import annotations

from app.i18n import tr
from app.tabs.paged import Page, PagedTab
from app.tabs.reverberation.session import MeshSession


class ViewPage(Page):
    """A view of one session; the tab's button observes the sequences that are open. figures: whether the cards with
    figures stand above it."""

    figures = True

    def __init__(self, tab: PagedTab, session: MeshSession) -> None:
        super().__init__(tab)
        self.session = session

    def words(self) -> str:
        return tr("Observe")

    def ready(self) -> bool:
        return self.session.sequences is not None

    def act(self) -> None:
        self.session.end_play()
        self.session.observe_again()

    def try_sample(self) -> None:
        self.tab.start(self.session.open("sample"))
