"""Indexing folders: in the background, cancelled, killed, gone on with, scanned again."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.errors import UserError
from models.progress import Cancelled, Progress
from models.search import building, pictures
from models.search.building import index_folder, open_index
from models.search.hashing import Projection
from models.search.index import Index
from models.search.index_settings import IndexSettings
from models.search.index_table import Identity
from models.search.pictures import View
from models.search.queries import Query
from models.search.searcher import Searcher
from tests.models.search.conftest import write_pictures


class MeanColours:
    """An encoder that takes no time: four corner colours. Counts what it was asked to encode."""

    view = View(height=2, width=2, resample=0)

    def __init__(self):
        self.hasher, self.pictures, self.texts = Projection(12, 64), 0, 0
        self.identity = Identity("mean colours", self.hasher.identity, 64, 12)

    def encode_pixels(self, pixels):
        self.pictures += len(pixels)
        return self.hasher.images(pixels.reshape(len(pixels), -1) / 255 - 0.5)

    def encode_texts(self, texts):
        self.texts += len(texts)
        return self.hasher.texts(
            np.array([[len(text) + i for i in range(12)] for text in texts], float).reshape(-1, 12)
        )


@pytest.fixture
def encoder():
    return MeanColours()


@pytest.fixture
def index(tmp_path, encoder):
    made = open_index(tmp_path / "index", encoder.identity)
    yield made
    made.close()


def test_only_what_changed_is_encoded(tmp_path, index, encoder):
    paths = write_pictures(tmp_path / "p", 30)
    first = index_folder(encoder, index, tmp_path / "p")
    assert (first.added, first.unchanged, encoder.pictures) == (30, 0, 30)
    again = index_folder(encoder, index, tmp_path / "p")
    assert (again.added, again.unchanged, encoder.pictures) == (0, 30, 30)
    Image.new("RGB", (16, 16), "white").save(paths[4])
    os.utime(paths[5], ns=(1, 1))
    paths[6].unlink()
    Image.new("RGB", (16, 16), "black").save(tmp_path / "p" / "new.png")
    third = index_folder(encoder, index, tmp_path / "p")
    assert (third.added, third.changed, third.removed, third.unchanged) == (1, 1, 1, 28), (
        "touched is not changed"
    )
    assert encoder.pictures == 32
    white = encoder.encode_pixels(np.full((1, 2, 2, 3), 255, np.uint8))
    assert index.items(index.search(white.codes[0], 1)[1])[0].path == paths[4].resolve()


def test_broken_files_are_told_and_not_tried_again(tmp_path, index, encoder):
    paths = write_pictures(tmp_path / "p", 5)
    paths[2].write_bytes(b"broken")
    report = index_folder(encoder, index, tmp_path / "p")
    assert [Path(path).name for path, _ in report.problems] == [paths[2].name]
    assert len(index) == 4
    assert len(index.problems()) == 1
    assert index_folder(encoder, index, tmp_path / "p").problems == ()
    Image.new("RGB", (4, 4)).save(paths[2])
    assert index_folder(encoder, index, tmp_path / "p").changed == 1
    assert len(index) == 5


def test_captions_come_along_and_can_change(tmp_path, index, encoder):
    write_pictures(tmp_path / "p", 3)
    listing = tmp_path / "p" / "captions.csv"
    listing.write_text("file,caption,attribution\n000/00000.png,a cat || a pet,by me\ngone.png,nobody,\n")
    report = index_folder(encoder, index, tmp_path / "p")
    assert [Path(path).name for path, _ in report.problems] == ["gone.png"]
    assert index.caption_count == 2
    assert next(index.all_items()).attribution == "by me"
    listing.write_text("file,caption,attribution\n000/00000.png,a dog,\n000/00001.png,a bird,\n")
    report = index_folder(encoder, index, tmp_path / "p")
    assert (report.unchanged, encoder.pictures) == (3, 3), "no picture is encoded again"
    assert [item.captions for item in index.all_items()] == [("a dog",), ("a bird",), ()]
    assert index.caption_count == 2
    listing.write_text("no,captions\n1,2\n")
    report = index_folder(encoder, index, tmp_path / "p")
    assert "lacks a column" in report.problems[0][1]
    assert len(index) == 3


def test_found_while_indexing_and_kept_when_cancelled(tmp_path, index, encoder, monkeypatch):
    monkeypatch.setattr(building, "COMMIT_S", 0.0)
    paths = write_pictures(tmp_path / "p", 40)
    wanted = Image.open(paths[0])
    seen = []

    def told(count):
        code = encoder.hasher.images(np.asarray(wanted.resize((2, 2), 0)).reshape(1, -1) / 255 - 0.5).codes[0]
        seen.append((count, index.items(index.search(code, 1)[1])[0].path))
        if count >= 16:
            progress.cancel()

    progress = Progress()
    with pytest.raises(Cancelled):
        index_folder(encoder, index, tmp_path / "p", progress, IndexSettings(batch_size=8), told)
    assert [count for count, _ in seen] == [8, 16]
    assert {path for _, path in seen} == {paths[0].resolve()}
    report = index_folder(encoder, index, tmp_path / "p")
    assert (report.added, report.unchanged, encoder.pictures) == (24, 16, 40)


@pytest.mark.slow
def test_searched_by_another_thread_meanwhile(tmp_path, index, encoder, monkeypatch):
    monkeypatch.setattr(building, "COMMIT_S", 0.0)
    write_pictures(tmp_path / "p", 200)
    errors, done = [], threading.Event()

    def search():
        code = np.zeros(8, np.uint8)
        while not done.is_set():
            try:
                _, ids = index.search(code, 20)
                index.items(ids)
                index.embeddings(ids)
            except Exception as error:
                errors.append(error)
                return

    searching = threading.Thread(target=search)
    searching.start()
    try:
        index_folder(encoder, index, tmp_path / "p", settings=IndexSettings(batch_size=8))
    finally:
        done.set()
        searching.join()
    assert errors == []
    assert len(index) == 200


def test_folders_that_cannot_be_used(tmp_path, index, encoder):
    with pytest.raises(UserError, match="is not a folder"):
        index_folder(encoder, index, tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    assert index_folder(encoder, index, tmp_path / "empty").added == 0


def test_a_folder_below_that_cannot_be_read_is_not_gone(tmp_path, index, encoder, monkeypatch):
    write_pictures(tmp_path / "p" / "a", 3)
    write_pictures(tmp_path / "p" / "b", 3)
    index_folder(encoder, index, tmp_path / "p")
    find = pictures.find

    def half(folder):
        result, _ = find(folder)
        hidden = Path(folder) / "b"
        return [path for path in result if hidden not in path.parents], [(str(hidden), "Permission denied")]

    monkeypatch.setattr(pictures, "find", half)
    report = index_folder(encoder, index, tmp_path / "p")
    assert report.removed == 0
    assert "Permission denied" in report.problems[0][1]
    assert len(index) == 6


def test_two_folders_in_one_index(tmp_path, index, encoder):
    for name in ("a", "b"):
        write_pictures(tmp_path / name, 3, seed=ord(name))
        index_folder(encoder, index, tmp_path / name)
    assert len(index) == 6
    assert index.folders() == [(tmp_path / name).resolve() for name in ("a", "b")]
    shutil.rmtree(tmp_path / "a" / "000")
    with pytest.raises(UserError, match="drive may not be connected"):
        index_folder(encoder, index, tmp_path / "a")
    assert len(index) == 6
    write_pictures(tmp_path / "a" / "new", 1, seed=7)
    assert index_folder(encoder, index, tmp_path / "a").removed == 3
    assert len(index) == 4


def test_a_file_removed_after_indexing_is_told(tmp_path, hash_model):
    paths = write_pictures(tmp_path / "p", 4)
    searcher = Searcher.load(hash_model)
    searcher.index_folder(tmp_path / "p", tmp_path / "index")
    paths[1].unlink()
    index = searcher.open_index(tmp_path / "index")
    hits = {hit.path.name: hit.there for hit in searcher.search(index, Query(text="red")).hits}
    assert hits == {path.name: path != paths[1] for path in paths}
    index.close()


SCRIPT = """
import json, sys
from models.progress import Progress
from models.search.building import index_folder, open_index
from tests.models.search.test_search_building import MeanColours

