"""Pickles of arrays from the net: forged ones lay nothing over foreign memory, grow to no size, call nothing."""

import contextlib
import pickle

import numpy as np
import pytest

from models.errors import UserError
from models.search import unpickle
from models.search.features import read_features


class Call:
    """Pickled as a call."""

    def __init__(self, function, *arguments, state=None):
        self.reduced = (function, arguments) if state is None else (function, arguments, state)

    def __reduce__(self):
        return self.reduced


def forged(path, value, protocol=2):
    path.write_bytes(pickle.dumps(value, protocol))
    return path


@pytest.mark.parametrize(
    "value",
    [
        Call(np.ndarray, (2,), np.dtype("O"), b"\x41" * 16),
        Call(np.ndarray, (1 << 20,), np.dtype("f8")),
        Call(
            np.dtype,
            "f8",
            False,
            True,
            state=(3, "<", None, ("a",), {"a": (np.dtype("f8"), 1 << 30)}, 8, 8, 0),
        ),
        Call(np.dtype, "V8", False, True, state=(3, "|", (np.dtype("f8"), (1 << 30,)), None, None, 8, 8, 0)),
        Call(np.dtype, "O8", False, True, state=(3, "|", None, None, None, -1, -1, 63)),
        Call(np.dtype, [("a", "f8")]),
        Call(np.dtype, "U99999999"),
        Call(
            np._core.multiarray._reconstruct,
            np.ndarray,
            (0,),
            b"b",
            state=(1, (1 << 40,), np.dtype("f8"), False, b""),
        ),
        Call(
            np._core.multiarray._reconstruct,
            np.ndarray,
            (0,),
            b"b",
            state=(1, (4,), np.dtype("f8"), False, b"\0" * 8),
        ),
        Call(
            np._core.multiarray._reconstruct,
            np.ndarray,
            (0,),
            b"b",
            state=(1, (2,), np.dtype("O"), False, b"\0" * 16),
        ),
        Call(
            np._core.multiarray._reconstruct,
            np.ndarray,
            (0,),
            b"b",
            state=(1, (-2,), np.dtype("f8"), False, b"\0" * 16),
        ),
        Call(np._core.multiarray.scalar, np.dtype("O"), b"\x41" * 8),
        Call(np._core.multiarray.scalar, np.dtype("f8"), b"\x41"),
        Call(np._core.numeric._frombuffer, b"\0" * 8, np.dtype("f8"), (1 << 30,), "C"),
        {(1, 2): 3},
        {frozenset([1]): 2},
        np.ndarray,
        np.dtype("f8"),
    ],
)
def test_what_is_forged_is_refused(tmp_path, value):
    for protocol in (2, 4):
        path = forged(tmp_path / "a.pkl", {"image": value}, protocol)
        with pytest.raises(UserError):
            unpickle.read(path)


def test_tuples_in_tuples_are_not_unfolded(tmp_path):
    """Each holds the one before twice: hashing or copying them would take 2⁶⁰ steps."""
    program = b"\x80\x02)q\x00" + b"".join(
        b"h%c\x86q%c" % (n, n + 1) if n == 0 else b"h%ch%c\x86q%c" % (n, n, n + 1) for n in range(1, 60)
    )
    (tmp_path / "a.pkl").write_bytes(b"\x80\x02}q\xff" + program[2:] + b"K\x01s.")
    with pytest.raises(UserError):
        unpickle.read(tmp_path / "a.pkl")


@pytest.mark.parametrize("place", [b"r\xff\xff\xff\x7f", b"p99999999999\n", b"j\xff\xff\xff\x7f"])
def test_no_memory_is_taken_for_places_that_are_named(tmp_path, place):
    (tmp_path / "a.pkl").write_bytes(b"\x80\x02}" + place + b".")
    refused = pytest.raises(UserError) if place[:1] == b"j" else contextlib.nullcontext()
    with refused:
        assert unpickle.read(tmp_path / "a.pkl") == {}


@pytest.mark.parametrize("protocol", range(6))
def test_what_numpy_writes_is_read(tmp_path, protocol):
    values = {
        "image": np.random.default_rng(0).normal(size=(3, 4)).astype("<f4"),
        "big": np.arange(4, dtype=">i2"),
        "label": np.asfortranarray(np.arange(6).reshape(2, 3)),
        "names": np.array(["a", "äöü"]),
        "mixed": np.array(["text", 1, None, np.ones(2)], object),
        "one": np.float32(0.5),
        "nothing": np.zeros((0, 3)),
        "list": [1, 2.5, "three", None, True, (4, 5), b"six"],
    }
    result = unpickle.read(forged(tmp_path / "a.pkl", values, protocol))
    for name in ("image", "big", "label", "names", "nothing"):
        np.testing.assert_array_equal(result[name], values[name])
        assert result[name].dtype == values[name].dtype
        assert result[name].flags.writeable
    assert result["one"] == 0.5
    assert result["list"] == values["list"]
    np.testing.assert_array_equal(result["mixed"][3], np.ones(2))


def test_what_can_be_imported_is_said(tmp_path):
    (tmp_path / "model.pth").write_bytes(b"anything")
    with pytest.raises(UserError, match=r"\.npz, \.pkl, \.safetensors"):
        read_features(tmp_path / "model.pth")


def test_a_class_number_is_the_same_class_in_every_part(tmp_path):
    features = {"image": np.ones((3, 2)), "text": np.ones((3, 2))}
    values = {
        "train": {**features, "label": np.array([0, 1, 2])},
        "query": {**features, "label": np.array([2, 2, 0])},
    }
    result = read_features(forged(tmp_path / "a.pkl", values))
    np.testing.assert_array_equal(result.parts["query"].labels, np.eye(3, dtype=bool)[[2, 2, 0]])
