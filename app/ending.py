"""The questions on closing the window while work or runs are not finished."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QWidget

from app.i18n import plural, tr
from app.services import ShownProgress
from app.training.runs import Runs
from models.errors import UserError

WORTH_ASKING_S = 3.0  # what has been under way for less is lost without regret
MOST_NAMED = 4

Call = Callable[[], None]


def unfinished(tasks: Sequence[ShownProgress]) -> list[ShownProgress]:
    """What would be lost by closing now: under way for a while, and not being stopped already."""
    now = time.monotonic()
    return [task for task in tasks if not task.cancelled and now - task.began >= WORTH_ASKING_S]


def ask_about_work(tasks: Sequence[ShownProgress], parent: QWidget, go: Call, stay: Call) -> QMessageBox:
    """Whether to give up work that is not finished. Calls `go` or `stay`; does not block."""
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.Question)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setWindowTitle(tr("Work is not finished"))
    box.setText(plural("{n} piece of work is under way.", "{n} pieces of work are under way.", len(tasks)))
    box.setInformativeText(
        "\n".join([*map(line_of, tasks[:MOST_NAMED]), "", tr("It is lost if Polyphony is closed now.")])
    )
    leave = box.addButton(tr("Close and lose it"), QMessageBox.ButtonRole.DestructiveRole)
    wait = box.addButton(tr("Go on with it"), QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(wait)
    box.setEscapeButton(wait)

    def answered(_result: int) -> None:
        clicked = box.clickedButton()
        box.deleteLater()
        (go if clicked is leave else stay)()

    box.finished.connect(answered)
    box.open()
    return box


def line_of(task: ShownProgress) -> str:
    """What is under way, and how far it has come."""
    words = f"· {task.title}"
    return f"{words}: {round(100 * task.step.fraction)} %" if task.step.total else words


def ask_about_runs(runs: Runs, parent: QWidget, go: Call, stay: Call) -> QMessageBox:
    """Leave the runs running, stop them, or stay. Calls `go` or `stay`; does not block."""
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
