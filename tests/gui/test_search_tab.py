"""The search tab as a person uses it: the sample, own folders, pictures, keys, what goes wrong, exports, evaluation."""

import csv
import json
import shutil
import threading

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QGuiApplication, QImage
from PySide6.QtWidgets import QFileDialog

from app import held
from app.settings import Key
from app.tabs.search.folders import FoldersWindow
from app.tabs.search.places import Places, place_for
from app.tabs.search.tab import encoders
from models.search import building
from models.search.building import index_folder, open_index
from models.search.config import ENCODERS
from models.search.index import Index
from models.search.index_table import only_writer
from models.search.samples import emoji_folder, photos_folder
from tests.gui.conftest import close_window
from tests.models.search.conftest import save_clip, write_pictures


@pytest.fixture(scope="module")
def loaded():
    """The bundled model, loaded once for most tests: it takes seconds each time."""
    from models.search.searcher import Searcher

    return Searcher.load("bundled", "cpu")


@pytest.fixture(autouse=True)
def loads_fast(request, monkeypatch):
    """The bundled model is handed over as loaded; the test of the sample loads it as a person does."""
    if "really_loaded" in request.fixturenames:
        return
    load, searcher = held._load, request.getfixturevalue("loaded")

    def handed(system, choice, device, progress):
        bundled = (system, choice) == ("search", "bundled")
        return searcher if bundled else load(system, choice, device, progress)

    monkeypatch.setattr(held, "_load", handed)


@pytest.fixture
def really_loaded():
    """Asked for by a test that loads the model itself."""


@pytest.fixture
def tab(window, qtbot, crashes):
    """The search tab of a real window; a test that ends in the crash dialog fails."""
    yield window.show_tab("search")
    assert crashes == []


def idle(tab):
    return not tab.is_busy and not tab.services.tasks


def words(tab):
    return [one.words for one in tab.search.results.pictures.hits or []]


def said(tab):
    return " | ".join(f"{m.heading} {m.text}" for m in tab.messages.messages)


def asked(tab, qtbot, text):
    """Type as a person does, and wait for the answers."""
    tab.search.query.field.clear()
    tab.search.query.field.setFocus()
    before = tab.search.session.answers
    qtbot.keyClicks(tab.search.query.field, text)
    qtbot.waitUntil(
        lambda: (
            tab.search.session.answers is not None and tab.search.session.answers is not before and idle(tab)
        ),
        timeout=60_000,
    )
    return tab.search.results.pictures.hits


@pytest.fixture
def sample(tab, qtbot):
    tab.try_sample()
    qtbot.waitUntil(lambda: tab.search.session.answers is not None and idle(tab), timeout=60_000)
    return tab


@pytest.fixture
def folder(tmp_path):
    """Twelve small pictures; the first is a red field, the last cannot be read."""
    place = tmp_path / "holiday"
    place.mkdir()
    for number, path in enumerate(sorted(emoji_folder().glob("*.png"))[:300:25]):
        shutil.copyfile(path, place / f"{number:02d}.png")
    (place / "broken.jpg").write_bytes(b"no picture")
    return place


def indexed(tab, qtbot, folder):
    tab.accept_paths([folder])
    qtbot.waitUntil(lambda: tab.search.indexing.running, timeout=5_000)
    qtbot.waitUntil(lambda: not tab.search.indexing.running and idle(tab), timeout=60_000)
    qtbot.waitUntil(lambda: tab.search.session.about is not None, timeout=5_000)


def test_the_sample_answers(really_loaded, sample, qtbot):
    assert any("cat" in one for one in words(sample)[:4])
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
    assert any(fitting in one for one in words(sample)[:8])


def test_without_a_question_every_picture_is_there(sample, qtbot):
    sample.search.query.clear()
    pictures = sample.search.results.pictures
    qtbot.waitUntil(lambda: pictures.hits is None and pictures.rowCount() == 1644)
    qtbot.waitUntil(lambda: pictures.at(0) is not None and pictures.at(1000) is not None)
    assert pictures.at(0).path.is_file()
    sample.search.results.gallery.setCurrentIndex(pictures.index(1000))
    qtbot.waitUntil(lambda: sample.search.details.bits.second is not None)
    assert sample.search.details.bits.first is None


