"""What a live session looks like: the word, the bars, the sound, the session's time line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLayout, QVBoxLayout, QWidget

from app import theme
from app.audio.ring import Snapshot
from app.i18n import tr
from app.tabs.emotion.degrees import INKS, degree_figure, degree_words, degrees_text, on_plane
from app.tabs.emotion.plane import Plane
from app.tabs.emotion.timeline import Timeline
from app.tabs.emotion.words import emotion_color, emotion_words
from app.widgets.bars import Bars
from app.widgets.labels import Elided
from app.widgets.spectrogram import Spectrogram
from app.widgets.waveform import Waveform
from models.emotion.doubt import UNSURE

if TYPE_CHECKING:
    from models.emotion.live import LiveResult
    from models.emotion.session import SessionLog

SHOWN_S = 5.0


class Word(QLabel):
    """The big word. Tells when it has really been painted, which is when the person can see it."""

    painted = Signal()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        self.painted.emit()


class SoundPictures(QWidget):
    """Waveform over spectrogram, as much of it as there is room for: what is beside it must never be cut off."""

    def __init__(self, window_s: float) -> None:
        """window_s: how much of the newest sound is classified; it is tinted."""
        super().__init__()
        self.waveform, self.spectrogram = Waveform(axis=False), Spectrogram()
        self.waveform.set_window_s(window_s)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.TINY)
        column.setSizeConstraint(QLayout.SizeConstraint.SetNoConstraint)
        self._parts = [
            (_captioned(tr("waveform, last 5 s"), self.waveform), 2),
            (_captioned(tr("spectrogram, 0–8 kHz"), self.spectrogram), 3),
        ]
        for part, stretch in self._parts:
            column.addWidget(part, stretch)

    def set_live(self, newest: Snapshot, rate: int) -> None:
        """Show the newest sound. rate: its samples a second."""
        self.waveform.set_live(newest.samples, rate, SHOWN_S, newest.end_index)
        if self.spectrogram.isVisible():
            self.spectrogram.set_live(newest.samples, newest.end_index, rate)

    def minimumSizeHint(self) -> QSize:
        return QSize(0, 0)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        height = self.height()
        for part, _stretch in self._parts:
            height -= part.minimumSizeHint().height()
            part.setVisible(height >= 0)
            height -= theme.TINY


class LiveView(QWidget):
    """painted(): a new word is on the screen."""

    painted = Signal()

    def __init__(self, window_s: float) -> None:
        super().__init__()
        self.labels: tuple[str, ...] = ()
        self.dimensions: tuple[str, ...] = ()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SMALL)
        column.addLayout(self._make_head())
        column.addLayout(self._make_figures())
        self.pictures = SoundPictures(window_s)
        column.addWidget(self.pictures, 1)
        self.timeline = Timeline(emotion_words, emotion_color, grows=True)
        column.addWidget(_captioned(tr("this session"), self.timeline))

    def show_labels(self, labels: Sequence[str], dimensions: Sequence[str] = ()) -> None:
        """The classes of the model, and the dimensions that it gives."""
        if (tuple(labels), tuple(dimensions)) == (self.labels, self.dimensions):
            return
        self.labels, self.dimensions = tuple(labels), tuple(dimensions)
        words = [emotion_words(label) for label in labels]
        self.bars.set_labels(words, [emotion_color(label, i) for i, label in enumerate(labels)])
        self.bars.setVisible(bool(labels))
        inks = [INKS[name] for name in dimensions]
        self.degrees.set_labels([degree_words(name) for name in dimensions], inks)
        self.degrees.setVisible(bool(dimensions))
        self._plane_part.setVisible(on_plane(dimensions, np.zeros(len(dimensions))) is not None)
        self.plane.show_nothing()
        metrics = QFontMetrics(theme.font(theme.BIG_PX, bold=True))
        told = [
            *words,
            tr("no speech"),
            tr("unsure"),
            "" if labels else self._headline(np.ones(len(dimensions))),
        ]
        self.word.setMinimumWidth(
            max(metrics.horizontalAdvance(word) for word in told) + theme.MEDIUM
        )  # the certainty stays

    def _headline(self, values: np.ndarray) -> str:
        """What stands for the word where there are no classes: the plane's degrees."""
        return degrees_text(self.dimensions[:2], values[:2])

    def show_nothing(self, text: str) -> None:
        """No result: `text` says what to do."""
        self.word.setEnabled(True)
        self.word.setText(text)
        self.certainty.setText("")
        self.latency.setText("")
        for part in (self.bars, self.degrees):
            part.set_dimmed(False)
            part.set_values(None)
        self.plane.show_nothing()

    def show_truth(self, text: str) -> None:
        """What is true of what is heard, where that is known."""
        self.truth.setText(text)

    def show_word(self, text: str) -> None:
        """A word that is no emotion, such as ``no speech``."""
        self.word.setText(text)
        self.certainty.setText("")
        self.bars.set_values(None)
        self.degrees.set_values(None)

    def show_result(self, result: LiveResult, log: SessionLog) -> None:
        """What the newest window came to, and the session until then."""
        if result.speech and result.probabilities is not None and result.label is not None:
            self.bars.set_values(result.probabilities)
            word = emotion_words(result.label)
            if result.dimensions is not None and len(result.dimensions):
                self.degrees.set_values(result.dimensions)
                word = word if self.labels else self._headline(result.dimensions)
            self.word.setText(word)
            self.certainty.setText(certainty(result.label, result.likeliest, result.probabilities))
        else:
            self.show_word(tr("no speech"))
        if self.dimensions:
            values = result.dimensions if result.speech else None
            self.plane.add(result.end_time, None if values is None else on_plane(self.dimensions, values))
        self.word.update()
        self.timeline.show_log(log)

    def set_dimmed(self) -> None:
        """The last result stays, paler, while nobody listens."""
        for part in (self.bars, self.degrees, self.plane):
            part.set_dimmed(True)
        self.word.setEnabled(False)

    def _make_figures(self) -> QHBoxLayout:
        """The probabilities; of a model that gives them, the degrees below and the plane beside."""
        self.bars = Bars(tr("Probabilities"))
        self.degrees = Bars(tr("Degrees"), figures=degree_figure)
        self.degrees.align_with(self.bars)
        self.plane = Plane()
        self._plane_part = _captioned(tr("valence and arousal, last 30 s"), self.plane)
        self.degrees.hide()
        self._plane_part.hide()
        left = QVBoxLayout()
        left.setSpacing(theme.SMALL)
        left.addWidget(self.bars)
        left.addWidget(self.degrees)
        row = QHBoxLayout()
        row.setSpacing(theme.LARGE)
        row.addLayout(left)
        row.setAlignment(left, Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self._plane_part)
        return row

    def _make_head(self) -> QHBoxLayout:
        head = QHBoxLayout()
        head.setSpacing(theme.MEDIUM)
        self.word = Word()
        self.word.setTextFormat(Qt.TextFormat.PlainText)
        self.word.setProperty("role", "big")
        self.word.painted.connect(self.painted)
        self.certainty = QLabel()
        self.certainty.setProperty("role", "figure")
        self.truth = QLabel()
        self.truth.setProperty("role", "hint")
        self.truth.setTextFormat(Qt.TextFormat.PlainText)
        self.latency = Elided()
        self.latency.setProperty("role", "hint")
        self.latency.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignBottom)
        head.addWidget(self.word)
        head.addWidget(self.certainty)
        head.addWidget(self.truth, 0, Qt.AlignmentFlag.AlignBottom)
        head.addWidget(self.latency, 1, Qt.AlignmentFlag.AlignBottom)
        return head


def certainty(label: str, likeliest: str | None, probabilities: np.ndarray) -> str:
    """``61 %``; of what is unsure also which it would be: ``sad? 41 %``."""
    if not len(probabilities):  # of a model without classes
        return ""
    share = f"{100 * probabilities.max():.0f} %"
    if label != UNSURE or likeliest is None:
        return share
    return tr("{word}? {share}", word=emotion_words(likeliest), share=share)


def _captioned(title: str, widget: QWidget) -> QWidget:
    """A small grey title over a widget."""
    part = QWidget()
    column = QVBoxLayout(part)
    column.setContentsMargins(0, theme.TINY, 0, 0)
    column.setSpacing(theme.TINY)
    caption = QLabel(title)
    caption.setProperty("role", "hint")
    column.addWidget(caption)
    column.addWidget(widget, 1)
    return part
