"""The questions before other work is taken up. None of them blocks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QWidget

from app.ending import MOST_NAMED, line_of, unfinished
from app.i18n import plural, tr
from app.services import ShownProgress

Call = Callable[[], object]


def ask_about_work(tasks: Sequence[ShownProgress], parent: QWidget, go: Call) -> QMessageBox | None:
    """Whether to give up what is under way in the tabs; `go` at once where nothing would be lost."""
    lost = unfinished(tasks)
    if not lost:
        go()
        return None
    box = _question(parent, tr("Work is not finished"))
    box.setText(plural("{n} piece of work is under way.", "{n} pieces of work are under way.", len(lost)))
    words = tr("It is lost if another workspace is taken up now.")
    box.setInformativeText("\n".join([*map(line_of, lost[:MOST_NAMED]), "", words]))
    leave = box.addButton(tr("Give it up"), QMessageBox.ButtonRole.DestructiveRole)
    wait = box.addButton(tr("Go on with it"), QMessageBox.ButtonRole.RejectRole)
    _open(box, wait, {leave: go})
    return box


def ask_about_unsaved(parent: QWidget, save: Call, drop: Call) -> QMessageBox:
    """What is open has no file yet: `save` it, `drop` it, or stay."""
    box = _question(parent, tr("Not saved as a workspace"))
    box.setText(tr("What is open in the tabs is not saved as a workspace."))
    box.setInformativeText(
        tr("Your own files stay where they are. What the tabs show of them is closed, separated tracks too.")
    )
    keep = box.addButton(tr("Save…"), QMessageBox.ButtonRole.AcceptRole)
    lose = box.addButton(tr("Close it all"), QMessageBox.ButtonRole.DestructiveRole)
    stay = box.addButton(tr("Cancel"), QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(keep)
    _open(box, stay, {keep: save, lose: drop})
    return box


def _question(parent: QWidget, title: str) -> QMessageBox:
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.Question)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setWindowTitle(title)
    return box


def _open(box: QMessageBox, stay: QWidget, answers: dict[QWidget, Call]) -> None:
    for button in box.buttons():
        if button is stay:
            box.setEscapeButton(button)

    def answered(_result: int) -> None:
        clicked = box.clickedButton()
        box.deleteLater()
        for button, call in answers.items():
            if button is clicked:
                call()

    box.finished.connect(answered)
    box.open()
