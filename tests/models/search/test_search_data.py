"""Captions as people keep them, and features as others publish them."""

import json
import pickle

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file

from models.errors import UserError
from models.progress import Progress
from models.search import unpickle
from models.search.data import Item, open_captions, with_split
from models.search.encoder import DualEncoder
from models.search.features import FeatureCache, extract, is_features, read_features
from models.search.samples import emoji_folder, located, photos_folder


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "my pictures"
    place.mkdir()
    for name in ("a.png", "b.png", "c.png"):
        Image.new("RGB", (8, 8), "red").save(place / name)
    return place


def captions_of(dataset):
    return {item.path.name: item.captions for item in dataset.items}


def test_csv(folder):
    (folder / "captions.csv").write_text(
        "File;Caption;Labels;Split\na.png;a cat || a small cat;cat|animal;train\nb.png;a dog;dog|animal;test\n"
        "gone.png;nobody;x;train\nc.png;;y;train\n"
    )
    result = open_captions(folder)
    assert captions_of(result) == {"a.png": ("a cat", "a small cat"), "b.png": ("a dog",)}
    assert result.labels == ("animal", "cat", "dog")
    assert [item.part for item in result.items] == ["train", "test"]
    assert {what for what, _ in result.skipped} == {"gone.png", "c.png"}


def test_json_lines(folder):
    lines = [
        {"file_name": "a.png", "text": ["one", "two"]},
        {"file_name": "a.png", "text": "three", "labels": ["x"]},
        {"file_name": "C:\\photos\\b.png", "text": "four"},
    ]
    (folder / "metadata.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n\n")
    assert captions_of(open_captions(folder)) == {"a.png": ("one", "two", "three"), "b.png": ("four",)}


def test_coco(folder):
    coco = {
        "images": [{"id": 1, "file_name": "a.png"}, {"id": 2, "file_name": "gone.png"}],
        "annotations": [
            {"image_id": 1, "caption": "A cat.\n"},
            {"image_id": 1, "caption": "猫"},
            {"image_id": 2, "caption": "gone"},
            {"image_id": 9, "caption": "without an image"},
        ],
    }
    (folder / "captions_val2017.json").write_text(json.dumps(coco))
    result = open_captions(folder)
    assert captions_of(result) == {"a.png": ("A cat.", "猫")}
    assert len(result.skipped) == 2


def test_text_beside(folder):
    (folder / "a.txt").write_text("a cat\nin the sun\n")
    (folder / "nothing.txt").write_text("no picture")
    assert captions_of(open_captions(folder)) == {"a.png": ("a cat", "in the sun")}


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("captions.csv", "name,words\na.png,x\n", "lacks a column"),
        ("captions.csv", "file,caption\ngone.png,x\n", "1 captions belong to pictures that are not there"),
        ("captions.jsonl", '{"file_name": "a.png"\n', "line 1"),
        ("captions.jsonl", "[1]\n", "line 1"),
        ("captions.json", '{"a": 1}', "no captions as COCO"),
        ("captions.json", "", "no captions as COCO"),
        ("notes.md", "x", "no picture with a caption"),
    ],
)
def test_broken_lists(folder, name, text, words):
    (folder / name).write_text(text)
    with pytest.raises(UserError, match=words):
        open_captions(folder)


def test_nowhere():
    with pytest.raises(UserError, match="was not found"):
        open_captions("/no/such/folder")
    with pytest.raises(UserError, match="No data set"):
        located(" ")


def test_parts_are_drawn_by_the_seed_where_the_data_says_nothing(folder):
    (folder / "captions.csv").write_text("file,caption\na.png,x\nb.png,y\nc.png,z\n")
    result = open_captions(folder)
    first, again, other = (with_split(result, 1 / 3, 1 / 3, seed) for seed in (1, 1, 2))
    assert [i.part for i in first.items] == [i.part for i in again.items]
    assert sorted(item.part for item in first.items) == ["test", "train", "validation"]
    assert len({tuple(i.part for i in with_split(result, 1 / 3, 1 / 3, s).items) for s in range(9)}) > 1
    assert len(other.items) == 3


def test_questions_are_in_other_words_than_the_name():
    item = Item(None, ("pirate flag",), ("Pirate Flag", "skull", "banner", "jolly", "roger"))
    assert item.sentences == ("pirate flag", "skull banner jolly", "roger")
    assert item.question == "skull banner jolly"
    assert Item(None, ("alone",)).question == "alone"


def test_the_samples_are_whole():
    emoji = open_captions(emoji_folder())
    assert len(emoji.items) == 1644
    assert not emoji.skipped
    parts = [len(emoji.part(name)) for name in ("train", "validation", "test")]
    assert parts == [1183, 132, 329]
    variants = {item.path.stem.split("_")[1]: item.part for item in emoji.items}
    for item in emoji.items:  # a woman doing it is never in another part than a person doing it
        base = item.path.stem.split("_")[1]
        if item.path.stem.endswith(("_2640", "_2642")) and base not in ("u1f468", "u1f469"):
            assert variants[base] == item.part
    photos = open_captions(photos_folder())
    assert len(photos.items) == 24
    assert all(len(item.captions) == 5 and "http" in item.attribution for item in photos.items)


# Features of others


