"""Indexes that were copied in part or made by others, and pictures as programs and attackers write them."""

import json
import os
import sqlite3
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from models.errors import UserError
from models.search import facts, pictures, reading
from models.search.building import index_folder, open_index
from models.search.data import open_captions
from models.search.index import Index
from models.search.index_table import Identity, only_writer
from models.search.pictures import View
from models.search.reading import decoded
from tests.models.search.test_search_building import MeanColours
from tests.models.search.test_search_index import IDENTITY, encoded, items

VIEW = View(edge=16, crop=(16, 16))


def made(folder, count=5):
    index = Index.create(folder, IDENTITY)
    index.put(index.root("/pictures"), items(count, captions=1), encoded(count), encoded(count, 1))
    index.close()
    return folder


@pytest.mark.parametrize(
    "name", ["pictures.embeddings", "captions.embeddings", "pictures.codes", "captions.codes"]
)
@pytest.mark.parametrize("share", [None, 0.5])
def test_an_index_that_was_copied_in_part(tmp_path, name, share):
    file = made(tmp_path / "index") / name
    if share is None:
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[: int(share * file.stat().st_size)])
    with pytest.raises(UserError, match="missing, or shorter"):
        Index.open(tmp_path / "index")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE items SET slot = -1",
        "UPDATE items SET slot = 'text'",
        "UPDATE items SET slot = 1 << 62",
        "UPDATE meta SET value = '{}' WHERE key = 'identity'",
        f"UPDATE meta SET value = '{'[' * 5000}' WHERE key = 'identity'",
        """UPDATE meta SET value = replace(value, '"bits": 64', '"bits": 64000000000') WHERE key = 'identity'""",
        """UPDATE meta SET value = replace(value, '"bits": 64', '"bits": 63') WHERE key = 'identity'""",
        "UPDATE meta SET value = 'new' WHERE key = 'format'",
        "DELETE FROM meta",
        "DROP TABLE captions",
        "DROP TABLE items; CREATE VIEW items AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
        " SELECT i AS id, i AS slot FROM n",
        "CREATE TRIGGER t AFTER INSERT ON items BEGIN DELETE FROM items; END",
    ],
)
def test_a_table_that_is_not_as_we_write_it(tmp_path, statement):
    base = sqlite3.connect(made(tmp_path / "index") / "index.sqlite")
    base.executescript(statement + ";")
    base.close()
    with pytest.raises(UserError, match=r"cannot be read|newer"):
        Index.open(tmp_path / "index")


@pytest.mark.parametrize(
    "statement",
    ["UPDATE items SET captions = '[', root = 9", "UPDATE items SET attribution = x'ff', captions = '['"],
)
def test_a_row_that_is_damaged_is_said_when_it_is_read(tmp_path, statement):
    base = sqlite3.connect(made(tmp_path / "index") / "index.sqlite")
    base.executescript(statement + ";")
    base.close()
    index = Index.open(tmp_path / "index")
    with pytest.raises(UserError, match="damaged"):
        index.items(index.ids())
    index.close()


@pytest.mark.parametrize(
    "left", [b"not a database at all, but long enough to be taken for one" * 20, b"\0" * 4096, None]
)
def test_a_damaged_lock_blocks_nobody(tmp_path, left):
    lock = made(tmp_path / "index") / "writer.lock"
    if left is None:
        lock.mkdir()
    else:
        lock.write_bytes(left)
    with (
        only_writer(tmp_path / "index"),
        pytest.raises(UserError, match="another process"),
        only_writer(tmp_path / "index"),
    ):
        pass
    with only_writer(tmp_path / "index"):
        pass


def test_the_empty_beginning_of_a_table_is_none(tmp_path):
    (tmp_path / "index").mkdir()
    (tmp_path / "index" / "index.sqlite").touch()
    index = open_index(tmp_path / "index", IDENTITY)
    assert len(index) == 0
    index.close()
    with pytest.raises(UserError, match="already holds"):
        Index.create(tmp_path / "index", IDENTITY)
    assert [path.name for path in (tmp_path / "index").iterdir()] == ["index.sqlite"]


def colours(folder, count, first=0):
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(first, first + count):
        Image.new("RGB", (8, 8), (number * 20 % 256, 30, 60)).save(folder / f"{number}.png")
    return folder


def index_of(tmp_path):
    encoder = MeanColours()
    return encoder, Index.create(tmp_path / "index", encoder.identity)


def test_a_folder_whose_drive_is_away_loses_nothing(tmp_path):
    encoder, index = index_of(tmp_path)
    place = colours(tmp_path / "in", 4)
    assert index_folder(encoder, index, place).added == 4
    place.rename(tmp_path / "away")
    place.mkdir()
    with pytest.raises(UserError, match="drive may not be connected"):
        index_folder(encoder, index, place)
    assert len(index) == 4
    index.close()


@pytest.mark.skipif(os.name != "posix", reason="names are bytes on POSIX alone")
def test_one_bad_name_or_kind_costs_itself_alone(tmp_path):
    encoder, index = index_of(tmp_path)
    place = colours(tmp_path / "in", 3)
    (place / "0.png").rename(os.fsdecode(os.fsencode(place) + b"/caf\xe9.png"))
    os.mkfifo(place / "pipe.png")
    (place / "empty.png").touch()
    report = index_folder(encoder, index, place)
    assert report.added == 2
    reasons = " ".join(why for _, why in report.problems)
    assert "not UTF-8" in reasons
    assert "a pipe" in reasons
    assert "is empty" in reasons
    json.dumps([path for path, _ in report.problems], ensure_ascii=False).encode()
    index.close()


# Pictures


