"""Lanes heard, muted, named and looked at closely; tracks compared with references."""

from __future__ import annotations

import csv

import numpy as np
import pytest
import soundfile
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import (
    QApplication,
)

from tests.gui.separation.helpers import RATE, SECONDS, idle, opened, shown, texts


def test_mute_solo_and_gain_say_what_is_heard(tab, qtbot, talk):
    lanes = shown(tab, qtbot, talk)
    mixture, first, second = lanes.lanes
    assert lanes.gains() == [0.0, 1.0, 1.0]
    qtbot.mouseClick(first.mute, Qt.MouseButton.LeftButton)
    assert lanes.gains() == [0.0, 0.0, 1.0]
    qtbot.mouseClick(first.solo, Qt.MouseButton.LeftButton)
    assert lanes.gains() == [0.0, 1.0, 0.0]  # solo wins over mute
    qtbot.mouseClick(second.solo, Qt.MouseButton.LeftButton)
    assert lanes.gains() == [0.0, 1.0, 1.0]
    second.gain.setValue(-12)
    assert lanes.gains()[2] == pytest.approx(10 ** (-6 / 20))
    assert second._gain_words.text() == "−6.0 dB"
    qtbot.mouseDClick(second.gain, Qt.MouseButton.LeftButton)
    assert second.gain_db == 0.0
    assert mixture.canvas._dimmed
    assert not first.canvas._dimmed


def test_the_keyboard_does_all_of_it(tab, qtbot, talk, monkeypatch):
    lanes = shown(tab, qtbot, talk)
    played = []
    monkeypatch.setattr(lanes, "toggle_play", lambda: played.append("play"))
    lanes.setFocus()
    keys = Qt.Key
    qtbot.keyClick(lanes, keys.Key_1)
    assert lanes.gains() == [0.0, 1.0, 0.0]
    qtbot.keyClick(lanes, keys.Key_2)
    assert lanes.gains() == [0.0, 0.0, 1.0]
    qtbot.keyClick(lanes, keys.Key_0)
    assert lanes.gains() == [1.0, 0.0, 0.0]
    qtbot.keyClick(lanes, keys.Key_0)
    assert lanes.gains() == [0.0, 1.0, 1.0]
    qtbot.keyClick(lanes, keys.Key_9)  # there is no ninth
    assert lanes.gains() == [0.0, 1.0, 1.0]
    qtbot.keyClick(lanes, keys.Key_Down)
    qtbot.keyClick(lanes, keys.Key_M)
    assert lanes.gains() == [0.0, 0.0, 1.0]
    qtbot.keyClick(lanes, keys.Key_Right)
    qtbot.keyClick(lanes, keys.Key_Right)
    assert lanes.axis.head_s == pytest.approx(2.0)
    qtbot.keyClick(lanes, keys.Key_BracketLeft)
    qtbot.keyClick(lanes, keys.Key_Right)
    qtbot.keyClick(lanes, keys.Key_BracketRight)
    assert lanes.axis.region == (pytest.approx(2.0), pytest.approx(3.0))
    qtbot.keyClick(lanes, keys.Key_Left, Qt.KeyboardModifier.ShiftModifier)
    assert lanes.axis.head_s == 0.0
    qtbot.keyClick(lanes, keys.Key_Plus)
    assert lanes.axis.span_s == pytest.approx(SECONDS / 2)
    qtbot.keyClick(lanes, keys.Key_Minus)
    assert lanes.axis.span_s == pytest.approx(SECONDS)
    qtbot.keyClick(lanes, keys.Key_Escape)
    assert lanes.axis.region is None
    qtbot.keyClick(lanes, keys.Key_Space)
    assert played == ["play"]
    tab.primary.setFocus()
    qtbot.keyClick(tab.primary, keys.Key_1)  # from wherever the focus is
    assert lanes.gains() == [0.0, 1.0, 0.0]
    assert played == ["play"]


