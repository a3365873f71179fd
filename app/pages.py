"""The tabs behind one another: each is built when it is first shown, and let go where other work is taken up."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from functools import partial

from PySide6.QtWidgets import QWidget

from app import systems
from app.held import HeldModel
from app.keeping import StateKeeper
from app.services import Services
from app.tabs.base import Tab
from app.tabs.making import make_tab
from app.tabs.skeleton import Skeleton
from app.widgets.page_stack import PageStack

log = logging.getLogger("polyphony")

LEAVING_S = 2.0  # a tab that takes longer to let go is left


class Pages(PageStack):
    """The five places of the tabs, in their order; what is added to it comes behind them."""

    def __init__(self, services: Services) -> None:
        super().__init__()
        self._services = services
        self.built: dict[str, Tab] = {}
        for _entry in systems.ENTRIES:
            self.addWidget(Skeleton())

    def build(self, entry: systems.Entry, keeper: StateKeeper) -> Tab:
        """The tab, made if it is not there yet."""
        if entry.system not in self.built:
            page = make_tab(entry, self._services, keeper)
            self._put(entry.system, page).deleteLater()
            self.built[entry.system] = page
        return self.built[entry.system]

    async def let_go(self, names: Iterable[str]) -> None:
        """Stop these tabs and take them away; they are built anew when they are next shown."""
        for page in [self.built.pop(name) for name in names if name in self.built]:
            await leave(page)
            for held in page.findChildren(HeldModel):
                held.give_up()
            await self._services.give_up(partial(_belongs, page))
            self._put(page.system, Skeleton())
            page.deleteLater()
        await asyncio.sleep(0)  # what was told of them arrives before they are gone

    def _put(self, system: str, page: QWidget) -> QWidget:
        """Another widget in the place of a tab; gives back the one that was there."""
        index = systems.NAMES.index(system)
        before = self.widget(index)
        assert before is not None
        front = self.currentWidget() is before
        self.removeWidget(before)
        self.insertWidget(index, page)
        if front:
            self.setCurrentWidget(page)
        before.hide()
        return before


def _belongs(page: Tab, owner: object) -> bool:
    return owner is page or (isinstance(owner, QWidget) and page.isAncestorOf(owner))


async def leave(page: Tab) -> None:
    """A tab lets go of devices and files; one that does not in time is left."""
    try:
        page.hidden()
        page.stop()
        await asyncio.wait_for(page.shut_down(), LEAVING_S)
    except (Exception, asyncio.CancelledError) as error:
        log.error("%s does not shut down: %r", page.system, error)
