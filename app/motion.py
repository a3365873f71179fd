"""Whether anything in the window moves by itself: one choice, and every easing, sliding and endless bar asks it.

What a person plays, and what a microphone brings, is no decoration: it moves whatever was chosen.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEasingCurve, QObject, Qt, QVariantAnimation
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QProgressBar

EASE_MS = 120  # how long a bar takes to its new length
CHOICES = ("system", "full", "reduced")
EFFECTS = (
    Qt.UIEffect.UI_AnimateMenu,
    Qt.UIEffect.UI_FadeMenu,
    Qt.UIEffect.UI_AnimateCombo,
    Qt.UIEffect.UI_AnimateTooltip,
    Qt.UIEffect.UI_FadeTooltip,
)

_choice = "system"
_usual: dict[Qt.UIEffect, bool] = {}  # as the desktop has them


def apply(choice: str) -> None:
    """Move in ``full``, ``reduced`` (nothing by itself), or as the ``system`` prefers, from now on."""
    global _choice
    _choice = choice if choice in CHOICES else "system"
    if not _usual:
        _usual.update({effect: QApplication.isEffectEnabled(effect) for effect in EFFECTS})
    for effect, usual in _usual.items():
        QApplication.setEffectEnabled(effect, usual and not reduced())


def reduced() -> bool:
    """Whether everything takes its new place at once."""
    return _choice == "reduced" or (_choice == "system" and bool(system_prefers_less()))


def system_prefers_less() -> bool | None:
    """What the desktop was told of moving pictures; None where Qt cannot say, which it does from 6.12 on."""
    asked = getattr(QGuiApplication.styleHints().accessibility(), "motionPreference", None)
    return None if asked is None else "reduced" in asked().name.lower()


class Easing:
    """Goes from 0 to 1 in `EASE_MS`, fast at first; where nothing is to move, it is 1 at once."""

    def __init__(self, parent: QObject, step: Callable[[float], None]) -> None:
        """step(share): called at each picture, at last with 1."""
        self._step = step
        self._animation = QVariantAnimation(parent)
        self._animation.setDuration(EASE_MS)
        self._animation.setEasingCurve(QEasingCurve.Type.OutCubic)
        self._animation.setStartValue(0.0)
        self._animation.setEndValue(1.0)
        self._animation.valueChanged.connect(step)

    def start(self) -> None:
        """From 0 again."""
        self._animation.stop()
        if reduced():
            self._step(1.0)
        else:
            self._animation.start()

    def end(self) -> None:
        """To 1, now."""
        self._animation.stop()
        self._step(1.0)


def show_busy(bar: QProgressBar) -> None:
    """Nobody knows how far it is: the bar runs to and fro, or, where nothing is to move, is an empty track."""
    bar.setRange(0, 1 if reduced() else 0)
    bar.setValue(0)
