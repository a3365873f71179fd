"""The page in the place of a tab that could not be opened."""

from __future__ import annotations

from app.i18n import tr
from app.services import Services
from app.tabs.base import Tab


class BrokenTab(Tab):
    """Says so, and that the others can be used."""

    def __init__(self, services: Services, system: str) -> None:
        super().__init__(services)
        self.system = system
        for widget in (self.source, self.model, self.options):
            widget.hide()
        self.set_action("")
        self.view.addStretch(1)
        self.show_message(
            "error",
            tr("The details are in the crash report. The other tabs can be used."),
            heading=tr("This tab could not be opened."),
        )

    def remember(self) -> None:
        """What the tab remembered when it could still be opened stays."""
