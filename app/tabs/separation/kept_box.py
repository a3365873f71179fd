"""How much room separated tracks take, where they lie, how much they may take, and making room."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QMessageBox, QPushButton, QSpinBox, QVBoxLayout, QWidget

from app import theme
from app.i18n import tr
from app.services import Services
from app.tabs.separation import kept
from app.tabs.separation.work import READER
from app.widgets.labels import Elided
from app.widgets.section import Fold
from models.errors import UserError
from models.progress import Cancelled

GB = 10**9
USUAL_GB = 20


class KeptBox(QWidget):
    """removed(): some tracks are gone."""

    removed = Signal()

    def __init__(self, services: Services, fold: Fold, spared: Callable[[], list[Path]]) -> None:
        """spared: folders whose tracks are in use."""
        super().__init__()
        self._services, self._spared = services, spared
        self.limit = QSpinBox()
        self.limit.setRange(1, 2000)
        self.limit.setValue(USUAL_GB)
        fold.add_row(
            tr("Keep tracks up to"),
            self.limit,
            tr("GB"),
            tr("The oldest tracks of separations are removed beyond that; recordings and exports never are"),
        )
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.TINY)
        self.about = Elided(mode=Qt.TextElideMode.ElideMiddle)
        self.about.setProperty("role", "hint")
        self.clean = QPushButton(tr("Remove kept tracks…"))
        self.clean.setProperty("kind", "link")
        self.clean.setToolTip(tr("Delete what earlier separations left in your Polyphony folder"))
        self.clean.clicked.connect(self._ask)
        column.addWidget(self.about)
        column.addWidget(self.clean)
        fold.add(self)
        fold.toggled.connect(lambda opened: self.look() if opened else None)

    def look(self) -> None:
        """Say anew how much there is."""
        if self._services.running_loop():
            self._submit(kept.bytes_kept)

    def tidy(self) -> None:
        """Remove the oldest tracks beyond the limit."""
        self._submit(_made_room, self.limit.value() * GB, self._spared())

    def remove_all(self) -> None:
        """Remove all tracks but those in use."""
        self._submit(_made_room, 0, self._spared())
        self.removed.emit()

    def _submit(self, work: Callable[..., int], *arguments: object) -> None:
        self._services.worker(READER).submit(work, *arguments, done=self._show, failed=self._failed)

    def _show(self, size: int) -> None:
        megabytes = f"{size / 1e6:,.0f}"
        self.about.setText(tr("{mb} MB of tracks in {folder}", mb=megabytes, folder=kept.place()))
        self.clean.setEnabled(size > 0)

    def _failed(self, error: BaseException) -> None:
        if isinstance(error, UserError | OSError):
            self.about.setText(error.translated(tr) if isinstance(error, UserError) else str(error))
        elif not isinstance(error, Cancelled):
            self._services.errors.report(error)

    def _ask(self) -> None:
        box = QMessageBox(
            QMessageBox.Icon.Question,
            tr("Remove kept tracks"),
            tr("Remove the tracks of earlier separations?"),
            parent=self,
        )
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setInformativeText(
            tr("They lie in {folder}. Recordings and exported tracks stay.", folder=kept.place())
        )
        remove = box.addButton(tr("Remove"), QMessageBox.ButtonRole.DestructiveRole)
        box.setDefaultButton(box.addButton(tr("Keep them"), QMessageBox.ButtonRole.RejectRole))
        box.finished.connect(lambda _code: self.remove_all() if box.clickedButton() is remove else None)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.open()


def _made_room(most_bytes: int, spared: list[Path]) -> int:
    """In the worker's thread: make room; how much is kept after that, bytes."""
    kept.make_room(most_bytes, spared)
    return kept.bytes_kept()
