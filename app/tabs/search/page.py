"""What the pages of the search tab have in common."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app import theme

if TYPE_CHECKING:
    from app.tabs.search.tab import SearchTab


class Page(QWidget):
    """One page: its controls for the left column (`source`), its view (itself), what its button does."""

    def __init__(self, tab: SearchTab) -> None:
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
        return True

    def act(self) -> None:
        """The primary button."""

    def try_sample(self) -> None:
        """What ships."""

    def accept_paths(self, paths: list[Path]) -> None:
        """Files and folders."""

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