def test_keyboard_only(sample, qtbot, monkeypatch):
    opened = []
    monkeypatch.setattr("app.tabs.search.actions.QDesktopServices.openUrl", opened.append)
    search, gallery = sample.search, sample.search.results.gallery
    asked(sample, qtbot, "dog")
    qtbot.keyClick(search.query.field, Qt.Key.Key_Return)
    qtbot.waitUntil(gallery.hasFocus)
    assert gallery.currentIndex().row() == 0
    qtbot.keyClick(gallery, Qt.Key.Key_Right)
    qtbot.keyClick(gallery, Qt.Key.Key_Down)
    row = 1 + gallery.columns
    assert gallery.currentIndex().row() == row
    assert search.details.shown is search.results.pictures.hits[row]
    qtbot.keyClick(gallery, Qt.Key.Key_Space)
    assert search.results.preview.isVisible()
    qtbot.keyClick(search.results.preview, Qt.Key.Key_Right)
    assert search.results.preview.shown is search.results.pictures.hits[row + 1]
    qtbot.keyClick(search.results.preview, Qt.Key.Key_Escape)
    assert not search.results.preview.isVisible()
    assert gallery.hasFocus()
    qtbot.keyClick(gallery, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == str(search.results.current.path)
    qtbot.keyClick(gallery, Qt.Key.Key_Return)
    assert opened == [QUrl.fromLocalFile(str(search.results.current.path))]
    qtbot.keyClick(gallery, Qt.Key.Key_End)
    assert gallery.currentIndex().row() == len(search.results.pictures.hits) - 1
    qtbot.keyClick(gallery, Qt.Key.Key_Home)
    chosen = search.results.current
    before = search.session.answers
    qtbot.keyClick(gallery, Qt.Key.Key_Plus)
    assert search.query.ids("more") == (chosen.id,)
    qtbot.waitUntil(lambda: search.session.answers is not before)
    assert chosen.id not in [one.id for one in search.results.pictures.hits]
    qtbot.keyClick(gallery, Qt.Key.Key_Escape)
    assert search.query.field.hasFocus()
    gallery.setFocus()
    qtbot.keyClick(gallery, "f")
    assert search.query.field.text() == "f"
    assert search.query.field.hasFocus()


def test_more_and_less_and_taking_it_back(sample, qtbot):
    search = sample.search
    first, second = search.results.pictures.hits[:2]
    search.results.gallery.setCurrentIndex(search.results.pictures.index(1))
    search.details.buttons["less"].click()
    qtbot.waitUntil(lambda: second.id not in [one.id for one in search.results.pictures.hits])
    assert search.query.ids("less") == (second.id,)
    chip = search.query._chips[0]
    assert "less like" in chip.accessibleName()
    chip.click()
    qtbot.waitUntil(lambda: second.id in [one.id for one in search.results.pictures.hits])
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


def test_threshold_and_folding(sample, qtbot):
    search = sample.search
    before = search.session.answers
    search.settings.method.setCurrentIndex(search.settings.method.findData("likeness"))
    qtbot.waitUntil(lambda: search.session.answers is not before and idle(sample))
    every = search.results.pictures.hits
    assert len(every) == 200
    search.alike.slider.setValue(50)
    shown = search.results.pictures.hits
    assert 0 < len(shown) < 200
    assert all(one.percentile >= 50 or one.written for one in shown)
    assert f"{len(shown)} of 200" in search.alike.words.text()
    search.alike.slider.setValue(100)
    assert search.results.stack.currentIndex() == 0
    assert search.results.empty_title.text() == "Nothing is that alike"
    search.alike.slider.setValue(0)
    assert len(search.results.pictures.hits) == 200
    search.alike.fold.setChecked(True)
    qtbot.waitUntil(lambda: any(one.duplicates for one in search.results.pictures.hits))
    row, folded = next((row, one) for row, one in enumerate(search.results.pictures.hits) if one.duplicates)
    before = len(search.results.pictures.hits)
    search.results.gallery.setCurrentIndex(search.results.pictures.index(row))
    search.details.figures.linkActivated.emit("unfold")
    shown = [one.id for one in search.results.pictures.hits]
    assert shown[row : row + 1 + len(folded.duplicates)] == [folded.id, *folded.duplicates]
    search.results.gallery.setCurrentIndex(search.results.pictures.index(row + 1))
    assert search.details.shown.id == folded.duplicates[0], "what was folded away can be looked at"
    search.results.gallery.setCurrentIndex(search.results.pictures.index(row))
    search.results.toggle_folded()
    assert len(search.results.pictures.hits) == before


def test_nothing_fits_is_said(sample, qtbot):
    search = sample.search
    asked(sample, qtbot, "quantum entanglement")
    assert "Nothing here seems to fit" in search.query.note.text()
    assert "Not known to the model" in search.query.note.text()
    assert search.results.stack.currentIndex() == 1, "what is nearest is there to be looked at"
    search.alike.slider.setValue(75)
    assert search.results.empty_title.text() == "Nothing here fits"
    search.alike.slider.setValue(0)


def test_why_and_weights_and_saved_searches(sample, qtbot):
    search = sample.search
    asked(sample, qtbot, "heart -red")
    first = search.results.pictures.hits[0]
    search.results.gallery.setCurrentIndex(search.results.pictures.index(0))
    assert "found by" in search.details.figures.text()
    assert first.percentile is not None
    qtbot.keyClick(search.query.field, Qt.Key.Key_Return)
    assert (search.query.text, [part.kind for part in search.query.parts]) == ("heart", ["term"])
    chip = search.query._chips[0]
    assert "− red" in chip.text()
    qtbot.keyClick(chip, Qt.Key.Key_Down)
    assert search.query.parts[0].weight == -0.75
    assert "0.75 × red" in search.query._chips[0].text()
    search.filters.label.setCurrentIndex(1)
    search.refresh()
    search.query.saved.save_asked.emit()
    kept = search.query.saved.kept[0]
    assert kept.text == 'heart -0.75*"red"'
    assert kept.filters.label
    search.query.clear()
    search.filters.clear.click()
    assert search.filters.filters.all_pass
    search.query.saved.fill()
    search.query.saved.chosen.emit(kept)
    assert (search.query.asked, search.filters.filters) == (("heart", (("red", -0.75),)), kept.filters)
    again = type(search.query.saved)()
    again.restore(json.loads(json.dumps(search.query.saved.state())))
    assert again.kept == search.query.saved.kept
    again.forget(kept)
    assert again.kept == []
    qtbot.waitUntil(lambda: idle(sample))


def test_why_it_matched_is_shown_on_the_preview(sample, qtbot):
    results = sample.search.results
    results.gallery.setCurrentIndex(results.pictures.index(0))
    sample.search.details.buttons["why"].click()
    preview = results.preview
    assert preview.isVisible()
    qtbot.waitUntil(lambda: preview._explained, timeout=20_000)
    qtbot.waitUntil(lambda: preview.pictures.find(preview.shown.path) is not None)
    veiled = preview.grab().toImage()
    qtbot.keyClick(preview, Qt.Key.Key_W)
    assert preview.grab().toImage() != veiled
    qtbot.keyClick(preview, Qt.Key.Key_W)
    assert preview.grab().toImage() == veiled
    qtbot.keyClick(preview, Qt.Key.Key_Right)
    qtbot.waitUntil(lambda: preview.shown.id == results.pictures.hits[1].id and preview._explained)
    qtbot.keyClick(preview, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: idle(sample))


def test_filters_narrow_the_answers(sample, qtbot):
    search = sample.search
    everything = {one.id for one in search.results.pictures.hits}
    search.filters.orientation.setCurrentIndex(search.filters.orientation.findData("portrait"))
    qtbot.waitUntil(lambda: search.results.stack.currentIndex() == 0, timeout=20_000)
    assert "portrait" in search.filters.fold.button.text()
    search.filters.clear.click()
    qtbot.waitUntil(lambda: {one.id for one in search.results.pictures.hits or []} == everything)
    search.filters.since.setText("May")
    search.filters.since.editingFinished.emit()
    qtbot.waitUntil(lambda: "is no date" in said(sample))
    search.filters.clear.click()
    qtbot.waitUntil(lambda: idle(sample))


def test_folders_of_an_index(tab, qtbot, folder, tmp_path, monkeypatch):
    indexed(tab, qtbot, folder)
    search = tab.search
    search.index.box.asked.emit("folders")
    window = tab.findChild(FoldersWindow)
    qtbot.waitUntil(lambda: len(window.roots) == 1)
    assert (window.roots[0].count, window.roots[0].there) == (12, True)
    folder.rename(tmp_path / "moved")
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path / "moved"))
    window.moved.click()
    qtbot.waitUntil(lambda: [root.folder for root in window.roots] == [(tmp_path / "moved").resolve()])
    qtbot.waitUntil(lambda: search.session.about is not None and idle(tab))
    assert len(search.session.about.ids) == 12
    window.drop.click()
    qtbot.waitUntil(lambda: window.roots == [])
    window.close()
    qtbot.waitUntil(lambda: search.session.about is not None and len(search.session.about.ids) == 0)
    search.index.box.asked.emit("repair")
    qtbot.waitUntil(lambda: "Nothing is wrong" in said(tab) and idle(tab))


