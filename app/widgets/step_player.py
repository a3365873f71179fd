"""A button and a slider over steps: played, the slider goes on by itself."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QSlider, QToolButton, QWidget

from app import theme


class StepPlayer(QWidget):
    """moved(): another step is shown. wanted(): play was pressed, and there are no steps yet; they play once they come."""

    moved = Signal()
    wanted = Signal()

    def __init__(self, play: str, step: str, about: str, step_ms: int, parent: QWidget | None = None) -> None:
        """play: what the button does; step: what the slider chooses, in a word; about: in a sentence.
        step_ms: how long a step is shown while it plays."""
        super().__init__(parent)
        self.play = QToolButton()
        self.play.setText("▶")
        self.play.setCheckable(True)
        self.play.setToolTip(play)
        self.play.setAccessibleName(play)
        self.play.toggled.connect(self._play)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName(step)
        self.slider.setToolTip(about)
        self.slider.valueChanged.connect(lambda _value: self.moved.emit())
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.SMALL)
        row.addWidget(self.play)
        row.addWidget(self.slider, 1)
        self.timer = QTimer(self)
        self.timer.setInterval(step_ms)
        self.timer.timeout.connect(self._next)
        self.clear()

    @property
    def at(self) -> int:
        """The place of the step that is shown."""
        return self.slider.value()

    def clear(self) -> None:
        """There are no steps, and nothing plays. Not told by `moved`."""
        self.stop()
        self._set_range(0, 0)
        self.slider.setEnabled(False)

    def set_steps(self, count: int, at: int) -> None:
        """So many steps, of which the one at place `at` is shown; what was played goes on. Not told by `moved`."""
        self._set_range(count - 1, at)
        self.slider.setEnabled(True)
        if self.play.isChecked() and not self.timer.isActive():
            self.timer.start()

    def stop(self) -> None:
        """Stay at the step that is shown."""
        self.play.setChecked(False)

    def _set_range(self, last: int, at: int) -> None:
        self.slider.blockSignals(True)
        self.slider.setRange(0, last)
        self.slider.setValue(at)
        self.slider.blockSignals(False)

    def _play(self, on: bool) -> None:
        self.play.setText("■" if on else "▶")
        if not on:
            self.timer.stop()
        elif not self.slider.isEnabled():
            self.wanted.emit()
        else:
            if self.at >= self.slider.maximum():
                self.slider.setValue(0)
            self.timer.start()

    def _next(self) -> None:
        if self.at >= self.slider.maximum():
            self.stop()
        else:
            self.slider.setValue(self.at + 1)
