"""The question on closing the window while runs go on."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QMessageBox, QWidget

from app.i18n import plural, tr
from app.training.runs import Runs
from models.errors import UserError


def ask(runs: Runs, parent: QWidget, go: Callable[[], None], stay: Callable[[], None]) -> QMessageBox:
    """Leave them running, stop them, or stay. Calls `go` or `stay`; does not block."""
    living = runs.living()
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.Question)
    box.setWindowTitle(tr("Training goes on"))
    box.setText(plural("{n} training run is still going.", "{n} training runs are still going.", len(living)))
    box.setInformativeText(
        tr(
            "It can go on without the window, and is found again at the next start. Stopped, it saves and can be resumed."
        )
    )
    leave = box.addButton(tr("Leave running"), QMessageBox.ButtonRole.AcceptRole)
    stop = box.addButton(tr("Stop and close"), QMessageBox.ButtonRole.DestructiveRole)
    cancel = box.addButton(tr("Cancel"), QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(leave)
    box.setEscapeButton(cancel)

    def answered(_result: int) -> None:
        clicked = box.clickedButton()
        box.deleteLater()
        if clicked is stop:
            for run in living:
                try:
                    runs.stop(run)
                except UserError:
                    stay()
                    raise
        if clicked is stop or clicked is leave:
            go()
        else:
            stay()

    box.finished.connect(answered)
    box.open()
    return box
