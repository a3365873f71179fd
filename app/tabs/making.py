"""A tab as it was left; as new where it cannot take that up; a page that says so where there is none."""

from __future__ import annotations

from app.i18n import tr
from app.keeping import StateKeeper
from app.services import Services
from app.systems import Entry
from app.tabs.base import Tab


def make_tab(entry: Entry, services: Services, keeper: StateKeeper) -> Tab:
    """Never raises: what goes wrong is reported, or said in the tab."""
    try:
        page = entry.make(services)
        if keeper.restore(page, entry):
            return page
        page.deleteLater()
        page = entry.make(services)
        page.restore({})
        page.show_message(
            "warning",
            tr("It is set aside among the settings, and the tab begins anew."),
            heading=tr("What this tab remembered could not be used."),
        )
        return page
    except Exception as error:
        from app.tabs.broken import BrokenTab

        services.errors.report(error)
        return BrokenTab(services, entry.system)
