"""Pictures of every kind that a folder may hold, and how an encoder sees them."""

import io
import multiprocessing
import os
import struct
import zlib
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from models.errors import UserError
from models.search import facts, pictures
from models.search.pictures import View
from models.search.reading import decoded
from tests.models.search.made import save_film
from tests.processes import running


def colours(height: int = 8, width: int = 12) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_turned_by_exif(tmp_path):
    array = np.zeros((8, 12, 3), np.uint8)
    array[:, :6] = 255  # left half white
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned by 90 degrees clockwise
    Image.fromarray(array).save(tmp_path / "a.png", exif=exif)
    read = np.asarray(pictures.read(tmp_path / "a.png"))
    assert read.shape == (12, 8, 3)
    assert read[:6].min() == 255
    assert read[6:].max() == 0


def test_transparency_is_white(tmp_path):
    layer = np.zeros((4, 4, 4), np.uint8)
    layer[:2] = [255, 0, 0, 255]
    Image.fromarray(layer).save(tmp_path / "a.png")
    read = np.asarray(pictures.read(tmp_path / "a.png"))
    assert read[0, 0].tolist() == [255, 0, 0]
    assert read[3, 3].tolist() == [255, 255, 255]
    Image.fromarray(layer).quantize(4).save(tmp_path / "p.png")
    assert np.asarray(pictures.read(tmp_path / "p.png"))[3, 3].tolist() == [255, 255, 255]


def test_sixteen_bits_are_scaled_not_clipped(tmp_path):
    grey = np.linspace(0, 65535, 64).astype(np.uint16).reshape(8, 8)
    Image.fromarray(grey).save(tmp_path / "a.tif")
    read = np.asarray(pictures.read(tmp_path / "a.tif"))[..., 0]
    np.testing.assert_allclose(read, grey / 257, atol=1)
    Image.fromarray((grey / 65535).astype(np.float32)).save(tmp_path / "f.tif")
    np.testing.assert_allclose(np.asarray(pictures.read(tmp_path / "f.tif"))[..., 0], grey / 257, atol=1)


def test_cmyk(tmp_path):
    Image.fromarray(colours()).convert("CMYK").save(tmp_path / "a.jpg")
    assert pictures.read(tmp_path / "a.jpg").mode == "RGB"
    Image.fromarray(colours()).convert("CMYK").save(tmp_path / "a.tif")
    read = np.asarray(pictures.read(tmp_path / "a.tif")).astype(int)
    assert np.abs(read - colours()).max() <= 2


