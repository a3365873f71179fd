"""The chosen file: it is played, and its pictures have one axis."""

import pytest
from PySide6.QtCore import Qt

from tests.gui.emotion.helpers import CLIPS, open_files


class SilentPlayer:
    """Stands for the loudspeaker, which no test has: it plays until it is stopped."""

    def __init__(self, *_arguments):
        self.ends = []

    def start(self):
        self.alive = True

    def end(self):
        self.alive = False

    def is_alive(self):
        return False

    def position_s(self):
        return 0.5


def test_space_plays_and_stops_as_often_as_it_is_pressed(tab, qtbot, monkeypatch):
    monkeypatch.setattr("app.audio.player._Playback", SilentPlayer)
    open_files(tab, qtbot, [next(CLIPS.glob("*.flac"))])
    sound = tab.files.sound
    qtbot.waitUntil(lambda: sound.ready, timeout=10_000)
    tab.window().activateWindow()
    qtbot.waitUntil(lambda: tab.files._list.hasFocus(), timeout=5_000)
    for playing in (True, False, True, False):
        qtbot.keyClick(tab.files._list, Qt.Key.Key_Space)
        assert sound.player.playing is playing
        assert sound.play.text() == ("Stop" if playing else "Play")
    sound.stop()


def test_waveform_spectrogram_and_time_line_have_one_axis(tab, qtbot):
    open_files(tab, qtbot, [next(CLIPS.glob("*.flac"))])
    sound = tab.files.sound
    qtbot.waitUntil(lambda: bool(sound.lines.lines[0].segments()), timeout=10_000)
    sound.waveform.setXRange(0.4, 0.9, padding=0)
    line = sound.lines.lines[0]
    for share in (0.2, 0.5, 0.9):
        box = sound.waveform.getViewBox().sceneBoundingRect()
        x = box.left() + share * box.width()
        place = line._time_at(x)
        assert place == pytest.approx(0.4 + 0.5 * share, abs=0.01)
    sound.waveform.cursor_moved.emit(0.6)
    assert line._cursor == 0.6
    line.cursor_moved.emit(0.7)
    assert sound.spectrogram._cursor.value() == pytest.approx(0.7)