def arrays(count=6, dim=8, classes=24, seed=0):
    random = np.random.default_rng(seed)
    return {
        "image": random.normal(size=(count, dim)).astype(np.float32),
        "text": random.normal(size=(count, dim)).astype(np.float32),
        "label": (random.random((count, classes)) < 0.3).astype(np.int64),
    }


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_published_pickles(tmp_path, protocol):
    """As MIRFlickr's: a dict of arrays a part, written by any version of Python."""
    for seed, part in enumerate(("train", "query", "retrieval")):
        values = arrays(seed=seed) | {"names": ["a", "b"], "mean": np.float32(0.5), "count": 3}
        (tmp_path / f"mirflickr_{part}.pkl").write_bytes(pickle.dumps(values, protocol))
    assert is_features(tmp_path)
    features = read_features(tmp_path)
    assert set(features.parts) == {"train", "query", "retrieval"}
    np.testing.assert_array_equal(features.parts["query"].images, arrays(seed=1)["image"])
    assert features.parts["train"].labels.shape == (6, 24)
    assert features.parts["train"].labels.dtype == bool


def test_all_parts_in_one_pickle(tmp_path):
    whole = {part: arrays(seed=seed) for seed, part in enumerate(("train", "query", "retrieval"))}
    (tmp_path / "mirflickr25k.pkl").write_bytes(pickle.dumps(whole, 4))
    features = read_features(tmp_path / "mirflickr25k.pkl")
    np.testing.assert_array_equal(features.parts["retrieval"].texts, arrays(seed=2)["text"])


def test_lists_and_class_numbers(tmp_path):
    values = {
        "image": arrays()["image"].tolist(),
        "text": arrays()["text"].tolist(),
        "label": [0, 0, 2, 1, 2, 0],
    }
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(values))
    assert read_features(tmp_path / "x.pkl").parts["train"].labels.sum(1).tolist() == [1] * 6


class Malicious:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_a_pickle_that_would_run_a_command_does_not(tmp_path, protocol):
    import os

    trap = tmp_path / "trap"
    for number, (function, arguments) in enumerate(
        [
            (os.system, (f"touch {trap}",)),
            (eval, (f"open({str(trap)!r}, 'w')",)),
            (getattr, ("text", "upper")),
            (np.load, (str(trap),)),
            (bytearray, (10**9,)),
        ]
    ):
        values = {**arrays(), "note": Malicious(function, *arguments)}
        path = tmp_path / f"{number}.pkl"
        path.write_bytes(pickle.dumps(values, protocol))
        with pytest.raises(UserError) as caught:
            unpickle.read(path)
        assert "run code" in str(caught.value)
        assert function.__name__ in str(caught.value), "it says what was asked for"
    assert not trap.exists()


def test_damaged_pickles(tmp_path):
    whole = pickle.dumps(arrays())
    path = tmp_path / "x.pkl"
    for cut in (1, 10, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:cut])
        with pytest.raises(UserError, match="cannot be read"):
            unpickle.read(path)
    random = np.random.default_rng(0)
    for _ in range(200):  # damage anywhere: never code, never another error
        spoiled = bytearray(whole)
        for place in random.integers(0, 200, 3):
            spoiled[place] = random.integers(0, 256)
        path.write_bytes(bytes(spoiled))
        try:
            unpickle.read(path)
        except UserError:
            continue


@pytest.mark.parametrize("kind", ["npz", "safetensors"])
def test_other_containers(tmp_path, kind):
    flat = {f"{part}_{name}": value for part in ("train", "query") for name, value in arrays().items()}
    path = tmp_path / f"x.{kind}"
    if kind == "npz":
        np.savez(path, **flat)
    else:
        save_file(flat, path)
    features = read_features(path)
    assert set(features.parts) == {"train", "query"}
    np.testing.assert_array_equal(features.parts["train"].texts, arrays()["text"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda v: v.pop("text"), "should hold image, text and label"),
        (lambda v: v.update(text=v["text"][:3]), "one row a pair"),
        (lambda v: v.update(text=v["text"][:, :3]), "different lengths"),
        (lambda v: v.update(image=v["image"] * np.nan), "not finite"),
        (lambda v: v.clear(), "no names with arrays"),
    ],
)
def test_features_that_cannot_be_used(tmp_path, change, words):
    values = arrays()
    change(values)
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(values))
    with pytest.raises(UserError, match=words):
        read_features(tmp_path / "x.pkl")


def test_features_are_extracted_once(folder, tiny_clip, tmp_path):
    (folder / "captions.csv").write_text(
        "file,caption,labels\na.png,red cat || cat,x\nb.png,dog,y\nc.png,red circle,x\n"
    )
    Image.new("RGB", (8, 8), "blue").save(folder / "b.png")
    (folder / "c.png").write_bytes(b"broken")
    encoder, calls = DualEncoder.load(tiny_clip), []
    cache = FeatureCache(tmp_path / "cache")
    result = with_split(open_captions(folder), 0, 0, 1)
    first = extract(result, encoder, cache, Progress())
    assert len(first.skipped) == 1
    train = first.parts["train"]
    assert train.images.shape == (2, 24)
    assert train.owners.tolist() == [0, 0, 1]
    np.testing.assert_allclose(train.texts[2], encoder.texts(["dog"])[0], atol=1e-6)
    looked, read = encoder.pixels, encoder.texts
    encoder.pixels = lambda given: calls.append(len(given)) or looked(given)
    encoder.texts = lambda given: calls.append(len(given)) or read(given)
    again = extract(result, encoder, cache, Progress())
    assert calls == []
    np.testing.assert_array_equal(again.parts["train"].images, train.images)
    Image.new("RGB", (8, 8), "green").save(folder / "a.png")
    extract(result, encoder, cache, Progress())
    assert calls == [1], "only what changed"
    cache.close()
