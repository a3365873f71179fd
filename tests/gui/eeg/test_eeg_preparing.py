"""How a recording is prepared in the window: annotations gone through, added, changed, saved; reference and ICA chosen; the
preprocessing copied as a script."""

import csv
import itertools

import mne
import numpy as np
import pytest
from PySide6.QtGui import QGuiApplication, QKeySequence, QShortcut

from app.tabs.eeg.annotation_marks import joined
from app.tabs.eeg.annotation_page import DURATION, ONSET, TEXT
from app.tabs.eeg.restoring import state_of
from models.eeg.recordings import BIOSEMI64
from tests.gui.eeg.helpers import decoded, idle, messages_of, opened
from tests.models.eeg.test_eeg_bids import write_tree

RATE = 64


@pytest.fixture
def tab(window, qtbot, crashes):
    shown = window.show_tab("eeg")
    yield shown
    assert crashes == []


def recording(folder, count, seconds=120):
    """A FIF with `count` annotations, two in three of them stretches; its mastoids lie beside the scalp."""
    values = np.random.default_rng(0).normal(0, 8, (66, seconds * RATE)) * 1e-6
    raw = mne.io.RawArray(values, mne.create_info([*BIOSEMI64, "M1", "M2"], RATE, "eeg"), verbose="error")
    onsets = np.linspace(1, seconds - 2, count)
    texts = [f"mark {number}" for number in range(count)]
    raw.set_annotations(mne.Annotations(onsets, [(n % 3) / 10 for n in range(count)], texts))
    path = folder / f"marked{count}_raw.fif"
    raw.save(path, verbose="error")
    return path


