"""Words looked up beside the likeness, filters, weights; and what a likeness means."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.errors import UserError
from models.search import answers, likeness, words
from models.search.filters import Filters
from models.search.likeness import Chance
from models.search.prompts import phrased
from models.search.queries import Query, SearchOptions
from models.search.searcher import Searcher


@pytest.fixture(scope="module")
def searcher():
    return Searcher.load("bundled", "cpu")


@pytest.fixture(scope="module")
def emoji(searcher):
    opened = searcher.open_index("bundled")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def album(searcher, tmp_path_factory):
    """Six plain pictures with words, dates and shapes of their own."""
    folder = tmp_path_factory.mktemp("album")
    lines = ["file,caption,keywords,labels"]
    made = (
        (
            "trip/IMG_0042.jpg",
            (40, 20),
            "2021:05:03 10:00:00",
            "Boats in the harbour",
            "sea|holiday",
            "travel",
        ),
        ("trip/cafe.jpg", (20, 40), "2021:07:14 09:00:00", "Ein Café am Meer", "", "travel"),
        ("home/dog.jpg", (30, 30), "2023:12:24 18:00:00", "Our dogs are sleeping", "pet", "family|pets"),
        ("home/猫.jpg", (30, 20), "", "一只小猫在睡觉", "宠物", "pets"),
        ("plain.jpg", (10, 30), "2023:01:01 00:00:00", "", "", ""),
    )
    for number, (name, size, taken, caption, keywords, labels) in enumerate(made):
        place = folder / name
        place.parent.mkdir(exist_ok=True)
        exif = Image.Exif()
        if taken:
            exif[0x0132] = taken
        exif[0x010F], exif[0x0110] = "Canon", "Canon EOS 5D"
        Image.new("RGB", size, (40 * number, 90, 200)).save(place, exif=exif)
        lines.append(f"{name},{caption},{keywords},{labels}" if caption else "")
    (folder / "captions.csv").write_text("\n".join(lines), "utf-8")
    searcher.index_folder(folder, folder / "index")
    opened = searcher.open_index(folder / "index")
    yield opened
    opened.close()


def names(index, text):
    return [item.path.name for item in index.items(index.found_by_words(text, 9))]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("boat harbor", []),
        ("boat", ["IMG_0042.jpg"]),
        ("the boats in a harbour", ["IMG_0042.jpg"]),
        ("sleeping dog", ["dog.jpg"]),
        ("slee", ["dog.jpg"]),
        ("cafe", ["cafe.jpg"]),
        ("小猫", ["猫.jpg"]),
        ("宠物", ["猫.jpg"]),
        ("img_0042", ["IMG_0042.jpg"]),
        ("trip", ["IMG_0042.jpg", "cafe.jpg"]),
        ("2021", ["IMG_0042.jpg", "cafe.jpg"]),
        ("May 2021", ["IMG_0042.jpg"]),
        ("2021年7月", ["cafe.jpg"]),
        ("pets family", ["dog.jpg"]),
        ('") OR words MATCH (', []),
        ("*", []),
    ],
)
def test_words_are_found_where_they_are_written(album, text, expected):
    assert sorted(names(album, text)) == sorted(expected)


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ({"since": "2023"}, 3),  # the one without a date counts as of the day its file was made
        ({"since": "2021-06", "until": "2023"}, 3),
        ({"until": "2021-05-03"}, 1),
        ({"orientation": "portrait"}, 2),
        ({"orientation": "landscape"}, 2),
        ({"orientation": "square"}, 1),
        ({"label": "pets"}, 2),
        ({"label": "travel", "orientation": "portrait"}, 1),
        ({"label": "nobody"}, 0),
    ],
)
def test_filters(searcher, album, filters, count):
    for side in ("pictures", "captions"):
        hits = searcher.search(album, Query(text="dog"), SearchOptions(**filters, side=side)).hits
        assert len(hits) <= count
        assert side == "captions" or len(hits) == count
    folder = album.folders()[0]
    assert len(album.chosen(Filters(folder=str(folder / "trip")))) == 2
    assert len(album.chosen(Filters(folder=str(folder)))) == 5
    assert len(album.chosen(Filters(folder=str(folder.parent)))) == 5
    assert len(album.chosen(Filters(folder="/nowhere"))) == 0
    assert album.chosen(Filters()) is None


def test_a_date_that_is_none(searcher, album):
    with pytest.raises(UserError, match="is no date"):
        searcher.search(album, Query(text="dog"), SearchOptions(since="May"))


def test_a_picture_says_when_and_with_what_it_was_taken(album):
    item = next(item for item in album.all_items() if item.path.name == "IMG_0042.jpg")
    assert (item.facts.taken, item.facts.camera) == ("2021-05-03 10:00:00", "Canon EOS 5D")
    assert (item.facts.width, item.facts.height, item.labels) == (40, 20, ("travel",))
    assert album.labels() == ["pets", "travel", "family"]


def test_each_answer_says_why(searcher, emoji):
    results = searcher.search(emoji, Query(text="musical instrument"), SearchOptions(top=12))
    assert all(set(hit.why) & {"caption", "keyword", "name"} for hit in results.hits[:3])
    alone = searcher.search(emoji, Query(text="musical instrument"), SearchOptions(method="likeness"))
    assert {hit.why for hit in alone.hits} == {("likeness",)}
    written = searcher.search(emoji, Query(text="musical instrument"), SearchOptions(method="words"))
    assert written.hits
    assert all("likeness" not in hit.why or len(hit.why) > 1 for hit in written.hits)
    assert {hit.id for hit in written.hits} <= {hit.id for hit in results.hits}


@pytest.mark.parametrize(
    ("text", "fitting"),
    [
        ("fruit", ("apple", "grapes", "melon", "lemon", "banana", "strawberry", "kiwi fruit", "tangerine")),
        ("cold weather", ("cold face", "snowflake", "snowman", "freezing")),
        ("musical instrument", ("saxophone", "guitar", "trumpet", "violin", "drum", "accordion", "flute")),
        ("red heart", ("red heart",)),
        ("car", ("automobile", "racing car", "police car", "oncoming automobile")),
        ("angry", ("angry face", "enraged face", "anger symbol", "pouting face", "angry face with horns")),
        (
            "smiling cat",
            ("grinning cat with smiling eyes", "smiling cat with heart-eyes", "cat with wry smile"),
        ),
    ],
)
def test_questions_that_a_person_asks(searcher, emoji, text, fitting):
    result = [hit.caption for hit in searcher.search(emoji, Query(text=text), SearchOptions(top=10)).hits]
    assert any(caption in fitting for caption in result[:5]), result


def test_ranks_are_fused():
    order = answers.fused([np.array([3, 1, 2]), np.array([2, 3])], 5)
    assert order.tolist()[:3] == [3, 2, 1]
    assert set(order.tolist()[3:]) == {0, 4}


def test_terms_are_added_and_taken_away(searcher, emoji):
    plain = Query(text="cat")
    away = Query(text="cat", terms=(("heart", -0.7), ("", 1.0)))
    options = SearchOptions(method="likeness", top=10)

    def toward(query):
        hits = searcher.search(emoji, query, options).hits
        asked = searcher.encode_texts(["heart"]).embeddings[0]
        return float(np.mean(emoji.embeddings([hit.id for hit in hits]) @ asked))

    assert toward(away) < toward(plain)
    assert toward(Query(text="cat", terms=(("heart", 0.7),))) > toward(plain)
    with pytest.raises(UserError, match="nothing to search for"):
        searcher.search(emoji, Query(terms=(("heart", -1.0),)))
    assert Query(terms=(("heart", 1.0),)).looked_up == "heart"
    liked = searcher.search(emoji, plain, options).hits[0].id
    heavy, light = (Query(text="heart", more=(liked,), weights=((liked, w),)) for w in (3.0, 0.01))
    assert (
        searcher.search(emoji, light, options).hits[0].id != searcher.search(emoji, heavy, options).hits[0].id
    )


def test_a_percentile_is_how_often_chance_finds_less():
    """Random questions in an index of random directions: half of new random questions lie beneath the 50th percentile."""
    random = np.random.default_rng(0)
    pictures = answers.unit(random.normal(size=(500, 16)))
    asked = answers.unit(random.normal(size=(800, 16)))
    chance = likeness.chance(asked[:400], lambda n: (pictures @ asked[n], pictures))
    best = [chance.percentiles(pictures @ item, pictures).max() for item in asked[400:]]
    assert 40 < np.mean(best) < 60
    assert np.mean(np.array(best) > 90) < 0.2
    assert chance.percentiles(np.array([1.0]), pictures[:1])[0] > 95, "a picture that is the very thing"
    assert Chance(np.zeros(2), np.zeros(0)).percentiles(np.ones(1), np.ones((1, 2))).tolist() == [0]


def test_nothing_fits_where_nothing_does(searcher, emoji):
    for text in ("quantum entanglement", "photosynthesis"):
        results = searcher.search(emoji, Query(text=text), SearchOptions(least_percentile=50))
        assert not results.fits
        assert results.hits == ()
        assert set(results.unknown) & {"quantum", "entanglement", "photosynthesis"}
        assert searcher.search(emoji, Query(text=text)).hits, "what is nearest can be looked at"
    assert searcher.search(emoji, Query(text="snowman"), SearchOptions(least_percentile=99)).fits


def test_percentiles_without_embeddings(searcher, tmp_path):
    from models.search.index_settings import IndexSettings
    from models.search.samples import photos_folder

    searcher.index_folder(photos_folder(), tmp_path / "index", settings=IndexSettings(keep_embeddings=False))
    index = searcher.open_index(tmp_path / "index")
    hits = searcher.search(index, Query(text="dog"), SearchOptions(method="likeness")).hits
    assert all(0 <= hit.percentile <= 100 for hit in hits)
    index.close()


def test_words_are_said_as_an_encoder_was_taught_them(searcher):
    assert phrased("a man who reads a book in a train") == ("a man who reads a book in a train",)
    assert phrased("dog")[1] == "a photo of dog"
    assert phrased("猫")[1] == "一张猫的照片"
    np.testing.assert_array_equal(
        searcher.encode_phrases(["dog"]).codes, searcher.encode_texts(["dog"]).codes
    )  # ours learned no sentences


def test_chinese_is_parted_into_characters():
    assert words.segmented("我的cat猫").split() == ["我", "的", "cat", "猫"]
    assert words.expression("小猫 cat", beginning=True) == '"小 猫" AND "cat"*'


def test_the_figures_of_the_page_are_those_that_were_measured():
    root = Path(__file__).resolve().parents[3]
    shares = json.loads((root / "docs/figures/search-fits.json").read_text("utf-8"))["figures"]["shares"]
    page = (root / "docs/search.md").read_text("utf-8")
    for percentile in shares["hybrid"]:
        both = [shares[method][percentile] for method in ("likeness", "hybrid")]
        cells = [f"{item[name]:.2f}" for item in both for name in ("false_alarms", "misses")]
        assert f"| {percentile} % | {' | '.join(cells)} |" in page
