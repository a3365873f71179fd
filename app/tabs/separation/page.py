"""What the two pages of the separation tab have in common."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app import theme

if TYPE_CHECKING:
    from app.tabs.separation.tab import SeparationTab


READER = "separation sound"  # the worker that reads and writes files: they must not wait for a separation


class Page(QWidget):
    """One page: its controls for the Source column (`source`), its view (itself), what its button does."""

    def __init__(self, tab: SeparationTab) -> None:
        super().__init__()
        self.tab = tab
        self.services = tab.services
        self.source = QWidget()
        self.controls = QVBoxLayout(self.source)
        self.controls.setContentsMargins(0, 0, 0, 0)
        self.controls.setSpacing(theme.SMALL)
        self.controls.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.view = QVBoxLayout(self)
        self.view.setContentsMargins(0, 0, 0, 0)
        self.view.setSpacing(theme.SMALL)

    def words(self) -> str:
        """What the primary button says."""
        raise NotImplementedError(type(self).__name__)

    def ready(self) -> bool:
        """Whether the primary button can be pressed."""
        raise NotImplementedError(type(self).__name__)

    def act(self) -> None:
        """The primary button."""
        raise NotImplementedError(type(self).__name__)

    def accept_paths(self, paths: list[Path]) -> None:
        """Files and folders."""
        raise NotImplementedError(type(self).__name__)

    def stop(self) -> None:
        """Stop, beyond cancelling what is busy."""

    def model_changed(self) -> None:
        """Another model was chosen."""

    def export_actions(self) -> list[QAction]:
        return []

    def state(self) -> dict[str, Any]:
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Of an earlier start."""

    def shown(self) -> None:
        """The page came to the front."""

    def hidden(self) -> None:
        """The page went to the back."""

    async def shut_down(self) -> None:
        """The window closes."""
