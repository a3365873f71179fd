"""What a session needs of its tab. A session holds what is open and what was computed, and knows no widgets."""

from __future__ import annotations

from collections.abc import Coroutine
from contextlib import AbstractContextManager
from typing import Any, Protocol

from app.services import Services
from models.progress import Progress


class Host(Protocol):
    """A tab, as a session sees it: work is started, shown as busy and stopped there, and what goes wrong is said there."""

    services: Services

    def start(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine; what goes wrong in it is shown by the tab."""

    def busy(self, progress: Progress) -> AbstractContextManager[Progress]:
        """While it is open, the tab's button says Stop and cancels `progress`."""

    def stop(self) -> None:
        """Cancel all that `busy` is open for."""

    def show_error(self, error: BaseException) -> None:
        """Show a UserError in the tab, and report anything else as an error of the program."""
