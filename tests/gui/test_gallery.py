"""The grid for any number of tiles, and the store of small pictures behind it."""

import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QStyleOptionViewItem

from app.tabs.search.grid import GridItem, Pictures
from app.tabs.search.results import Results
from app.tabs.search.thumbnails import Thumbnails, read
from app.tabs.search.tile import LARGEST_ZOOM, fitted
from app.widgets.code_bits import CodeBits
from models.search.index_table import IndexedItem
from models.search.samples import emoji_folder

BOX = QSize(64, 48)
PATIENCE_S = 60
FILES = sorted(emoji_folder().glob("*.png"))


@pytest.fixture
def results(qtbot):
    """A grid of 100,000 pictures."""
    made = Results()
    qtbot.addWidget(made)
    made.resize(900, 600)
    made.pictures.show_hits([GridItem(number, FILES[number % len(FILES)]) for number in range(100_000)])
    made.show_grid()
    made.show()
    qtbot.waitExposed(made)
    yield made
    made.close_threads()


@pytest.fixture
def thumbnails(qapp):
    made = Thumbnails(BOX)
    yield made
    made.close()
    made.deleteLater()


def test_every_tile_is_where_it_is_looked_for(results):
    gallery = results.gallery
    assert gallery.columns == 7
    for scrolled in (0, 12_345, gallery.verticalScrollBar().maximum()):
        gallery.verticalScrollBar().setValue(scrolled)
        first, last = gallery.visible_rows()
        assert 0 < last - first < 80
        for row in range(first, last + 1):
            box = gallery.rect_of(row)
            middle = box.center()
            if gallery.viewport().rect().contains(middle):
                assert gallery.indexAt(middle).row() == row
        assert gallery.rect_of(first).bottom() >= -gallery._gap
    assert last == 99_999
    assert gallery.rect_of(last).bottom() <= gallery.viewport().height()
    assert not gallery.indexAt(QPoint(gallery.rect_of(first).right() + 5, 50)).isValid(), "between two tiles"


def test_keys_go_through_all_of_it(results, qtbot):
    gallery = results.gallery
    gallery.setFocus()

    def press(key):
        qtbot.keyClick(gallery, key)
        assert gallery.viewport().rect().intersects(gallery.visualRect(gallery.currentIndex()))
        return gallery.currentIndex().row()

    assert gallery.currentIndex().row() == 0  # Qt chooses the first where the focus comes to none
    assert press(Qt.Key.Key_Right) == 1
    assert press(Qt.Key.Key_Down) == 8
    assert press(Qt.Key.Key_Up) == 1
    assert press(Qt.Key.Key_Up) == 1
    assert press(Qt.Key.Key_PageDown) > 20
    assert press(Qt.Key.Key_End) == 99_999
    assert press(Qt.Key.Key_Down) == 99_999
    assert press(Qt.Key.Key_Home) == 0
    assert press(Qt.Key.Key_Left) == 0


def test_what_is_in_view_is_read_and_what_was_passed_is_not(results, qtbot):
    seen = [FILES[row % len(FILES)] for row in range(*results.gallery.visible_rows())]
    qtbot.waitUntil(lambda: all(results.thumbnails.find(path) is not None for path in seen), timeout=20_000)
    results.thumbnails.forget()
    bar = results.gallery.verticalScrollBar()
    for value in range(0, 60_000, 600):  # quickly past hundreds of pictures
        bar.setValue(value)
        results.gallery.repaint()
    first, last = results.gallery.visible_rows()
    here = [results.pictures.at(row).path for row in range(first, last + 1)]
    qtbot.waitUntil(lambda: all(results.thumbnails.find(path) is not None for path in here), timeout=20_000)
    assert len(results.thumbnails._waiting) < 3 * (last - first + 1)


def test_other_sizes_of_tiles_keep_the_current_one_in_view(results):
    gallery = results.gallery
    gallery.setCurrentIndex(results.pictures.index(50_000))
    for size in ("large", "small", "medium"):
        results.set_size(size)
        assert gallery.viewport().rect().intersects(gallery.visualRect(gallery.currentIndex()))
    results.resize(500, 400)
    assert gallery.columns < 7


def test_the_store_is_bounded_and_keeps_what_was_used_last(qtbot, thumbnails):
    thumbnails.most_bytes = 40 * BOX.width() * BOX.height() * 4
    thumbnails.ask(FILES[:120])
    qtbot.waitUntil(lambda: not thumbnails._waiting and not thumbnails._read_now, timeout=20_000)
    qtbot.waitUntil(lambda: not thumbnails._told)
    assert 0 < thumbnails.held_bytes <= thumbnails.most_bytes
    assert thumbnails.find(FILES[119]) is not None
    assert thumbnails.find(FILES[0]) is None