@pytest.mark.parametrize("size", [(20_000, 1), (1, 20_000), (65_500, 2), (2, 65_500)])
def test_of_a_strip_no_more_is_made_than_is_seen(tmp_path, size):
    resource = pytest.importorskip("resource")
    values = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8)
    Image.fromarray(values).save(tmp_path / "a.png")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    view = View(edge=224, crop=(224, 224))
    result = view.pixels(pictures.read(tmp_path / "a.png"))
    assert result.shape == (224, 224, 3)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000  # kB; enlarged it had 4 GB
    middle = values[max(0, size[1] // 2 - 1) : size[1] // 2 + 1, max(0, size[0] // 2 - 1) : size[0] // 2 + 1]
    assert abs(float(result[80:144, 80:144].mean()) - float(middle.mean())) < 80


def test_the_part_that_is_seen_is_that_of_the_whole(monkeypatch):
    values = np.random.default_rng(0).integers(0, 256, (31, 400, 3), np.uint8)
    smooth = (
        Image.fromarray(values).resize((400, 31)).resize((40, 9), Image.Resampling.BILINEAR).resize((400, 31))
    )
    whole = VIEW.pixels(smooth).astype(int)
    monkeypatch.setattr(pictures, "MOST_RESIZED", 1)
    np.testing.assert_allclose(VIEW.pixels(smooth), whole, atol=3)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@pytest.mark.parametrize(
    "extra",
    [
        chunk(b"zTXt", b"workflow\0\0" + zlib.compress(b"x" * 1_600_000)),
        chunk(b"zTXt", b"workflow\0\0" + zlib.compress(b"x" * 100_000_000)),
        chunk(b"iCCP", b"profile\0\0" + zlib.compress(b"x" * 100_000_000)),
        chunk(b"tEXt", b"workflow\0" + b"x" * 1_600_000),
    ],
)
def test_text_and_profiles_do_not_make_a_picture_damaged(tmp_path, extra):
    Image.new("RGB", (8, 8), "red").save(tmp_path / "a.png")
    data = (tmp_path / "a.png").read_bytes()
    end = 8 + 25  # behind the header
    (tmp_path / "a.png").write_bytes(data[:end] + extra + data[end:])
    assert pictures.read(tmp_path / "a.png").getpixel((0, 0)) == (255, 0, 0)
    assert PngImagePlugin.MAX_TEXT_CHUNK >= 2**20


def test_a_picture_that_unpacks_to_more_than_memory(tmp_path):
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 2_000_000_000, 8, 2, 0, 0, 0))
    (tmp_path / "a.png").write_bytes(
        b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    )
    with pytest.raises(UserError, match=r"too large|damaged"):
        pictures.read(tmp_path / "a.png")


def test_postscript_is_handed_to_nobody(tmp_path):
    (tmp_path / "a.png").write_text(
        "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n"
    )
    with pytest.raises(UserError, match="cannot be read as a picture"):
        pictures.read(tmp_path / "a.png")


@pytest.mark.slow
def test_a_picture_that_ends_its_process_costs_itself_alone(tmp_path, monkeypatch):
    paths = sorted(colours(tmp_path / "in", 6).iterdir())
    monkeypatch.setattr(reading, "decode_many", ends_at_the_third)
    batches = list(decoded(paths, View(height=4, width=4), batch=2, workers=1))
    assert sorted(number for batch in batches for number in batch.numbers) == [0, 1, 3, 4, 5]
    ((number, words),) = [problem for batch in batches for problem in batch.problems]
    assert number == 2
    assert "process that read it has ended" in words[1]


def ends_at_the_third(paths, view):
    """As a picture that breaks the reader does."""
    if any(path.endswith("2.png") for path in paths):
        os._exit(1)
    return [(pictures.decode((path, view)), facts.UNKNOWN) for path in paths]


# Captions


def test_half_an_emoji_in_a_caption(tmp_path):
    colours(tmp_path, 1)
    (tmp_path / "captions.jsonl").write_text('{"file": "0.png", "caption": "smile \\ud83d"}\n')
    (item,) = open_captions(tmp_path).items
    assert item.captions[0].encode().startswith(b"smile ")


@pytest.mark.parametrize("file", ["x" * 300 + ".png", "a\\u0000b.png", "0.png/../" * 100, ""])
def test_a_name_that_no_file_can_have(tmp_path, file):
    colours(tmp_path, 1)
    (tmp_path / "captions.jsonl").write_text(
        f'{{"file": "{file}", "caption": "x"}}\n{{"file": "0.png", "caption": "y"}}\n'
    )
    result = open_captions(tmp_path)
    assert [item.captions for item in result.items] == [("y",)]
    assert all(len(what) <= 300 for what, _ in result.skipped)


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"a":' * 100_000, "[1]", "null", '{"images": 1, "annotations": {}}']
)
def test_deep_or_strange_json(tmp_path, text):
    for name in ("captions.json", "captions.jsonl"):
        (tmp_path / name).write_text(text)
        with pytest.raises(UserError):
            open_captions(tmp_path / name)


def test_an_identity_is_checked():
    with pytest.raises(ValueError):
        Identity.parsed('{"encoder": "e", "hasher": "h", "bits": true, "dim": 3}')


@pytest.mark.slow
@pytest.mark.parametrize("words", ["\ud83d cat", "cat\0", "cat " * 200_000])
def test_words_that_no_encoder_has_seen(words):
    """Half an emoji, as a cut-off clipboard gives it; a whole book in the field."""
    from models.search.encoder import DualEncoder
    from models.search.samples import bundled_encoder

    encoder = DualEncoder.load(str(bundled_encoder()))
    assert np.isfinite(encoder.texts([words])).all()
    assert isinstance(encoder.unknown(words), tuple)
