"""Lists of captions as public data sets and downloads bring them; each picture is found, or it is said why not."""

import json

import pytest
from PIL import Image

from models.errors import UserError
from models.search.data import open_captions, with_split


@pytest.fixture
def folder(tmp_path):
    return pictures_in(tmp_path / "set")


def pictures_in(place, names=("a.jpg", "b.jpg", "c.jpg")):
    place.mkdir(parents=True)
    for number, name in enumerate(names):
        Image.new("RGB", (8, 8), (80 * number, 0, 0)).save(place / name)
    return place


def captions_of(result):
    return {item.path.name: item.captions for item in result.items}


def test_flickr_8k_as_downloaded(tmp_path):
    pictures_in(tmp_path / "Images")
    (tmp_path / "captions.txt").write_text(
        'image,caption\na.jpg,A dog runs .\na.jpg,"A dog , brown ."\nb.jpg,A cat\n'
    )
    expected = {"a.jpg": ("A dog runs .", "A dog , brown ."), "b.jpg": ("A cat",)}
    assert captions_of(open_captions(tmp_path)) == expected
    assert captions_of(open_captions(tmp_path / "captions.txt")) == expected


def test_flickr_30k_as_published(tmp_path):
    pictures_in(tmp_path / "flickr30k-images")
    tokens = "".join(
        f"{name}.jpg#{k}\tCaption {k} of {name} , with a comma\n" for name in "abc" for k in range(5)
    )
    (tmp_path / "results_20130124.token").write_text(tokens)
    result = open_captions(tmp_path)
    assert [len(item.captions) for item in result.items] == [5, 5, 5]
    assert result.items[1].captions[4] == "Caption 4 of b , with a comma"
    (tmp_path / "results_20130124.token").write_text(tokens + "no number\n")
    with pytest.raises(UserError, match="line 16"):
        open_captions(tmp_path)


def test_flickr_30k_with_bars(folder):
    (folder / "results.csv").write_text(
        "image_name| comment_number| comment\na.jpg| 0| A man , a dog\na.jpg| 1| Two\n"
    )
    assert captions_of(open_captions(folder)) == {"a.jpg": ("A man , a dog", "Two")}


def test_karpathys_splits(tmp_path):
    pictures_in(tmp_path / "val2014")
    images = [
        {
            "filepath": "val2014",
            "filename": f"{name}.jpg",
            "split": part,
            "sentences": [{"raw": f"{name} one"}, {"raw": "two"}],
        }
        for name, part in zip("abc", ("restval", "val", "test"), strict=True)
    ]
    (tmp_path / "dataset_coco.json").write_text(json.dumps({"images": images, "dataset": "coco"}))
    result = open_captions(tmp_path)
    assert captions_of(result)["b.jpg"] == ("b one", "two")
    assert [item.part for item in result.items] == ["train", "validation", "test"]


def test_coco_as_unpacked(tmp_path):
    for part in ("train2017", "val2017"):
        pictures_in(tmp_path / part, [f"{part}.jpg"])
        coco = {
            "images": [{"id": 1, "file_name": f"{part}.jpg"}],
            "annotations": [{"image_id": 1, "caption": f"Of {part}."}],
        }
        (tmp_path / "annotations").mkdir(exist_ok=True)
        (tmp_path / "annotations" / f"captions_{part}.json").write_text(json.dumps(coco))
    result = open_captions(tmp_path / "annotations")
    assert captions_of(result) == {"train2017.jpg": ("Of train2017.",), "val2017.jpg": ("Of val2017.",)}
    assert [item.part for item in result.items] == ["train", "validation"]


def test_a_downloads_notes_beside_pictures_are_no_list(folder):
    for name in "ab":
        (folder / f"{name}.txt").write_text(f"caption of {name}")
        (folder / f"{name}.json").write_text(json.dumps({"caption": "x", "url": "y", "status": "success"}))
    (folder / "00000_stats.json").write_text('{"count": 3}')
    result = open_captions(folder)
    assert captions_of(result) == {"a.jpg": ("caption of a",), "b.jpg": ("caption of b",)}
    assert ("00000_stats.json", "it is no list of captions") in result.skipped


def test_of_several_lists_the_parts_are_taken_or_the_others_are_said(folder):
    (folder / "train.csv").write_text("file,caption\na.jpg,x\nb.jpg,y\n")
    (folder / "test.csv").write_text("file,caption\nc.jpg,z\n")
    assert {item.path.name: item.part for item in open_captions(folder).items} == {
        "a.jpg": "train",
        "b.jpg": "train",
        "c.jpg": "test",
    }
    (folder / "captions.csv").write_text("file,caption\na.jpg,x\n")
    (folder / "metadata.jsonl").write_text('{"file_name": "b.jpg", "text": "y"}\n')
    assert ("metadata.jsonl", "the captions of captions.csv were taken") in open_captions(folder).skipped


def test_a_part_that_is_not_known_is_not_trained_on(folder):
    (folder / "captions.csv").write_text("file,caption,split\na.jpg,x,trian\nb.jpg,y,test\n")
    result = open_captions(folder)
    assert result.unknown_parts == ("trian",)
    with pytest.raises(UserError, match="not known"):
        with_split(result, 0.1, 0.1, 0)


def test_names_of_other_machines(folder):
    (folder / "captions.csv").write_text("file,caption\nC:\\x\\A.JPG,x\n./b.jpg,y\nb.jpg,z\n")
    assert captions_of(open_captions(folder)) == {"a.jpg": ("x",), "b.jpg": ("y", "z")}
    (folder / "captions.csv").write_text("file,caption\none/a.jpg,x\ntwo/a.jpg,y\n")
    result = open_captions(folder)
    assert captions_of(result) == {"a.jpg": ("x",)}
    assert result.skipped == (("two/a.jpg", "it would be the same picture as one/a.jpg"),)


def test_why_there_is_none(folder):
    (folder / "captions.csv").write_text("file,caption\na.jpg,\nb.jpg,\n")
    with pytest.raises(UserError, match=r"2 pictures are named; of the first, a\.jpg: it has no caption"):
        open_captions(folder)
