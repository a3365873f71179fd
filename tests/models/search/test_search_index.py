"""The index: what is written is found, by whoever reads, whatever was killed."""

import sqlite3
import subprocess
import sys

import numpy as np
import pytest

from models.errors import UserError
from models.search import codes
from models.search.encoded import Encoded
from models.search.faiss_index import CodeIndex
from models.search.index import Index
from models.search.index_table import Identity, NewItem

IDENTITY = Identity("e", "h", 64, 12, "Encoder", "Hash model")


def encoded(count: int, seed: int = 0) -> Encoded:
    random = np.random.default_rng(seed)
    values = random.normal(size=(count, 64)).astype(np.float32)
    return Encoded(random.normal(size=(count, 12)).astype(np.float32), codes.pack(values), values)


def items(count: int, first: int = 0, captions: int = 0) -> list[NewItem]:
    return [
        NewItem(f"{number}.png", 10, number, tuple(f"caption {number} {c}" for c in range(captions)))
        for number in range(first, first + count)
    ]


@pytest.fixture
def index(tmp_path):
    made = Index.create(tmp_path / "index", IDENTITY)
    yield made
    made.close()


def test_what_is_put_is_found(index):
    root, given, texts = index.root("/pictures"), encoded(20), encoded(40, 1)
    ids = index.put(root, items(20, captions=2), given, texts)
    assert len(index) == 20
    assert index.caption_count == 40
    distances, result = index.search(given.codes[7], 5)
    assert (distances[0], result[0]) == (0, ids[7])
    assert distances.tolist() == sorted(distances)
    (item,) = index.items(result[:1])
    assert item.path.as_posix() == "/pictures/7.png"
    assert item.captions == ("caption 7 0", "caption 7 1")
    _, result = index.search(texts.codes[15], 1, "captions")
    assert index.captions(result) == [(int(result[0]), "caption 7 1", ids[7])]
    np.testing.assert_array_equal(index.codes(ids[3:5]), given.codes[3:5])
    np.testing.assert_allclose(index.embeddings(ids[3:5]), given.embeddings[3:5], rtol=1e-3, atol=1e-3)


def test_it_is_all_there_after_opening_again(index):
    root = index.root("/pictures")
    given = encoded(20)
    ids = index.put(root, items(20), given)
    index.remove(ids[:3])
    changed = encoded(1, 5)
    index.put(root, [NewItem("9.png", 99, 99)], changed)
    again = Index.open(index.folder, IDENTITY)
    for item in (index, again):
        assert len(item) == 17
        assert item.search(changed.codes[0], 1)[1].tolist() == [ids[9]]
        assert not set(ids[:3]) & set(item.search(given.codes[0], 20)[1].tolist())
        np.testing.assert_array_equal(item.codes([ids[19]])[0], given.codes[19])
        with pytest.raises(KeyError):
            item.codes(ids[:1])
    again.close()


def test_a_reader_takes_over_what_a_writer_adds(index):
    root = index.root("/pictures")
    reader = Index.open(index.folder, IDENTITY)
    assert not reader.refresh()
    index.put(root, items(4), encoded(4))
    assert reader.refresh()
    assert len(reader) == 4
    index.remove([1])
    assert reader.refresh()
    assert len(reader) == 3
    reader.close()


def test_problems_are_kept_and_not_found(index):
    root = index.root("/pictures")
    given = [*items(2), NewItem("bad.png", 1, 1, problem="It is broken.")]
    index.put(root, given, encoded(2))
    assert len(index) == 2
    assert [(item.path.name, item.problem) for item in index.problems()] == [("bad.png", "It is broken.")]
    index.put(root, [NewItem("bad.png", 2, 2)], encoded(1, 3))  # it was mended
    assert len(index) == 3
    assert index.problems() == []


def test_rows_that_were_written_but_not_named_are_written_over(index):
    """As after a kill between the files and the table."""
    root = index.root("/pictures")
    index.put(root, items(3), encoded(3))
    with open(index.folder / "pictures.codes", "ab") as file:
        file.write(b"\xff" * 13)
    again = Index.open(index.folder, IDENTITY)
    assert len(again) == 3
    given = encoded(2, 8)
    ids = again.put(root, items(2, 3), given)
    np.testing.assert_array_equal(again.codes(ids), given.codes)
    again.close()


