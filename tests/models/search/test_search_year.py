"""A year of a folder's life: the entries of the index are its files, and nothing is encoded twice."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.errors import UserError
from models.search import facts, roots, upkeep
from models.search.building import index_folder, open_index
from models.search.filters import Filters
from models.search.index import Index
from models.search.index_table import ADDED, FORMAT_VERSION
from tests.models.search.conftest import write_pictures
from tests.models.search.test_search_building import MeanColours


def picture(path, *color):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), color).save(path)
    return path


def entries(index):
    return sorted(str(item.path) for item in index.all_items())


def files(*folders):
    return sorted(str(path) for folder in folders for path in folder.resolve().rglob("*.png"))


def true_to_its_files(index, encoder):
    """Every entry's code is that of its file, and the table, the files and the words agree."""
    for item in index.all_items():
        pixels = encoder.view.pixels(Image.open(item.path).convert("RGB"))[None]
        np.testing.assert_array_equal(
            index.codes([item.id])[0], encoder.hasher.images(pixels.reshape(1, -1) / 255 - 0.5).codes[0]
        )
        assert item.facts.content == facts.of(item.path).content
    assert [finding.words for finding in upkeep.check(index.folder)] == []


@pytest.fixture
def encoder():
    return MeanColours()


@pytest.fixture
def index(tmp_path, encoder):
    made = open_index(tmp_path / "index", encoder.identity)
    yield made
    made.close()


def test_a_year_of_a_folders_life(tmp_path, index, encoder):
    home = tmp_path / "pictures"
    for number in range(12):
        picture(home / "spring" / f"{number}.png", number, 0, 0)
    (home / "spring" / "captions.csv").write_text("file,caption,keywords\n0.png,a first day,sun|walk\n")
    index_folder(encoder, index, home)
    assert encoder.pictures == 12

    # renamed, moved into another folder, copied, touched
    (home / "spring" / "1.png").rename(home / "spring" / "one.png")
    (home / "album").mkdir()
    (home / "spring" / "2.png").rename(home / "album" / "2.png")
    shutil.copyfile(home / "spring" / "3.png", home / "album" / "copy.png")
    os.utime(home / "spring" / "4.png", ns=(5, 5))
    report = index_folder(encoder, index, home)
    assert (report.moved, report.added, report.changed, report.removed) == (2, 0, 0, 0)
    assert (encoder.pictures, entries(index)) == (12, files(home))

    # a folder below as a folder of its own, then a new picture in it, then one above
    index_folder(encoder, index, home / "spring")
    assert (index.folders(), entries(index)) == ([home.resolve()], files(home))
    picture(home / "spring" / "new.png", 99, 0, 0)
    assert index_folder(encoder, index, home / "spring").added == 1
    index_folder(encoder, index, tmp_path)  # the index's own folder holds no pictures
    assert (index.folders(), entries(index)) == ([tmp_path.resolve()], files(home))
    assert encoder.pictures == 13
    assert index.found_by_words("first walk", 9) == [
        item.id for item in index.all_items() if item.captions == ("a first day",)
    ]

    # the whole folder is renamed; a second one comes and goes
    home.rename(tmp_path / "2023")
    home = tmp_path / "2023"
    assert index_folder(encoder, index, tmp_path).moved == 14
    assert (encoder.pictures, entries(index)) == (13, files(home))

    # deleted, and restored from a copy
    shutil.copytree(home / "album", tmp_path.parent / f"{tmp_path.name}-kept")
    shutil.rmtree(home / "album")
    assert index_folder(encoder, index, tmp_path).removed == 2
    assert entries(index) == files(home)
    shutil.move(tmp_path.parent / f"{tmp_path.name}-kept", home / "album")
    index_folder(encoder, index, tmp_path)
    assert entries(index) == files(home)
    assert encoder.pictures == 14, "3.png was still there, 2.png had left the index"
    true_to_its_files(index, encoder)