def test_typing_a_name_is_no_command(tab, qtbot, talk):
    lanes = shown(tab, qtbot, talk)
    name = lanes.lanes[1].name
    name.setFocus()
    name.selectAll()
    qtbot.keyClicks(name, "Mia 1")
    qtbot.keyClick(name, Qt.Key.Key_Return)
    assert lanes.lanes[1].title == "Mia 1"
    assert lanes.gains() == [0.0, 1.0, 1.0]
    name.clear()
    qtbot.keyClick(name, Qt.Key.Key_Return)
    assert lanes.lanes[1].title == "Speaker 1"


def test_a_click_moves_the_head_and_a_drag_chooses_for_all_lanes(tab, qtbot, talk):
    lanes = shown(tab, qtbot, talk)
    canvas = lanes.lanes[1].canvas
    place = QPoint(canvas.width() // 2, 30)
    qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=place)
    assert lanes.axis.head_s == pytest.approx(SECONDS / 2, abs=0.02)
    assert lanes.transport.place.text().startswith("0:03.0")
    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=place)
    qtbot.mouseMove(canvas, QPoint(canvas.width() // 4, 30))
    qtbot.mouseMove(canvas, QPoint(canvas.width() // 4 - 1, 30))
    QApplication.processEvents()
    qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=QPoint(canvas.width() // 4, 30))
    assert lanes.axis.region == (pytest.approx(SECONDS / 4, abs=0.05), pytest.approx(SECONDS / 2, abs=0.05))
    assert "1.5" in lanes.transport.region.whole()


def test_nearer_than_the_outline_every_lane_reads_its_file(tab, qtbot, talk):
    lanes = shown(tab, qtbot, talk)
    lanes.axis.show(1.0, 1.05)
    qtbot.waitUntil(lambda: all(lane.canvas._detail is not None for lane in lanes.lanes), timeout=10_000)
    assert all(lane.canvas._detail.covers(1.0, 1.05) for lane in lanes.lanes)
    lanes.set_mode("both")
    assert lanes.transport.modes.current == "both"


def test_references_are_matched_with_their_tracks(tab, qtbot, talk, tmp_path):
    shown(tab, qtbot, talk)
    folder, _sounds = talk
    tab.recording.references.add([folder / "two.wav", folder / "one.wav"])
    qtbot.waitUntil(lambda: tab.recording.references.table.filled and idle(tab), timeout=60_000)
    table = tab.recording.references.table.table
    assert [table.item(row, 1).text() for row in range(2)] == ["Speaker 2", "Speaker 1"]
    assert float(table.item(0, 2).text()) > 50
    assert tab.recording.references.table.isVisible()
    tab.recording.exports.write_scores(tmp_path / "s.csv")
    rows = list(csv.DictReader((tmp_path / "s.csv").read_text().splitlines()))
    assert [row["track"] for row in rows] == ["Speaker 2", "Speaker 1"]
    assert float(rows[0]["si_sdr"]) > 50
    tab.recording.lanes.lanes[1].name.setText("Anna")
    tab.recording.lanes.lanes[1].name.editingFinished.emit()
    assert table.item(1, 1).text() == "Anna"


def test_a_reference_of_another_length_is_refused(tab, qtbot, talk, tmp_path):
    shown(tab, qtbot, talk)
    soundfile.write(tmp_path / "other.wav", np.zeros(RATE), RATE)
    tab.recording.references.add([tmp_path / "other.wav"])
    qtbot.waitUntil(lambda: "not as long" in texts(tab), timeout=30_000)
    assert not tab.session.references
    assert not tab.recording.references.table.isVisible()


def test_references_given_first_wait_for_the_tracks(tab, qtbot, talk):
    opened(tab, qtbot, talk[0] / "mixture.wav")
    tab.recording.references.add([talk[0] / "one.wav"])
    assert "as soon as" in texts(tab)
