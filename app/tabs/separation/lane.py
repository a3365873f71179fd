"""One lane: at the left what can be done with it, at the right its sound."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QSlider, QToolButton, QVBoxLayout, QWidget

from app import theme
from app.audio.outline import Outline
from app.i18n import digits, tr
from app.widgets.ribbon import RibbonStrip
from app.widgets.sound_canvas import SoundCanvas
from app.widgets.time_axis import TimeAxis

HEAD = 148
LEAST_DB, MOST_DB = -40, 12
LEAST_HEIGHT = 82


@dataclass(frozen=True)
class Sound:
    """What a lane shows: a file, its outline, what it is called."""

    path: Path
    outline: Outline
    name: str


class Lane(QWidget):
    """Name, mute, solo, gain, export; waveform or spectrogram. Lane 0 is the mixture.

    heard_changed(): mute, solo or gain. chosen(number), export_asked(number), picture_asked(number), keep_asked(number):
    the button or the menu. renamed(name): a name is being typed; nothing stands for the speaker's number.
    """

    heard_changed = Signal()
    chosen = Signal(int)
    export_asked = Signal(int)
    picture_asked = Signal(int)
    keep_asked = Signal(int)
    renamed = Signal(str)

    def __init__(
        self, number: int, axis: TimeAxis, path: Path, outline: Outline, name: str, color: str
    ) -> None:
        super().__init__()
        self.number, self.path, self.color = number, path, color
        self.canvas = SoundCanvas(axis, name, color)
        self._selected = False
        self.ready = True
        self.gone = False
        self.setMinimumHeight(LEAST_HEIGHT)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self._make_head(name))
        row.addWidget(_Bar(color))
        self.ribbon = RibbonStrip(axis, name)
        sound = QVBoxLayout()
        sound.setSpacing(0)
        sound.addWidget(self.canvas, 1)
        sound.addWidget(self.ribbon)
        row.addLayout(sound, 1)
        self.setProperty("surface", "card")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.set_outline(outline)

    @property
    def is_mixture(self) -> bool:
        return self.number == 0

    @property
    def title(self) -> str:
        return self.name.text().strip() or self.name.placeholderText()

    @property
    def gain_db(self) -> float:
        return self.gain.value() / 2

    def show_name(self, name: str) -> None:
        """The speaker is called so now; what is being typed stays."""
        if name != self.title:
            self.name.setText(name)

    @property
    def heard(self) -> dict[str, object]:
        """How it is listened to, for `set_heard_as`: ``gain`` in half decibels, ``mute``, ``solo``."""
        return {
            "gain": self.gain.value(),
            "mute": self.mute.isChecked(),
            "solo": self.solo.isChecked(),
        }

    def set_heard_as(self, heard: object) -> None:
        """As `heard` was; what makes no sense changes nothing."""
        if not isinstance(heard, dict):
            return
        gain = heard.get("gain")
        if isinstance(gain, int):
            self.gain.setValue(gain)
        self.mute.setChecked(heard.get("mute") is True)
        self.solo.setChecked(heard.get("solo") is True)

    def set_outline(self, outline: Outline, top: float = 0.0) -> None:
        """Draw another sound; top: the amplitude at full height, 0 for the sound's own peak."""
        self.canvas.set_outline(outline, top)

    def leave(self) -> None:
        """The lane is taken out of the view, and is gone soon."""
        self.gone = True
        self.hide()
        self.deleteLater()

    def set_ready(self, ready: bool) -> None:
        """Whether it is a whole file, to be heard and exported; else it is still being made."""
        self.ready = ready
        for control in (self.mute, self.solo, self.export, self.gain):
            control.setEnabled(ready)

    def set_heard(self, heard: bool) -> None:
        """Whether anything of it comes out now."""
        self.canvas.set_dimmed(not heard)

    def set_selected(self, selected: bool) -> None:
        """The one that M and the gain keys mean."""
        if selected != self._selected:
            self._selected = selected
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self._selected:
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("tint"))
            painter.drawRoundedRect(QRectF(0, 0, HEAD, self.height()), theme.RADIUS, theme.RADIUS)
            painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.chosen.emit(self.number)
        super().mousePressEvent(event)

    def _make_head(self, name: str) -> QWidget:
        head = QWidget()
        head.setFixedWidth(HEAD)
        column = QVBoxLayout(head)
        column.setContentsMargins(theme.SMALL, 6, theme.SMALL, 6)
        column.setSpacing(2)
        column.addWidget(self._make_name(name))
        column.addLayout(self._make_buttons(name))
        column.addLayout(self._make_gain(name))
        column.addStretch(1)
        return head

    def _make_name(self, name: str) -> QLineEdit:
        self.name = QLineEdit(name)
        self.name.setPlaceholderText(name if self.is_mixture else tr("Speaker {n}", n=self.number))
        self.name.setProperty("kind", "bare")
        self.name.setFont(theme.font(theme.TEXT_PX, bold=True))
        self.name.setReadOnly(self.is_mixture)
        self.name.setFocusPolicy(Qt.FocusPolicy.NoFocus if self.is_mixture else Qt.FocusPolicy.StrongFocus)
        self.name.setAccessibleName(tr("Name of lane {n}", n=self.number))
        self.name.setToolTip("" if self.is_mixture else tr("Type another name for this speaker"))
        self.name.textChanged.connect(self.renamed)
        self.name.editingFinished.connect(self._name_given)
        return self.name

    def _make_buttons(self, name: str) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(2)
        self.mute = _letter(tr("M"), tr("Mute {name} (M)", name=name))
        self.solo = _letter(tr("S"), tr("Hear only {name} ({n})", name=name, n=self.number))
        self.export = QToolButton()
        self.export.setText(tr("Export…"))
        self.export.setFont(theme.font(theme.HINT_PX))
        self.export.setToolTip(tr("Export {name}: the chosen stretch, or all of it", name=name))
        self.export.setAccessibleName(tr("Export {name}", name=name))
        self.mute.toggled.connect(lambda _on: self.heard_changed.emit())
        self.solo.toggled.connect(lambda _on: self.heard_changed.emit())
        self.export.clicked.connect(lambda: self.export_asked.emit(self.number))
        row.addWidget(self.mute)
        row.addWidget(self.solo)
        row.addStretch(1)
        row.addWidget(self.export)
        return row

    def _make_gain(self, name: str) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(theme.TINY)
        self.gain = _Gain()
        self.gain.setAccessibleName(tr("Gain of {name}", name=name))
        self.gain.setToolTip(
            tr("Loudness while listening, double-click for 0 dB; exported tracks keep their own level")
        )
        self._gain_words = QLabel(_decibels(0))
        self._gain_words.setProperty("role", "hint")
        self._gain_words.setFixedWidth(50)
        self._gain_words.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.gain.valueChanged.connect(self._gain_moved)
        row.addWidget(self.gain, 1)
        row.addWidget(self._gain_words)
        return row

    def _gain_moved(self, _value: int) -> None:
        self._gain_words.setText(_decibels(self.gain_db))
        self.heard_changed.emit()

    def _name_given(self) -> None:
        if not self.name.text().strip():
            self.name.setText(self.name.placeholderText())


class _Gain(QSlider):
    """−40 to 12 dB in halves; double-click: 0."""

    def __init__(self) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self.setRange(2 * LEAST_DB, 2 * MOST_DB)
        self.setPageStep(6)
        self.setMinimumHeight(18)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.setValue(0)


class _Bar(QWidget):
    """The speaker's colour between head and sound."""

    def __init__(self, color: str) -> None:
        super().__init__()
        self._color = color
        self.setFixedWidth(3)
        theme.notifier.changed.connect(self.update)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color(self._color))
        painter.end()


def _letter(letter: str, words: str) -> QToolButton:
    button = QToolButton()
    button.setText(letter)
    button.setCheckable(True)
    button.setFont(theme.font(theme.HINT_PX, bold=True))
    button.setFixedSize(26, 22)
    button.setToolTip(words)
    button.setAccessibleName(words)
    button.setProperty("kind", "letter")
    return button


def _decibels(value: float) -> str:
    return f"{digits(value, '+.1f')} dB" if value else "0.0 dB"
