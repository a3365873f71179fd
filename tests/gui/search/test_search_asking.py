"""Questions to the search tab as a person asks them: words, pictures dropped, pasted and sent, more and less like one."""

import threading

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QGuiApplication, QImage

from app import held
from models.search.samples import emoji_folder
from tests.gui.search.helpers import asked, idle, messages_of, words


def test_the_sample_answers(really_loaded, sample, qtbot):
    assert any("cat" in item for item in words(sample)[:4])
    assert sample.search.query.text == "smiling cat"
    assert "1,644" in sample.search.query.count.text()
    assert "ms" in sample.search.query.latency.text()
    details = sample.search.details
    assert details.shown is sample.search.results.pictures.hits[0]
    assert "similarity" in details.figures.text()
    assert len(details.bits.first) == len(details.bits.second) == 64
    differing = int((details.bits.first != details.bits.second).sum())
    assert f"distance {differing} of 64" in details.figures.text()
    qtbot.waitUntil(lambda: details.view.picture is not None and details.view.picture.image is not None)


@pytest.mark.parametrize(
    ("text", "fitting"), [("red heart", "heart"), ("fruit", "fruit"), ("sad face", "face")]
)
def test_answers_come_while_typing(sample, qtbot, text, fitting):
    asked(sample, qtbot, text)
    assert any(fitting in item for item in words(sample)[:8])


def test_without_a_question_every_picture_is_there(sample, qtbot):
    sample.search.query.clear()
    pictures = sample.search.results.pictures
    qtbot.waitUntil(lambda: pictures.hits is None and pictures.rowCount() == 1644)
    qtbot.waitUntil(lambda: pictures.at(0) is not None and pictures.at(1000) is not None)
    assert pictures.at(0).path.is_file()
    sample.search.results.gallery.setCurrentIndex(pictures.index(1000))
    qtbot.waitUntil(lambda: sample.search.details.bits.second is not None)
    assert sample.search.details.bits.first is None


def test_more_and_less_and_taking_it_back(sample, qtbot):
    search = sample.search
    first, second = search.results.pictures.hits[:2]
    search.results.gallery.setCurrentIndex(search.results.pictures.index(1))
    search.details.buttons["less"].click()
    qtbot.waitUntil(lambda: second.id not in [item.id for item in search.results.pictures.hits])
    assert search.query.ids("less") == (second.id,)
    chip = search.query._chips[0]
    assert "less like" in chip.accessibleName()
    chip.click()
    qtbot.waitUntil(lambda: second.id in [item.id for item in search.results.pictures.hits])
    assert search.query.parts == []
    assert search.results.pictures.hits[0].id == first.id


def drop(widget, data):
    event = QDropEvent(
        QPointF(20, 20),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    widget.dropEvent(event)


def test_a_dropped_picture_alone_and_with_words(sample, qtbot):
    search = sample.search
    path = search.results.pictures.hits[3].path
    search.query.clear()
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    drop(search.query, data)
    qtbot.waitUntil(
        lambda: bool(search.results.pictures.hits) and search.results.pictures.hits[0].path == path
    )
    assert search.results.pictures.hits[0].distance == 0
    assert search.results.pictures.hits[0].score == pytest.approx(1, abs=0.01)
    alone = words(sample)
    asked(sample, qtbot, "heart")
    assert words(sample) != alone
    qtbot.waitUntil(lambda: search.query.parts[0].image is not None)
    search.settings.words.setValue(0)
    qtbot.waitUntil(lambda: search.results.pictures.hits[0].path == path)


def test_a_pasted_picture(sample, qtbot):
    search = sample.search
    hit = search.results.pictures.hits[5]
    search.query.clear()
    QGuiApplication.clipboard().setImage(QImage(str(hit.path)))
    qtbot.keyClick(search.query.field, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(
        lambda: bool(search.results.pictures.hits) and search.results.pictures.hits[0].id == hit.id
    )


@pytest.mark.parametrize(("text", "there"), [("😀", "face"), ("猫 cat", "cat")])
def test_emoji_and_chinese(sample, qtbot, text, there):
    sample.search.query.set_text(text)
    qtbot.waitUntil(
        lambda: sample.search.query.text == text and any(there in item for item in words(sample)[:10])
    )
    qtbot.waitUntil(lambda: ("猫" in sample.search.query.note.text()) == ("猫" in text))


def test_an_empty_question_is_told(sample, qtbot):
    sample.search.query.clear()
    qtbot.keyClick(sample.search.query.field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: "nothing to search for" in messages_of(sample))


@pytest.mark.parametrize(
    ("name", "contents", "told"),
    [("broken.png", b"x", "cannot be read as a picture"), ("nowhere.png", None, "was not found")],
)
def test_a_broken_picture_is_told_and_taken_out(sample, qtbot, tmp_path, name, contents, told):
    if contents is not None:
        (tmp_path / name).write_bytes(contents)
    before = sample.search.session.answers
    sample.accept_paths([tmp_path / name])
    qtbot.waitUntil(lambda: sample.search.session.answers is not before and idle(sample), timeout=20_000)
    assert sample.search.query.picture is None
    assert (
        sample.search.query.text
    )  # it is answered again, and what was wrong with the picture stays to be read
    assert f"{name} {told}" in messages_of(sample)
    asked(sample, qtbot, "cat")
    assert messages_of(sample) == ""


def test_what_another_tab_sends(tab, qtbot):
    picture = np.asarray(Image.open(sorted(emoji_folder().glob("*.png"))[100]).convert("RGB"))
    tab.receive(picture)
    qtbot.waitUntil(lambda: bool(tab.search.results.pictures.hits) and idle(tab), timeout=60_000)
    assert tab.search.query.picture is picture
    tab.receive(3.5)
    assert "cannot be used here" in messages_of(tab)


def test_nothing_that_was_not_asked_for_stands_under_the_first_question(tab, qtbot, monkeypatch):
    """While the model loads there is no grid of every picture under the words."""

    go_on, load = threading.Event(), held._load

    def slow(*arguments, **more):
        go_on.wait(30)
        return load(*arguments, **more)

    monkeypatch.setattr(held, "_load", slow)
    search = tab.search
    search.query.set_text("smiling cat")
    qtbot.waitUntil(lambda: search.session.about is not None, timeout=20_000)
    qtbot.waitUntil(lambda: "Searching" in search.results.empty_title.text(), timeout=5_000)
    assert search.results.stack.currentIndex() == 0
    go_on.set()
    qtbot.waitUntil(lambda: search.session.answers is not None and idle(tab), timeout=60_000)
    assert search.results.stack.currentIndex() == 1


def test_less_like_this_chooses_nothing_else(sample, qtbot):
    search = sample.search
    search.results.gallery.setCurrentIndex(search.results.pictures.index(5))
    turned_from = search.results.current
    search.details.buttons["less"].click()
    qtbot.waitUntil(lambda: turned_from.id not in [item.id for item in search.results.pictures.hits])
    assert search.results.current is None
    assert search.details.shown is turned_from
    search.results.gallery.setCurrentIndex(search.results.pictures.index(2))
    kept = search.results.current
    search.query._chips[0].click()
    qtbot.waitUntil(lambda: turned_from.id in [item.id for item in search.results.pictures.hits])
    assert search.results.current.id == kept.id
