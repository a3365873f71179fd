"""What the search tab shows of its answers and lets a person do with them: keys, thresholds, filters, reasons, exports."""

import csv
import json

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPoint, Qt, QUrl
from PySide6.QtGui import QGuiApplication

from tests.gui.search.helpers import asked, idle, messages_of, words


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
    assert chosen.id not in [item.id for item in search.results.pictures.hits]
    qtbot.keyClick(gallery, Qt.Key.Key_Escape)
    assert search.query.field.hasFocus()
    gallery.setFocus()
    qtbot.keyClick(gallery, "f")
    assert search.query.field.text() == "f"
    assert search.query.field.hasFocus()


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
    assert all(item.percentile >= 50 or item.written for item in shown)
    assert f"{len(shown)} of 200" in search.alike.words.text()
    search.alike.slider.setValue(100)
    assert search.results.stack.currentIndex() == 0
    assert search.results.empty_title.text() == "Nothing is that alike"
    search.alike.slider.setValue(0)
    assert len(search.results.pictures.hits) == 200
    search.alike.fold.setChecked(True)
    qtbot.waitUntil(lambda: any(item.duplicates for item in search.results.pictures.hits))
    row, folded = next(
        (row, item) for row, item in enumerate(search.results.pictures.hits) if item.duplicates
    )
    before = len(search.results.pictures.hits)
    search.results.gallery.setCurrentIndex(search.results.pictures.index(row))
    search.details.figures.linkActivated.emit("unfold")
    shown = [item.id for item in search.results.pictures.hits]
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


def test_filters_narrow_the_answers(sample, qtbot):
    search = sample.search
    everything = {item.id for item in search.results.pictures.hits}
    search.filters.orientation.setCurrentIndex(search.filters.orientation.findData("portrait"))
    qtbot.waitUntil(lambda: search.results.stack.currentIndex() == 0, timeout=20_000)
    assert "portrait" in search.filters.fold.button.text()
    search.filters.clear.click()
    qtbot.waitUntil(lambda: {item.id for item in search.results.pictures.hits or []} == everything)
    search.filters.since.setText("May")
    search.filters.since.editingFinished.emit()
    qtbot.waitUntil(lambda: "is no date" in messages_of(sample))
    search.filters.clear.click()
    qtbot.waitUntil(lambda: idle(sample))


def test_captions_found_with_a_picture(sample, qtbot):
    search = sample.search
    search.details.buttons["captions"].click()
    qtbot.waitUntil(
        lambda: search.session.answers is not None and search.session.answers.searched > 0 and idle(sample)
    )
    assert search.settings.side.currentData() == "captions"
    qtbot.waitUntil(lambda: any("cat" in item for item in words(sample)[:5]))


def test_exports(sample, qtbot, tmp_path):
    assert all(action.isEnabled() for action in sample.export_actions())
    sample.start(sample.search.result_actions.save_table(tmp_path / "results.csv"))
    qtbot.waitUntil((tmp_path / "results.csv").is_file)
    with open(tmp_path / "results.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 200
    hit = sample.search.results.pictures.hits[7]
    assert rows[7]["path"] == str(hit.path)
    assert float(rows[7]["similarity"]) == pytest.approx(hit.score, abs=1e-6)
    assert int(rows[7]["distance"]) == hit.distance
    sample.start(sample.search.result_actions.save_sheet(tmp_path / "sheet.png"))
    qtbot.waitUntil(lambda: (tmp_path / "sheet.png").is_file() and idle(sample), timeout=30_000)
    sheet = np.asarray(Image.open(tmp_path / "sheet.png"))
    assert sheet.shape[1] > 1800
    assert sheet.min() < 100


def test_every_picture_is_exported_where_every_one_is_shown(sample, qtbot, tmp_path):
    sample.search.query.clear()
    qtbot.waitUntil(lambda: sample.search.results.pictures.hits is None)
    sample.start(sample.search.result_actions.save_table(tmp_path / "all.csv"))
    qtbot.waitUntil((tmp_path / "all.csv").is_file)
    assert len((tmp_path / "all.csv").read_text("utf-8").splitlines()) == 1645
    (tmp_path / "file").write_text("")
    sample.start(sample.search.result_actions.save_table(tmp_path / "file" / "all.csv"))
    qtbot.waitUntil(lambda: "all.csv" in messages_of(sample))


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
    assert len(sample.search.session.hits) == 60
    sample.restore(
        {"pages": {"search": {"indexes": [{"path": "/nowhere"}, 3], "least": "x", "settings": []}}}
    )
    assert sample.search.session.places.kept == []


def test_the_menu_of_a_picture(sample, qtbot):
    results = sample.search.results
    menu = results.menu()
    assert "Show in folder" in [action.text() for action in menu.actions()]
    menu.deleteLater()
    box = results.gallery.rect_of(2)
    qtbot.mouseClick(results.gallery.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(box.center()))
    assert results.gallery.currentIndex().row() == 2


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
            search.result_actions.do(action)
            assert f"{name} is not opened" in messages_of(sample)
            sample.clear_messages()
    assert opened == []
    search.results.chosen.emit(shown)
    search.result_actions.do("open")
    assert opened == [QUrl.fromLocalFile(str(shown.path))]