def test_annotations_are_shown_added_changed_taken_back_and_saved(tab, qtbot, tmp_path):
    opened(tab, qtbot, recording(tmp_path, 5))
    notes, page = tab.session.annotations, tab.annotations
    assert [entry.text for entry in notes.every] == [f"mark {n}" for n in range(5)]
    assert "5 annotations" in tab.recording.about.text()
    tab.recording.about.linkActivated.emit("annotations")
    assert page.isVisible()
    page.table.setCurrentIndex(page.model.index(4, TEXT))  # goes there
    left, right = tab.browser.traces.shown_range()
    assert left <= 118 <= right
    assert list(notes.within(left, right)) == [4]
    traces = tab.browser.traces
    traces.show_range(20, 30)
    (key,) = [item for item in traces.findChildren(QShortcut) if item.key() == QKeySequence("A")]
    key.activated.emit()
    qtbot.waitUntil(lambda: len(notes.every) == 6 and page.table.currentIndex().row() == 1)
    assert notes.every[1].text == "note"
    assert 20 <= notes.every[1].onset_s <= 30
    assert page.model.setData(page.model.index(1, TEXT), "moved, jaw")
    assert page.model.setData(page.model.index(1, DURATION), "2.5")
    assert not page.model.setData(page.model.index(1, ONSET), "soon")
    assert notes.every[1].duration_s == 2.5
    tab.exports.save("annotations", tmp_path / "a.csv")
    with open(tmp_path / "a.csv", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["onset_s", "duration_s", "text"]
    assert rows[2][1:] == ["2.500000", "moved, jaw"]
    tab.exports.save("annotations", tmp_path / "a.txt")
    read = mne.read_annotations(tmp_path / "a.txt")
    np.testing.assert_allclose(read.onset, [entry.onset_s for entry in notes.every], atol=1e-5)
    assert read.description[1] == "moved jaw"
    tab.exports.save("annotations", tmp_path / "a.tsv")
    assert (tmp_path / "a.tsv").read_text().startswith("onset\tduration\ttrial_type\n1.000000\t")
    tab.exports.save("annotations", tmp_path / "a.odt")
    assert "cannot be written as .odt" in messages_of(tab)
    for _ in range(3):
        tab.undo_stack.undo()
    assert len(notes.every) == 5
    tab.undo_stack.redo()
    assert len(notes.every) == 6
    page.table.selectRow(0)
    page.remove_selected()
    assert [entry.text for entry in notes.every][:1] == ["note"]
    kept = state_of(tab.session)["annotations"]
    notes.put([])
    notes.restore(kept)
    assert len(notes.every) == 5


def test_thousands_of_annotations_are_drawn_in_a_moment(tab, qtbot, tmp_path):
    """Counted, not timed: what is drawn is bounded by what is seen, however many there are."""
    opened(tab, qtbot, recording(tmp_path, 6000))
    traces, notes = tab.browser.traces, tab.session.annotations
    traces.show_range(0, 120)
    assert len(notes.within(0, 120)) == 6000
    picture = traces.grab().toImage()  # paints all of it
    assert not picture.isNull()
    begins = np.sort(np.random.default_rng(0).uniform(0, 800, 6000))
    bands = joined(begins, begins + 3)
    assert len(bands) <= 800 / 3
    assert all(a[1] < b[0] for a, b in itertools.pairwise(bands))
    assert joined(np.array([1.0, 5.0]), np.array([1.2, 5.0])) == []
    traces.show_range(10, 10.05)
    assert len(notes.within(10, 10.05)) <= 12
    tab.annotations.table.setCurrentIndex(tab.annotations.model.index(5999, TEXT))
    assert tab.browser.traces.shown_range()[1] > 110


def test_reference_and_ica_are_chosen_and_copied_as_code(tab, qtbot, tmp_path):
    opened(tab, qtbot, recording(tmp_path, 3, seconds=20))
    decoded(tab, qtbot)
    rows = tab.settings.cleaning
    assert rows.reference.findData("M1") > 0  # a channel beside the scalp

    before = tab.session.result
    rows.reference.setCurrentIndex(rows.reference.findData("mastoids"))
    rows.reference.activated.emit(rows.reference.currentIndex())
    qtbot.waitUntil(lambda: tab.session.result is not before and idle(tab), timeout=60_000)
    step = next(s for s in tab.session.result.decoding.history.steps if s["step"] == "reference")
    assert step["channels"] == ["M1", "M2"]
    assert "re-referenced to M1, M2" in " ".join(
        tab.history.steps.item(n).text() for n in range(tab.history.steps.count())
    )
    assert "may decode worse" in messages_of(tab)
    before = tab.session.result
    rows.ica.setChecked(True)
    qtbot.waitUntil(lambda: tab.session.result is not before and idle(tab), timeout=60_000)
    assert "components of an ICA" in messages_of(tab)
    tab.history.copy_script()
    text = QGuiApplication.clipboard().text()
    assert "raw.set_eeg_reference(['M1', 'M2'])" in text
    compile(text, "copied", "exec")
    assert tab.history.copy.text() == "Copied"
    tab.exports.save("history", tmp_path / "history.json")
    tab.accept_paths([tmp_path / "history.json"])
    qtbot.waitUntil(lambda: tab.session.history_path is not None and idle(tab), timeout=60_000)
    assert not rows.reference.isEnabled()  # the saved one is in force
    rows.ica.setChecked(False)
    before = tab.session.result
    tab.session.forget_history()
    qtbot.waitUntil(lambda: tab.session.result is not before and idle(tab), timeout=60_000)
    assert rows.reference.isEnabled()


def test_nothing_is_annotated_where_nothing_is_open(tab):
    tab.browser.ask_for_annotation()
    assert tab.session.annotations.every == ()


def test_a_bids_folder_is_gone_through(tab, qtbot, tmp_path):
    tree = write_tree(tmp_path / "study")
    tab.accept_paths([tree])
    qtbot.waitUntil(lambda: tab.session.opened is not None and idle(tab), timeout=30_000)
    choice = tab.recording.bids
    assert choice.isVisibleTo(tab)
    assert [choice.subject.itemText(n) for n in range(choice.subject.count())] == ["subject 01", "subject 02"]
    assert [choice.run.itemText(n) for n in range(choice.run.count())] == ["listen 1", "listen 2"]
    assert "Listening · age 24 · sex F" in choice.facts.text()
    assert "Without a recording of EEG: 03" in messages_of(tab)
    assert tab.session.bad == ["P4"]
    assert [annotation.text for annotation in tab.session.annotations.every] == ["story", "question"]

    def chosen(box, number):
        before = tab.session.opened
        box.setCurrentIndex(number)
        box.activated.emit(number)
        qtbot.waitUntil(lambda: tab.session.opened is not before and idle(tab), timeout=30_000)

    chosen(choice.run, 1)
    assert tab.session.opened.path.name == "sub-01_ses-1_task-listen_run-2_eeg.edf"
    chosen(choice.session, 1)
    assert tab.session.opened.path.name == "sub-01_ses-2_task-listen_eeg.edf"
    chosen(choice.subject, 1)
    assert tab.session.part.subject == "02"
    assert choice.session.isHidden()
