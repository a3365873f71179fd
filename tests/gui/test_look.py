"""What the window looks like: sizes, themes, contrast, names of controls, where the dock has room."""

import pytest
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QLabel, QWidget

from app import theme
from app.widgets import focus
from app.widgets.figure_card import FigureCard
from app.widgets.plot_items import Axis
from app.widgets.scrolled import ScrolledColumn


def test_every_control_has_a_name_and_the_tabs_are_first_in_order(window):
    nameless = [
        button
        for button in window.findChildren(QAbstractButton)
        if button.isVisible()
        and not (button.accessibleName() or any(sign.isalpha() for sign in button.text()))
    ]
    assert nameless == []
    assert list(focus.stops_in(window))[:2] == [window.header.tabs, window.header.settings_button]


def test_a_closed_dock_gives_the_tab_its_place_back(window, qapp):
    before = window.splitter.sizes()
    window.open_dock(True)
    qapp.processEvents()
    assert window.splitter.sizes()[0] < before[0]
    window.open_dock(False)
    qapp.processEvents()
    assert window.splitter.sizes() == before
    assert window.stack.height() == before[0]


@pytest.mark.parametrize("size", [(960, 600), (1280, 800), (2560, 1440)])
@pytest.mark.parametrize("choice", ["light", "dark"])
def test_it_fits_every_size_in_both_themes(window, qapp, size, choice):
    theme.apply(qapp, choice)
    window.resize(*size)
    qapp.processEvents()
    picture = window.grab().toImage()
    assert (window.width(), window.height()) == size
    left = picture.pixelColor(4, int(picture.height() * 0.4)).name()
    assert left == theme.current().page.lower()
    assert window.header.menus.geometry().left() > window.header.tabs.geometry().right()


def contrast(first, second):
    def light(color):
        parts = [
            value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
            for value in color.getRgbF()[:3]
        ]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    high, low = sorted((light(first), light(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("choice", ["light", "dark"])
def test_text_can_be_read_on_every_surface(qapp, choice):
    theme.apply(qapp, choice)
    color = theme.color
    for text in ("text", "muted"):
        for surface in (
            "page",
            "view",
            "card",
            "field",
            "tint",
            "hover",
            "error_back",
            "warning_back",
            "hint_back",
        ):
            assert contrast(color(text), color(surface)) >= 4.5, (text, surface)
    assert contrast(color("on_accent"), color("accent")) >= 4.5
    assert contrast(color("error"), color("page")) >= 4.5


@pytest.mark.parametrize("fill", [*theme.CATEGORIES, "#FFFFFF", "#000000"])
def test_words_on_a_category_can_be_read(fill):
    assert contrast(theme.ink_on(QColor(fill)), QColor(fill)) >= 4.5


def test_the_dock_may_be_opened_where_it_has_no_room(window):
    """A plot of no height once divided by it while it painted, which ends the program."""
    window.dock.set_open(True)
    window.grab()
    assert window.dock.is_open
    assert Axis("left").tickValues(0.0, 1.0, 0.0) == []
    assert Axis("left").tickValues(0.0, 1.0, 100.0)


def lines_of(card):
    return [label for label in card.findChildren(QLabel) if label.text().strip() not in ("", "ⓘ")]


def test_figures_of_a_row_of_cards_stand_on_one_line(qtbot):
    row = QWidget()
    qtbot.addWidget(row)
    cards = [FigureCard("Sequences", "64"), FigureCard("Mean gate", "0.195")]  # the second is explained
    layout = QHBoxLayout(row)
    for card in cards:
        layout.addWidget(card, 1)
    row.resize(600, 120)
    row.show()
    places = [[label.mapTo(row, label.rect().topLeft()).y() for label in lines_of(card)] for card in cards]
    assert len(places[0]) == 2
    assert places[0] == places[1]
    assert cards[0].geometry().height() == cards[1].geometry().height()


def test_what_is_scrolled_keeps_clear_of_its_bar(qtbot, qapp):
    column, content = ScrolledColumn(), QLabel()
    qtbot.addWidget(column)
    column.setWidget(content)
    column.resize(200, 100)
    column.show()
    assert content.width() == 200
    content.setMinimumHeight(300)
    qapp.processEvents()
    assert column.width() - content.width() == column.verticalScrollBar().width() + theme.SMALL
    content.setMinimumHeight(0)
    qapp.processEvents()
    assert content.width() == 200
