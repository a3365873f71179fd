"""Tab goes through a window as it is read, and never stays anywhere."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QApplication,
    QHBoxLayout,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QSplitter,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from app import systems
from app.widgets import focus
from app.widgets.labels import Hint
from app.widgets.section import Segments


class Window(QWidget):
    def focusNextPrevChild(self, next: bool) -> bool:
        return focus.move(self, next)


@pytest.fixture
def page(qtbot):
    """Five buttons made in an order that is not that in which they are read."""
    made = Window()
    qtbot.addWidget(made)
    column = QVBoxLayout(made)
    last, first, third, second = (QPushButton(words) for words in ("last", "first", "third", "second"))
    row = QHBoxLayout()
    splitter = QSplitter()
    column.addWidget(last)
    column.insertLayout(0, row)
    column.insertWidget(1, splitter)
    row.addWidget(second)
    row.insertWidget(0, first)
    splitter.addWidget(third)
    splitter.addWidget(QPushButton("fourth"))
    shown(qtbot, made)
    return made


def shown(qtbot, window):
    window.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)


def put(page, place, widget):
    """Into the column, and shown at once."""
    page.layout().insertWidget(place, widget)
    widget.show()


def walked(qtbot, window, presses, key=Qt.Key.Key_Tab):
    """What each press leads to."""
    result = []
    for _ in range(presses):
        qtbot.keyClick(QApplication.focusWidget() or window, key)
        result.append(QApplication.focusWidget())
    return result


def words(widgets):
    return [widget.text() for widget in widgets]


def test_as_it_is_read_and_round_again(page, qtbot):
    page.setFocus()
    read = ["first", "second", "third", "fourth", "last"]
    assert words(walked(qtbot, page, 6)) == [*read, "first"]
    assert words(walked(qtbot, page, 5, Qt.Key.Key_Backtab)) == [*read[::-1][:5]]


def test_what_comes_up_later_is_in_its_place(page, qtbot):
    buttons = {button.text(): button for button in page.findChildren(QPushButton)}
    buttons["first"].setFocus()
    put(page, 1, QPushButton("message"))
    buttons["third"].setEnabled(False)
    buttons["fourth"].hide()
    assert words(walked(qtbot, page, 4)) == ["second", "message", "last", "first"]


def test_what_takes_the_focus_by_a_click_alone_is_gone_on_from(page, qtbot):
    clicked = QPushButton("clicked")
    clicked.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
    put(page, 1, clicked)
    clicked.setFocus()
    assert words(walked(qtbot, page, 1)) == ["third"]
    clicked.setFocus()
    assert words(walked(qtbot, page, 1, Qt.Key.Key_Backtab)) == ["second"]


@pytest.mark.parametrize("gone", ["disabled", "hidden", "hidden with its parent"])
def test_what_goes_away_hands_the_focus_to_its_neighbour(page, qtbot, gone):
    buttons = {button.text(): button for button in page.findChildren(QPushButton)}
    buttons["fourth"].setFocus()
    if gone == "disabled":
        buttons["fourth"].setEnabled(False)
    else:
        (buttons["fourth"] if gone == "hidden" else buttons["fourth"].parentWidget()).hide()
    assert QApplication.focusWidget() is buttons["last"]


def test_the_only_stop_goes_away(qtbot):
    window = Window()
    qtbot.addWidget(window)
    button = QPushButton("only")
    QVBoxLayout(window).addWidget(button)
    shown(qtbot, window)
    button.setFocus()
    button.setEnabled(False)
    assert not window.focusNextPrevChild(True)


def test_a_child_in_no_layout_comes_last(page):
    page.layout().insertStretch(0)
    page.layout().insertStretch(0)
    free = QPushButton("free", page)
    free.show()
    assert words(focus.stops_in(page)) == ["first", "second", "third", "fourth", "last", "free"]


def test_nothing_to_stop_at(qtbot):
    empty = Window()
    qtbot.addWidget(empty)
    assert not empty.focusNextPrevChild(True)


def test_it_is_brought_into_view(qtbot):
    window, area, content = Window(), QScrollArea(), QWidget()
    qtbot.addWidget(window)
    QVBoxLayout(window).addWidget(area)
    column = QVBoxLayout(content)
    for number in range(30):
        column.addWidget(QPushButton(str(number)))
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    area.setWidget(content)
    window.resize(200, 200)
    shown(qtbot, window)
    content.findChildren(QPushButton)[0].setFocus()
    assert words(walked(qtbot, window, 1, Qt.Key.Key_Backtab)) == ["29"]
    assert area.verticalScrollBar().value() == area.verticalScrollBar().maximum()


def test_each_link_is_one_stop(page, qtbot):
    hint = Hint('Try <a href="a">smiling cat</a> or <a href="b">red heart</a>')
    put(page, 1, hint)
    chosen = []
    hint.linkActivated.connect(chosen.append)
    next(button for button in page.findChildren(QPushButton) if button.text() == "second").setFocus()
    links = []
    for _ in range(2):
        assert walked(qtbot, page, 1) == [hint]
        links.append(hint.selectedText())
        qtbot.keyClick(hint, Qt.Key.Key_Return)
    assert links == ["smiling cat", "red heart"]
    assert chosen == ["a", "b"]
    assert words(walked(qtbot, page, 1)) == ["third"]
    assert walked(qtbot, page, 1, Qt.Key.Key_Backtab) == [hint]
    assert hint.selectedText() == "red heart"


def test_a_row_of_choices_is_one_stop_also_when_the_program_chose(page, qtbot):
    choices = Segments({"a": "A", "b": "B", "c": "C"}, "Letter")
    put(page, 0, choices)
    choices.choose("b")
    page.setFocus()
    assert words(walked(qtbot, page, 2)) == ["B", "first"]
    assert words(walked(qtbot, page, 1, Qt.Key.Key_Backtab)) == ["B"]
    assert words(walked(qtbot, page, 1, Qt.Key.Key_Right)) == ["C"]
    assert choices.current == "c"
    assert words(walked(qtbot, page, 1)) == ["first"]


@pytest.mark.parametrize("system", [entry.system for entry in systems.ENTRIES])
def test_tab_goes_through_the_window_and_comes_back(window, qtbot, system):
    window.show_tab(system)
    window.activateWindow()
    qtbot.waitUntil(lambda: window.isActiveWindow() and not window.services.tasks, timeout=20_000)
    stops = list(focus.stops_in(window))
    stops[0].setFocus()
    passed = [stops[0]]
    for _ in range(3 * len(stops)):  # a line of several links is several stops
        walked(qtbot, window, 1)
        if QApplication.focusWidget() is not passed[-1]:
            passed.append(QApplication.focusWidget())
        if passed[-1] is stops[0]:
            break
    assert passed == [*stops, stops[0]]
    assert set(stops) == {
        widget
        for widget in window.findChildren(QWidget)
        if widget.isVisibleTo(window)
        and widget.isEnabled()
        and widget.window() is window
        and widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        and widget.focusProxy() is None
    }
    source, view = window.current.source, window.current.view.parentWidget()
    left = [stop for stop in stops if source.isAncestorOf(stop)]
    middle = [stop for stop in stops if view.isAncestorOf(stop) and not source.isAncestorOf(stop)]
    heights = [stop.mapTo(window, stop.rect().topLeft()).y() for stop in left]
    assert heights == sorted(heights)  # one column, read downwards
    assert not middle or stops.index(left[-1]) < stops.index(middle[0])
    for table in window.findChildren(QTableView):
        assert not table.tabKeyNavigation(), table.accessibleName()
    for text in window.findChildren(QPlainTextEdit):
        assert text.isReadOnly() or text.tabChangesFocus(), text.accessibleName()


def test_a_tab_begins_at_its_source_and_is_found_as_it_was_left(window, qtbot):
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    first = window.current
    first.primary.setEnabled(True)
    first.primary.setFocus()
    second = window.show_tab("separation")
    assert QApplication.focusWidget() is next(focus.stops_in(second))
    window.show_tab(first.system)
    assert QApplication.focusWidget() is first.primary


def test_return_presses_a_button(window, qtbot):
    window.show_tab("separation")
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    fold = window.current.options.button
    fold.setFocus()
    qtbot.keyClick(fold, Qt.Key.Key_Return)
    assert fold.isChecked()
    qtbot.keyClick(fold, Qt.Key.Key_Space)
    assert not fold.isChecked()
