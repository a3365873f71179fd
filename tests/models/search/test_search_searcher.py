"""The searcher with the bundled emoji: it answers, and every way of asking does what it says."""

import numpy as np
import pytest
from PIL import Image

from models.errors import UserError
from models.resources import resource
from models.search.building import index_folder
from models.search.index import Index
from models.search.queries import Query, SearchOptions
from models.search.samples import bundled_encoder, bundled_index, emoji_folder
from models.search.searcher import Searcher


@pytest.fixture(scope="module")
def searcher():
    return Searcher.load("bundled", "cpu")


@pytest.fixture(scope="module")
def index(searcher):
    opened = searcher.open_index("bundled")
    yield opened
    opened.close()


def captions(results, count=10):
    return [hit.caption for hit in results.hits[:count]]


@pytest.mark.parametrize(
    ("words", "fitting", "least"),
    [
        ("smiling cat", ("cat",), 4),
        ("red heart", ("heart", "diamond"), 3),
        (
            "fruit",
            (
                "apple",
                "kiwi",
                "strawberry",
                "lemon",
                "melon",
                "grape",
                "berr",
                "cherr",
                "pear",
                "peach",
                "mango",
            ),
            3,
        ),
        ("sad face", ("face",), 7),
    ],
)
def test_words_bring_fitting_emoji(searcher, index, words, fitting, least):
    result = captions(searcher.search(index, Query(text=words)))
    assert sum(any(word in caption for word in fitting) for caption in result) >= least, result


def test_every_emoji_is_there_and_its_file_too(index):
    items = list(index.all_items())
    assert len(items) == 1644
    assert all(item.path.is_file() for item in items)
    assert index.problems() == []
    assert index.folders() == [emoji_folder()]


def test_the_shipped_index_is_not_changed_by_use(searcher, index):
    before = {path.name: path.stat().st_mtime_ns for path in bundled_index().iterdir()}
    searcher.search(index, Query(text="cat"))
    with pytest.raises(UserError, match="cannot be changed"):
        index_folder(searcher, index, emoji_folder())
    assert {path.name: path.stat().st_mtime_ns for path in bundled_index().iterdir()} == before


def test_a_picture_finds_itself_and_captions(searcher, index):
    item = next(item for item in index.all_items() if item.captions[0] == "kiwi fruit")
    result = searcher.search(index, Query(picture=item.path))
    assert result.hits[0].id == item.id
    assert result.hits[0].distance == 0
    assert result.hits[0].score == pytest.approx(1, abs=0.01)
    for picture in (Image.open(item.path), np.asarray(Image.open(item.path).convert("RGB"))):
        assert searcher.search(index, Query(picture=picture)).hits[0].id == item.id
    by_caption = searcher.search(index, Query(picture=item.path), SearchOptions(side="captions"))
    assert "kiwi fruit" in captions(by_caption, 20)
    assert by_caption.searched == index.caption_count


def test_more_and_less(searcher, index):
    result = searcher.search(index, Query(text="cat"), SearchOptions(top=20))
    liked, disliked = result.hits[0], result.hits[1]
    more = searcher.search(index, Query(more=(liked.id,)), SearchOptions(top=300))
    assert liked.id not in [hit.id for hit in more.hits], "what is known is not an answer"
    less = searcher.search(index, Query(more=(liked.id,), less=(disliked.id,)), SearchOptions(top=300))
    assert disliked.id not in [hit.id for hit in less.hits]
    toward = index.embeddings([disliked.id])[0]

    def likeness(results):
        return float(np.mean(index.embeddings([hit.id for hit in results.hits[:20]]) @ toward))

    assert likeness(less) < likeness(more)


def test_words_plus_a_picture(searcher, index):
    item = next(item for item in index.all_items() if item.captions[0] == "red circle")
    both = searcher.search(index, Query(text="heart", picture=item.path))
    only = searcher.search(index, Query(text="heart"))
    assert captions(both) != captions(only)
    heavy = searcher.search(index, Query(text="heart", picture=item.path, text_weight=0.0))
    assert heavy.hits[0].id == item.id


