"""A made index, small here and a million rows in the benchmarks: opened without being read, searched, compacted."""

import numpy as np
import pytest

from models.search import upkeep
from models.search.filters import Filters
from models.search.index import Index
from tests.models.search.made import made_index

COUNT = 20_000


@pytest.fixture
def index(tmp_path):
    opened = Index.open(made_index(tmp_path / "index", COUNT))
    yield opened
    opened.close()


@pytest.mark.slow
def test_it_is_opened_searched_and_compacted(index):
    assert len(index) == COUNT
    codes, ids = index.codes(index.ids()), index.ids()
    for place in (0, 777, COUNT - 1):
        distances, result = index.search(codes[place], 3)
        assert (distances[0], result[0]) == (0, ids[place])
    assert [item.path.name for item in index.items(index.found_by_words("IMG_777", 5))] == ["IMG_777.jpg"]
    assert len(index.chosen(Filters(since="2023"))) == sum(n % 24 == 23 for n in range(COUNT))
    kept = index.embeddings(ids[1::2])
    with index.writing():
        index.remove(ids[::2].tolist())
        assert upkeep.compact(index) >= COUNT // 2 * (8 + 2 * 32)
    assert index.unused_rows() == (0, COUNT // 2)
    np.testing.assert_array_equal(index.embeddings(ids[1::2]), kept)
    assert upkeep.check(index.folder, files=False) == []


def test_embeddings_are_mapped_and_not_read(index):
    rows = index.rows("pictures", "embeddings")
    assert isinstance(rows, np.memmap)
    assert rows.shape == (COUNT, 32)
