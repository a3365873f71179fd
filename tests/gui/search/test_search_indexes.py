"""Indexes of own folders in the search tab: made, watched, paused, gone on with, shown, forgotten."""

import shutil
import threading

from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog

from app.settings import Key
from app.tabs.search.folders import FoldersWindow
from app.tabs.search.places import Places, place_for
from models.search import building
from models.search.building import index_folder, open_index
from models.search.index import Index
from models.search.index_table import only_writer
from models.search.samples import photos_folder
from tests.gui.conftest import close_window
from tests.gui.search.helpers import asked, idle, indexed, messages_of
from tests.models.search.conftest import write_pictures


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
    qtbot.waitUntil(lambda: "Nothing is wrong" in messages_of(tab) and idle(tab))


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


def test_a_folder_is_indexed_searched_and_updated(tab, qtbot, folder):
    indexed(tab, qtbot, folder)
    search = tab.search
    assert len(search.session.about.ids) == 12
    assert "12 added" in messages_of(tab)
    assert "1 was left out" in messages_of(tab)
    assert "emoji only" in messages_of(tab)
    assert search.session.place == search.session.places.find(place_for(folder, "bundled").path)
    assert search.session.place.unfinished == ()
    (folder / "00.png").unlink()
    Image.new("RGB", (40, 40), "red").save(folder / "new.png")
    search.index.box.asked.emit("update")
    qtbot.waitUntil(lambda: "1 added, 1 removed, 12 as before" in messages_of(tab), timeout=30_000)
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
    search.result_actions.do("open")
    assert "not there any more" in messages_of(tab)


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
        assert "has not come to its end" in messages_of(tab)
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
    qtbot.waitUntil(lambda: "has not come to its end" in messages_of(tab) and idle(tab), timeout=60_000)
    assert len(tab.search.session.about.ids) == 11
    next(m for m in tab.messages.messages if m.key == "unfinished").buttons[0].click()
    qtbot.waitUntil(lambda: tab.search.indexing.running)
    qtbot.waitUntil(lambda: not tab.search.indexing.running and idle(tab), timeout=60_000)
    assert len(tab.search.session.about.ids) == 12
    assert "1 added, 12 as before" in messages_of(tab)


def test_an_index_that_another_process_writes(tab, qtbot, folder):
    indexed(tab, qtbot, folder)
    with only_writer(tab.search.session.place.folder):
        tab.search.index.box.asked.emit("update")
        qtbot.waitUntil(
            lambda: "being written by another process" in messages_of(tab) and idle(tab), timeout=60_000
        )
    assert asked(tab, qtbot, "cat")


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


def test_an_index_is_forgotten_or_deleted(tab, qtbot, folder):
    indexed(tab, qtbot, folder)
    place = tab.search.session.place
    assert place.ours
    tab.search.indexing.remove(place)
    qtbot.waitUntil(lambda: not place.folder.exists())
    assert tab.search.session.place.path == "bundled"
    assert Places.restored(tab.search.session.places.state()).kept == []