def test_a_watched_folder_is_taken_over(tab, qtbot, folder):
    indexed(tab, qtbot, folder)
    search = tab.search
    watching = search.indexing.watching
    qtbot.waitUntil(lambda: str(folder.resolve()) in watching.watched)
    watching._settled.setInterval(50)
    Image.new("RGB", (9, 9), "teal").save(folder / "new.png")
    qtbot.waitUntil(
        lambda: len(search.session.about.ids) == 13 and not search.indexing.running, timeout=60_000
    )
    (folder / "new.png").unlink()
    qtbot.waitUntil(
        lambda: len(search.session.about.ids) == 12 and not search.indexing.running, timeout=60_000
    )
    search.try_sample()
    qtbot.waitUntil(lambda: watching.watched == [] and idle(tab), timeout=60_000)


def test_captions_found_with_a_picture(sample, qtbot):
    search = sample.search
    search.details.buttons["captions"].click()
    qtbot.waitUntil(
        lambda: search.session.answers is not None and search.session.answers.searched > 0 and idle(sample)
    )
    assert search.settings.side.currentData() == "captions"
    qtbot.waitUntil(lambda: any("cat" in one for one in words(sample)[:5]))


@pytest.mark.parametrize(("text", "there"), [("😀", "face"), ("猫 cat", "cat")])
def test_emoji_and_chinese(sample, qtbot, text, there):
    sample.search.query.set_text(text)
    qtbot.waitUntil(
        lambda: sample.search.query.text == text and any(there in one for one in words(sample)[:10])
    )
    qtbot.waitUntil(lambda: ("猫" in sample.search.query.note.text()) == ("猫" in text))


