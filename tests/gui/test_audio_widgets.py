"""The three pictures of sound: waveform, spectrogram, time line."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor

from app import theme
from app.tabs.emotion.timeline import STRIP, Timeline, clock
from app.widgets.spectrogram import BINS, HOP, WINDOW, Spectrogram, columns_of
from app.widgets.waveform import Waveform

RATE = 16_000


def tone(hz: float, seconds: float, height: float = 0.5) -> np.ndarray:
    return (height * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


# The waveform ---------------------------------------------------------------------------------------------


@pytest.fixture
def show(qtbot):
    def shown(widget):
        qtbot.addWidget(widget)
        widget.resize(900, 200)
        widget.show()
        qtbot.waitExposed(widget)
        return widget

    return shown


def drawn(waveform: Waveform) -> tuple[np.ndarray, np.ndarray]:
    return waveform._curve.getData()


def test_the_live_waveform_ends_now_and_keeps_its_peaks(show):
    waveform = show(Waveform())
    waveform.set_window_s(3.0)
    sound = np.zeros(5 * RATE, np.float32)
    sound[4 * RATE], sound[2 * RATE] = 0.5, -0.4
    waveform.set_live(sound, RATE, 5.0, 5 * RATE)
    x, y = drawn(waveform)
    assert len(x) < 3_000
    assert (x.min(), x.max()) == (pytest.approx(-5, abs=0.02), pytest.approx(0, abs=0.02))
    assert y.max() == 0.5
    assert x[y.argmax()] == pytest.approx(-1, abs=0.01)
    assert x[y.argmin()] == pytest.approx(-3, abs=0.01)
    assert waveform._tint.getRegion() == (-3, 0)
    waveform.set_live(sound[:100], RATE)  # just begun
    assert len(drawn(waveform)[0]) <= 4
    waveform.set_live(sound[:0], RATE)
    assert len(drawn(waveform)[0] if drawn(waveform)[0] is not None else []) == 0


def test_the_live_waveform_moves_without_shimmer(show):
    waveform = show(Waveform())
    rng = np.random.default_rng(0)
    sound = rng.normal(0, 0.1, 8 * RATE).astype(np.float32)
    heights = []
    for end in (6 * RATE, 6 * RATE + 533, 6 * RATE + 1066):
        waveform.set_live(sound[end - 5 * RATE : end], RATE, 5.0, end)
        heights.append(set(np.round(drawn(waveform)[1], 7)))
    assert len(heights[0] & heights[2]) > 0.97 * len(heights[0])  # the same columns, further to the left


def test_a_file_is_drawn_whole_and_zooms_to_its_samples(show):
    waveform = show(Waveform())
    sound = np.zeros(60 * RATE, np.float32)
    sound[30 * RATE] = 0.9
    waveform.set_file(sound, RATE)
    x, y = drawn(waveform)
    assert len(x) < 6_000
    assert (y.max(), x[y.argmax()]) == (pytest.approx(0.9), pytest.approx(30, abs=0.06))
    waveform.setXRange(29.99, 30.01, padding=0)
    x, y = drawn(waveform)
    assert np.diff(x).max() == pytest.approx(1 / RATE)
    assert x[y.argmax()] == pytest.approx(30, abs=1e-6)


@pytest.mark.parametrize("seconds", [0.0, 0.001, 0.5, 30.0, 1300.0])
def test_a_file_of_any_length_shows_its_extremes(show, seconds):
    waveform, spectrogram = show(Waveform()), show(Spectrogram())
    sound = np.random.default_rng(0).uniform(-0.5, 0.5, round(seconds * RATE)).astype(np.float32)
    waveform.set_file(sound, RATE)
    spectrogram.set_file(sound, RATE)
    if len(sound):
        x, y = drawn(waveform)
        assert (y.min(), y.max()) == (pytest.approx(sound.min()), pytest.approx(sound.max()))
        assert x.max() == pytest.approx(seconds, abs=seconds / 500 + 1e-3)
        assert len(x) < 6_000
    assert spectrogram.getViewBox().viewRange()[0][1] == pytest.approx(max(seconds, 1e-3))


def test_attention_and_play_head_lie_where_they_should(show):
    waveform = show(Waveform())
    waveform.set_file(tone(200, 2.0), RATE)
    density = np.ones(100)
    density[50:60] = 5
    waveform.set_attention(np.arange(100) * 0.02, density)
    box = waveform._band.boundingRect()
    place = waveform._band.mapRectToParent(box)
    assert (place.left(), place.right()) == (0, pytest.approx(2.0))
    assert waveform._band.image[0, 55] > waveform._band.image[0, 10]
    waveform.set_playhead(1.25)
    assert waveform._head.isVisible()
    assert waveform._head.value() == 1.25
    waveform.set_playhead(None)
    assert not waveform._head.isVisible()
    waveform.set_attention(np.zeros(0), np.zeros(0))
    assert waveform._band.image is None


# The spectrogram ------------------------------------------------------------------------------------------


def test_a_tone_is_a_line_at_its_frequency():
    columns = columns_of(tone(2_000, 1.0), 97)
    assert columns.shape == (97, BINS)
    assert columns.dtype == np.uint8
    strongest = columns.argmax(axis=1) * 8_000 / BINS
    assert np.abs(strongest - 2_000).max() <= 8_000 / BINS
    assert columns_of(np.zeros(1000, np.float32), 3).max() == 0


def test_a_louder_tone_is_brighter_by_its_level():
    soft, loud = (columns_of(tone(2_000, 0.2, h), 10).max() for h in (0.01, 0.1))
    assert int(loud) - int(soft) == pytest.approx(20 * 255 / 70, abs=2)  # 20 dB of the 70 that are shown


def test_new_columns_are_those_of_the_whole(show):
    spectrogram = show(Spectrogram())
    sound = np.random.default_rng(0).normal(0, 0.1, 9 * RATE).astype(np.float32)
    for end in range(1_000, len(sound), 1_777):
        spectrogram.set_live(sound[max(0, end - 5 * RATE) : end], end, RATE)
    drawn_to = spectrogram._drawn_to
    count = 5 * RATE // HOP
    whole = columns_of(sound[drawn_to - count * HOP :], count)
    np.testing.assert_array_equal(spectrogram._image.image, whole)
    assert end - drawn_to < WINDOW + HOP  # it is not behind


def test_a_restart_and_a_pause_draw_anew(show):
    spectrogram = show(Spectrogram())
    loud = tone(2_000, 20.0)
    spectrogram.set_live(loud[: 5 * RATE], 5 * RATE, RATE)
    spectrogram.set_live(loud[: 5 * RATE], 20 * RATE, RATE)  # the window was away for 15 seconds
    assert spectrogram._image.image[-490:].max(axis=1).min() > 100
    spectrogram.set_live(loud[:1_000], 1_000, RATE)  # another session
    assert spectrogram._image.image[:400].max() == 0
    spectrogram.show_nothing()
    assert spectrogram._image.image is None


def test_a_long_file_gets_finer_columns_where_it_is_zoomed(show):
    spectrogram = show(Spectrogram())
    sound = np.zeros(300 * RATE, np.float32)
    sound[100 * RATE : 100 * RATE + RATE // 5] = tone(3_000, 0.2)
    spectrogram.set_file(sound, RATE)
    assert len(spectrogram._image.image) <= 3_000
    spectrogram.setXRange(99, 102, padding=0)
    image = spectrogram._image.image
    place = spectrogram._image.mapRectToParent(spectrogram._image.boundingRect())
    bright = np.flatnonzero(image.max(axis=1) > 150)
    step = place.width() / len(image)
    assert step == pytest.approx(HOP / RATE)
    assert place.left() + bright[0] * step == pytest.approx(100, abs=0.03)
    assert place.left() + bright[-1] * step == pytest.approx(100.2, abs=0.03)


def test_one_axis_for_waveform_and_spectrogram(show):
    waveform, spectrogram = show(Waveform()), show(Spectrogram())
    waveform.share_x(spectrogram)
    for widget in (waveform, spectrogram):
        widget.set_file(tone(200, 4.0), RATE)
    waveform.setXRange(1, 2, padding=0)
    assert spectrogram.getViewBox().viewRange()[0] == pytest.approx([1, 2], abs=0.02)


# The time line --------------------------------------------------------------------------------------------


@pytest.fixture
def timeline(show):
    made = Timeline(lambda label: label.upper(), lambda label, _place: theme.EMOTIONS[label])
    return show(made)


def color_at(timeline: Timeline, share: float) -> QColor:
    picture = timeline.grab().toImage()
    return picture.pixelColor(int(share * picture.width()), 3)


def test_the_time_line_shows_each_label_in_its_colour(timeline):
    for i, label in enumerate(["angry", "sad", None, "happy"]):
        timeline.add(i, i + 1, label)
    assert color_at(timeline, 0.1).name().upper() == theme.VERMILION
    assert color_at(timeline, 0.4).name().upper() == theme.BLUE
    assert color_at(timeline, 0.9).name().upper() == theme.ORANGE
    hatch = timeline.grab().toImage()
    width = hatch.width()
    row = {hatch.pixelColor(x, 10).name() for x in range(int(0.55 * width), int(0.7 * width))}
    assert len(row) > 1  # no speech is hatched, not plain


def test_reading_and_clicking_the_time_line(timeline, qtbot):
    assert timeline.read_at(3.0) == ""
    timeline.add(0, 65, "happy")
    timeline.add(65, 130, None)
    assert timeline.read_at(10) == "0:00–1:05 · HAPPY"
    assert timeline.read_at(100).startswith("1:05–2:10 · ")
    places = []
    timeline.clicked.connect(places.append)
    middle = QPointF(timeline.width() / 2, STRIP / 2).toPoint()
    qtbot.mouseClick(timeline, Qt.MouseButton.LeftButton, pos=middle)
    assert places == [pytest.approx(65, abs=1)]


def test_a_day_on_the_time_line_is_small_and_drawn(timeline):
    rng = np.random.default_rng(0)
    for i in range(20_000):
        timeline.add(i / 2, i / 2 + 0.5, ["angry", "sad", "happy", None][int(rng.integers(4))])
    assert len(timeline.segments()) <= 6_000
    assert timeline.segments()[-1][1] == 10_000
    assert color_at(timeline, 0.5).isValid()
    timeline.show_nothing()
    assert timeline.segments() == []


def test_clock():
    assert [clock(s) for s in (0, 9, 65, 3600, 7325)] == ["0:00", "0:09", "1:05", "1:00:00", "2:02:05"]


# All of them ----------------------------------------------------------------------------------------------


def test_the_pictures_follow_the_theme_at_once(show, timeline, qapp):
    waveform, spectrogram = show(Waveform()), show(Spectrogram())
    waveform.set_file(tone(200, 1.0), RATE)
    for widget in (waveform, spectrogram, timeline):
        light = widget.grab().toImage().pixelColor(widget.width() // 2, widget.height() - 2).lightness()
        theme.apply(qapp, "dark")
        dark = widget.grab().toImage().pixelColor(widget.width() // 2, widget.height() - 2).lightness()
        theme.apply(qapp, "light")
        assert dark < light
        assert widget.accessibleName()
