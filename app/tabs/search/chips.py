"""What is asked for besides the words in the field, each a chip: pictures, and words with a weight."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QIcon, QImage, QKeyEvent, QPixmap, QWheelEvent
from PySide6.QtWidgets import QPushButton, QWidget

from app.i18n import digits, tr
from app.widgets.plain import menu_words, tip

CHIP_WORDS = 22  # letters
STEP, MOST = 0.25, 2.0  # of a weight
USUAL = {"more": 1.0, "less": -0.5, "picture": 1.0}


@dataclass(frozen=True)
class Part:
    """What is asked for besides words. kind: ``picture``, ``more``, ``less`` or ``term``. value: a path or an array of a
    picture, the id of a picture of the index, or words. weight: below 0 is turned away from."""

    kind: str
    value: Any
    words: str
    image: QImage | None = None
    weight: float = 1.0

    def weighed(self, steps: int) -> Part:
        """The same, so many steps heavier; it never becomes nothing."""
        weight = max(-MOST, min(MOST, self.weight + steps * STEP))
        return replace(self, weight=weight or (STEP if steps > 0 else -STEP))


class Chip(QPushButton):
    """Pressed, it is removed; the wheel and the arrow keys change its weight. weighed(steps)."""

    weighed = Signal(int)

    def __init__(self, part: Part, parent: QWidget | None = None) -> None:
        title = chip_title(part)
        super().__init__(menu_words(f"{title}  ×"), parent)
        self._part = part
        self.setProperty("kind", "chip")
        if part.image is not None:
            self.setIcon(QIcon(QPixmap.fromImage(part.image)))
            self.setIconSize(QSize(16, 16))
        words = tr("Remove: {words}", words=title)
        if part.kind != "picture":
            words += "\n" + tr("The wheel, or the arrows up and down, change its weight.")
        self.setToolTip(tip(words))
        self.setAccessibleName(tr("Remove: {words}", words=title))

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self._part.kind == "picture" or not event.angleDelta().y():
            event.ignore()
            return
        self.weighed.emit(1 if event.angleDelta().y() > 0 else -1)
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down) and self._part.kind != "picture":
            self.weighed.emit(1 if event.key() == Qt.Key.Key_Up else -1)
            event.accept()
            return
        super().keyPressEvent(event)


def chip_title(part: Part) -> str:
    """What a chip says, its weight where it is not the usual."""
    words = part.words if len(part.words) <= CHIP_WORDS else part.words[: CHIP_WORDS - 1] + "…"
    usual = USUAL.get(part.kind, 1.0 if part.weight > 0 else -0.5)
    size = "" if part.weight == usual else f"{digits(abs(part.weight), '.2f')} × "
    if part.kind == "picture":
        return tr("like {words}", words=words)
    if part.kind == "term":
        return f"+ {size}{words}" if part.weight > 0 else f"− {size}{words}"
    if part.weight > 0:
        return tr("+ more like {words}", words=size + words)
    return tr("− less like {words}", words=size + words)