def test_an_empty_question_is_told(sample, qtbot):
    sample.search.query.clear()
    qtbot.keyClick(sample.search.query.field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: "nothing to search for" in said(sample))


def test_a_broken_picture_is_told_and_taken_out(sample, qtbot, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"x")
    sample.accept_paths([tmp_path / "broken.png"])
    qtbot.waitUntil(lambda: "broken.png cannot be read as a picture" in said(sample), timeout=20_000)
    qtbot.waitUntil(lambda: sample.search.query.picture is None, timeout=20_000)
    sample.accept_paths([tmp_path / "nowhere.png"])
    qtbot.waitUntil(lambda: "nowhere.png was not found" in said(sample), timeout=20_000)


def test_a_folder_is_indexed_searched_and_updated(tab, qtbot, folder):
    indexed(tab, qtbot, folder)
    search = tab.search
    assert len(search.session.about.ids) == 12
    assert "12 added" in said(tab)
    assert "1 was left out" in said(tab)
    assert "emoji only" in said(tab)
    assert search.session.place == search.session.places.find(place_for(folder, "bundled").path)
    assert search.session.place.unfinished == ()
    (folder / "00.png").unlink()
    Image.new("RGB", (40, 40), "red").save(folder / "new.png")
    search.index.box.asked.emit("update")
    qtbot.waitUntil(lambda: "1 added, 1 removed, 12 as before" in said(tab), timeout=30_000)
    qtbot.waitUntil(lambda: len(search.session.about.ids) == 12 and idle(tab))
    search.index.box.asked.emit("skipped")
    window = search.indexing._skipped
    assert window.table.item(0, 0).text() == "broken.jpg"
    assert "damaged" in window.table.item(0, 1).text()
    window.save(folder.parent / "skipped.csv")
    assert "broken.jpg" in (folder.parent / "skipped.csv").read_text()
    window.close()


