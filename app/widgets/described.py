"""What a picture says to who cannot see it: its content in words, kept in step with what is drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QWidget

from app.i18n import digits, tr

SETTLED_MS = 200  # what is drawn anew thirty times a second is not told so often
MOST_PARTS = 12
QUIETEST = 1e-6  # of full scale: −120 dB


class Description(QObject):
    """Keeps a widget's accessible description. `changed` may be called as often as the picture is drawn."""

    def __init__(self, widget: QWidget, words: Callable[[], str]) -> None:
        """words(): the content as it is now; empty where nothing is shown."""
        super().__init__(widget)
        self._widget, self._words = widget, words
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(SETTLED_MS)
        self._soon.timeout.connect(self._say)
        self.changed()

    def changed(self) -> None:
        """The picture shows something else, which is told soon."""
        if not self._soon.isActive():
            self._soon.start()

    def _say(self) -> None:
        words = self._words() or tr("nothing is shown yet")
        if words != self._widget.accessibleDescription():
            self._widget.setAccessibleDescription(words)


def listed(parts: Sequence[str]) -> str:
    """The parts one after the other; of many, the first dozen and how many more there are."""
    said = list(parts[:MOST_PARTS])
    if len(parts) > MOST_PARTS:
        said.append(tr("and {n} more", n=len(parts) - MOST_PARTS))
    return "; ".join(said)


def curve_words(
    name: str,
    x: np.ndarray,
    y: np.ndarray,
    x_words: Callable[[float], str],
    y_words: Callable[[float], str],
) -> str:
    """A curve by its ends and its extremes. x, y: [n]; what is not finite is left out. Empty where nothing is."""
    good = np.isfinite(x) & np.isfinite(y)
    x, y = np.asarray(x, float)[good], np.asarray(y, float)[good]
    if not len(x):
        return ""
    if len(x) == 1:
        return tr("{name}: {value} at {place}", name=name, value=y_words(y[0]), place=x_words(x[0]))
    low, high = int(y.argmin()), int(y.argmax())
    return tr(
        "{name}: {count} points, from {first} at {start} to {last} at {end}, lowest {low} at {low_at}, highest {high} at {high_at}",
        name=name,
        count=len(x),
        first=y_words(y[0]),
        start=x_words(x[0]),
        last=y_words(y[-1]),
        end=x_words(x[-1]),
        low=y_words(y[low]),
        low_at=x_words(x[low]),
        high=y_words(y[high]),
        high_at=x_words(x[high]),
    )


def level_words(amplitude: float) -> str:
    """An amplitude, full scale 1, in dB of full scale."""
    return f"{digits(20 * np.log10(max(amplitude, QUIETEST)), '.0f')} dB"
