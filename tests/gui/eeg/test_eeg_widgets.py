"""The widgets of the EEG tab: what traces cover, what a scalp map says, where dots lie."""

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QIcon

from app import theme
from app.tabs.eeg.source import SWATCH_PX, swatch
from app.widgets.dots import DotRow, Dots
from app.widgets.scalp import ScalpMap, _splines
from app.widgets.trace_picture import coverage, scale_bar
from app.widgets.traces import TraceView


def test_a_trace_covers_the_pixels_between_its_extremes():
    low = np.array([[-10.0], [0.0], [np.nan]])
    high = np.array([[10.0], [0.0], [np.nan]])
    picture = coverage(low, high, np.array([0]), 1, 100.0, 100).astype(float) / 255
    # ±10 of 100 µV in a row of 100 px: 20 px, and 0.6 px of the pen on either side
    assert picture[:, 0].sum() == pytest.approx(21.2, abs=0.05)
    assert (picture[41:59, 0] == 1).all()
    assert picture[:, 1].sum() == pytest.approx(1.2, abs=0.05)
    assert picture[:, 2].sum() == 0


def test_an_artefact_does_not_black_out_the_picture():
    low, high = np.full((5, 20), -1.0), np.full((5, 20), 1.0)
    high[2, 10] = 1e6
    picture = coverage(low, high, np.arange(20), 20, 10.0, 400)
    assert (picture[:, 2] > 0).sum() < 0.4 * 400
    assert picture[10, 2] > 0  # the first row is drawn all the same


def test_a_view_without_a_recording_says_what_to_do(qtbot):
    view = TraceView("EEG")
    qtbot.addWidget(view)
    view.set_empty_words("Drop something")
    view.show()
    assert view._words.isVisible()
    view.set_source(("Cz",), 20.0, lambda left, right, n: (np.zeros((n, 1)), np.ones((n, 1))), 5.0)
    assert not view._words.isVisible()
    assert view.shown_range() == pytest.approx((0, 5), abs=0.01)
    view.show_range(18, 23)  # moved back into the recording
    assert view.shown_range() == pytest.approx((15, 20), abs=0.01)
    view.show_nothing()
    assert view._words.isVisible()
    assert view.shown_columns() is None


def test_colours_go_through_the_values_of_the_electrodes():
    random = np.random.default_rng(0)
    places, values = random.uniform(-1, 1, (30, 2)), random.normal(size=30)
    np.testing.assert_allclose(_splines(places, values, places), values, atol=1e-3)
    plane = places @ np.array([0.5, -1.0]) + 0.2
    between = 0.5 * (places[:10] + places[10:20])
    np.testing.assert_allclose(
        _splines(places, plane, between), between @ np.array([0.5, -1.0]) + 0.2, atol=1e-3
    )


def test_an_electrode_is_read_by_mouse_and_keyboard(qtbot):
    head = ScalpMap("Scalp")
    qtbot.addWidget(head)
    head.resize(220, 250)
    head.set_places(
        ("Cz", "Fz", "Oz", "T7", "T8"), np.array([[0, 0], [0, 0.5], [0, -1], [-1, 0], [np.nan, np.nan]])
    )
    head.set_values(np.array([1.0, 2.0, 3.0, 4.0, 5.0]), "dB")
    head.show()
    chosen = []
    head.chosen.connect(chosen.append)
    spot = head._spots()[2]
    qtbot.mouseClick(head, Qt.MouseButton.LeftButton, pos=QPointF(*spot).toPoint())
    assert chosen == [2]
    assert head.accessibleName() == "Scalp: Oz · 3.000 dB"
    qtbot.keyClick(head, Qt.Key.Key_Right)
    assert chosen == [2, 3]
    head.set_marked([3])
    assert head.words(3).endswith("bad")
    assert head._limits == (1.0, 3.0)  # neither the bad one nor the one whose place is not known counts


def test_dots_and_their_bands_share_one_axis(qtbot):
    dots = Dots("r")
    qtbot.addWidget(dots)
    dots.show_rows([DotRow("2", 0.2, 0.1, 0.3, -0.1, 0.1), DotRow("3", 0.05)])
    low, high = dots.limits()
    assert low < -0.1
    assert high > 0.3
    assert dots.accessibleName() == "r: 2 0.200; 3 0.050"
    dots.show()
    assert dots.grab().width() > 0


@pytest.mark.parametrize(("row_uv", "row_px"), [(10, 4), (50, 12), (500, 18), (0.2, 60), (20, 150)])
def test_a_scale_bar_stands_for_a_round_voltage_and_can_be_read(row_uv, row_px):
    value, high = scale_bar(row_uv, row_px)
    assert high == pytest.approx(value * row_px / row_uv)
    assert 16 <= high <= 160
    assert value / 10 ** np.floor(np.log10(value)) == pytest.approx(
        min((1, 2, 5), key=lambda step: abs(step - value / 10 ** np.floor(np.log10(value))))
    )


def test_the_scale_bar_is_drawn_and_few_channels_stay_legible(qtbot):
    view = TraceView("EEG")
    qtbot.addWidget(view)
    view.resize(600, 200)
    names = tuple(f"c{number}" for number in range(64))
    view.set_source(names, 20.0, lambda left, right, n: (np.zeros((n, 64)), np.zeros((n, 64))), 5.0)
    view.show()
    view.show_rows(0, view.legible_rows())
    assert 4 <= view.rows <= 16
    ink = theme.color("text")
    picture = view.grab().toImage()
    right = [picture.pixelColor(x, y) for x in range(560, 600) for y in range(picture.height())]
    assert sum(color == ink for color in right) >= 16


def test_a_selected_row_does_not_tint_its_colour(qtbot):
    icon = swatch(theme.ORANGE)
    for mode in QIcon.Mode:
        middle = icon.pixmap(SWATCH_PX, SWATCH_PX, mode).toImage().pixelColor(4, 4)
        assert middle.name() == theme.ORANGE.lower(), mode