def test_a_picture_that_is_gone_shows_as_such(tab, qtbot, folder):
    indexed(tab, qtbot, folder)
    search = tab.search
    qtbot.waitUntil(lambda: search.results.pictures.at(3) is not None)
    path = search.results.pictures.at(3).path
    path.unlink()
    search.results.forget_pictures()
    search.results.gallery.setCurrentIndex(search.results.pictures.index(3))
    qtbot.waitUntil(lambda: search.details.view.picture is not None and search.details.view.picture.gone)
    assert "was not found" in search.details.problem.text()
    assert not search.details.buttons["open"].isEnabled()
    search.deeds.do("open")
    assert "not there any more" in said(tab)


def test_captions_and_attributions_are_shown(tab, qtbot, tmp_path):
    folder = tmp_path / "photos"
    shutil.copytree(photos_folder(), folder)
    indexed(tab, qtbot, folder)
    asked(tab, qtbot, "birds")
    shown = tab.search.results.pictures.hits[0]
    assert len(shown.captions) == 5
    assert "staticflickr" in tab.search.details.credit.text()
    assert all(text in tab.search.details.others.text() for text in shown.captions[1:] if "&" not in text)


def test_results_while_indexing_pause_stop_and_going_on(tab, qtbot, tmp_path, monkeypatch):
    write_pictures(tmp_path / "many", 600, size=96)
    search = tab.search
    written, looked = threading.Event(), threading.Event()
    put = Index.put

    def put_and_wait(self, *args):
        """Write the rows, then let the window catch up: a quick machine would be done before the click."""
        put(self, *args)
        written.set()
        looked.wait(60)

    monkeypatch.setattr(Index, "put", put_and_wait)
    monkeypatch.setattr(building, "COMMIT_S", 0)
    tab.accept_paths([tmp_path / "many"])
    qtbot.waitUntil(written.is_set, timeout=60_000)
    assert tab.primary.accessibleName() == "Stop"
    search.index.box.pause.click()
    assert search.session.engine.building.paused
    looked.set()
    qtbot.waitUntil(
        lambda: search.session.about is not None and len(search.session.about.ids) > 0, timeout=60_000
    )
    assert search.indexing.running
    assert search.index.box.pause.text() == "Go on"
    so_far = len(search.session.about.ids)
    assert asked(tab, qtbot, "red") if not tab.services.tasks else True
    search.index.box.pause.click()
    qtbot.mouseClick(tab.primary, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not search.indexing.running and idle(tab), timeout=30_000)
    if search.session.place.unfinished:  # a quick machine was done before the click
        assert len(search.session.about.ids) >= so_far
        assert "has not come to its end" in said(tab)
        assert search.session.place.unfinished == (str(tmp_path / "many"),)
        message = next(m for m in tab.messages.messages if m.key == "unfinished")
        message.buttons[0].click()
        qtbot.waitUntil(lambda: search.indexing.running)
        qtbot.waitUntil(lambda: not search.indexing.running and idle(tab), timeout=60_000)
    qtbot.waitUntil(lambda: len(search.session.about.ids) == 600)
    assert search.session.place.unfinished == ()


def test_a_killed_indexing_is_offered_to_go_on(tab, qtbot, folder):
    """What a killed program leaves: an index with some, and the note that it is not finished."""
    place = place_for(folder, "bundled")
    state = {"index": place.path, "indexes": [{"path": place.path, "title": "holiday", "model": "bundled",
             "unfinished": [str(folder)]}]}  # fmt: skip
    from models.search.searcher import Searcher

    searcher = Searcher.load("bundled", "cpu")
    hidden = folder / "11.png"
    away = hidden.rename(folder.parent / "11.png")
    index = open_index(place.path, searcher.identity)
    index_folder(searcher, index, folder)
    index.close()
    away.rename(hidden)
    tab.restore({"pages": {"search": state}})
    qtbot.waitUntil(lambda: "has not come to its end" in said(tab) and idle(tab), timeout=60_000)
    assert len(tab.search.session.about.ids) == 11
    next(m for m in tab.messages.messages if m.key == "unfinished").buttons[0].click()
    qtbot.waitUntil(lambda: tab.search.indexing.running)
    qtbot.waitUntil(lambda: not tab.search.indexing.running and idle(tab), timeout=60_000)
    assert len(tab.search.session.about.ids) == 12
    assert "1 added, 12 as before" in said(tab)