def test_a_drive_that_is_away_and_back(tmp_path, index, encoder):
    drive, away = tmp_path / "drive", tmp_path / "away"
    for number in range(5):
        picture(drive / f"{number}.png", 0, number, 0)
    index_folder(encoder, index, drive)
    drive.rename(away)
    with pytest.raises(UserError, match="is not a folder"):
        index_folder(encoder, index, drive)
    drive.mkdir()  # its mount point alone
    with pytest.raises(UserError, match="drive may not be connected"):
        index_folder(encoder, index, drive)
    assert len(index) == 5
    drive.rmdir()
    away.rename(drive)
    assert index_folder(encoder, index, drive).unchanged == 5
    assert (encoder.pictures, entries(index)) == (5, files(drive))
    # copied to another place while the drive is away, and then both
    shutil.copytree(drive, tmp_path / "local")
    drive.rename(away)
    index_folder(encoder, index, tmp_path / "local")
    assert (entries(index), index.folders()) == (files(tmp_path / "local"), [(tmp_path / "local").resolve()])
    away.rename(drive)
    index_folder(encoder, index, drive)
    assert (encoder.pictures, entries(index)) == (5, files(drive, tmp_path / "local"))
    true_to_its_files(index, encoder)


def test_folders_are_moved_and_dropped_as_one_says(tmp_path, index, encoder):
    for name, number in (("a", 1), ("b", 2), ("c", 3)):
        picture(tmp_path / name / "x.png", number, number, 0)
        index_folder(encoder, index, tmp_path / name)
    (tmp_path / "a").rename(tmp_path / "b" / "a")
    roots.move(index, tmp_path / "a", tmp_path / "b" / "a")
    assert index.folders() == [(tmp_path / name).resolve() for name in ("b", "c")]
    assert entries(index) == files(tmp_path / "b", tmp_path / "c")
    assert index_folder(encoder, index, tmp_path / "b").unchanged == 2
    assert roots.drop(index, tmp_path / "c") == 1
    assert entries(index) == files(tmp_path / "b")
    assert encoder.pictures == 3
    with pytest.raises(UserError, match="is not a folder of this index"):
        roots.drop(index, tmp_path / "c")
    with pytest.raises(UserError, match="is not a folder\\."):
        roots.move(index, tmp_path / "b", tmp_path / "nowhere")
    true_to_its_files(index, encoder)


def test_unused_rows_are_given_back_and_a_reader_goes_on(tmp_path, index, encoder):
    paths = write_pictures(tmp_path / "p", 40)
    index_folder(encoder, index, tmp_path / "p")
    for path in paths[::2]:
        path.unlink()
    index_folder(encoder, index, tmp_path / "p")
    reader = Index.open(index.folder)
    assert index.unused_rows() == (20, 40)
    with index.writing():
        assert upkeep.compact(index) > 0
    assert index.unused_rows() == (0, 20)
    np.testing.assert_array_equal(reader.embeddings(reader.ids()), index.embeddings(index.ids()))
    reader.refresh()
    for item in (reader, index):
        true_to_its_files(item, encoder)
    reader.close()
    picture(tmp_path / "p" / "new.png", 7, 7, 7)
    index_folder(encoder, index, tmp_path / "p")
    assert sorted(path.name for path in index.folder.glob("*.codes")) == ["pictures-1.codes"]
    true_to_its_files(index, encoder)


KILLED = """
import os, sys
from models.search import upkeep
from models.search.index import Index
index = Index.open(sys.argv[1])
write = os.fsync
def killed(file):
    write(file)
    os.kill(os.getpid(), 9)
with index.writing():
    os.fsync = killed
    upkeep.compact(index)
"""


