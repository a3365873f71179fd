"""The chosen file: its sound with a play head, where attention looked, and a time line for each speaker, on one axis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from app import theme
from app.audio.attended import FADED_DB, Attended, tells
from app.audio.player import Player
from app.i18n import tr
from app.tabs.emotion.degrees_of_file import DegreesOfFile
from app.tabs.emotion.speaker_lines import SpeakerLine, SpeakerLines
from app.widgets.labels import Elided
from app.widgets.spectrogram import Spectrogram
from app.widgets.waveform import Waveform

RATE = 16_000
REDRAW_MS = 33
EMPTY_S = 5.0  # of the axis while there is no sound


class SoundView(QWidget):
    """send_asked(): the file should go to ReverberationNet. failed(UserError): it cannot be played."""

    send_asked = Signal()
    failed = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.player = Player(self)
        self.player.failed.connect(self.failed)
        self.player.finished.connect(self._follow)
        self._samples: np.ndarray | None = None
        self._attention: tuple[np.ndarray, np.ndarray] = (np.zeros(0), np.zeros(0))  # times_s, density
        self._ticker = QTimer(self)
        self._ticker.setInterval(REDRAW_MS)
        self._ticker.timeout.connect(self._follow)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, theme.SMALL, 0, 0)
        whole.setSpacing(theme.SMALL)
        whole.addLayout(self._make_head())
        self.waveform, self.spectrogram = Waveform(axis=False), Spectrogram()
        self.waveform.share_x(self.spectrogram)
        plots = [self.waveform, self.spectrogram]
        self.lines, self.degrees = SpeakerLines(plots), DegreesOfFile(plots)
        for part in (self.waveform, self.lines, self.degrees.curves):
            part.clicked.connect(self.seek)
        column = QVBoxLayout()
        column.setSpacing(theme.SMALL)
        column.addWidget(self.waveform, 2)
        column.addWidget(self.spectrogram, 2)
        column.addWidget(self.lines)
        column.addWidget(self.degrees.curves)
        row = QHBoxLayout()
        row.setSpacing(theme.MEDIUM)
        row.addLayout(column, 1)
        row.addWidget(self.degrees.plane, 0, Qt.AlignmentFlag.AlignTop)
        whole.addLayout(row, 1)

    @property
    def ready(self) -> bool:
        """Whether there is a sound to play."""
        return self._samples is not None

    def show_nothing(self, text: str, can_send: bool = False) -> None:
        """No sound: `text` says why, or what to do."""
        self.stop()
        self._samples, self._attention = None, (np.zeros(0), np.zeros(0))
        self.name.setText(text)
        self._enable(can_send)
        for part in (self.waveform, self.spectrogram, self.lines, self.degrees):
            part.show_nothing()
        self.spectrogram.setXRange(0, EMPTY_S, padding=0)

    def show_sound(self, text: str, samples: np.ndarray, times_s: np.ndarray, attention: np.ndarray) -> None:
        """text: what was recognised. samples: float32 [n] at 16 kHz. times_s, attention: [m], as in `FilePrediction`."""
        self._samples, self._attention = samples, (times_s, attention)
        self.name.setText(text)
        self._enable(True)
        self.waveform.set_file(samples, RATE)
        self.spectrogram.set_file(samples, RATE)
        self.waveform.set_attention(times_s, attention)

    def show_lines(self, lines: Sequence[SpeakerLine]) -> None:
        """The time lines below the sound, one a speaker."""
        self.lines.show_lines(lines)

    # Playing ----------------------------------------------------------------------------------------------

    def toggle_play(self) -> None:
        """Play the file from its beginning, or stop."""
        if self.player.playing:
            self.player.stop()
        else:
            self._begin(0.0)
        self._follow()

    def seek(self, place_s: float) -> None:
        """Play from there."""
        self._begin(max(0.0, place_s))
        self._follow()

    def _begin(self, place_s: float) -> None:
        if self._samples is None:
            return
        if self.by_attention.isChecked():
            self.player.play_source(Attended(self._samples, RATE, *self._attention), place_s)
        else:
            self.player.play(self._samples, RATE, place_s)

    def _fade_or_not(self) -> None:
        """What plays goes on from where it is, the other way."""
        if self.player.playing:
            self.seek(self.player.position_s())

    def stop(self) -> None:
        """Play no more."""
        self.player.stop()
        self._follow()

    def _follow(self) -> None:
        """The play head, from one timer while it plays."""
        playing = self.player.playing
        words = tr("Stop") if playing else tr("Play")
        if self.play.text() != words:
            self.play.setText(words)
            self.play.setAccessibleName(words)
        head = self.player.position_s() if playing else None
        for part in (self.waveform, self.spectrogram, self.lines, self.degrees):
            part.set_playhead(head)
        if playing and not self._ticker.isActive():
            self._ticker.start()
        elif not playing:
            self._ticker.stop()

    def _enable(self, can_send: bool) -> None:
        self.play.setEnabled(self._samples is not None)
        told = tells(self._attention[1])
        self.by_attention.setEnabled(told)
        fades = tr(
            "Play what the model looked at; the rest is faded, by {db} dB at most", db=f"{-FADED_DB:g}"
        )
        alike = tr("This model weighs all of the speech alike: there is no attention to be heard.")
        self.by_attention.setToolTip(fades if told or self._samples is None else alike)
        if not told:
            self.by_attention.setChecked(False)
        self.send.setEnabled(can_send)

    def _make_head(self) -> QHBoxLayout:
        head = QHBoxLayout()
        self.name = Elided()
        self.play, self.send = QToolButton(), QToolButton()
        self.play.setText(tr("Play"))
        self.play.setToolTip(tr("Play or stop (Space)"))
        self.play.setAccessibleName(tr("Play"))
        self.play.setMinimumWidth(56)
        self.play.clicked.connect(self.toggle_play)
        self.by_attention = QToolButton()
        self.by_attention.setText(tr("By attention"))
        self.by_attention.setCheckable(True)
        self.by_attention.setEnabled(False)
        self.by_attention.setAccessibleName(tr("Play by attention"))
        self.by_attention.toggled.connect(lambda _on: self._fade_or_not())
        self.send.setText(tr("To ReverberationNet"))
        self.send.setToolTip(
            tr("Send this recording's log-mel frames to ReverberationNet, in windows of 0.8 s")
        )
        self.send.setAccessibleName(tr("Send frames to ReverberationNet"))
        self.send.clicked.connect(self.send_asked)
        head.addWidget(self.play)
        head.addWidget(self.by_attention)
        head.addWidget(self.name, 1)
        head.addWidget(self.send)
        return head
