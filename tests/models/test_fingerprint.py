"""What was learned from is known again by content, under any name and in any order."""

import shutil

import numpy as np
import pytest

from models.errors import UserError
from models.fingerprint import (
    Fingerprint,
    Learned,
    Used,
    of_array,
    of_file,
    of_span,
    packed,
    recorded,
    unpacked,
)


def test_a_file_is_known_by_its_content(tmp_path):
    path = tmp_path / "one.bin"
    random = np.random.default_rng(1)
    for size in (0, 5, 16_384, 65_536, 65_537, 1_000_000):
        content = bytearray(random.bytes(size))
        path.write_bytes(content)
        first = of_file(path)
        assert of_file(shutil.copy(path, tmp_path / "other name")) == first
        path.write_bytes(content + b"x")
        assert of_file(path) != first
        if size:
            for place in (0, size - 1):
                content[place] ^= 1
                path.write_bytes(content)
                assert of_file(path) != first, (size, place)
                content[place] ^= 1
    with pytest.raises(UserError, match="cannot be read"):
        of_file(tmp_path / "missing")


def test_stretches_and_arrays():
    assert of_span("a" * 12) == "a" * 12
    assert len({of_span("a" * 12, *span) for span in ((0, None), (0, 1.0), (1.0, None), (1.0, 2.0))}) == 4
    values = np.arange(12, dtype=np.float32).reshape(3, 4)
    assert of_array(values) == of_array(np.asfortranarray(values))
    assert len({of_array(item) for item in (values, values.T, values.astype(np.float64), values + 1)}) == 4


def test_what_was_seen_in_training():
    items = [f"{number:012x}" for number in range(10)]
    parts = {
        "train": Used(items[:5], ["anna", "ben"]),
        "validation": Used(items[5:7], ["cleo"]),
        "test": Used(items[7:], ["dora"]),
    }
    learned = Learned.of(recorded({"epochs": 3}, parts))
    seen = learned.seen(Used([items[8], items[2], items[6]], ["dora", "cleo"]))
    assert seen.items.tolist() == [False, True, True]
    assert seen.groups == ("cleo",)
    assert seen.anything
    assert not learned.seen(parts["test"]).anything
    assert learned.seen(parts["validation"], parts=("train",)).anything is False


def test_what_a_checkpoint_tells_may_be_anything():
    assert Learned.of({}) is None
    for damaged in ("not base64!", "AAAA", 3, None, [1], "ä"):
        assert Learned.of({"items": {"train": damaged}}) is None
    assert Learned.of({"groups": {"train": "anna", "test": ["ben"]}}).groups == {"test": frozenset({"ben"})}
    assert unpacked(packed(["00ff00ff00ff", "000000000001", "00ff00ff00ff"])) == [
        "000000000001",
        "00ff00ff00ff",
    ]


def test_a_fingerprint_differs_by_what_differs():
    parts = {"train": Used(["0" * 12, "1" * 12], ["a"]), "test": Used(["2" * 12], ["b"])}
    recipe = {"epochs": 3, "notes": "", "data": {"path": "/here", "window": 4}}
    kept = Fingerprint.of(recipe, parts)
    assert kept.differs(kept.plain()) == []
    assert Fingerprint.of({**recipe, "notes": "x", "data": {"path": "/there", "window": 4}}, parts) == kept
    assert Fingerprint.of({**recipe, "epochs": 4}, parts).differs(kept.plain()) == ["recipe"]
    moved = {"train": Used(["0" * 12], ["a"]), "test": Used(["1" * 12, "2" * 12], ["b"])}
    assert Fingerprint.of(recipe, moved).differs(kept.plain()) == ["split"]
    other = {**parts, "train": Used(["0" * 12, "3" * 12], ["a"])}
    assert Fingerprint.of(recipe, other).differs(kept.plain()) == ["data", "split"]
    assert kept.differs("nonsense") == ["data", "split", "groups", "recipe", "code"]
