"""Films as pictures: the first frame, and frames evenly over the length."""

import av
import numpy as np
import pytest
from PIL import UnidentifiedImageError

from models.progress import Cancelled, Progress
from models.search import films
from tests.models.search.made import save_film

TURNED = bytes(4) + b"\0\1\0\0" + bytes(4) + b"\xff\xff\0\0" + bytes(16) + b"\x40\0\0\0"
STRAIGHT = b"\0\1\0\0" + bytes(12) + b"\0\1\0\0" + bytes(12) + b"\x40\0\0\0"


def greys(frames):
    return [float(np.asarray(frame.picture).mean()) for frame in frames]


@pytest.mark.parametrize("kind", ["mp4", "mkv", "avi", "webm"])
def test_a_strip_is_even_over_the_film(tmp_path, kind):
    path = save_film(tmp_path / f"a.{kind}", [(6 * n, 6 * n, 6 * n) for n in range(40)], rate=10)
    strip = films.strip(path)
    middles = [0.2, 0.7, 1.2, 1.7, 2.2, 2.7, 3.2, 3.7]
    assert [frame.seconds for frame in strip] == pytest.approx(middles, abs=0.11), "within a frame"
    wanted = [6 * 10 * frame.seconds for frame in strip]
    assert np.abs(np.array(greys(strip)) - wanted).max() < 8
    assert {frame.picture.size for frame in strip} == {(64, 48)}


def test_a_strip_of_few_frames_has_none_twice(tmp_path):
    assert len(films.strip(save_film(tmp_path / "a.mp4", [(200, 0, 0)]))) == 1
    three = films.strip(save_film(tmp_path / "b.mp4", [(0, 0, 0), (120, 120, 120), (240, 240, 240)]))
    assert np.abs(np.array(greys(three)) - (0, 120, 240)).max() < 8


def test_what_can_be_read_of_a_damaged_film(tmp_path):
    path = save_film(tmp_path / "a.mkv", [(6 * n, 6 * n, 6 * n) for n in range(40)], rate=10)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    strip = films.strip(path)
    assert 0 < len(strip) < 8
    assert greys(strip) == sorted(greys(strip))
    path.write_bytes(b"no film")
    assert films.strip(path) == []
    assert films.strip(tmp_path / "gone.mp4") == []


def test_a_film_that_was_filmed_upright_is_upright(tmp_path):
    """A telephone's: the head of its track says to turn what lies on its side."""
    path = save_film(tmp_path / "a.mp4", [((220, 20, 20), (20, 20, 220))] * 10)
    data = path.read_bytes()
    place = data.index(STRAIGHT, data.index(b"tkhd"))
    path.write_bytes(data[:place] + TURNED + data[place + len(TURNED) :])
    for picture in (films.first_frame(path), films.strip(path)[-1].picture):
        assert picture.size == (48, 64)
        top, bottom = np.asarray(picture)[:24].mean((0, 1)), np.asarray(picture)[40:].mean((0, 1))
        assert (top.argmax(), bottom.argmax()) == (0, 2)


def test_a_playlist_under_a_film_s_name_opens_nothing(tmp_path):
    save_film(tmp_path / "secret.mp4", [(200, 0, 0)] * 5)
    path = tmp_path / "a.mp4"
    path.write_text("ffconcat version 1.0\nfile secret.mp4\n")
    with av.open(str(path)) as opened:
        assert opened.format.name == "concat", "else this shows nothing"
    with pytest.raises(UnidentifiedImageError):
        films.first_frame(path)
    assert films.strip(path) == []


def test_a_strip_can_be_cancelled(tmp_path):
    path = save_film(tmp_path / "a.mp4", [(0, 0, 0)] * 10)
    progress = Progress()
    progress.cancel()
    with pytest.raises(Cancelled):
        films.strip(path, progress=progress)