def test_an_index_of_another_encoder_is_refused_with_a_way_out(tab, qtbot, folder, tmp_path):
    tab.models.choose(str(save_clip(tmp_path / "tiny clip")))
    indexed(tab, qtbot, folder)
    assert tab.search.session.place.model == str(tmp_path / "tiny clip")
    first = tab.search.session.place.path
    tab.models.choose("bundled")
    qtbot.waitUntil(lambda: "made with another encoder" in said(tab) and idle(tab), timeout=60_000)
    assert "tiny clip" in said(tab)
    message = next(m for m in tab.messages.messages if m.level == "error")
    assert [button.text() for button in message.buttons] == [
        "Use the model it was made with", "Index again with this model",
    ]  # fmt: skip
    message.buttons[1].click()
    qtbot.waitUntil(lambda: tab.search.indexing.running)
    qtbot.waitUntil(lambda: not tab.search.indexing.running and idle(tab), timeout=60_000)
    assert tab.search.session.place.path != first
    assert asked(tab, qtbot, "cat")
    tab.search.session.choose(tab.search.session.places.find(first))
    qtbot.waitUntil(lambda: "made with another encoder" in said(tab))
    next(m for m in tab.messages.messages if m.level == "error").buttons[0].click()
    assert tab.models.choice == str(tmp_path / "tiny clip")
    assert asked(tab, qtbot, "dog")


def test_a_model_of_the_hub_is_asked_for_before_it_is_downloaded(sample, qtbot, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert set(encoders()) == set(ENCODERS) - {"bundled"}
    row = sample.models.box.findData("OFA-Sys/chinese-clip-vit-base-patch16")
    sample.models.box.setCurrentIndex(row)
    sample.models.box.activated.emit(row)
    assert sample.models.choice == "OFA-Sys/chinese-clip-vit-base-patch16"
    qtbot.waitUntil(lambda: "is not on this machine" in said(sample) and idle(sample), timeout=30_000)
    message = next(m for m in sample.messages.messages if m.key == "error")
    assert [button.text() for button in message.buttons] == ["Download", "Use the bundled model"]
    message.buttons[0].click()
    qtbot.waitUntil(lambda: "downloads are switched off" in said(sample) and idle(sample), timeout=30_000)
    sample.models.choose("bundled")
    assert asked(sample, qtbot, "dog")
    assert "switched off" not in said(sample)


def test_bad_folders_and_indexes(tab, qtbot, tmp_path):
    (tmp_path / "empty").mkdir()
    indexed(tab, qtbot, tmp_path / "empty")
    assert "Nothing to do" in said(tab)
    assert tab.search.results.empty_title.text() == "There are no pictures in this index"
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "index.sqlite").write_bytes(b"no table" * 200)
    tab.accept_paths([tmp_path / "damaged"])
    qtbot.waitUntil(lambda: "cannot be read" in said(tab) and "damaged" in said(tab))
    captions = tmp_path / "captions only"
    captions.mkdir()
    (captions / "captions.csv").write_text("file,caption\na.png,a cat\n")
    indexed(tab, qtbot, captions)
    qtbot.waitUntil(lambda: "left out" in said(tab))


def test_a_folder_that_may_not_be_read(tab, qtbot, folder, monkeypatch):
    """As for whoever is not root: the system refuses to list it."""

    def refused(place):
        return [], [(str(place), "Permission denied")]

    monkeypatch.setattr("models.search.pictures.find", refused)
    tab.accept_paths([folder])
    qtbot.waitUntil(lambda: "Permission denied" in said(tab) and idle(tab), timeout=60_000)
    assert "Check its permissions" in said(tab)
    assert tab.search.session.place.unfinished == ()


def test_an_index_that_another_process_writes(tab, qtbot, folder):
    indexed(tab, qtbot, folder)
    with only_writer(tab.search.session.place.folder):
        tab.search.index.box.asked.emit("update")
        qtbot.waitUntil(lambda: "being written by another process" in said(tab) and idle(tab), timeout=60_000)
    assert asked(tab, qtbot, "cat")


