"""What a person can do with the chosen run: the same in the dock and in the training view."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QMessageBox, QWidget

from app.i18n import tr
from app.services import Services
from app.training.watched import WatchedRun
from models.errors import UserError
from models.training.finding import Remedy


class RunActions(QObject):
    """done: something was done, and what is shown of the run may be another. opened: its whole view is wanted."""

    done = Signal()
    opened = Signal(object)  # the path of the run

    def __init__(
        self,
        services: Services,
        current: Callable[[], WatchedRun | None],
        show_error: Callable[[BaseException], object],
        parent: QWidget,
    ) -> None:
        """current: the run that is chosen now. show_error: where an error of a person is said."""
        super().__init__(parent)
        self._runs = services.training
        self._current, self._show_error, self._parent = current, show_error, parent
        self.question: QMessageBox | None = None

    def open(self) -> None:
        """Show everything about it."""
        if (run := self._current()) is not None:
            self.opened.emit(run.path)

    def stop(self) -> None:
        """Ask it to save and end."""
        self._do(self._runs.stop)

    def resume(self) -> None:
        """Go on from its last checkpoint."""
        self._do(self._runs.resume)

    def start(self) -> None:
        """Start a run of the queue now."""
        self._do(self._runs.start_waiting)

    def use(self) -> None:
        """Have its best checkpoint used in the tab."""
        self._do(lambda run: self._runs.use_checkpoint.emit(run.system, run.run.best))

    def again(self) -> None:
        """Set up a run like it."""
        self._do(lambda run: self._runs.launch(run.system, like=run))

    def vary(self, remedy: Remedy) -> None:
        """Start it again with what a finding proposes."""
        self._do(lambda run: self._runs.vary(run, remedy.changes, remedy.words))

    def open_board(self) -> None:
        """Show it in TensorBoard."""
        self._do(lambda run: self._runs.board.open(run.path))

    def open_folder(self) -> None:
        """Show its folder in the system's file manager."""
        self._do(lambda run: QDesktopServices.openUrl(QUrl.fromLocalFile(str(run.path))))

    def ask_delete(self) -> None:
        """Ask, then move its folder to the trash."""
        run = self._current()
        if run is None or run.alive or self.question is not None:
            return
        box = QMessageBox(self._parent.window())
        box.setIcon(QMessageBox.Icon.Warning)
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setWindowTitle(tr("Delete the run"))
        box.setText(tr("Delete {name} and its checkpoints?", name=run.run.name))
        box.setInformativeText(tr("The folder {path} goes to the trash.", path=run.path))
        delete = box.addButton(tr("Delete"), QMessageBox.ButtonRole.DestructiveRole)
        keep = box.addButton(tr("Keep"), QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(keep)
        box.setEscapeButton(keep)
        self.question = box
        box.finished.connect(lambda _result: self._answered(box, box.clickedButton() is delete, run))
        box.open()

    def _answered(self, box: QMessageBox, wanted: bool, run: WatchedRun) -> None:
        self.question = None
        box.deleteLater()
        if wanted:
            self._try(self._runs.delete, run)

    def _do(self, call: Callable[[WatchedRun], object]) -> None:
        run = self._current()
        if run is not None:
            self._try(call, run)

    def _try(self, call: Callable[[WatchedRun], object], run: WatchedRun) -> None:
        try:
            call(run)
        except UserError as error:
            self._show_error(error)
        self.done.emit()