def test_pictures_of_all_kinds(tmp_path):
    """As the search sees them: upright, on white, in 8 bits, the first frame."""
    field = np.zeros((40, 80, 3), np.uint8)
    field[:, :40] = (250, 10, 10)
    plain = Image.fromarray(field)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    plain.save(tmp_path / "turned.jpg", exif=exif, quality=95)
    plain.convert("CMYK").save(tmp_path / "print.tif")
    Image.fromarray((np.arange(3200).reshape(40, 80) * 20).astype(np.uint16)).save(tmp_path / "deep.tif")
    plain.save(tmp_path / "moving.gif", save_all=True, append_images=[Image.new("RGB", (80, 40), "blue")])
    Image.new("RGBA", (80, 40), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    turned = read(tmp_path / "turned.jpg", BOX).image
    assert turned.height() > turned.width()
    assert turned.pixelColor(turned.width() // 2, 4).red() > 200
    for name in ("print.tif", "moving.gif"):
        image = read(tmp_path / name, BOX).image
        assert image.pixelColor(5, image.height() // 2).red() > 200, name
        assert image.pixelColor(image.width() - 5, image.height() // 2).red() < 60, name
    deep = read(tmp_path / "deep.tif", BOX).image
    assert deep.pixelColor(2, deep.height() - 2).red() > deep.pixelColor(2, 2).red() + 100
    assert read(tmp_path / "clear.png", BOX).image.pixelColor(9, 9).name() == "#ffffff"
    assert read(tmp_path / "clear.png", QSize(400, 400), 1.6).image.width() == 128
    (tmp_path / "broken.png").write_bytes(b"x")
    assert not read(tmp_path / "broken.png", BOX).gone
    assert "cannot be read" in str(read(tmp_path / "broken.png", BOX).problem)
    assert read(tmp_path / "nowhere.png", BOX).gone


def test_pages_come_when_they_are_looked_at():
    pictures, wanted = Pictures(), []
    pictures.page_wanted.connect(wanted.append)
    pictures.show_all(np.arange(1000, 2000))
    assert pictures.rowCount() == 1000
    assert pictures.at(700) is None
    assert pictures.at(701) is None
    assert wanted == [2]
    ids = pictures.page_ids(2)
    items = [IndexedItem(int(i), Path(f"{i}.png"), (), "", 1, 1) for i in ids if i != 1600]
    pictures.fill(2, ids, items)
    assert pictures.at(700).id == 1700
    assert pictures.at(600) is None  # it is gone from the index
    pictures.show_all(np.arange(1000, 2100))
    assert pictures.at(700).id == 1700, "what was fetched is kept where only more has come"
    assert pictures.row_of(2050) == 1050
    pictures.show_all(np.arange(5))
    assert pictures.rowCount() == 5
    pictures.fill(2, ids, items)  # too late
    assert pictures.rowCount() == 5


def test_differing_bits_are_counted(qtbot):
    bits = CodeBits()
    qtbot.addWidget(bits)
    first, second = np.arange(32) % 2 == 0, np.arange(32) % 3 == 0
    bits.show_codes(first, second)
    assert bits.accessibleName() == f"{int((first != second).sum())} of 32 bits differ"
    tall = bits.height()
    bits.show_codes(None, second)
    assert 0 < bits.height() < tall
    bits.resize(180, bits.height())
    bits.grab()


def test_a_picture_that_was_read_for_a_finer_screen_stays_in_its_tile(results, qtbot):
    results.thumbnails.set_box(QSize(400, 300), 8.0)  # as on a screen of four pixels a point
    results.gallery.look_again()
    qtbot.waitUntil(lambda: results.thumbnails.find(FILES[0]) is not None)
    picture = QImage(140, 150, QImage.Format.Format_RGB32)
    picture.fill(Qt.GlobalColor.magenta)
    option = QStyleOptionViewItem()
    option.rect = QRect(10, 20, 120, 102)
    painter = QPainter(picture)
    results.delegate.paint(painter, option, results.pictures.index(0))
    painter.end()
    assert results.thumbnails.find(FILES[0]).image.width() > option.rect.width()
    outside = [QPoint(5, 70), QPoint(135, 70), QPoint(70, 15), QPoint(70, 125)]
    assert {picture.pixelColor(place).name() for place in outside} == {"#ff00ff"}


@pytest.mark.parametrize("ratio", [1.0, 2.0])
def test_a_small_picture_is_as_large_on_every_screen(ratio):
    box = fitted(QImage(64, 64, QImage.Format.Format_RGB32), QRectF(0, 0, 400, 300), ratio)
    assert (box.width(), box.height()) == (64 * LARGEST_ZOOM, 64 * LARGEST_ZOOM)
    assert box.center() == QPointF(200, 150)


def test_what_was_being_read_when_the_size_changed_is_read_anew(thumbnails, qtbot, monkeypatch):
    begun, go = threading.Event(), threading.Event()

    def held(path, box, zoom=1.0):
        begun.set()
        go.wait(PATIENCE_S)
        return read(path, box, zoom)

    monkeypatch.setattr("app.tabs.search.thumbnails.read", held)
    thumbnails.ask(FILES[:1])
    assert begun.wait(PATIENCE_S)
    thumbnails.set_box(BOX * 2)
    thumbnails.ask(FILES[:1])
    go.set()
    qtbot.waitUntil(lambda: thumbnails.find(FILES[0]) is not None)
    assert thumbnails.find(FILES[0]).image.height() > BOX.height() - 1
