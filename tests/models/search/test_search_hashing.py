"""Codes: identical alone, in a batch, in another order, in another process."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from models import checkpoint
from models.search import codes
from models.search.hashing import Projection, TrainedHasher


@pytest.fixture
def hasher(hash_model):
    return TrainedHasher(*checkpoint.load(hash_model, "search"))


def embeddings(count: int, dim: int = 24) -> np.ndarray:
    values = np.random.default_rng(5).normal(size=(count, dim)).astype(np.float32)
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def test_identical_bits(hasher):
    given = embeddings(500)
    whole = hasher.images(given)
    order = np.random.default_rng(0).permutation(len(given))
    np.testing.assert_array_equal(hasher.images(given[order]).codes, whole.codes[order])
    for i in (0, 1, 77, 499):
        np.testing.assert_array_equal(hasher.images(given[i : i + 1]).codes[0], whole.codes[i])
    np.testing.assert_array_equal(hasher.images(given[13:40]).codes, whole.codes[13:40])
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        np.testing.assert_array_equal(hasher.images(given).codes, whole.codes)
    finally:
        torch.set_num_threads(threads)


@pytest.mark.slow
def test_identical_bits_in_another_process(hasher, hash_model, tmp_path):
    given = embeddings(64)
    np.save(tmp_path / "given.npy", given)
    script = (
        "import sys, numpy as np\nfrom models import checkpoint\nfrom models.search.hashing import TrainedHasher\n"
        "hasher = TrainedHasher(*checkpoint.load(sys.argv[1], 'search'))\n"
        "given = np.load(sys.argv[2] + '/given.npy')\n"
        "np.save(sys.argv[2] + '/found.npy', np.concatenate([hasher.texts(given[i:i+3]).codes for i in range(0, 64, 3)]))\n"
    )
    subprocess.run([sys.executable, "-c", script, str(hash_model), str(tmp_path)], check=True, timeout=120)
    np.testing.assert_array_equal(np.load(tmp_path / "found.npy"), hasher.texts(given).codes)


def test_identity_follows_the_weights(hash_model, hasher):
    weights, info = checkpoint.load(hash_model, "search")
    assert TrainedHasher(weights, info).identity == hasher.identity
    weights["image_hash.last.bias"] = weights["image_hash.last.bias"] + 1
    assert TrainedHasher(weights, info).identity != hasher.identity


def test_half_precision_on_disk(hash_model):
    weights, info = checkpoint.load(hash_model, "search")
    halved = TrainedHasher({name: tensor.half() for name, tensor in weights.items()}, info)
    assert halved.images(embeddings(3)).codes.shape == (3, 4)


def test_nothing_gives_nothing(hasher):
    result = hasher.images(np.zeros((0, 24), np.float32))
    assert result.codes.shape == (0, 4)


def test_projections_estimate_angles():
    given = embeddings(200, 64)
    result = Projection(64, 1024).images(given)
    share = codes.distances(result.codes, result.codes) / 1024
    angle = np.arccos(np.clip(given @ given.T, -1, 1)) / np.pi
    assert np.abs(share - angle).max() < 0.09


def test_packing_round_trip():
    values = np.random.default_rng(0).normal(size=(5, 32))
    packed = codes.pack(values)
    np.testing.assert_array_equal(codes.unpack(packed), values > 0)
    expected = ((values > 0)[:, None] != (values > 0)[None]).sum(-1)
    np.testing.assert_array_equal(codes.distances(packed, packed), expected)
