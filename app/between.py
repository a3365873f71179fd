"""What goes from one tab to another: what is sent, what comes back of it, a checkpoint, and a recording all the way."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from app.i18n import tr
from app.widgets.relay_bar import RelayBar
from app.window import Window

if TYPE_CHECKING:
    from app.relay import Relay


class Between(QObject):
    """The window's part in it: it knows the tabs, which do not know one another."""

    def __init__(self, window: Window) -> None:
        super().__init__(window)
        self._window, self._services = window, window.services
        self.bar = RelayBar()
        self._relay: Relay | None = None
        self._services.sent.connect(self._deliver)
        self._services.answered.connect(self._bring_back)
        self._services.relay_asked.connect(lambda path: self.relay.begin(path))

    @property
    def relay(self) -> Relay:
        """A recording through all systems; made when it is first asked for."""
        if self._relay is None:
            from app.relay import Relay

            self._relay = Relay(self._window, self.bar)
        return self._relay

    def use_checkpoint(self, system: str, path: Path) -> None:
        """The best checkpoint of a run, in the tab of its system."""
        page = self._window.show_tab(system)
        page.use_checkpoint(path)
        if not any(message.level == "error" for message in page.messages.messages):
            page.show_message(
                "hint",
                tr(
                    "What it answers from now on comes from this run; another model can be chosen at the left."
                ),
                heading=tr("The best checkpoint of {name} is used.", name=path.parent.name),
                key="checkpoint",
            )

    def _deliver(self, system: str, payload: object) -> None:
        self._window.show_tab(system).receive(payload)

    def _bring_back(self, system: str, payload: object) -> None:
        page = self._window.page(system)
        if page is not None:
            page.take_answer(payload)