def test_exports(sample, qtbot, tmp_path):
    assert all(action.isEnabled() for action in sample.export_actions())
    sample.start(sample.search.deeds.save_table(tmp_path / "results.csv"))
    qtbot.waitUntil((tmp_path / "results.csv").is_file)
    with open(tmp_path / "results.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 200
    hit = sample.search.results.pictures.hits[7]
    assert rows[7]["path"] == str(hit.path)
    assert float(rows[7]["similarity"]) == pytest.approx(hit.score, abs=1e-6)
    assert int(rows[7]["distance"]) == hit.distance
    sample.start(sample.search.deeds.save_sheet(tmp_path / "sheet.png"))
    qtbot.waitUntil(lambda: (tmp_path / "sheet.png").is_file() and idle(sample), timeout=30_000)
    sheet = np.asarray(Image.open(tmp_path / "sheet.png"))
    assert sheet.shape[1] > 1800
    assert sheet.min() < 100


def test_every_picture_is_exported_where_every_one_is_shown(sample, qtbot, tmp_path):
    sample.search.query.clear()
    qtbot.waitUntil(lambda: sample.search.results.pictures.hits is None)
    sample.start(sample.search.deeds.save_table(tmp_path / "all.csv"))
    qtbot.waitUntil((tmp_path / "all.csv").is_file)
    assert len((tmp_path / "all.csv").read_text("utf-8").splitlines()) == 1645
    (tmp_path / "file").write_text("")
    sample.start(sample.search.deeds.save_table(tmp_path / "file" / "all.csv"))
    qtbot.waitUntil(lambda: "all.csv" in said(sample))


def test_closing_while_a_folder_is_indexed(tab, qtbot, window, tmp_path):
    """Its processes and threads end with the window, and what was indexed is kept."""
    write_pictures(tmp_path / "many", 900, size=96)
    tab.accept_paths([tmp_path / "many"])
    search = tab.search
    qtbot.waitUntil(
        lambda: search.session.about is not None and len(search.session.about.ids) > 0, timeout=60_000
    )
    assert search.indexing.running
    place = search.session.place
    close_window(qtbot, window)
    kept = Index.open(place.folder)
    assert 0 < len(kept) <= 900
    kept.close()
    restored = Places.restored(
        window.services.settings.plain(Key.TABS, "search")["pages"]["search"]["indexes"]
    )
    assert restored.find(place.path).unfinished == (str(tmp_path / "many"),)


def test_evaluation_of_all_lengths(tab, qtbot, tmp_path):
    tab.choice.choose("evaluate")
    page = tab.evaluate
    page.try_sample()
    qtbot.waitUntil(lambda: len(page.judgements) == 4 and idle(tab), timeout=120_000)
    assert [one.bits for one in page.judgements] == [16, 32, 64, 128]
    by_bits = {one.bits: one for one in page.judgements}
    for bits, least in ((16, 0.36), (32, 0.39), (64, 0.40), (128, 0.40)):
        single = next(one for one in by_bits[bits].judged if one.method == "single")
        found = single.figures
        assert found.worst_map <= found.mean_average_precision <= found.best_map
        assert found.mean_average_precision > max(least, 2 * found.chance)
        assert single.own.recall_at_10 > 5 * single.own.chance
    assert "0.4" in page.cards[0].accessibleName()
    assert page.table.rowCount() == 16
    assert len(page.curves.lines) == 5
    first = page.cards[0].accessibleName()
    page.way.choose("image → text")
    assert page.cards[0].accessibleName() != first
    page.save_figures(tmp_path / "out")
    held = json.loads((tmp_path / "out" / "figures.json").read_text())
    assert [one["bits"] for one in held] == [16, 32, 64, 128]
    assert len((tmp_path / "out" / "figures.csv").read_text().splitlines()) == 1 + 4 * 8
    assert len((tmp_path / "out" / "curves.csv").read_text().splitlines()) == 1 + 4 * 8 * 8


def test_evaluation_of_data_that_does_not_fit(tab, qtbot, tmp_path):
    tab.choice.choose("evaluate")
    np.savez(tmp_path / "features.npz", image=np.ones((8, 5)), text=np.ones((8, 5)), label=np.ones((8, 2)))
    tab.accept_paths([tmp_path / "features.npz"])
    tab.act()
    qtbot.waitUntil(lambda: "do not fit the model" in said(tab) and idle(tab), timeout=60_000)
    (tmp_path / "nothing").mkdir()
    tab.accept_paths([tmp_path / "nothing"])
    tab.act()
    qtbot.waitUntil(lambda: "no picture with a caption" in said(tab) and idle(tab), timeout=60_000)
    assert tab.evaluate.judgements == []


def test_what_is_remembered(sample, qtbot, folder):
    sample.search.alike.slider.setValue(30)
    sample.search.settings.top.setValue(60)
    state = json.loads(json.dumps(sample.state()))
    sample.search.alike.slider.setValue(0)
    sample.search.settings.top.setValue(200)
    sample.search.query.clear()
    sample.restore(state)
    qtbot.waitUntil(lambda: sample.search.session.answers is not None and idle(sample))
    assert sample.search.query.text == "smiling cat"
    assert sample.search.alike.slider.value() == 30
    assert len(sample.search.session.found) == 60
    sample.restore(
        {"pages": {"search": {"indexes": [{"path": "/nowhere"}, 3], "least": "x", "settings": []}}}
    )
    assert sample.search.session.places.kept == []


def test_what_another_tab_sends(tab, qtbot):
    picture = np.asarray(Image.open(sorted(emoji_folder().glob("*.png"))[100]).convert("RGB"))
    tab.receive(picture)
    qtbot.waitUntil(lambda: bool(tab.search.results.pictures.hits) and idle(tab), timeout=60_000)
    assert tab.search.query.picture is picture
    tab.receive(3.5)
    assert "cannot be used here" in said(tab)


def test_an_index_is_forgotten_or_deleted(tab, qtbot, folder):
    indexed(tab, qtbot, folder)
    place = tab.search.session.place
    assert place.ours
    tab.search.indexing.remove(place)
    qtbot.waitUntil(lambda: not place.folder.exists())
    assert tab.search.session.place.path == "bundled"
    assert Places.restored(tab.search.session.places.state()).kept == []


def test_the_menu_of_a_picture(sample, qtbot):
    results = sample.search.results
    menu = results.menu()
    assert "Show in folder" in [action.text() for action in menu.actions()]
    menu.deleteLater()
    box = results.gallery.rect_of(2)
    qtbot.mouseClick(results.gallery.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(box.center()))
    assert results.gallery.currentIndex().row() == 2


def test_nothing_that_was_not_asked_for_stands_under_the_first_question(tab, qtbot, monkeypatch):
    """While the model loads there is no grid of every picture under the words."""
    import threading

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
    qtbot.waitUntil(lambda: turned_from.id not in [one.id for one in search.results.pictures.hits])
    assert search.results.current is None
    assert search.details.shown is turned_from
    search.results.gallery.setCurrentIndex(search.results.pictures.index(2))
    kept = search.results.current
    search.query._chips[0].click()
    qtbot.waitUntil(lambda: turned_from.id in [one.id for one in search.results.pictures.hits])
    assert search.results.current.id == kept.id


def test_only_pictures_of_the_index_are_handed_to_the_system(sample, qtbot, monkeypatch, tmp_path):
    from dataclasses import replace

    opened = []
    monkeypatch.setattr("app.tabs.search.actions.QDesktopServices.openUrl", opened.append)
    search = sample.search
    shown = search.results.current
    (tmp_path / "run.sh").write_text("#!/bin/sh\n")
    (tmp_path / "run.png").write_text("#!/bin/sh\n")
    Image.new("RGB", (8, 8)).save(tmp_path / "elsewhere.png")
    for name in ("run.sh", "run.png", "elsewhere.png"):
        search.results.chosen.emit(replace(shown, path=tmp_path / name))
        for action in ("open", "folder"):
            search.deeds.do(action)
            assert f"{name} is not opened" in said(sample)
            sample.clear_messages()
    assert opened == []
    search.results.chosen.emit(shown)
    search.deeds.do("open")
    assert opened == [QUrl.fromLocalFile(str(shown.path))]