if __name__ == "__main__":
    encoder = MeanColours()
    index = open_index(sys.argv[2], encoder.identity)
    told = lambda count: print(count, flush=True)
    report = index_folder(encoder, index, sys.argv[1], on_growth=told)
    print(json.dumps({"encoded": encoder.pictures, "unchanged": report.unchanged, "count": len(index)}), flush=True)
"""


@pytest.mark.slow
def test_twenty_thousand_killed_resumed_and_scanned_again(tmp_path):
    paths = write_pictures(tmp_path / "p", 20_000, size=8)
    (tmp_path / "build.py").write_text(SCRIPT)
    command = [sys.executable, str(tmp_path / "build.py"), str(tmp_path / "p"), str(tmp_path / "index")]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[3])}
    kept = 0
    for least in (1000, 6000):
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        try:
            for line in process.stdout:
                if int(line) >= least:
                    break
            encoder = MeanColours()
            meanwhile = Index.open(tmp_path / "index", encoder.identity)
            assert len(meanwhile) >= least, "what is indexed can be searched at once, from any process"
            assert len(meanwhile.search(np.zeros(8, np.uint8), 10)[1]) == 10
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            process.stdout.close()
        meanwhile.refresh()
        assert len(meanwhile) >= kept
        kept = len(meanwhile)
        meanwhile.close()
    end = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=280)
    report = json.loads(end.stdout.splitlines()[-1])
    assert report == {"encoded": 20_000 - kept, "unchanged": kept, "count": 20_000}
    for number in (7, 12_345, 19_999):
        Image.new("RGB", (8, 8), (number % 256, 1, 2)).save(paths[number])
    end = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=280)
    report = json.loads(end.stdout.splitlines()[-1])
    assert report == {"encoded": 3, "unchanged": 19_997, "count": 20_000}
    index, encoder = Index.open(tmp_path / "index"), MeanColours()
    random = np.random.default_rng(0)
    for number in random.integers(0, 20_000, 20):  # every code is that of its own picture
        pixels = encoder.view.pixels(Image.open(paths[number]).convert("RGB"))[None]
        _, ids = index.search(encoder.encode_pixels(pixels).codes[0], 300)
        assert paths[number].resolve() in [item.path for item in index.items(ids)]
    index.close()


def test_the_count_that_is_told_is_that_of_the_report(tmp_path, index, encoder):
    """Copies of a picture, which are not encoded, and files that cannot be read count like any other."""
    paths = write_pictures(tmp_path / "p", 5)
    shutil.copyfile(paths[0], paths[0].with_name("copy of it.png"))
    (tmp_path / "p" / "broken.png").write_bytes(b"no picture")
    (tmp_path / "p" / "broken twin.png").write_bytes(b"no picture")
    told = []
    report = index_folder(encoder, index, tmp_path / "p", Progress(told.append))
    counts = [(step.done, step.total) for step in told if step.message.startswith("Indexing")]
    assert counts[-1] == (8, 8)
    assert counts == sorted(counts)
    assert report.added + len(report.problems) == 8