def test_a_failed_write_changes_nothing(index, monkeypatch):
    root = index.root("/pictures")
    index.put(root, items(3), encoded(3))
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(UserError, match="no room left"):
        index.put(root, items(2, 3), encoded(2))
    monkeypatch.undo()
    assert len(index) == 3
    index.put(root, items(2, 3), encoded(2))
    assert len(index) == 5


def test_one_writer_at_a_time_and_a_killed_one_lets_go(index):
    script = (
        "import sys, time\nfrom models.search.index import Index\nindex = Index.open(sys.argv[1])\n"
        "with index.writing():\n    print('writing', flush=True)\n    time.sleep(100)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(index.folder)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout.readline() == "writing\n"
        with pytest.raises(UserError, match="by another process"), index.writing():
            pass
        assert len(index) == 0, "reading is not hindered"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    with index.writing():
        index.root("/pictures")


def test_damaged_and_foreign(tmp_path, index):
    with pytest.raises(UserError, match="is not an index"):
        Index.open(tmp_path / "nowhere")
    with pytest.raises(UserError, match="already holds an index"):
        Index.create(index.folder, IDENTITY)
    index.put(index.root("/p"), items(3), encoded(3))
    (index.folder / "pictures.codes").write_bytes(b"12345678")
    with pytest.raises(UserError, match="shorter than its table"):
        Index.open(index.folder)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "index.sqlite").write_bytes(
        b"no data base at all, but long enough to be looked at" * 9
    )
    with pytest.raises(UserError, match="cannot be read"):
        Index.open(tmp_path / "other")


def test_newer_format(index):
    base = sqlite3.connect(index.folder / "index.sqlite")
    with base:
        base.execute("UPDATE meta SET value = '99' WHERE key = 'format'")
    base.close()
    with pytest.raises(UserError, match="newer Polyphony"):
        Index.open(index.folder)


def test_without_embeddings(tmp_path):
    index = Index.create(tmp_path / "index", IDENTITY, keep_embeddings=False)
    ids = index.put(index.root("/p"), items(3), encoded(3))
    assert index.embeddings(ids) is None
    assert not (tmp_path / "index" / "pictures.embeddings").exists()
    index.close()


@pytest.mark.parametrize("bits", [16, 32, 64, 128])
def test_exact_search_is_exact(bits):
    random = np.random.default_rng(bits)
    base = random.integers(0, 256, (3000, bits // 8), dtype=np.uint8)
    index = CodeIndex(base[:2000], bits)
    index.add(base[2000:])
    for query in random.integers(0, 256, (5, bits // 8), dtype=np.uint8):
        expected = np.sort(codes.distances(query[None], base)[0])[:40]
        distances, rows = index.search(query, 40)
        np.testing.assert_array_equal(distances, expected)
        np.testing.assert_array_equal(codes.distances(query[None], base)[0][rows], distances)


@pytest.mark.parametrize("kind", ["multi-index", "inverted"])
def test_approximate_kinds_find_the_near(kind):
    random = np.random.default_rng(0)
    base = random.integers(0, 256, (4000, 8), dtype=np.uint8)
    index = CodeIndex(base, 64, kind)
    assert index.kind == kind
    near = 0
    for row in range(50):
        query = base[row].copy()
        query[0] ^= 1
        distances, rows = index.search(query, 5)
        near += len(rows) > 0 and rows[0] == row and distances[0] == 1
    assert near >= (50 if kind == "multi-index" else 40)


def test_searching_leaves_the_threads_as_they_were():
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        CodeIndex(np.zeros((10, 8), np.uint8), 64).search(np.zeros(8, np.uint8), 3)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_an_empty_index_finds_nothing(index):
    distances, ids = index.search(np.zeros(8, np.uint8), 10)
    assert len(distances) == len(ids) == 0