def test_killed_while_it_is_compacted(tmp_path, index, encoder):
    write_pictures(tmp_path / "p", 10)
    index_folder(encoder, index, tmp_path / "p")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[3])}
    done = subprocess.run([sys.executable, "-c", KILLED, index.folder], env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(Index.open(index.folder)) == 10
    assert [finding.words for finding in upkeep.check(index.folder)] == [
        "1 files are left over of an earlier state."
    ]
    index_folder(encoder, index, tmp_path / "p")
    true_to_its_files(index, encoder)


def test_what_is_damaged_is_found_and_put_right(tmp_path, index, encoder):
    write_pictures(tmp_path / "p", 6)
    index_folder(encoder, index, tmp_path / "p")
    index.close()
    codes = index.folder / "pictures.codes"
    codes.write_bytes(codes.read_bytes()[: 4 * 8])
    base = sqlite3.connect(index.folder / "index.sqlite")
    with base:
        base.execute("INSERT INTO captions (item, text, slot) VALUES (999, 'nobody', 0)")
        base.execute("DELETE FROM words WHERE rowid = 1")
    base.close()
    with pytest.raises(UserError, match="Repair it"):
        Index.open(index.folder)
    told = [finding.words for finding in upkeep.repair(index.folder)]
    assert told == [
        "2 pictures have no row in the files.",
        "1 captions have no row in the files.",
        "1 captions belong to no picture.",
        "1 pictures cannot be looked up by words.",
    ]
    again = Index.open(index.folder)
    assert len(again) == 4
    assert index_folder(encoder, again, tmp_path / "p").added == 2
    assert encoder.pictures == 8
    true_to_its_files(again, encoder)
    again.close()


@pytest.mark.slow
def test_a_table_of_which_pages_are_lost(tmp_path, index, encoder):
    write_pictures(tmp_path / "p", 300, size=4)
    index_folder(encoder, index, tmp_path / "p")
    index.close()
    table = index.folder / "index.sqlite"
    held = bytearray(table.read_bytes())
    middle = len(held) // 2 // 4096 * 4096
    held[middle : middle + 3 * 4096] = b"\xff" * (3 * 4096)
    table.write_bytes(held)
    assert "table is damaged" in upkeep.check(index.folder)[0].words
    upkeep.repair(index.folder)
    assert upkeep.check(index.folder) == []
    again = Index.open(index.folder)
    index_folder(encoder, again, tmp_path / "p")
    assert entries(again) == files(tmp_path / "p")
    true_to_its_files(again, encoder)
    again.close()


def test_an_index_of_the_first_format_goes_on(tmp_path, index, encoder):
    write_pictures(tmp_path / "p", 4)
    (tmp_path / "p" / "captions.csv").write_text("file,caption,keywords\n000/00000.png,a cat,pet\n")
    index_folder(encoder, index, tmp_path / "p")
    index.close()
    as_the_first_format(index.folder)
    for writable in (False, True):
        os.chmod(index.folder, 0o755)
        old = Index.open(index.folder) if writable else opened_for_reading(index.folder)
        assert old.found_by_words("cat", 5) == [1]
        assert len(old) == 4
        old.close()
    again = Index.open(index.folder)
    report = index_folder(encoder, again, tmp_path / "p")
    assert (report.unchanged, encoder.pictures) == (4, 4)
    assert again.found_by_words("pet", 5) == [1], "the keywords have come along"
    true_to_its_files(again, encoder)
    assert len(again.chosen(Filters(orientation="square"))) == 4
    again.close()


def opened_for_reading(folder):
    """As an index is opened that may not be written."""
    access = os.access
    os.access = lambda path, mode: mode != os.W_OK and access(path, mode)
    try:
        return Index.open(folder)
    finally:
        os.access = access


def as_the_first_format(folder):
    base = sqlite3.connect(folder / "index.sqlite")
    with base:
        base.execute("DROP TABLE words")
        for statement in ADDED:
            if "CREATE INDEX" in statement:
                base.execute(f"DROP INDEX {statement.split()[2]}")
        for statement in ADDED:
            if "ADD COLUMN" in statement:
                base.execute(f"ALTER TABLE items DROP COLUMN {statement.split()[5]}")
        base.execute("UPDATE meta SET value = '1' WHERE key = 'format'")
    base.close()
    assert FORMAT_VERSION == 2
