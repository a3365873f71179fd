"""Closing while work is not finished."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox

from app import ending, theme


def question(window):
    return next((box for box in window.findChildren(QMessageBox) if box.isVisible()), None)


def choose(qtbot, box, words):
    button = next(button for button in box.buttons() if button.text() == words)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


@pytest.fixture
def long_task(window):
    """Work that has been under way for half an hour."""
    with window.services.task("Separating a folder") as task:
        task.began -= 1800
        yield task


def test_long_work_is_not_lost_unasked(window, long_task, qtbot):
    long_task.update(3, 10)
    qtbot.keyClick(window, Qt.Key.Key_Q, Qt.KeyboardModifier.ControlModifier)
    box = question(window)
    assert "Separating a folder: 30 %" in box.informativeText()
    assert window.isVisible()
    choose(qtbot, box, "Go on with it")
    assert window.isVisible()
    assert not long_task.cancelled


def test_return_stays_harmless_where_the_theme_changes_under_a_question(window, long_task, qapp):
    window.close()
    theme.apply(qapp, "dark")
    qapp.processEvents()
    box = question(window)
    assert box.defaultButton().text() == "Go on with it"
    assert [button.text() for button in box.buttons() if button.isDefault()] == ["Go on with it"]
    assert box.focusWidget() is box.defaultButton()
    box.reject()


def test_asked_again_it_may_be_given_up(window, long_task, qtbot):
    window.close()
    choose(qtbot, question(window), "Go on with it")
    window.close()
    with qtbot.waitSignal(window.closed, timeout=5000):
        choose(qtbot, question(window), "Close and lose it")


def test_what_has_only_begun_or_is_being_stopped_is_no_reason_to_ask(services):
    with services.task("new") as new, services.task("stopped") as stopped, services.task("long") as long:
        stopped.began -= 1800
        long.began -= 1800
        stopped.cancel()
        assert ending.unfinished(services.tasks) == [long]
        assert new.began <= long.began + 1800