def test_threshold_depth_and_order(searcher, index):
    results = searcher.search(index, Query(text="dog"), SearchOptions(method="likeness", top=30))
    scores = [hit.score for hit in results.hits]
    assert len(scores) == 30
    assert scores == sorted(scores, reverse=True)
    cut = searcher.search(
        index, Query(text="dog"), SearchOptions(method="likeness", top=30, least_score=scores[9])
    )
    assert len(cut.hits) == 10
    plain = searcher.search(index, Query(text="dog"), SearchOptions(method="likeness", top=30, rerank=0))
    distances = [hit.distance for hit in plain.hits]
    assert distances == sorted(distances)
    for hit in plain.hits:
        assert hit.distance == int((hit.code != plain.code).sum())
        assert hit.score == pytest.approx(1 - 2 * hit.distance / plain.bits)


def test_only_the_first_are_ordered_again(searcher, index):
    plain = searcher.search(
        index, Query(text="dog"), SearchOptions(method="likeness", top=1000, rerank=0)
    ).hits
    some = searcher.search(
        index, Query(text="dog"), SearchOptions(method="likeness", top=1000, rerank=10)
    ).hits
    assert {hit.id for hit in some[:10]} == {hit.id for hit in plain[:10]}
    assert [hit.id for hit in some[10:]] == [hit.id for hit in plain[10:]]
    scores = [hit.score for hit in some[:10]]
    assert scores == sorted(scores, reverse=True)
    assert [hit.id for hit in some[:10]] != [hit.id for hit in plain[:10]]


def test_near_duplicates_are_folded(searcher, tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    names = sorted(emoji_folder().glob("*.png"))[:300:30]
    for path in names:
        Image.open(path).convert("RGB").save(folder / path.name)
    twin = Image.open(names[0]).convert("RGB")
    twin.save(folder / "twin.png")
    searcher.index_folder(folder, tmp_path / "index")
    index = searcher.open_index(tmp_path / "index")
    options = SearchOptions(fold=True)
    hits = searcher.search(index, Query(picture=twin), options).hits
    every = {hit.id for hit in hits} | {other for hit in hits for other in hit.duplicates}
    assert len(every) == 11
    assert {hits[0].path.name, *(other.path.name for other in hits[0].folded)} >= {names[0].name, "twin.png"}
    captions = searcher.search(index, Query(picture=twin), SearchOptions(fold=True, side="captions"))
    assert captions.hits == ()
    index.close()


def test_words_it_does_not_know(searcher, index):
    results = searcher.search(index, Query(text="猫 cat"))
    assert results.unknown == ("猫",)
    assert results.hits
    assert searcher.search(index, Query(text="cat")).unknown == ()


def test_emoji_in_the_query(searcher, index):
    result = captions(searcher.search(index, Query(text="😀")))
    assert sum("face" in caption for caption in result) >= 6, result


@pytest.mark.parametrize("query", [Query(), Query(text="  \n"), Query(less=(1,))])
def test_an_empty_query(searcher, index, query):
    with pytest.raises(UserError, match="nothing to search for"):
        searcher.search(index, query)


def test_pictures_that_are_gone_or_broken(searcher, index, tmp_path):
    (tmp_path / "a.png").write_bytes(b"x")
    with pytest.raises(UserError, match="cannot be read as a picture"):
        searcher.search(index, Query(picture=tmp_path / "a.png"))
    with pytest.raises(UserError, match="no picture 1000000 in this index"):
        searcher.search(index, Query(more=(10**6,)))


def test_what_ships_is_small_and_half_precision():
    from safetensors.torch import load_file

    assert sum(path.stat().st_size for path in bundled_encoder().iterdir()) < 8e6
    for path in (
        bundled_encoder() / "model.safetensors",
        resource("checkpoints", "search", "weights.safetensors"),
    ):
        assert {str(tensor.dtype) for tensor in load_file(path).values() if tensor.is_floating_point()} == {
            "torch.float16"
        }
    assert not list(bundled_index().glob("*lock*"))


def test_codes_of_the_index_are_those_of_its_pictures(searcher, index):
    """Encoded in batches then, alone now: the same bits."""
    items = list(index.all_items())[::97]
    for item in items:
        alone = searcher.encode_pictures([item.path]).codes[0]
        np.testing.assert_array_equal(alone, index.codes([item.id])[0])


def test_another_index_is_refused(searcher, tmp_path, hash_model):
    Searcher.load(hash_model).index_folder(emoji_folder().parent / "photos", tmp_path / "index")
    with pytest.raises(UserError, match="another encoder"):
        searcher.open_index(tmp_path / "index")
    index = Index.open(tmp_path / "index")
    assert index.caption_count == 24 * 5
    assert all("http" in item.attribution for item in index.all_items())
    index.close()
