"""Where a person can lose work it can be taken back: gains and mutes, the wiring, pictures of a question, marks."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QUndoStack

from app.undo import Undoing
from models.eeg.samples import sample_file
from models.separation.samples import sample_mixtures
from tests.gui.test_workspaces import quiet

CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


class Thing:
    """Something that can be changed."""

    def __init__(self):
        self.value = 0
        self.stack = QUndoStack()
        self.undoing = Undoing(
            self.stack,
            lambda: "it",
            lambda: self.value,
            self.put,
            kind=lambda a, b: "step" if abs(a - b) == 1 else "",
        )

    def put(self, value):
        self.value = value
        self.undoing.look()


@pytest.fixture
def thing(qapp):
    return Thing()


def test_every_change_is_taken_back_and_done_again(thing):
    thing.put(5)
    thing.put(9)
    assert thing.stack.count() == 2
    thing.stack.undo()
    assert thing.value == 5
    thing.stack.undo()
    assert thing.value == 0
    thing.stack.redo()
    assert thing.value == 5
    thing.put(7)  # what was taken back before is gone
    assert not thing.stack.canRedo()


def test_small_steps_of_one_kind_are_one_and_what_does_not_change_is_none(thing):
    for value in (1, 2, 2, 3):
        thing.put(value)
    assert thing.stack.count() == 1
    thing.stack.undo()
    assert thing.value == 0


def test_nothing_is_taken_back_in_something_else(thing):
    thing.put(5)
    thing.undoing.begin()
    assert not thing.stack.canUndo()


def undo(window, qtbot):
    qtbot.keyClick(window, Qt.Key.Key_Z, CTRL)


def redo(window, qtbot):
    qtbot.keyClick(window, Qt.Key.Key_Z, CTRL | SHIFT)


def test_ctrl_z_takes_back_what_was_done_in_the_tab_in_front(window, qtbot):
    separation, eeg = window.show_tab("separation"), window.show_tab("eeg")
    separation.start(separation.session.open(sample_mixtures()[0].mixture))
    eeg.start(eeg.session.open(sample_file()))
    quiet(window, qtbot)
    lane = separation.recording.lanes.lanes[0]
    eeg.session.toggle_bad("Fp1")
    for value in (-2, -4, -6):
        lane.gain.setValue(value)
    lane.mute.click()
    undo(window, qtbot)
    assert eeg.session.marked_bad == frozenset()
    assert not window.menus.undo_action.isEnabled()
    redo(window, qtbot)
    assert eeg.session.marked_bad == {"Fp1"}
    window.show_tab("separation")
    assert "heard" in window.menus.undo_action.text()
    undo(window, qtbot)
    assert not lane.mute.isChecked()
    assert lane.gain.value() == -6
    undo(window, qtbot)
    assert lane.gain.value() == 0
    window.show_training()
    assert not window.menus.undo_action.isEnabled()


def test_pictures_of_a_question_and_a_wiring_come_back(window, qtbot):
    from app.tabs.search.query_bar import Part

    search = window.show_tab("search").search
    search.query.add(Part("more", 3, "three"))
    search.query.add(Part("less", 4, "four"))
    search.query.remove(search.query.parts[0])
    undo(window, qtbot)
    assert [part.words for part in search.query.parts] == ["three", "four"]
    undo(window, qtbot)
    undo(window, qtbot)
    assert search.query.parts == []
    page = window.show_tab("reverberation").wiring_page
    before = page.wiring
    page.move_role("harp", "stream_processor")
    assert page.wiring != before
    undo(window, qtbot)
    assert page.wiring == before
    quiet(window, qtbot)