def test_first_frame_of_an_animation(tmp_path):
    frames = [Image.new("RGB", (5, 5), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert np.asarray(pictures.read(tmp_path / "a.gif"))[2, 2].tolist() == [255, 0, 0]


@pytest.mark.slow
def test_hundred_megapixels(tmp_path):
    Image.new("1", (10_000, 10_000)).save(tmp_path / "a.png")
    view = View(height=16, width=16)
    assert view.pixels(pictures.read(tmp_path / "a.png")).shape == (16, 16, 3)


def test_a_decompression_bomb_is_refused(tmp_path):
    """A header that promises 40,000 × 40,000 pixels in a few bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0)
    data = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(UserError, match="too large"):
        pictures.read(tmp_path / "a.png")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda b: b"",
        lambda b: b"not a picture",
        lambda b: b[: len(b) // 2],
        lambda b: b[:40] + b"\0" * 60 + b[100:],
    ],
)
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".gif", ".tif", ".webp", ".bmp"])
def test_broken_files(tmp_path, suffix, spoil):
    Image.fromarray(colours(64, 64)).save(tmp_path / f"good{suffix}")
    path = tmp_path / f"bad{suffix}"
    path.write_bytes(spoil((tmp_path / f"good{suffix}").read_bytes()))
    try:
        read = pictures.read(path)
    except UserError:
        return
    assert read.mode == "RGB", "some damage is only to colours"


def test_missing_file(tmp_path):
    with pytest.raises(UserError, match="was not found"):
        pictures.read(tmp_path / "none.png")


def test_find_passes_over_the_hidden_and_tells_the_unreadable(tmp_path):
    for name in ("b.PNG", "a.jpg", ".hidden.png", "note.txt", "sub/c.webp", ".git/d.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    result, problems = pictures.find(tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in result] == ["a.jpg", "b.PNG", "sub/c.webp"]
    assert not problems
    assert pictures.find(tmp_path / "nowhere")[1]


@pytest.mark.parametrize("size", [(50, 70), (70, 50), (33, 33), (400, 31)])
def test_seen_as_by_transformers(size):
    from transformers import CLIPImageProcessorPil, SiglipImageProcessorPil

    picture = Image.fromarray(colours(*size))
    for processor in (
        CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}),
        SiglipImageProcessorPil(size={"height": 32, "width": 32}),
    ):
        view = View.of(processor)
        theirs = np.asarray(processor(picture, return_tensors="np")["pixel_values"][0])
        ours = (view.pixels(picture).astype(np.float32) * view.scale - view.mean) / view.std
        np.testing.assert_allclose(ours.transpose(2, 0, 1), theirs, atol=1e-5)


def test_a_view_that_is_not_known():
    strange = SimpleNamespace(size={"longest_edge": 100}, image_mean=(0.5,) * 3, image_std=(0.5,) * 3)
    with pytest.raises(UserError, match="not known"):
        View.of(strange)


@pytest.mark.parametrize("workers", [0, 2])
def test_decoded_in_order_with_the_broken_told(tmp_path, workers):
    paths = []
    for number in range(11):
        path = tmp_path / f"{number}.png"
        Image.new("RGB", (4, 4), (number * 20, 0, 0)).save(path)
        paths.append(path)
    paths[3].write_bytes(b"broken")
    paths[7].unlink()
    batches = list(decoded(paths, View(height=4, width=4), batch=4, workers=workers))
    numbers = [number for batch in batches for number in batch.numbers]
    assert numbers == [0, 1, 2, 4, 5, 6, 8, 9, 10]
    reds = [int(pixels[0, 0, 0]) for batch in batches for pixels in batch.pixels]
    assert reds == [20 * number for number in numbers]
    assert [number for batch in batches for number, _ in batch.problems] == [3, 7]


def test_closing_early_ends_the_workers(tmp_path):
    before = set(multiprocessing.active_children())
    paths = [tmp_path / f"{number}.png" for number in range(200)]
    for path in paths:
        Image.new("RGB", (4, 4)).save(path)
    batches = decoded(paths, View(height=4, width=4), batch=2, workers=1)
    next(batches)
    workers = set(multiprocessing.active_children()) - before
    assert workers
    batches.close()
    assert not running(workers)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="permissions do not bind the administrator")
def test_no_permission(tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    os.chmod(tmp_path / "a.png", 0)
    with pytest.raises(UserError, match="cannot be read"):
        pictures.read(tmp_path / "a.png")


def smooth(size, colour):
    return Image.new("RGB", size, colour)


@pytest.mark.parametrize("suffix", [".heic", ".avif"])
def test_what_telephones_write(tmp_path, suffix):
    pictures._formats()
    path = tmp_path / f"a{suffix}"
    exif = Image.Exif()
    exif[0x0132], exif[0x0110] = "2024:05:01 12:00:00", "Telephone"
    smooth((96, 64), (200, 40, 40)).save(path, exif=exif)
    picture = pictures.read(path)
    assert picture.size == (96, 64)
    assert abs(np.asarray(picture).reshape(-1, 3).mean(0) - (200, 40, 40)).max() < 12
    told = facts.of(path)
    assert (told.taken, told.camera, told.width, told.height) == ("2024-05-01 12:00:00", "Telephone", 96, 64)
    assert pictures.find(tmp_path)[0] == [path]


def test_the_preview_in_a_raw_file(tmp_path):
    """A TIFF head that says how the camera was held, a thumbnail, the preview, and what is no JPEG."""
    head, thumbnail, preview = io.BytesIO(), io.BytesIO(), io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    smooth((8, 8), "white").save(head, "TIFF", exif=exif)
    smooth((80, 64), (0, 0, 255)).save(thumbnail, "JPEG")
    smooth((160, 96), (0, 200, 0)).save(preview, "JPEG")
    path = tmp_path / "a.nef"
    junk = b"\xff\xd8\xff\xc3" + bytes(range(256)) * 8
    path.write_bytes(head.getvalue() + thumbnail.getvalue() + junk + preview.getvalue() + junk)
    picture = pictures.read(path)
    assert picture.size == (96, 160), "upright"
    assert abs(np.asarray(picture).reshape(-1, 3).mean(0) - (0, 200, 0)).max() < 12
    assert (facts.of(path).width, facts.of(path).height) == (96, 160)
    (tmp_path / "b.cr2").write_bytes(junk)
    with pytest.raises(UserError, match="cannot be read as a picture"):
        pictures.read(tmp_path / "b.cr2")


def test_the_first_frame_of_a_film(tmp_path):
    path = save_film(tmp_path / "a.mp4", [(220, 20, 20), (20, 20, 220)])
    picture = pictures.read(path)
    assert picture.size == (64, 48)
    assert np.asarray(picture).reshape(-1, 3).mean(0).argmax() == 0
    (tmp_path / "b.mov").write_bytes(b"no film")
    with pytest.raises(UserError, match="cannot be read as a picture"):
        pictures.read(tmp_path / "b.mov")
