"""The window as its parts see it: they are handed it, and do not know how it is put together (`app/main_window.py`)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QMainWindow

from app.services import Services
from app.tabs.base import Tab
from app.widgets.tab_header import Header

if TYPE_CHECKING:
    from app.states import State


class Window(QMainWindow):
    """Which tab is in front, and how another one comes there."""

    services: Services
    header: Header

    @property
    def system(self) -> str:
        """The name of the system whose tab is in front."""
        raise NotImplementedError(type(self).__name__)

    @property
    def current(self) -> Tab | None:
        """The tab in front; None until it has been built."""
        raise NotImplementedError(type(self).__name__)

    @property
    def shows_training(self) -> bool:
        """Whether the training view is in front, in the place of the tabs and the dock."""
        raise NotImplementedError(type(self).__name__)

    def page(self, system: str) -> Tab | None:
        """A tab that was shown already."""
        raise NotImplementedError(type(self).__name__)

    def pages(self) -> list[Tab]:
        """The tabs that were shown already."""
        raise NotImplementedError(type(self).__name__)

    def show_tab(self, system: str) -> Tab:
        """Bring a tab to the front, building it if this is the first time."""
        raise NotImplementedError(type(self).__name__)

    def toggle_training(self) -> None:
        """Training in the whole window, or back to the tab."""
        raise NotImplementedError(type(self).__name__)

    def open_dock(self, opened: bool) -> None:
        """Open the training dock, or leave the strip that opens it."""
        raise NotImplementedError(type(self).__name__)

    def dock_height(self) -> int | None:
        """The height of the open training dock, px; None while it is closed."""
        raise NotImplementedError(type(self).__name__)

    def open_paths(self, paths: list[Path]) -> None:
        """Files and folders go to the tab in front; a workspace is opened."""
        raise NotImplementedError(type(self).__name__)

    async def take_up(self, states: Mapping[str, State], front: str) -> None:
        """Other work: the tabs that are named begin anew with it, and `front` comes to the front."""
        raise NotImplementedError(type(self).__name__)
