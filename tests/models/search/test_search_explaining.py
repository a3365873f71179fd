"""Where in a picture the answer lies: pictures whose answer lies in one corner."""

import numpy as np
import pytest
from PIL import Image

from models.progress import Cancelled, Progress
from models.search.explaining import CELLS, heat_map
from models.search.pictures import View
from models.search.queries import Query
from models.search.searcher import Searcher

HALF = CELLS // 2


def corners(values):
    """The mean of each quarter: upper left, upper right, lower left, lower right."""
    return [values[:HALF, :HALF], values[:HALF, HALF:], values[HALF:, :HALF], values[HALF:, HALF:]]


@pytest.mark.slow
@pytest.mark.parametrize("words", ["red heart", "soccer ball", "green apple", "sunflower"])
def test_the_answer_in_one_corner(words):
    searcher = Searcher.load("bundled", "cpu")
    index = searcher.open_index("bundled")
    path = next(item.path for item in index.all_items() if item.captions[0] == words)
    emoji = Image.open(path).convert("RGBA").resize((64, 64))
    for corner in range(4):
        picture = Image.new("RGB", (128, 128), "white")
        picture.paste(emoji, (64 * (corner % 2), 64 * (corner // 2)), emoji)
        result = searcher.heat_map(index, Query(text=words), picture)
        means = [float(quarter.mean()) for quarter in corners(result.values)]
        assert int(np.argmax(means)) == corner, means
        assert means[corner] > 2 * sorted(means)[-2]
        assert result.region == (0, 0, 1, 1)
        assert result.drop > 0
    index.close()


def test_nothing_hangs_on_a_plain_picture():
    result = heat_map(
        np.full((16, 16, 3), 7, np.uint8), (0, 0, 1, 1), lambda pictures: np.ones(len(pictures))
    )
    assert result.values.tolist() == np.zeros((CELLS, CELLS)).tolist()
    assert result.drop == 0


def test_it_can_be_cancelled():
    progress = Progress()
    progress.cancel()
    with pytest.raises(Cancelled):
        heat_map(np.zeros((16, 16, 3), np.uint8), (0, 0, 1, 1), lambda p: np.ones(len(p)), progress)


def test_what_an_encoder_sees_of_a_picture():
    view = View(edge=10, crop=(10, 10))
    assert view.region((40, 20)) == (0.25, 0, 0.5, 1)
    assert view.region((20, 40)) == (0, 0.25, 1, 0.5)
    assert View(edge=20, crop=(10, 10)).region((100, 100)) == (0.25, 0.25, 0.5, 0.5)
    assert View(height=8, width=8).region((40, 20)) == (0, 0, 1, 1)
