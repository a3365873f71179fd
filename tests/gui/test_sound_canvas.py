"""Time axis, canvas and overview: what the mouse does, and that what is drawn is where it should be."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QWheelEvent
from PySide6.QtWidgets import QApplication

from app import theme
from app.audio.outline import outline_of, stretch_of
from app.widgets.overview import Overview, TimeRuler
from app.widgets.sound_canvas import SoundCanvas
from app.widgets.time_axis import LEAST_S, TimeAxis, time_words

RATE = 16_000
WIDTH, HEIGHT = 800, 100


@pytest.fixture
def outline(tmp_path):
    """Ten seconds, loud from 4 to 5."""
    sound = np.zeros(10 * RATE, np.float32)
    sound[4 * RATE : 5 * RATE] = 0.8 * np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE)
    soundfile.write(tmp_path / "a.wav", sound, RATE, subtype="FLOAT")
    return outline_of(tmp_path / "a.wav")


@pytest.fixture
def canvas(qtbot, outline):
    axis = TimeAxis()
    axis.set_duration(outline.duration_s)
    made = SoundCanvas(axis, "Speaker 1", theme.BLUE)
    qtbot.addWidget(made)
    made.resize(WIDTH, HEIGHT)
    made.show()
    qtbot.waitExposed(made)
    made.set_outline(outline)
    return made


def ink(canvas, color=theme.BLUE):
    """In which columns the sound's colour is seen well away from the middle line."""
    image = canvas.grab().toImage()
    wanted = QColor(color)
    return [x for x in range(image.width()) if QColor(image.pixel(x, image.height() // 2 - 25)) == wanted]


# The axis -------------------------------------------------------------------------------------------------


@given(
    st.lists(
        st.tuples(st.sampled_from(["zoom", "scroll", "show"]), st.floats(-20, 20), st.floats(0.01, 50)),
        max_size=12,
    )
)
def test_the_view_never_leaves_the_recording(steps):
    axis = TimeAxis()
    axis.set_duration(10.0)
    for kind, a, b in steps:
        if kind == "zoom":
            axis.zoom(b, a)
        elif kind == "scroll":
            axis.scroll(a)
        else:
            axis.show(a, a + b)
        first, last = axis.view
        assert -1e-9 <= first < last <= 10.0 + 1e-9
        assert last - first >= LEAST_S * 0.99


def test_zooming_keeps_the_place_under_the_mouse():
    axis = TimeAxis()
    axis.set_duration(100.0)
    axis.zoom(0.1, 30.0)
    first, last = axis.view
    assert last - first == pytest.approx(10.0)
    assert (30.0 - first) / 10.0 == pytest.approx(0.3)


def test_regions_are_put_in_order_and_kept_inside():
    axis = TimeAxis()
    axis.set_duration(10.0)
    axis.set_region((12.0, 4.0))
    assert axis.region == (4.0, 10.0)
    axis.set_region((3.0, 3.0))
    assert axis.region is None


def test_the_page_turns_with_the_play_head():
    axis = TimeAxis()
    axis.set_duration(100.0)
    axis.show(0.0, 10.0)
    axis.set_head(10.5)
    axis.keep_head_in_view()
    assert axis.view == (10.5, 20.5)


@pytest.mark.parametrize(
    ("place", "step", "words"),
    [
        (0, 1, "0:00"),
        (65.26, 1, "1:05"),
        (65.26, 0.1, "1:05.3"),
        (3661.5, 0.01, "1:01:01.50"),
        (59.96, 0.1, "1:00.0"),
    ],
)
def test_times_in_words(place, step, words):
    assert time_words(place, step) == words


# The canvas -----------------------------------------------------------------------------------------------


def test_the_sound_is_drawn_where_it_is(canvas):
    seen = ink(canvas)
    assert min(seen) == pytest.approx(0.4 * WIDTH, abs=3)
    assert max(seen) == pytest.approx(0.5 * WIDTH, abs=3)
    canvas.axis.show(3.0, 6.0)
    seen = ink(canvas)
    assert min(seen) == pytest.approx(WIDTH / 3, abs=3)
    assert max(seen) == pytest.approx(2 * WIDTH / 3, abs=3)


def test_nearer_than_the_outline_the_samples_are_read(canvas, outline, qtbot):
    with qtbot.waitSignal(canvas.detail_wanted) as asked:
        canvas.axis.show(4.5, 4.52)
    first, last = asked.args
    assert (first, last) == (pytest.approx(4.5), pytest.approx(4.52))
    canvas.set_detail(stretch_of(outline, first, last, WIDTH))
    image = canvas.grab().toImage()
    blue = QColor(theme.BLUE)
    heights = [
        max((abs(y - HEIGHT / 2) for y in range(HEIGHT) if QColor(image.pixel(x, y)) == blue), default=0)
        for x in range(0, WIDTH, 4)
    ]
    assert max(heights) > 40  # twenty periods of a sine are seen, not a bar
    assert min(heights) < 10


def test_the_spectrogram_is_bright_where_the_tone_is(canvas):
    canvas.set_mode("spectrogram")
    image = canvas.grab().toImage()
    at = QColor(image.pixel(round(0.45 * WIDTH), round(HEIGHT * (1 - 1 / 8))))
    beside = QColor(image.pixel(round(0.45 * WIDTH), HEIGHT // 4))
    before = QColor(image.pixel(round(0.2 * WIDTH), round(HEIGHT * (1 - 1 / 8))))
    assert at.lightness() > beside.lightness() + 20
    assert at.lightness() > before.lightness() + 40


def test_dragging_chooses_a_stretch_and_its_edges_can_be_moved(canvas, qtbot):
    drag(qtbot, canvas, 160, 400)
    assert canvas.axis.region == (pytest.approx(2.0, abs=0.02), pytest.approx(5.0, abs=0.02))
    drag(qtbot, canvas, 401, 480)
    assert canvas.axis.region == (pytest.approx(2.0, abs=0.02), pytest.approx(6.0, abs=0.02))
    drag(qtbot, canvas, 600, 560)
    assert canvas.axis.region == (pytest.approx(7.0, abs=0.02), pytest.approx(7.5, abs=0.02))


def drag(qtbot, widget, start, end):
    qtbot.mousePress(widget, Qt.MouseButton.LeftButton, pos=QPoint(start, 40))
    for x in np.linspace(start, end, 5).round().astype(int):
        qtbot.mouseMove(widget, QPoint(int(x), 40))
        QApplication.processEvents()
    qtbot.mouseRelease(widget, Qt.MouseButton.LeftButton, pos=QPoint(end, 40))


def test_a_click_is_no_drag(canvas, qtbot):
    with qtbot.waitSignal(canvas.clicked) as clicked:
        qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=QPoint(200, 40))
    assert clicked.args[0] == pytest.approx(2.5, abs=0.02)
    assert canvas.axis.region is None


def turn(widget, x, notches, modifiers=Qt.KeyboardModifier.NoModifier):
    place = QPointF(x, 40)
    event = QWheelEvent(
        place, widget.mapToGlobal(place), QPoint(), QPoint(0, 120 * notches), Qt.MouseButton.NoButton, modifiers,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(widget, event)


def test_the_wheel_zooms_and_with_shift_moves(canvas, qtbot):
    turn(canvas, 400, 3)
    span = canvas.axis.span_s
    assert span == pytest.approx(10 * 0.8**3)
    assert canvas.time_at(400) == pytest.approx(5.0, abs=0.01)
    before = canvas.axis.view[0]
    turn(canvas, 400, -1, Qt.KeyboardModifier.ShiftModifier)
    assert canvas.axis.view[0] == pytest.approx(before + 0.1 * span)
    qtbot.mouseDClick(canvas, Qt.MouseButton.LeftButton, pos=QPoint(10, 40))
    assert canvas.axis.view == (0.0, 10.0)


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_the_picture_can_be_exported(canvas, tmp_path, suffix):
    canvas.set_mode("both")
    canvas.save_picture(tmp_path / f"a.{suffix}")
    assert (tmp_path / f"a.{suffix}").stat().st_size > 1000
    with pytest.raises(OSError):
        canvas.save_picture(tmp_path / "no folder" / f"a.{suffix}")


def test_it_follows_the_theme(canvas, qapp):
    light = canvas.grab().toImage().pixel(10, 5)
    theme.apply(qapp, "dark")
    assert canvas.grab().toImage().pixel(10, 5) != light


# Overview and ruler ---------------------------------------------------------------------------------------


def test_the_overview_moves_the_view(canvas, outline, qtbot):
    strip, ruler = Overview(canvas.axis), TimeRuler(canvas.axis, 40)
    for widget in (strip, ruler):
        qtbot.addWidget(widget)
        widget.resize(WIDTH, 36)
        widget.show()
    strip.set_outline(outline)
    canvas.axis.show(0.0, 2.0)
    drag(qtbot, strip, 80, 240)
    assert canvas.axis.view[0] == pytest.approx(2.0, abs=0.05)
    qtbot.mouseClick(strip, Qt.MouseButton.LeftButton, pos=QPoint(720, 10))
    assert canvas.axis.view == (pytest.approx(8.0, abs=0.05), pytest.approx(10.0))
    assert not strip.grab().isNull()
    assert not ruler.grab().isNull()
